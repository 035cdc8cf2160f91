"""The test inbox in the spool: as durable as accepted mail, searched, bounded, and never mixed up with what is delivered."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from gatepost.model.envelope import BodyType, Envelope, Notify, Origin, Recipient
from gatepost.model.errors import NotFound
from gatepost.store.bodies import BodyFile
from gatepost.store.captured_values import CapturedFilter, CapturedOrder, NewCaptured, Summary
from gatepost.store.folder import DataFolder
from gatepost.store.spool import Spool

from .spool_support import NOW, Clock, message

ORIGIN = Origin("ls-1", "127.0.0.1", "app.example", "ESMTP", "", "app")


@pytest.fixture
def folder(tmp_path: Any) -> DataFolder:
    return DataFolder(tmp_path / "data")


@pytest.fixture
async def spool(folder: DataFolder) -> AsyncIterator[Spool]:
    opened = Spool.open(folder, clock=Clock())
    yield opened
    await opened.aclose()


def captured(spool: Spool, *addresses: str, content: Any = b"Subject: Hi\r\n\r\nHello\r\n", **fields: Any) -> NewCaptured:
    everyone = tuple(Recipient(address) for address in addresses or ("bob@example.org",))
    envelope = Envelope(fields.pop("sender", "alice@example.com"), everyone, BodyType.EIGHT_BIT_MIME, origin=ORIGIN)
    summary = Summary(**{"subject": "Hi", "text": "Hello"} | fields.pop("summary", {}))
    return NewCaptured(spool.allocate_id(), fields.pop("tray", "inbox"), envelope, content, NOW, summary, **fields)


async def subjects(spool: Spool, **chosen: Any) -> list[str]:
    return [row.subject for row in await spool.captured.list(CapturedFilter(**chosen), descending=False)]


async def test_what_is_kept_is_there_after_reopening_with_all_its_envelope(folder: DataFolder) -> None:
    spool = Spool.open(folder, clock=Clock())
    new = captured(spool)
    new = replace(new, envelope=replace(new.envelope, recipients=(Recipient("bob@example.org", Notify.SUCCESS, "rfc822;b"),)))
    number = await spool.captured.keep(new)
    await spool.aclose()

    spool = Spool.open(folder, clock=Clock())
    assert number is not None
    entry = await spool.captured.entry(number)
    assert (entry.envelope, entry.content, entry.row.queue_id) == (new.envelope, new.content, entry.row.queue_id)
    assert entry.row.message_id == new.message_id
    assert spool.allocate_id() > new.message_id
    assert spool.counts().total == 0
    await spool.aclose()


async def test_a_large_body_stays_until_its_message_is_deleted(folder: DataFolder) -> None:
    spool = Spool.open(folder, clock=Clock())
    writer = spool.bodies.open_body()
    await writer.write(b"x" * 300_000)
    body = await writer.finish()
    number = await spool.captured.keep(captured(spool, content=body))
    await spool.aclose()

    spool = Spool.open(folder, clock=Clock())
    assert spool.orphans_removed == 0
    assert number is not None
    content = (await spool.captured.entry(number)).content
    assert isinstance(content, BodyFile)
    assert (content.size, len(content.read())) == (300_000, 300_000)
    assert await spool.captured.delete(CapturedFilter()) == [number]
    assert spool.bodies.names() == []
    with pytest.raises(NotFound):
        await spool.captured.entry(number)
    await spool.aclose()


async def test_numbers_grow_and_are_never_used_again(folder: DataFolder) -> None:
    spool = Spool.open(folder, clock=Clock())
    first = [await spool.captured.keep(captured(spool)) for _ in range(3)]
    await spool.captured.delete(CapturedFilter())
    assert await spool.captured.last_id() == first[-1]
    await spool.aclose()
    spool = Spool.open(folder, clock=Clock())
    again = await spool.captured.keep(captured(spool))
    assert again is not None
    assert again > max(number for number in first if number is not None)
    await spool.aclose()


async def test_the_same_occasion_is_kept_once(spool: Spool) -> None:
    assert await spool.captured.keep(captured(spool, source="65536 gw-1")) is not None
    writer = spool.bodies.open_body()
    await writer.write(b"x" * 300_000)
    assert await spool.captured.keep(captured(spool, content=await writer.finish(), source="65536 gw-1")) is None
    assert await spool.captured.count(CapturedFilter()) == 1
    assert spool.bodies.names() == []


async def test_what_was_kept_of_an_occasion_is_a_copy_as_long_as_the_mail_itself_goes_on(spool: Spool) -> None:
    number = await spool.captured.keep(captured(spool, source="65536 gw-1", is_copy=True))
    other = await spool.captured.keep(captured(spool, source="131072 gw-1", is_copy=True))
    assert number is not None
    assert other is not None
    for is_copy in (False, True, False):  # its gateway was set to capture, back, and to capture again
        assert await spool.captured.keep(captured(spool, source="65536 gw-1", is_copy=is_copy)) is None
        assert (await spool.captured.entry(number)).row.is_copy is is_copy
        assert (await spool.captured.entry(other)).row.is_copy


async def test_a_copy_is_kept_together_with_what_is_delivered_or_not_at_all(spool: Spool) -> None:
    accepted = replace(message(), id=spool.allocate_id())
    numbers, stored = await spool.captured.keep_beside([captured(spool, is_copy=True)], [accepted])
    assert (len(numbers), [one.id for one in stored], spool.counts().waiting) == (1, [accepted.id], 1)

    with pytest.raises(sqlite3.Error):  # its id is taken
        await spool.captured.keep_beside([captured(spool, is_copy=True)], [accepted])
    assert (await spool.captured.count(CapturedFilter()), spool.counts().waiting) == (1, 1)


async def test_every_condition_chooses(spool: Spool) -> None:
    keep = spool.captured.keep
    await keep(captured(spool, "ann@example.org", "joe@example.org", summary={"subject": "One", "text": "a needle in hay"}))
    await keep(captured(spool, sender="carl@example.com", tray="t-1", summary={"subject": "Two_", "to_header": "Zoë <z@x>"}))
    three = await keep(captured(spool, gateway="gw-1", summary={"subject": "Three", "from_header": "Shop <no-reply@shop>"}))
    assert three is not None
    assert await subjects(spool) == ["One", "Two_", "Three"]
    assert await subjects(spool, tray="t-1") == ["Two_"]
    assert await subjects(spool, trays_but=("inbox",)) == ["Two_"]
    assert await subjects(spool, by="gateway") == ["Three"]
    assert await subjects(spool, by="listener") == ["One", "Two_"]
    assert await subjects(spool, gateway="gw-1", listener="ls-1", user="app") == ["Three"]
    assert await subjects(spool, sender="CARL") == ["Two_"]
    assert await subjects(spool, sender="no-reply@shop") == ["Three"]
    assert await subjects(spool, recipient="joe@") == ["One"]
    assert await subjects(spool, recipient="zoë") == ["Two_"]
    assert await subjects(spool, subject="o_") == ["Two_"]
    assert await subjects(spool, text="needle") == ["One"]
    assert await subjects(spool, text="example.org") == ["One", "Two_", "Three"]
    assert await subjects(spool, after=three - 1) == ["Three"]
    assert await subjects(spool, before=three) == ["One", "Two_"]
    assert await subjects(spool, ids=(three, 999)) == ["Three"]
    assert await subjects(spool, received_after=NOW + 1) == []
    assert await subjects(spool, received_before=NOW + 1, sender="carl") == ["Two_"]


async def test_lists_are_ordered_and_paged(spool: Spool) -> None:
    for subject in ("b", "a", "c"):
        await spool.captured.keep(captured(spool, content=subject.encode() * (ord(subject) - 90), summary={"subject": subject}))
    rows = await spool.captured.list(CapturedFilter(), CapturedOrder.SUBJECT, descending=True, limit=2)
    assert [row.subject for row in rows] == ["c", "b"]
    assert list(await spool.captured.ids(CapturedFilter(), CapturedOrder.SIZE, descending=False, limit=9)) == [2, 1, 3]
    (figures,) = await spool.captured.figures()
    assert (figures.tray, figures.count, figures.last_id, figures.size) == ("inbox", 3, 3, 7 + 8 + 9)


async def test_deleting_takes_only_what_matches_and_walks_through_many(spool: Spool) -> None:
    for index in range(450):
        await spool.captured.keep(captured(spool, tray="a" if index % 2 else "b"))
    assert len(await spool.captured.delete(CapturedFilter(tray="a"))) == 225
    assert await spool.captured.count(CapturedFilter()) == 225
    oldest = await spool.captured.beyond(CapturedFilter(tray="b"), 200)
    assert len(oldest) == 25
    assert max(oldest) < min(await spool.captured.ids(CapturedFilter(), CapturedOrder.AGE, descending=True, limit=200))


async def test_what_cannot_be_written_leaves_no_body_behind(folder: DataFolder, spool: Spool) -> None:
    writer = spool.bodies.open_body()
    await writer.write(b"x" * 300_000)
    new = captured(spool, content=await writer.finish())
    connection = sqlite3.connect(folder.spool)
    connection.execute("DROP TABLE captured_content")
    connection.commit()
    connection.close()
    with pytest.raises(sqlite3.Error):
        await spool.captured.keep(new)
    assert spool.bodies.names() == []
