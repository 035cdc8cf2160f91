"""Large contents in files of their own: streamed to the disk and back in chunks, off the loop.

A body is written under a temporary name, flushed, renamed and its folder flushed before its row is committed (RFC 5321
§4.2.5: 250 takes responsibility). Names are ours and never come from outside. What a crash leaves without a row is removed
at the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from .errors import SpoolFull, translated
from .folder import PRIVATE_FILE, flush_folder

log = logging.getLogger(__name__)

CHUNK = 131_072
"""Octets gathered before a write, and read at once."""
_THREADS = 4
_MAX_VECTORS = 512
_SUFFIX = ".body"
_PARTIAL = ".part"

T = TypeVar("T")
HasRoom = Callable[[int], bool]
"""Whether a body may grow by so many octets."""

_threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="gatepost-bodies")


def _unlimited(size: int) -> bool:
    return True


async def _off_loop(work: Callable[[], T]) -> T:
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work)
    except OSError as error:
        raise translated(error, "message body") from error


@dataclass(frozen=True, slots=True)
class BodyFile:
    """A finished body: on the disk, and never changed again."""

    path: Path
    size: int
    line_ends_checked: bool = field(default=False, compare=False)
    """Whoever wrote it in this process saw to it that every line ends with CRLF: nobody needs to look again."""

    @property
    def name(self) -> str:
        return self.path.name

    def read(self) -> bytes:
        """All of it at once. Blocking, and as large as the message: for small uses and tests."""
        return self.path.read_bytes()

    def discard(self) -> None:
        """Remove the file; blocking for the time of one unlink. Does nothing when it is gone, never raises."""
        _remove(self.path)

    async def read_start(self, limit: int) -> bytes:
        """The first ``limit`` octets."""

        def read() -> bytes:
            with self.path.open("rb", buffering=0) as file:
                return file.read(limit)

        return await _off_loop(read)

    async def chunks(self, size: int = CHUNK) -> AsyncIterator[bytes]:
        """The content from its start, in chunks. Close the iterator (``aclosing``) when leaving it early."""
        descriptor = await _off_loop(lambda: os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0)))
        try:
            while chunk := await _off_loop(lambda: os.read(descriptor, size)):
                yield chunk
        finally:
            os.close(descriptor)


class BodyWriter:
    """Writes one body. ``finish`` or ``discard`` ends it; both may be called when a task is being cancelled."""

    def __init__(self, path: Path, has_room: HasRoom) -> None:
        self._path = path
        self._has_room = has_room
        self._partial = path.with_suffix(_PARTIAL)
        self._descriptor = -1
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._closed = False
        self._busy: asyncio.Future[None] | None = None
        self.size = 0

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Take a chunk; goes to the disk when enough has gathered. Raises SpoolFull or StoreError."""
        if self._closed:
            raise RuntimeError("the body is finished or discarded")
        self._waiting.append(bytes(chunk))
        self._waiting_size += len(chunk)
        self.size += len(chunk)
        if self._waiting_size >= CHUNK or len(self._waiting) >= _MAX_VECTORS:
            await self._flush()

    async def finish(self, *, line_ends_checked: bool = False) -> BodyFile:
        """Flush to stable storage under the final name."""
        if self._closed:
            raise RuntimeError("the body is finished or discarded")
        await self._flush()
        self._closed = True
        try:
            await self._run(self._settle)
        except BaseException:
            self._remove()
            raise
        return BodyFile(self._path, self.size, line_ends_checked)

    def discard(self) -> None:
        """Leave nothing behind. Never waits, never raises; safe after ``finish`` failed, and when called twice."""
        if self._closed and self._descriptor < 0 and not self._partial.exists():
            return
        self._closed = True
        self._waiting = []
        self._remove()

    async def _flush(self) -> None:
        chunks, size = self._waiting, self._waiting_size
        self._waiting, self._waiting_size = [], 0
        if not self._has_room(size):
            raise SpoolFull("There is no room for the message body.", hint="Make room on the disk; Gatepost goes on by itself.")
        await self._run(lambda: self._append(chunks))

    async def _run(self, work: Callable[[], None]) -> None:
        # Kept apart from the waiting task: a cancelled session must not close the descriptor under a thread that writes.
        self._busy = asyncio.get_running_loop().run_in_executor(_threads, work)
        try:
            await asyncio.shield(self._busy)
        except OSError as error:
            raise translated(error, "message body") from error
        finally:
            if self._busy.done():
                self._busy = None

    def _append(self, chunks: list[bytes]) -> None:
        if self._descriptor < 0:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            self._descriptor = os.open(self._partial, flags, PRIVATE_FILE)
        _write_all(self._descriptor, chunks)

    def _settle(self) -> None:
        flush_file(self._descriptor)
        descriptor, self._descriptor = self._descriptor, -1
        os.close(descriptor)
        self._partial.rename(self._path)
        flush_folder(self._path.parent)

    def _remove(self) -> None:
        if self._busy is not None and not self._busy.done():
            self._busy.add_done_callback(self._remove_after)
        else:
            self._remove_now()

    def _remove_after(self, work: asyncio.Future[None]) -> None:
        if not work.cancelled() and (error := work.exception()) is not None:
            log.info("writing an abandoned body failed: %s", error)
        self._remove_now()

    def _remove_now(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):  # some file systems say only now that they could not write
                os.close(descriptor)
        for path in (self._partial, self._path):
            _remove(path)


