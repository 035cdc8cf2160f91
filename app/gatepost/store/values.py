"""What the spool takes and gives. Plain values; times are seconds since the epoch, sizes are octets.

A *message* is one copy of one content. A *delivery* is the part of a message that leaves by one *lane* (the queue of
mail that waits for the same next hop); it carries the recipients that go that way. What the queue attempts, what a list
shows and what a person holds or deletes is a delivery.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ..model.envelope import Envelope, Notify, Recipient
from ..model.identifiers import queue_id
from ..model.value import value
from .bodies import BodyFile
from .quarantine_values import Quarantined

LARGE_BODY = 262_144
"""From this size on, content belongs in a file of its own (``Spool.bodies``), not in memory and not in a row."""

Content = bytes | BodyFile


class SpoolState(StrEnum):
    WAITING = "waiting"
    """Not yet attempted."""
    DEFERRED = "deferred"
    """Attempted at least once."""
    HELD = "held"
    """Waits for a person's release."""


class RecipientState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    """The next hop took it and reports on it itself (it announced DSN)."""
    RELAYED = "relayed"
    """The next hop took it, and does not announce DSN (RFC 3461 §5.2.2)."""
    FAILED = "failed"


@value(frozen=True, slots=True)
class RecipientRow:
    """A recipient in the spool. ``id`` is unique and stable within its message."""

    id: int
    address: str
    notify: Notify = Notify.UNSPECIFIED
    orcpt: str = ""
    state: RecipientState = RecipientState.WAITING
    last_reply: str = ""

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


@value(frozen=True, slots=True)
class NewMessage:
    """A message to be accepted.

    ``id`` comes from ``Spool.allocate_id`` when the caller had to know it beforehand (it stands in the Received field);
    0 lets the spool choose. A ``BodyFile`` in ``content`` belongs to the spool from the call of ``submit`` on, whether
    that succeeds or not.
    """

    envelope: Envelope
    content: Content
    parts: tuple[tuple[str, tuple[Recipient, ...]], ...]
    """(lane, recipients that leave by it); at least one, and every recipient in exactly one."""
    received_at: float
    due_at: float
    expires_at: float
    delay_notice_at: float | None = None
    subject: str = ""
    message_id_header: str = ""
    priority: int = 0
    """Higher goes first within a lane."""
    hold: str = ""
    """Why it waits for a release (``quarantine: …``); empty: it does not."""
    id: int = 0
    hold_until: float | None = None
    """When nobody will release it any more (the end of its quarantine); None: it is kept until somebody decides."""
    quarantine: Quarantined | None = None
    """Why inspection holds it; ``hold`` then begins with ``QUARANTINE``."""


@value(frozen=True, slots=True)
class Delivery:
    """One part of a message, ready for an attempt.

    ``envelope.recipients`` may name the recipients of the whole message or of this delivery; ``recipients`` holds those
    that are still to be served by this one. ``content`` is set only where the caller has just submitted it.
    """

    id: int
    message_id: int
    lane: str
    due_at: float
    priority: int
    attempts: int
    expires_at: float
    delay_notice_at: float | None
    received_at: float
    size: int
    subject: str
    envelope: Envelope
    recipients: tuple[RecipientRow, ...]
    pinned_gateway: str | None = None
    hold: str = ""
    waiting: str = ""
    last_reply: str = ""
    content: Content | None = None
    hold_until: float | None = None

    @property
    def queue_id(self) -> str:
        return queue_id(self.message_id)

    @property
    def state(self) -> SpoolState:
        if self.hold:
            return SpoolState.HELD
        return SpoolState.DEFERRED if self.attempts else SpoolState.WAITING


@value(frozen=True, slots=True)
class StoredMessage:
    """A message that is on the disk."""

    id: int
    received_at: float
    deliveries: tuple[Delivery, ...]

    @property
    def queue_id(self) -> str:
        return queue_id(self.id)


@value(frozen=True, slots=True)
class RecipientOutcome:
    """What became of one recipient. ``state`` WAITING defers it, anything else is final."""

    recipient_id: int
    state: RecipientState
    reply: str = ""


