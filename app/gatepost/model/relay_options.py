"""How a relay process is started: what stands on its command line and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from .locations import default_data_folder, default_vault_key_file


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class RelayOptions:
    """Everything else is configuration and is edited through the control API while the relay runs."""

    data_folder: Path = field(default_factory=default_data_folder)
    vault: str = "auto"
    """``auto``, ``keyring`` or ``sealed``."""
    vault_key_file: Path | None = field(default_factory=default_vault_key_file)
    """The sealed vault's key; a systemd credential wins over it."""
    create_vault_key: bool = False
    """Make the key file when there is none. An existing one is never overwritten."""
    lifeline: bool = False
    """Standard input is a pipe to whoever started this relay: when it ends, finish what is held and exit."""
    log_level: LogLevel = LogLevel.INFO
    runtime_folder: Path | None = None
    """Where the control socket and the endpoint file lie; None: a folder of this account's for this data folder."""
    access_group: str = ""
    """Members of this group may administer the relay as well, beside its own account and root."""
    windows_service: bool = False
    """The process was started by Windows' Service Control Manager, and tells it how far it is."""
