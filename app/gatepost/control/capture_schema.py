"""Requests and answers about captured mail: the test inbox. See ``schema`` for what holds for all of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..model.envelope import Envelope
from ..model.fields import Identifier, Line, MailboxText, Model
from .schema import MAX_IDS, MAX_PAGE, Answer, Count, Moment

MAX_WAIT_SECONDS = 120.0

CapturedOrderName = Literal["age", "sender", "subject", "size"]


class CapturedFilter(Model):
    """Which messages: every condition that is set must hold. Texts match anywhere, in any case (ASCII)."""

    ids: tuple[Count, ...] | None = None
    tray: Line = ""
    """A tray's id; ``inbox`` is the one that is always there."""
    by: Literal["", "listener", "gateway"] = ""
    """What captured it."""
    listener: Line = ""
    gateway: Line = ""
    user: Line = ""
    sender: Line = ""
    """In the envelope or in ``From``."""
    recipient: Line = ""
    """In the envelope or in ``To`` and ``Cc``."""
    subject: Line = ""
    text: Line = ""
    """Anywhere: sender, recipients, subject, the text itself, names of attachments, Message-ID, queue id (whole)."""
    received_after: Moment | None = None
    received_before: Moment | None = None
    after: Count | None = None
    """Only ids above this one: what came since."""
    before: Count | None = None
    """Only ids below this one: the next page of a list by age."""

    @property
    def is_everything(self) -> bool:
        return self == CapturedFilter()


class CapturedListRequest(Model):
    filter: CapturedFilter = CapturedFilter()
    order: CapturedOrderName = "age"
    descending: bool = True
    offset: Count = 0
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 100


class CapturedIdsRequest(Model):
    filter: CapturedFilter = CapturedFilter()
    order: CapturedOrderName = "age"
    descending: bool = True
    limit: Annotated[int, Field(ge=1, le=MAX_IDS)] = MAX_IDS


class CapturedCountRequest(Model):
    filter: CapturedFilter = CapturedFilter()


class CapturedRow(Answer):
    """``id`` grows with every captured message and is never used again. ``queue_id`` finds its story in Tracking."""

    id: int
    queue_id: str
    tray: str
    by: str
    """``listener`` or ``gateway``: what captured it."""
    is_copy: bool
    """The mail itself went on: only this copy was kept."""
    listener: str
    gateway: str
    """The outbound gateway that would have taken it; empty where a listener captured it."""
    user: str
    client: str
    received_at: float
    """When it was captured."""
    sender: str
    """Of the envelope; empty for the null sender."""
    recipients: tuple[str, ...]
    """Of the envelope, the first few."""
    recipient_count: int
    from_header: str
    to_header: str
    subject: str
    preview: str
    """How the text begins, on one line."""
    attachment_count: int
    size: int
    released_at: float | None
    """When it was last released to be delivered; null: never."""


class CapturedHeader(Answer):
    """Decoded; ``raw`` as it stands in the message, unfolded."""

    name: str
    value: str
    raw: str


class CapturedPart(Answer):
    """A part of the message; ``number`` as in ``1.2`` (RFC 3501 §6.4.5) is what downloads name. A message that has no parts is
    its own part ``1``; one that has is empty here, and no download."""

    number: str
    content_type: str
    charset: str
    disposition: str
    """``inline``, ``attachment`` or empty."""
    filename: str
    content_id: str
    encoding: str
    """Its Content-Transfer-Encoding."""
    size: int
    """Decoded; of a part that holds others, 0."""
    is_attachment: bool
    parts: tuple[CapturedPart, ...] = ()


class CapturedMessage(Answer):
    """One captured message, taken apart. What is too large or too much is cut, and ``truncated`` says so; ``/content`` has it
    all. ``problem`` says why it could not be taken apart; then there is only the source."""

    row: CapturedRow
    envelope: Envelope
    headers: tuple[CapturedHeader, ...]
    structure: CapturedPart | None
    text: str
    """The first text/plain part."""
    html: str
    """The first text/html part as it stands: show it to nobody."""
    clean_html: str
    """The same without script, style, form and anything remote; pictures of the message itself as ``cid:…``."""
    remote: tuple[str, ...]
    """What the HTML would have loaded from elsewhere, the first few addresses."""
    attachments: tuple[CapturedPart, ...]
    """The attachments among the parts, flat."""
    truncated: bool = False
    problem: str = ""


class CapturedFound(Answer):
    """``message`` null: none came in time. ``after``: wait on with this to see only what comes later."""

    message: CapturedRow | None
    after: int


class TrayReport(Answer):
    """Figures of one tray. ``is_gone``: it holds mail, but is not in the configuration any more."""

    id: str
    name: str
    count: int
    size: int
    oldest: float | None
    newest: float | None
    last_id: int
    keep_days: int
    keep_messages: int
    is_gone: bool = False


class ReleaseCapturedRequest(Model):
    """Put it into the spool as new mail. ``gateway`` null: by the routes. Without recipients, to those of the envelope."""

    gateway: Identifier | None = None
    recipients: Annotated[tuple[MailboxText, ...], Field(max_length=1000)] | None = None


class ReleasedCaptured(Answer):
    queue_id: str
    """Of the new mail."""


class OperateCapturedRequest(Model):
    """An empty filter means all captured mail and must be confirmed with ``everything``."""

    operation: Literal["release", "delete"]
    filter: CapturedFilter = CapturedFilter()
    everything: bool = False
    gateway: Identifier | None = None
    """For ``release``; null: by the routes."""
    dry_run: bool = False


class ClearTrayRequest(Model):
    """Delete all that a tray holds."""

    tray: Annotated[Line, Field(min_length=1)]
