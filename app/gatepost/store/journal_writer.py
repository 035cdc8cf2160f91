"""Taking notes at the price of appending a tuple: what callers add gathers on the loop and is written in batches.

A batch goes to the journal's writer thread 200 ms after its first row, or as soon as 500 rows wait. One batch is under way
at a time; what comes meanwhile makes the next one.

When the disk is slower than the mail, memory stays bounded, in three steps: from ``THIN`` rows on, dialogues (``data``) are
left out; from ``FULL`` rows on, rows are left out altogether. Both are counted and logged, never silent. Callers that would
rather wait than lose a word ask ``room`` first: it is free while there is room.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import StoreError
from .journal_batch import Entry, Received, guilty, write_batch
from .writer import Connection, Writer

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.2
BATCH = 500
THIN = 5_000
FULL = 20_000
_MOST_AT_ONCE = 4_000
"""Rows in one transaction, so that operations of others on the journal need not wait long."""
_RETRY_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)


class JournalWriter:
    """Belongs to one loop: ``add`` and ``received`` are called on its thread."""

    def __init__(
        self, writer: Writer, *, flush_seconds: float = FLUSH_SECONDS, batch: int = BATCH, thin: int = THIN, full: int = FULL
    ) -> None:
        self._writer = writer
        self._flush_seconds = flush_seconds
        self._batch = batch
        self._thin = thin
        self._full = full
        self._entries: list[Entry] = []
        self._received: list[Received] = []
        self._timer: asyncio.TimerHandle | None = None
        self._underway: asyncio.Task[None] | None = None
        self._room: list[asyncio.Future[None]] = []
        self._failures = 0
        self.thinned = 0
        """Rows that were written without their data, since the start."""
        self.dropped = 0
        """Rows that were not written at all, since the start."""
        self._reported = (0, 0)
        self.problem = ""
        """Why nothing can be written at present; empty when all is well."""

    def add(
        self,
        message_id: int,
        at: float,
        kind: str,
        recipient: str = "",
        text: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Note one step of a message (0: of none). ``data`` must be plain JSON material and not be changed afterwards."""
        entries = self._entries
        entries.append((message_id, at, kind, recipient, text, data))
        if self._timer is None or len(entries) >= self._batch:
            self._hurry(entries)

    def received(
        self,
        message_id: int,
        at: float,
        sender: str,
        recipients: Sequence[str],
        subject: str = "",
        size: int = 0,
        client: str = "",
        message_id_header: str = "",
        text: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Note that a message was accepted; it can be searched from now on. Comes before its other entries.

        ``data[VERIFIED]`` lists (recipient, words): steps of their own in the story that cost no row of their own.
        """
        rows = self._received
        rows.append((message_id, at, sender, subject, size, client, message_id_header, recipients, text, data))
        if self._timer is None or len(rows) >= self._batch:
            self._hurry(rows)

    @property
    def waiting(self) -> int:
        """Rows that are not written yet."""
        return len(self._entries) + len(self._received)

    @property
    def has_room(self) -> bool:
        return self.waiting < self._thin

    async def room(self) -> None:
        """Return once rows are written in full again. At once, nearly always."""
        while not self.has_room:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._room.append(future)
            await future

    async def flush(self) -> None:
        """Return when everything added before is written. Raises StoreError when it cannot be."""
        while self.waiting or self._underway is not None:
            if self._underway is None:
                self._start()
            task = self._underway
            if task is not None:
                await asyncio.shield(task)
            if self.problem and self.waiting:
                raise StoreError("The journal cannot be written.", self.problem, "Check the disk.")

    async def close(self) -> bool:
        """Write what waits; whether everything could be. The writer itself is closed by its owner."""
        lost = 0
        try:
            await self.flush()
        except StoreError:
            lost = self.waiting
            log.error("the journal is closed without %d rows: %s", lost, self.problem)
        if self._timer is not None:
            self._timer.cancel()
        self._entries.clear()
        self._received.clear()
        self._wake()
        return not lost

    # --- the slow path: once for each batch ---

    def _hurry(self, rows: list[Any]) -> None:
        if self._timer is None and self._underway is None:
            self._timer = asyncio.get_running_loop().call_later(self._flush_seconds, self._start)
        if self.waiting < self._batch:
            return
        if self._underway is None and not self._failures:
            self._start()
        elif self.waiting > self._full:
            rows.pop()
            self.dropped += 1
        elif self.waiting > self._thin and rows[-1][-1] is not None:
            rows[-1] = (*rows[-1][:-1], None)
            self.thinned += 1

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._underway is None and self.waiting:
            self._underway = asyncio.get_running_loop().create_task(self._write(), name="journal: write")

    async def _write(self) -> None:
        received, entries = self._received[:_MOST_AT_ONCE], self._entries[:_MOST_AT_ONCE]
        try:
            lost = await self._writer.submit(lambda connection: _settle(connection, received, entries))
        except Exception as error:
            self._underway = None
            self._failed(error)
            return
        del self._received[: len(received)], self._entries[: len(entries)]
        self._underway = None
        for kind, reason in lost:
            log.error("a row of the journal (%s) was left out: %s", kind, reason)
        self.dropped += len(lost)
        if self._failures:
            log.info("the journal is written again")
        self._failures, self.problem = 0, ""
        self._report()
        if self.has_room:
            self._wake()
        if self.waiting >= self._batch:
            self._start()
        elif self.waiting:
            self._timer = asyncio.get_running_loop().call_later(self._flush_seconds, self._start)

    def _failed(self, error: Exception) -> None:
        delay = _RETRY_SECONDS[min(self._failures, len(_RETRY_SECONDS) - 1)]
        self._failures += 1
        words = f"{error.title} {error.detail}".strip() if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
        if words != self.problem:
            log.error("the journal cannot be written, trying again: %s", words)
        self.problem = words
        self._report()
        self._timer = asyncio.get_running_loop().call_later(delay, self._start)

    def _report(self) -> None:
        found = (self.thinned, self.dropped)
        if found != self._reported:
            thinned, dropped = found[0] - self._reported[0], found[1] - self._reported[1]
            self._reported = found
            log.warning("the journal is too slow: %d rows without their dialogue, %d rows left out", thinned, dropped)

    def _wake(self) -> None:
        waiters, self._room = self._room, []
        for future in waiters:
            if not future.done():
                future.set_result(None)


def _settle(connection: Connection, received: list[Received], entries: list[Entry]) -> list[tuple[str, str]]:
    """Write all; if something in it cannot be written, all but that. What was left out, and why."""
    connection.execute("SAVEPOINT all_rows")
    try:
        write_batch(connection, received, entries)
    except sqlite3.OperationalError:
        raise
    except (sqlite3.Error, TypeError, ValueError, OverflowError, AttributeError):
        connection.execute("ROLLBACK TO all_rows")
        return [(kind, f"{type(error).__name__}: {error}") for kind, error in guilty(connection, received, entries)]
    return []
