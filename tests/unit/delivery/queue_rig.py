"""A queue with everything real around it: spool and journal on the disk, router, pool, sockets. Time is moved by hand."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gatepost.model.configuration import Configuration, parse_configuration
from gatepost.model.envelope import Envelope, Origin, Recipient
from gatepost.relay.common.events import Event, EventBus
from gatepost.relay.common.metrics import Counters
from gatepost.relay.delivery.pool import Pool
from gatepost.relay.delivery.queue import Queue
from gatepost.relay.delivery.surroundings import Surroundings
from gatepost.relay.routing.block_listed import block_listed
from gatepost.relay.routing.lookup import Lookup
from gatepost.relay.routing.mx import MxResolver
from gatepost.relay.routing.router import Router
from gatepost.store.folder import DataFolder
from gatepost.store.journal_values import EntryKind, JournalEntry
from gatepost.store.spool import Spool
from gatepost.store.values import Content, NewMessage, SpoolFilter, SpoolRow, StoredMessage

from ...support.smtp_peer import Received, SmtpPeer
from .hops import connector_for

CONTENT = b"From: a@example.org\r\nSubject: hello\r\nMessage-ID: <one@example.org>\r\n\r\nOne line.\r\n"
START = 1_800_000_000.0


class Time:
    def __init__(self) -> None:
        self.wall = START
        self.ticks = 1000.0

    def clock(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.ticks


class Steady(random.Random):
    def random(self) -> float:
        return 0.0


def gateway(name: str, peer: SmtpPeer | int, **fields: Any) -> dict[str, Any]:
    port = peer if isinstance(peer, int) else peer.port
    return {
        "mode": "round-robin", "id": name, "description": name, "host": "127.0.0.1", "port": port, "encryption": "none",
        **fields,
    }  # fmt: skip


def named(name: str, peer: SmtpPeer | int, *domains: str, **fields: Any) -> dict[str, Any]:
    return {**gateway(name, peer, **fields), "mode": "specific-domains", "domains": list(domains)}


class RememberingJournal:
    """The journal's one method, kept in memory: what the store does with entries is the store's to test."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []

    def note(self, entry: JournalEntry) -> None:
        self.entries.append(entry)

    def texts(self, kind: EntryKind) -> list[str]:
        return [entry.text for entry in self.entries if entry.kind is kind]


class Rig:
    def __init__(self, folder: Path, configuration: Configuration) -> None:
        self.time = Time()
        self.configuration = configuration
        self.spool = Spool.open(DataFolder(folder), clock=self.time.clock)
        self.journal = RememberingJournal()
        self.events = EventBus(self.time.clock)
        self.seen: list[Event] = []
        self.events.subscribe(self.seen.append)
        self.counters = Counters(self.time.clock)
        resolver = MxResolver(Lookup(self.time.monotonic), self.time.monotonic, lambda address, port: False)
        self.router = Router(
            configuration,
            clock=self.time.clock,
            monotonic=self.time.monotonic,
            resolver=resolver,
            events=self.events,
            random=Steady(),
            host_name="relay.test",
        )
        self.pool = Pool(connector_for())
        self.around = Surroundings(
            self.spool, self.pool, self.router, self.journal, self.events, self.counters, self.time.clock,
            self.time.monotonic, lambda: self.configuration, lambda: "relay.test",
            lambda reply: block_listed(reply) is not None,
        )  # fmt: skip
        self.queue = Queue(self.around)
        self.router.opened = self.queue.wake

    async def submit(
        self,
        *recipients: str | Recipient,
        sender: str = "a@example.org",
        content: Content = CONTENT,
        hand_over: bool = True,
        lifetime: float = 432_000.0,
        notice: float | None = None,
        delay: float = 0.0,
        **more: Any,
    ) -> StoredMessage:
        envelope_fields = {k: more.pop(k) for k in ("ret", "envid", "smtputf8", "body") if k in more}
        envelope_fields["origin"] = Origin(client=more.pop("client", ""))
        people = tuple(r if isinstance(r, Recipient) else Recipient(r) for r in recipients or ("b@example.net",))
        envelope = Envelope(sender, people, **envelope_fields)
        now = self.time.wall
        stored = await self.spool.submit(
            NewMessage(
                envelope, content, self.router.lanes(envelope), now, now + delay, now + lifetime,
                None if notice is None else now + notice, subject="hello", **more,
            )
        )  # fmt: skip
        if hand_over:
            self.queue.accepted(stored, content)
        return stored

    async def advance(self, seconds: float) -> None:
        """Both clocks go on, and the slow timer fires."""
        self.time.wall += seconds
        self.time.ticks += seconds
        await self.queue.tick()

    async def until(self, condition: Callable[[], object], seconds: float = 5.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s; lanes {self.queue.lane_states()}")
            await asyncio.sleep(0.002)

    async def settled(self, seconds: float = 5.0) -> None:
        """Nothing is on its way any more, and every outcome is on the disk."""
        await self.until(lambda: not self.queue.in_flight, seconds)

    async def empty(self, seconds: float = 5.0) -> None:
        await self.until(lambda: self.spool.counts().total == 0 and not self.queue.in_flight, seconds)

    async def rows(self) -> Sequence[SpoolRow]:
        return await self.spool.list(SpoolFilter())

    async def row(self) -> SpoolRow:
        (row,) = await self.rows()
        return row

    def kinds(self) -> list[str]:
        return [event.kind for event in self.seen]


@asynccontextmanager
async def rig(
    folder: Path, *gateways: dict[str, Any], start: bool = True, domains: Sequence[dict[str, Any]] = (), **settings: Any
) -> AsyncIterator[Rig]:
    made = Rig(folder, parse_configuration({"gateways": list(gateways), "domains": list(domains), "settings": settings}))
    if start:
        await made.queue.start()
    try:
        yield made
    finally:
        await made.queue.stop(made.pool.drain, 2.0)
        await made.spool.aclose()


def reports(peer: SmtpPeer) -> list[Received]:
    return [message for message in peer.messages if message.sender == ""]


__all__ = ["CONTENT", "START", "Rig", "gateway", "named", "reports", "rig"]
