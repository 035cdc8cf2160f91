"""What a preview shows of a message: its header lines, text, HTML made harmless, pictures inside it, names of attachments.

No Qt. Everything is bounded, whatever a stranger has sent: octets, parts, pictures. Blocking; call it off the loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import Message

from ....model.mail import BROKEN, LINKS, MAX_OCTETS, MAX_TEXT, bounded, cleaned, leaves, octets_of, parsed, text_of

__all__ = [
    "LINKS",
    "MAX_OCTETS",
    "MAX_PICTURE",
    "MAX_PICTURES",
    "MAX_TEXT",
    "PICTURES",
    "Attachment",
    "Preview",
    "cleaned",
    "preview_of",
]

MAX_PICTURES = 20
MAX_PICTURE = 1_000_000
SHOWN_HEADERS = ("From", "Reply-To", "To", "Cc", "Date", "Subject")

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    kind: str
    size: int


@dataclass(frozen=True, slots=True)
class Preview:
    """``html`` is clean already. ``pictures`` by Content-ID."""

    headers: tuple[tuple[str, str], ...] = ()
    text: str = ""
    html: str = ""
    pictures: dict[str, bytes] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    problem: bool = False
    """The message could not be taken apart; only its raw text can be shown."""


def preview_of(content: bytes) -> Preview:
    try:
        return _preview(parsed(bounded(content)))
    except BROKEN:
        return Preview(problem=True)


def _preview(message: Message) -> Preview:
    text = html = ""
    pictures: dict[str, bytes] = {}
    attachments: list[Attachment] = []
    for part in leaves(message):
        kind = part.get_content_type()
        name = part.get_filename()
        identifier = str(part.get("Content-ID", "")).strip().strip("<>")
        if kind in PICTURES and identifier and len(pictures) < MAX_PICTURES:
            data = octets_of(part)
            if len(data) <= MAX_PICTURE:
                pictures[identifier] = data
                continue
        if name or part.get_content_disposition() == "attachment":
            attachments.append(Attachment(name or "", kind, len(octets_of(part))))
        elif kind == "text/plain" and not text:
            text = text_of(part)
        elif kind == "text/html" and not html:
            html = cleaned(text_of(part))
        elif not kind.startswith(("text/", "multipart/")):
            attachments.append(Attachment("", kind, len(octets_of(part))))
    headers = tuple((name, str(message[name])[:2000]) for name in SHOWN_HEADERS if message[name] is not None)
    return Preview(headers, text, html, pictures, tuple(attachments))
