"""One piece of long work for a list at a time: its progress in the list's foot, and a button that stops it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ...i18n import tr
from .list_card import Foot

T = TypeVar("T")
Progress = Callable[[int, int], None]
Count = Callable[[], Awaitable[int]]


class Worker:
    def __init__(self, foot: Foot) -> None:
        self._foot = foot
        self._task: asyncio.Task[Any] | None = None
        self._is_quiet = False

    @property
    def is_busy(self) -> bool:
        return self._task is not None

    def stop(self, *, quietly: bool = False) -> None:
        """``quietly``: nobody asked for it, other work takes its place."""
        if self._task is not None:
            self._is_quiet = quietly
            self._task.cancel()

    async def run(self, text: str, work: Callable[[Progress], Awaitable[T]]) -> T:
        """``work`` is handed what it tells its progress. Stopping it cancels the task that waits here."""
        progress = self._foot.begin(text, self.stop)
        self._task = asyncio.current_task()
        self._is_quiet = False
        try:
            return await work(progress)
        except asyncio.CancelledError:
            if not self._is_quiet:
                self._foot.say(tr("Stopped. What was done already stays done."))
            raise
        finally:
            self._task = None
            self._foot.end()

    async def act(
        self,
        count: Count,
        ask: Callable[[int], Awaitable[bool]],
        work: Callable[[Progress], Awaitable[int]],
        told: Callable[[int], str],
        nothing: str,
    ) -> bool:
        """Count, ask, do, say; whether it was done."""
        found = await self.run(tr("Working…"), lambda _: count())
        if not found:
            self._foot.say(nothing)
            return False
        if not await ask(found):
            return False
        done = await self.run(tr("Working…"), work)
        self._foot.say(told(done))
        return True
