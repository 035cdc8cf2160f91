"""The counters behind the overview, ``/metrics`` and the command line: one source for all three."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping

HISTORY_MINUTES = 7 * 24 * 60


class Counters:
    """Monotonic counters by name and label, and a history of per-minute sums for a week.

    Names in use: ``accepted``, ``delivered``, ``deferred``, ``bounced``, ``refused`` (label: reason),
    ``connections`` (label: listener), ``tolerated_line_ends`` (label: listener), ``attempts`` (label: outcome).
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.totals: Counter[tuple[str, str]] = Counter()
        self._minute = int(clock() // 60)
        self._current: Counter[str] = Counter()
        self._history: deque[tuple[int, Mapping[str, int]]] = deque(maxlen=HISTORY_MINUTES)

    def add(self, name: str, label: str = "", count: int = 1) -> None:
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._roll(minute)
        self.totals[name, label] += count
        self._current[name] += count

    def _roll(self, minute: int) -> None:
        if self._current:
            self._history.append((self._minute, dict(self._current)))
            self._current = Counter()
        self._minute = minute

    def total(self, name: str) -> int:
        return sum(count for (key, _), count in self.totals.items() if key == name)

    def history(self, minutes: int) -> list[tuple[int, Mapping[str, int]]]:
        """(minute since the epoch, sums by name), oldest first; minutes in which nothing happened are left out."""
        self._roll_if_due()
        oldest = self._minute - minutes
        return [*((m, c) for m, c in self._history if m > oldest), (self._minute, dict(self._current))]

    def _roll_if_due(self) -> None:
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._roll(minute)
