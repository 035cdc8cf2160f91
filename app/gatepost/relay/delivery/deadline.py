"""One timer for all deadlines of a connection, set several times for each message and hardly ever due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class DeadlineTimer:
    """The loop's timer is moved only when it would fire too late: setting a later deadline costs two assignments."""

    __slots__ = ("_callback", "_deadline", "_handle", "_handle_at", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._deadline = 0.0
        self._handle: asyncio.TimerHandle | None = None
        self._handle_at = 0.0

    def set(self, seconds: float) -> None:
        """Due in ``seconds`` from now, whatever was set before."""
        self._deadline = deadline = self._loop.time() + seconds
        if self._handle is None or deadline < self._handle_at:
            if self._handle is not None:
                self._handle.cancel()
            self._handle_at = deadline
            self._handle = self._loop.call_at(deadline, self._fire)

    def clear(self) -> None:
        """Never due until it is set again."""
        self._deadline = 0.0

    def close(self) -> None:
        """Let go of the loop, and with it of whoever would have been told."""
        self._deadline = 0.0
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self) -> None:
        self._handle = None
        if not self._deadline:
            return
        if self._deadline > self._loop.time():
            self._handle_at = self._deadline
            self._handle = self._loop.call_at(self._deadline, self._fire)
            return
        self._deadline = 0.0
        self._callback()
