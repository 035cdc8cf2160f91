"""What message data may hold, judged while it comes: line ends, NUL, size, length of lines. One policy for DATA and BDAT."""

from __future__ import annotations

import re

from ...model.listener import LineEnds
from ...store.values import LARGE_BODY
from ..common.line_ends import are_all_crlf
from . import replies
from .replies import Refusal

MAX_LINE = 1_000_000
"""Octets in a line. RFC 5321 §4.5.3.1.6 asks for 1,000 at least; longer lines are common in machine-made HTML and may be
signed, so they are relayed as they are, never split."""
SPILL = 131_072
"""Octets that are gathered for one write once a content goes to a file: what a session holds of a large message."""
_MAX_SEGMENTS = 512
"""Pieces held apart; a client that sends an octet at a time must not cost an object for each."""
_BARE = re.compile(rb"\r\n|[\r\n\x00]")


def _repaired(match: re.Match[bytes]) -> bytes:
    found = match[0]
    return b"\r\n" if found.endswith(b"\n") else b" "


class IncomingContent:
    """Gathers one message's content and remembers the first thing wrong with it.

    Once refused, what still comes is only counted: the client is heard out and told at the end. Segments must not end
    within a CR LF (the readers see to that).
    """

    __slots__ = (
        "_limit",
        "_line",
        "_line_ends",
        "_segments",
        "_spill_at",
        "is_ascii",
        "received",
        "refusal",
        "repaired",
        "size",
    )

    def __init__(self, limit: int, line_ends: LineEnds) -> None:
        self._limit = limit
        self._line_ends = line_ends
        self._segments: list[bytes] = []
        self._spill_at = LARGE_BODY
        self._line = 0
        self.received = 0
        """Octets that came."""
        self.size = 0
        """Octets that are held and not yet taken."""
        self.is_ascii = True
        self.repaired = 0
        """Line ends and NULs that were put right."""
        self.refusal: Refusal | None = None

    def add(self, segment: bytes) -> None:
        length = len(segment)
        self.received += length
        if self.refusal is not None:
            return
        if self.received > self._limit:
            self.refuse(replies.TOO_LARGE)
            return
        if b"\x00" in segment or not are_all_crlf(segment):
            if self._line_ends is LineEnds.REFUSE:
                self.refuse(_first_fault(segment))
                return
            fixed = _BARE.sub(_repaired, segment)
            self.repaired += _count_bare(segment)
            segment, length = fixed, len(fixed)
        if self._line + length > MAX_LINE and self._has_long_line(segment):
            self.refuse(replies.LONG_LINE)
            return
        if self.is_ascii and not segment.isascii():
            self.is_ascii = False
        last = segment.rfind(b"\n")
        self._line = self._line + length if last < 0 else length - last - 1
        self.size += length
        self._segments.append(segment)
        if len(self._segments) > _MAX_SEGMENTS:
            self._segments = [b"".join(self._segments)]

    def _has_long_line(self, segment: bytes) -> bool:
        position = 0
        room = MAX_LINE - self._line
        while len(segment) - position > room:
            last = segment.rfind(b"\n", position, position + room + 2)
            if last < 0:
                return True
            position = last + 1
            room = MAX_LINE
        return False

    @property
    def is_large(self) -> bool:
        """Enough is held to go to a file."""
        return self.size >= self._spill_at

    @property
    def ends_line(self) -> bool:
        return self._line == 0

    def refuse(self, refusal: Refusal) -> None:
        """Keep nothing; the first refusal stands."""
        if self.refusal is None:
            self.refusal = refusal
        self._segments = []
        self.size = 0

    def peek(self) -> bytes:
        """What is held, left in place."""
        if len(self._segments) > 1:
            self._segments = [b"".join(self._segments)]
        return self._segments[0] if self._segments else b""

    def take(self) -> bytes:
        """What is held, handed over."""
        held = self.peek()
        self._segments = []
        self.size = 0
        self._spill_at = SPILL
        return held


def _first_fault(segment: bytes) -> Refusal:
    """Of a segment with NULs or bare line ends: the one that a client would be told of however its packets are cut."""
    first = next(found[0] for found in _BARE.finditer(segment) if found[0] != b"\r\n")
    return replies.NUL if first == b"\x00" else replies.BARE_LINE_END


def _count_bare(segment: bytes) -> int:
    return segment.count(b"\n") + segment.count(b"\r") - 2 * segment.count(b"\r\n") + segment.count(b"\x00")
