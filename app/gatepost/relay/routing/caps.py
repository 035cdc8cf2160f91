"""How much a gateway has taken lately: messages per minute and per day.

Both windows slide and know no calendar: at no moment do the last 60 seconds, or the last 24 hours, hold more than the
cap. Counting uses the monotonic clock, so a clock that is set forward opens no cap; only export and import speak in
wall time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from ...model.gateway import Limits

MINUTE, MINUTE_STEP = 60.0, 1.0
DAY, DAY_STEP = 86_400.0, 600.0


class SlidingWindow:
    """Counts in steps of ``step`` seconds over ``span`` seconds, erring on the side of the cap by at most one step."""

    __slots__ = ("_buckets", "_span", "_step", "total")

    def __init__(self, span: float, step: float) -> None:
        self._span = span
        self._step = step
        self._buckets: deque[list[int]] = deque()
        self.total = 0

    def _expire(self, now: float) -> None:
        while self._buckets and (self._buckets[0][0] + 1) * self._step + self._span <= now:
            self.total -= self._buckets.popleft()[1]

    def count(self, now: float) -> int:
        self._expire(now)
        return self.total

    def add(self, now: float, amount: int = 1) -> None:
        bucket = int(now // self._step)
        if self._buckets and self._buckets[-1][0] == bucket:
            self._buckets[-1][1] += amount
        else:
            self._buckets.append([bucket, amount])
        self.total += amount

    def take_back(self) -> None:
        """Uncount the latest one."""
        if self._buckets:
            self._buckets[-1][1] -= 1
            self.total -= 1
            if not self._buckets[-1][1]:
                self._buckets.pop()

    def frees_at(self, limit: int) -> float:
        """When the count falls below ``limit`` if nothing is added."""
        excess = self.total - limit + 1
        for bucket, amount in self._buckets:
            excess -= amount
            if excess <= 0:
                return (bucket + 1) * self._step + self._span
        return 0.0

    def entries(self) -> list[tuple[float, int]]:
        return [(bucket * self._step, amount) for bucket, amount in self._buckets]


class Caps:
    """The counters of all gateways by id. Times are of the injected monotonic clock, in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._minutes: dict[str, SlidingWindow] = {}
        self._days: dict[str, SlidingWindow] = {}

    def keep(self, gateway_ids: frozenset[str]) -> None:
        """Forget gateways that no longer exist."""
        for windows in (self._minutes, self._days):
            for gone in windows.keys() - gateway_ids:
                del windows[gone]

    def full_until(self, gateway_id: str, limits: Limits) -> tuple[float, str] | None:
        """None while there is room; else when there will be, and which cap is reached, in words."""
        now = self._monotonic()
        found: tuple[float, str] | None = None
        for windows, limit, span in (
            (self._minutes, limits.messages_per_minute, "minute"),
            (self._days, limits.messages_per_day, "day"),
        ):
            window = windows.get(gateway_id)
            if limit is None or window is None or window.count(now) < limit:
                continue
            until = window.frees_at(limit)
            if found is None or until > found[0]:
                found = until, f"has taken {window.total} messages, its cap is {limit} a {span}"
        return found

    def count(self, gateway_id: str, limits: Limits) -> None:
        """One message goes to the gateway. The day is counted even without a cap, so that one set later holds."""
        now = self._monotonic()
        if limits.messages_per_minute is not None:
            window = self._minutes.get(gateway_id)
            if window is None:
                window = self._minutes[gateway_id] = SlidingWindow(MINUTE, MINUTE_STEP)
            window.count(now)
            window.add(now)
        day = self._days.get(gateway_id)
        if day is None:
            day = self._days[gateway_id] = SlidingWindow(DAY, DAY_STEP)
        day.count(now)
        day.add(now)

    def take_back(self, gateway_id: str) -> None:
        """The message counted last did not go after all."""
        for windows in (self._minutes, self._days):
            if (window := windows.get(gateway_id)) is not None:
                window.take_back()

    def used(self, gateway_id: str) -> tuple[int, int]:
        """Messages in the last minute (0 where it has no such cap) and the last day."""
        now = self._monotonic()
        minute, day = self._minutes.get(gateway_id), self._days.get(gateway_id)
        return (minute.count(now) if minute else 0), (day.count(now) if day else 0)

    def export(self, wall: float) -> dict[str, list[list[float]]]:
        """The day's counters as plain data: gateway id → [[seconds since the epoch, messages], …]."""
        now = self._monotonic()
        return {
            gateway_id: [[wall - (now - at), amount] for at, amount in window.entries()]
            for gateway_id, window in self._days.items()
            if window.count(now)
        }

    def restore(self, data: Mapping[str, Any], wall: float) -> None:
        """Take up exported counters again. What lies in the future (the clock was set back) counts as just sent.

        Raises ValueError when the data is not what ``export`` gave; nothing is changed then.
        """
        now = self._monotonic()
        restored: dict[str, SlidingWindow] = {}
        for gateway_id, entries in data.items():
            window = SlidingWindow(DAY, DAY_STEP)
            try:
                parsed = sorted((float(at), int(amount)) for at, amount in entries)
            except (TypeError, ValueError) as error:
                raise ValueError(f"the day counter of “{gateway_id}” is damaged") from error
            for at, amount in parsed:
                age = max(0.0, wall - at)
                if age < DAY + DAY_STEP and amount > 0:
                    window.add(now - age, amount)
            restored[str(gateway_id)] = window
        self._days.update(restored)
