"""How a move of a relay into the installed service is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from .locations import default_data_folder, default_vault_key_file


class Elevation(StrEnum):
    """How the half that belongs to the service gets its rights."""

    NONE = "none"
    SUDO = "sudo"
    PKEXEC = "pkexec"


@dataclass(frozen=True, slots=True)
class Target:
    """A service that another manager runs: its folder, the key of its sealed vault, its account. None of it: the installed
    service of this system."""

    data_folder: Path
    key_file: Path
    owner: str = ""


@dataclass(frozen=True, slots=True)
class GiveOptions:
    data_folder: Path = field(default_factory=default_data_folder)
    vault: str = "auto"
    vault_key_file: Path | None = field(default_factory=default_vault_key_file)
    replace: bool = False
    """Also when the service has a configuration or mail of its own; that is set aside."""
    target: Target | None = None
    elevation: Elevation = Elevation.NONE
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class ReceiveOptions:
    target: Target | None = None
