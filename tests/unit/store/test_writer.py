"""The writer thread: one commit for many, only the guilty fails, nobody's cancellation or full disk harms another."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio

from gatepost.store import database as database_module
from gatepost.store import writer as writer_module
from gatepost.store.database import Database, Schema, Step, open_database
from gatepost.store.errors import SpoolFull, StoreDamaged, StoreError
from gatepost.store.folder import DataFolder
from gatepost.store.readers import Readers
from gatepost.store.writer import Unit, Writer

from .spool_support import Clock


def create(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE item(id INTEGER PRIMARY KEY, content BLOB)")


SCHEMA = Schema("sample", (Step("items", create),))


class Log(Unit):
    def __init__(self) -> None:
        self.events: list[str] = []

    def committed(self) -> None:
        self.events.append("committed")

    def rolled_back(self) -> None:
        self.events.append("rolled back")


class Add:
    """Inserts many at once; refuses what is negative."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.cleaned: list[int] = []

    def run(self, connection: sqlite3.Connection, items: Sequence[int], /) -> list[int]:
        self.batches.append(list(items))
        for item in items:
            if item < 0:
                raise ValueError(f"{item} is negative")
        connection.executemany("INSERT INTO item(id) VALUES (?)", [(item,) for item in items])
        return [item * 2 for item in items]

    def failed(self, item: int, error: BaseException, /) -> None:
        self.cleaned.append(item)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


@pytest.fixture
def log() -> Log:
    return Log()


@pytest_asyncio.fixture
async def writer(folder: DataFolder, log: Log) -> AsyncIterator[Writer]:
    database, _ = open_database(folder.path / "sample.sqlite", SCHEMA, folder, Clock())
    writer = Writer(database, "sample", log)
    yield writer
    await writer.aclose()


class Gate:
    """Holds the writer inside an operation, so that what follows gathers."""

    def __init__(self, writer: Writer) -> None:
        self._open = threading.Event()
        self.passed = writer.submit(lambda connection: self._open.wait(10))

    def open(self) -> None:
        self._open.set()


class SlowDisk:
    """A database whose commits take ``seconds``."""

    def __init__(self, database: Database, seconds: float) -> None:
        self._database = database
        self._connection = database.connection()
        self._seconds = seconds

    def connection(self) -> SlowDisk:
        return self

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def execute(self, statement: str, *parameters: object) -> sqlite3.Cursor:
        if statement == "COMMIT":
            time.sleep(self._seconds)
        return self._connection.execute(statement, *parameters)

    def close(self) -> None:
        self._database.close()


def insert(number: int) -> Callable[[sqlite3.Connection], int]:
    return lambda connection: connection.execute("INSERT INTO item(id) VALUES (?)", (number,)).rowcount


def stored(folder: DataFolder) -> list[int]:
    connection = sqlite3.connect(folder.path / "sample.sqlite")
    try:
        return [row[0] for row in connection.execute("SELECT id FROM item ORDER BY id")]
    finally:
        connection.close()


async def test_a_future_resolves_when_others_can_read_the_row(writer: Writer, folder: DataFolder) -> None:
    assert await writer.submit(insert(7)) == 1
    assert stored(folder) == [7]


async def test_what_gathers_while_a_commit_runs_shares_the_next_one(writer: Writer, folder: DataFolder) -> None:
    gate = Gate(writer)
    futures = [writer.submit(insert(number)) for number in range(100)]
    gate.open()
    await asyncio.gather(gate.passed, *futures)

    assert writer.operations == 101
    assert writer.commits <= 3
    assert stored(folder) == list(range(100))


async def test_items_of_one_kind_run_together_and_get_their_own_results(writer: Writer) -> None:
    add = Add()
    gate = Gate(writer)
    futures = [writer.gather(add, number) for number in range(50)]
    gate.open()

    assert await asyncio.gather(*futures) == [number * 2 for number in range(50)]
    assert max(len(batch) for batch in add.batches) >= 49


@pytest_asyncio.fixture
async def patient_writer(folder: DataFolder) -> AsyncIterator[Writer]:
    """One whose patience outlasts every test."""
    database, _ = open_database(folder.path / "sample.sqlite", SCHEMA, folder, Clock())
    writer = Writer(database, "sample", patience=3600)
    yield writer
    await writer.aclose()


async def test_what_is_patient_goes_with_the_next_commit(patient_writer: Writer) -> None:
    add = Add()
    patient = [patient_writer.gather(add, number, patient=True) for number in range(3)]
    assert await patient_writer.gather(add, 9) == 18

    assert await asyncio.gather(*patient) == [0, 2, 4]
    assert patient_writer.commits == 1
    assert patient_writer.backlog == 0


