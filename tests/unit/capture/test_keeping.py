"""Captured mail in its trays: which one, how long, and who waits for it. On a real spool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gatepost.model.configuration import Configuration, parse_configuration
from gatepost.model.envelope import Envelope, Origin, Recipient
from gatepost.relay.capture.keeping import Keeping
from gatepost.relay.capture.retention import DAY, prune
from gatepost.relay.common.events import Event, EventBus
from gatepost.relay.common.metrics import Counters
from gatepost.store.captured_values import CapturedFilter
from gatepost.store.folder import DataFolder
from gatepost.store.spool import Spool

NOW = 1_790_000_000.0


@dataclass
class Rig:
    spool: Spool
    config: Configuration = field(default_factory=Configuration)
    now: float = NOW
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        bus = EventBus(lambda: self.now)
        bus.subscribe(self.events.append)
        self.counters = Counters(lambda: self.now)
        self.keeping = Keeping(self.spool.captured, lambda: self.config, bus, self.counters, lambda: self.now)

    async def capture(self, subject: str, *recipients: str, gateway: str = "", listener: str = "ls-1", user: str = "") -> str:
        """The tray."""
        everyone = tuple(Recipient(address) for address in recipients or ("bob@example.org",))
        envelope = Envelope("app@example.com", everyone, origin=Origin(listener, "127.0.0.1", user=user))
        content = f"Subject: {subject}\r\n\r\nHello\r\n".encode()
        new = await self.keeping.prepare(self.spool.allocate_id(), envelope, content, gateway=gateway)
        self.keeping.kept(new, await self.keeping.store.keep(new))
        return new.tray

    async def subjects(self) -> list[str]:
        return [row.subject for row in await self.spool.captured.list(CapturedFilter(), descending=False)]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    spool = Spool.open(DataFolder(tmp_path / "data"))
    yield Rig(spool)
    await spool.aclose()


def configured(*trays: dict[str, Any], **inbox: Any) -> Configuration:
    return parse_configuration(
        {
            "listeners": [{"id": "ls-1", "port": 0}, {"id": "ls-2", "port": 0}],
            "gateways": [{"id": "gw-1", "mode": "round-robin", "host": "smtp.example.com"}],
            "trays": [{"name": one["id"]} | one for one in trays],
            "inbox": inbox,
        }
    )


async def test_the_first_tray_whose_conditions_all_hold_has_it(rig: Rig) -> None:
    rig.config = configured(
        {"id": "both", "listener": "ls-2", "recipient": "vip@*"},
        {"id": "second", "listener": "ls-2"},
        {"id": "outbound", "gateway": "gw-1"},
        {"id": "mine", "user": "Anna"},
        {"id": "orders", "recipient": "*@orders.example"},
    )
    assert await rig.capture("a", "vip@example.org", listener="ls-2") == "both"
    assert await rig.capture("b", listener="ls-2") == "second"
    assert await rig.capture("c", gateway="gw-1") == "outbound"
    assert await rig.capture("d", user="anna") == "mine"
    assert await rig.capture("e", "x@example.org", "y@Orders.example") == "orders"
    assert await rig.capture("f") == "inbox"
    assert rig.counters.totals["captured", "gw-1"] == 1
    assert rig.counters.totals["captured", "ls-2"] == 2
    added = [event.data for event in rig.events if event.kind == "captured.added"]
    assert [(data["tray"], data["subject"]) for data in added][:2] == [("both", "a"), ("second", "b")]


async def test_trays_keep_so_long_and_so_many(rig: Rig) -> None:
    rig.config = configured({"id": "short", "recipient": "short@*", "keep_days": 1}, keep_days=3, keep_messages=2)
    await rig.capture("old", "short@example.org")
    await rig.capture("old inbox")
    rig.now += DAY + 60
    for number in range(3):
        await rig.capture(f"new {number}", "short@example.org")
    assert await prune(rig.spool.captured, rig.config, rig.now) == 2
    assert await rig.subjects() == ["old inbox", "new 1", "new 2"]
    rig.now += 2 * DAY
    assert await prune(rig.spool.captured, rig.config, rig.now) == 3
    assert await prune(rig.spool.captured, rig.config, rig.now) == 0


async def test_a_tray_that_is_no_more_keeps_as_the_inbox(rig: Rig) -> None:
    rig.config = configured({"id": "gone", "recipient": "*", "keep_days": 100})
    await rig.capture("orphan")
    rig.config = configured(keep_days=2)
    assert await prune(rig.spool.captured, rig.config, NOW + DAY) == 0
    assert await prune(rig.spool.captured, rig.config, NOW + 2 * DAY + 1) == 1


async def test_waiting_ends_with_the_first_match_and_goes_on_behind_it(rig: Rig) -> None:
    chosen = CapturedFilter(subject="invoice")
    waiting = asyncio.ensure_future(rig.keeping.wait(chosen, 20))
    await rig.capture("receipt")
    await rig.capture("invoice 1")
    await rig.capture("invoice 2")
    row, after = await waiting
    assert row is not None
    assert (row.subject, after) == ("invoice 1", row.id)
    row, after = await rig.keeping.wait(CapturedFilter(subject="invoice", after=after), 0)
    assert row is not None
    assert row.subject == "invoice 2"
    row, later = await rig.keeping.wait(CapturedFilter(subject="invoice", after=after), 0)
    assert (row, later) == (None, after)


async def test_a_message_that_does_not_match_is_looked_at_once(rig: Rig) -> None:
    await rig.capture("receipt")
    row, after = await rig.keeping.wait(CapturedFilter(subject="invoice"), 0)
    assert (row, after) == (None, await rig.spool.captured.last_id())


async def test_nobody_waits_any_longer_when_the_relay_ends(rig: Rig) -> None:
    waiting = asyncio.ensure_future(rig.keeping.wait(CapturedFilter(subject="never"), 100))
    await asyncio.sleep(0)
    rig.keeping.close()
    async with asyncio.timeout(10):
        assert (await waiting)[0] is None
    assert rig.keeping._waiting == set()
