"""What became of messages, what would become of one, and what is known of recipients, in the control API."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ..model.fields import Identifier, Line, MailboxText, Model
from .schema import MAX_PAGE, Answer, Count, Moment


class TrackRequest(Model):
    """Every condition that is set must hold. See the relay's journal for how texts are matched."""

    text: Line = ""
    sender: Line | None = None
    recipient: Line = ""
    subject: Line = ""
    queue_id: Line = ""
    message_id_header: Line = ""
    reply: Line = ""
    state: Literal["waiting", "deferred", "quarantined", "delivered", "bounced", "deleted", "captured"] | None = None
    since: Moment | None = None
    until: Moment | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 100
    before: Count | None = None


class TrackedRecipient(Answer):
    address: str
    state: str
    last_reply: str = ""
    changed_at: float = 0.0


class TrackedMessage(Answer):
    id: int
    queue_id: str
    state: str
    received_at: float
    sender: str
    subject: str
    size: int
    client: str
    message_id_header: str
    recipients: tuple[TrackedRecipient, ...] = ()
    recipient_count: int = 0


class TrackPage(Answer):
    """``next_before`` is null when there is nothing more; else search on from there, even if this page is empty."""

    messages: tuple[TrackedMessage, ...]
    next_before: int | None = None


class TimelineEntry(Answer):
    at: float
    kind: str
    recipient: str = ""
    text: str = ""
    data: dict[str, Any] | None = None


class Timeline(Answer):
    message: TrackedMessage
    entries: tuple[TimelineEntry, ...]


class ExplainRequest(Model):
    """``client`` is an IP address, ``user`` a relay user who signed in, ``configuration`` a draft to explain instead."""

    sender: Line
    recipient: Line
    client: Line = ""
    user: Line = ""
    configuration: dict[str, Any] | None = None


class TestRequest(Model):
    __test__ = False  # pytest takes classes of this name for tests

    sender: MailboxText
    recipient: MailboxText
    gateway: Identifier | None = None


class TestSent(Answer):
    __test__ = False

    queue_id: str


class Verdict(Answer):
    """What is remembered of a recipient."""

    gateway_id: str
    address: str
    state: str
    source: str
    reason: str = ""
    fetched_at: float


class ForgetRequest(Model):
    gateway: Line = ""
    address: Line = ""


class Forgotten(Answer):
    count: int
