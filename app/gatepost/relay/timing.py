"""When a message is due, when it is given up, and when its sender is told of the delay: from settings and overrides."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.configuration import Configuration
from ..model.gateway import BackupMxGateway, RetryOverride
from ..model.settings import SpoolSettings

HOUR = 3600.0
DAY = 24 * HOUR


class MessageTimes:
    """Answers for one configuration. All times in seconds since the epoch."""

    def __init__(self, configuration: Configuration) -> None:
        self._spool: SpoolSettings = configuration.settings.spool
        self._overrides: dict[str, RetryOverride] = {g.id: g.retry for g in configuration.gateways}
        self._holding = {g.id: g.holding.keep_days * DAY for g in configuration.inbound if isinstance(g, BackupMxGateway)}

    def schedule(self, lane: str) -> tuple[int, ...]:
        """Minutes between attempts for mail in this lane."""
        override = self._override(lane)
        return (override.schedule_minutes if override else None) or self._spool.schedule_minutes

    def due_at(self, received_at: float) -> float:
        return received_at + self._spool.delivery_delay_seconds

    def lifetime(self, lanes: Iterable[str]) -> float:
        """Seconds; the longest of the lanes' (one message has one life)."""
        return max(self._lifetime(lane) for lane in lanes)

    def delay_notice(self, lanes: Iterable[str]) -> float | None:
        """Seconds after arrival, the latest of the lanes'; None: never."""
        hours = [self._notice_hours(lane) for lane in lanes]
        return None if not all(hours) else max(hours) * HOUR

    def _override(self, lane: str) -> RetryOverride | None:
        return self._overrides.get(lane.partition(":")[2])

    def _lifetime(self, lane: str) -> float:
        override = self._override(lane)
        if override is not None and override.lifetime_hours is not None:
            return override.lifetime_hours * HOUR
        gateway = lane.partition(":")[2] if lane.startswith("inbound:") else ""
        return self._holding.get(gateway, self._spool.lifetime_hours * HOUR)

    def _notice_hours(self, lane: str) -> int:
        override = self._override(lane)
        if override is not None and override.delay_notice_hours is not None:
            return override.delay_notice_hours
        return self._spool.delay_notice_hours
