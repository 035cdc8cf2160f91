"""What the journal takes and gives. Times are seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..model.identifiers import queue_id
from ..model.value import value

VERIFIED = "verified"
"""In the data of an arrival: how its recipients were verified."""
ROUTES = "routes"
"""In the data of an arrival: by which lanes it leaves, for which recipient (empty: all of them), and why."""


class EntryKind(StrEnum):
    """One step of a message's way."""

    RECEIVED = "received"
    REFUSED = "refused"
    """The client was refused. Without a message when it never came to one."""
    VERIFIED = "verified"
    SCANNED = "scanned"
    ROUTED = "routed"
    ATTEMPT = "attempt"
    """One transaction with a next hop; ``data`` holds both sides of the dialogue."""
    DEFERRED = "deferred"
    DELAYED = "delayed"
    """A delay notice was due or sent."""
    DELIVERED = "delivered"
    RELAYED = "relayed"
    """Delivered to a next hop that will not report on it (RFC 3461 §5.2.2)."""
    BOUNCED = "bounced"
    EXPIRED = "expired"
    HELD = "held"
    RELEASED = "released"
    DELETED = "deleted"
    REROUTED = "rerouted"
    RETRIED = "retried"
    """A person asked to try again now."""
    REDIRECTED = "redirected"
    CAPTURED = "captured"
    """Kept in the test inbox instead of being delivered."""
    DSN = "dsn"
    """A notification about this message was written; its text names the DSN's own queue id."""
    NOTE = "note"


class TrackState(StrEnum):
    """How a recipient's share of a message stands."""

    WAITING = "waiting"
    DEFERRED = "deferred"
    QUARANTINED = "quarantined"
    """Held for a person's decision."""
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    DELETED = "deleted"
    CAPTURED = "captured"
    """Kept in the test inbox instead of being delivered."""

    @property
    def is_final(self) -> bool:
        return self in (TrackState.DELIVERED, TrackState.BOUNCED, TrackState.DELETED, TrackState.CAPTURED)


STATE_AFTER = {
    EntryKind.DEFERRED: TrackState.DEFERRED,
    EntryKind.DELIVERED: TrackState.DELIVERED,
    EntryKind.RELAYED: TrackState.DELIVERED,
    EntryKind.BOUNCED: TrackState.BOUNCED,
    EntryKind.EXPIRED: TrackState.BOUNCED,
    EntryKind.HELD: TrackState.QUARANTINED,
    EntryKind.RELEASED: TrackState.WAITING,
    EntryKind.DELETED: TrackState.DELETED,
    EntryKind.REDIRECTED: TrackState.DELETED,
    EntryKind.CAPTURED: TrackState.CAPTURED,
}
"""The kinds that change a recipient's state; the entry's text becomes its last reply."""

_ORDER = (
    TrackState.QUARANTINED,
    TrackState.BOUNCED,
    TrackState.DEFERRED,
    TrackState.WAITING,
    TrackState.CAPTURED,
    TrackState.DELETED,
    TrackState.DELIVERED,
)


@value(frozen=True, slots=True)
class JournalEntry:
    """One step. ``message_id`` is 0 for what happened without a message; ``recipient`` empty when it concerns all."""

    message_id: int
    at: float
    kind: EntryKind
    recipient: str = ""
    text: str = ""
    data: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class TrackedRecipient:
    address: str
    state: TrackState
    last_reply: str = ""
    changed_at: float = 0.0


@dataclass(frozen=True, slots=True)
class TrackedMessage:
    """A message's row in tracking. At most ``RECIPIENTS_SHOWN`` recipients are listed; ``recipient_count`` has them all."""

    id: int
    received_at: float
    sender: str
    subject: str
    size: int
    client: str
    message_id_header: str
    recipients: tuple[TrackedRecipient, ...] = ()
    recipient_count: int = 0

    @property
    def queue_id(self) -> str:
        return queue_id(self.id)

    @property
    def state(self) -> TrackState:
        """The state that most needs to be seen, among the recipients listed."""
        found = {recipient.state for recipient in self.recipients}
        return next((state for state in _ORDER if state in found), TrackState.WAITING)


RECIPIENTS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class TrackQuery:
    """Every field that is set must match; those about recipients must match one and the same recipient.

    A ``sender`` or ``recipient`` that is a whole address matches exactly, one that ends with ``*`` by its beginning: both go
    by an index. Anything else there, and ``subject``, ``reply`` and ``text`` always, is looked for inside the values, newest
    message first, within the bounds of one page (see ``Journal.search_page``). ``text`` looks everywhere (queue id,
    Message-ID, sender, recipients, subject, replies); when it is a known queue id or Message-ID only at that message, and
    when it is an address that occurs, only at that sender and recipient, by an index. Letters of ASCII match in either case.
    """

    text: str = ""
    sender: str | None = None
    """``<>`` for the null sender."""
    recipient: str = ""
    subject: str = ""
    queue_id: str = ""
    message_id_header: str = ""
    """Exact, with or without angle brackets."""
    reply: str = ""
    state: TrackState | None = None
    since: float | None = None
    until: float | None = None
    limit: int = 100
    before: int | None = None
    """Only messages with a smaller id: the ``next_before`` of the page before this one."""


@dataclass(frozen=True, slots=True)
class TrackPage:
    """``next_before`` is None when there is nothing more; else search on from there, even if this page is empty."""

    messages: tuple[TrackedMessage, ...] = field(default=())
    next_before: int | None = None


@dataclass(frozen=True, slots=True)
class Pruned:
    """``done`` is False when the time was used up before everything old was gone."""

    messages: int
    entries: int
    done: bool
