"""How much a hop is given at once: what is out to it, and the slow start after it has failed."""

from __future__ import annotations

from collections.abc import Callable

from ..common.hop import NextHop
from .surroundings import Connections
from .values import Outcome, OutcomeState, Stage

RECENT = 60.0
"""A hop that took mail so many seconds ago works: a connection lost within a transaction is that message's trouble."""
SLOW_START = 64
"""Deliveries out at once from which on a recovered hop is no longer held back."""
MAX_HOPS = 20_000
"""Hops remembered at most."""


class Room:
    """Counts by the hop's key. A hop that failed begins again with one delivery, and one more for each that it takes."""

    def __init__(self, pool: Connections, monotonic: Callable[[], float]) -> None:
        self._pool = pool
        self._monotonic = monotonic
        self._out: dict[str, int] = {}
        self._window: dict[str, int] = {}
        self._worked: dict[str, float] = {}

    def has_room(self, hop: NextHop) -> bool:
        window = self._window.get(hop.key)
        return (window is None or self._out.get(hop.key, 0) < window) and self._pool.has_capacity(hop)

    def went_out(self, hop: NextHop) -> None:
        self._out[hop.key] = self._out.get(hop.key, 0) + 1

    def came_back(self, hop: NextHop) -> None:
        left = self._out[hop.key] - 1
        if left:
            self._out[hop.key] = left
        else:
            del self._out[hop.key]

    def works(self, hop: NextHop) -> None:
        self._worked[hop.key] = self._monotonic()
        window = self._window.get(hop.key)
        if window is not None:
            if window >= SLOW_START:
                del self._window[hop.key]
            else:
                self._window[hop.key] = window + 1

    def failed(self, hop: NextHop) -> None:
        if len(self._window) > MAX_HOPS:
            self._window.clear()
        if len(self._worked) > MAX_HOPS:
            self._worked.clear()
        self._window[hop.key] = 1

    def is_the_messages_fault(self, hop: NextHop, outcome: Outcome) -> bool:
        """A working hop hung up in the middle of this message: no reason to rest it for the others."""
        if outcome.state is not OutcomeState.LOST or outcome.stage not in (Stage.RCPT, Stage.DATA, Stage.CONTENT):
            return False
        worked = self._worked.get(hop.key)
        return worked is not None and self._monotonic() - worked < RECENT
