"""Waiting for one's turn at what only so many may use at a time."""

from __future__ import annotations

import asyncio
import os
from types import TracebackType

from ..model.network import parse_ip


class Turn:
    """Places at several semaphores, taken in order. Each is given back once: early, or when the block ends.

    ``is_ours`` is False when they were not to be had within ``seconds``.
    """

    def __init__(self, seconds: float, *places: asyncio.Semaphore) -> None:
        self._seconds = seconds
        self._wanted = places
        self._held: list[asyncio.Semaphore] = []
        self.is_ours = False

    async def __aenter__(self) -> Turn:
        try:
            async with asyncio.timeout(self._seconds):
                for place in self._wanted:
                    await place.acquire()
                    self._held.append(place)
        except TimeoutError:
            self._give_all_back()
        except BaseException:
            self._give_all_back()
            raise
        else:
            self.is_ours = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_all_back()

    def give_back(self, place: asyncio.Semaphore) -> None:
        """Others may have it; does nothing when it is not held."""
        if place in self._held:
            self._held.remove(place)
            place.release()

    def _give_all_back(self) -> None:
        for place in tuple(self._held):
            self.give_back(place)


def is_this_machine(host: str) -> bool:
    """Whether a host's name or address is this machine's own, as far as it can be told without asking."""
    if host.lower() in ("localhost", "localhost."):
        return True
    try:
        return parse_ip(host.strip("[]")).is_loopback
    except ValueError:
        return False


def processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
