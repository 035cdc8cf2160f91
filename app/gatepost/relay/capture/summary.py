"""What lists and searches show of a message, read out of it before it is kept. Never fails, however broken the message is."""

from __future__ import annotations

import logging
from email.message import Message

from ...model.mail import BROKEN, bounded, leaves, parsed, text_of, without_tags
from ...store.captured_values import Summary

log = logging.getLogger(__name__)

LOOKED_AT = 262_144
"""Octets from the start of a message."""
SEARCHED = 20_000
"""Characters of its text that a search looks through."""
_FIELD = 1000
_PREVIEW = 160


def summary_of(content: bytes) -> Summary:
    """Of the start of a message, at least its header. Blocking: some milliseconds."""
    try:
        return _summary(parsed(bounded(content, LOOKED_AT)))
    except BROKEN as error:
        log.info("a captured message cannot be taken apart: %s", type(error).__name__)
        return Summary(text=content[:SEARCHED].decode("utf-8", "replace"))


def _summary(message: Message) -> Summary:
    text = html = ""
    names: list[str] = []
    for part in leaves(message):
        kind, name = part.get_content_type(), part.get_filename()
        if kind.startswith("multipart/"):  # it says so, and has no parts
            kind = "text/plain"
        if name or part.get_content_disposition() == "attachment" or not kind.startswith("text/"):
            names.append(_line(name or ""))
        elif kind == "text/html":
            html = html or text_of(part)
        else:
            text = text or text_of(part)
    said = text or (without_tags(html) if html else "")
    message_id = _header(message, "Message-ID")
    return Summary(
        subject=_header(message, "Subject"),
        from_header=_header(message, "From"),
        to_header=", ".join(filter(None, (_header(message, "To"), _header(message, "Cc")))),
        message_id_header=message_id,
        preview=_line(said[: _PREVIEW * 4])[:_PREVIEW],
        text="\n".join(filter(None, (said[:SEARCHED], *names, message_id))),
        attachment_count=len(names),
    )


def _header(message: Message, name: str) -> str:
    try:
        found = message[name]
    except BROKEN:  # one field that cannot be read does not hide the others
        return ""
    return _line(str(found))[:_FIELD] if found is not None else ""


def _line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
