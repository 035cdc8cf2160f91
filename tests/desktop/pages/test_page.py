"""What every page does, whatever it shows: work that it spawned ends with it."""

from __future__ import annotations

import asyncio
import gc
import warnings

from gatepost.desktop.context import AppContext
from gatepost.desktop.pages.page import Page


class Plain(Page):
    key = "plain"


async def test_work_that_has_not_begun_when_the_page_is_closed_never_begins(context: AppContext) -> None:
    begun: list[str] = []

    async def work() -> None:
        begun.append("work")

    page = Plain(context)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        page.spawn(work(), "load")
        await page.close_page()
        gc.collect()
    assert begun == []
    assert [str(one.message) for one in told] == []


async def test_work_that_has_begun_when_the_page_is_closed_cleans_up(context: AppContext) -> None:
    cleaned: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            cleaned.append("yes")

    page = Plain(context)
    page.spawn(work(), "load")
    await asyncio.sleep(0)
    await page.close_page()
    assert cleaned == ["yes"]
