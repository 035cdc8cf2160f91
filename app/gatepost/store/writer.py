"""The one writer of a SQLite file: a thread that commits whatever has gathered (group commit).

Whoever writes hands in an operation and awaits its future, which resolves after the COMMIT. While one commit is on its way
to the disk the next operations gather, so many share one fsync, and nobody waits for a timer. Operations of one kind can
be gathered into statements of many rows (``Bulk``): each statement that SQLite runs releases and takes the interpreter's
lock, so few large ones beat many small ones by far when the loop is busy; a batch that a ``Planner`` can make one statement
of is handed to SQLite once for all, commit and flush included. What nobody waits for is *patient*: it causes no
commit of its own but goes with the next one, if that comes soon. On a slow disk a commit also waits a little for those whom
the last one released, who otherwise fall into two groups that wait for each other's.

An operation that fails takes nobody with it: the transaction is rolled back and its halves run apart until the guilty one
is alone. So an operation may run more than once and must not change anything but the database (use ``Unit`` for the rest).
A waiter that is cancelled does not cancel its operation.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from .commit_times import CommitTimes
from .database import Database
from .errors import StoreDamaged, StoreError, translated
from .gathering import Gathering

log = logging.getLogger(__name__)

Connection = sqlite3.Connection
T = TypeVar("T")
Item = TypeVar("Item", contravariant=True)
Result = TypeVar("Result", covariant=True)

BATCH = 512
"""Operations in one commit, at most."""
PATIENCE = 0.005
"""Seconds that patient operations wait for somebody else's commit."""
_PATIENT = 64
"""So many of them are worth a commit of their own."""
SLOW_COMMIT = 0.001
"""Seconds: where commits take longer, the next one waits for those who are expected soon …"""
_LINGER = 0.25
"""… for this share of a commit's time, at most."""
LOG_SECONDS = 1.0
"""Between looks at how long the write-ahead log has become."""
_LATEST = 0.25
"""How much the latest commit weighs in the running mean of their times."""


class Bulk(Protocol, Generic[Item, Result]):
    """One kind of operation that is run for many at once."""

    def run(self, connection: Connection, items: Sequence[Item], /) -> Sequence[Result]:
        """Run all of ``items``; one result for each, in their order."""
        ...

    def failed(self, item: Item, error: BaseException, /) -> None:
        """``item`` was rolled back for good: clean up what it brought along. Called on the writer's thread."""
        ...


class Unit:
    """What must follow a transaction's fate besides the database. Called on the writer's thread; does nothing itself."""

    def committed(self) -> None:
        """It is on the disk. Must not raise; runs before the waiters wake."""

    def rolled_back(self) -> None:
        """None of it happened."""


class Plan(NamedTuple):
    """A whole batch as one statement, and what its operations resolve to, by kind in their order."""

    sql: str
    values: Sequence[Any]
    results: Mapping[Bulk[Any, Any], Sequence[Any]]


Planner = Callable[[Connection, Mapping[Bulk[Any, Any], Sequence[Any]]], Plan | None]
"""Makes one statement of a batch's items, where they can be; None, and nothing changed, where they cannot."""


class _Operation:
    __slots__ = ("action", "bulk", "future", "item", "loop")

    def __init__(
        self,
        action: Callable[[Connection], Any] | None,
        bulk: Bulk[Any, Any] | None,
        item: Any,
        loop: asyncio.AbstractEventLoop | None,
        future: asyncio.Future[Any] | concurrent.futures.Future[Any],
    ) -> None:
        self.action = action
        self.bulk = bulk
        self.item = item
        self.loop = loop
        self.future = future


_Outcome = tuple[_Operation, Any, BaseException | None]


