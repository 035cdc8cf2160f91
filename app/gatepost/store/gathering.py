"""What one loop hands to a writer's thread: gathered while the loop is busy, handed over at once when it comes to rest.

Waking a thread costs more than most of what is handed over, and a commit that starts while the loop still has work takes
few with it and competes for the interpreter's lock. So operations gather until the loop goes round without anything else to
do. A loop that never rests is not waited for longer than ``LONGEST``.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

AT_REST = 0.00005
"""Seconds: a loop that goes round faster than this had nothing to do."""
LONGEST = 0.005
"""Seconds that the first one waits, at most."""


class Gathering(Generic[T]):
    """``add`` is called on the loop's thread; ``hand_over`` may be called on any, when nothing is added any more."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        put: Callable[[list[T]], None],
        most: int,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.loop = loop
        self._put = put
        self._most = most
        self._now = now
        self._gathered: deque[T] = deque()
        self._is_waiting = False
        self._first_at = 0.0
        self._turned_at = 0.0

    def __len__(self) -> int:
        return len(self._gathered)

    def add(self, one: T) -> None:
        gathered = self._gathered
        gathered.append(one)
        if not self._is_waiting:
            self._is_waiting = True
            self._first_at = self._now()
            self.loop.call_soon(self._begin)
        elif len(gathered) >= self._most:
            self.hand_over()

    def hand_over(self) -> None:
        gathered, found = self._gathered, []
        with contextlib.suppress(IndexError):  # whoever looks whether there is one more may find it gone: to another thread
            while True:
                found.append(gathered.popleft())
        if found:
            self._put(found)

    def _begin(self) -> None:
        """The loop may not have looked for anything else since: what it takes to go round is measured from here."""
        self._turned_at = self._now()
        self.loop.call_soon(self._turn)

    def _turn(self) -> None:
        now = self._now()
        if self._gathered and now - self._turned_at > AT_REST and now - self._first_at < LONGEST:
            self._turned_at = now
            self.loop.call_soon(self._turn)
            return
        self._is_waiting = False
        self.hand_over()
