"""Message content as it goes over the wire after DATA: CRLF line ends only, dots stuffed (RFC 5321 §4.5.2)."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import BinaryIO

from ..common.line_ends import are_all_crlf
from .values import Content, FileContent

CHUNK = 131_072
"""Octets read from disk and written at once; bounds the memory that one large message takes."""
STREAMED_FROM = 524_288
"""Content of at least this many octets is prepared chunk by chunk off the loop, wherever it lies."""

_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")


class ContentUnreadable(Exception):
    """Our own copy of a message cannot be read, or is not as long as it was."""


def _repair(content: bytes) -> bytes:
    return _BARE.sub(lambda match: b"\r\n" if match[0] == b"\n" else b" ", content)


def _stuffed(content: bytes, at_line_start: bool) -> bytes:
    if b"." not in content:  # encoded attachments: most of what is large
        return content
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if at_line_start and stuffed.startswith(b".") else stuffed


def wire(content: bytes) -> bytes:
    """All of ``content``, stuffed, with its final dot.

    A bare LF becomes CRLF and a bare CR a space: reception refuses them, but whatever was let in never leaves as a
    line end that the next hop might read differently (SMTP smuggling).
    """
    if not are_all_crlf(content):
        content = _repair(content)
    stuffed = _stuffed(content, True)
    if stuffed.endswith(b"\r\n") or not stuffed:
        return stuffed + b".\r\n"
    return stuffed + b"\r\n.\r\n"


class WireReader:
    """The same as ``wire`` in chunks, for content that is too large to hold. Blocking: call it off the loop.

    ``read`` returns b"" after the last chunk; the final dot is not part of it, see ``ending``.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._file: BinaryIO | None = None
        self._carry = b""
        self._at_line_start = True
        self._seen = 0
        self._expected = content_size(content)
        self._is_checked = bool(getattr(content, "line_ends_checked", False))
        self._ended = False

    def read(self) -> bytes:
        """Raises ContentUnreadable."""
        try:
            while not self._ended:
                if self._file is None:
                    self._file = open_content(self._content)
                data = self._file.read(CHUNK)
                self._seen += len(data)
                if not data:
                    self._ended = True
                    self.close()
                    if self._seen != self._expected:
                        raise ContentUnreadable(f"{self._seen} octets found where {self._expected} were stored")
                if chunk := self._next(data):
                    return chunk
        except OSError as error:
            raise ContentUnreadable(error.strerror or str(error)) from error
        return b""

    @property
    def ending(self) -> bytes:
        """What follows the last chunk."""
        return b".\r\n" if self._at_line_start else b"\r\n.\r\n"

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _next(self, data: bytes) -> bytes:
        chunk = self._carry + data
        self._carry = b""
        if data and chunk.endswith(b"\r"):
            # Only the next octet tells whether this CR is bare.
            chunk, self._carry = chunk[:-1], b"\r"
        if not chunk:
            return b""
        if not (self._is_checked or are_all_crlf(chunk)):
            chunk = _repair(chunk)
        stuffed = _stuffed(chunk, self._at_line_start)
        self._at_line_start = stuffed.endswith(b"\r\n")
        return stuffed


def content_size(content: Content) -> int:
    return len(content) if isinstance(content, bytes) else content.size


def open_content(content: Content) -> BinaryIO:
    return io.BytesIO(content) if isinstance(content, bytes) else Path(content.path).open("rb")


def header_end(content: bytes) -> int:
    """Where the header ends; the length of ``content`` when it never does."""
    end = content.find(b"\r\n\r\n")
    return len(content) if end < 0 else end


def scan(content: FileContent | bytes) -> tuple[bool, bool]:
    """(any octet above 127, any of them in the header). Blocking for files: call it off the loop."""
    if isinstance(content, bytes):
        if content.isascii():
            return False, False
        return True, not content[: header_end(content)].isascii()
    with open_content(content) as file:
        first = file.read(CHUNK)
        in_header = not first[: header_end(first)].isascii()
        chunk = first
        while chunk:
            if not chunk.isascii():
                return True, in_header
            chunk = file.read(CHUNK)
    return False, False
