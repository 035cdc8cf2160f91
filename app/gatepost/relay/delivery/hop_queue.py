"""The jobs that wait for one next hop, and which of its connections takes which: when one more is opened, who waits.

Until a hop has proven itself by one session, only one connection is opened: a dead host is not stormed, and a wrong
password counts once.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..common.hop import NextHop
from .connection import Connection
from .values import FailureKind, HopFailure, Job, Outcome, OutcomeState, Stage

if TYPE_CHECKING:
    from .pool import Pool

log = logging.getLogger(__name__)

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


class HopQueue:
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

    def add(self, job: Job, done: Done) -> None:
        """Take a job in. Raises only when it is not: what was taken in will be reported."""
        if job.content is None:  # a question, for which a client waits at RCPT
            self._waiting.appendleft((job, done))
        else:
            self._waiting.append((job, done))
        try:
            self.serve()
        except Exception:
            if any(waiting is job for waiting, _ in self._waiting):
                self._waiting.remove((job, done))
                raise
            log.exception("a connection to %s met an error that nobody foresaw", self.hop.label)

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
        self._fail_waiting(stopped())
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


def stopped() -> HopFailure:
    """The relay's own doing: nothing is wrong with the hop."""
    return HopFailure(Stage.CONNECT, FailureKind.SHUTDOWN, "Delivery to this next hop was stopped.")
