"""Waiting for what a window does, without sleeping longer than needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatepost.desktop.pages.page import Page


async def until(condition: Callable[[], object], what: str, timeout: float = 20.0) -> Any:
    """Poll until the condition is true and return it. AssertionError after ``timeout`` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while not (found := condition()):
        if loop.time() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        await asyncio.sleep(0.01)
    return found


async def settled() -> None:
    """Let layouts show what was put into them."""
    await asyncio.sleep(0.02)


async def closed(page: Page) -> None:
    """Close a page once nothing of it is under way: a request that is cut off leaves a warning of aiohttp's behind."""
    await until(lambda: not page.tasks.names, "the page has done what it began")
    await page.close_page()
