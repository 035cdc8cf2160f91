"""Taking notes: when batches go, and what happens when the disk does not keep up."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from gatepost.store.database import Database, open_database
from gatepost.store.errors import StoreError
from gatepost.store.folder import DataFolder
from gatepost.store.journal_schema import SCHEMA
from gatepost.store.journal_values import EntryKind
from gatepost.store.journal_writer import JournalWriter
from gatepost.store.writer import Writer

NOW = 1_790_000_000.0
NOTE = EntryKind.NOTE


class Disk:
    """The journal's writer thread, which a test can hold up."""

    def __init__(self, database: Database) -> None:
        self.writer = Writer(database, "journal")
        self.gate = threading.Event()
        self._database = database

    async def stall(self) -> None:
        """Return when the writer's thread hangs; ``gate`` frees it."""
        loop, stalled = asyncio.get_running_loop(), asyncio.Event()

        def hang(_: object) -> None:
            loop.call_soon_threadsafe(stalled.set)
            assert self.gate.wait(10)

        self._hanging = self.writer.submit(hang)
        await stalled.wait()

    async def rows(self, sql: str) -> list[tuple[object, ...]]:
        return await self.writer.submit(lambda connection: connection.execute(sql).fetchall())


async def until(reached: Callable[[], object]) -> None:
    for _ in range(1000):
        if reached():
            return
        await asyncio.sleep(0.005)
    pytest.fail("not reached within five seconds")


@pytest_asyncio.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Disk]:
    folder = DataFolder(tmp_path / "data")
    database, _ = open_database(folder.journal, SCHEMA, folder, lambda: NOW, synchronous="NORMAL")
    disk = Disk(database)
    yield disk
    disk.gate.set()
    await disk.writer.aclose()


async def test_a_note_is_written_within_the_flush_time_without_being_asked(disk: Disk) -> None:
    notes = JournalWriter(disk.writer, flush_seconds=0.05)
    began = time.monotonic()
    notes.add(1, NOW, NOTE, "", "one")
    assert await disk.rows("SELECT text FROM entry") == []
    await until(lambda: not notes.waiting)
    assert 0.04 < time.monotonic() - began < 2
    assert await disk.rows("SELECT text FROM entry") == [("one",)]


async def test_a_full_batch_does_not_wait_for_the_time(disk: Disk) -> None:
    notes = JournalWriter(disk.writer, flush_seconds=3600, batch=500)
    for number in range(499):
        notes.add(number, NOW, NOTE)
    await asyncio.sleep(0)
    assert notes.waiting == 499
    notes.add(499, NOW, NOTE)
    await until(lambda: not notes.waiting)
    assert await disk.rows("SELECT count(*) FROM entry") == [(500,)]
    assert disk.writer.commits <= 4


async def test_notes_that_come_during_a_write_are_written_next(disk: Disk) -> None:
    notes = JournalWriter(disk.writer, flush_seconds=0.01)
    await disk.stall()
    notes.add(1, NOW, NOTE, "", "first")
    flushing = asyncio.create_task(notes.flush())
    await asyncio.sleep(0)
    notes.add(2, NOW, NOTE, "", "second")
    disk.gate.set()
    await flushing
    assert await disk.rows("SELECT text FROM entry ORDER BY id") == [("first",), ("second",)]


async def test_an_idle_journal_sets_no_timers(disk: Disk) -> None:
    notes = JournalWriter(disk.writer, flush_seconds=0.01)
    notes.add(1, NOW, NOTE)
    await notes.flush()
    assert notes._timer is None
    assert notes._underway is None


