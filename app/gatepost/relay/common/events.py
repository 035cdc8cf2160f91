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
    """Synchronous fan-out on the loop's thread. Costs nothing while nobody listens."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Returns the function that ends the subscription."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber) if subscriber in self._subscribers else None

    @property
    def is_followed(self) -> bool:
        return bool(self._subscribers)

    def publish(self, kind: str, /, **data: Any) -> None:
        if not self._subscribers:
            return
        event = Event(kind, self._clock(), data)
        for subscriber in list(self._subscribers):
            try:
                subscriber(event)
            except Exception:  # a front-end's failure must not reach the mail path
                log.exception("an event subscriber failed on %s", kind)
