"""Field types shared by the models: each refuses bad input with words for the person who typed it."""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from .address import AddressError, normalise_domain, normalise_domain_pattern, parse_mailbox

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0080-\u009f\u2028\u2029\ud800-\udfff]")
_MULTILINE_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\ud800-\udfff]")
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")
_HEADER = re.compile(r"[!-9;-~]{1,76}: ?[ -~]{0,900}\Z")


class Model(BaseModel):
    """Base of every configuration model: immutable, and strict about names it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=False, allow_inf_nan=False, hide_input_in_errors=True, defer_build=True
    )


def refused(field: str, text: str) -> PydanticCustomError:
    """What a model's own check raises: the words, at the field (dotted, below the model) that a person must change."""
    return all_refused([(field, text)])


def all_refused(found: Sequence[tuple[str, str]]) -> PydanticCustomError:
    """The same for several fields at once, each with its words."""
    issues = [(field, text, "inconsistent") for field, text in found]
    return PydanticCustomError("inconsistent", "{text}", {"text": found[0][1], "issues": issues})


def new_id(prefix: str) -> str:
    """A short random identifier, such as ``gw-5f0c1a9e``."""
    return f"{prefix}-{secrets.token_hex(4)}"


def _identifier(text: str) -> str:
    if not _IDENTIFIER.match(text):
        raise ValueError("use lower-case letters, digits and hyphens, at most 40")
    return text


def _line(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters and line breaks are not allowed")
    return text.strip()


def _text(text: str) -> str:
    if _MULTILINE_CONTROL.search(text):
        raise ValueError("control characters are not allowed")
    return text


def _host(text: str) -> str:
    """A host name, IPv4 or IPv6 address; the latter without brackets."""
    text = _line(text)
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        return ipaddress.ip_address(bare).compressed
    except ValueError:
        pass
    if re.fullmatch(r"[0-9.]+", text):
        raise ValueError(f"“{text}” is not a complete IPv4 address")
    try:
        return normalise_domain(text)
    except AddressError as error:
        raise ValueError(f"“{text}” is not a host name or an IP address: {error}") from error


def _domain(text: str) -> str:
    text = _line(text)
    try:
        return normalise_domain(text)
    except AddressError as error:
        raise ValueError(f"“{text}” is not a domain: {error}") from error


def _pattern(text: str) -> str:
    text = _line(text)
    try:
        return normalise_domain_pattern(text)
    except AddressError as error:
        raise ValueError(f"“{text}” is not a domain or *.domain: {error}") from error


def _mailbox(text: str) -> str:
    text = _line(text)
    try:
        return str(parse_mailbox(text))
    except AddressError as error:
        raise ValueError(f"“{text}” is not a mail address: {error}") from error


def _ip(text: str) -> str:
    text = _line(text)
    try:
        return ipaddress.ip_address(text.strip("[]")).compressed
    except ValueError as error:
        raise ValueError(f"“{text}” is not an IP address") from error


def _header(text: str) -> str:
    if not _HEADER.match(text):
        raise ValueError("write “Name: value” in printable ASCII on one line")
    return text


def _fingerprint(text: str) -> str:
    bare = text.replace(":", "").replace(" ", "").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", bare):
        raise ValueError("a SHA-256 fingerprint has 64 hexadecimal digits")
    return bare


Identifier = Annotated[str, AfterValidator(_identifier)]
Line = Annotated[str, Field(max_length=1000), AfterValidator(_line)]
Text = Annotated[str, Field(max_length=10_000), AfterValidator(_text)]
Host = Annotated[str, AfterValidator(_host)]
Domain = Annotated[str, AfterValidator(_domain)]
DomainPattern = Annotated[str, AfterValidator(_pattern)]
MailboxText = Annotated[str, AfterValidator(_mailbox)]
IPText = Annotated[str, AfterValidator(_ip)]
HeaderText = Annotated[str, AfterValidator(_header)]
Fingerprint = Annotated[str, AfterValidator(_fingerprint)]
Port = Annotated[int, Field(ge=1, le=65535)]
