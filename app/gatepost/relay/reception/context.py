"""What reception asks of the rest of the relay. ``service`` fills it in; reception knows nobody by name."""

from __future__ import annotations

import time
from asyncio import Future
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ...model.capture import FaultRule, FaultStage
from ...model.envelope import Envelope, Recipient
from ...model.gateway import InboundGateway
from ...model.reply import Reply
from ...model.value import value
from ...store.bodies import BodyFile
from ...store.quarantine_values import Quarantined
from ...store.values import Content, NewMessage, StoredMessage
from ..common.clock import Clock
from ..common.metrics import Counters

Parts = tuple[tuple[str, tuple[Recipient, ...]], ...]
"""(lane, recipients that leave by it)."""


class BodyWriterPort(Protocol):
    """A large body on its way to the disk."""

    async def write(self, chunk: bytes) -> None: ...
    async def finish(self, *, line_ends_checked: bool = False) -> BodyFile: ...
    def discard(self) -> None: ...


class BodiesPort(Protocol):
    def open_body(self) -> BodyWriterPort: ...


class SpoolPort(Protocol):
    """The part of the spool that takes messages in."""

    @property
    def bodies(self) -> BodiesPort: ...
    def allocate_id(self) -> int: ...
    def has_room(self, size: int) -> bool: ...
    def submit(self, message: NewMessage) -> Future[StoredMessage]: ...
    def submit_all(self, messages: Sequence[NewMessage]) -> Future[list[StoredMessage]]: ...


class Refused(NamedTuple):
    """Something that was not let in, for the journal."""

    at: float
    listener: str
    client: str
    helo: str
    sender: str
    recipient: str
    stage: str
    """``connect``, ``mail``, ``rcpt``, ``data``…"""
    reason: str
    """The counter's label, such as ``relay-denied``."""
    reply: str


class JournalPort(Protocol):
    """Both calls take a tuple and return at once."""

    def received(self, message: NewMessage, stored: StoredMessage, verified: Sequence[Note] = ()) -> None: ...
    def refused(self, refused: Refused) -> None: ...
    def injected(self, refused: Refused) -> None:
        """A fault that somebody asked for; ``reply`` says what happened."""


@value(frozen=True, slots=True)
class RecipientQuestion:
    """May mail for this address come in? ``gateway`` is the inbound gateway whose list names the domain.

    None: no list names it; whoever answers may know better (an MX look-up for Backup MX, a web service). ``may_relay``:
    the client may send anywhere; it is asked all the same, so that unknown users are refused at once.
    """

    address: str
    domain: str
    gateway: InboundGateway | None
    sender: str
    client: str
    may_relay: bool


@dataclass(frozen=True, slots=True)
class RecipientVerdict:
    """``refusal`` None: accepted. ``reason`` labels the counter and the journal entry of a refusal."""

    refusal: Reply | None = None
    reason: str = "recipient"
    words: str = ""
    """How the recipient was verified, for the message's timeline."""


ACCEPTED = RecipientVerdict()

RecipientPolicy = Callable[[RecipientQuestion], "RecipientVerdict | Awaitable[RecipientVerdict | None] | None"]
"""None: not a domain of ours. Answer without awaiting where the answer is known."""


class Note(NamedTuple):
    """One step of a message's timeline. ``kind`` is one of the journal's; ``recipient`` empty: it concerns all."""

    kind: str
    recipient: str
    text: str
    data: dict[str, Any] | None = None


@value(frozen=True, slots=True)
class Share:
    """What some of the recipients get. Each share becomes a message of its own."""

    envelope: Envelope
    content: Content
    hold: str = ""
    hold_seconds: float | None = None
    """How long it is held at most; None: until somebody decides."""
    subject_prefix: str = ""
    """What was put before the subject."""
    quarantine: Quarantined | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspected:
    """What inspection made of a message. ``refusal`` is answered; no share at all: accepted and forgotten.

    With shares, the content that was inspected belongs to them or is gone; without, it is left to the caller.
    """

    shares: tuple[Share, ...] = ()
    refusal: Reply | None = None
    reason: str = "inspection"
    notes: tuple[Note, ...] = ()
    """Of a refused or forgotten message; what is kept has its notes with its shares."""


Inspect = Callable[[Envelope, Content, bool], Awaitable[Inspected]]
"""The last argument: the client may relay, so it is one of our own and is not scored."""


class Times(NamedTuple):
    """Seconds since the epoch."""

    due_at: float
    expires_at: float
    delay_notice_at: float | None


class CapturePort(Protocol):
    """The test inbox, for listeners whose mail is not delivered as it is. What it keeps is on the disk when it returns."""

    async def keep(self, message_id: int, envelope: Envelope, content: Content) -> str:
        """Keep a message that goes no further; says in words where it lies. The content is its own from now on."""

    async def submit_with_copies(self, messages: Sequence[NewMessage]) -> list[StoredMessage]:
        """As ``SpoolPort.submit_all``, and keep a copy of each: all or nothing."""


class FaultsPort(Protocol):
    def find(self, stage: FaultStage, listener: str, sender: str = "", recipients: Sequence[str] = ()) -> FaultRule | None:
        """The fault that is due now, of those that somebody asked for."""


Etrn = Callable[[str, str], "Reply | Awaitable[Reply]"]
"""(domain or ``@domain`` or ``#queue``, client address) → the reply (RFC 1985)."""


@dataclass(slots=True)
class ReceptionContext:
    """Reception's collaborators. Optional ones cost nothing while they are None."""

    spool: SpoolPort
    lanes: Callable[[Envelope], Parts]
    accepted: Callable[[StoredMessage, Content], None]
    """Called on the loop after the commit and before the 250 goes out."""
    counters: Counters
    journal: JournalPort | None = None
    recipient_policy: RecipientPolicy | None = None
    inspect: Inspect | None = None
    """Looked at for each message, so that it can be set and taken away while mail comes in."""
    refused_as: Callable[[str, str, str], str] | None = None
    """(sender domain, recipient domain, client) → names for what inspection may refuse mail to this domain; empty: for
    nothing. Recipients under different names do not share a transaction, because one reply answers for all of them."""
    times: Callable[[Parts, float], Times] | None = None
    """(parts, received at) → due, expiry and delay notice; None: from Settings → Spool."""
    etrn: Etrn | None = None
    not_kept: Callable[[NewMessage, tuple[Note, ...]], None] | None = None
    """A message that inspection accepted and forgot, or refused with something to say about it."""
    noted: Callable[[StoredMessage, tuple[Note, ...]], None] | None = None
    """What inspection had to say of a message that was stored."""
    capture: CapturePort | None = None
    faults: FaultsPort | None = None
    tls_folder: Path | None = None
    """Where a self-signed pair is kept for listeners that name no certificate."""
    clock: Clock = time.time
