"""Keeps a list as new as the relay allows: soon after something happened, seldom enough to cost little."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject, QTimer

SOONEST = 0.4
"""Seconds between a change and the look at it, at least."""
SHARE = 8
"""A refresh that took a second is followed by one after eight, at the earliest."""

Spawn = Callable[[Coroutine[Any, Any, Any], str], object]


class Live(QObject):
    """``touch`` says that something happened; while it is off, that is remembered until it is on again."""

    def __init__(self, refresh: Callable[[], Awaitable[None]], spawn: Spawn, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._refresh = refresh
        self._spawn = spawn
        self._is_on = False
        self._is_due = False
        self._running = False
        self._cost = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._start)

    def touch(self) -> None:
        self._is_due = True
        if self._is_on and not self._running and not self._timer.isActive():
            self._timer.start(round(1000 * max(SOONEST, self._cost * SHARE)))

    def set_on(self, is_on: bool) -> None:
        self._is_on = is_on
        if not is_on:
            self._timer.stop()
        elif self._is_due:
            self.touch()

    def _start(self) -> None:
        self._is_due = False
        self._running = True
        self._spawn(self._run(), "refresh the list")

    async def _run(self) -> None:
        began = time.monotonic()
        try:
            await self._refresh()
        finally:
            self._cost = time.monotonic() - began
            self._running = False
            if self._is_due:
                self.touch()
