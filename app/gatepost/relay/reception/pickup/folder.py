"""The folder itself. Every call blocks; nothing here follows a link, and only regular files are read.

Files are opened and removed relative to the opened folder where the system can do that, so that a folder that is swapped
meanwhile leads nowhere else.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SUFFIX = ".eml"
LISTED = 10_000
"""Files looked at in one go."""
_BINARY = getattr(os, "O_BINARY", 0)
_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | _BINARY
_HAS_DIR_FD = os.open in os.supports_dir_fd and os.unlink in os.supports_dir_fd


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it was found. Two alike are the same file, unchanged."""

    name: str
    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int
    """Unlike the time of modification nobody can set it: a copy of a template in a reused inode is not the one before."""

    @property
    def key(self) -> str:
        return f"{self.device}:{self.inode}:{self.size}:{self.modified_ns}:{self.changed_ns}"


class Changed(Exception):
    """The file is not the one that was seen."""


class Unusable(Exception):
    """The file cannot be sent; the words are for whoever put it there."""


def _is_mounted_read_only(path: Path) -> bool:
    """By its disk, or for this process alone, as a service's unit does it. Raises OSError."""
    return os.name == "posix" and bool(os.statvfs(path).f_flag & os.ST_RDONLY)


class Folder:
    def __init__(self, path: str, rejected: str, *, allow_shared: bool) -> None:
        self.path = Path(path)
        self.rejected = Path(rejected)
        self._allow_shared = allow_shared

    def trouble(self) -> str:
        """Why this folder is not used; empty when it is fine."""
        try:
            found = self.path.lstat()
            can_only_be_read = stat.S_ISDIR(found.st_mode) and _is_mounted_read_only(self.path)
        except OSError as error:
            return f"It cannot be looked at: {error.strerror or error}."
        if stat.S_ISLNK(found.st_mode):
            return "It is a link: name the folder that it leads to."
        if not stat.S_ISDIR(found.st_mode):
            return "It is no folder."
        if os.name == "posix" and found.st_mode & stat.S_IWOTH and not self._allow_shared:
            return "Everybody on this computer may put files into it, and so send mail. Narrow its permissions, or allow it."
        if can_only_be_read:
            return "It can only be read: its disk is mounted so, or the service's unit has no ReadWritePaths= for it."
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
        """Delete exactly this file; one that took its place, or was written over it, stays. Raises OSError."""
        with self._opened() as folder:
            try:
                found = os.stat(self._target(file.name), follow_symlinks=False, **folder)
                if _seen(file.name, found) == file:
                    os.unlink(self._target(file.name), **folder)
            except FileNotFoundError:
                return

    def reject(self, file: Seen, reason: str) -> Path:
        """Move it to the folder for what cannot be sent, its reason beside it. Raises Changed, or OSError.

        Whoever may write to the pickup folder may put links into that folder: none is followed.
        """
        self.rejected.mkdir(mode=0o700, exist_ok=True)
        if self.rejected.is_symlink():
            raise OSError(0, "the folder for what cannot be sent is a link", str(self.rejected))
        stem = file.name[: -len(SUFFIX)][:180] or "message"
        with self._opened() as source, _Opened(self.rejected) as target:
            found = os.stat(self._target(file.name), follow_symlinks=False, **source)
            if _seen(file.name, found) != file:
                raise Changed
            name = self._reserve(stem, f"{file.name} was not sent: {reason}.\n".encode(), target)
            try:
                self._move(file, name, source, target)
            except BaseException:
                for suffix in (SUFFIX, ".txt"):
                    with contextlib.suppress(OSError):
                        os.unlink(self._rejected(name + suffix), **target)
                raise
        return self.rejected / f"{name}{SUFFIX}"

    def _reserve(self, stem: str, reason: bytes, target: dict[str, int]) -> str:
        """The first name that is free for both, with the reason written and the message's place kept."""
        for number in range(10_000):
            name = stem if number == 0 else f"{stem}-{number}"
            try:
                self._write(name + SUFFIX, b"", target)
            except FileExistsError:
                continue
            try:
                self._write(f"{name}.txt", reason, target)
            except FileExistsError:
                os.unlink(self._rejected(name + SUFFIX), **target)
                continue
            return name
        raise OSError(0, "there are too many files of this name", str(self.rejected))

    def _move(self, file: Seen, name: str, source: dict[str, int], target: dict[str, int]) -> None:
        place = self._rejected(name + SUFFIX)
        directories = {"src_dir_fd": source["dir_fd"], "dst_dir_fd": target["dir_fd"]} if source else {}
        try:
            os.replace(self._target(file.name), place, **directories)
        except OSError:  # another file system
            content = self.read(file, file.size)
            os.unlink(place, **target)
            self._write(name + SUFFIX, content, target)
            self.remove(file)

    def _write(self, name: str, content: bytes, target: dict[str, int]) -> None:
        """A new file in the folder for what cannot be sent. Raises FileExistsError where the name is taken, by a link too."""
        descriptor = os.open(self._rejected(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600, **target)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)

    def _rejected(self, name: str) -> str:
        return name if _HAS_DIR_FD else str(self.rejected / name)

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
    return Seen(name, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
