"""Taking a stranger's message apart, within bounds: octets, parts, header fields. And making its HTML harmless.

Pure and blocking; call it off the loop. What the standard library raises of broken mail is ``BROKEN``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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
LINKS = ("http", "https", "mailto")

BROKEN = (MessageError, LookupError, ValueError, ArithmeticError, TypeError, AttributeError, RecursionError)
"""Broken on purpose or by accident: the standard library gives up in any of these ways."""
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


class _Bounded(EmailPolicy):
    """Cuts fields of the message and of all its parts before they are taken apart."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:MAX_FIELD]


_POLICY = _Bounded()
_BOUNDS = ((re.compile(rb"\n--"), MAX_BOUNDARIES), (re.compile(rb"(?:multipart|message)/", re.IGNORECASE), MAX_CONTAINERS))


def bounded(content: bytes, octets: int = MAX_OCTETS) -> bytes:
    """As much of a message as may be taken apart."""
    content = content[:octets]
    for mark, most in _BOUNDS:
        for number, found in enumerate(mark.finditer(content)):
            if number == most:
                content = content[: found.start()]
                break
    return content


def parsed(content: bytes) -> Message:
    """Of ``bounded`` content. Raises one of ``BROKEN``."""
    return BytesParser(policy=_POLICY).parsebytes(content)


def leaves(message: Message) -> Iterator[Message]:
    """Parts that hold no others, from the outside in; at most ``MAX_PARTS`` are looked at."""
    waiting, seen = [message], 0
    while waiting and seen < MAX_PARTS:
        part = waiting.pop(0)
        seen += 1
        payload = part.get_payload()
        if part.is_multipart() and isinstance(payload, list):
            waiting[:0] = [inner for inner in payload if isinstance(inner, Message)]
        else:
            yield part


def octets_of(part: Message) -> bytes:
    """Decoded."""
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def text_of(part: Message, most: int = MAX_TEXT) -> str:
    if isinstance(part, EmailMessage):
        try:
            return str(part.get_content())[:most]
        except (LookupError, UnicodeError):
            pass  # an unknown charset: the octets still say something
    return octets_of(part).decode("utf-8", "replace")[:most]


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


def without_tags(html: str) -> str:
    """What an HTML text says, for a search or a line of a list."""
    import html as entities

    import nh3

    bare = nh3.clean(html[:MAX_TEXT], tags=set(), clean_content_tags={"script", "style", "title", "head"})
    return entities.unescape(bare)


def _kept(tag: str, attribute: str, value: str) -> str | None:
    if (tag, attribute) == ("img", "src"):
        return value if value.lower().startswith("cid:") else None
    if (tag, attribute) == ("a", "href"):
        return value if value.strip().lower().split(":")[0] in LINKS else None
    return value
