"""People and rules change mail while it is being delivered: what is in memory, on its way, or about to be."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from gatepost import __version__
from gatepost.model.configuration import parse_configuration
from gatepost.relay.delivery import queue
from gatepost.store.values import Moved, SpoolFilter

from ...support.smtp_peer import Delay, SmtpPeer
from .queue_rig import Rig, gateway, named, rig

SLOW = {"limits": {"connections": 1}}


async def submit_many(r: Rig, count: int, *more: str) -> None:
    await asyncio.gather(*(r.submit(f"b{number}@example.net", *more) for number in range(count)))


def times_received(*peers: SmtpPeer) -> set[int]:
    found = Counter(recipient for peer in peers for message in peer.messages for recipient in message.recipients)
    return set(found.values())


def takes_long(r: Rig, name: str, meanwhile: Callable[[], Any]) -> None:
    """The spool's operation goes on for a while after its first rows have been changed, as a large one does."""
    real = getattr(r.spool, name)

    async def slow(*arguments: Any) -> Any:
        found = await real(*arguments)
        await meanwhile()
        return found

    setattr(r.spool, name, slow)


async def test_mail_that_a_long_operation_sends_elsewhere_is_sent_once(tmp_path: Path) -> None:
    async with (
        SmtpPeer() as one,
        SmtpPeer() as two,
        rig(tmp_path, gateway("one", one, **SLOW), named("two", two, "elsewhere.example")) as r,
    ):
        one.on("dot", Delay(0.02))
        await submit_many(r, 40)
        await one.wait_for(lambda p: p.messages)

        async def until_the_other_gateway_has_had_all_it_gets() -> None:
            r.queue.wake()
            await r.until(lambda: len(two.messages) >= 30)
            await r.settled()

        takes_long(r, "reroute", until_the_other_gateway_has_had_all_it_gets)
        await r.queue.reroute(SpoolFilter(), "two")
        await r.empty()
        assert times_received(one, two) == {1}
        assert len(one.messages) < 10


@pytest.mark.parametrize("operation", ["delete", "hold"])
async def test_mail_that_is_being_deleted_or_held_is_not_sent_from_memory(tmp_path: Path, operation: str) -> None:
    async with SmtpPeer() as one, rig(tmp_path, gateway("one", one, **SLOW)) as r:
        one.on("dot", Delay(0.02))
        await submit_many(r, 40)
        await one.wait_for(lambda p: p.messages)

        async def until_nothing_is_on_its_way() -> None:
            r.queue.wake()
            await r.settled()

        takes_long(r, operation, until_nothing_is_on_its_way)
        await getattr(r.queue, operation)(SpoolFilter())
        await r.settled()
        assert len(one.messages) < 10, "only what was on its way"
        assert r.spool.counts().held == (40 - len(one.messages) if operation == "hold" else 0)
        assert r.spool.counts().total == r.spool.counts().held


async def test_mail_that_a_change_of_the_rules_splits_is_sent_once(tmp_path: Path) -> None:
    async with SmtpPeer() as one, SmtpPeer() as two:
        cards = [gateway("one", one, **SLOW), named("two", two, "elsewhere.example")]
        async with rig(tmp_path, *cards) as r:
            one.on("dot", Delay(0.02))
            await submit_many(r, 40, "z@apart.example")
            await one.wait_for(lambda p: p.messages)

            async def tell(_moved: Sequence[Moved]) -> None:
                r.queue.wake()
                await r.until(lambda: len(two.messages) >= 30)
                await r.settled()

            r.around.moved = tell
            rows = [{"domain": "apart.example", "match": "recipient", "route": {"via": "gateway", "gateway": "two"}}]
            r.configuration = parse_configuration({"gateways": cards, "domains": rows})
            r.router.apply(r.configuration)
            await r.queue.apply()
            await r.empty()
            assert sum(len(message.recipients) for peer in (one, two) for message in peer.messages) == 80
            assert times_received(one, two) == {1, 40}


async def test_mail_that_was_on_its_way_when_the_rules_changed_follows_them(tmp_path: Path) -> None:
    async with SmtpPeer() as one, SmtpPeer() as two:
        cards = [named("one", one, "example.org"), named("two", two)]
        async with rig(tmp_path, *cards) as r:
            one.on("dot", Delay(0.1, "451 4.3.0 not today"))
            await r.submit()
            await r.until(lambda: r.queue.in_flight)
            row = {"domain": "example.net", "match": "recipient", "route": {"via": "gateway", "gateway": "two"}}
            r.configuration = parse_configuration({"gateways": cards, "domains": [row]})
            r.router.apply(r.configuration)
            assert await r.queue.apply() == 0, "it is on its way"
            await r.settled()
            assert (await r.row()).lane == "gateway:one"
            await r.advance(30)
            await r.empty()
            assert len(two.messages) == 1