@value(frozen=True, slots=True)
class DeliveryResult:
    """The outcome of one attempt, or of a wait without one. Recorded as one durable operation.

    Recipients without an outcome stay as they are. When recipients remain, the delivery is due again at ``due_at`` (None
    leaves the time as it was). The rows and the body go when nothing is left. ``dsn`` is inserted in the same
    transaction.
    """

    delivery: Delivery
    outcomes: tuple[RecipientOutcome, ...] = ()
    due_at: float | None = None
    last_reply: str = ""
    waiting: str = ""
    """What the rest waits for, for people: ``time``, ``gateway``, ``primary``…"""
    counts: bool = True
    """Whether this was an attempt (a wait for a resting gateway is none)."""
    delay_noticed: bool = False
    """The delay notice was sent or is not owed: it is not due again."""
    dsn: NewMessage | None = None


@dataclass(frozen=True, slots=True)
class LaneSummary:
    """A lane with mail that is due. ``count`` is what the lane holds altogether, -1 if that was not asked for."""

    lane: str
    first_due: float
    count: int = -1


@dataclass(frozen=True, slots=True)
class SpoolCounts:
    """How many deliveries there are, by state and by lane."""

    waiting: int = 0
    deferred: int = 0
    held: int = 0
    lanes: dict[str, int] = field(default_factory=dict)
    """Deliveries of all states by lane; direct lanes (``mx:…``) are counted together as ``mx:``."""
    quarantined: int = 0
    """Messages in quarantine; their deliveries count as held as well."""

    @property
    def total(self) -> int:
        return self.waiting + self.deferred + self.held


@dataclass(frozen=True, slots=True)
class SpoolFilter:
    """Which deliveries: every condition that is set must hold. Texts match anywhere, whatever the case (ASCII)."""

    ids: tuple[int, ...] | None = None
    """Delivery ids: a selection. An empty tuple selects nothing."""
    message_ids: tuple[int, ...] | None = None
    state: SpoolState | None = None
    lane: str = ""
    gateway: str = ""
    """A gateway's id: what waits in its lane, outbound or inbound, or is pinned to it."""
    sender: str = ""
    recipient: str = ""
    subject: str = ""
    reply: str = ""
    """Matches the last reply of the delivery or of one of its recipients."""
    text: str = ""
    """Matches the queue id (whole), sender, a recipient or the subject."""
    received_after: float | None = None
    received_before: float | None = None
    min_size: int | None = None
    max_size: int | None = None
    min_attempts: int | None = None
    quarantined: bool = False
    """Only what inspection put into quarantine."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A delivery that leaves by other lanes now, after a change of routing."""

    message_id: int
    before: str
    after: tuple[str, ...]


class SpoolOrder(StrEnum):
    AGE = "age"
    """By arrival."""
    SIZE = "size"
    SENDER = "sender"
    SUBJECT = "subject"
    NEXT_ATTEMPT = "next-attempt"
    ATTEMPTS = "attempts"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class SpoolRow:
    """A line of the spool list."""

    id: int
    message_id: int
    queue_id: str
    lane: str
    state: SpoolState
    hold: str
    received_at: float
    due_at: float
    priority: int
    attempts: int
    expires_at: float
    sender: str
    recipients: tuple[str, ...]
    """Those still waiting; the first few."""
    recipient_count: int
    """How many wait."""
    subject: str
    size: int
    waiting: str
    last_reply: str
    pinned_gateway: str | None
    hold_until: float | None = None
    recipient_total: int = 0
    """With those that have their final state already."""


@dataclass(frozen=True, slots=True)
class SpoolMessage:
    """A message with all its deliveries (recipients in every state), for its detail page."""

    id: int
    queue_id: str
    envelope: Envelope
    message_id_header: str
    received_at: float
    size: int
    subject: str
    deliveries: tuple[Delivery, ...]
    """``recipients`` here holds final ones as well."""
