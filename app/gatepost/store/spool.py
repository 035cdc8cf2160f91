"""The spool: mail that Gatepost has accepted and still owes somebody.

What ``submit`` resolved survives a power cut: it was committed with ``synchronous=FULL``, and a large body was flushed,
renamed and its folder flushed before. Writes go through the one writer (``writer``), the queue's reads and people's lists
through read-only connections in threads of their own, so nothing here blocks the loop. The tables are described in
``spool_schema``.
"""

from __future__ import annotations

import asyncio
import builtins
import logging
import sqlite3
import time
from array import array
from collections.abc import Awaitable, Callable, Sequence, Set
from dataclasses import replace
from functools import partial
from typing import TypeVar

from ..model.errors import NotFound
from . import spool_list, spool_quarantine, spool_queue, spool_relane
from .bodies import Bodies, BodyFile
from .captured import Captured
from .commit_times import CommitTimes
from .database import Database, OpenReport, check, open_database
from .folder import DataFolder
from .quarantine_values import QuarantineEntry, QuarantineFilter, QuarantineOrder, QuarantineRow
from .readers import Readers
from .room import SpoolRoom
from .setting_aside import set_folder_aside
from .spool_actions import CHUNK, Actions, Change
from .spool_counts import SpoolUnit
from .spool_filter import condition
from .spool_insert import Insert, check_parts
from .spool_record import Record
from .spool_relane import LaneOf, look, move
from .spool_schema import SPOOL
from .spool_turnover import Turnover
from .values import (
    Content,
    Delivery,
    DeliveryResult,
    LaneSummary,
    Moved,
    NewMessage,
    SpoolCounts,
    SpoolFilter,
    SpoolMessage,
    SpoolOrder,
    SpoolRow,
    StoredMessage,
)
from .writer import Writer

log = logging.getLogger(__name__)

T = TypeVar("T")
SetApart = Callable[[Sequence[int]], tuple[Set[int], Callable[[], None]]]
"""Keeps deliveries from being begun while they are changed: those with whom it could (the others are on their way), and
what lets them go again. Called on the loop's thread."""

_NOBODY: frozenset[int] = frozenset()
_PAIRS_FROM = 200_000
"""Deliveries looked at to tell which domains wait."""


