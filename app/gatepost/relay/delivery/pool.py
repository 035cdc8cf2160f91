"""Connections kept by next hop: who may open how many, and who is closed for whom.

One ``HopQueue`` for each next hop that has work: the jobs that wait for it and the connections that serve it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ..common.hop import NextHop
from ..common.tasks import Tasks
from .connector import Connector
from .hop_queue import Done, HopConnections, HopQueue, stopped
from .values import FailureKind, HopFailure, Job, Outcome, OutcomeState, Stage

log = logging.getLogger(__name__)

IDLE_SECONDS = 8.0
"""How long a connection without work is kept."""
SWEEP_SECONDS = 2.0


class Pool:
    """``submit`` never waits: jobs of one hop queue up and leave by as many connections as the limits allow."""

    def __init__(self, connector: Connector, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._connector = connector
        self._idle_seconds = idle_seconds
        self._loop = asyncio.get_running_loop()
        self._tasks = Tasks("delivery pool")
        self._queues: dict[NextHop, HopQueue] = {}
        self._recent: dict[int, HopQueue] = {}
        """By identity of the hop: hashing a hop for each message costs more than sending does."""
        self._leaving: set[HopQueue] = set()
        """Retired, with connections that finish what they carry."""
        self._open_by_key: dict[str, int] = {}
        self._open = 0
        """Connections open and opening, of all hops."""
        self._starving = False
        self._sweeper: asyncio.TimerHandle | None = None
        self._draining = False
        self._empty: asyncio.Future[None] | None = None

    # For the queue

    def submit(self, hop: NextHop, job: Job, done: Done) -> None:
        if self._draining:
            self._loop.call_soon(done, job, Outcome(OutcomeState.NOT_STARTED, job, stage=Stage.CONNECT))
            return
        self._queue(hop).add(job, done)

    def has_capacity(self, hop: NextHop) -> bool:
        """Whether another job for ``hop`` would leave soon: fewer jobs wait than its connections can take next."""
        if self._draining:
            return False
        queue = self._recent.get(id(hop))
        if queue is None or queue.hop_seen is not hop:
            queue = self._queues.get(hop)
        return queue is None or queue.has_capacity()

    def retire(self, is_current: Callable[[NextHop], bool]) -> None:
        """After a configuration change: hops that are no longer current finish what they carry and close; their
        waiting jobs come back as NOT_STARTED."""
        for queue in list(self._queues.values()):
            if not is_current(queue.hop):
                self._retire(queue)

    def _retire(self, queue: HopQueue) -> None:
        self.forget(queue)
        self._leaving.add(queue)
        queue.retire()

    def status(self) -> list[HopConnections]:
        return [queue.status() for queue in (*self._queues.values(), *self._leaving)]

    @property
    def open_connections(self) -> int:
        return self._open

    async def drain(self, seconds: float) -> None:
        """Stop: waiting jobs come back as NOT_STARTED, busy connections get ``seconds`` to finish, all are closed."""
        self._draining = True
        for queue in list(self._queues.values()):
            self._retire(queue)
        await self._tasks.close()  # whoever is still connecting has nothing to carry any more
        if self._open:
            self._empty = self._loop.create_future()
            await asyncio.wait([self._empty], timeout=seconds)
            for queue in list(self._leaving):
                queue.abort()
            await asyncio.wait([self._empty], timeout=5.0)
            self._empty = None
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    # For the hop queues

    def _queue(self, hop: NextHop) -> HopQueue:
        found = self._recent.get(id(hop))
        if found is not None and found.hop_seen is hop:
            return found
        found = self._queues.get(hop)
        if found is None:
            found = self._queues[hop] = HopQueue(self, hop)
        elif found.hop_seen is not hop:
            self._recent.pop(id(found.hop_seen), None)
            found.hop_seen = hop
        self._recent[id(hop)] = found
        return found

    def forget(self, queue: HopQueue) -> None:
        self._leaving.discard(queue)
        if self._queues.get(queue.hop) is queue:
            del self._queues[queue.hop]
        if self._recent.get(id(queue.hop_seen)) is queue:
            del self._recent[id(queue.hop_seen)]

    def open_of(self, key: str) -> int:
        return self._open_by_key.get(key, 0)

    def may_open(self, hop: NextHop, own: int) -> bool:
        """Whether the limits allow one more beside the queue's ``own``; idle connections elsewhere make room."""
        if (open_of_key := self.open_of(hop.key)) >= hop.limits.connections:
            if open_of_key > own:
                self._evict(hop.key)
            return False
        if self._open >= self._connector.settings.total_connections:
            if not self._starving:
                self._starving = True
                self._evict(None)
            return False
        return True

    def _evict(self, key: str | None) -> None:
        """Close one idle connection of a queue with ``key`` (None: of any). It makes room when it is gone."""
        for queue in self._queues.values():
            if (key is None or queue.hop.key == key) and queue.close_idle(1, 0.0):
                return

    def opened(self, queue: HopQueue) -> None:
        self._open += 1
        self._open_by_key[queue.hop.key] = self.open_of(queue.hop.key) + 1

    def closed(self, queue: HopQueue) -> None:
        self._open -= 1
        if left := self._open_by_key[queue.hop.key] - 1:
            self._open_by_key[queue.hop.key] = left
        else:
            del self._open_by_key[queue.hop.key]
        if self._open == 0 and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)
        # Others may have waited for this place: the same gateway under other terms, or anyone under the total.
        self._starving = False
        for other in list(self._queues.values()):
            if other is not queue and other.has_work:
                other.serve()

    def connect(self, queue: HopQueue) -> None:
        task = self._tasks.spawn(self._connect(queue), f"connect to {queue.hop.label}")
        task.add_done_callback(lambda ended: queue.opening_failed(stopped()) if ended.cancelled() else None)

    async def _connect(self, queue: HopQueue) -> None:
        try:
            connection = await self._connector.connect(queue.hop)
        except HopFailure as failure:
            queue.opening_failed(failure)
        except Exception as error:
            log.exception("connecting to %s failed in an unforeseen way", queue.hop.label)
            queue.opening_failed(
                HopFailure(
                    Stage.CONNECT,
                    FailureKind.PROTOCOL,
                    "The session could not be set up.",
                    f"Unforeseen: {type(error).__name__}.",
                )
            )
        else:
            queue.opening_succeeded(connection)

    def later(self, seconds: float, callback: Callable[[], None]) -> None:
        self._loop.call_later(seconds, callback)

    def now(self) -> float:
        return self._loop.time()

    @property
    def is_starving(self) -> bool:
        """Somebody waits for a place under a limit: idle connections do not linger."""
        return self._starving

    def ensure_sweep(self) -> None:
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(min(SWEEP_SECONDS, self._idle_seconds), self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        for queue in list(self._queues.values()):
            queue.close_idle(None, self._idle_seconds)
            queue.forget_if_empty()
        if self._queues:
            self.ensure_sweep()
