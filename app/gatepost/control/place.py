"""Where a relay is: a data folder of this account, the installed service, or another machine.

A front-end names a ``Place`` and gets a ``Client``; everything else is the same for all three.
"""

from __future__ import annotations

import getpass
import sys
from dataclasses import dataclass, field
from pathlib import Path

from ..model.errors import GatepostError, Unavailable
from ..model.locations import SERVICE_GROUP, runtime_folder, service_runtime_folder
from ..model.secret import Secret


class NotRunning(Unavailable):
    """No relay answers there."""

    code = "not-running"


class ServiceNotRunning(NotRunning):
    """The installed service does not run."""

    code = "service-not-running"


class OtherVersion(Unavailable):
    """The relay speaks another version of the API."""

    code = "other-version"


class NotAllowed(GatepostError):
    """This account, or this token, may not administer the relay."""

    status = 401
    code = "not-allowed"


@dataclass(frozen=True, slots=True)
class Local:
    """The relay of a data folder, under this account."""

    data_folder: Path

    @property
    def runtime(self) -> Path:
        return runtime_folder(self.data_folder)

    def not_running(self) -> NotRunning:
        return NotRunning(
            "The relay is not running.",
            f"No relay answers for {self.data_folder}.",
            "Start it with “gatepost relay”, or name its folder with --data.",
        )

    def not_allowed(self, path: Path, why: str) -> GatepostError:
        return GatepostError("This relay belongs to another account.", f"{path}: {why}", "Use its account, or root.")


@dataclass(frozen=True, slots=True)
class Service:
    """The service that is installed on this computer."""

    runtime: Path = field(default_factory=service_runtime_folder)

    def not_running(self) -> NotRunning:
        detail = f"Nothing answers in {self.runtime}."
        return ServiceNotRunning("The installed service is not running.", detail, start_hint())

    def not_allowed(self, _path: Path, _why: str) -> GatepostError:
        return NotAllowed(
            "You may not administer the installed service.",
            f"It answers to its own account, to root and to members of the group {SERVICE_GROUP}.",
            join_hint(SERVICE_GROUP),
        )


@dataclass(frozen=True, slots=True)
class Remote:
    """A relay on another machine. ``fingerprint``: SHA-256 of its certificate's DER form, 64 hexadecimal digits."""

    name: str
    host: str
    port: int
    fingerprint: str
    token: Secret

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


Place = Local | Service | Remote


def start_hint() -> str:
    return "Start it: gatepost service start" if sys.platform == "win32" else "Start it: sudo gatepost service start"


def join_hint(group: str) -> str:
    """The exact line with which this account gets in."""
    try:
        account = getpass.getuser()
    except (OSError, KeyError):  # no entry in the account database
        account = "NAME"
    if sys.platform == "darwin":
        return f"Join it: sudo dseditgroup -o edit -a {account} -t user {group}. Then sign in again."
    if sys.platform == "win32":
        return f"Join it in an administrator's terminal: net localgroup {group} {account} /add. Then sign in again."
    return f"Join it: sudo usermod -aG {group} {account}. Then sign in again."
