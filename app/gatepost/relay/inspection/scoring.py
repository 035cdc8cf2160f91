"""The sum of weights, the level it makes, and the arithmetic in words."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ...model.spam import SpamLevel, SpamPolicy
from ..common.printable import printable

MAX_POINTS = 1e9
"""What one source can say at most, either way: far beyond every threshold, and no sum of it is infinite."""


@dataclass(frozen=True, slots=True)
class Points:
    """What one source says. ``failed`` sources add nothing, whatever ``points`` holds."""

    source: str
    points: float = 0.0
    note: str = ""
    failed: bool = False

    def __str__(self) -> str:
        note = f" ({self.note})" if self.note else ""
        if self.failed:
            return f"{self.source} failed{note}"
        return f"{self.source} {self.points:+.1f}{note}"


@dataclass(frozen=True, slots=True)
class SpamVerdict:
    level: SpamLevel
    score: float
    parts: tuple[Points, ...]

    @property
    def arithmetic(self) -> str:
        """``spamd +12.4 (BAYES_99), SPF +8.0 (fail); rspamd failed (timeout)``."""
        return ", ".join(str(part) for part in self.parts) or "no source had anything to say"

    def header(self) -> bytes:
        """The ``X-Gatepost-Spam`` field, folded, with its line end."""
        pieces = [f"{self.level.value}; score={self.score:.1f}", *(printable(str(part), 200) for part in self.parts)]
        text = ";\r\n\t".join(pieces)
        return f"X-Gatepost-Spam: {text}\r\n".encode("ascii", "replace")


def _bounded(part: Points) -> Points:
    if not math.isfinite(part.points):
        return replace(part, points=0.0, note="its score is no number", failed=True)
    return replace(part, points=math.copysign(MAX_POINTS, part.points))


def judge(parts: tuple[Points, ...], policy: SpamPolicy) -> SpamVerdict:
    """Add up and compare with the thresholds; a score that reaches a threshold is of its level.

    A source whose points are no finite number has failed: it would swallow what all others found.
    """
    parts = tuple(part if abs(part.points) <= MAX_POINTS else _bounded(part) for part in parts)
    score = round(sum(part.points for part in parts if not part.failed), 3)
    if score >= policy.high_threshold:
        level = SpamLevel.HIGH
    elif score >= policy.medium_threshold:
        level = SpamLevel.MEDIUM
    elif score >= policy.low_threshold:
        level = SpamLevel.LOW
    else:
        level = SpamLevel.NONE
    return SpamVerdict(level, score, parts)
