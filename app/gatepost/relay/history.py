"""What the counters showed over the last week, minute by minute, also before a restart.

Minutes that are over go to the disk once a minute, off the loop; a crash loses the minute that was being counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from ..model.errors import GatepostError
from ..store.figures import Figures
from .common.clock import Clock
from .common.metrics import HISTORY_MINUTES, Counters, Minutes

log = logging.getLogger(__name__)


class History:
    def __init__(self, counters: Counters, kept: Figures, clock: Clock) -> None:
        self._counters = counters
        self._kept = kept
        self._clock = clock
        self._lock = asyncio.Lock()
        """Between keeping minutes and forgetting them they would be counted twice."""
        self._failed = False

    async def keep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(60 - self._clock() % 60 + 1)
            # Shielded: a thread that writes cannot be cancelled, and ``close`` must not write the same minutes beside it.
            await asyncio.shield(self._keep(self._counters.finished))

    async def sums(self, minutes: int, step: int = 1) -> list[tuple[int, Mapping[str, int]]]:
        """Sums by name of the last ``minutes`` minutes, this one included, for ``step`` minutes each: (first minute of the
        step, sums), oldest first. Steps begin at multiples of ``step``; the first one holds only what lies within."""
        oldest = self._counters.minute - minutes + 1
        async with self._lock:
            found = await asyncio.to_thread(self._kept.sums, oldest, step=step)
            for minute, sums in self._counters.unforgotten():
                if minute >= oldest:
                    into = found.setdefault(minute // step * step, {})
                    for name, count in sums.items():
                        into[name] = into.get(name, 0) + count
        return sorted(found.items())

    async def close(self) -> None:
        """Keep the minute that is being counted, too."""
        await self._keep(self._counters.unforgotten)
        await asyncio.to_thread(self._kept.close)

    async def _keep(self, wanted: Callable[[], Minutes]) -> None:
        async with self._lock:
            if not (minutes := wanted()):
                return
            forget_before = self._counters.minute - HISTORY_MINUTES
            try:
                await asyncio.to_thread(self._kept.add, minutes, forget_before=forget_before)
            except GatepostError as error:
                if not self._failed:  # once, not once a minute; the minutes stay in memory and are tried again
                    log.warning("figures are not kept: %s", error)
                self._failed = True
                return
            self._failed = False
            self._counters.forget(minutes)
