"""When a message is tried again, when its sender is told of a delay, when it is given up. Pure: time comes in as numbers.

What clocks do to it:

*Forwards* (a correction, a laptop that slept for a week). Everything is due at once and nothing more happens than that:
lanes and connection limits let through as much as ever. Nothing expires for having slept: a message is given up only
after its last attempt, and that attempt must have ended after the deadline (``is_over``).

*Backwards*. Due times that were written under the later clock lie too far ahead; ``latest_due`` is the latest that can
be true under the present one, and the queue pulls whatever lies beyond it back. So nothing waits longer than one step.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...model.configuration import Configuration
from ...model.gateway import BackupMxGateway, RetryOverride
from ...model.settings import SpoolSettings

MINUTE = 60.0
HOUR = 3600.0
DAY = 86_400.0

JITTER = 0.06
"""Retries of one failed minute are spread over this part of their step, so that they do not come back as one wave."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Seconds throughout. ``delay_notice`` 0: the sender is not told of delays."""

    steps: tuple[float, ...]
    lifetime: float
    delay_notice: float

    def step(self, attempts: int) -> float:
        """The wait after so many attempts; the last one repeats."""
        return self.steps[min(max(attempts, 1), len(self.steps)) - 1]

    @property
    def longest(self) -> float:
        return max(self.steps) * (1 + JITTER)


def policy(settings: SpoolSettings, override: RetryOverride | None = None, keep_days: int | None = None) -> RetryPolicy:
    """Settings → Spool, with a gateway's overrides; ``keep_days`` is the Holding card's; an override beats it."""
    minutes = settings.schedule_minutes
    lifetime = settings.lifetime_hours * HOUR if keep_days is None else keep_days * DAY
    notice = settings.delay_notice_hours * HOUR
    if override is not None:
        if override.schedule_minutes:
            minutes = override.schedule_minutes
        if override.lifetime_hours is not None:
            lifetime = override.lifetime_hours * HOUR
        if override.delay_notice_hours is not None:
            notice = override.delay_notice_hours * HOUR
    return RetryPolicy(tuple(m * MINUTE for m in minutes), lifetime, notice)


def policy_for(configuration: Configuration, gateway_id: str | None) -> RetryPolicy:
    """What applies to mail that waits for this gateway; None (the pool, direct delivery): the settings alone."""
    gateway = configuration.gateway(gateway_id) if gateway_id else None
    if gateway is None:
        return policy(configuration.settings.spool)
    keep = gateway.holding.keep_days if isinstance(gateway, BackupMxGateway) else None
    return policy(configuration.settings.spool, gateway.retry, keep)


def gateway_of_lane(lane: str) -> str | None:
    """The gateway whose overrides apply to a lane; None for the pool and for direct delivery."""
    kind, _, name = lane.partition(":")
    return name if kind in ("gateway", "inbound") and name else None


def jitter(key: int) -> float:
    """0 ≤ j < 1, the same for the same key: neighbouring keys land far apart (multiplicative hashing)."""
    return ((key * 2_654_435_761) & 0xFFFF_FFFF) / 0x1_0000_0000


def next_attempt(now: float, attempts: int, rule: RetryPolicy, expires_at: float, key: int) -> float:
    """When to try again after ``attempts`` attempts, the last of which ended ``now``.

    Never beyond the deadline while that lies ahead: the last attempt is made when the lifetime ends, not an hour later.
    """
    step = rule.step(attempts)
    due = now + step * (1 + JITTER * jitter(key + attempts))
    return expires_at if now < expires_at < due else due


def is_over(expires_at: float, attempt_ended_at: float) -> bool:
    """Whether a message whose latest attempt ended then is to be given up."""
    return attempt_ended_at >= expires_at


def latest_due(now: float, rules: tuple[RetryPolicy, ...], delivery_delay: float) -> float:
    """The latest time to which an attempt can have been put off by the present clock."""
    return now + max([delivery_delay, *(rule.longest for rule in rules)])


def deadlines(received_at: float, rule: RetryPolicy) -> tuple[float, float | None]:
    """(end of the lifetime, time of the delay notice or None)."""
    notice = received_at + rule.delay_notice if 0 < rule.delay_notice < rule.lifetime else None
    return received_at + rule.lifetime, notice
