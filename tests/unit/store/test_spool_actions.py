"""What people do to a selection, and what a change of routing does to what waits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gatepost.model.errors import InvalidInput
from gatepost.store import spool as spool_module
from gatepost.store.folder import DataFolder
from gatepost.store.spool import Spool
from gatepost.store.values import (
    Delivery,
    DeliveryResult,
    RecipientOutcome,
    RecipientRow,
    RecipientState,
    SpoolFilter,
    SpoolState,
)

from .spool_support import DAY, HOUR, NOW, Clock, deferred, finished, message, recipients

EVERYTHING = SpoolFilter()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def spool(tmp_path: Path, clock: Clock) -> AsyncIterator[Spool]:
    spool = Spool.open(DataFolder(tmp_path / "data"), clock=clock)
    yield spool
    await spool.aclose()


async def add(spool: Spool, lane: str = "pool", *addresses: str, **fields: Any) -> Delivery:
    stored = await spool.submit(message((lane, recipients(*(addresses or ("bob@example.org",)))), **fields))
    return stored.deliveries[0]


async def present(spool: Spool, delivery: Delivery) -> Delivery:
    found = await spool.fetch(delivery.id)
    assert found is not None
    return found


async def test_retry_now_makes_due_but_leaves_what_is_held(spool: Spool) -> None:
    waiting, held = await add(spool, due_at=NOW + HOUR), await add(spool, hold="quarantine")
    assert await spool.retry_now(EVERYTHING) == 1
    assert [d.id for d in await spool.fetch_due("pool", NOW, 10)] == [waiting.id]
    assert (await present(spool, held)).state is SpoolState.HELD


async def test_held_mail_is_never_due_until_it_is_released(spool: Spool, clock: Clock) -> None:
    delivery = await add(spool)
    assert await spool.hold(EVERYTHING, "looked at by Ada") == 1
    assert await spool.hold(EVERYTHING, "again") == 0
    assert await spool.due_lanes(NOW + 99 * DAY) == []
    assert (await present(spool, delivery)).hold == "looked at by Ada"

    clock.now += 10 * DAY
    assert await spool.release(EVERYTHING) == 1
    released = await present(spool, delivery)
    assert (released.state, released.hold, released.due_at) == (SpoolState.WAITING, "", clock.now)
    assert released.expires_at == NOW + 15 * DAY
    assert await spool.fetch_expired(NOW + 15 * DAY - 1, 10) == []
    assert len(await spool.fetch_expired(NOW + 15 * DAY, 10)) == 1


async def test_what_was_accepted_into_quarantine_keeps_its_lifetime_too(spool: Spool, clock: Clock) -> None:
    delivery = await add(spool, hold="quarantine: spam high")
    clock.now += 20 * DAY
    await spool.release(EVERYTHING)
    assert (await present(spool, delivery)).expires_at == NOW + 25 * DAY


async def test_sending_by_another_gateway_pins_and_makes_due(spool: Spool) -> None:
    delivery = await add(spool, due_at=NOW + HOUR)
    assert await spool.reroute(EVERYTHING, "gw-2") == 1
    (found,) = await spool.fetch_due("gateway:gw-2", NOW, 10)
    assert (found.id, found.pinned_gateway) == (delivery.id, "gw-2")
    assert spool.counts().lanes == {"gateway:gw-2": 1}

    assert await spool.relane(lambda d, r: "pool") == 0
    assert await spool.reroute(EVERYTHING, None) == 1
    assert await spool.relane(lambda d, r: "pool") == 1
    assert (await present(spool, delivery)).pinned_gateway is None
    assert spool.counts().lanes == {"pool": 1}


async def test_priority_changes_the_order(spool: Spool) -> None:
    first, second = await add(spool, due_at=NOW - 9), await add(spool)
    assert await spool.set_priority(SpoolFilter(ids=(second.id,)), 7) == 1
    assert await spool.set_priority(SpoolFilter(ids=(second.id,)), 7) == 0
    assert [d.id for d in await spool.fetch_due("pool", NOW, 10)] == [second.id, first.id]


async def test_deleting_removes_the_mail_and_its_body(spool: Spool) -> None:
    writer = spool.bodies.open_body()
    await writer.write(b"content")
    await spool.submit(message(content=await writer.finish()))
    kept = await add(spool, "pool", "eve@example.org")
    assert await spool.delete(SpoolFilter(recipient="BOB@")) == 1
    assert spool.bodies.names() == []
    assert [row.id for row in await spool.list()] == [kept.id]
    assert spool.counts().total == 1


async def test_an_outcome_after_a_deletion_is_no_error(spool: Spool) -> None:
    delivery = await add(spool)
    await spool.delete(EVERYTHING)
    await spool.record(deferred(delivery, NOW + 60))
    assert spool.counts().total == 0


async def test_a_selection_larger_than_a_chunk_is_changed_whole_in_several_commits(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "CHUNK", 7)
    for _ in range(40):
        await add(spool)
    commits = spool._writer.commits
    assert await spool.hold(EVERYTHING) == 40
    assert spool._writer.commits - commits == 6
    assert spool.counts().held == 40
    assert await spool.delete(EVERYTHING) == 40
    assert spool.counts() == type(spool.counts())()


async def test_a_filter_that_cannot_be_changes_nothing(spool: Spool) -> None:
    await add(spool)
    with pytest.raises(InvalidInput, match="longer than"):
        await spool.delete(SpoolFilter(subject="x" * 5000))
    assert await spool.delete(SpoolFilter(ids=())) == 0
    assert spool.counts().total == 1


async def test_a_change_of_routing_moves_what_waits_and_makes_it_due(spool: Spool) -> None:
    moved, stays = await add(spool, due_at=NOW + HOUR), await add(spool, "gateway:gw-1", due_at=NOW + HOUR)
    held = await add(spool, hold="quarantine")
    assert await spool.relane(lambda d, r: "gateway:gw-1") == 2
    assert [d.id for d in await spool.fetch_due("gateway:gw-1", NOW, 10)] == [moved.id]
    assert (await present(spool, stays)).due_at == NOW + HOUR
    assert (await present(spool, held)).lane == "gateway:gw-1"
    assert spool.counts().lanes == {"gateway:gw-1": 3}


async def test_a_delivery_whose_recipients_part_is_split_with_its_history(spool: Spool) -> None:
    delivery = await add(spool, "pool", "a@x.example", "b@y.example", "c@x.example", "d@z.example")
    outcomes = (RecipientOutcome(3, RecipientState.DELIVERED, "250 ok"), RecipientOutcome(0, RecipientState.WAITING, "450 no"))
    await spool.record(DeliveryResult(delivery, outcomes, due_at=NOW + 60))
    assert await spool.relane(lambda d, r: f"mx:{r.domain}") == 1

    whole = await spool.get(delivery.message_id)
    waiting = {d.lane: [r.id for r in d.recipients if r.state is RecipientState.WAITING] for d in whole.deliveries}
    assert {lane: ids for lane, ids in waiting.items() if ids} == {"mx:x.example": [0, 2], "mx:y.example": [1]}
    everyone = {r.address: r for d in whole.deliveries for r in d.recipients}
    assert everyone["a@x.example"] == RecipientRow(0, "a@x.example", last_reply="450 no")
    assert {d.attempts for d in whole.deliveries} == {1}
    assert spool.counts().total == len(whole.deliveries)


async def test_whoever_has_the_mail_already_is_no_delivery_of_its_own_after_a_split(spool: Spool) -> None:
    """Nothing would ever be done for such a delivery: it has nobody to be sent to."""
    delivery = await add(spool, "pool", "a@x.example", "b@y.example", "c@z.example")
    await spool.record(DeliveryResult(delivery, (RecipientOutcome(0, RecipientState.DELIVERED, "250 ok"),), due_at=NOW))
    assert await spool.relane(lambda d, r: f"mx:{r.domain}") == 1

    whole = await spool.get(delivery.message_id)
    assert sorted(d.lane for d in whole.deliveries) == ["mx:y.example", "mx:z.example"]
    assert {r.address for d in whole.deliveries for r in d.recipients} == {"a@x.example", "b@y.example", "c@z.example"}
    assert await spool.fetch_due("pool", NOW + HOUR, 10) == []
    for lane in ("mx:y.example", "mx:z.example"):
        (part,) = await spool.fetch_due(lane, NOW + HOUR, 10)
        await spool.record(finished(part))
    assert spool.counts().total == 0


async def test_what_came_back_changed_between_the_look_and_the_move_is_named_with_what_is_on_its_way(spool: Spool) -> None:
    back, gone = await add(spool, "pool", "a@x.example", "b@x.example"), await add(spool, "pool", "c@x.example")
    left: set[int] = set()

    def set_apart(ids: Sequence[int]) -> tuple[set[int], Callable[[], None]]:
        spool.record(DeliveryResult(back, (RecipientOutcome(0, RecipientState.DELIVERED, "250 ok"),), due_at=NOW))
        spool.record(finished(gone))
        return set(ids), lambda: None

    spool.set_apart = set_apart
    assert await spool.relane(lambda d, r: "elsewhere", left=left.update) == 0
    assert left == {back.id}, "the other is not there any more"


async def test_what_waits_to_be_recorded_is_not_moved_either(spool: Spool) -> None:
    """A part of it would have another id, by which nobody knows that it was delivered."""
    delivered = await add(spool, "pool", "a@x.example", "b@y.example")
    spool.unrecorded.add(delivered.id)
    left: set[int] = set()
    assert await spool.relane(lambda d, r: f"mx:{r.domain}", left=left.update) == 0
    assert left == {delivered.id}


async def test_what_is_being_attempted_is_not_moved(spool: Spool) -> None:
    busy, idle = await add(spool), await add(spool)
    apart: list[int] = []
    left: set[int] = set()

    def set_apart(ids: Sequence[int]) -> tuple[set[int], Callable[[], None]]:
        apart.extend(ids)
        return {idle.id}, apart.clear

    spool.set_apart = set_apart
    assert await spool.relane(lambda d, r: "elsewhere", left=left.update) == 1
    assert left == {busy.id}
    assert not apart, "they are let go"
    assert (await present(spool, busy)).lane == "pool"
    assert (await present(spool, idle)).lane == "elsewhere"


async def test_relaning_walks_through_every_page(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost.store.spool_relane.PAGE", 3)
    for _ in range(10):
        await add(spool)
    assert await spool.relane(lambda d, r: "elsewhere") == 10
    assert spool.counts().lanes == {"elsewhere": 10}
