"""Counters beside the spool's transactions: how much waits where, the id mark, body files to remove.

The counts live in memory, seeded when the file is opened by one pass over a covering index (0.1 s with a million
deliveries), and change only when a transaction has been committed.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable

from .bodies import Bodies
from .values import SpoolCounts
from .writer import Unit

DIRECT = "mx:"
"""Prefix of lanes that are counted together: there may be one for each domain of the world."""
RESERVE = 1000
"""Ids are marked as used in blocks of this many."""

Key = tuple[str, int, int]
"""Lane, state, rank."""


class SpoolUnit(Unit):
    """What follows a spool transaction. Changed on the writer's thread, read from any."""

    def __init__(self, connection: sqlite3.Connection, bodies: Bodies) -> None:
        self._bodies = bodies
        self._lock = threading.Lock()
        self._states = [0, 0, 0]  # by delivery.state
        self._lanes: Counter[str] = Counter()
        self._ranks: Counter[int] = Counter()
        self._delta: Counter[Key] = Counter()
        self._removed: list[str] = []
        (quarantined,) = connection.execute("SELECT count(*) FROM quarantine").fetchone()
        self._quarantined = int(quarantined)
        self._quarantining = 0
        (self.reserved,) = connection.execute("SELECT value FROM counter WHERE name = 'reserved'").fetchone()
        self._reserving = self.reserved
        seed = connection.execute("SELECT lane, state, rank, count(*) FROM delivery GROUP BY lane, state, rank")
        self._merge(((lane, state, rank), count) for lane, state, rank, count in seed)

    def add(self, key: Key, count: int = 1) -> None:
        """Within a transaction: ``count`` deliveries more (or fewer) of this kind."""
        self._delta[key] += count

    def quarantined(self, count: int) -> None:
        """Within a transaction: so many messages more (or fewer) in quarantine."""
        self._quarantining += count

    @property
    def has_quarantine(self) -> bool:
        """Whether there may be anything in quarantine; read on the writer's thread."""
        return self._quarantined + max(self._quarantining, 0) > 0

    def forget_body(self, name: str) -> None:
        """Within a transaction: remove a body file once it is committed."""
        self._removed.append(name)

    def is_reserved(self, number: int) -> bool:
        """Whether an id is below the mark already, so that ``use_id`` has nothing to write."""
        return number <= int(self._reserving)

    def use_id(self, connection: sqlite3.Connection, highest: int) -> None:
        """Within a transaction: never give out ids up to ``highest`` again, even when their rows are gone."""
        if highest > self._reserving:
            self._reserving = highest + RESERVE
            connection.execute("UPDATE counter SET value = ? WHERE name = 'reserved'", (self._reserving,))

    def committed(self) -> None:
        self.reserved = self._reserving
        delta, self._delta = self._delta, Counter()
        removed, self._removed = self._removed, []
        self._quarantined += self._quarantining
        self._quarantining = 0
        if delta:
            self._merge(delta.items())
        if removed:
            self._bodies.remove(removed)

    def rolled_back(self) -> None:
        self._reserving = self.reserved
        self._delta = Counter()
        self._removed = []
        self._quarantining = 0

    def counts(self) -> SpoolCounts:
        with self._lock:
            lanes = {lane: count for lane, count in self._lanes.items() if count}
            waiting, deferred, held = self._states
        return SpoolCounts(waiting, deferred, held, lanes, self._quarantined)

    def lane_count(self, lane: str) -> int:
        """Deliveries in one lane; -1 for direct lanes, which are not counted apart."""
        return -1 if lane.startswith(DIRECT) else self._lanes.get(lane, 0)

    def ranks(self) -> tuple[int, ...]:
        """The ranks in use, most urgent first."""
        with self._lock:
            return tuple(sorted(rank for rank, count in self._ranks.items() if count)) or (0,)

    def _merge(self, changes: Iterable[tuple[Key, int]]) -> None:
        with self._lock:
            for (lane, state, rank), count in changes:
                self._states[state] += count
                self._ranks[rank] += count
                self._lanes[DIRECT if lane.startswith(DIRECT) else lane] += count
            for emptied in [lane for lane, count in self._lanes.items() if not count]:
                del self._lanes[emptied]
