"""The spool's daily business in one statement: the same as step by step, and all or nothing."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gatepost.store.folder import DataFolder
from gatepost.store.quarantine_values import Quarantined, QuarantineKind
from gatepost.store.spool import Spool
from gatepost.store.values import Delivery, NewMessage, SpoolCounts, StoredMessage
from gatepost.store.writer import Plan, Planner

from .spool_support import Clock, deferred, finished, message, recipients

Row = tuple[Any, ...]


def open_spool(folder: Path) -> tuple[Spool, list[str]]:
    """A spool, and the statements that its writer runs."""
    spool = Spool.open(DataFolder(folder), clock=Clock())
    said: list[str] = []

    def hear(text: str) -> None:
        """SQLite names the triggers as a comment, and the statement once more after each."""
        verb = text.split(maxsplit=1)[0]
        if verb != "--" and not (verb == "INSERT" and said[-1:] == ["INSERT"]):
            said.append(verb)

    spool._writer._connection.set_trace_callback(hear)
    return spool, said


def contents(spool: Spool) -> list[list[Row]]:
    connection = sqlite3.connect(spool.folder.spool)
    try:
        tables = ("message", "delivery", "quarantine", "counter")
        return [connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables]
    finally:
        connection.close()


class Gate:
    """Keeps the writer busy, so that what is handed over meanwhile goes with one commit."""

    def __init__(self, spool: Spool) -> None:
        self._writer = spool._writer
        self._entered, self._opened = threading.Event(), threading.Event()

    async def __aenter__(self) -> None:
        self._passed = self._writer.submit(lambda connection: (self._entered.set(), self._opened.wait(10)))
        assert await asyncio.to_thread(self._entered.wait, 10)

    async def __aexit__(self, *_: object) -> None:
        for gathering in self._writer._gatherings.values():
            gathering.hand_over()
        self._opened.set()
        await self._passed


async def all_in_one_batch(spool: Spool, new: Sequence[NewMessage], gone: Sequence[Delivery]) -> list[StoredMessage]:
    async with Gate(spool):
        records = [spool.record(finished(delivery)) for delivery in gone]
        waiting = [spool.submit(one) for one in new]
    for record in records:
        assert await record is None
    return [await one for one in waiting]


def some_messages(source: random.Random, count: int) -> list[NewMessage]:
    lanes = ("pool", "mx:example.net", "gateway:gw-1", "inbound:gw-2")
    made = []
    for number in range(count):
        chosen = source.sample(lanes, source.choice((1, 1, 1, 2, 3)))
        parts = tuple(
            (lane, recipients(*(f"r{n}@{lane[-5:]}.example" for n in range(source.randint(1, 3))))) for lane in chosen
        )
        made.append(
            message(
                *parts, content=source.randbytes(source.choice((5, 4000, 20_000))), subject=f"Nº {number}",
                priority=source.choice((0, 0, 1)), hold=source.choice(("", "", "held")), delay_notice_at=None,
            )
        )  # fmt: skip
    return made


async def test_it_does_what_the_steps_do(tmp_path: Path) -> None:
    seen: list[tuple[list[list[Row]], SpoolCounts]] = []
    for in_one in (True, False):
        source = random.Random(20261128)
        spool = Spool.open(DataFolder(tmp_path / str(in_one)), clock=Clock())
        planner = spool._writer._planner
        assert planner is not None
        plans = 0

        def counted(*arguments: Any, ask: Planner = planner) -> Plan | None:
            nonlocal plans
            plan = ask(*arguments)
            plans += plan is not None
            return plan

        spool._writer._planner = counted if in_one else None
        present: list[Delivery] = []
        for _ in range(40):
            leaving = source.sample(present, source.randint(0, len(present) // 2))
            stored = await all_in_one_batch(spool, some_messages(source, source.randint(0, 19)), leaving)
            present = [one for one in present if one not in leaving] + [d for s in stored for d in s.deliveries]
        seen.append((contents(spool), spool.counts()))
        assert plans > 30 if in_one else not plans
        await spool.aclose()
    assert len(seen[0][0][1]) > 50
    assert seen[0] == seen[1]


async def test_a_batch_of_arrivals_and_departures_is_one_change(tmp_path: Path) -> None:
    spool, said = open_spool(tmp_path)
    first = [await spool.submit(message()) for _ in range(3)]
    async with Gate(spool):
        said.clear()
        records = [spool.record(finished(one.deliveries[0])) for one in first[:2]]
        waiting = spool.submit(message(("pool", recipients("a@example.net")), ("mx:b", recipients("b@b.example"))))
    stored = await waiting
    assert [await record for record in records] == [None, None]
    assert said == ["COMMIT", "SELECT", "INSERT"]
    assert [row[0] for row in contents(spool)[0]] == [first[2].id, stored.id]
    assert [row[0] for row in contents(spool)[1]] == [first[2].deliveries[0].id, *(d.id for d in stored.deliveries)]
    assert spool.counts().lanes == {"pool": 2, "mx:": 1}
    await spool.aclose()


@pytest.mark.parametrize("case", ["quarantine", "deferred", "gone meanwhile", "large", "many"])
async def test_what_does_not_fit_goes_step_by_step(tmp_path: Path, case: str) -> None:
    spool, said = open_spool(tmp_path)
    stored = await spool.submit(message())
    (delivery,) = stored.deliveries
    said.clear()
    match case:
        case "quarantine":
            why = Quarantined(QuarantineKind.SPAM, "", "high", 9.0, "spam")
            await spool.submit(message(hold="quarantine: spam", quarantine=why))
        case "deferred":
            await spool.record(deferred(delivery, 1_790_000_600.0))
        case "gone meanwhile":
            await all_in_one_batch(spool, [message()], [Delivery(**{**_fields(delivery), "id": 9 << 16, "message_id": 9})])
        case "large":
            await all_in_one_batch(spool, [message(content=bytes(200_000)) for _ in range(6)], [])
        case "many":
            await all_in_one_batch(spool, [message() for _ in range(70)], [])
    assert said[-1] == "COMMIT"
    assert len(contents(spool)[0]) == {"deferred": 1, "large": 7, "many": 71}.get(case, 2)
    await spool.aclose()


def _fields(delivery: Delivery) -> dict[str, Any]:
    return {name: getattr(delivery, name) for name in Delivery.__slots__}


async def test_one_that_cannot_be_stored_takes_nobody_with_it(tmp_path: Path) -> None:
    spool, _ = open_spool(tmp_path)
    taken = await spool.submit(message())
    async with Gate(spool):
        record = spool.record(finished(taken.deliveries[0]))
        good, twice = spool.submit(message()), spool.submit(message(id=taken.id))
    with pytest.raises(sqlite3.IntegrityError):
        await twice
    stored = await good
    assert await record is None
    assert [row[0] for row in contents(spool)[0]] == [stored.id]
    assert spool.counts().waiting == 1
    await spool.aclose()