class Spool:
    """Open it with ``Spool.open``; end it with ``close``. Methods that return futures need a running loop."""

    def __init__(
        self, database: Database, report: OpenReport, folder: DataFolder, clock: Callable[[], float], floor: int
    ) -> None:
        self.report = report
        self.folder = folder
        self.bodies = Bodies(folder.bodies, self._has_room_for_body)
        self.min_free_bytes = 0
        """Free space that ``has_room`` leaves alone; Settings → Spool."""
        self.unrecorded: set[int] = set()
        """Deliveries whose outcome is known and could not be recorded yet: they are shown to nobody who would send them. Of
        whoever records; here, because mail may be stopped and started meanwhile."""
        self.set_apart: SetApart = _nothing_is_begun
        """Of whoever sends the mail: it is asked before the rows of mail that it may have in memory are changed."""
        self._clock = clock
        connection = database.connection()
        self._unit = SpoolUnit(connection, self.bodies)
        self._insert = Insert(self._unit)
        self._record = Record(self._unit, self._insert)
        self._actions = Actions(self._unit, clock)
        self._next_id: int = 1 + max(floor, self._unit.reserved, _highest(connection))
        self.orphans_removed = _remove_orphans(connection, self.bodies)
        self._room = SpoolRoom(folder.spool)
        planner = Turnover(connection, self._unit, self._insert, self._record)
        self._writer = Writer(database, "spool", self._unit, planner=planner)
        self._queue_readers = Readers(folder.spool, "queue")
        self._list_readers = Readers(folder.spool, "list", threads=2, pause=database.pause)
        self.captured = Captured(self._writer, self._list_readers, self._unit, self._insert, self.bodies)

    @classmethod
    def open(cls, folder: DataFolder, *, clock: Callable[[], float] = time.time, floor: int = 0) -> Spool:
        """Open or create the spool. Blocking: about 0.1 s for a million deliveries.

        ``floor`` is the highest message id known elsewhere (the journal's). A damaged file is set aside together with the
        body files that only it can name, see ``report``. Raises NewerSchema or StoreError.
        """
        database, report = open_database(folder.spool, SPOOL, folder, clock, also_set_aside=(folder.bodies,))
        try:
            if report.created and report.set_aside is None:
                _keep_strays(folder, clock)
            return cls(database, report, folder, clock, floor)
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Commit what waits and close. Blocking; submitting afterwards raises StoreError."""
        self._writer.close()
        self._queue_readers.close()
        self._list_readers.close()

    async def aclose(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.close)

    async def check_integrity(self) -> str:
        """Check the whole file beside the running service (owed when ``report.check_pending``). Empty when sound.

        Damage is remembered: the next start sets the file aside.
        """
        return await asyncio.get_running_loop().run_in_executor(None, check, self.folder.spool)

    # Accepting

    def allocate_id(self) -> int:
        """The next message id. Never given out twice once a message was stored under it."""
        number = self._next_id
        self._next_id += 1
        return number

    def submit(self, message: NewMessage) -> asyncio.Future[StoredMessage]:
        """Store a message; durable when the future resolves. Errors: SpoolFull, StoreError; then nothing was stored.

        Cancelling the waiter does not cancel the operation.
        """
        check_parts(message)
        if not message.id:
            message = replace(message, id=self.allocate_id())
        if not isinstance(message.content, BodyFile):
            self._room.takes(len(message.content))
        return self._writer.gather(self._insert, message)

    def submit_all(self, messages: Sequence[NewMessage]) -> asyncio.Future[builtins.list[StoredMessage]]:
        """Store several messages, all or none; otherwise as ``submit``. Every one needs an id."""
        for message in messages:
            check_parts(message)
            if not isinstance(message.content, BodyFile):
                self._room.takes(len(message.content))
        stored = self._writer.submit(lambda connection: self._insert.run(connection, messages))
        stored.add_done_callback(partial(_discard_unstored, messages))
        return stored

    def has_room(self, size: int) -> bool:
        """Whether ``size`` octets fit without touching ``min_free_bytes``."""
        return self._room.fits(size, self.min_free_bytes)

    def _has_room_for_body(self, size: int) -> bool:
        return self._room.fits_on_disk(size, self.min_free_bytes)

    # Delivering

    async def due_lanes(self, now: float, after: str = "", limit: int = 100) -> list[LaneSummary]:
        """Lanes behind ``after`` (by name) with mail due at ``now``."""
        ranks = self._unit.ranks()
        found = await self._queue_readers.run(lambda c: spool_queue.due_lanes(c, now, after, limit, ranks))
        return [LaneSummary(lane, first, self._unit.lane_count(lane)) for lane, first in found]

    async def fetch_due(self, lane: str, now: float, limit: int, exclude: Set[int] = _NOBODY) -> list[Delivery]:
        """Deliveries of a lane that are due, most urgent first; without those in ``exclude`` (delivery ids in hand)."""
        ranks, known = self._unit.ranks(), frozenset(exclude | self.unrecorded)
        return await self._queue_readers.run(lambda c: spool_queue.fetch_due(c, lane, now, limit, known, ranks))

    async def fetch(self, delivery_id: int) -> Delivery | None:
        return await self._queue_readers.run(lambda c: spool_queue.fetch(c, delivery_id))

    async def next_due(self, after: float) -> float | None:
        """When the next delivery becomes due after ``after``; None when nothing waits for a time."""
        return await self._queue_readers.run(lambda c: spool_queue.next_due(c, after))

    async def next_alarm(self) -> float | None:
        """When the next delivery expires or owes a delay notice."""
        return await self._queue_readers.run(spool_queue.next_alarm)

    async def fetch_expired(self, now: float, limit: int, exclude: Set[int] = _NOBODY) -> list[Delivery]:
        """Deliveries past their lifetime. Held ones do not expire."""
        known = frozenset(exclude | self.unrecorded)
        return await self._queue_readers.run(lambda c: spool_queue.fetch_expired(c, now, limit, known))

    async def fetch_delay_due(self, now: float, limit: int, exclude: Set[int] = _NOBODY) -> list[Delivery]:
        """Deliveries whose delay notice is due; record them with ``delay_noticed`` when it was sent or is not owed."""
        known = frozenset(exclude | self.unrecorded)
        return await self._queue_readers.run(lambda c: spool_queue.fetch_delay_due(c, now, limit, known))

    async def fetch_hold_ended(self, now: float, limit: int) -> list[Delivery]:
        """Held deliveries past their ``hold_until``."""
        return await self._queue_readers.run(lambda c: spool_queue.fetch_hold_ended(c, now, limit))

    async def load_content(self, message_id: int) -> Content:
        """A message's content: octets, or the body file. Raises NotFound when the message is gone."""
        content = await self._queue_readers.run(lambda c: spool_queue.load_content(c, message_id, self.bodies))
        if content is None:
            raise NotFound("The message is no longer in the spool.")
        return content

    def record(self, result: DeliveryResult) -> asyncio.Future[StoredMessage | None]:
        """Record an outcome durably; resolves with the stored DSN if the result holds one.

        Nobody waits for it, so it goes with the next commit within a few milliseconds, or makes one after them.
        Recording for a delivery that is gone (deleted by a person) is no error; its DSN is stored no more.
        """
        if result.dsn is not None:
            check_parts(result.dsn)
            if not result.dsn.id:
                result = replace(result, dsn=replace(result.dsn, id=self.allocate_id()))
        return self._writer.gather(self._record, result, patient=True)

    async def relane(
        self,
        lane_of: LaneOf,
        tell: Callable[[Sequence[Moved]], Awaitable[None]] | None = None,
        left: Callable[[Set[int]], None] = lambda ids: None,
    ) -> int:
        """Recompute the lanes of all deliveries after a change of routing; returns how many moved.

        ``lane_of`` runs in a reader's thread: it must be quick and safe there. What a person sent to a gateway by hand
        (``pinned_gateway``) stays. ``tell`` hears of each page of what has moved, ``left`` of what would have, and is on its
        way or just came back from it.
        """
        after, count = -1, 0
        last = await self._list_readers.run(spool_list.last_id)
        while True:
            page = await self._list_readers.run(lambda c, start=after: look(c, start, last, lane_of))  # type: ignore[misc]
            if page.moves:
                planned, now = {one.delivery_id: one for one in page.moves}, self._clock()
                apart, let_go = self.set_apart(tuple(planned))
                free = apart - self.unrecorded
                left(planned.keys() - free)
                moves = [one for number, one in planned.items() if number in free]
                moved, changed = await self._settled(lambda c, m=moves, t=now: move(c, m, t, self._unit), let_go)  # type: ignore[misc]
                left(changed)
                count += len(moved)
                if moved and tell is not None:
                    await tell(moved)
            if page.last is None:
                return count
            after = page.last

    async def lanes_mark(self) -> int | None:
        """What ``mark_lanes`` was last given: which rules the lanes are of. None: nobody said."""
        return await self._list_readers.run(spool_relane.mark)

    async def mark_lanes(self, mark: int) -> None:
        """Every lane is of these rules now."""
        await self._writer.submit(lambda c: spool_relane.set_mark(c, mark))

    # For people

    def counts(self) -> SpoolCounts:
        """From memory, exact as of the last commit."""
        return self._unit.counts()

    async def count(self, chosen: SpoolFilter) -> int:
        return await self._list_readers.run(lambda c: spool_list.count(c, chosen))

    async def ids(self, chosen: SpoolFilter, order: SpoolOrder, *, descending: bool, limit: int) -> array[int]:
        """Delivery ids in the order of a list, for front-ends that fetch rows page by page."""
        return await self._list_readers.run(lambda c: spool_list.ids_in_order(c, chosen, order, descending, limit))

    async def domain_pairs(self, *, with_clients: bool = False) -> list[tuple[str, str, str, int]]:
        """(sender domain, recipient domain, client, deliveries) of queued mail; of a very large spool, of a part of it.

        ``client``, the address that the mail came from, is empty unless it is asked for: it costs a look at each message.
        """
        return await self._list_readers.run(lambda c: spool_list.domain_pairs(c, _PAIRS_FROM, with_clients))

    async def list(
        self,
        chosen: SpoolFilter = SpoolFilter(),  # noqa: B008 - an immutable value
        order: SpoolOrder = SpoolOrder.AGE,
        *,
        descending: bool = False,
        offset: int = 0,
        limit: int = 100,
    ) -> list[SpoolRow]:
        """One page; at most ``spool_list.MAX_ROWS`` rows. Raises InvalidInput for a filter that cannot be."""
        return await self._list_readers.run(lambda c: spool_list.list_rows(c, chosen, order, descending, offset, limit))

    @property
    def commit_times(self) -> CommitTimes:
        return self._writer.commit_times

    @property
    def backlog(self) -> int:
        """Operations that wait for a commit."""
        return self._writer.backlog

    async def oldest_waiting(self) -> float | None:
        """When the oldest delivery that is not held was received; None when there is none."""
        return await self._list_readers.run(spool_list.oldest_waiting)

    async def get(self, message_id: int) -> SpoolMessage:
        """A message with all its deliveries and recipients. Raises NotFound."""
        found = await self._list_readers.run(lambda c: spool_list.get(c, message_id))
        if found is None:
            raise NotFound("The message is not in the spool.", "It was delivered or removed.", "Look for it in Tracking.")
        return found

    async def quarantine_list(
        self, chosen: QuarantineFilter, order: QuarantineOrder, *, descending: bool, offset: int, limit: int
    ) -> builtins.list[QuarantineRow]:
        """One page of messages in quarantine; at most ``spool_filter.MAX_ROWS``."""
        return await self._list_readers.run(lambda c: spool_quarantine.list_rows(c, chosen, order, descending, offset, limit))

    async def quarantine_ids(
        self, chosen: QuarantineFilter, order: QuarantineOrder, *, descending: bool, limit: int
    ) -> array[int]:
        return await self._list_readers.run(lambda c: spool_quarantine.ids_in_order(c, chosen, order, descending, limit))

    async def quarantine_after(self, chosen: QuarantineFilter, after: int, limit: int) -> builtins.list[int]:
        """Message ids behind ``after``, ascending."""
        return await self._list_readers.run(lambda c: spool_quarantine.ids_after(c, chosen, after, limit))

    async def quarantine_count(self, chosen: QuarantineFilter) -> int:
        return await self._list_readers.run(lambda c: spool_quarantine.count(c, chosen))

    async def quarantine_entry(self, message_id: int) -> QuarantineEntry:
        """Raises NotFound."""
        found = await self._list_readers.run(lambda c: spool_quarantine.get(c, message_id))
        if found is None:
            raise NotFound("The message is not in quarantine.", "It was released or deleted.", "Look for it in Tracking.")
        return found

    async def retry_now(self, chosen: SpoolFilter) -> int:
        """Make matching deliveries due at once (held ones stay held); returns how many."""
        return await self._apply(chosen, self._actions.retry_now(chosen))

    async def hold(self, chosen: SpoolFilter, reason: str = "held") -> int:
        return await self._apply(chosen, self._actions.hold(chosen, reason))

    async def release(self, chosen: SpoolFilter) -> int:
        """End the hold of matching deliveries; their lifetime is prolonged by the time on hold."""
        return await self._apply(chosen, self._actions.release(chosen))

    async def reroute(self, chosen: SpoolFilter, gateway: str | None) -> int:
        """Send by this gateway from now on, whatever the rules say; None undoes that (and needs ``relane`` afterwards)."""
        return await self._apply(chosen, self._actions.reroute(chosen, gateway, f"gateway:{gateway}"))

    async def set_priority(self, chosen: SpoolFilter, priority: int) -> int:
        return await self._apply(chosen, self._actions.set_priority(chosen, priority))

    async def delete(self, chosen: SpoolFilter) -> int:
        """Remove matching deliveries without a word to anybody."""
        return await self._apply(chosen, self._actions.delete(chosen))

    async def _apply(self, chosen: SpoolFilter, change: Change) -> int:
        condition(chosen)  # refuse before anything is changed
        after, changed = -1, 0
        last = await self._list_readers.run(spool_list.last_id)
        while True:
            ids = await self._list_readers.run(lambda c, start=after: spool_list.ids(c, chosen, start, last, CHUNK))  # type: ignore[misc]
            if ids:
                _, let_go = self.set_apart(ids)
                changed += await self._settled(lambda c, chunk=ids: change(c, chunk), let_go)  # type: ignore[misc]
            if len(ids) < CHUNK:
                return changed
            after = ids[-1]

    async def _settled(self, action: Callable[[sqlite3.Connection], T], let_go: Callable[[], None]) -> T:
        """What the action came to once it is on the disk; ``let_go`` is called then, whatever became of the waiter."""
        try:
            done = self._writer.submit(action)
        except BaseException:
            let_go()
            raise
        done.add_done_callback(lambda _: let_go())
        return await asyncio.shield(done)


