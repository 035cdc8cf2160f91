"""What a preview shows of a message: its header lines, text, HTML made harmless, pictures inside it, names of attachments.

No Qt. Everything is bounded, whatever a stranger has sent: octets, parts, pictures. Blocking; call it off the loop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.policy import EmailPolicy

MAX_OCTETS = 2_000_000
"""Of the message that are looked at."""
MAX_TEXT = 200_000
"""Characters of text or HTML."""
MAX_PARTS = 100
MAX_BOUNDARIES = 1000
"""Lines that may part it, and…"""
MAX_CONTAINERS = 50
"""…parts that may hold others: what comes after so many is cut off, for each costs far more than its octets."""
MAX_FIELD = 8000
"""Octets of a header field: the time to read one grows with the square of its length."""
MAX_PICTURES = 20
MAX_PICTURE = 1_000_000
SHOWN_HEADERS = ("From", "Reply-To", "To", "Cc", "Date", "Subject")

_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "center", "code", "dd", "div", "dl", "dt", "em", "font", "h1", "h2", "h3",
    "h4", "h5", "h6", "hr", "i", "img", "li", "ol", "p", "pre", "s", "small", "span", "strike", "strong", "sub", "sup", "table",
    "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan", "align", "valign"},
    "th": {"colspan", "rowspan", "align", "valign"},
    "ol": {"start"},
}
LINKS = ("http", "https", "mailto")


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


class _Bounded(EmailPolicy):
    """Cuts fields of the message and of all its parts before they are taken apart."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:MAX_FIELD]


_POLICY = _Bounded()
_BOUNDS = ((re.compile(rb"\n--"), MAX_BOUNDARIES), (re.compile(rb"(?:multipart|message)/", re.IGNORECASE), MAX_CONTAINERS))


def _bounded(content: bytes) -> bytes:
    content = content[:MAX_OCTETS]
    for mark, most in _BOUNDS:
        for number, found in enumerate(mark.finditer(content)):
            if number == most:
                content = content[: found.start()]
                break
    return content


def preview_of(content: bytes) -> Preview:
    try:
        message = BytesParser(policy=_POLICY).parsebytes(_bounded(content))
        return _preview(message)
    except (MessageError, LookupError, ValueError, TypeError, AttributeError, IndexError, RecursionError):
        # Broken on purpose or by accident: the standard library gives up in any of these ways.
        return Preview(problem=True)


def cleaned(html: str) -> str:
    """Only what is needed to read it: no script, no style, no form, nothing from outside but links to look at."""
    import nh3  # 1.5 MB that most people never need

    return nh3.clean(
        html[:MAX_TEXT],
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={*LINKS, "cid"},
        clean_content_tags={"script", "style", "title", "head"},
        attribute_filter=_kept,
        link_rel=None,
    )


def _kept(tag: str, attribute: str, value: str) -> str | None:
    if (tag, attribute) == ("img", "src"):
        return value if value.lower().startswith("cid:") else None
    if (tag, attribute) == ("a", "href"):
        return value if value.strip().lower().split(":")[0] in LINKS else None
    return value


def _preview(message: Message) -> Preview:
    text = html = ""
    pictures: dict[str, bytes] = {}
    attachments: list[Attachment] = []
    for part in _parts(message):
        kind = part.get_content_type()
        name = part.get_filename()
        identifier = str(part.get("Content-ID", "")).strip().strip("<>")
        if kind in _PICTURES and identifier and len(pictures) < MAX_PICTURES:
            data = _octets(part)
            if len(data) <= MAX_PICTURE:
                pictures[identifier] = data
                continue
        if name or part.get_content_disposition() == "attachment":
            attachments.append(Attachment(name or "", kind, len(_octets(part))))
        elif kind == "text/plain" and not text:
            text = _text(part)
        elif kind == "text/html" and not html:
            html = cleaned(_text(part))
        elif not kind.startswith(("text/", "multipart/")):
            attachments.append(Attachment("", kind, len(_octets(part))))
    headers = tuple((name, str(message[name])[:2000]) for name in SHOWN_HEADERS if message[name] is not None)
    return Preview(headers, text, html, pictures, tuple(attachments))


def _parts(message: Message) -> Iterator[Message]:
    """Leaves, from the outside in; at most ``MAX_PARTS`` of them."""
    waiting, seen = [message], 0
    while waiting and seen < MAX_PARTS:
        part = waiting.pop(0)
        seen += 1
        payload = part.get_payload()
        if part.is_multipart() and isinstance(payload, list):
            waiting[:0] = [inner for inner in payload if isinstance(inner, Message)]
        else:
            yield part


def _octets(part: Message) -> bytes:
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _text(part: Message) -> str:
    if isinstance(part, EmailMessage):
        try:
            return str(part.get_content())[:MAX_TEXT]
        except (LookupError, UnicodeError):
            pass  # an unknown charset: the octets still say something
    return _octets(part).decode("utf-8", "replace")[:MAX_TEXT]
