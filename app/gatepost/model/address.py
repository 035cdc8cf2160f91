"""Domains and mailboxes as SMTP writes them: RFC 5321 §4.1.2, RFC 6531 §3.3, RFC 5891.

Plain addresses are settled by one regular expression; only the rest meets the full parser.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache

MAX_LOCAL_PART = 64
MAX_DOMAIN = 255
MAX_MAILBOX = 254

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_ASCII_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@({_LABEL}(?:\.{_LABEL})*)\Z")
_DOT_STRING_UTF8 = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+)*\Z"
)
_QUOTED = re.compile(r'"(?:[ !#-\[\]-~\u0080-\U0010ffff]|\\[ -~])*"\Z')
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0080-\u009f\ud800-\udfff]")


class AddressError(ValueError):
    """The text is no domain or mailbox; the message says why in words fit for an SMTP reply."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox. ``local`` as it was written, ``domain`` normalised (lower case, A-labels, no trailing dot).

    An address literal keeps its brackets in ``domain``.
    """

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def is_literal(self) -> bool:
        return self.domain.startswith("[")

    @property
    def needs_smtputf8(self) -> bool:
        return not self.local.isascii()


def normalise_domain(text: str) -> str:
    """The one spelling of a domain that Gatepost compares: lower case, A-labels (RFC 5891), no trailing dot.

    Raises AddressError for what is not a domain name.
    """
    if _ASCII_DOMAIN.match(text) and len(text) <= MAX_DOMAIN:
        lowered = text.lower()
        if "xn--" not in lowered:
            return lowered
    return _normalise_slowly(text)


@lru_cache(maxsize=4096)
def _normalise_slowly(text: str) -> str:
    if not text:
        raise AddressError("the domain is empty")
    if _CONTROL.search(text):
        raise AddressError("the domain holds a control character")
    if text.endswith("."):
        text = text[:-1]
    if text.isascii():
        lowered = text.lower()
        if len(lowered) > MAX_DOMAIN:
            raise AddressError(f"the domain is longer than {MAX_DOMAIN} octets")
        if not _ASCII_DOMAIN.match(lowered):
            raise AddressError("the domain name is malformed")
        return lowered
    import idna  # only internationalised names pay for the tables

    try:
        encoded = idna.encode(text, uts46=True, std3_rules=True).decode("ascii").lower()
    except idna.IDNAError as error:
        raise AddressError("the internationalised domain name is malformed") from error
    encoded = encoded.removesuffix(".")  # other scripts have full stops of their own
    if len(encoded) > MAX_DOMAIN:
        raise AddressError(f"the domain is longer than {MAX_DOMAIN} octets")
    return encoded


def normalise_literal(text: str) -> str:
    """An address literal (RFC 5321 §4.1.3) in its shortest spelling: ``[192.0.2.1]`` or ``[IPv6:2001:db8::1]``."""
    if not (text.startswith("[") and text.endswith("]")):
        raise AddressError("the address literal is malformed")
    inner = text[1:-1]
    if "%" in inner:
        raise AddressError("an address literal names no zone")
    try:
        if inner[:5].lower() == "ipv6:":
            return f"[IPv6:{ipaddress.IPv6Address(inner[5:]).compressed}]"
        return f"[{ipaddress.IPv4Address(inner)}]"
    except ValueError as error:
        raise AddressError("the address literal is malformed") from error


def parse_mailbox(text: str) -> Mailbox:
    """A mailbox ``local@domain``, without angle brackets. Raises AddressError with the reason."""
    match = _PLAIN.match(text)
    if match is not None and len(text) <= MAX_MAILBOX:
        local, domain = match.groups()
        if len(local) <= MAX_LOCAL_PART:
            return Mailbox(local, normalise_domain(domain))
    return _parse_mailbox_fully(text)


def _parse_mailbox_fully(text: str) -> Mailbox:
    if not text:
        raise AddressError("the address is empty")
    if _CONTROL.search(text):
        raise AddressError("the address holds a control character")
    local, at, domain = text.rpartition("@")
    if not at:
        raise AddressError("the address has no domain")
    if not local:
        raise AddressError("the address has no local part")
    if not (_DOT_STRING_UTF8.match(local) or _QUOTED.match(local)):
        raise AddressError("the local part is malformed")
    if len(local.encode("utf-8", "surrogatepass")) > MAX_LOCAL_PART:
        raise AddressError(f"the local part is longer than {MAX_LOCAL_PART} octets")
    normal = normalise_literal(domain) if domain.startswith("[") else normalise_domain(domain)
    mailbox = Mailbox(_unquoted_if_plain(local), normal)
    if len(str(mailbox).encode()) > MAX_MAILBOX:
        raise AddressError(f"the address is longer than {MAX_MAILBOX} octets")
    return mailbox


def _unquoted_if_plain(local: str) -> str:
    """``"bob"@x`` and ``bob@x`` are the same mailbox (RFC 5321 §4.1.2: quote only when needed)."""
    if local.startswith('"'):
        bare = re.sub(r"\\(.)", r"\1", local[1:-1])
        if _DOT_STRING_UTF8.match(bare):
            return bare
    return local


def is_domain_pattern_match(pattern: str, domain: str) -> bool:
    """Whether a rule's pattern (``example.org`` or ``*.example.org``) covers a normalised domain.

    ``*.example.org`` covers every name below example.org but not example.org itself; ``*`` covers everything.
    """
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return domain.endswith(pattern[1:])
    return domain == pattern


def normalise_domain_pattern(text: str) -> str:
    """A domain or ``*.domain``, normalised."""
    text = text.strip()
    if text.startswith("*."):
        return "*." + normalise_domain(text[2:])
    return normalise_domain(text)
