"""A signed-in session, taken over from aiosmtplib: it pulls jobs from a source and reports what became of them.

Everything happens in the transport's callbacks, without a task for each message; only content too large to hold at once
is sent by a task that reads ahead off the loop. On a peer that announces PIPELINING the next job's MAIL, RCPT and DATA
travel with the final dot of the one before (RFC 2920 §3.1 lets a group begin there).
"""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass
from typing import Protocol

from ...model.reply import Reply
from ..common.hop import NextHop
from ..common.outbox import Outbox
from ..common.quoting import Quotes
from ..common.tasks import Tasks
from . import failures
from .link import Link
from .replies import ReplyReader
from .streaming import MIN_UPLOAD_RATE, STALL_SECONDS, stream
from .transaction import Refused, Step, Traits, Transaction, known_traits
from .values import Content, HopFailure, Job, Outcome, OutcomeState, Session, Stage
from .wire import STREAMED_FROM, ContentUnreadable, scan, wire

log = logging.getLogger(__name__)

PROMPT_SECONDS = 0.5
"""A job is sent ahead, behind another's dot, only while the peer's last verdict took less than this."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds for one reply, and for the reply to the final dot."""

    command: float
    data_done: float


class JobSource(Protocol):
    """Where a connection's jobs come from and its news go. Called on the loop's thread; be quick, never raise."""

    def next_job(self, connection: Connection, ahead: bool) -> Job | None:
        """The next job, or None. ``ahead``: the connection is still busy, and would send it behind the present one."""

    def job_done(self, connection: Connection, job: Job, outcome: Outcome) -> None:
        """Exactly once for each job that was taken. NOT_STARTED: the connection was dead before the job had begun."""

    def connection_idle(self, connection: Connection) -> None:
        """No job is left; ``connection.wake()`` when there is one."""

    def connection_closed(self, connection: Connection, failure: HopFailure | None) -> None:
        """Once. ``failure`` is None after an orderly end."""


