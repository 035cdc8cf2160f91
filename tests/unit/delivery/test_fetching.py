"""Reading back while outcomes are being recorded: nothing comes twice."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from gatepost.relay.delivery.fetching import PAGE, Fetching
from gatepost.relay.delivery.lanes import Lane

from .queue_rig import gateway, rig


async def test_what_was_recorded_while_the_page_was_read_is_left_out(tmp_path: Path) -> None:
    async with rig(tmp_path, gateway("one", 1), start=False) as r:
        stored = [await r.submit(hand_over=False) for _ in range(3)]
        ids = [s.deliveries[0].id for s in stored]
        flying: set[int] = {ids[2]}
        fetching, lane = Fetching(r.spool, r.time.clock, flying), Lane("pool")
        real = r.spool.load_content

        async def recorded_meanwhile(message_id: int) -> Any:
            fetching.settled(ids[0])
            return await real(message_id)

        r.spool.load_content = recorded_meanwhile  # type: ignore[method-assign]
        page = await fetching.page(lane, 1_000_000)
        assert [delivery.id for delivery, _ in page] == [ids[1]]
        assert not lane.behind


async def test_a_page_that_is_read_sooner_does_not_cost_another_what_it_has_to_hear(tmp_path: Path) -> None:
    async with rig(tmp_path, gateway("one", 1), start=False) as r:
        stored = await r.submit(hand_over=False)
        number = stored.deliveries[0].id
        fetching = Fetching(r.spool, r.time.clock, set())
        real, is_read, may_end = r.spool.load_content, asyncio.Event(), asyncio.Event()

        async def slow(message_id: int) -> Any:
            found = await real(message_id)
            is_read.set()
            await may_end.wait()
            return found

        r.spool.load_content = slow  # type: ignore[method-assign]
        first = asyncio.create_task(fetching.page(Lane("pool"), 1_000_000))
        await is_read.wait()
        assert await fetching.page(Lane("mx:elsewhere.example"), 1_000_000) == []
        fetching.settled(number)
        may_end.set()
        assert await first == [], "it has been delivered: sending it again would be once too often"


async def test_a_page_read_before_an_operation_is_thrown_away(tmp_path: Path) -> None:
    async with rig(tmp_path, gateway("one", 1), start=False) as r:
        await r.submit(hand_over=False)
        fetching, lane = Fetching(r.spool, r.time.clock, set()), Lane("pool")
        real = r.spool.load_content

        async def held_meanwhile(message_id: int) -> Any:
            fetching.spool_changed()
            return await real(message_id)

        r.spool.load_content = held_meanwhile  # type: ignore[method-assign]
        assert await fetching.page(lane, 1_000_000) == []
        assert lane.behind


async def test_an_operation_on_some_mail_throws_away_no_other(tmp_path: Path) -> None:
    """One that goes on for long would let nothing be read from the spool as long."""
    async with rig(tmp_path, gateway("one", 1), start=False) as r:
        ids = [(await r.submit(hand_over=False)).deliveries[0].id for _ in range(3)]
        fetching, lane = Fetching(r.spool, r.time.clock, set()), Lane("pool")
        real = r.spool.load_content

        async def held_meanwhile(message_id: int) -> Any:
            fetching.spool_changed(ids[1:])
            return await real(message_id)

        r.spool.load_content = held_meanwhile  # type: ignore[method-assign]
        assert [delivery.id for delivery, _ in await fetching.page(lane, 1_000_000)] == ids[:1]


async def test_contents_are_read_ahead_only_as_far_as_there_is_room(tmp_path: Path) -> None:
    async with rig(tmp_path, gateway("one", 1), start=False) as r:
        for _ in range(PAGE + 1):
            await r.submit(content=b"From: x\r\n\r\n" + b"y" * 89, hand_over=False)
        fetching, lane = Fetching(r.spool, r.time.clock, set()), Lane("pool")
        page = await fetching.page(lane, 1000)
        assert len(page) == PAGE
        assert sum(content is not None for _, content in page) == 10
        assert lane.behind
