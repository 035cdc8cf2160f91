"""The hash of a message's body as DKIM canonicalises it (RFC 6376 §3.4.3, §3.4.4), fed in pieces.

Ours, because dkimpy wants the whole body at once, several times over, and its regular expression for blanks at line ends
takes time by the square of their number: a message of spaces would stop the process for hours.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_BLANKS = re.compile(rb"[ \t]{2,}|\t")
_BLOCK = 32_768


@dataclass(frozen=True, slots=True)
class Canonical:
    """How a body is canonicalised; ``limit``: only so many octets of the result count (the ``l=`` tag)."""

    is_relaxed: bool
    limit: int | None = None


class BodyHash:
    """Feed it the body in any pieces; they must hold no bare CR or LF."""

    def __init__(self, canonical: Canonical) -> None:
        self._is_relaxed = canonical.is_relaxed
        self._left = canonical.limit
        self._hash = hashlib.sha256()
        self._parts: list[bytes] = []
        self._owed = 0
        """Line ends that count only when something follows them."""
        self._is_empty = True

    def feed(self, chunk: bytes) -> None:
        end = chunk.rfind(b"\n") + 1
        if not end:
            self._parts.append(chunk)
            return
        lines = b"".join((*self._parts, chunk[:end]))
        self._parts = [chunk[end:]] if end < len(chunk) else []
        self._lines(lines)

    def digest(self) -> str:
        """Base64, as it stands in ``bh=``. Call once, at the end."""
        if rest := b"".join(self._parts):
            self._lines(rest + b"\r\n")
        if not self._is_empty or not self._is_relaxed:
            self._add(b"\r\n")  # an empty body counts as one line end where nothing is relaxed
        return base64.b64encode(self._hash.digest()).decode()

    def _lines(self, lines: bytes) -> None:
        if self._is_relaxed:
            lines = _BLANKS.sub(b" ", lines).replace(b" \r\n", b"\r\n")
        text = lines.rstrip(b"\r\n")
        if text:
            while self._owed:
                count = min(self._owed, _BLOCK)
                self._add(b"\r\n" * count)
                self._owed -= count
            self._add(text)
            self._is_empty = False
        self._owed += (len(lines) - len(text)) // 2

    def _add(self, octets: bytes) -> None:
        if self._left is not None:
            octets = octets[: self._left]
            self._left -= len(octets)
        self._hash.update(octets)


def body_hashes(chunks: Iterable[bytes], wanted: Sequence[Canonical]) -> dict[Canonical, str]:
    """The hash of the body of a message for each way of canonicalising it, in one pass over its octets.

    ``chunks`` begin with the message's header. Blocking.
    """
    hashes = {canonical: BodyHash(canonical) for canonical in wanted}
    for chunk in _body_of(chunks):
        for body_hash in hashes.values():
            body_hash.feed(chunk)
    return {canonical: body_hash.digest() for canonical, body_hash in hashes.items()}


def _body_of(chunks: Iterable[bytes]) -> Iterable[bytes]:
    head: bytes | None = b""
    for chunk in chunks:
        if head is None:
            yield chunk
            continue
        head += chunk
        start = 2 if head.startswith(b"\r\n") else head.find(b"\r\n\r\n") + 4
        if start != 3:
            yield head[start:]
            head = None
