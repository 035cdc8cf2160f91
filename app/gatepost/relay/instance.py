"""One relay for a data folder, and how clients find it.

An inter-process lock on the data folder decides who runs; the endpoint file in the runtime folder tells clients the
control socket, the process and the versions.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import IO, Any

from .. import __version__
from ..model.errors import Conflict, GatepostError
from ..model.locations import ENDPOINT, endpoint_file, runtime_folder

API_VERSION = 1
RENAMES_FOLDERS_IN_USE = sys.platform != "win32"
"""Windows renames no folder in which a file is open, and a lock is one."""


class AlreadyRunning(Conflict):
    code = "already-running"


class InstanceLock:
    """The exclusive right to a data folder. The system releases it when the process ends, however it ends."""

    def __init__(self, data_folder: Path) -> None:
        self._path = data_folder / "lock"
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Raises AlreadyRunning when another process holds the folder."""
        handle = self._path.open("a+", encoding="ascii")
        try:
            _lock_exclusively(handle)
        except OSError as error:
            handle.seek(0)
            holder = handle.read(32).strip()
            handle.close()
            raise AlreadyRunning(
                "A relay is already running on this data folder.",
                f"Process {holder} holds {self._path.parent}." if holder else f"It holds {self._path.parent}.",
                "Use “gatepost status” to see it, or choose another folder with --data.",
            ) from error
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        self._file = handle

    def let_rename(self) -> None:
        """To be called the moment before the folder is renamed. Where the lock would keep it from that, it is given up; a
        relay that claims the folder in between has files open in it, so that the renaming fails and nothing is lost."""
        if not RENAMES_FOLDERS_IN_USE:
            self.release()

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


if sys.platform == "win32":

    def _lock_exclusively(handle: IO[str]) -> None:
        import msvcrt

        handle.seek(0x7FFF0000)  # a byte that nobody reads: on Windows a locked byte cannot be read by others
        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)

else:

    def _lock_exclusively(handle: IO[str]) -> None:
        import fcntl

        fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def prepare_runtime_folder(data_folder: Path, named: Path | None = None, group: int | None = None) -> Path:
    """The runtime folder: ``named``, else the account's own for this data folder. 0700 and ours; with ``group``, a gid,
    0750 and that group's. Raises GatepostError when it belongs to somebody else."""
    folder = named or runtime_folder(data_folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if sys.platform != "win32":
        found = folder.lstat()
        if found.st_uid != os.geteuid():
            raise GatepostError(
                "The runtime folder belongs to another user.", str(folder), "Remove it, or set XDG_RUNTIME_DIR to your own."
            )
        if group is not None:
            give_to_group(folder, group)
        folder.chmod(0o700 if group is None else 0o750)
    return folder


def give_to_group(path: Path, group: int) -> None:
    """Raises GatepostError when this account may not."""
    if sys.platform == "win32" or path.stat().st_gid == group:
        return
    try:
        os.chown(path, -1, group)
    except OSError as error:
        raise GatepostError(
            "The group cannot be given access.",
            f"{path}: {error.strerror}.",
            "The relay's account must be a member of the group of --access-group.",
        ) from error


def write_endpoint(data_folder: Path, socket: str, runtime: Path | None = None, group: int | None = None) -> Path:
    """Tell clients where the control API listens. Written whole or not at all. ``runtime`` and ``group`` as for
    ``prepare_runtime_folder``."""
    path = runtime / ENDPOINT if runtime is not None else endpoint_file(data_folder)
    content: dict[str, Any] = {
        "socket": socket,
        "pid": os.getpid(),
        "version": __version__,
        "api_version": API_VERSION,
        "started_at": time.time(),
        "data_folder": str(data_folder),
    }
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        json.dump(content, handle)
    if group is not None:
        give_to_group(temporary, group)
        temporary.chmod(0o640)
    temporary.replace(path)
    return path


def remove_endpoint(data_folder: Path, runtime: Path | None = None) -> None:
    with contextlib.suppress(FileNotFoundError):
        (runtime / ENDPOINT if runtime is not None else endpoint_file(data_folder)).unlink()