def _nothing_is_begun(ids: Sequence[int]) -> tuple[Set[int], Callable[[], None]]:
    return frozenset(ids), lambda: None


def _discard_unstored(messages: Sequence[NewMessage], stored: asyncio.Future[list[StoredMessage]]) -> None:
    if stored.cancelled() or stored.exception() is None:  # the operation stands even when its waiter was cancelled
        return
    for message in messages:
        if isinstance(message.content, BodyFile):
            message.content.discard()


def _highest(connection: sqlite3.Connection) -> int:
    (number,) = connection.execute("SELECT ifnull(max(id), 0) FROM message").fetchone()
    return int(number)


def _keep_strays(folder: DataFolder, clock: Callable[[], float]) -> None:
    """Bodies beside a spool that has only just been made are some other spool's, which may be missing by mistake."""
    if Bodies(folder.bodies).names():
        aside = set_folder_aside(folder.bodies, folder, clock)
        log.error("message bodies lay beside a missing spool file; they are kept in %s", aside)


def _remove_orphans(connection: sqlite3.Connection, bodies: Bodies) -> int:
    """Remove bodies that no row names: uploads that a crash cut short, and files of messages already forgotten."""
    tables = ("message", "captured_content")
    queries = (f"SELECT body_file FROM {table} WHERE body_file IS NOT NULL" for table in tables)  # noqa: S608 - names above
    named = {row[0] for query in queries for row in connection.execute(query)}
    present = bodies.names()
    removed = bodies.remove([name for name in present if name not in named])
    if removed:
        log.info("removed %d message bodies without a message", removed)
    if missing := len(named.difference(present)):
        log.error("the content of %d messages in the spool is missing from %s", missing, bodies.folder)
    return removed