class Bodies:
    """The ``bodies/`` folder. ``has_room`` is asked before each write: a client need not say how large its message is."""

    def __init__(self, folder: Path, has_room: HasRoom = _unlimited) -> None:
        self.folder = folder
        self._has_room = has_room
        self._stuck: set[str] = set()

    def open_body(self, *, makes_room: bool = False) -> BodyWriter:
        """Begin a body. No file exists before the first octets are written.

        ``makes_room``: it serves to send what is stored, so it may use room that new mail must leave.
        """
        return BodyWriter(self.folder / f"{secrets.token_hex(10)}{_SUFFIX}", _unlimited if makes_room else self._has_room)

    def at(self, name: str, size: int) -> BodyFile:
        """The body that a row names."""
        return BodyFile(self.folder / name, size)

    async def copy(self, body: BodyFile) -> BodyFile:
        """A second name for the same octets, for a second message (a forwarded copy)."""
        path = self.folder / f"{secrets.token_hex(10)}{_SUFFIX}"

        def link() -> None:
            os.link(body.path, path)
            try:
                flush_folder(self.folder)
            except OSError:
                _remove(path)
                raise

        await _off_loop(link)
        return BodyFile(path, body.size)

    def names(self) -> list[str]:
        """Every file in the folder, finished or not."""
        with os.scandir(self.folder) as entries:
            return [entry.name for entry in entries if entry.name.endswith((_SUFFIX, _PARTIAL))]

    def remove(self, names: list[str]) -> int:
        """Remove files by name; returns how many there were.

        What cannot be removed is logged once, and tried again when another can, or at the next start.
        """
        gone = sum(map(self._remove, names))
        if self._stuck and self._stuck.isdisjoint(names):
            gone += sum(map(self._remove, list(self._stuck)))
        return gone

    def _remove(self, name: str) -> bool:
        path, was_stuck = self.folder / name, name in self._stuck
        is_gone = _remove(path, logging.DEBUG if was_stuck else logging.WARNING)
        if is_gone or not os.path.lexists(path):
            self._stuck.discard(name)
        else:
            self._stuck.add(name)
        return is_gone


def _remove(path: Path, level: int = logging.WARNING) -> bool:
    """Whether it was there and is no more. What the disk does not let go is found without a row at the next start.

    ``level``: at which it is logged that it cannot be removed.
    """
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        log.log(level, "body %s cannot be removed: %s", path.name, error.strerror)
        return False
    return True


def flush_file(descriptor: int) -> None:
    """Data on stable storage; on macOS through the drive's own cache as well."""
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    elif hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
    else:
        os.fsync(descriptor)


def _write_all(descriptor: int, chunks: list[bytes]) -> None:
    if not hasattr(os, "writev"):
        chunks = [b"".join(chunks)]
    views = [memoryview(chunk) for chunk in chunks if chunk]
    while views:
        written = os.writev(descriptor, views) if hasattr(os, "writev") else os.write(descriptor, views[0])
        while views and written >= len(views[0]):
            written -= len(views.pop(0))
        if written:
            views[0] = views[0][written:]
