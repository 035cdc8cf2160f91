"""A message as scanners see it: its content in chunks, its header within bounds, and where it came from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from ...model.envelope import Envelope

CHUNK = 65_536
MAX_HEADER = 327_680
"""More than reception takes for a header, with what it puts on top."""
MAX_FIELDS = 2000


class FileBody(Protocol):
    """Content that stands in a file (the store's BodyFile)."""

    @property
    def path(self) -> Path: ...
    @property
    def size(self) -> int: ...


@dataclass(frozen=True)
class HeaderField:
    """One field as it stands in the message. ``raw`` holds the whole field with its line ends."""

    name: str
    raw: bytes

    @property
    def value(self) -> str:
        """Unfolded, without the name; octets outside ASCII as they decode from UTF-8."""
        body = self.raw.partition(b":")[2].decode("utf-8", "replace")
        return " ".join(body.split())


@dataclass
class Specimen:
    """One message on inspection. ``content`` has CRLF line ends and no dot-stuffing."""

    envelope: Envelope
    content: bytes | FileBody
    head: bytes = b""
    """At least the header, where the content is a file; filled by ``load``."""
    _fields: list[HeaderField] = field(default_factory=list, init=False)

    @property
    def size(self) -> int:
        return len(self.content) if isinstance(self.content, bytes) else self.content.size

    async def load(self) -> None:
        """Read the header of a large message off the loop. Call once before the sources run."""
        if isinstance(self.content, bytes):
            self.head = self.content[:MAX_HEADER]
        else:
            self.head = await asyncio.to_thread(_read, self.content.path, MAX_HEADER)

    async def first(self, limit: int) -> bytes:
        """At most ``limit`` octets from the beginning."""
        if isinstance(self.content, bytes):
            return self.content[:limit]
        return await asyncio.to_thread(_read, self.content.path, limit)

    async def chunks(self) -> AsyncGenerator[bytes]:
        """All of the content, without holding more than a chunk of a large one."""
        if isinstance(self.content, bytes):
            view = memoryview(self.content)
            for start in range(0, len(view), CHUNK):
                yield bytes(view[start : start + CHUNK])
            return
        handle = await asyncio.to_thread(self.content.path.open, "rb")
        try:
            while chunk := await asyncio.to_thread(handle.read, CHUNK):
                yield chunk
        finally:
            handle.close()

    def blocking_chunks(self) -> Iterator[bytes]:
        """As ``chunks``, for threads."""
        if isinstance(self.content, bytes):
            for start in range(0, len(self.content), CHUNK):
                yield self.content[start : start + CHUNK]
            return
        with self.content.path.open("rb", buffering=0) as handle:
            while chunk := handle.read(CHUNK):
                yield chunk

    @cached_property
    def fields(self) -> tuple[HeaderField, ...]:
        return tuple(parse_header(self.head))

    def values(self, name: str) -> list[str]:
        lowered = name.lower()
        return [item.value for item in self.fields if item.name == lowered]


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as handle:
        return handle.read(limit)


def header_end(content: bytes) -> int:
    """Where the header ends: the index behind its last line's CRLF; all of it when there is no body."""
    if content.startswith(b"\r\n"):
        return 0
    found = content.find(b"\r\n\r\n")
    return len(content) if found < 0 else found + 2


def parse_header(content: bytes) -> list[HeaderField]:
    """The fields of the header, at most ``MAX_FIELDS``; names in lower case. Lines that are no field are left out."""
    found: list[HeaderField] = []
    lines: list[bytes] = []

    def flush() -> None:
        if lines:
            name, colon, _ = lines[0].partition(b":")
            name = name.rstrip(b" \t")
            if colon and name.isascii() and b" " not in name:
                found.append(HeaderField(name.decode("ascii").lower(), b"".join(lines)))

    for line in content[: header_end(content)].splitlines(keepends=True):
        if line[:1] in (b" ", b"\t") and lines:
            lines.append(line)
            continue
        flush()
        lines = [line]
        if len(found) >= MAX_FIELDS:
            return found
    flush()
    return found
