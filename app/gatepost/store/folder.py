"""The data folder: what lies where, and that nobody else can read it."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

from .errors import StoreError

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600


class DataFolder:
    """Paths of everything that lasts. Creates the folders (0700) and sets the process's umask to 077.

    Raises StoreError when the folder cannot be made private to this account.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).expanduser().absolute()
        self.configuration = self.path / "configuration.sqlite"
        self.spool = self.path / "spool.sqlite"
        self.journal = self.path / "journal.sqlite"
        self.bodies = self.path / "bodies"
        self.damaged = self.path / "damaged"
        self.backups = self.path / "backups"
        self.logs = self.path / "logs"
        self.tls = self.path / "tls"
        self.lock = self.path / "lock"
        os.umask(0o077)
        try:
            for folder in (self.path, self.bodies, self.damaged, self.backups, self.logs, self.tls):
                folder.mkdir(mode=PRIVATE_FOLDER, parents=folder is self.path, exist_ok=True)
                _make_private(folder)
        except OSError as error:
            raise StoreError(
                "The data folder cannot be used.",
                f"{error.filename or self.path}: {error.strerror}",
                "Choose a folder that belongs to the account Gatepost runs under.",
            ) from error

    def new_damaged_folder(self, clock: Callable[[], float]) -> Path:
        return self._dated(self.damaged, clock)

    def new_backup(self, name: str, version: int, clock: Callable[[], float]) -> Path:
        """A path in ``backups/`` that does not exist yet."""
        stamp = _stamp(clock())
        for attempt in range(1000):
            suffix = f"-{attempt}" if attempt else ""
            path = self.backups / f"{name}-v{version}-{stamp}{suffix}.sqlite"
            if not path.exists():
                return path
        raise StoreError("The backup cannot be written.", f"{self.backups} is full of backups of this second.")

    @staticmethod
    def _dated(parent: Path, clock: Callable[[], float]) -> Path:
        stamp = _stamp(clock())
        for attempt in range(1000):
            path = parent / (f"{stamp}-{attempt}" if attempt else stamp)
            with contextlib.suppress(FileExistsError):
                path.mkdir(mode=PRIVATE_FOLDER)
                return path
        raise StoreError("The damaged file cannot be set aside.", f"{parent} is full of folders of this second.")


def flush_folder(path: Path) -> None:
    """Make new names in a folder survive a power cut. Windows flushes them with the file."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_private(folder: Path) -> None:
    if os.name == "nt":
        return
    found = folder.stat()
    if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(PRIVATE_FOLDER)
        found = folder.stat()
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise StoreError(
            "Others can read the data folder.",
            f"{folder} belongs to another account and is open to more than its owner.",
            "Give the folder to the account Gatepost runs under, with mode 0700.",
        )


def _stamp(at: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
