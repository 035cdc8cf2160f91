"""What each gateway did lately: its last delivery and last error for the list, and how much of its day it has used.

Kept over restarts, so that a cap on messages a day is not begun anew by each of them. Written once a minute and at the
end; a crash forgets at most the last minute.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict, dataclass

from ..model.errors import GatepostError
from ..store.small_file import SmallFile
from .common.clock import Clock
from .common.events import Event
from .routing.caps import Caps

log = logging.getLogger(__name__)

KEEP_SECONDS = 60.0
NOTED = ("message.delivered", "gateway.resting")


@dataclass(slots=True)
class LastOfGateway:
    """What a gateway did last, for its row in the list."""

    delivered_at: float | None = None
    error: str = ""


class GatewayMemory:
    """``note`` is given the relay's events of the kinds ``NOTED``."""

    def __init__(self, file: SmallFile, caps: Caps, clock: Clock) -> None:
        self._file = file
        self._caps = caps
        self._clock = clock
        self._last: dict[str, LastOfGateway] = {}
        self._kept: object = None

    def restore(self) -> None:
        """Take up what was kept; what cannot be read is as good as none. Blocks."""
        try:
            data = self._file.load()
            self._caps.restore(data.get("day", {}), self._clock())
            self._last = {
                str(gateway_id): LastOfGateway(
                    float(last["delivered_at"]) if last["delivered_at"] else None, str(last["error"])
                )
                for gateway_id, last in data.get("last", {}).items()
            }
        except (GatepostError, ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("gateways begin their day anew: %s", error)

    def note(self, event: Event) -> None:
        kind = event.kind
        gateway_id = event.data.get("gateway_id")
        if not gateway_id:
            return
        last = self._last.setdefault(gateway_id, LastOfGateway())
        if kind == "message.delivered":
            last.delivered_at = event.at
        else:
            last.error = str(event.data.get("cause", ""))

    def of(self, gateway_id: str) -> LastOfGateway:
        return self._last.get(gateway_id) or LastOfGateway()

    async def keep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(KEEP_SECONDS)
            await self.keep()

    async def keep(self) -> None:
        """Write what has changed."""
        last = {gateway_id: asdict(item) for gateway_id, item in self._last.items()}
        day = self._caps.export(self._clock())
        # The day's entries are times on the wall clock, computed anew each time: compare what was counted.
        counted = ({name: [amount for _, amount in entries] for name, entries in day.items()}, last)
        if counted == self._kept:
            return
        try:
            await asyncio.to_thread(self._file.save, {"day": day, "last": last})
        except GatepostError as error:
            log.warning("%s", error)
            return
        self._kept = counted
