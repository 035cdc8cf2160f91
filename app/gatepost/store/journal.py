"""The journal: what became of each message, for tracking. A file of its own, because losing it loses no mail.

Durability. The file is in WAL mode with ``synchronous=NORMAL`` and is written in batches: when the process dies, the last
200 ms of the story are missing; when the power fails, what was written since the last checkpoint may be missing too. In
neither case is the file damaged.

Message ids. A queue id that was told to a client must never name another message. The spool keeps its own durable
high-water mark, reserved ahead in the transaction that stores a message, so that rows which have come and gone still
count. The journal's ``last_id`` is the floor that the spool is opened with, for the day on which the spool file itself was
damaged and a new one begun: it is the highest id the journal has seen or ever handed out as a floor, and after an end
without ``close`` it lies ``GAP`` higher, which is more than can have been accepted since the journal was last flushed.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable

from .database import Database, OpenReport, open_database
from .errors import StoreError, translated
from .folder import DataFolder
from .journal_prune import Step, forget_entries, forget_messages
from .journal_schema import SCHEMA
from .journal_search import refusals, search_page, timeline, tracked
from .journal_values import EntryKind, JournalEntry, Pruned, TrackedMessage, TrackPage, TrackQuery
from .journal_writer import FLUSH_SECONDS, JournalWriter
from .readers import Readers
from .writer import Connection, Writer

log = logging.getLogger(__name__)

GAP = 100_000
PRUNE_SECONDS = 1.0

Forget = Callable[[Connection, int, tuple[int, int]], Step]


class Journal:
    """``open`` blocks and may run in any thread; everything else belongs to one loop.

    ``add`` and ``received`` are the hot path (``journal_writer``). Searches read what is written: ``flush`` first to see
    everything that was added.
    """

    def __init__(
        self, writer: Writer, readers: Readers, report: OpenReport, last_id: int, flush_seconds: float = FLUSH_SECONDS
    ) -> None:
        self.report = report
        """What opening the file found."""
        self._last_id = last_id
        self._writer = writer
        self._readers = readers
        self.notes = JournalWriter(writer, flush_seconds=flush_seconds)
        self.add = self.notes.add
        self.received = self.notes.received
        self.flush = self.notes.flush
        self.room = self.notes.room

    @classmethod
    def open(cls, folder: DataFolder, clock: Callable[[], float], *, flush_seconds: float = FLUSH_SECONDS) -> Journal:
        """Open or begin the journal of a data folder. Raises StoreError, NewerSchema.

        A damaged file is set aside and a new one begun (``report``): the relay must run without its past, too.
        """
        database, report = open_database(folder.journal, SCHEMA, folder, clock, synchronous="NORMAL", cache_kib=2000)
        try:
            last_id = _begin(database)
        except sqlite3.Error as error:
            database.close()
            raise translated(error, "journal") from error
        readers = Readers(folder.journal, "journal", pause=database.pause)
        return cls(Writer(database, "journal"), readers, report, last_id, flush_seconds)

    def note(self, entry: JournalEntry) -> None:
        """``add`` for an entry that is a value already."""
        self.add(entry.message_id, entry.at, entry.kind, entry.recipient, entry.text, entry.data)

    def refused(self, at: float, client: str, sender: str, recipient: str, reply: str) -> None:
        """Note a refusal that happened before there was a message."""
        self.add(0, at, EntryKind.REFUSED, recipient, reply, {"client": client, "sender": sender})

    def last_id(self) -> int:
        """The spool's floor: no id up to this one may be given to a new message. Fixed when the journal is opened."""
        return self._last_id

    async def search(self, query: TrackQuery) -> list[TrackedMessage]:
        """The messages of one page; see ``search_page``."""
        return list((await self.search_page(query)).messages)

    async def search_page(self, query: TrackQuery) -> TrackPage:
        """Messages that match, newest first, and where to go on. One page looks at 100,000 messages or for a second."""
        return await self._readers.run(lambda connection: search_page(connection, query))

    async def message(self, message_id: int) -> TrackedMessage | None:
        return await self._readers.run(lambda connection: tracked(connection, message_id))

    async def timeline(self, message_id: int) -> list[JournalEntry]:
        """The whole story of one message, in order; empty when nothing is known of it."""
        return await self._readers.run(lambda connection: timeline(connection, message_id))

    async def refusals(self, text: str = "", limit: int = 100, before: float | None = None) -> list[JournalEntry]:
        """Refusals without a message, newest first; ``text`` is looked for in client, sender, recipient and reply."""
        return await self._readers.run(lambda connection: refusals(connection, text, limit, before))

    async def prune(
        self, before: float, *, seconds: float = PRUNE_SECONDS, monotonic: Callable[[], float] = time.monotonic
    ) -> Pruned:
        """Forget messages received before ``before``, and refusals of that age, in small transactions.

        Stops after ``seconds``; call again when not ``done``. Messages that still wait are kept until they are finished.
        """
        ends, moment = monotonic() + seconds, int(before * 1_000_000)
        counts = [0, 0]
        forgetting: tuple[Forget, Forget] = (forget_messages, forget_entries)
        for index, forget in enumerate(forgetting):
            cursor: tuple[int, int] | None = (-1, -1)
            while cursor is not None:
                step = await self._writer.submit(lambda c, forget=forget, cursor=cursor: forget(c, moment, cursor))  # type: ignore[misc]
                counts[index] += step.deleted
                cursor = step.cursor
                if cursor is not None and monotonic() >= ends:
                    return Pruned(counts[0], counts[1], done=False)
        return Pruned(counts[0], counts[1], done=True)

    async def close(self) -> None:
        """Write what waits and close the file, whatever the disk says to it."""
        if await self.notes.close():
            try:
                await self._writer.submit(_end)
            except StoreError as error:
                log.error("that the journal was closed cannot be written: %s", error)
        await self._writer.aclose()
        await asyncio.get_running_loop().run_in_executor(None, self._readers.close)


def _begin(database: Database) -> int:
    """The floor of this run; durable before anything is built on it."""
    connection = database.connection()
    marks = dict(connection.execute("SELECT name, value FROM mark"))
    (seen,) = connection.execute(
        "SELECT max(coalesce((SELECT max(id) FROM message), 0), coalesce((SELECT max(message_id) FROM entry), 0))"
    ).fetchone()
    floor = max(seen, marks.get("floor", 0))
    if marks.get("open"):
        floor += GAP
        log.info("the journal was not closed the last time; message ids go on after %d", floor)
    connection.execute("PRAGMA synchronous = FULL")
    with database.transaction():
        connection.execute("INSERT OR REPLACE INTO mark VALUES ('open', 1), ('floor', ?)", (floor,))
    connection.execute("PRAGMA synchronous = NORMAL")
    return int(floor)


def _end(connection: Connection) -> None:
    connection.execute("UPDATE mark SET value = 0 WHERE name = 'open'")