async def test_patience_ends_without_another_commit(writer: Writer) -> None:
    async with asyncio.timeout(10):
        assert await writer.gather(Add(), 4, patient=True) == 8


async def test_many_patient_operations_need_nobody_elses_commit(patient_writer: Writer) -> None:
    add = Add()
    futures = [patient_writer.gather(add, number, patient=True) for number in range(64)]
    async with asyncio.timeout(10):
        await asyncio.gather(*futures)


async def test_more_patient_operations_than_one_commit_takes_need_nobody_elses_either(folder: DataFolder) -> None:
    database, _ = open_database(folder.path / "sample.sqlite", SCHEMA, folder, Clock())
    writer = Writer(database, "sample", batch=2)
    futures = [writer.gather(Add(), number, patient=True) for number in range(5)]
    async with asyncio.timeout(10):
        assert await asyncio.gather(*futures) == [0, 2, 4, 6, 8]
    await writer.aclose()


async def test_closing_commits_what_was_patient(folder: DataFolder) -> None:
    database, _ = open_database(folder.path / "sample.sqlite", SCHEMA, folder, Clock())
    writer = Writer(database, "sample", batch=2, patience=3600)
    futures = [writer.gather(Add(), number, patient=True) for number in range(5)]
    await writer.aclose()

    assert await asyncio.gather(*futures) == [0, 2, 4, 6, 8]
    assert stored(folder) == [0, 1, 2, 3, 4]
    with pytest.raises(StoreError):
        writer.gather(Add(), 6, patient=True)


async def test_only_the_guilty_operation_fails(writer: Writer, folder: DataFolder) -> None:
    add = Add()
    gate = Gate(writer)
    futures = [writer.gather(add, number) for number in (1, 2, -3, 4)] + [writer.submit(insert(n)) for n in (10, 2, 11)]
    gate.open()
    results = await asyncio.gather(*futures, return_exceptions=True)

    assert [type(result) for result in results] == [int, int, ValueError, int, int, sqlite3.IntegrityError, int]
    assert stored(folder) == [1, 2, 4, 10, 11]
    assert add.cleaned == [-3]


async def test_a_unit_hears_of_every_transactions_fate(writer: Writer, log: Log) -> None:
    await writer.submit(insert(1))
    with pytest.raises(sqlite3.IntegrityError):
        await writer.submit(insert(1))

    assert log.events == ["committed", "rolled back"]


async def test_a_cancelled_waiter_does_not_cancel_its_operation(writer: Writer, folder: DataFolder) -> None:
    gate = Gate(writer)
    waiter = asyncio.ensure_future(asyncio.wait_for(writer.submit(insert(1)), 10))
    await asyncio.sleep(0)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    gate.open()
    await writer.submit(insert(2))

    assert stored(folder) == [1, 2]


async def test_closing_commits_what_waits(writer: Writer, folder: DataFolder) -> None:
    gate = Gate(writer)
    futures = [writer.submit(insert(number)) for number in range(20)]
    closing = asyncio.ensure_future(writer.aclose())
    await asyncio.sleep(0)
    gate.open()
    await asyncio.gather(closing, *futures)

    assert stored(folder) == list(range(20))
    with pytest.raises(StoreError, match="closed"):
        writer.submit(insert(99))