async def test_mail_that_was_not_put_into_its_new_lane_before_the_process_ended_is_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules are saved before the mail that they move is moved."""
    async with SmtpPeer() as dead, SmtpPeer() as two:
        dead.stop()
        cards = [named("one", dead, "example.org"), named("two", two)]
        async with rig(tmp_path, *cards) as r:
            await r.submit()
            await r.until(lambda: r.counters.total("deferred") == 1)
            await r.settled()
            assert (await r.row()).lane == "gateway:one"
        via = {"via": "gateway", "gateway": "two"}
        row = {"id": "row", "domain": "example.net", "match": "recipient", "route": via}
        async with rig(tmp_path, *cards, domains=[row]) as r:
            await r.empty()
            assert len(two.messages) == 1
        for version, passes in ((__version__, 0), ("99.0", 1)):
            monkeypatch.setattr(queue, "__version__", version)
            async with rig(tmp_path, *cards, domains=[row], start=False) as r:
                relane = AsyncMock(side_effect=r.spool.relane)
                monkeypatch.setattr(r.spool, "relane", relane)
                mark = await r.spool.lanes_mark()
                await r.queue.start()
                await r.until(lambda: not r.queue._lanes_are_old)
                await r.queue.tick()
                assert relane.await_count == passes, f"another version may make other lanes of the same rules: {version}"
                assert (await r.spool.lanes_mark() != mark) is bool(passes)


async def lanes_are_right(r: Rig) -> None:
    """The pass that a new spool gets at its first start is over."""
    while await r.spool.lanes_mark() is None:
        await asyncio.sleep(0.002)


async def test_a_change_of_the_rules_that_takes_long_is_not_begun_anew_at_each_tick(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        await lanes_are_right(r)
        real, passes, go_on = r.spool.relane, 0, asyncio.Event()

        async def slow(*arguments: Any) -> int:
            nonlocal passes
            passes += 1
            await go_on.wait()
            return await real(*arguments)

        r.spool.relane = slow  # type: ignore[method-assign]
        change = asyncio.create_task(r.queue.apply())
        await r.until(lambda: passes)
        ticks = [asyncio.create_task(r.advance(30)) for _ in range(3)]
        await asyncio.sleep(0.05)
        go_on.set()
        await asyncio.gather(change, *ticks)
        assert passes == 1


async def test_mail_that_was_on_its_way_during_two_changes_at_once_follows_them_afterwards(tmp_path: Path) -> None:
    async with SmtpPeer() as one, SmtpPeer() as two:
        cards = [named("one", one, "example.org"), named("two", two)]
        async with rig(tmp_path, *cards) as r:
            await lanes_are_right(r)
            one.on("dot", Delay(0.3, "451 4.3.0 not today"))
            await r.submit()
            await r.until(lambda: r.queue.in_flight)
            row = {"domain": "example.net", "match": "recipient", "route": {"via": "gateway", "gateway": "two"}}
            r.configuration = parse_configuration({"gateways": cards, "domains": [row]})
            r.router.apply(r.configuration)
            real, second_may_look, second_has_begun = r.spool.relane, asyncio.Event(), asyncio.Event()

            async def first(*arguments: Any) -> int:
                r.spool.relane = second  # type: ignore[method-assign]
                found = await real(*arguments)
                await second_has_begun.wait()
                return found

            async def second(*arguments: Any) -> int:
                second_has_begun.set()
                await second_may_look.wait()
                return await real(*arguments)

            r.spool.relane = first  # type: ignore[method-assign]
            one_change = asyncio.create_task(r.queue.apply())
            await r.until(lambda: r.spool.relane == second)
            another = asyncio.create_task(r.queue.apply())
            await one_change
            second_may_look.set()
            await another
            r.spool.relane = real  # type: ignore[method-assign]
            await r.settled()
            assert (await r.row()).lane == "gateway:one"
            await r.advance(30)
            await r.empty()
            assert len(two.messages) == 1


async def test_two_operations_at_once_both_keep_mail_from_being_begun_until_they_are_over(tmp_path: Path) -> None:
    async with SmtpPeer() as one, rig(tmp_path, gateway("one", one, **SLOW), start=False) as r:
        stored = await r.submit(hand_over=False)
        (number,) = (delivery.id for delivery in stored.deliveries)
        _, first_lets_go = r.spool.set_apart([number])
        free, second_lets_go = r.spool.set_apart([number])
        assert free == {number}, "it is on no way: both may change it"
        await r.queue.start()
        first_lets_go()
        r.queue.changed()
        await asyncio.sleep(0.1)
        assert not one.messages
        second_lets_go()
        r.queue.changed()
        await r.empty()
        assert len(one.messages) == 1
