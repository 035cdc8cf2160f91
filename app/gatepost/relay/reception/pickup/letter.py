"""What a file in the pickup folder says: who sends what to whom.

``X-Sender`` and ``X-Receiver`` (each its own field) at its head are the envelope, as in the folders of IIS; without them the
envelope is Sender or From, and To, Cc and Bcc. These X- fields and Bcc never leave this computer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.errors import InvalidHeaderDefect
from email.headerregistry import HeaderRegistry
from typing import Any

from ....model.address import AddressError, parse_mailbox
from ....model.mail import BROKEN
from .folder import Unusable

MAX_HEADER = 262_144
MAX_RECIPIENTS = 1000
MAX_LIST = 65_536
"""Letters of one field of addresses: the parser takes its time."""
_HEADERS = HeaderRegistry()
_REMOVED = frozenset({b"x-sender", b"x-receiver", b"bcc", b"resent-bcc"})
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")


@dataclass(frozen=True, slots=True)
class Letter:
    sender: str
    """Empty for the null sender."""
    recipients: tuple[str, ...]
    content: bytes
    """With CRLF line ends and without the fields that are for this computer only."""


def read(raw: bytes) -> Letter:
    """Raises Unusable."""
    content = settled(raw)
    head, separator, body = content.partition(b"\r\n\r\n")
    if not _FIELD.match(head):
        raise Unusable("it does not begin with header fields")
    if len(head) > MAX_HEADER:
        raise Unusable(f"its header is longer than {MAX_HEADER:,} octets")
    kept: list[bytes] = []
    values: dict[str, list[str]] = {}
    for field in fields(head):
        match = _FIELD.match(field)
        if match is None:
            raise Unusable("a line of its header is no field")
        name = match[1].lower()
        values.setdefault(name.decode("ascii"), []).append(_text(field[match.end() :]))
        if name not in _REMOVED:
            kept.append(field)
    sender, recipients = _envelope(values)
    return Letter(sender, recipients, b"\r\n".join(kept) + (separator or b"\r\n\r\n") + body)


def settled(raw: bytes) -> bytes:
    """With CRLF at the end of each line, whatever the program wrote, and of the last one."""
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if b"\0" in raw:
        raise Unusable("it holds null octets: it is no message")
    content = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def fields(head: bytes) -> list[bytes]:
    """The header's fields, each with the lines that go on with it."""
    found: list[bytes] = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and found:
            found[-1] += b"\r\n" + line
        elif line:
            found.append(line)
    return found


def _text(value: bytes) -> str:
    return value.replace(b"\r\n", b"").strip().decode("utf-8", "replace")


def _envelope(values: dict[str, list[str]]) -> tuple[str, tuple[str, ...]]:
    senders = values.get("x-sender") or values.get("sender") or values.get("from", [])
    texts = values.get("x-receiver") or [*values.get("to", []), *values.get("cc", []), *values.get("bcc", [])]
    recipients = _addresses(texts)
    if not recipients:
        raise Unusable("it names no recipient (X-Receiver, or To, Cc and Bcc)")
    if len(recipients) > MAX_RECIPIENTS:
        raise Unusable(f"it names more than {MAX_RECIPIENTS:,} recipients")
    if not senders:
        raise Unusable("it names no sender (X-Sender, Sender or From)")
    if senders[0].strip() == "<>":
        return "", _checked(recipients)
    found = _addresses(senders[:1])
    if not found:
        raise Unusable("its sender is no address")
    return _checked(found[:1])[0], _checked(recipients)


def _addresses(texts: list[str]) -> list[str]:
    """Every address of a list; who is written so that it cannot be read is no reason to send to the others only."""
    found: list[str] = []
    for text in texts:
        if len(text) > MAX_LIST:
            raise Unusable(f"a list of addresses is longer than {MAX_LIST:,} letters")
        try:
            header: Any = _HEADERS("To", text)  # an AddressHeader, which the registry makes of “To”
        except BROKEN as error:
            raise Unusable("its addresses cannot be read") from error
        if any(isinstance(defect, InvalidHeaderDefect) and "address-list" in str(defect) for defect in header.defects):
            raise Unusable(f"“{text[:100]}” is no list of mail addresses")
        found.extend(address.addr_spec for address in header.addresses)
    return found


def _checked(addresses: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for address in addresses:
        try:
            found[str(parse_mailbox(address))] = None
        except AddressError as error:
            raise Unusable(f"“{address[:100]}” is not a mail address: {error}") from error
    return tuple(found)
