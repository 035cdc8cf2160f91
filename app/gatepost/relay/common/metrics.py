"""The counters behind the overview, ``/metrics`` and the command line: one source for all three."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping

HISTORY_MINUTES = 8 * 24 * 60
"""A week, and the day that comparing its first day needs."""

Minutes = list[tuple[int, Mapping[str, int]]]
"""(minute since the epoch, sums by name), oldest first; minutes in which nothing happened are left out."""


class Counters:
    """Monotonic counters by name and label, and sums by minute until ``forget``: whoever keeps them for good has them then.

    Names in use: ``accepted``, ``delivered``, ``deferred``, ``bounced``, ``refused`` (label: reason),
    ``connections`` (label: listener), ``tolerated_line_ends`` (label: listener), ``attempts`` (label: outcome),
    ``scored`` (label: spam level), ``virus_scans`` (label: clean, infected, failed), ``captured`` and ``redirected`` (label:
    listener or gateway), ``faults_injected`` (label: rule).
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.totals: Counter[tuple[str, str]] = Counter()
        self._minute = int(clock() // 60)
        self._current: Counter[str] = Counter()
        self._finished: deque[tuple[int, Mapping[str, int]]] = deque(maxlen=HISTORY_MINUTES)

    def add(self, name: str, label: str = "", count: int = 1) -> None:
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._roll(minute)
        self.totals[name, label] += count
        self._current[name] += count

    def _roll(self, minute: int) -> None:
        if self._current:
            self._finished.append((self._minute, dict(self._current)))
            self._current = Counter()
        self._minute = minute

    def total(self, name: str) -> int:
        return sum(count for (key, _), count in self.totals.items() if key == name)

    @property
    def minute(self) -> int:
        """The one that is counted now."""
        self._roll_if_due()
        return self._minute

    def finished(self) -> Minutes:
        """Minutes that are over and not forgotten."""
        self._roll_if_due()
        return list(self._finished)

    def unforgotten(self) -> Minutes:
        """As ``finished``, with the minute that is counted now."""
        self._roll_if_due()
        return [*self._finished, *([(self._minute, dict(self._current))] if self._current else [])]

    def forget(self, minutes: Minutes) -> None:
        """These were kept elsewhere. What was counted in them meanwhile stays."""
        for minute, sums in minutes:
            if self._finished and self._finished[0] == (minute, sums):
                self._finished.popleft()
            elif minute == self._minute:
                self._current.subtract(sums)
                self._current = +self._current

    def _roll_if_due(self) -> None:
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._roll(minute)
