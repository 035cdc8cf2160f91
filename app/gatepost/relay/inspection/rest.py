"""Sources and scanners that fail again and again rest for a while, so that mail does not wait for each of them each time.

A hung scanner would otherwise cost every message the whole time limit. While one rests it counts as failed, with its last
reason; then one message tries it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

FAILURES = 3
"""In a row, before it rests."""
SECONDS = 30.0


@dataclass(slots=True)
class _Standing:
    failures: int = 0
    reason: str = ""
    until: float = 0.0
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """A source that fails now; ``since`` in seconds since the epoch."""

    source: str
    reason: str
    since: float


class Resting:
    """What each source did last, by name."""

    def __init__(self, clock: Callable[[], float], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._standings: dict[str, _Standing] = {}

    def reason(self, source: str) -> str:
        """Why it is not asked now; empty when it may be. Whoever is told it may be asked is the one who tries."""
        standing = self._standings.get(source)
        if standing is None or standing.failures < FAILURES:
            return ""
        now = self._monotonic()
        if now >= standing.until:
            standing.until = now + SECONDS  # the others wait for what this one finds
            return ""
        return f"rests: {standing.reason}"

    def failed(self, source: str, reason: str) -> None:
        standing = self._standings.setdefault(source, _Standing())
        standing.failures += 1
        standing.reason = reason
        standing.since = standing.since if standing.since is not None else self._clock()
        standing.until = self._monotonic() + SECONDS

    def worked(self, source: str) -> None:
        self._standings.pop(source, None)

    def troubles(self) -> list[Trouble]:
        """Everything that failed when it was asked last."""
        return [
            Trouble(name, standing.reason, standing.since)
            for name, standing in self._standings.items()
            if standing.since is not None
        ]
