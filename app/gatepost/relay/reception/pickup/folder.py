"""The folder itself. Every call blocks; nothing here follows a link, and only regular files are read.

Files are opened and removed relative to the opened folder where the system can do that, so that a folder that is swapped
meanwhile leads nowhere else.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SUFFIX = ".eml"
LISTED = 10_000
"""Files looked at in one go."""
_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_HAS_DIR_FD = os.open in os.supports_dir_fd and os.unlink in os.supports_dir_fd


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it was found. Two alike are the same file, unchanged."""

    name: str
    device: int
    inode: int
    size: int
    modified_ns: int

    @property
    def key(self) -> str:
        return f"{self.device}:{self.inode}:{self.size}:{self.modified_ns}"


class Changed(Exception):
    """The file is not the one that was seen."""


class Unusable(Exception):
    """The file cannot be sent; the words are for whoever put it there."""


class Folder:
    def __init__(self, path: str, rejected: str, *, allow_shared: bool) -> None:
        self.path = Path(path)
        self.rejected = Path(rejected)
        self._allow_shared = allow_shared

    def trouble(self) -> str:
        """Why this folder is not used; empty when it is fine."""
        try:
            found = self.path.lstat()
        except OSError as error:
            return f"It cannot be looked at: {error.strerror or error}."
        if stat.S_ISLNK(found.st_mode):
            return "It is a link: name the folder that it leads to."
        if not stat.S_ISDIR(found.st_mode):
            return "It is no folder."
        if os.name == "posix" and found.st_mode & stat.S_IWOTH and not self._allow_shared:
            return "Everybody on this computer may put files into it, and so send mail. Narrow its permissions, or allow it."
        if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
            return "The relay's account may not read files there and delete them."
        return ""

    def look(self) -> list[Seen]:
        """Regular files ``*.eml``, the oldest first. Raises OSError."""
        return sorted(self._files(), key=lambda one: (one.modified_ns, one.name))

    def _files(self) -> Iterator[Seen]:
        with os.scandir(self.path) as entries:
            for number, entry in enumerate(entries):
                if number >= LISTED:
                    return
                if entry.name.lower().endswith(SUFFIX) and not entry.name.startswith("."):
                    try:
                        found = os.lstat(entry.path)
                    except FileNotFoundError:
                        continue
                    if stat.S_ISREG(found.st_mode):
                        yield _seen(entry.name, found)

    def read(self, file: Seen, limit: int) -> bytes:
        """The content of exactly this file. Raises Changed, or OSError. ``limit``: octets that are read at most, and one."""
        with self._opened() as folder:
            descriptor = os.open(self._target(file.name), _OPEN, **folder)
            try:
                found = os.fstat(descriptor)
                if not stat.S_ISREG(found.st_mode) or _seen(file.name, found) != file:
                    raise Changed
                parts: list[bytes] = []
                left = limit + 1
                while left > 0 and (part := os.read(descriptor, min(left, 1 << 20))):
                    parts.append(part)
                    left -= len(part)
                if _seen(file.name, os.fstat(descriptor)) != file:
                    raise Changed
                return b"".join(parts)
            finally:
                os.close(descriptor)

    def remove(self, file: Seen) -> None:
        """Delete exactly this file; one that took its place stays. Raises OSError."""
        with self._opened() as folder:
            try:
                found = os.stat(self._target(file.name), follow_symlinks=False, **folder)
                if (found.st_dev, found.st_ino) == (file.device, file.inode):
                    os.unlink(self._target(file.name), **folder)
            except FileNotFoundError:
                return

    def reject(self, file: Seen, reason: str) -> Path:
        """Move it to the folder for what cannot be sent, its reason beside it. Raises OSError."""
        self.rejected.mkdir(mode=0o700, exist_ok=True)
        if self.rejected.is_symlink():
            raise OSError(0, "the folder for what cannot be sent is a link", str(self.rejected))
        stem = file.name[: -len(SUFFIX)][:180] or "message"
        for number in range(10_000):
            target = self.rejected / (f"{stem}{SUFFIX}" if number == 0 else f"{stem}-{number}{SUFFIX}")
            try:
                os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            except FileExistsError:
                continue
            break
        else:
            raise OSError(0, "there are too many files of this name", str(self.rejected))
        target.with_suffix(".txt").write_text(f"{file.name} was not sent: {reason}.\n", encoding="utf-8")
        source = self.path / file.name
        found = source.lstat()
        if stat.S_ISLNK(found.st_mode) or (found.st_dev, found.st_ino) != (file.device, file.inode):
            raise Changed
        try:
            os.replace(source, target)
        except OSError:  # another file system
            shutil.copyfile(source, target, follow_symlinks=False)
            source.unlink()
        return target

    def _target(self, name: str) -> str:
        return name if _HAS_DIR_FD else str(self.path / name)

    def _opened(self) -> _Opened:
        return _Opened(self.path)


class _Opened:
    """The keyword arguments that make calls relative to the opened folder; none where that cannot be done."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> dict[str, int]:
        if not _HAS_DIR_FD:
            return {}
        self._descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        return {"dir_fd": self._descriptor}

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


def _seen(name: str, found: os.stat_result) -> Seen:
    return Seen(name, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
