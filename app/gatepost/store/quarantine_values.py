"""What the quarantine takes and gives. Plain values; times are seconds since the epoch, sizes are octets.

What is in quarantine is a message in the spool whose deliveries are held; beside them stands why, in a table that its list
is sorted and searched by.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

QUARANTINE = "quarantine: "
"""How the hold text of what inspection put into quarantine begins."""


class QuarantineKind(StrEnum):
    SPAM = "spam"
    VIRUS = "virus"


class QuarantineOrder(StrEnum):
    AGE = "age"
    """By arrival."""
    SCORE = "score"
    SENDER = "sender"
    SUBJECT = "subject"
    SIZE = "size"
    EXPIRES = "expires"


@dataclass(frozen=True, slots=True)
class ScorePart:
    """What one spam source said. A failed one added nothing."""

    source: str
    points: float = 0.0
    note: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Why a message goes into quarantine."""

    kind: QuarantineKind
    reason: str
    """In words, on one line."""
    gateway: str = ""
    """The inbound gateway whose rules asked for it; empty for a virus in mail that leaves by none."""
    level: str = ""
    score: float | None = None
    """None: it was not scored."""
    parts: tuple[ScorePart, ...] = ()


@dataclass(frozen=True, slots=True)
class QuarantineFilter:
    """Which messages: every condition that is set must hold. Texts match anywhere, whatever the case (ASCII)."""

    ids: tuple[int, ...] | None = None
    """Message ids: a selection. An empty tuple selects nothing."""
    kind: QuarantineKind | None = None
    gateway: str = ""
    level: str = ""
    sender: str = ""
    recipient: str = ""
    subject: str = ""
    text: str = ""
    """Matches the queue id (whole), sender, a recipient, the subject or the reason."""
    received_after: float | None = None
    received_before: float | None = None
    min_score: float | None = None
    max_score: float | None = None


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """A line of the quarantine's list. ``id`` is the message's."""

    id: int
    queue_id: str
    kind: QuarantineKind
    gateway: str
    level: str
    score: float | None
    reason: str
    received_at: float
    expires_at: float | None
    """When it is deleted; None: it is kept until somebody decides."""
    sender: str
    recipients: tuple[str, ...]
    """The first few."""
    recipient_count: int
    subject: str
    size: int


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """One message with the whole arithmetic."""

    row: QuarantineRow
    parts: tuple[ScorePart, ...]
    recipients: tuple[str, ...]
    client: str
    helo: str
    message_id_header: str
