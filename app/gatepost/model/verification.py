"""Is this recipient real: the sources an inbound gateway asks, and what it does when nobody can answer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from .fields import Line, MailboxText, Model, refused


class WhenUnknown(StrEnum):
    """A recipient never seen before, while the primary cannot answer."""

    ACCEPT = "accept-and-hold"
    DEFER = "defer"
    BY_MODE = "by-mode"
    """Accept and hold for Backup MX, defer for Domain Forward."""


class VerificationCard(Model):
    """Sources in the order they are asked. SmarterMail's web service is switched on its own card."""

    call_forward: bool = False
    """SMTP User Verification: ask the primary at RCPT time (never sends a message)."""
    addresses: tuple[MailboxText, ...] = ()
    address_file: Line = ""
    """One address a line, ``#`` begins a comment; read again when it changes."""
    use_list: bool = False
    cache_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 10
    when_unknown: WhenUnknown = WhenUnknown.BY_MODE

    @property
    def is_on(self) -> bool:
        return self.call_forward or self.use_list

    @model_validator(mode="after")
    def _list_has_content(self) -> VerificationCard:
        if self.use_list and not (self.addresses or self.address_file):
            raise refused("addresses", "the address list is empty")
        return self
