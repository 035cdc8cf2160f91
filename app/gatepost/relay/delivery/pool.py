"""Connections kept by next hop: who may open how many, who waits, who is closed when.

One ``_HopQueue`` for each next hop that has work: the jobs that wait for it and the connections that serve it. Until a
hop has proven itself by one session, only one connection is opened: a dead host is not stormed, and a wrong password
counts once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ..common.hop import NextHop
from ..common.tasks import Tasks
from .connection import Connection
from .connector import Connector
from .values import FailureKind, HopFailure, Job, Outcome, OutcomeState, Stage

log = logging.getLogger(__name__)

IDLE_SECONDS = 8.0
"""How long a connection without work is kept."""
SWEEP_SECONDS = 2.0
QUICK_SECONDS = 0.02
"""A peer that answers the final dot within this time (one nearby) is sent messages behind one another, which takes half
the packets; others get them side by side."""
_BEHIND = 4
"""Jobs that may wait for each busy connection to a quick peer before an idle one is woken."""
PAUSE_SECONDS = 5.0
"""After a failed opening beside working connections: the peer may allow fewer than our limit."""

Done = Callable[[Job, Outcome], None]
"""Called once for each job, on the loop's thread, from inside the connection's reading: be quick, never raise."""


@dataclass(frozen=True, slots=True)
class HopConnections:
    """One next hop's connections, for the status page."""

    key: str
    label: str
    open: int
    opening: int
    idle: int
    waiting: int
    """Jobs that wait for a connection."""


