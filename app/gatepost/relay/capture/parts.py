"""One captured message taken apart for a reader: headers, parts, text, HTML. Within bounds, and never failing.

Blocking; call it off the loop. Parts are numbered as in IMAP (RFC 3501 §6.4.5), except that a message within the message is one
part, which can be saved as a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from ...model.mail import BROKEN, MAX_OCTETS, MAX_PARTS, bounded, cleaned, octets_of, parsed, text_of

MAX_HEADERS = 500
MAX_TEXT = 200_000
MAX_REMOTE = 50
_VALUE = 4000
_REMOTE = re.compile(
    r"""(?:\b(?:src|background|poster|data|srcset)\s{0,9}=\s{0,9}["']?\s{0,9}|url\(\s{0,9}["']?|@import\s{1,9}["'])"""
    r"""((?:https?:)?//[^\s"'<>)]{1,500})""",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Header:
    name: str
    value: str
    raw: str


@dataclass(frozen=True, slots=True)
class Part:
    """``number`` is empty for a message that holds others as its parts."""

    number: str
    content_type: str
    charset: str = ""
    disposition: str = ""
    filename: str = ""
    content_id: str = ""
    encoding: str = ""
    size: int = 0
    is_attachment: bool = False
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class TakenApart:
    headers: tuple[Header, ...] = ()
    structure: Part | None = None
    text: str = ""
    html: str = ""
    clean_html: str = ""
    remote: tuple[str, ...] = ()
    attachments: tuple[Part, ...] = ()
    truncated: bool = False
    problem: str = ""


@dataclass(slots=True)
class _Found:
    """What a walk through the parts gathers."""

    text: str = ""
    html: str = ""
    attachments: list[Part] = field(default_factory=list)
    seen: int = 0


def take_apart(content: bytes, size: int) -> TakenApart:
    """``content``: the message, or its first ``MAX_OCTETS``; ``size``: all its octets."""
    looked_at = bounded(content)
    try:
        message = parsed(looked_at)
        found = _Found()
        structure = _part(message, "", found)
        headers = tuple(_headers(message))
        clean = cleaned(found.html) if found.html else ""
    except BROKEN as error:
        return TakenApart(problem=f"The message cannot be taken apart ({type(error).__name__}); its source can be read.")
    remote = tuple(dict.fromkeys(match[1] for match in _REMOTE.finditer(found.html)))[:MAX_REMOTE]
    truncated = (
        size > len(looked_at) or found.seen >= MAX_PARTS or len(headers) == MAX_HEADERS
        or max(len(found.text), len(found.html)) >= MAX_TEXT
    )  # fmt: skip
    return TakenApart(
        headers, structure, found.text, found.html, clean, remote, tuple(found.attachments), truncated,
    )  # fmt: skip


def part_of(content: bytes, number: str) -> tuple[Part, bytes] | None:
    """One part, decoded; None when there is none of this number. ``content`` as for ``take_apart``."""
    try:
        message = parsed(bounded(content))
        for name, part in _numbered(message, ""):
            if name == number:
                described = _part(part, name, _Found())
                return described, _data(part)
    except BROKEN:
        return None
    return None


def _headers(message: Message) -> Iterator[Header]:
    for (name, raw), _ in zip(message.raw_items(), range(MAX_HEADERS), strict=False):
        unfolded = " ".join(str(raw).split())[:_VALUE]
        try:
            value = str(message.policy.header_fetch_parse(name, raw))[:_VALUE]
        except BROKEN:
            value = unfolded
        yield Header(name, _printable(value), _printable(unfolded))


def _numbered(message: Message, prefix: str) -> Iterator[tuple[str, Message]]:
    """Every part that can be saved, with its number."""
    for name, part in _children(message, prefix):
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            yield from _numbered(part, name)
        else:
            yield name, part


def _children(message: Message, prefix: str) -> Iterator[tuple[str, Message]]:
    payload = message.get_payload()
    if message.get_content_maintype() == "multipart" and isinstance(payload, list):
        for index, part in enumerate(payload, start=1):
            if isinstance(part, Message):
                yield (f"{prefix}.{index}" if prefix else str(index)), part
    elif not prefix:
        yield "1", message


def _part(message: Message, number: str, found: _Found) -> Part:
    found.seen += 1
    kind = message.get_content_type()
    common: dict[str, Any] = {
        "content_type": kind,
        "charset": _printable(str(message.get_content_charset() or "")),
        "disposition": _printable(str(message.get_content_disposition() or "")),
        "filename": _printable(message.get_filename() or "")[:255],
        "content_id": _printable(str(message.get("Content-ID", "")).strip().strip("<>")),
        "encoding": _printable(str(message.get("Content-Transfer-Encoding", "")).lower()),
    }
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        inside: list[Part] = []
        for name, child in _children(message, number):
            if found.seen >= MAX_PARTS:
                break
            inside.append(_part(child, name, found))
        return Part(number=number, parts=tuple(inside), **common)
    return _leaf(message, number or "1", common, found)


def _leaf(message: Message, number: str, common: dict[str, Any], found: _Found) -> Part:
    kind = common["content_type"]
    if kind.startswith("multipart/"):  # it says so, and has no parts
        kind = "text/plain"
    is_attachment = bool(common["filename"]) or common["disposition"] == "attachment" or not kind.startswith("text/")
    if not is_attachment and kind == "text/plain":
        found.text = found.text or text_of(message, MAX_TEXT)
    elif not is_attachment and kind == "text/html":
        found.html = found.html or text_of(message, MAX_TEXT)
    part = Part(number=number, size=len(_data(message)), is_attachment=is_attachment, **common)
    if is_attachment:
        found.attachments.append(part)
    return part


def _data(part: Message) -> bytes:
    payload = part.get_payload()
    if isinstance(payload, list):  # a message within the message
        inner = payload[0] if payload else None
        return inner.as_bytes() if isinstance(inner, Message) else b""
    return octets_of(part)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


LOADED = MAX_OCTETS
"""Octets of a message that need to be read for it."""
