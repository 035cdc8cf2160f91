"""What the header section says that reception must know: hops, loops, subject, Message-ID. Nothing is parsed twice."""

from __future__ import annotations

import binascii
import re
from typing import NamedTuple

from ..common.printable import printable

MAX_SUBJECT = 250
_MAX_RAW_FIELD = 2000
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_ENCODED_WORD = re.compile(r"=\?([A-Za-z0-9_*-]{1,40})\?([BbQq])\?([^?\s]{0,1500})\?=(\s+(?==\?))?")


class Head(NamedTuple):
    """``size``: octets up to and with the last field's line end; -1 while the end of the section was not seen."""

    size: int
    received: int
    own_passes: int
    subject: str
    message_id: str
    has_date: bool
    has_fields: bool


def examine(content: bytes, own_mark: bytes) -> Head:
    """``content`` from its beginning, as much as there is. ``own_mark`` (lower case) is how our own Received fields look."""
    if not _FIELD.match(content):
        return Head(0, 0, 0, "", "", False, False)
    end = content.find(b"\r\n\r\n")
    section = content if end < 0 else content[: end + 2]
    lowered = section.lower()
    received = lowered.count(b"\r\nreceived:") + lowered.startswith(b"received:")
    own = lowered.count(own_mark) if received else 0
    subject = _field(section, lowered, b"subject:")
    message_id = _field(section, lowered, b"message-id:")
    return Head(
        end if end < 0 else end + 2,
        received,
        own,
        decode_subject(subject) if subject else "",
        printable(message_id.strip(), 250) if message_id else "",
        b"\r\ndate:" in lowered or lowered.startswith(b"date:"),
        True,
    )


def _field(section: bytes, lowered: bytes, name: bytes) -> bytes:
    """The first field of that name, unfolded, at most a few lines of it."""
    if lowered.startswith(name):
        start = len(name)
    else:
        at = lowered.find(b"\r\n" + name)
        if at < 0:
            return b""
        start = at + 2 + len(name)
    limit = start + _MAX_RAW_FIELD
    end = section.find(b"\r\n", start, limit)
    while end >= 0 and section[end + 2 : end + 3] in (b" ", b"\t"):
        end = section.find(b"\r\n", end + 2, limit)
    raw = section[start : end if end >= 0 else limit]
    return raw.replace(b"\r\n", b"") if b"\r" in raw else raw


def decode_subject(raw: bytes) -> str:
    """A Subject's value for people (RFC 2047), on one line and bounded."""
    text = raw.strip().decode("utf-8", "replace")
    if "=?" in text:
        text = _ENCODED_WORD.sub(_decode_word, text)
    return printable(text, MAX_SUBJECT)


def _decode_word(match: re.Match[str]) -> str:
    charset, encoding, payload = match[1].partition("*")[0], match[2], match[3]
    try:
        if encoding in "Bb":
            octets = binascii.a2b_base64(payload + "=" * (-len(payload) % 4))
        else:
            octets = binascii.a2b_qp(payload, header=True)
        return octets.decode(charset, "replace")
    except (LookupError, ValueError):
        return match[0]