class Pool:
    """``submit`` never waits: jobs of one hop queue up and leave by as many connections as the limits allow."""

    def __init__(self, connector: Connector, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._connector = connector
        self._idle_seconds = idle_seconds
        self._loop = asyncio.get_running_loop()
        self._tasks = Tasks("delivery pool")
        self._queues: dict[NextHop, _HopQueue] = {}
        self._recent: dict[int, _HopQueue] = {}
        """By identity of the hop: hashing a hop for each message costs more than sending does."""
        self._leaving: set[_HopQueue] = set()
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

    def _retire(self, queue: _HopQueue) -> None:
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

    def _queue(self, hop: NextHop) -> _HopQueue:
        found = self._recent.get(id(hop))
        if found is not None and found.hop_seen is hop:
            return found
        found = self._queues.get(hop)
        if found is None:
            found = self._queues[hop] = _HopQueue(self, hop)
        elif found.hop_seen is not hop:
            self._recent.pop(id(found.hop_seen), None)
            found.hop_seen = hop
        self._recent[id(hop)] = found
        return found

    def forget(self, queue: _HopQueue) -> None:
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

    def opened(self, queue: _HopQueue) -> None:
        self._open += 1
        self._open_by_key[queue.hop.key] = self.open_of(queue.hop.key) + 1

    def closed(self, queue: _HopQueue) -> None:
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

    def connect(self, queue: _HopQueue) -> None:
        task = self._tasks.spawn(self._connect(queue), f"connect to {queue.hop.label}")
        task.add_done_callback(lambda ended: queue.opening_failed(_shutdown()) if ended.cancelled() else None)

    async def _connect(self, queue: _HopQueue) -> None:
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


class _HopQueue:
    """The jobs that wait for one hop, and its connections. Their ``JobSource``."""

    def __init__(self, pool: Pool, hop: NextHop) -> None:
        self.hop = hop
        self.hop_seen = hop
        """The equal hop that was asked for last; see ``Pool._recent``."""
        self.retired = False
        self._waiting: deque[tuple[Job, Done]] = deque()
        self._returned: deque[tuple[Job, Done]] = deque()
        """From kept connections that turned out dead: only for fresh ones, where they count as lost if it happens again."""
        self._pool = pool
        self._connections: set[Connection] = set()
        self._idle: list[Connection] = []
        self._done: dict[Job, Done] = {}
        self._opening = 0
        self._proven = False
        self._is_quick = False
        self._is_watched = False
        self._paused_until = 0.0
        self._blame: HopFailure | None = None

    def add(self, job: Job, done: Done) -> None:
        if job.content is None:  # a question, for which a client waits at RCPT
            self._waiting.appendleft((job, done))
        else:
            self._waiting.append((job, done))
        self.serve()

    @property
    def has_work(self) -> bool:
        return bool(self._waiting or self._returned)

    def serve(self) -> None:
        """Put connections to work that wait for some, or open more."""
        while self._waiting and self._idle:
            if self._may_wait_behind():
                self._watch()
                break
            connection = self._idle.pop()
            if connection.is_usable:
                connection.wake()
        self._open_more()

    def _may_wait_behind(self) -> bool:
        """Whether busy connections to a quick peer are enough; a question, for which a client waits, is put at once."""
        busy = len(self._connections) - len(self._idle)
        return self._is_quick and len(self._waiting) <= _BEHIND * busy and self._waiting[0][0].content is not None

    def _watch(self) -> None:
        """Jobs wait for a busy connection though others are idle: see that they need not wait for long."""
        if not self._is_watched:
            self._is_watched = True
            self._pool.later(QUICK_SECONDS, self._hurry)

    def _hurry(self) -> None:
        self._is_watched = False
        if self._waiting and self._idle:
            self._is_quick = False
            self.serve()

    def _open_more(self) -> None:
        wanted = len(self._returned) + max(0, len(self._waiting) - len(self._idle))
        while (
            not self.retired
            and wanted > self._opening
            and (self._proven or self._opening == 0)
            and (self._proven or not self._connections)
            and self._pool.now() >= self._paused_until
            and self._pool.may_open(self.hop, len(self._connections) + self._opening)
        ):
            self._opening += 1
            self._pool.opened(self)
            self._pool.connect(self)

    def has_capacity(self) -> bool:
        return len(self._waiting) + len(self._returned) < 2 * self.hop.limits.connections + len(self._idle)

    def status(self) -> HopConnections:
        return HopConnections(
            self.hop.key,
            self.hop.label,
            len(self._connections),
            self._opening,
            len(self._idle),
            len(self._waiting) + len(self._returned),
        )

    # Openings

    def opening_succeeded(self, connection: Connection) -> None:
        self._opening -= 1
        self._proven = True
        self._connections.add(connection)
        if self.retired:
            connection.finish()
        connection.run(self)
        self._open_more()

    def opening_failed(self, failure: HopFailure) -> None:
        self._opening -= 1
        self._pool.closed(self)
        if self._connections or self._opening:
            # Others work (or may yet): fewer connections, not a failed hop.
            self._paused_until = self._pool.now() + PAUSE_SECONDS
            self._pool.later(PAUSE_SECONDS, self._resume)
            return
        self._proven = False
        self._fail_waiting(failure)
        self.forget_if_empty()

    def _resume(self) -> None:
        if self.has_work:
            self.serve()

    def _fail_waiting(self, failure: HopFailure) -> None:
        is_shutdown = failure.kind is FailureKind.SHUTDOWN
        state = OutcomeState.NOT_STARTED if is_shutdown else OutcomeState.HOP_FAILED
        # What is submitted from inside the callbacks is a new try, not part of this failure.
        failed = [*self._returned, *self._waiting]
        self._returned.clear()
        self._waiting.clear()
        for job, done in failed:
            _call(done, job, Outcome(state, job, None, failure, failure.stage))

    # JobSource

    def next_job(self, connection: Connection, ahead: bool) -> Job | None:
        if self._returned and not (ahead or connection.completed):
            job, done = self._returned.popleft()
            self._done[job] = done
            return job
        waiting = self._waiting
        if not waiting:
            return None
        if ahead and not (self._is_quick or self._is_saturated(len(waiting))):
            return None
        job, done = waiting.popleft()
        self._done[job] = done
        return job

    def _is_saturated(self, waiting: int) -> bool:
        """Every connection that could take a job at once is taken: a job may queue up behind another's dot."""
        return not self._idle and waiting > self._opening

    def job_done(self, connection: Connection, job: Job, outcome: Outcome) -> None:
        done = self._done.pop(job)
        self._is_quick = connection.verdict_seconds < QUICK_SECONDS
        if outcome.state is OutcomeState.NOT_STARTED and not self.retired and connection.completed:
            job.returns += 1
            self._returned.append((job, done))
            return
        _call(done, job, outcome)

    def connection_idle(self, connection: Connection) -> None:
        if self._pool.is_starving:
            connection.finish()
            return
        self._idle.append(connection)
        self._pool.ensure_sweep()

    def connection_closed(self, connection: Connection, failure: HopFailure | None) -> None:
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._pool.closed(self)
        if self.has_work:
            if failure is not None and not connection.completed and not self._connections and not self._opening:
                # It greeted us and then failed its first message: that hop has to prove itself anew.
                self._proven = False
            self.serve()
        else:
            self.forget_if_empty()

    # Ends

    def close_idle(self, count: int | None, older_than: float) -> int:
        """Close up to ``count`` connections that have been idle for ``older_than`` seconds, the oldest first."""
        limit = self._pool.now() - older_than
        chosen = [c for c in self._idle if c.idle_since <= limit][:count]
        for connection in chosen:
            self._idle.remove(connection)
            connection.finish()
        return len(chosen)

    def retire(self) -> None:
        self.retired = True
        self._fail_waiting(_shutdown())
        self._idle.clear()
        for connection in list(self._connections):
            connection.finish()
        self.forget_if_empty()

    def abort(self) -> None:
        for connection in list(self._connections):
            connection.abort()

    def forget_if_empty(self) -> None:
        if not (self.has_work or self._connections or self._opening):
            self._pool.forget(self)


def _call(done: Done, job: Job, outcome: Outcome) -> None:
    try:
        done(job, outcome)
    except Exception:  # the submitter's mistake must not stop the connection's other jobs
        log.exception("the report of a delivery job failed")


def _shutdown() -> HopFailure:
    return HopFailure(Stage.CONNECT, FailureKind.SHUTDOWN, "Delivery to this next hop was stopped.")
