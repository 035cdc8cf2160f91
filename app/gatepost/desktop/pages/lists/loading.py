"""Entering a page with a list: what is there soon is waited for, what takes longer goes on while the person goes elsewhere."""

from __future__ import annotations

import asyncio

SOON = 0.25
"""Seconds."""


async def soon(task: asyncio.Task[object]) -> None:
    """Return when the task has ended, or after a moment."""
    await asyncio.wait({task}, timeout=SOON)
