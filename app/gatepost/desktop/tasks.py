"""Work that goes on beside the window: kept, named, reported when it fails, ended with its owner.

Never use ``qasync.asyncSlot`` or a bare ``create_task``: the loop holds tasks weakly, and one that nobody keeps can vanish.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
Report = Callable[[BaseException, str], object]


class Tasks:
    """``report(error, name)`` is told of each task that ends with an error nobody awaited."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._running: set[asyncio.Task[Any]] = set()

    def spawn(self, coroutine: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Start it on the loop, now or, before the loop runs, once it does."""
        task = asyncio.get_event_loop().create_task(coroutine, name=name)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._report(error, task.get_name())

    def report(self, error: BaseException, name: str) -> None:
        """As if a task of this name had ended with it."""
        self._report(error, name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(task.get_name() for task in self._running))

    def child(self) -> Tasks:
        """Tasks of a part that ends earlier, reported to the same place."""
        return Tasks(self._report)

    def cancel(self) -> None:
        for task in tuple(self._running):
            task.cancel()

    async def close(self) -> None:
        """Cancel what runs and wait for its end."""
        mine = asyncio.current_task()
        while waiting := [task for task in self._running if task is not mine]:
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting)
