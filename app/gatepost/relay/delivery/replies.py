"""Reading SMTP replies (RFC 5321 §4.2) from a peer that may send anything: bounded in every direction."""

from __future__ import annotations

import re

from ...model.reply import Reply
from ..common.printable import printable
from ..common.quoting import QUOTED, Quotes

MAX_LINE = 8_192
"""Octets. RFC 5321 §4.5.3.1.5 says 512; some servers explain themselves at length."""
MAX_LINES = 256
MAX_REPLY = 65_536
"""Octets of one reply with all its lines."""
MAX_TEXT = 1_000
"""Characters of a reply's text that are kept."""

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: +|$)")
_CACHE_SIZE = 512
_CACHED_LINE = 80


class ReplyError(Exception):
    """What came is no SMTP reply, or too much of one. The message is fit for people and for one line."""


class ReplyReader:
    """Feed octets, get complete replies. Once ``error`` is set, the stream cannot be trusted any more.

    ``quotes``: of the secrets that the peer was sent; replies that quote one come without their words.
    """

    __slots__ = ("_cache", "_lines", "_quotes", "_size", "_tail", "error")

    def __init__(self, quotes: Quotes | None = None) -> None:
        self._quotes = quotes or Quotes()
        self.error: ReplyError | None = None
        self._tail = b""
        self._lines: list[bytes] = []
        self._size = 0
        # Most replies are the same few lines again and again.
        self._cache: dict[bytes, Reply] = {}

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that ``data`` completes, up to the first thing that is none (then ``error`` says what)."""
        found: list[Reply] = []
        if self.error is not None:
            return found
        if self._tail:
            data = self._tail + data
        lines = data.split(b"\n")
        self._tail = lines.pop()
        cache = self._cache
        try:
            for line in lines:
                reply = cache.get(line) if not self._lines else None
                if reply is None:
                    reply = self._add(line)
                    if reply is None:
                        continue
                found.append(reply)
            if len(self._tail) > MAX_LINE:
                raise ReplyError(f"a reply line is longer than {MAX_LINE} octets")
        except ReplyError as error:
            self.error = error
            self._tail = b""
            self._lines = []
        return found

    def _add(self, line: bytes) -> Reply | None:
        if len(line) > MAX_LINE:
            raise ReplyError(f"a reply line is longer than {MAX_LINE} octets")
        bare = line[:-1] if line.endswith(b"\r") else line
        code, separator = bare[:3], bare[3:4]
        if not (code.isdigit() and b"200" <= code <= b"599") or separator not in (b" ", b"-", b""):
            raise ReplyError(f"not an SMTP reply: “{QUOTED if self._quotes.are_in(bare) else printable(bare, 80)}”")
        if separator == b"-" or self._lines:
            if self._lines and self._lines[0][:3] != code:
                raise ReplyError("the lines of one reply carry different codes")
            self._lines.append(bare)
            self._size += len(bare)
            if len(self._lines) > MAX_LINES or self._size > MAX_REPLY:
                raise ReplyError(f"a reply is longer than {MAX_LINES} lines or {MAX_REPLY} octets")
            if separator == b"-":
                return None
            reply = _parsed(self._lines, self._quotes)
            self._lines = []
            self._size = 0
            return reply
        reply = _parsed([bare], self._quotes)
        if len(line) <= _CACHED_LINE:
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            self._cache[line] = reply
        return reply


def _parsed(lines: list[bytes], quotes: Quotes) -> Reply:
    code = int(lines[0][:3])
    return reply_from_text(code, b"\n".join(line[4:] for line in lines), quotes)


def reply_from_text(code: int, text: str | bytes, quotes: Quotes | None = None) -> Reply:
    """A reply from its code and its text without codes (lines joined by LF), made printable and bounded; without its words
    where it quotes a secret."""
    raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    enhanced = ""
    parts: list[str] = []
    length = 0
    for piece in raw.split(b"\n"):
        line = printable(piece.strip(), MAX_TEXT)
        if (match := _ENHANCED.match(line)) is not None and match[1][0] == str(code)[0]:
            enhanced = enhanced or match[1]
            line = line[match.end() :]
        parts.append(line)
        length += len(line) + 1
        if length > MAX_TEXT:
            break
    if quotes and quotes.are_in(raw):
        return Reply(code, enhanced, QUOTED)
    return Reply(code, enhanced, "\n".join(parts)[:MAX_TEXT])