async def test_a_full_file_is_said_in_words_and_recovers_by_itself(writer: Writer, folder: DataFolder) -> None:
    def add_large(connection: sqlite3.Connection) -> int:
        return connection.execute("INSERT INTO item(content) VALUES (zeroblob(400000))").rowcount

    pages = await writer.submit(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await writer.submit(lambda c: c.execute(f"PRAGMA max_page_count = {pages + 20}").fetchone())
    gate = Gate(writer)
    small, large, another = writer.submit(insert(1)), writer.submit(add_large), writer.submit(insert(2))
    gate.open()
    results = await asyncio.gather(small, large, another, return_exceptions=True)

    assert isinstance(results[1], SpoolFull)
    assert results[1].status == 503
    assert stored(folder) == [1, 2]
    await writer.submit(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchone())
    await writer.submit(add_large)
    assert len(stored(folder)) == 3


async def test_on_a_slow_disk_those_who_come_again_share_commits_instead_of_taking_turns(folder: DataFolder) -> None:
    database, _ = open_database(folder.path / "sample.sqlite", SCHEMA, folder, Clock())
    writer = Writer(cast(Database, SlowDisk(database, 0.02)), "sample")

    async def come_again(first: int) -> None:
        for number in range(first, first + 10):
            await writer.submit(insert(number))

    some = [asyncio.ensure_future(come_again(100 * client)) for client in range(5)]
    await asyncio.sleep(0.01)  # the first commit is on its way: the others can only share the second
    await asyncio.gather(*some, *(come_again(100 * client) for client in range(5, 10)))
    await writer.aclose()
    assert len(stored(folder)) == 100
    assert writer.commits < 16, "ten rounds of all, not ten of each half"


async def test_whoever_comes_alone_to_a_slow_disk_waits_for_nobody(folder: DataFolder) -> None:
    database, _ = open_database(folder.path / "sample.sqlite", SCHEMA, folder, Clock())
    writer = Writer(cast(Database, SlowDisk(database, 0.05)), "sample")
    times: list[float] = []
    for number in range(10):
        began = time.monotonic()
        await writer.submit(insert(number))
        times.append(time.monotonic() - began)
    await writer.aclose()
    assert min(times[4:]) < 0.05 * 1.2, "a commit and no lingering"


def test_results_reach_each_waiters_own_loop(folder: DataFolder) -> None:
    database, _ = open_database(folder.path / "sample.sqlite", SCHEMA, folder, Clock())
    writer = Writer(database, "sample")

    async def add(number: int) -> int:
        return await writer.submit(insert(number))

    threads = [threading.Thread(target=asyncio.run, args=(add(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert writer.call(lambda c: c.execute("SELECT count(*) FROM item").fetchone()[0]) == 4
    writer.close()


def test_a_thread_without_a_loop_gets_its_error(folder: DataFolder) -> None:
    database, _ = open_database(folder.path / "sample.sqlite", SCHEMA, folder, Clock())
    writer = Writer(database, "sample")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        writer.call(lambda c: c.execute("SELECT * FROM missing"))
    writer.close()


async def test_searches_that_overlap_do_not_let_the_log_grow_for_ever(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite begins its log anew when nobody reads, and with them there is no such moment."""
    limit = 4_000_000
    monkeypatch.setattr(database_module, "LOG_KEPT", limit)
    monkeypatch.setattr(database_module, "_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(writer_module, "LOG_SECONDS", 0.01)
    path = folder.path / "sample.sqlite"
    opened, _ = open_database(path, SCHEMA, folder, Clock())
    opened.connection().execute("PRAGMA wal_autocheckpoint = 100")
    writer, readers = Writer(opened, "sample"), Readers(path, "sample", threads=4, pause=opened.pause)
    search = (
        "WITH RECURSIVE step(n) AS (SELECT count(*) FROM item UNION ALL SELECT n + 1 FROM step WHERE n < 100000)"
        " SELECT max(n) FROM step"
    )
    is_over = False

    async def search_again_and_again() -> None:
        while not is_over:
            await readers.run(lambda c: c.execute(search).fetchone())

    searches = [asyncio.create_task(search_again_and_again()) for _ in range(8)]
    longest = 0
    for number in range(500):
        await writer.submit(lambda c, n=number: c.execute("INSERT INTO item VALUES (?, ?)", (n, b"x" * 50_000)))  # type: ignore[misc]
        longest = max(longest, path.with_name("sample.sqlite-wal").stat().st_size)
    is_over = True
    await asyncio.gather(*searches)
    readers.close()
    await writer.aclose()
    assert limit < longest < 4 * limit


async def test_damage_that_is_met_in_a_large_file_is_acted_upon_at_the_next_start(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its error tells people to restart: that must help."""
    monkeypatch.setattr(database_module, "CHECK_AT_ONCE", 0)  # every file counts as large
    path = folder.path / "sample.sqlite"
    opened, _ = open_database(path, SCHEMA, folder, Clock())
    opened.connection().execute("INSERT INTO item VALUES (1, ?)", (b"x" * 100,))
    opened.close()
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\xa5" * 4096
    path.write_bytes(content)

    opened, report = open_database(path, SCHEMA, folder, Clock())
    assert report.check_pending
    writer = Writer(opened, "sample")
    with pytest.raises(StoreDamaged, match="Restart"):
        await writer.submit(lambda c: c.execute("INSERT INTO item VALUES (2, NULL)"))
    await writer.aclose()

    opened, report = open_database(path, SCHEMA, folder, Clock())
    assert report.set_aside is not None
    opened.close()
    opened, report = open_database(path, SCHEMA, folder, Clock())
    assert (report.set_aside, report.check_pending) == (None, True)
    opened.close()
