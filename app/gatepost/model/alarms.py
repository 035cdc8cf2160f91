"""Settings → Alarms: who is told of trouble by mail, and from when on something counts as trouble.

The limits also decide what the overview lists as needing attention: there is one source of it, whoever is told.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from .fields import MailboxText, Model, refused

_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")


def _clock(text: str) -> str:
    text = text.strip()
    if not _CLOCK.fullmatch(text):
        raise ValueError("write a time such as 22:00")
    return text


ClockText = Annotated[str, AfterValidator(_clock)]
"""A time of day, ``HH:MM``, in the relay's time zone."""


class AlarmSettings(Model):
    """A limit of 0 switches its condition off."""

    mail: bool = False
    recipients: tuple[MailboxText, ...] = ()
    sender: MailboxText | None = None
    """None: ``gatepost`` at this server's name."""
    reminder_hours: Annotated[int, Field(ge=0, le=24 * 30)] = 24
    """Told again after this long while it lasts; 0: never again."""
    quiet_from: ClockText | None = None
    quiet_until: ClockText | None = None
    """Between the two no notice is sent; what is still wrong afterwards is told then."""
    tell_cleared: bool = True

    gateway_minutes: Annotated[int, Field(ge=0, le=24 * 60)] = 10
    """A gateway rests for longer than this."""
    waiting_messages: Annotated[int, Field(ge=0)] = 1000
    """Deliveries that wait in the spool, held ones left out."""
    oldest_hours: Annotated[int, Field(ge=0, le=24 * 60)] = 12
    """The oldest delivery that waits."""
    certificate_days: Annotated[int, Field(ge=0, le=365)] = 21
    """A certificate of ours, or one that a gateway is pinned to, expires within this."""
    refusals_per_hour: Annotated[int, Field(ge=0)] = 0
    """Refused commands and messages within an hour."""
    capture_hours: Annotated[int, Field(ge=0, le=24 * 60)] = 24
    """Mail has been captured instead of delivered for this long."""
    other_minutes: Annotated[int, Field(ge=0, le=24 * 60)] = 5
    """Any other trouble: a scanner that is down, a listener, the disk, a missing password. It is told once it has lasted."""

    @model_validator(mode="after")
    def _complete(self) -> AlarmSettings:
        if self.mail and not self.recipients:
            raise refused("recipients", "name somebody to write to")
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise refused("quiet_until" if self.quiet_until is None else "quiet_from", "give both times, or neither")
        return self