async def test_a_slow_disk_first_costs_the_dialogues_then_rows_and_both_are_told(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    notes = JournalWriter(disk.writer, flush_seconds=0.01, batch=10, thin=50, full=100)
    await disk.stall()
    for number in range(1, 151):
        notes.add(number, NOW, NOTE, "", "text", {"dialogue": []})
    await asyncio.sleep(0)
    assert notes.waiting == 100
    assert (notes.thinned, notes.dropped) == (50, 50)
    with caplog.at_level(logging.WARNING):
        disk.gate.set()
        await notes.flush()
    assert "50 rows without their dialogue, 50 rows left out" in caplog.text
    assert await disk.rows("SELECT message_id FROM entry ORDER BY id") == [(number,) for number in range(1, 101)]
    assert await disk.rows("SELECT count(*) FROM entry WHERE data IS NOT NULL") == [(50,)]
    notes.add(151, NOW, NOTE, "", "text", {"dialogue": []})
    await notes.flush()
    assert await disk.rows("SELECT data FROM entry WHERE message_id = 151") == [('{"dialogue":[]}',)]


async def test_arrivals_are_bounded_as_well(disk: Disk) -> None:
    notes = JournalWriter(disk.writer, flush_seconds=0.01, batch=10, thin=50, full=100)
    await disk.stall()
    for number in range(1, 1000):
        notes.received(number, NOW, "a@example.com", ("b@example.org",))
        notes.add(number, NOW, EntryKind.DELIVERED, "b@example.org", "250 Ok")
    assert notes.waiting <= 100
    disk.gate.set()
    await notes.flush()


async def test_who_asks_for_room_waits_and_loses_nothing(disk: Disk) -> None:
    notes = JournalWriter(disk.writer, flush_seconds=0.01, batch=10, thin=50, full=100)
    await disk.stall()

    async def session(first: int) -> None:
        for number in range(first, first + 100):
            await notes.room()
            notes.add(number, NOW, NOTE, "", "text", {"dialogue": []})
            await asyncio.sleep(0)

    sessions = asyncio.gather(*(session(start) for start in (1000, 2000, 3000)))
    await asyncio.sleep(0.05)
    assert 50 <= notes.waiting < 60
    disk.gate.set()
    await asyncio.wait_for(sessions, 10)
    await notes.flush()
    assert (notes.thinned, notes.dropped) == (0, 0)
    assert await disk.rows("SELECT count(*) FROM entry WHERE data IS NOT NULL") == [(300,)]


async def test_room_is_free_when_there_is_some(disk: Disk) -> None:
    notes = JournalWriter(disk.writer)
    waiting = notes.room()
    with pytest.raises(StopIteration):  # it returned without giving the loop a turn
        waiting.send(None)


@pytest.mark.parametrize(
    "bad",
    [
        (1 << 70, NOW, NOTE, "", "too large an id", None),
        (2, "not a time", NOTE, "", "", None),
        (2, NOW, NOTE, "", 5, None),
        (2, float("nan"), NOTE, "", "", None),
    ],
    ids=["huge id", "no time", "no text", "nan"],
)
async def test_a_row_that_cannot_be_written_takes_no_other_with_it(
    disk: Disk, bad: tuple[object, ...], caplog: pytest.LogCaptureFixture
) -> None:
    notes = JournalWriter(disk.writer)
    notes.received(1, NOW, "a@example.com", ("b@example.org",))
    notes.add(1, NOW, EntryKind.DEFERRED, "b@example.org", "451 later")
    notes.add(*bad)  # type: ignore[arg-type]
    notes.add(1, NOW, EntryKind.DELIVERED, "b@example.org", "250 Ok")
    await notes.flush()
    assert notes.dropped == 1
    assert "left out" in caplog.text
    assert await disk.rows("SELECT text FROM entry ORDER BY id") == [("451 later",), ("250 Ok",)]
    assert await disk.rows("SELECT state FROM recipient") == [("delivered",)]


async def test_a_disk_that_refuses_is_tried_again_and_nothing_is_lost(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    notes = JournalWriter(disk.writer, flush_seconds=0.01)
    (pages,) = (await disk.rows("PRAGMA page_count"))[0]
    await disk.rows(f"PRAGMA max_page_count = {pages}")
    for number in range(200):
        notes.add(number, NOW, NOTE, "", "t" * 1000)
    with pytest.raises(StoreError, match="journal cannot be written"):
        await notes.flush()
    assert "room" in notes.problem
    assert "cannot be written, trying again" in caplog.text
    assert notes.waiting == 200
    await disk.rows("PRAGMA max_page_count = 1000000")
    notes.add(200, NOW, NOTE, "", "after")
    await notes.flush()
    assert notes.problem == ""
    assert await disk.rows("SELECT count(*) FROM entry") == [(201,)]


async def test_it_recovers_by_itself_without_a_flush(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost.store.journal_writer._RETRY_SECONDS", (0.02,))
    notes = JournalWriter(disk.writer, flush_seconds=0.01)
    (pages,) = (await disk.rows("PRAGMA page_count"))[0]
    await disk.rows(f"PRAGMA max_page_count = {pages}")
    for number in range(200):
        notes.add(number, NOW, NOTE, "", "t" * 1000)
    await until(lambda: notes.problem)
    await disk.rows("PRAGMA max_page_count = 1000000")
    await until(lambda: not notes.waiting)
    assert notes.problem == ""


async def test_closing_writes_what_waits(disk: Disk) -> None:
    notes = JournalWriter(disk.writer, flush_seconds=3600)
    for number in range(1234):
        notes.add(number, NOW, NOTE)
    assert await notes.close()
    assert await disk.rows("SELECT count(*) FROM entry") == [(1234,)]


async def test_closing_on_a_full_disk_says_how_much_is_lost(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    notes = JournalWriter(disk.writer, flush_seconds=3600)
    (pages,) = (await disk.rows("PRAGMA page_count"))[0]
    await disk.rows(f"PRAGMA max_page_count = {pages}")
    for number in range(100):
        notes.add(number, NOW, NOTE, "", "t" * 1000)
    assert not await notes.close()
    assert "without 100 rows" in caplog.text


async def test_noting_a_message_costs_the_caller_a_few_microseconds(disk: Disk) -> None:
    notes = JournalWriter(disk.writer, flush_seconds=3600, batch=1_000_000, thin=2_000_000, full=3_000_000)
    recipients = ("b@example.org",)
    best = min(_cost(notes, recipients) for _ in range(5))
    assert best < 10e-6
    notes._entries.clear()
    notes._received.clear()
    await notes.close()


def _cost(notes: JournalWriter, recipients: tuple[str, ...]) -> float:
    began = time.perf_counter()
    for number in range(2000):
        notes.received(number, NOW, "a@example.com", recipients, "Subject", 4096, "192.0.2.1", "<x@example.com>")
        notes.add(number, NOW, EntryKind.DELIVERED, "b@example.org", "250 2.0.0 Ok")
    return (time.perf_counter() - began) / 2000
