"""Directory-harvest limit: an address that asks for too many unknown recipients is slowed, then turned away."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

SLOW_AFTER = 10
REFUSE_AFTER = 40
SLOW_SECONDS = 2.0
HALF_LIFE_SECONDS = 600.0
TRACKED = 10_000


@dataclass(slots=True)
class _Record:
    count: float
    at: float


class HarvestLimit:
    """Counts unknown recipients by client address; the count halves every ten minutes."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def note_unknown(self, client: str) -> float:
        """Another unknown recipient. Returns the seconds to wait before answering; negative: answer 421 and close."""
        now = self._monotonic()
        record = self._records.pop(client, None)
        count = 1.0 if record is None else record.count * 0.5 ** ((now - record.at) / HALF_LIFE_SECONDS) + 1.0
        self._records[client] = _Record(count, now)
        while len(self._records) > TRACKED:
            self._records.popitem(last=False)
        if count > REFUSE_AFTER:
            return -1.0
        return SLOW_SECONDS if count > SLOW_AFTER else 0.0

    def is_refused(self, client: str) -> bool:
        """Whether a new connection from this address is turned away for now."""
        record = self._records.get(client)
        if record is None:
            return False
        return bool(record.count * 0.5 ** ((self._monotonic() - record.at) / HALF_LIFE_SECONDS) > REFUSE_AFTER)
