"""Quarantine: found by itself, looked at when its time is over, and delivered like new mail when it is released."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatepost.model.errors import InvalidInput, NotFound
from gatepost.store.folder import DataFolder
from gatepost.store.quarantine_values import (
    Quarantined,
    QuarantineFilter,
    QuarantineKind,
    QuarantineOrder,
    QuarantineRow,
    ScorePart,
)
from gatepost.store.spool import Spool
from gatepost.store.values import NewMessage, SpoolFilter

from .spool_support import DAY, NOW, Clock, finished, message, recipients


async def test_quarantined_mail_ends_after_its_days_and_never_by_its_lifetime(tmp_path: Path) -> None:
    clock = Clock()
    spool = Spool.open(DataFolder(tmp_path), clock=clock)
    try:
        stored = await spool.submit(message(hold="quarantine: spam level high", hold_until=NOW + 30 * DAY))
        await spool.submit(message(hold="held by a person"))
        assert [row.hold_until for row in await spool.list()] == [NOW + 30 * DAY, None]
        assert [row.message_id for row in await spool.list(SpoolFilter(quarantined=True))] == [stored.id]
        # Neither given up nor announced as late while it is held, however long that is.
        assert await spool.fetch_expired(NOW + 40 * DAY, 10) == []
        assert await spool.fetch_delay_due(NOW + 1 * DAY, 10) == []
        assert await spool.fetch_hold_ended(NOW + 29 * DAY, 10) == []
        (ended,) = await spool.fetch_hold_ended(NOW + 30 * DAY, 10)
        assert (ended.message_id, ended.hold_until) == (stored.id, NOW + 30 * DAY)
    finally:
        spool.close()


async def test_released_mail_has_the_lifetime_that_it_would_have_had(tmp_path: Path) -> None:
    clock = Clock()
    spool = Spool.open(DataFolder(tmp_path), clock=clock)
    try:
        await spool.submit(message(hold="quarantine: spam", hold_until=NOW + 30 * DAY, delay_notice_at=None))
        clock.now = NOW + 20 * DAY
        assert await spool.release(SpoolFilter(quarantined=True)) == 1
        assert await spool.fetch_hold_ended(NOW + 31 * DAY, 10) == []
        assert await spool.fetch_expired(NOW + 24 * DAY, 10) == []
        assert len(await spool.fetch_expired(NOW + 25 * DAY, 10)) == 1
    finally:
        spool.close()


def quarantined(spool: Spool, score: float | None = 35.0, **fields: Any) -> NewMessage:
    kind = QuarantineKind.VIRUS if score is None else QuarantineKind.SPAM
    reason = f"spam level high, score {score}" if score is not None else "virus found: Eicar"
    parts = (ScorePart("spamd", score or 0.0, "GTUBE"), ScorePart("rspamd", note="no answer", failed=True))
    why = Quarantined(kind, reason, "gw-in", "high" if score is not None else "", score, parts)
    fields.setdefault("hold", f"quarantine: {reason}")
    fields.setdefault("hold_until", NOW + 30 * DAY)
    return message(quarantine=why, id=spool.allocate_id(), **fields)


async def rows(spool: Spool, order: QuarantineOrder = QuarantineOrder.AGE, **wanted: Any) -> list[QuarantineRow]:
    return await spool.quarantine_list(QuarantineFilter(**wanted), order, descending=False, offset=0, limit=100)


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    opened = Spool.open(DataFolder(tmp_path), clock=Clock())
    yield opened
    await opened.aclose()


async def test_the_list_is_sorted_filtered_paged_and_counted(spool: Spool) -> None:
    first = await spool.submit(quarantined(spool, 35.0, sender="b@example.com", subject="Win"))
    second = await spool.submit(quarantined(spool, None, sender="a@example.com", subject="Bill", hold_until=NOW + DAY))
    third = await spool.submit(quarantined(spool, 99.5, sender="c@example.com", subject="Rich"))
    await spool.submit(message())
    order = [first.id, second.id, third.id]
    assert [row.id for row in await rows(spool)] == order
    assert [row.id for row in await rows(spool, QuarantineOrder.SENDER)] == [order[1], order[0], order[2]]
    assert (await rows(spool, QuarantineOrder.EXPIRES))[0].id == second.id
    best = await spool.quarantine_ids(QuarantineFilter(), QuarantineOrder.SCORE, descending=True, limit=2)
    assert list(best) == [third.id, first.id]
    assert await spool.quarantine_after(QuarantineFilter(), first.id, 1) == [second.id]
    for wanted, found in (
        ({"kind": QuarantineKind.VIRUS}, [1]),
        ({"sender": "A@EXAMPLE"}, [1]),
        ({"recipient": "bob@"}, [0, 1, 2]),
        ({"recipient": "nobody@"}, []),
        ({"subject": "r"}, [2]),
        ({"text": "eicar"}, [1]),
        ({"text": third.queue_id}, [2]),
        ({"min_score": 35.0, "max_score": 40.0}, [0]),
        ({"gateway": "gw-in", "level": "high"}, [0, 2]),
        ({"received_after": NOW + 1}, []),
        ({"ids": ()}, []),
        ({"ids": (second.id,)}, [1]),
    ):
        assert [row.id for row in await rows(spool, **wanted)] == [order[i] for i in found], wanted
        assert await spool.quarantine_count(QuarantineFilter(**wanted)) == len(found)
    assert [row.id for row in await spool.quarantine_list(
        QuarantineFilter(), QuarantineOrder.AGE, descending=True, offset=1, limit=1
    )] == [second.id]  # fmt: skip
    with pytest.raises(InvalidInput):
        await rows(spool, text="x" * 2000)


async def test_an_entry_shows_the_whole_arithmetic_and_where_it_came_from(spool: Spool) -> None:
    stored = await spool.submit(quarantined(spool, message_id_header="<1@example.com>"))
    entry = await spool.quarantine_entry(stored.id)
    assert entry.parts == (ScorePart("spamd", 35.0, "GTUBE"), ScorePart("rspamd", note="no answer", failed=True))
    assert (entry.client, entry.helo, entry.message_id_header) == ("192.0.2.7", "client.example", "<1@example.com>")
    assert entry.recipients == ("bob@example.org",)
    assert entry.row.expires_at == NOW + 30 * DAY
    with pytest.raises(NotFound):
        await spool.quarantine_entry(stored.id + 1)


async def test_what_leaves_the_quarantine_by_any_way_leaves_its_list(spool: Spool, tmp_path: Path) -> None:
    parts = (("pool", recipients("bob@example.org")), ("gateway:gw-1", recipients("eve@example.net")))
    released = await spool.submit(quarantined(spool))
    deleted = await spool.submit(quarantined(spool))
    failed = await spool.submit(quarantined(spool))
    halved = await spool.submit(message(*parts, quarantine=quarantined(spool).quarantine, hold="quarantine: x"))
    kept = await spool.submit(quarantined(spool))
    assert spool.counts().quarantined == 5
    await spool.release(SpoolFilter(message_ids=(released.id,), quarantined=True))
    await spool.delete(SpoolFilter(message_ids=(deleted.id,)))
    await spool.record(finished(failed.deliveries[0]))
    await spool.release(SpoolFilter(ids=(halved.deliveries[0].id,)))
    assert [row.id for row in await rows(spool)] == [halved.id, kept.id]
    assert spool.counts().quarantined == 2
    await spool.release(SpoolFilter(ids=(halved.deliveries[1].id,)))
    assert [row.id for row in await rows(spool)] == [kept.id]
    await spool.aclose()
    again = Spool.open(DataFolder(tmp_path))
    assert again.counts().quarantined == 1
    await again.aclose()


async def test_several_messages_are_stored_all_or_none(spool: Spool) -> None:
    stored = await spool.submit_all([quarantined(spool), message(id=spool.allocate_id())])
    assert [one.deliveries[0].hold != "" for one in stored] == [True, False]
    assert (spool.counts().total, spool.counts().quarantined) == (2, 1)
    writer = spool.bodies.open_body()
    await writer.write(b"large")
    body = await writer.finish()
    clash = replace(message(content=body), id=stored[0].id)
    with pytest.raises(Exception, match="UNIQUE"):
        await spool.submit_all([message(id=spool.allocate_id()), clash])
    assert spool.counts().total == 2
    assert not body.path.exists()