class Connection(Link):
    """See the module. ``run`` begins, ``finish`` ends after the present job, ``abort`` at once."""

    def __init__(
        self,
        hop: NextHop,
        session: Session,
        transport: asyncio.Transport,
        deadlines: Deadlines,
        quotes: Quotes,
        outbox: Outbox,
    ) -> None:
        super().__init__(session, transport, outbox)
        self.hop = hop
        self.completed = 0
        """Jobs that ended in order on this connection."""
        self.idle_since = 0.0
        self.verdict_seconds = math.inf
        """How long the peer took from the latest final dot to its reply."""
        self._deadlines = deadlines
        self._source: JobSource | None = None
        self._reader = ReplyReader(quotes)
        self._current: Transaction | None = None
        self._ahead: Transaction | None = None
        """Written behind the present one's dot."""
        self._deferred: Job | None = None
        """Taken ahead, but its file must be read before MAIL."""
        self._scanning: Job | None = None
        self._tasks = Tasks("delivery connection")
        self._taken = 0
        self._needs_reset = False
        self._prompt = True
        self._dot_at = 0.0
        self._finishing = False
        self._is_idle = False
        transport.set_protocol(self)

    # For the owner

    def run(self, source: JobSource) -> None:
        self._source = source
        self._advance()

    def wake(self) -> None:
        """There is a job again. Does nothing while busy."""
        if self._is_idle and self.is_usable:
            self._advance()

    @property
    def is_usable(self) -> bool:
        return not (self._closed or self._quitting or self._finishing or self._failure or self._transport.is_closing())

    @property
    def is_idle(self) -> bool:
        return self._is_idle and self.is_usable

    def finish(self) -> None:
        """End with QUIT after the present job; nobody waits for the reply."""
        self._finishing = True
        if self._current is None and self._deferred is None and self._scanning is None:
            self._quit()

    # Jobs

    def _advance(self) -> None:
        """The present job is over: go on with the one sent ahead, or take the next."""
        if self._ahead is not None:
            self._current, self._ahead = self._ahead, None
            self._deadline.set(self._deadlines.command)
            return
        while self._current is None and not self._closed:
            if self._failure is not None:
                return
            job = self._deferred or self._take(False)
            self._deferred = None
            if job is None:
                self._rest()
                return
            self._is_idle = False
            traits = known_traits(job, self.session.features)
            if traits is None:
                self._scanning = job
                self._tasks.spawn(self._scan(job), "scan")
                return
            self._begin(job, traits)

    def _take(self, ahead: bool) -> Job | None:
        if self._finishing or self._source is None or self._taken >= self.hop.limits.messages_per_connection:
            return None
        job = self._source.next_job(self, ahead)
        if job is not None:
            self._taken += 1
        return job

    def _rest(self) -> None:
        if self._finishing or self._taken >= self.hop.limits.messages_per_connection:
            self._quit()
            return
        self._deadline.clear()
        self._is_idle = True
        self.idle_since = self._loop.time()
        if self._source is not None:
            self._source.connection_idle(self)

    async def _scan(self, job: Job) -> None:
        assert job.content is not None  # noqa: S101 - known_traits settles jobs without content
        problem = ""
        traits = Traits()
        try:
            traits = Traits(*await self._loop.run_in_executor(None, scan, job.content))
        except OSError as error:
            problem = error.strerror or str(error)
        if self._scanning is not job:
            return  # the connection ended meanwhile and has reported it
        self._scanning = None
        if problem:
            log.error("stored content cannot be read: %s", problem)
            failure = failures.unreadable(self.session, problem)
            self._report(job, Outcome(OutcomeState.LOST, job, self.session, failure, Stage.CONTENT))
        else:
            self._begin(job, traits)
        if self._current is None:
            self._advance()

    def _begin(self, job: Job, traits: Traits) -> None:
        if (transaction := self._prepared(job, traits)) is None:
            return
        self._current = transaction
        opening = transaction.opening(self._needs_reset)
        self._needs_reset = False
        self._deadline.set(self._deadlines.command)
        self._write(opening)

    def _prepared(self, job: Job, traits: Traits) -> Transaction | None:
        """The job's transaction; None when it cannot be sent to this peer (then its outcome has been reported)."""
        try:
            return Transaction(job, self.session.features, traits, self._loop.time())
        except Refused as refused:
            self._report(job, Outcome(refused.state, job, self.session, None, Stage.MAIL, final=refused.reply))
            return None

    def _prefetched(self) -> bytes:
        """The next job's opening, to be written behind the present one's dot; b"" when there is none."""
        if not (self.session.features.pipelining and self._prompt):
            return b""
        while self._deferred is None and (job := self._take(True)) is not None:
            if (traits := known_traits(job, self.session.features)) is None:
                self._deferred = job
            elif (transaction := self._prepared(job, traits)) is not None:
                self._ahead = transaction
                return transaction.opening(False)
        return b""

    # Replies

    def data_received(self, data: bytes) -> None:
        if self._quitting:
            self._transport.close()
            return
        for reply in self._reader.feed(data):
            if self._failure is not None or self._quitting:
                return
            self._on_reply(reply)
        if (error := self._reader.error) is not None:
            self._end(failures.not_smtp(self.session, self._stage, str(error)))

    def _on_reply(self, reply: Reply) -> None:
        transaction = self._current
        if transaction is None:
            self._end(failures.kept_closed(self.session, self._stage, reply))
            return
        if reply.code == 421:
            self._on_shutdown(transaction, reply)
            return
        step = transaction.on_reply(reply)
        if step is Step.WAIT:
            self._deadline.set(self._deadlines.command)
        elif step is Step.FINISHED:
            self._finished(transaction)
        elif step is Step.CONTENT:
            self._send_content(transaction)
        elif step is Step.WRITE:
            self._deadline.set(self._deadlines.command)
            self._write(transaction.pending)
        elif step is Step.LONE_DOT:
            self._deadline.set(self._deadlines.data_done)
            self._write(b".\r\n")
        else:
            self._end(failures.out_of_step(self.session, self._stage, reply))

    def _finished(self, transaction: Transaction) -> None:
        now = self._loop.time()
        self._current = None
        self._needs_reset = transaction.needs_reset
        self.completed += 1
        if transaction.phase is Stage.FINAL_DOT:
            self.verdict_seconds = now - self._dot_at
            self._prompt = self.verdict_seconds < PROMPT_SECONDS
        outcome = transaction.outcome(OutcomeState.COMPLETED, self.session, now)
        outcome.number = self.completed
        if transaction.phase is Stage.CONTENT:
            # A refusal before the dot: what the peer would make of the rest is anybody's guess.
            self._report(transaction.job, outcome)
            self._end(failures.refused_in_content(self.session, self._stage, transaction.final))
            return
        self._report(transaction.job, outcome)
        if self._failure is None and not self._closed:
            self._advance()

    def _on_shutdown(self, transaction: Transaction, reply: Reply) -> None:
        if not transaction.has_begun and self.completed:
            # A kept connection that has had enough: no verdict on this message.
            self._end(failures.kept_closed(self.session, self._stage, reply))
            return
        transaction.fill(reply)
        self._current = None
        self._report(transaction.job, transaction.outcome(OutcomeState.COMPLETED, self.session, self._loop.time()))
        self._end(failures.shut_down(self.session, self._stage, reply))

    # Content

    def _send_content(self, transaction: Transaction) -> None:
        content = transaction.job.content
        assert content is not None  # noqa: S101 - without content there is no DATA
        if not isinstance(content, bytes) or len(content) >= STREAMED_FROM:
            self._deadline.set(STALL_SECONDS)
            self._tasks.spawn(self._stream(transaction, content), "content")
            return
        octets = wire(content)
        self._dot_written(transaction, len(octets))
        self._deadline.set(self._deadlines.data_done + len(octets) / MIN_UPLOAD_RATE)
        if ahead := self._prefetched():
            octets += ahead
        self._write(octets)

    def _dot_written(self, transaction: Transaction, octets: int) -> None:
        transaction.sent_octets += octets
        transaction.dot_written = True
        transaction.phase = Stage.FINAL_DOT
        self._dot_at = self._loop.time()

    async def _stream(self, transaction: Transaction, content: Content) -> None:
        def is_wanted() -> bool:
            return self._current is transaction and not self._closed

        try:
            ending = await stream(transaction, content, self._transport, self._flow, self._deadline, is_wanted)
        except ContentUnreadable as error:
            log.error("stored content cannot be read: %s", error)
            if is_wanted():
                # Without a dot the peer drops what it has.
                self._failure = failures.unreadable(self.session, str(error))
                self._transport.abort()
            return
        if not is_wanted() or self._failure is not None:
            return
        self._dot_written(transaction, len(ending))
        self._deadline.set(self._deadlines.data_done)
        self._write(ending + self._prefetched())

    # The end

    @property
    def _stage(self) -> Stage:
        return self._current.phase if self._current is not None else Stage.MAIL

    def _lost(self, error: Exception | None) -> None:
        if self._unwritten and self._current is not None:
            self._current.dot_written = False  # it never left: no doubt about what the peer made of it
        orderly = self._quitting and self._current is None
        failure = None if orderly else self._failure or failures.lost(self.session, self._stage, error)
        self._end_jobs(failure)
        if self._source is not None:
            self._source.connection_closed(self, failure)
            self._source = None

    def _end_jobs(self, failure: HopFailure | None) -> None:
        now = self._loop.time()
        current, ahead, deferred, scanning = self._current, self._ahead, self._deferred, self._scanning
        self._current = self._ahead = self._deferred = self._scanning = None
        if current is not None:
            if current.is_decided:
                state = OutcomeState.COMPLETED
            elif current.may_be_delivered:
                state = OutcomeState.UNKNOWN
            elif not current.has_begun and self.completed:
                state = OutcomeState.NOT_STARTED
            else:
                state = OutcomeState.LOST
            outcome = current.outcome(state, self.session, now)
            outcome.failure = failure
            self._report(current.job, outcome)
        for job in (ahead.job if ahead is not None else None, deferred, scanning):
            if job is not None:
                self._report(job, Outcome(OutcomeState.NOT_STARTED, job, self.session, failure, Stage.MAIL))

    def _report(self, job: Job, outcome: Outcome) -> None:
        if self._source is not None:
            self._source.job_done(self, job, outcome)
