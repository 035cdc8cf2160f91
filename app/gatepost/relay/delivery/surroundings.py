"""What the queue is given to work with: its collaborators, as it needs them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ...model.configuration import Configuration
from ...model.envelope import Envelope, Recipient
from ...model.reply import Reply
from ...store.journal_values import JournalEntry
from ...store.spool import Spool
from ...store.values import Moved, NewMessage, StoredMessage
from ..common.clock import Clock
from ..common.events import EventBus
from ..common.hop import NextHop
from ..common.metrics import Counters
from ..common.plan import HopOutcome, LaneState, Plan
from .classify import IsBlockListed
from .values import Job, Outcome


class Routes(Protocol):
    """Routing, as the queue asks it."""

    def lane(self, sender_domain: str, recipient_domain: str, client: str = "") -> str: ...
    def lane_again(self, lane: str, sender_domain: str, recipient_domain: str, client: str = "") -> str: ...
    def lanes(self, envelope: Envelope) -> tuple[tuple[str, tuple[Recipient, ...]], ...]: ...
    def lane_state(self, lane: str) -> LaneState: ...
    def plan_now(
        self,
        lane: str,
        sender: str,
        recipient_domain: str,
        pinned_gateway: str | None = None,
        excluded: frozenset[str] = frozenset(),
        *,
        client: str = "",
        commit: bool = True,
    ) -> Plan | None: ...
    async def plan(
        self,
        lane: str,
        sender: str,
        recipient_domain: str,
        pinned_gateway: str | None = None,
        *,
        client: str = "",
        commit: bool = True,
    ) -> Plan: ...
    def claim(self, hop: NextHop) -> bool: ...
    def report(self, hop: NextHop, outcome: HopOutcome, cause: str = "", source_address: str = "") -> None: ...


class Connections(Protocol):
    """The pool, as the queue uses it."""

    def submit(self, hop: NextHop, job: Job, done: Callable[[Job, Outcome], None]) -> None: ...
    def has_capacity(self, hop: NextHop) -> bool: ...


class Journal(Protocol):
    def note(self, entry: JournalEntry) -> None: ...


def tell_nobody(message: NewMessage, stored: StoredMessage) -> None:
    """For relays that track no notifications."""


def never_block_listed(reply: Reply) -> bool:
    """For relays whose replies nobody weighs."""
    return False


async def tell_nobody_of_moves(moved: Sequence[Moved]) -> None:
    """For relays that track nothing."""


async def sign_nothing(envelope: Envelope, content: bytes, change: Callable[[bytes], bytes | None]) -> bytes | None:
    """For relays without keys."""
    return await asyncio.to_thread(change, content)


@dataclass(slots=True)
class Surroundings:
    """``monotonic`` in seconds from anywhere; it stands still neither in tests nor for a corrected clock."""

    spool: Spool
    pool: Connections
    router: Routes
    journal: Journal
    events: EventBus
    counters: Counters
    clock: Clock
    monotonic: Callable[[], float]
    configuration: Callable[[], Configuration]
    host_name: Callable[[], str]
    is_block_listed: IsBlockListed = never_block_listed
    notified: Callable[[NewMessage, StoredMessage], None] = tell_nobody
    """A notification of ours has been stored: a message like another from here on, which tracking should know."""
    moved: Callable[[Sequence[Moved]], Awaitable[None]] = tell_nobody_of_moves
    """Queued mail leaves by other lanes after a change of routing."""
    signed_again: Callable[[Envelope, bytes, Callable[[bytes], bytes | None]], Awaitable[bytes | None]] = sign_nothing
    """What a change, made in a thread, makes of a message on its way (None: nothing); signed again where we had signed it."""
