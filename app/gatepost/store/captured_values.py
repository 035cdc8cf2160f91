"""What the test inbox's part of the spool takes and gives. Plain values; times are seconds since the epoch, sizes are octets.

A captured message is a copy of a message that is not delivered, or of one that goes on beside it. It has a number of its own,
which grows and is never used twice: whoever waits for mail asks for what has a higher one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..model.envelope import Envelope
from ..model.identifiers import queue_id
from .bodies import BodyFile

Content = bytes | BodyFile


class CapturedOrder(StrEnum):
    AGE = "age"
    """By number, which is by arrival."""
    SENDER = "sender"
    SUBJECT = "subject"
    SIZE = "size"


@dataclass(frozen=True, slots=True)
class Summary:
    """What lists and searches show of a content, read out of it before it is kept."""

    subject: str = ""
    from_header: str = ""
    to_header: str = ""
    message_id_header: str = ""
    preview: str = ""
    """How the text begins, on one line."""
    text: str = ""
    """What a search by text looks through."""
    attachment_count: int = 0


@dataclass(frozen=True, slots=True)
class NewCaptured:
    """A message to be kept in a tray. A ``BodyFile`` in ``content`` belongs to the spool from now on."""

    message_id: int
    """The message's own, by which Tracking knows it."""
    tray: str
    envelope: Envelope
    content: Content
    captured_at: float
    summary: Summary
    gateway: str = ""
    """The outbound gateway that would have taken it; empty where a listener captured it."""
    is_copy: bool = False
    """The message itself goes on."""
    source: str = ""
    """Names the occasion, where the same one may come twice: of a second one nothing is kept. Empty: it comes once."""

    @property
    def size(self) -> int:
        return len(self.content) if isinstance(self.content, bytes) else self.content.size


@dataclass(frozen=True, slots=True)
class CapturedFilter:
    """Which messages: every condition that is set must hold. Texts match anywhere, whatever the case (ASCII)."""

    ids: tuple[int, ...] | None = None
    tray: str = ""
    trays_but: Sequence[str] | None = None
    """Only what lies in none of these."""
    by: str = ""
    listener: str = ""
    gateway: str = ""
    user: str = ""
    sender: str = ""
    recipient: str = ""
    subject: str = ""
    text: str = ""
    received_after: float | None = None
    received_before: float | None = None
    after: int | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class CapturedRow:
    """A line of the list."""

    id: int
    message_id: int
    tray: str
    is_copy: bool
    listener: str
    gateway: str
    user: str
    client: str
    received_at: float
    sender: str
    recipients: tuple[str, ...]
    """The first few."""
    recipient_count: int
    from_header: str
    to_header: str
    subject: str
    preview: str
    attachment_count: int
    size: int
    released_at: float | None

    @property
    def queue_id(self) -> str:
        return queue_id(self.message_id)

    @property
    def by(self) -> str:
        return "gateway" if self.gateway else "listener"


@dataclass(frozen=True, slots=True)
class CapturedEntry:
    """One captured message with its whole envelope and its content."""

    row: CapturedRow
    envelope: Envelope
    message_id_header: str
    content: Content


@dataclass(frozen=True, slots=True)
class TrayFigures:
    """What one tray holds."""

    tray: str
    count: int
    size: int
    oldest: float
    newest: float
    last_id: int
