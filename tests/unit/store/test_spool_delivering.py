"""Delivering: what is due, in which order, and what recording an outcome leaves behind."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gatepost.store import spool_rows
from gatepost.store.bodies import BodyFile
from gatepost.store.folder import DataFolder
from gatepost.store.spool import Spool
from gatepost.store.values import (
    Delivery,
    DeliveryResult,
    LaneSummary,
    RecipientOutcome,
    RecipientRow,
    RecipientState,
    SpoolFilter,
    SpoolState,
)

from .spool_support import DAY, HOUR, NOW, Clock, deferred, finished, message, recipients


@pytest_asyncio.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    spool = Spool.open(DataFolder(tmp_path / "data"), clock=Clock())
    yield spool
    await spool.aclose()


async def add(spool: Spool, lane: str = "pool", **fields: Any) -> Delivery:
    stored = await spool.submit(message((lane, recipients("bob@example.org")), **fields))
    return stored.deliveries[0]


async def test_lanes_with_due_mail_are_found_one_after_another(spool: Spool) -> None:
    for lane, due in [("a", NOW - 5), ("a", NOW - 9), ("b", NOW + 60), ("c", NOW), ("mx:d", NOW - 1), ("mx:e", NOW)]:
        await add(spool, lane, due_at=due)
    await add(spool, "held", hold="quarantine")
    await spool.record(deferred(await add(spool, "late"), NOW - 3))

    first = await spool.due_lanes(NOW, limit=3)
    assert first == [LaneSummary("a", NOW - 9, 2), LaneSummary("c", NOW, 1), LaneSummary("late", NOW - 3, 1)]
    assert [s.lane for s in await spool.due_lanes(NOW, after="late")] == ["mx:d", "mx:e"]
    assert await spool.due_lanes(NOW - 100) == []


async def test_urgent_mail_goes_first_then_what_is_due_longest(spool: Spool) -> None:
    late = await add(spool, due_at=NOW - 1)
    early = await add(spool, due_at=NOW - 50)
    urgent = await add(spool, due_at=NOW, priority=5)
    bulk = await add(spool, due_at=NOW - 500, priority=-1)
    again = await add(spool)
    await spool.record(deferred(again, NOW - 20))
    await add(spool, due_at=NOW + 1)
    await add(spool, "other", due_at=NOW - 99)

    found = [d.id for d in await spool.fetch_due("pool", NOW, 10)]
    assert found == [urgent.id, early.id, again.id, late.id, bulk.id]
    assert [d.id for d in await spool.fetch_due("pool", NOW, 2, {urgent.id, again.id})] == [early.id, late.id]


async def test_the_next_moment_with_something_to_do_is_known(spool: Spool) -> None:
    assert (await spool.next_due(NOW), await spool.next_alarm()) == (None, None)
    await add(spool, due_at=NOW + 70)
    await add(spool, due_at=NOW + 50, priority=3)
    await add(spool, due_at=NOW - 50)
    await add(spool, hold="quarantine", expires_at=NOW + 1, delay_notice_at=None)

    assert await spool.next_due(NOW) == NOW + 50
    assert await spool.next_alarm() == NOW + 4 * HOUR


async def test_delivered_mail_leaves_nothing(spool: Spool) -> None:
    delivery = await add(spool)
    await spool.record(finished(delivery))

    assert spool.counts().total == 0
    assert await spool.fetch(delivery.id) is None
    await spool.record(finished(delivery))  # and saying so twice is no error
    assert spool.counts().total == 0


async def test_a_deferral_counts_the_attempt_and_keeps_the_reply(spool: Spool) -> None:
    delivery = await add(spool)
    await spool.record(deferred(delivery, NOW + 300, "451 4.7.1 greylisted", waiting="time"))

    assert await spool.fetch_due("pool", NOW + 299, 10) == []
    (found,) = await spool.fetch_due("pool", NOW + 300, 10)
    assert (found.attempts, found.last_reply, found.waiting, found.due_at) == (1, "451 4.7.1 greylisted", "time", NOW + 300)
    assert found.recipients == (RecipientRow(0, "bob@example.org", last_reply="451 4.7.1 greylisted"),)
    assert found.state is SpoolState.DEFERRED


async def test_waiting_for_a_gateway_is_no_attempt(spool: Spool) -> None:
    delivery = await add(spool)
    await spool.record(DeliveryResult(delivery, due_at=NOW + 30, waiting="gateway", counts=False))
    found = await spool.fetch(delivery.id)

    assert found is not None
    assert (found.attempts, found.state, found.waiting, found.due_at) == (0, SpoolState.WAITING, "gateway", NOW + 30)


async def test_each_recipient_has_its_own_outcome(spool: Spool) -> None:
    stored = await spool.submit(message(("pool", recipients("a@x.example", "b@x.example", "c@x.example"))))
    outcomes = (
        RecipientOutcome(0, RecipientState.DELIVERED, "250 ok"),
        RecipientOutcome(1, RecipientState.FAILED, "550 5.1.1 no such user"),
        RecipientOutcome(2, RecipientState.WAITING, "450 4.2.1 busy"),
    )
    await spool.record(DeliveryResult(stored.deliveries[0], outcomes, due_at=NOW + 300))

    (left,) = await spool.fetch_due("pool", NOW + 300, 10)
    assert [(r.id, r.address, r.last_reply) for r in left.recipients] == [(2, "c@x.example", "450 4.2.1 busy")]
    assert await spool.count(SpoolFilter(recipient="c@x")) == 1
    assert await spool.count(SpoolFilter(recipient="a@x")) == 0  # nothing is owed to them any more
    (whole,) = (await spool.get(stored.id)).deliveries
    assert [r.state for r in whole.recipients] == [RecipientState.DELIVERED, RecipientState.FAILED, RecipientState.WAITING]
    await spool.record(finished(left))
    assert spool.counts().total == 0


async def test_the_content_stays_until_the_last_lane_is_done(spool: Spool) -> None:
    stored = await spool.submit(message(("pool", recipients("a@x.example")), ("mx:y", recipients("b@y.example"))))
    first, second = stored.deliveries
    await spool.record(finished(first))
    assert await spool.load_content(stored.id) == b"Hello\r\n"
    await spool.record(finished(second))
    assert spool.counts().total == 0
    assert await spool._list_readers.run(lambda c: c.execute("SELECT count(*) FROM message").fetchone()) == (0,)


async def test_a_bounce_is_stored_in_the_same_commit_as_its_cause(spool: Spool) -> None:
    delivery = await add(spool)
    report = message(("mx:example.com", recipients("alice@example.com")), sender="", content=b"report")
    commits = spool._writer.commits
    stored = await spool.record(finished(delivery, RecipientState.FAILED, dsn=report))

    assert spool._writer.commits == commits + 1
    assert stored is not None
    assert stored.id != delivery.message_id
    assert await spool.load_content(stored.id) == b"report"
    assert spool.counts().lanes == {"mx:": 1}


@pytest.mark.parametrize("state", [RecipientState.FAILED, RecipientState.WAITING])
async def test_nobody_is_told_of_mail_that_was_deleted_on_its_way(spool: Spool, state: RecipientState) -> None:
    delivery, other = await add(spool), await add(spool)
    await spool.delete(SpoolFilter(ids=(delivery.id,)))
    report = message(sender="", content=b"report")
    gone = spool.record(finished(delivery, state, dsn=report))
    there = spool.record(finished(other, RecipientState.FAILED, dsn=report))  # in the same commit

    assert await gone is None
    stored = await there
    assert stored is not None
    assert await spool.load_content(stored.id) == b"report"
    assert spool.counts().total == 1


async def test_a_bounce_that_cannot_be_stored_leaves_its_cause_as_it_was(spool: Spool) -> None:
    delivery, other = await add(spool), await add(spool)
    clash = message(sender="", content=b"report", id=other.message_id)
    with pytest.raises(Exception, match="UNIQUE"):
        await spool.record(finished(delivery, RecipientState.FAILED, dsn=clash))

    assert await spool.fetch(delivery.id) is not None
    assert spool.counts().total == 2


async def test_a_removal_that_was_rolled_back_keeps_the_body(spool: Spool) -> None:
    other = await add(spool)
    writer = spool.bodies.open_body()
    await writer.write(b"precious")
    delivery = await add(spool, content=await writer.finish())
    clash = message(sender="", id=other.message_id)
    with pytest.raises(Exception, match="UNIQUE"):
        await spool.record(finished(delivery, RecipientState.FAILED, dsn=clash))
    await add(spool)  # another commit follows

    content = await spool.load_content(delivery.message_id)
    assert isinstance(content, BodyFile)
    assert content.read() == b"precious"


async def test_old_mail_is_found_by_its_age_and_held_mail_does_not_age(spool: Spool) -> None:
    young = await add(spool)
    await add(spool, hold="quarantine")
    old = await add(spool, expires_at=NOW + DAY, delay_notice_at=NOW + HOUR)

    assert [d.id for d in await spool.fetch_delay_due(NOW + HOUR, 10)] == [old.id]
    assert [d.id for d in await spool.fetch_delay_due(NOW + HOUR, 10, {old.id})] == []
    await spool.record(DeliveryResult(old, counts=False, delay_noticed=True))
    assert await spool.fetch_delay_due(NOW + 2 * HOUR, 10) == []
    assert await spool.fetch_expired(NOW + DAY - 1, 10) == []
    assert [d.id for d in await spool.fetch_expired(NOW + DAY, 10)] == [old.id]
    assert {d.id for d in await spool.fetch_expired(NOW + 9 * DAY, 10)} == {old.id, young.id}


async def test_what_is_expired_owes_no_delay_notice_as_well(spool: Spool) -> None:
    await add(spool, expires_at=NOW + HOUR, delay_notice_at=NOW + 60)
    assert await spool.fetch_delay_due(NOW + 2 * HOUR, 10) == []


async def test_a_row_that_cannot_be_read_is_told_of_once_though_every_look_meets_it(
    spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    spool_rows.tell_unreadable.cache_clear()
    delivery = await add(spool)
    with closing(sqlite3.connect(spool.folder.spool)) as file, file:
        file.execute("UPDATE delivery SET recipients = '[[0,'")
    for _ in range(3):
        assert await spool.fetch_due("pool", NOW, 10) == []
        assert await spool.relane(lambda d, r: "elsewhere") == 0
    told = [record.getMessage() for record in caplog.records if str(delivery.id) in record.getMessage()]
    assert len(told) == 1, told


async def test_a_hold_during_an_attempt_outlasts_its_deferral(spool: Spool) -> None:
    delivery = await add(spool)
    await spool.hold(SpoolFilter(ids=(delivery.id,)), "by Ada")
    await spool.record(deferred(delivery, NOW + 1))

    assert await spool.fetch_due("pool", NOW + DAY, 10) == []
    assert (spool.counts().held, spool.counts().deferred) == (1, 0)
    await spool.release(SpoolFilter(ids=(delivery.id,)))
    assert [d.attempts for d in await spool.fetch_due("pool", NOW, 10)] == [1]
    assert (spool.counts().held, spool.counts().deferred) == (0, 1)


async def test_outcomes_of_a_delivery_that_was_split_meanwhile_are_not_lost(spool: Spool) -> None:
    stored = await spool.submit(message(("pool", recipients("a@x.example", "b@y.example"))))
    before = stored.deliveries[0]
    moved = await spool.relane(lambda delivery, recipient: f"mx:{recipient.domain}")
    assert moved == 1
    assert [s.lane for s in await spool.due_lanes(NOW)] == ["mx:x.example", "mx:y.example"]

    await spool.record(finished(before))
    assert spool.counts().total == 0
    assert spool.counts().lanes == {}
