from __future__ import annotations

import asyncio
import gc

from gatepost.desktop.tasks import Tasks


async def test_a_task_is_kept_until_it_ends() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0.05)
        ended.set()

    tasks = Tasks(lambda error, name: None)
    tasks.spawn(work(), "work")
    gc.collect()
    await asyncio.wait_for(ended.wait(), 10)
    await tasks.close()


async def test_a_failed_task_is_reported_by_name() -> None:
    reported: list[tuple[BaseException, str]] = []

    async def fail() -> None:
        raise ValueError("oh")

    tasks = Tasks(lambda error, name: reported.append((error, name)))
    await asyncio.wait([tasks.spawn(fail(), "failing")])
    await asyncio.sleep(0)
    assert [(type(error), name) for error, name in reported] == [(ValueError, "failing")]


async def test_closing_cancels_and_waits_for_what_cleans_up() -> None:
    cleaned: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.01)
            cleaned.append("yes")

    tasks = Tasks(lambda error, name: None)
    tasks.spawn(work(), "long")
    await asyncio.sleep(0)
    assert tasks.names == ("long",)
    await tasks.close()
    assert cleaned == ["yes"]
    assert tasks.names == ()
