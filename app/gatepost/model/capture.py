"""The test inbox: what is done with mail instead of delivering it, the trays it lies in, and faults to test senders with."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from .fields import Identifier, Line, MailboxText, Model, new_id, refused

INBOX = "inbox"
"""The tray of what no tray's conditions match. It is always there and cannot be edited; see ``InboxSettings``."""
MAX_STARS = 8


class Deliver(Model):
    action: Literal["deliver"] = "deliver"


class Capture(Model):
    """It is kept in a tray and goes no further."""

    action: Literal["capture"] = "capture"


class CaptureAndDeliver(Model):
    """A copy is kept in a tray, and the mail goes on."""

    action: Literal["capture-and-deliver"] = "capture-and-deliver"


class RedirectAll(Model):
    """Every message goes to this address instead of to its recipients, who are named in a header field on top."""

    action: Literal["redirect"] = "redirect"
    address: MailboxText


Handling = Annotated[Deliver | Capture | CaptureAndDeliver | RedirectAll, Field(discriminator="action")]
"""Of a listener: what happens to the mail that comes in by it. Of an outbound gateway: to the mail that would leave by it."""


def _pattern(text: str) -> str:
    if text.count("*") > MAX_STARS:
        raise ValueError(f"use “*” at most {MAX_STARS} times")
    return text


AddressPattern = Annotated[Line, Field(max_length=320), AfterValidator(_pattern)]
"""An address in which ``*`` stands for anything, such as ``*@example.org``; letters in either case. Empty matches all."""


def is_address_match(pattern: str, address: str) -> bool:
    """Whether an address fits an ``AddressPattern``."""
    if not pattern:
        return True
    pieces = pattern.casefold().split("*")
    text = address.casefold()
    if len(pieces) == 1:
        return text == pieces[0]
    first, *middle, last = pieces
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


KeepDays = Annotated[int, Field(ge=1, le=3650)]
KeepMessages = Annotated[int, Field(ge=1, le=1_000_000)]


class InboxSettings(Model):
    """How long captured mail is kept where its tray does not say. What is older, or too much, goes within a minute or two."""

    keep_days: KeepDays = 7
    keep_messages: KeepMessages = 10_000


class Tray(Model):
    """A place for captured mail. Captured mail goes to the first tray of the list all of whose conditions it meets."""

    id: Identifier = Field(default_factory=lambda: new_id("tray"))
    name: Annotated[Line, Field(min_length=1, max_length=100)]
    listener: Identifier | None = None
    """Only what came in by this listener. None: by any."""
    gateway: Identifier | None = None
    """Only what would have left by this outbound gateway. None: by any, and what a listener captured."""
    user: Line = ""
    """Only what this relay user sent who had signed in; letters in either case. Empty: anybody."""
    recipient: AddressPattern = ""
    """Only what has a recipient like this. Empty: any."""
    keep_days: KeepDays | None = None
    """None: as ``InboxSettings`` says."""
    keep_messages: KeepMessages | None = None

    @model_validator(mode="after")
    def _is_not_the_inbox(self) -> Tray:
        if self.id == INBOX:
            raise refused("id", f"“{INBOX}” is the tray that is always there")
        return self


class FaultStage(StrEnum):
    """Where in a client's session a fault happens."""

    CONNECT = "connect"
    """Instead of the greeting."""
    EHLO = "ehlo"
    """At EHLO and HELO."""
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    """At DATA, and at the first BDAT."""
    DOT = "dot"
    """At the end of the content."""

    @property
    def knows_sender(self) -> bool:
        return self in (FaultStage.MAIL, FaultStage.RCPT, FaultStage.DATA, FaultStage.DOT)

    @property
    def knows_recipient(self) -> bool:
        return self in (FaultStage.RCPT, FaultStage.DATA, FaultStage.DOT)


class RefuseFault(Model):
    """Answered with this reply. At ``connect``, and with 421 anywhere, the connection is closed."""

    action: Literal["refuse"] = "refuse"
    code: Annotated[int, Field(ge=400, le=599)] = 451
    text: Annotated[Line, Field(min_length=1, max_length=300)] = "Refused for a test, try again later"
    """May begin with an enhanced status code (``4.7.1 …``); without one, ``4.0.0`` or ``5.0.0`` is put before it."""


class DelayFault(Model):
    """The answer comes so many seconds late."""

    action: Literal["delay"] = "delay"
    seconds: Annotated[float, Field(gt=0, le=600)] = 5.0


class DropFault(Model):
    """The connection is dropped without an answer."""

    action: Literal["drop"] = "drop"


Fault = Annotated[RefuseFault | DelayFault | DropFault, Field(discriminator="action")]


class FaultRule(Model):
    """A fault to happen to clients on purpose, to see what they make of it.

    It may happen where listener, stage, sender and recipient fit. Of those occasions, counted since the rule was last changed,
    it happens at every ``every``-th among the ``first``, and of these with ``probability``.
    """

    id: Identifier = Field(default_factory=lambda: new_id("fault"))
    description: Line = ""
    enabled: bool = True
    listener: Identifier | None = None
    """None: every listener."""
    stage: FaultStage
    sender: AddressPattern = ""
    recipient: AddressPattern = ""
    """At ``data`` and ``dot``: one of the recipients is like this."""
    fault: Fault
    every: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    first: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Only the first so many occasions. None: without end."""
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0

    @model_validator(mode="after")
    def _knows_what_it_asks_for(self) -> FaultRule:
        if self.sender and not self.stage.knows_sender:
            raise refused("sender", f"at {self.stage.value} the sender is not known yet")
        if self.recipient and not self.stage.knows_recipient:
            raise refused("recipient", f"at {self.stage.value} no recipient is known yet")
        return self
