"""The spool and the quarantine in the control API: lists, single messages, what is done with them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..model.envelope import Envelope
from ..model.fields import Identifier, Line, Model
from ..model.report import QuarantineOperation, SpoolOperation
from .schema import MAX_IDS, MAX_PAGE, Answer, Count, Moment, QueueId

# --- spool ---


class Filter(Model):
    """Which deliveries: every condition that is set must hold. Texts match anywhere, in any case."""

    ids: tuple[Count, ...] | None = None
    queue_ids: tuple[QueueId, ...] | None = None
    state: Literal["waiting", "deferred", "held"] | None = None
    lane: Line = ""
    gateway: Line = ""
    sender: Line = ""
    recipient: Line = ""
    subject: Line = ""
    reply: Line = ""
    text: Line = ""
    received_after: Moment | None = None
    received_before: Moment | None = None
    min_size: Count | None = None
    max_size: Count | None = None
    min_attempts: Count | None = None

    @property
    def is_everything(self) -> bool:
        return self == Filter()


SpoolOrderName = Literal["age", "size", "sender", "subject", "next-attempt", "attempts", "state"]


class ListRequest(Model):
    filter: Filter = Filter()
    order: SpoolOrderName = "age"
    descending: bool = False
    offset: Count = 0
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 100


class IdsRequest(Model):
    filter: Filter = Filter()
    order: SpoolOrderName = "age"
    descending: bool = False
    limit: Annotated[int, Field(ge=1, le=MAX_IDS)] = MAX_IDS


class CountRequest(Model):
    filter: Filter = Filter()


class SpoolCount(Answer):
    count: int


class SpoolRow(Answer):
    id: int
    message_id: int
    queue_id: str
    lane: str
    state: str
    hold: str
    received_at: float
    due_at: float
    priority: int
    attempts: int
    expires_at: float
    sender: str
    recipients: tuple[str, ...]
    recipient_count: int
    subject: str
    size: int
    waiting: str
    last_reply: str
    pinned_gateway: str | None
    recipient_total: int = 0


class SpoolRecipient(Answer):
    id: int
    address: str
    notify: int
    orcpt: str
    state: str
    last_reply: str


class SpoolDelivery(Answer):
    id: int
    lane: str
    state: str
    hold: str
    due_at: float
    priority: int
    attempts: int
    expires_at: float
    delay_notice_at: float | None
    waiting: str
    last_reply: str
    pinned_gateway: str | None
    recipients: tuple[SpoolRecipient, ...]


class SpoolMessage(Answer):
    id: int
    queue_id: str
    envelope: Envelope
    message_id_header: str
    received_at: float
    size: int
    subject: str
    deliveries: tuple[SpoolDelivery, ...]


class OperateRequest(Model):
    """An empty filter means the whole spool and must be confirmed with ``everything``."""

    operation: SpoolOperation
    filter: Filter = Filter()
    everything: bool = False
    gateway: Identifier | None = None
    """For ``reroute``; null sends it by its routes again."""
    priority: Annotated[int, Field(ge=-100, le=100)] | None = None
    reason: Line = ""
    dry_run: bool = False


class Operated(Answer):
    count: int
    dry_run: bool = False


# --- quarantine ---


class QuarantineFilter(Model):
    """Which messages: every condition that is set must hold. Texts match anywhere, in any case."""

    ids: tuple[Count, ...] | None = None
    queue_ids: tuple[QueueId, ...] | None = None
    kind: Literal["spam", "virus"] | None = None
    gateway: Line = ""
    level: Literal["", "none", "low", "medium", "high"] = ""
    sender: Line = ""
    recipient: Line = ""
    subject: Line = ""
    text: Line = ""
    received_after: Moment | None = None
    received_before: Moment | None = None
    min_score: float | None = None
    max_score: float | None = None

    @property
    def is_everything(self) -> bool:
        return self == QuarantineFilter()


QuarantineOrderName = Literal["age", "score", "sender", "subject", "size", "expires"]


class QuarantineListRequest(Model):
    filter: QuarantineFilter = QuarantineFilter()
    order: QuarantineOrderName = "age"
    descending: bool = False
    offset: Count = 0
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 100


class QuarantineIdsRequest(Model):
    filter: QuarantineFilter = QuarantineFilter()
    order: QuarantineOrderName = "age"
    descending: bool = False
    limit: Annotated[int, Field(ge=1, le=MAX_IDS)] = MAX_IDS


class QuarantineCountRequest(Model):
    filter: QuarantineFilter = QuarantineFilter()


class QuarantineRow(Answer):
    """``expires_at`` null: it is kept until somebody decides. ``score`` null: it was not scored."""

    id: int
    queue_id: str
    kind: str
    gateway: str
    level: str
    score: float | None
    reason: str
    received_at: float
    expires_at: float | None
    sender: str
    recipients: tuple[str, ...]
    recipient_count: int
    subject: str
    size: int


class ScorePart(Answer):
    source: str
    points: float
    note: str = ""
    failed: bool = False


class QuarantineEntry(Answer):
    """One message with the whole arithmetic."""

    row: QuarantineRow
    parts: tuple[ScorePart, ...]
    recipients: tuple[str, ...]
    client: str
    helo: str
    message_id_header: str


class QuarantineOperateRequest(Model):
    """An empty filter means the whole quarantine and must be confirmed with ``everything``."""

    operation: QuarantineOperation
    filter: QuarantineFilter = QuarantineFilter()
    everything: bool = False
    dry_run: bool = False