class Writer:
    """Owns ``database``'s connection from now on; ``close`` finishes what waits and closes it.

    ``label`` names the file to people (“spool”). Within a batch, bulk operations run before single ones, and patient
    operations may be overtaken; otherwise the order of calls is kept.
    """

    def __init__(
        self,
        database: Database,
        label: str,
        unit: Unit | None = None,
        batch: int = BATCH,
        *,
        patience: float = PATIENCE,
        planner: Planner | None = None,
    ) -> None:
        self._database = database
        self._label = label
        self._unit = unit or Unit()
        self._batch = batch
        self._patience = patience
        self._planner = planner
        self._queue: SimpleQueue[list[_Operation] | None] = SimpleQueue()
        self._gatherings: dict[asyncio.AbstractEventLoop, Gathering[_Operation]] = {}
        self._taken: deque[_Operation] = deque()
        """Handed over, and taken by the thread: more than fits one commit stays here."""
        self._patient: deque[_Operation] = deque()
        self._is_looking = False
        self._closing = False
        self._commit_seconds = 0.0
        self._expected = 0
        """Who waited, or was released, when the last commit ended: so many may soon wait again."""
        self.commit_times = CommitTimes()
        self.commits = 0
        self.operations = 0
        self._log_seen = time.monotonic()
        self._connection = database.connection()
        self._thread = threading.Thread(target=self._work, name=f"gatepost-{label}-writer", daemon=True)
        self._thread.start()

    def submit(self, action: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Run ``action`` in a transaction. The future resolves after COMMIT, or has the error (disk errors as StoreError).

        Call it from a running loop's thread.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._add(loop, _Operation(action, None, None, loop, future))
        return future

    def gather(self, bulk: Bulk[Item, T], item: Item, *, patient: bool = False) -> asyncio.Future[T]:
        """Like ``submit`` for an item of a kind that is written many rows at a time.

        ``patient``: nobody is kept waiting by it, so it may wait ``patience`` seconds for the next commit.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        operation = _Operation(None, bulk, item, loop, future)
        if not patient:
            self._add(loop, operation)
            return future
        if self._closing:
            raise self._closed_error()
        self._patient.append(operation)
        if len(self._patient) == _PATIENT:
            self._queue.put([])
        elif not self._is_looking:
            self._is_looking = True
            loop.call_later(self._patience, self._look)
        return future

    def _look(self) -> None:
        self._is_looking = False
        if self._patient:
            self._queue.put([])

    def call(self, action: Callable[[Connection], T]) -> T:
        """Like ``submit``, blocking, for threads without a loop."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("the writer cannot wait for itself")
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        if self._closing:
            raise self._closed_error()
        self._queue.put([_Operation(action, None, None, None, future)])
        return future.result()

    @property
    def backlog(self) -> int:
        """Operations that wait for a commit."""
        gathered = sum(len(gathering) for gathering in tuple(self._gatherings.values()))
        return gathered + self._queue.qsize() + len(self._taken) + len(self._patient)

    def close(self) -> None:
        """Commit what waits, end the thread, close the connection. Blocking; may be called twice."""
        if not self._closing:
            self._closing = True
            for gathering in tuple(self._gatherings.values()):
                gathering.hand_over()
            self._queue.put(None)
        self._thread.join()
        late: list[_Outcome] = []
        while (operation := self._next_waiting()) is not None:
            late.append((operation, None, self._closed_error()))
        _deliver(late)
        self._database.close()

    async def aclose(self) -> None:
        """``close`` off the loop."""
        await asyncio.get_running_loop().run_in_executor(None, self.close)

    def _add(self, loop: asyncio.AbstractEventLoop, operation: _Operation) -> None:
        if self._closing:
            raise self._closed_error()
        gathering = self._gatherings.get(loop)
        if gathering is None:
            for one in [one for one in self._gatherings if one.is_closed()]:
                del self._gatherings[one]
            gathering = self._gatherings[loop] = Gathering(loop, self._queue.put, self._batch)
        gathering.add(operation)

    def _closed_error(self) -> StoreError:
        return StoreError(f"The {self._label} is closed.", "Gatepost is stopping.")

    def _next_waiting(self) -> _Operation | None:
        try:
            while not self._taken:
                self._taken.extend(self._queue.get_nowait() or ())
        except Empty:
            return self._patient.popleft() if self._patient else None
        return self._taken.popleft()

    def _work(self) -> None:
        is_ending = False
        taken, patient = self._taken, self._patient
        while not is_ending or taken or patient:
            if not is_ending:
                is_ending = self._take()
            operations: list[_Operation] = []
            while taken and len(operations) < self._batch:
                operations.append(taken.popleft())
            urgent = len(operations)
            while patient and len(operations) < self._batch:
                operations.append(patient.popleft())
            if patient and len(operations) == self._batch:
                self._queue.put([])  # their patience is over, too, but they did not fit
            if operations:
                outcomes = self._transact(operations)
                self._expected = urgent + len(taken) + self._queue.qsize()
                _deliver(outcomes)
                self._look_at_log()

    def _look_at_log(self) -> None:
        now = time.monotonic()
        if now - self._log_seen >= LOG_SECONDS:
            self._log_seen = now
            self._database.look_at_log()

    def _take(self) -> bool:
        """Wait for something to do, unless there is, and take what else was handed over. Whether it was the last."""
        taken = self._taken
        found: list[_Operation] | None = [] if taken else self._queue.get()
        linger_until = None
        while found is not None:
            taken.extend(found)
            if len(taken) >= self._batch:
                return False
            try:
                found = self._queue.get_nowait()
            except Empty:
                if not taken or len(taken) >= self._expected or self._commit_seconds < SLOW_COMMIT:
                    return False
                now = time.monotonic()
                if linger_until is None:
                    linger_until = now + self._commit_seconds * _LINGER
                try:
                    found = self._queue.get(timeout=max(0.0, linger_until - now))
                except Empty:
                    return False
        return True

    def _transact(self, operations: list[_Operation]) -> list[_Outcome]:
        try:
            outcomes = self._at_once(operations) or self._step_by_step(operations)
        except Exception as error:
            self._roll_back()
            if len(operations) > 1:
                middle = len(operations) // 2
                return self._transact(operations[:middle]) + self._transact(operations[middle:])
            return [self._refuse(operations[0], error)]
        self.commits += 1
        self.operations += len(operations)
        try:
            self._unit.committed()
        except Exception:  # the data is safe: the waiters must hear so whatever else went wrong
            log.exception("after a commit to the %s", self._label)
        return outcomes

    def _at_once(self, operations: list[_Operation]) -> list[_Outcome]:
        """One statement, which is a transaction by itself; nothing where that cannot be."""
        if self._planner is None or any(operation.bulk is None for operation in operations):
            return []
        connection, kinds = self._connection, _kinds(operations)
        items = {bulk: [member.item for member in members] for bulk, members in kinds.items()}
        plan = self._planner(connection, items)
        if plan is None:
            return []
        began = time.monotonic()
        connection.execute(plan.sql, plan.values)
        self._took(time.monotonic() - began)
        return [
            (member, result, None)
            for bulk, members in kinds.items()
            for member, result in zip(members, plan.results[bulk], strict=True)
        ]

    def _step_by_step(self, operations: list[_Operation]) -> list[_Outcome]:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        outcomes: list[_Outcome] = []
        for bulk, members in _kinds(operations).items():
            results = bulk.run(connection, [member.item for member in members])
            outcomes.extend((member, result, None) for member, result in zip(members, results, strict=True))
        outcomes.extend((op, op.action(connection), None) for op in operations if op.action is not None)
        began = time.monotonic()
        connection.execute("COMMIT")
        self._took(time.monotonic() - began)
        return outcomes

    def _took(self, seconds: float) -> None:
        self._commit_seconds += (seconds - self._commit_seconds) * _LATEST
        self.commit_times.add(seconds)

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:  # SQLite ends the transaction itself after some disk errors
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            log.exception("rolling back a transaction of the %s", self._label)
        self._unit.rolled_back()

    def _refuse(self, operation: _Operation, error: Exception) -> _Outcome:
        shown = translated(error, self._label)
        if shown is not error:
            shown.__cause__ = error
        if isinstance(shown, StoreDamaged):
            self._database.found_damaged()
        if operation.bulk is not None:
            try:
                operation.bulk.failed(operation.item, shown)
            except Exception:
                log.exception("cleaning up after a failed operation on the %s", self._label)
        return operation, None, shown


def _kinds(operations: list[_Operation]) -> dict[Bulk[Any, Any], list[_Operation]]:
    kinds: dict[Bulk[Any, Any], list[_Operation]] = {}
    for operation in operations:
        if operation.bulk is not None:
            kinds.setdefault(operation.bulk, []).append(operation)
    return kinds


def _deliver(outcomes: list[_Outcome]) -> None:
    """Wake the waiters: one call into each loop for the whole batch."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        operation = outcome[0]
        if operation.loop is None:
            _resolve(outcome)
        else:
            by_loop.setdefault(operation.loop, []).append(outcome)
    for loop, share in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve_all, share)
        except RuntimeError:  # the loop was closed meanwhile: nobody is left to hear it
            log.debug("%d results came after their loop had closed", len(share))


def _resolve_all(outcomes: list[_Outcome]) -> None:
    for outcome in outcomes:
        _resolve(outcome)


def _resolve(outcome: _Outcome) -> None:
    operation, result, error = outcome
    future = operation.future
    if future.done():  # the waiter was cancelled; its operation stands
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
