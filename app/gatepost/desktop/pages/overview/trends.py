"""What the counters showed over time: sums, trends and the points of the chart. No Qt.

The relay keeps sums by minute; what happened since they were read comes from its counters, which every ``figures`` event
carries. Minutes count from the epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ....model.report import MinuteFigures, Total

DAY = 24 * 60
HOUR = 60
TROUBLE = ("deferred", "bounced", "refused")


class Range(StrEnum):
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"

    @property
    def minutes(self) -> int:
        return {Range.HOUR: HOUR, Range.DAY: DAY, Range.WEEK: 7 * DAY}[self]

    @property
    def step(self) -> int:
        """Minutes that are one point of the chart."""
        return {Range.HOUR: 1, Range.DAY: 15, Range.WEEK: 120}[self]

    @property
    def round_times(self) -> tuple[int, ...]:
        """Minutes between two times that people find round, from the closest on."""
        return {Range.HOUR: (5, 10, 15, 30), Range.DAY: (60, 120, 180, 240, 360, 720), Range.WEEK: (DAY, 2 * DAY)}[self]


@dataclass(frozen=True, slots=True)
class Point:
    """Messages a minute, on average over one step."""

    minute: int
    delivered: float
    trouble: float


def by_name(totals: Iterable[Total]) -> dict[str, int]:
    """Counters summed up over their labels."""
    found: dict[str, int] = {}
    for total in totals:
        found[total.name] = found.get(total.name, 0) + total.value
    return found


@dataclass(slots=True)
class Sums:
    """Sums by step, and what was counted since. ``counted``: the counters when the sums were read, by name."""

    step: int = 1
    steps: dict[int, Mapping[str, int]] = field(default_factory=dict)
    counted: Mapping[str, int] = field(default_factory=dict)
    _newest: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, history: Iterable[MinuteFigures], step: int, counted: Mapping[str, int]) -> Sums:
        return cls(step, {one.minute: one.sums for one in history}, counted, counted)

    def count(self, newest: Mapping[str, int]) -> None:
        """What the counters show now."""
        self._newest = newest

    def since(self, name: str) -> int:
        """Counted since the sums were read. Counters that went back belong to a relay that was started anew."""
        now, then = self._newest.get(name, 0), self.counted.get(name, 0)
        return now - then if now >= then else now

    def total(self, name: str, start: int, end: int) -> int:
        """In the steps that begin from ``start`` on and before ``end``; with what came since when ``end`` lies ahead."""
        kept = sum(sums.get(name, 0) for minute, sums in self.steps.items() if start <= minute < end)
        newest = max(self.steps, default=start)
        return kept + (self.since(name) if end > newest else 0)

    def points(self, minutes: int, now: float) -> list[Point]:
        """One for each step of the last ``minutes``, without the one that has just begun: its average says nothing yet."""
        current = int(now // 60) // self.step * self.step
        first = (int(now // 60) - minutes) // self.step * self.step + self.step
        found = []
        for minute in range(first, current + 1, self.step):
            sums = self.steps.get(minute, {})
            delivered, trouble = sums.get("delivered", 0), sum(sums.get(name, 0) for name in TROUBLE)
            length = float(self.step)
            if minute == current:
                length = now / 60 - minute
                if length < self.step / 3:
                    continue
                delivered += self.since("delivered")
                trouble += sum(self.since(name) for name in TROUBLE)
            found.append(Point(minute, delivered / length, trouble / length))
        return found


@dataclass(frozen=True, slots=True)
class Compared:
    """A sum and the one of as long a time before."""

    now: int
    before: int

    @property
    def percent(self) -> int | None:
        """Change in percent; None where there is nothing to compare with."""
        return round((self.now - self.before) * 100 / self.before) if self.before else None


def compared(sums: Sums, name: str, minutes: int, now: float) -> Compared:
    """The last ``minutes`` and the ``minutes`` before them, to the step."""
    end = int(now // 60) + 1
    start = end - minutes
    return Compared(sums.total(name, start, end), sums.total(name, start - minutes, start))


def local_minute(minute: int) -> int:
    """What a clock on the wall shows, as minutes since its own epoch."""
    offset = datetime.fromtimestamp(minute * 60).astimezone().utcoffset()
    return minute + (round(offset.total_seconds()) // 60 if offset is not None else 0)


def round_points(points: Sequence[Point], between: int, clock: Callable[[int], int] = local_minute) -> list[int]:
    """Which points are the first at or after a round time, each ``between`` minutes by ``clock``."""
    periods = [clock(point.minute) // between for point in points]
    found = [index for index in range(1, len(points)) if periods[index] != periods[index - 1]]
    if points and clock(points[0].minute) % between == 0:
        found.insert(0, 0)
    return found
