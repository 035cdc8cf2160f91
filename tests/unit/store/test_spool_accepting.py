"""Accepting: what is stored, when it is promised, and what is left when it cannot be."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gatepost.model.envelope import Notify, Recipient
from gatepost.model.errors import NotFound
from gatepost.model.identifiers import queue_id
from gatepost.store import room
from gatepost.store.bodies import BodyFile
from gatepost.store.errors import NewerSchema, SpoolFull
from gatepost.store.folder import DataFolder
from gatepost.store.spool import Spool
from gatepost.store.values import LARGE_BODY, RecipientRow, SpoolState

from .spool_support import DAY, HOUR, NOW, Clock, deferred, finished, message, recipients


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


@pytest_asyncio.fixture
async def spool(folder: DataFolder) -> AsyncIterator[Spool]:
    spool = Spool.open(folder, clock=Clock())
    yield spool
    await spool.aclose()


async def large_body(spool: Spool, content: bytes) -> BodyFile:
    writer = spool.bodies.open_body()
    await writer.write(content)
    return await writer.finish()


def rows(folder: DataFolder, table: str) -> int:
    connection = sqlite3.connect(folder.spool)
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    finally:
        connection.close()


async def test_a_stored_message_comes_back_as_it_was_given(spool: Spool) -> None:
    full = Recipient("bob@example.org", Notify.SUCCESS | Notify.FAILURE, "rfc822;Bob@example.org")
    content = b"Subject: Hi\r\n\r\nHello\r\n"
    given = message(
        ("pool", (full, Recipient("eve@example.org"))),
        ("mx:example.net", recipients("dan@example.net")),
        content=content,
        subject="Hi — “quoted” \\ [brackets]",
        message_id_header="<1@example.com>",
        priority=2,
    )
    stored = await spool.submit(given)
    pool, direct = stored.deliveries

    (found,) = await spool.fetch_due("pool", NOW, 10)
    assert found.id == pool.id
    assert found.recipients == pool.recipients
    assert found.recipients == (
        RecipientRow(0, full.address, full.notify, full.orcpt),
        RecipientRow(1, "eve@example.org"),
    )
    assert (found.envelope.sender, found.envelope.body, found.envelope.origin) == (
        given.envelope.sender,
        given.envelope.body,
        given.envelope.origin,
    )
    assert (found.priority, found.subject, found.size, found.attempts) == (2, given.subject, len(content), 0)
    assert (found.due_at, found.expires_at, found.delay_notice_at) == (NOW, NOW + 5 * DAY, NOW + 4 * HOUR)
    assert await spool.load_content(stored.id) == given.content
    whole = await spool.get(stored.id)
    assert (whole.message_id_header, whole.queue_id) == ("<1@example.com>", stored.queue_id)
    assert [d.id for d in whole.deliveries] == [pool.id, direct.id]
    assert whole.envelope.recipients == given.envelope.recipients


async def test_the_queue_gets_the_content_it_was_just_given(spool: Spool) -> None:
    content = b"x" * 100
    stored = await spool.submit(message(content=content))
    assert stored.deliveries[0].content is content
    assert stored.deliveries[0].state is SpoolState.WAITING


async def test_the_id_that_stands_in_the_received_field_is_the_stored_one(spool: Spool) -> None:
    number = spool.allocate_id()
    stored = await spool.submit(message(id=number))
    assert (stored.id, stored.queue_id) == (number, queue_id(number))


async def test_ids_are_never_given_out_again_even_when_the_spool_is_empty(folder: DataFolder) -> None:
    given: list[int] = []
    for _ in range(3):
        spool = Spool.open(folder, clock=Clock())
        for _ in range(5):
            stored = await spool.submit(message())
            given.append(stored.id)
            await spool.record(finished(stored.deliveries[0]))
        await spool.aclose()
    assert len(set(given)) == 15
    assert given == sorted(given)


async def test_ids_begin_above_what_the_journal_knows(folder: DataFolder) -> None:
    spool = Spool.open(folder, clock=Clock(), floor=5_000_000)
    assert spool.allocate_id() == 5_000_001
    await spool.aclose()


async def test_every_number_of_messages_in_one_commit_is_stored(spool: Spool, folder: DataFolder) -> None:
    total = 0
    for size in (1, 2, 5, 63, 64, 65, 150):
        stored = await asyncio.gather(*(spool.submit(message(content=b"%d" % n)) for n in range(size)))
        total += size
        contents = [await spool.load_content(one.id) for one in stored]
        assert contents == [b"%d" % n for n in range(size)]
    assert rows(folder, "message") == rows(folder, "delivery") == total == spool.counts().total


async def test_a_large_body_stays_a_file_and_goes_with_its_message(spool: Spool) -> None:
    content = os.urandom(LARGE_BODY)
    body = await large_body(spool, content)
    stored = await spool.submit(message(content=body))

    loaded = await spool.load_content(stored.id)
    assert isinstance(loaded, BodyFile)
    assert (loaded.size, loaded.read()) == (LARGE_BODY, content)
    await spool.record(finished(stored.deliveries[0]))
    assert spool.bodies.names() == []
    with pytest.raises(NotFound):
        await spool.load_content(stored.id)


async def test_a_body_whose_message_was_refused_is_removed(spool: Spool) -> None:
    stored = await spool.submit(message())
    body = await large_body(spool, b"x" * LARGE_BODY)
    with pytest.raises(sqlite3.IntegrityError):
        await spool.submit(message(content=body, id=stored.id))
    assert spool.bodies.names() == []
    assert spool.counts().total == 1


async def test_bodies_without_a_message_are_removed_at_the_next_start(folder: DataFolder) -> None:
    spool = Spool.open(folder, clock=Clock())
    kept = await large_body(spool, b"kept")
    await spool.submit(message(content=kept))
    await large_body(spool, b"finished, but never committed")
    unfinished = spool.bodies.open_body()
    await unfinished.write(b"x" * 200_000)
    await spool.aclose()

    spool = Spool.open(folder, clock=Clock())
    assert spool.orphans_removed == 2
    assert spool.bodies.names() == [kept.name]
    await spool.aclose()
    unfinished.discard()


async def test_a_cancelled_session_cannot_take_its_message_back(spool: Spool) -> None:
    gate = threading.Event()
    busy = spool._writer.submit(lambda connection: gate.wait(10))
    waiting = asyncio.ensure_future(asyncio.wait_for(spool.submit(message()), 10))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    gate.set()
    await busy
    await spool.submit(message())
    assert spool.counts().total == 2


async def test_a_full_spool_refuses_in_words_keeps_what_it_has_and_recovers(spool: Spool) -> None:
    kept = await spool.submit(message())
    pages = await spool._writer.submit(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await spool._writer.submit(lambda c: c.execute(f"PRAGMA max_page_count = {pages + 10}").fetchone())

    results = await asyncio.gather(*(spool.submit(message(content=b"x" * 30_000)) for _ in range(5)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, BaseException)]
    assert refused
    assert all(isinstance(result, SpoolFull) for result in refused)
    assert spool.counts().total == 1 + 5 - len(refused)
    assert await spool.load_content(kept.id) == b"Hello\r\n"
    await spool.record(finished(kept.deliveries[0]))  # delivery goes on, and makes room

    await spool._writer.submit(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchone())
    assert await spool.submit(message(content=b"x" * 30_000))


async def test_room_is_kept_free(spool: Spool) -> None:
    assert spool.has_room(10_000)
    spool.min_free_bytes = 1 << 60
    assert not spool.has_room(10_000)
    spool.min_free_bytes = 0
    assert not spool.has_room(1 << 60)


async def test_what_was_stored_since_the_last_look_at_the_disk_counts_whatever_size_was_announced(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "BELIEVED_SECONDS", 3600)
    spool.min_free_bytes = shutil.disk_usage(spool.folder.path).free - 30_000_000
    assert spool.has_room(0), "a client need not say how large its message is"
    await asyncio.gather(*(spool.submit(message(content=b"x" * 200_000)) for _ in range(200)))
    assert not spool.has_room(0)


async def test_a_body_ends_where_the_room_that_records_need_begins(spool: Spool) -> None:
    """Of whatever size it was announced; until it ends, nobody else could record what was delivered."""
    spool.min_free_bytes = shutil.disk_usage(spool.folder.path).free - 10_000_000
    writer = spool.bodies.open_body()

    async def write_on() -> None:
        for _ in range(200):
            await writer.write(b"x" * 200_000)

    with pytest.raises(SpoolFull):
        await write_on()
    assert 5_000_000 < writer.size < 15_000_000
    writer.discard()
    assert not spool.bodies.names()


async def test_room_inside_the_spools_own_file_counts_where_the_disk_has_none(spool: Spool) -> None:
    spool.min_free_bytes = 1 << 60
    stored = await asyncio.gather(*(spool.submit(message(content=b"x" * 200_000)) for _ in range(40)))
    assert not spool.has_room(10_000)
    for one in stored:
        await spool.record(finished(one.deliveries[0]))
    deadline = time.monotonic() + 10
    while not spool.has_room(10_000):  # measured once a second
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert not spool.has_room(300_000), "a body of its own file does not go in there"


async def test_a_message_without_lanes_or_recipients_is_a_mistake_of_the_caller(spool: Spool) -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match="at least one lane"):
        spool.submit(replace(message(), parts=()))
    with pytest.raises(ValueError, match="every lane a recipient"):
        spool.submit(message(("pool", ())))


async def test_text_that_no_database_can_hold_does_not_lose_the_message(spool: Spool) -> None:
    stored = await spool.submit(message(subject="lone \udcff and \0 nul"))
    (row,) = await spool.list()
    assert (row.id, row.subject) == (stored.deliveries[0].id, "lone ? and ? nul")


async def test_mail_of_the_last_run_is_there_after_a_restart_with_its_counts(folder: DataFolder) -> None:
    spool = Spool.open(folder, clock=Clock())
    first, _, _ = [await spool.submit(message(hold=hold)) for hold in ("", "", "quarantine: spam")]
    await spool.record(deferred(first.deliveries[0], NOW + 300))
    before = spool.counts()
    await spool.aclose()

    spool = Spool.open(folder, clock=Clock())
    assert spool.counts() == before
    assert (before.waiting, before.deferred, before.held, before.lanes) == (1, 1, 1, {"pool": 3})
    await spool.aclose()


async def test_a_damaged_spool_is_set_aside_with_its_bodies_and_a_new_one_works(folder: DataFolder) -> None:
    spool = Spool.open(folder, clock=Clock())
    body = await large_body(spool, b"precious")
    await spool.submit(message(content=body))
    await spool.aclose()
    folder.spool.write_bytes(b"\xa5" * 20_000)

    spool = Spool.open(folder, clock=Clock())
    assert spool.report.set_aside is not None
    assert (spool.report.set_aside / "bodies" / body.name).read_bytes() == b"precious"
    assert (spool.report.set_aside / "spool.sqlite").read_bytes() == b"\xa5" * 20_000
    assert spool.counts().total == 0
    await spool.submit(message())
    await spool.aclose()


async def test_bodies_beside_a_missing_spool_file_are_kept_for_whoever_brings_it_back(folder: DataFolder) -> None:
    spool = Spool.open(folder, clock=Clock())
    body = await large_body(spool, b"precious")
    await spool.submit(message(content=body))
    await spool.aclose()
    away = folder.spool.rename(folder.path.parent / "spool.sqlite")

    spool = Spool.open(folder, clock=Clock())
    assert spool.bodies.names() == []
    await spool.aclose()
    (aside,) = folder.damaged.iterdir()
    (aside / "bodies" / body.name).rename(folder.bodies / body.name)
    away.rename(folder.spool)
    spool = Spool.open(folder, clock=Clock())
    assert (await spool.load_content(1)).read() == b"precious"  # type: ignore[union-attr]
    await spool.aclose()


async def test_a_spool_from_a_later_version_is_refused_and_left_alone(folder: DataFolder) -> None:
    spool = Spool.open(folder, clock=Clock())
    await spool.submit(message())
    await spool.aclose()
    with sqlite3.connect(folder.spool) as later:
        later.execute("PRAGMA user_version = 99")
    later.close()

    with pytest.raises(NewerSchema, match="later version"):
        Spool.open(folder, clock=Clock())
    assert rows(folder, "message") == 1
    assert not list(folder.damaged.iterdir())
