"""A lane in memory: the little of it that is in hand, and whether it may move.

However much mail waits in a lane, at most ``MAX_PENDING`` deliveries of it are in memory, and none at all while it
sleeps: a dead destination costs one small object.
"""

from __future__ import annotations

from enum import StrEnum
from heapq import heapify, heappop, heappush

from ...model.reply import Reply
from ...store.values import Content, Delivery
from .attempt import Attempt

MAX_PENDING = 2000
"""Deliveries of one lane in memory; the rest stays in the spool until there is room."""
LOW_WATER = 60
"""With fewer in hand the next page is fetched."""


class LaneStatus(StrEnum):
    IDLE = "idle"
    READY = "ready"
    """In the round of lanes that may start something."""
    PARKED = "parked"
    """Its next delivery has been planned and waits for room at its hop."""
    PLANNING = "planning"
    """The DNS has been asked."""
    ASLEEP = "asleep"
    """Nothing of it can leave before ``until``."""


Entry = tuple[int, float, int, Delivery, Content | None]


class Lane:
    """See the module. Times are wall-clock seconds, except ``wake_at`` (monotonic)."""

    __slots__ = (
        "backoff",
        "behind",
        "failed_at",
        "fetching",
        "heap",
        "in_hand",
        "name",
        "parked",
        "reason",
        "reply",
        "status",
        "until",
        "wake_at",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.status = LaneStatus.IDLE
        self.heap: list[Entry] = []
        self.in_hand: set[int] = set()
        """Delivery ids in the heap, parked, out, or not yet recorded: never fetched again."""
        self.behind = False
        """The spool may hold due mail that is not in hand."""
        self.fetching = False
        self.parked: Attempt | None = None
        self.until: float | None = None
        self.wake_at = 0.0
        self.reason = ""
        self.reply: Reply | None = None
        """Why it sleeps, where a reply says so (the DNS)."""
        self.failed_at: float | None = None
        """When its way out last failed."""
        self.backoff = 0

    def push(self, delivery: Delivery, content: Content | None) -> None:
        heappush(self.heap, (-delivery.priority, delivery.due_at, delivery.id, delivery, content))
        self.in_hand.add(delivery.id)

    def pop(self) -> tuple[Delivery, Content | None]:
        """The most urgent, then the one longest due. Its id stays in hand."""
        entry = heappop(self.heap)
        return entry[3], entry[4]

    def drop(self, ids: frozenset[int] | None) -> int:
        """Forget what is in the heap (of these ids); returns how many octets of content that frees."""
        gone = self.heap if ids is None else [entry for entry in self.heap if entry[2] in ids]
        if not gone:
            return 0
        self.heap = [] if ids is None else [entry for entry in self.heap if entry[2] not in ids]
        heapify(self.heap)
        self.in_hand.difference_update(entry[2] for entry in gone)
        self.behind = True
        return sum(weight_of(entry[4]) for entry in gone)

    @property
    def is_asleep(self) -> bool:
        return self.status is LaneStatus.ASLEEP

    @property
    def is_over(self) -> bool:
        return not self.in_hand and not self.behind and not self.fetching and self.status is not LaneStatus.PLANNING


def weight_of(content: Content | None) -> int:
    """Octets that a content occupies in memory."""
    return len(content) if isinstance(content, bytes) else 0
