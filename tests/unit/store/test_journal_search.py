"""Finding messages: every field, the indexes, the bounds of a page, and no way around the escaping."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gatepost.model.identifiers import queue_id
from gatepost.store import journal_search
from gatepost.store.folder import DataFolder
from gatepost.store.journal import Journal
from gatepost.store.journal_search import search_page
from gatepost.store.journal_values import EntryKind, TrackQuery, TrackState

NOW = 1_790_000_000.0


@pytest_asyncio.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = Journal.open(DataFolder(tmp_path / "data"), lambda: NOW)
    yield journal
    await journal.close()


@pytest_asyncio.fixture
async def filled(journal: Journal) -> Journal:
    add, received = journal.add, journal.received
    received(1, NOW, "Alice@example.com", ("bob@example.org",), "Invoice 100% paid", 1, "192.0.2.1", "<one@example.com>")
    add(1, NOW, EntryKind.DELIVERED, "bob@example.org", "250 2.0.0 Ok: queued as ABC")
    received(2, NOW + 10, "alice@example.com", ("bob@example.org", "eve@example.net"), "Re: Invoice", 1, "", "two@example.com")
    add(2, NOW, EntryKind.DELIVERED, "bob@example.org", "250 Ok")
    add(2, NOW, EntryKind.BOUNCED, "eve@example.net", "550 5.1.1 No such user")
    received(3, NOW + 20, "", ("alice@example.com",), "Undelivered", 1, "", "")
    received(4, NOW + 30, "alicia@example.com", ("bobby@example.org",), "über 100_percent", 1, "", "<four@example.com>")
    add(4, NOW, EntryKind.DEFERRED, "bobby@example.org", "451 4.3.0 Try later")
    received(5, NOW + 40, "x@sub.example.com", ("bob@example.org",), 'it\'s "quoted"; DROP TABLE message', 1, "", "")
    add(5, NOW, EntryKind.HELD, "", "quarantine: spam")
    await journal.flush()
    return journal


FOUND = [
    (TrackQuery(), [5, 4, 3, 2, 1]),
    (TrackQuery(sender="alice@example.com"), [2, 1]),
    (TrackQuery(sender="ALICE@EXAMPLE.COM"), [2, 1]),
    (TrackQuery(sender="ali*"), [4, 2, 1]),
    (TrackQuery(sender="ALIC*"), [4, 2, 1]),
    (TrackQuery(sender="alice@*"), [2, 1]),
    (TrackQuery(sender="@example.com"), [4, 2, 1]),
    (TrackQuery(sender="sub.example"), [5]),
    (TrackQuery(sender="<>"), [3]),
    (TrackQuery(sender=""), [3]),
    (TrackQuery(recipient="bob@example.org"), [5, 2, 1]),
    (TrackQuery(recipient="BOB@example.ORG"), [5, 2, 1]),
    (TrackQuery(recipient="bob*"), [5, 4, 2, 1]),
    (TrackQuery(recipient="@example.net"), [2]),
    (TrackQuery(recipient="bob@example.org", sender="alice@example.com"), [2, 1]),
    (TrackQuery(subject="invoice"), [2, 1]),
    (TrackQuery(subject="100%"), [1]),
    (TrackQuery(subject="100_"), [4]),
    (TrackQuery(subject="%"), [1]),
    (TrackQuery(subject="!"), []),
    (TrackQuery(subject='it\'s "quoted"; DROP'), [5]),
    (TrackQuery(queue_id=queue_id(4)), [4]),
    (TrackQuery(queue_id="not an id"), []),
    (TrackQuery(queue_id="Z" * 80), []),
    (TrackQuery(message_id_header="<two@example.com>"), [2]),
    (TrackQuery(message_id_header="four@example.com"), [4]),
    (TrackQuery(message_id_header="our@example.com"), []),
    (TrackQuery(reply="no such user"), [2]),
    (TrackQuery(reply="queued as ABC"), [1]),
    (TrackQuery(reply="No such user", recipient="bob@example.org"), []),
    (TrackQuery(state=TrackState.DELIVERED), [2, 1]),
    (TrackQuery(state=TrackState.BOUNCED), [2]),
    (TrackQuery(state=TrackState.DEFERRED), [4]),
    (TrackQuery(state=TrackState.QUARANTINED), [5]),
    (TrackQuery(state=TrackState.WAITING), [3]),
    (TrackQuery(state=TrackState.DELETED), []),
    (TrackQuery(state=TrackState.BOUNCED, recipient="bob@example.org"), []),
    (TrackQuery(since=NOW + 20), [5, 4, 3]),
    (TrackQuery(until=NOW + 20), [3, 2, 1]),
    (TrackQuery(since=NOW + 10, until=NOW + 30), [4, 3, 2]),
    (TrackQuery(since=NOW + 41), []),
    (TrackQuery(until=NOW - 1), []),
    (TrackQuery(text="invoice"), [2, 1]),
    (TrackQuery(text="such user"), [2]),
    (TrackQuery(text="bob@example.org"), [5, 2, 1]),
    (TrackQuery(text="alice@example.com"), [3, 2, 1]),
    (TrackQuery(text="<one@example.com>"), [1]),
    (TrackQuery(text="four@example"), [4]),
    (TrackQuery(text=queue_id(3)), [3]),
    (TrackQuery(text="example.net"), [2]),
    (TrackQuery(text="nothing like it"), []),
    (TrackQuery(text="bob@example.org", state=TrackState.QUARANTINED), [5]),
    (TrackQuery(limit=2), [5, 4]),
    (TrackQuery(before=3), [2, 1]),
    (TrackQuery(before=2, sender="alice@example.com"), [1]),
]


@pytest.mark.parametrize(("query", "expected"), FOUND, ids=[str(number) for number in range(len(FOUND))])
async def test_a_question_finds_exactly_its_messages_newest_first(
    filled: Journal, query: TrackQuery, expected: list[int]
) -> None:
    assert [found.id for found in await filled.search(query)] == expected


@pytest.mark.parametrize("query", [query for query, expected in FOUND if len(expected) > 1 and query.limit == 100])
async def test_pages_of_one_join_up_to_the_whole(filled: Journal, query: TrackQuery) -> None:
    from dataclasses import replace

    whole = [found.id for found in await filled.search(query)]
    joined: list[int] = []
    before = query.before
    for _ in range(10):
        page = await filled.search_page(replace(query, limit=1, before=before))
        joined += [found.id for found in page.messages]
        if page.next_before is None:
            break
        before = page.next_before
    assert joined == whole


async def test_each_found_message_carries_its_recipients(filled: Journal) -> None:
    (found,) = await filled.search(TrackQuery(queue_id=queue_id(2)))
    assert [(r.address, r.state) for r in found.recipients] == [
        ("bob@example.org", TrackState.DELIVERED),
        ("eve@example.net", TrackState.BOUNCED),
    ]
    assert found.state is TrackState.BOUNCED


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (TrackQuery(sender="alice@example.com"), "message_sender"),
        (TrackQuery(sender="ali*"), "message_sender"),
        (TrackQuery(recipient="bob@example.org"), "recipient_address"),
        (TrackQuery(recipient="bob*"), "recipient_address"),
        (TrackQuery(state=TrackState.BOUNCED), "recipient_state"),
        (TrackQuery(message_id_header="x@y"), "message_header"),
        (TrackQuery(queue_id=queue_id(2)), "INTEGER PRIMARY KEY"),
        (TrackQuery(text="bob@example.org"), "recipient_address"),
    ],
)
async def test_these_questions_go_by_an_index(filled: Journal, query: TrackQuery, index: str) -> None:
    def plan(connection: object) -> str:
        source = journal_search._source(connection, query)  # type: ignore[arg-type]
        rows = connection.execute(f"EXPLAIN QUERY PLAN {source.sql}", (*source.values, 1 << 62, 0, 100))  # type: ignore[attr-defined]
        return "\n".join(row[3] for row in rows)

    found = await filled._readers.run(plan)
    assert index in found
    assert "SCAN message\n" not in found + "\n"


async def fill(journal: Journal, count: int) -> None:
    for number in range(1, count + 1):
        journal.received(number, NOW + number, f"u{number % 7}@example.com", (f"r{number}@example.org",), f"number {number}")
        await journal.room()
    await journal.flush()


async def test_a_scan_that_finds_little_stops_at_its_bound_and_says_where_to_go_on(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_search, "SCAN_ROWS", 1000)
    await fill(journal, 2500)
    first = await journal.search_page(TrackQuery(subject="number 700"))
    assert ([m.id for m in first.messages], first.next_before) == ([], 1501)
    second = await journal.search_page(TrackQuery(subject="number 700", before=first.next_before))
    assert ([m.id for m in second.messages], second.next_before) == ([700], 501)
    third = await journal.search_page(TrackQuery(subject="number 700", before=second.next_before))
    assert ([m.id for m in third.messages], third.next_before) == ([], None)


async def test_a_scan_that_takes_too_long_stops_as_well(journal: Journal) -> None:
    await fill(journal, 2500)
    ticks = iter(range(100))
    page = await journal._readers.run(
        lambda c: search_page(c, TrackQuery(text="nowhere"), monotonic=lambda: float(next(ticks)))
    )
    assert page.messages == ()
    assert page.next_before == 2001


async def test_a_time_in_the_past_is_reached_without_a_scan_from_the_top(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_search, "SCAN_ROWS", 20)
    monkeypatch.setattr(journal_search, "_DISORDER", 5)
    await fill(journal, 2500)
    page = await journal.search_page(TrackQuery(since=NOW + 1990, until=NOW + 2000))
    assert [m.id for m in page.messages] == list(range(2000, 1989, -1))


async def test_times_bound_the_scan_even_when_ids_and_times_disagree_a_little(journal: Journal) -> None:
    journal.received(10, NOW + 2, "a@example.com", ("b@example.org",))
    journal.received(11, NOW + 1, "a@example.com", ("b@example.org",))
    journal.received(12, NOW + 3, "a@example.com", ("b@example.org",))
    await journal.flush()
    assert [m.id for m in await journal.search(TrackQuery(until=NOW + 2))] == [11, 10]
    assert [m.id for m in await journal.search(TrackQuery(since=NOW + 2))] == [12, 10]


async def test_a_limit_is_kept_within_reason(journal: Journal) -> None:
    await fill(journal, 1200)
    assert len(await journal.search(TrackQuery(limit=10**9))) == journal_search.MAX_LIMIT
    assert len(await journal.search(TrackQuery(limit=0))) == 1
