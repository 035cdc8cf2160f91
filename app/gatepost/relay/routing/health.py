"""Who rests, why, and until when: a circuit breaker for each hop.

healthy ── failure ──▶ resting ── rest over ──▶ probing ── success ──▶ healthy
                          ▲                        │
                          └── failure, rest doubles┘

A resting hop is skipped at once. When its rest is over one message at a time is let through; only then is it known
whether the hop is back. Rests run on the monotonic clock, so neither a clock that jumps nor a suspended machine ends
them early or all at once; wall time is only shown.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from ..common.plan import HealthState, HopHealth
from ..common.printable import printable

log = logging.getLogger(__name__)

PROBE_SECONDS = 120.0
"""A probing message that has not reported by then is given up, and another one let through."""

JITTER = 0.1
"""A rest is up to this share longer, so that hops that failed together do not come back together."""

MAX_HOPS = 10_000
"""Hops remembered at most; the one that changed longest ago is forgotten first."""


@dataclass(frozen=True, slots=True)
class RestPolicy:
    """Seconds of the first rest and of the longest one."""

    first: float
    longest: float

    def seconds(self, failures: int) -> float:
        return min(self.longest, self.first * 2.0 ** min(failures - 1, 60)) if failures > 1 else min(self.first, self.longest)


@dataclass(slots=True)
class _Breaker:
    key: str
    label: str
    failures: int = 0
    """Rests in a row; 0: healthy."""
    until: float = 0.0
    """Monotonic end of the rest."""
    probe_until: float = 0.0
    """Monotonic time until which the message that was let through may still report."""
    is_block: bool = False
    cause: str = ""
    since: float | None = None
    last_success: float | None = None
    last_failure: float | None = None


class Health:
    """The breakers of one kind of hop, by key.

    ``changed`` is called when a hop begins to rest and when it is healthy again.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        jitter: Callable[[], float],
        changed: Callable[[HopHealth], None],
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._jitter = jitter
        """A number from 0 to 1."""
        self._changed = changed
        self._breakers: OrderedDict[str, _Breaker] = OrderedDict()
        self._troubled: dict[str, _Breaker] = {}

    @property
    def all_healthy(self) -> bool:
        return not self._troubled

    # --- before an attempt -------------------------------------------------------------------------------------------

    def is_healthy(self, key: str) -> bool:
        return key not in self._troubled

    def closed_until(self, key: str) -> float | None:
        """None when a message may go there now; else the monotonic time when one may."""
        breaker = self._troubled.get(key)
        if breaker is None:
            return None
        now = self._monotonic()
        if now < breaker.until:
            return breaker.until
        return breaker.probe_until if now < breaker.probe_until else None

    def is_probing(self, key: str) -> bool:
        """Its rest is over, and whether it is back is not known yet."""
        breaker = self._troubled.get(key)
        return breaker is not None and self._monotonic() >= breaker.until

    def claim(self, key: str) -> bool:
        """A message goes there. False: it must not (it rests, or another message is just probing it)."""
        breaker = self._troubled.get(key)
        if breaker is None:
            return True
        if self.closed_until(key) is not None:
            return False
        breaker.probe_until = self._monotonic() + PROBE_SECONDS
        return True

    # --- after an attempt --------------------------------------------------------------------------------------------

    def give_back(self, key: str) -> None:
        """The message that was let through did not go: let another one through."""
        if (breaker := self._troubled.get(key)) is not None:
            breaker.probe_until = 0.0

    def success(self, key: str, label: str) -> None:
        breaker = self._breakers.get(key)
        if breaker is None:
            breaker = self._add(key, label)
        breaker.last_success = self._clock()
        if not breaker.failures:
            return
        if breaker.is_block and self._monotonic() < breaker.until:
            return  # mail that was under way says nothing about the mail that was refused for our address
        breaker.failures, breaker.until, breaker.probe_until, breaker.is_block = 0, 0.0, 0.0, False
        breaker.cause, breaker.since = "", breaker.last_success
        del self._troubled[key]
        log.info("%s is healthy again", breaker.label)
        self._changed(self._describe(breaker))

    def failure(self, key: str, label: str, cause: str, policy: RestPolicy, is_block: bool = False) -> None:
        """The hop could not be used. Failures of attempts begun before the rest do not lengthen it."""
        breaker = self._breakers.get(key) or self._add(key, label)
        now = self._monotonic()
        breaker.last_failure = self._clock()
        breaker.cause = printable(cause, 300)
        breaker.label = label
        breaker.is_block = breaker.is_block or is_block
        if breaker.failures and now < breaker.until:
            return
        breaker.failures += 1
        breaker.until = now + policy.seconds(breaker.failures) * (1.0 + JITTER * self._jitter())
        breaker.probe_until = 0.0
        if breaker.failures == 1:
            breaker.since = breaker.last_failure
        self._troubled[key] = breaker
        self._breakers.move_to_end(key)
        log.warning("%s rests for %.0f s: %s", label, breaker.until - now, breaker.cause)
        self._changed(self._describe(breaker))

    def retry_now(self, key: str) -> bool:
        """End the rest: the next message probes. False when the hop does not rest."""
        breaker = self._troubled.get(key)
        if breaker is None:
            return False
        breaker.until = breaker.probe_until = 0.0
        breaker.is_block = False
        return True

    def shorten(self, longest: Callable[[str], float]) -> None:
        """After a change of settings: no rest goes on longer than ``longest`` of its key says, in seconds."""
        now = self._monotonic()
        for key, breaker in self._troubled.items():
            breaker.until = min(breaker.until, now + longest(key))

    def forget(self, belongs: Callable[[str], bool]) -> None:
        """Forget hops, as after a change of their configuration."""
        for key in [key for key in self._breakers if belongs(key)]:
            del self._breakers[key]
            self._troubled.pop(key, None)

    # --- for people and timers ---------------------------------------------------------------------------------------

    def cause(self, key: str) -> str:
        breaker = self._troubled.get(key)
        return breaker.cause if breaker is not None else ""

    def describe(self, key: str, label: str) -> HopHealth:
        breaker = self._breakers.get(key)
        return self._describe(breaker) if breaker is not None else HopHealth(key, label, HealthState.HEALTHY)

    def snapshot(self) -> list[HopHealth]:
        """Every hop that has been used, as it is now."""
        return [self._describe(breaker) for breaker in self._breakers.values()]

    def next_change(self) -> float | None:
        """The monotonic time when the next resting hop may be probed."""
        now = self._monotonic()
        times = (max(b.until, b.probe_until) for b in self._troubled.values())
        return min((at for at in times if at > now), default=None)

    def _describe(self, breaker: _Breaker) -> HopHealth:
        now = self._monotonic()
        if not breaker.failures:
            state, next_probe = HealthState.HEALTHY, None
        else:
            state = HealthState.RESTING if now < breaker.until else HealthState.PROBING
            next_probe = self._clock() + max(0.0, max(breaker.until, breaker.probe_until) - now)
        return HopHealth(
            breaker.key,
            breaker.label,
            state,
            breaker.cause,
            breaker.since,
            next_probe,
            breaker.failures,
            breaker.last_success,
            breaker.last_failure,
        )

    def _add(self, key: str, label: str) -> _Breaker:
        while len(self._breakers) >= MAX_HOPS:
            oldest, _ = self._breakers.popitem(last=False)
            self._troubled.pop(oldest, None)
        breaker = self._breakers[key] = _Breaker(key, label)
        return breaker
