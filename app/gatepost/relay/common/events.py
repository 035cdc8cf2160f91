"""What happened, for whoever follows the relay: the control API's event stream and the alarms."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """``kind`` is a dotted name such as ``gateway.resting``; ``data`` is plain JSON material without secrets."""

    kind: str
    at: float
    data: dict[str, Any] = field(default_factory=dict)


Subscriber = Callable[[Event], None]


class EventBus:
    """Synchronous fan-out on the loop's thread. Costs nothing while nobody listens to that kind."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._subscribers: list[tuple[Subscriber, tuple[str, ...]]] = []
        self._by_kind: dict[str, tuple[Subscriber, ...]] = {}

    def subscribe(self, subscriber: Subscriber, *kinds: str) -> Callable[[], None]:
        """To events of these kinds; without any, of all. Returns the function that ends the subscription."""
        entry = (subscriber, kinds)
        self._subscribers.append(entry)
        self._by_kind.clear()

        def end() -> None:
            if entry in self._subscribers:
                self._subscribers.remove(entry)
                self._by_kind.clear()

        return end

    def is_followed(self, kind: str) -> bool:
        return bool(self._followers(kind))

    def _followers(self, kind: str) -> tuple[Subscriber, ...]:
        known = self._by_kind.get(kind)
        if known is None:
            known = tuple(subscriber for subscriber, kinds in self._subscribers if not kinds or kind in kinds)
            self._by_kind[kind] = known
        return known

    def publish(self, kind: str, /, **data: Any) -> None:
        followers = self._followers(kind)
        if not followers:
            return
        event = Event(kind, self._clock(), data)
        for subscriber in followers:
            try:
                subscriber(event)
            except Exception:  # a front-end's failure must not reach the mail path
                log.exception("an event subscriber failed on %s", kind)
