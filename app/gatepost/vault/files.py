"""Reading and replacing small files that matter: no links, no pipes, no half-written content."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path

_BINARY = getattr(os, "O_BINARY", 0)
READ = os.O_RDONLY | _BINARY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""O_NONBLOCK: opening a pipe that stands in the file's place must not hang."""
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY


def read_whole(path: Path, limit: int, judge: Callable[[os.stat_result], None]) -> bytes:
    """At most ``limit`` + 1 octets of a file that ``judge`` approved (it raises otherwise) after it was opened. OSError."""
    descriptor = os.open(path, READ)
    try:
        judge(os.fstat(descriptor))
        found = bytearray()
        while len(found) <= limit and (piece := os.read(descriptor, limit + 1 - len(found))):
            found += piece
        return bytes(found)
    finally:
        os.close(descriptor)


def create_durably(path: Path, content: bytes) -> None:
    """A new file, mode 0600, on disk when this returns; whoever looks meanwhile finds none or a whole one. Raises
    FileExistsError, OSError."""
    temporary = _beside(path)
    try:
        _write_new(temporary, content)
        _name(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    flush_folder(path.parent)


def replace_durably(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path``, mode 0600, so that after a crash the old content is there or the new one. OSError."""
    temporary = _beside(path)
    try:
        _write_new(temporary, content)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    flush_folder(path.parent)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, CREATE, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def _name(temporary: Path, path: Path) -> None:
    """Give a file its name unless something has it already. Raises FileExistsError, OSError."""
    if os.name == "nt":
        temporary.rename(path)  # where renaming writes over nothing
        return
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        temporary.rename(path)


def flush_folder(folder: Path) -> None:
    """Make a new name in ``folder`` survive a power cut. Windows has no such call and needs none."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
