"""What a manager is asked for and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from ..model.errors import GatepostError, Unavailable

ACCOUNT = "gatepost"


class State(StrEnum):
    NOT_INSTALLED = "not-installed"
    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    FAILED = "failed"


class Outcome(StrEnum):
    INSTALLED = "installed"
    UPDATED = "updated"
    ALREADY_INSTALLED = "already-installed"
    REMOVED = "removed"
    NOT_INSTALLED = "not-installed"
    STARTED = "started"
    ALREADY_RUNNING = "already-running"
    STOPPED = "stopped"
    ALREADY_STOPPED = "already-stopped"


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """``detail``: the manager's own words. ``starts_at_boot`` None: not known."""

    state: State
    manager: str
    detail: str = ""
    pid: int = 0
    data_folder: str = ""
    starts_at_boot: bool | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """``notes``: what a person should know besides, a sentence each."""

    outcome: Outcome
    notes: tuple[str, ...] = ()


class NeedsRights(GatepostError):
    """This account may not; the hint is the line with which it would."""

    status = 403
    code = "needs-rights"


class NoManager(Unavailable):
    """The system's manager is not there, or failed."""

    code = "no-service-manager"


class Manager(Protocol):
    """Calls block. Each raises NeedsRights, NoManager or another GatepostError."""

    name: str
    data_folder: Path
    key_file: Path

    def status(self) -> ServiceReport: ...

    def install(self, program: tuple[str, ...], *, start: bool) -> Done:
        """``program``: what runs a Gatepost command, such as ``/usr/bin/gatepost-relay``."""

    def remove(self) -> Done:
        """The data folder stays."""

    def start(self) -> Done: ...

    def stop(self) -> Done: ...

    def owner(self) -> tuple[int, int]:
        """uid and gid of the service's account; (-1, -1) where the system has none."""

    def vault_key(self) -> Path:
        """A file with the key of the service's sealed vault, for the moment; the caller may read it as it is."""
