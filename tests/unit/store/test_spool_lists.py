"""Lists and filters: the same answer as a naive model gives, and plans that use the indexes at any size."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.model.identifiers import queue_id, row_id
from gatepost.store import spool_list, spool_queue
from gatepost.store.database import ReadDatabase
from gatepost.store.folder import DataFolder
from gatepost.store.spool import Spool
from gatepost.store.spool_filter import condition
from gatepost.store.values import SpoolFilter, SpoolOrder, SpoolRow, SpoolState

from .spool_support import NOW, Clock, deferred, message, recipients

ROWS = 60


@dataclass(frozen=True)
class Known:
    """What the model knows of a delivery."""

    id: int
    message_id: int
    lane: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    reply: str
    received_at: float
    size: int
    attempts: int
    state: SpoolState
    due_at: float


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Spool, asyncio.Runner, list[Known]]]:
    """Deliveries of every kind, varied by their number."""
    runner = asyncio.Runner()
    spool = Spool.open(DataFolder(tmp_path_factory.mktemp("spool")), clock=Clock())
    known: list[Known] = []

    async def fill() -> None:
        for n in range(ROWS):
            addresses = tuple(f"user{n % 7}{letter}@dest{n % 3}.example" for letter in "abc"[: n % 3 + 1])
            lane = ("pool", "gateway:gw-1", "inbound:gw-2", f"mx:dest{n % 3}.example")[n % 4]
            stored = await spool.submit(
                message(
                    (lane, recipients(*addresses)),
                    sender=f"Sender{n % 5}@from.example" if n % 6 else "",
                    content=b"x" * (n * 37 % 50),
                    subject=("Invoice 50%", "under_score", "back\\slash", 'Größe "quoted"', "")[n % 5],
                    received_at=NOW + n * 13 % 40,
                    due_at=NOW + n * 29 % 31,
                    hold="quarantine" if n % 10 == 9 else "",
                )
            )
            reply, attempts, due = "", 0, NOW + n * 29 % 31
            if n % 4 == 1:
                reply, attempts, due = f"45{n % 3} 4.2.{n % 2} Try later", 1, NOW + 1000 + n
                await spool.record(deferred(stored.deliveries[0], due, reply))
            state = SpoolState.HELD if n % 10 == 9 else SpoolState.DEFERRED if attempts else SpoolState.WAITING
            number = stored.deliveries[0].id
            sender = f"Sender{n % 5}@from.example" if n % 6 else ""
            subject = ("Invoice 50%", "under_score", "back\\slash", 'Größe "quoted"', "")[n % 5]
            known.append(
                Known(
                    number,
                    stored.id,
                    lane,
                    sender,
                    addresses,
                    subject,
                    reply,
                    NOW + n * 13 % 40,
                    n * 37 % 50,
                    attempts,
                    state,
                    due,
                )
            )

    runner.run(fill())
    yield spool, runner, known
    runner.run(spool.aclose())
    runner.close()


def lowered(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def matches(row: Known, chosen: SpoolFilter) -> bool:
    def has(needle: str, *texts: str) -> bool:
        return any(lowered(needle) in lowered(text) for text in texts)

    def names(text: str) -> bool:
        try:
            return row_id(text) == row.message_id
        except ValueError:
            return False

    checks: list[Callable[[], bool]] = [
        lambda: chosen.ids is None or row.id in chosen.ids,
        lambda: chosen.message_ids is None or row.message_id in chosen.message_ids,
        lambda: chosen.state is None or row.state is chosen.state,
        lambda: not chosen.lane or row.lane == chosen.lane,
        lambda: not chosen.gateway or row.lane in (f"gateway:{chosen.gateway}", f"inbound:{chosen.gateway}"),
        lambda: has(chosen.sender, row.sender),
        lambda: has(chosen.recipient, *row.recipients),
        lambda: has(chosen.subject, row.subject),
        lambda: has(chosen.reply, row.reply),
        lambda: has(chosen.text, row.sender, row.subject, *row.recipients) or names(chosen.text),
        lambda: chosen.received_after is None or row.received_at >= chosen.received_after,
        lambda: chosen.received_before is None or row.received_at < chosen.received_before,
        lambda: chosen.min_size is None or row.size >= chosen.min_size,
        lambda: chosen.max_size is None or row.size <= chosen.max_size,
        lambda: chosen.min_attempts is None or row.attempts >= chosen.min_attempts,
    ]
    return all(check() for check in checks)


NEEDLES = st.sampled_from(
    [
        "", "user1", "USER2B@", "dest0", "sender3", "%", "_", "\\", '"', "größe", "Größe", "[", "null", "0", "4.2.1", "a@",
        ",", "000001",
    ]
)  # fmt: skip
FILTERS = st.builds(
    SpoolFilter,
    ids=st.none() | st.lists(st.integers(0, ROWS + 5).map(lambda n: n << 16), max_size=30).map(tuple),
    message_ids=st.none() | st.lists(st.integers(0, ROWS + 5), max_size=30).map(tuple),
    state=st.none() | st.sampled_from(SpoolState),
    lane=st.sampled_from(["", "", "pool", "mx:dest1.example"]),
    gateway=st.sampled_from(["", "", "gw-1", "gw-2"]),
    sender=NEEDLES,
    recipient=NEEDLES,
    subject=NEEDLES,
    reply=st.sampled_from(["", "", "", "450", "try LATER"]),
    text=NEEDLES,
    received_after=st.none() | st.integers(0, 40).map(lambda n: NOW + n),
    received_before=st.none() | st.integers(0, 40).map(lambda n: NOW + n),
    min_size=st.none() | st.integers(0, 50),
    max_size=st.none() | st.integers(0, 50),
    min_attempts=st.none() | st.integers(0, 2),
)
# Few conditions at once, else nothing ever matches.
SPARSE = st.tuples(FILTERS, st.sets(st.sampled_from(list(SpoolFilter.__dataclass_fields__)), min_size=1, max_size=3)).map(
    lambda pair: SpoolFilter(**{name: getattr(pair[0], name) for name in pair[1]})
)
Filled = tuple[Spool, asyncio.Runner, list[Known]]


@given(chosen=SPARSE)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_filter_selects_what_the_model_selects(filled: Filled, chosen: SpoolFilter) -> None:
    spool, runner, known = filled
    expected = [row.id for row in known if matches(row, chosen)]

    assert [row.id for row in runner.run(spool.list(chosen, limit=1000))] == expected
    assert runner.run(spool.count(chosen)) == len(expected)


KEYS: dict[SpoolOrder, Callable[[SpoolRow], Any]] = {
    SpoolOrder.AGE: lambda row: row.id,
    SpoolOrder.SIZE: lambda row: row.size,
    SpoolOrder.SENDER: lambda row: row.sender.encode(),
    SpoolOrder.SUBJECT: lambda row: row.subject.encode(),
    SpoolOrder.NEXT_ATTEMPT: lambda row: float("inf") if row.state is SpoolState.HELD else row.due_at,
    SpoolOrder.ATTEMPTS: lambda row: row.attempts,
    SpoolOrder.STATE: lambda row: list(SpoolState).index(row.state),
}


@pytest.mark.parametrize("order", list(SpoolOrder))
@pytest.mark.parametrize("descending", [False, True])
def test_pages_in_any_order_are_the_whole_list_cut_up(filled: Filled, order: SpoolOrder, descending: bool) -> None:
    spool, runner, known = filled
    pages = [
        row
        for offset in range(0, ROWS, 7)
        for row in runner.run(spool.list(order=order, descending=descending, offset=offset, limit=7))
    ]
    expected = sorted(pages, key=lambda row: (KEYS[order](row), row.id), reverse=descending)

    assert [row.id for row in pages] == [row.id for row in expected]
    assert {row.id for row in pages} == {row.id for row in known}


@pytest.mark.parametrize("order", list(SpoolOrder))
@pytest.mark.parametrize("descending", [False, True])
def test_ids_come_in_the_order_of_the_list(filled: Filled, order: SpoolOrder, descending: bool) -> None:
    spool, runner, _ = filled
    rows = runner.run(spool.list(order=order, descending=descending, limit=1000))

    ids = runner.run(spool.ids(SpoolFilter(), order, descending=descending, limit=1000))
    first = runner.run(spool.ids(SpoolFilter(), order, descending=descending, limit=7))

    assert list(ids) == [row.id for row in rows]
    assert first == ids[:7]
    assert not runner.run(spool.ids(SpoolFilter(sender="nobody"), order, descending=descending, limit=7))


def test_a_long_list_of_ids_is_read_in_pieces_without_losing_one() -> None:
    numbers = [n << 16 for n in range(100_000)]

    assert list(spool_list.numbers_of(",".join(map(str, numbers)))) == numbers


def test_a_line_of_the_list_says_what_is_known(filled: Filled) -> None:
    spool, runner, known = filled
    rows = runner.run(spool.list(limit=1000))

    for row, expected in zip(rows, known, strict=True):
        assert (row.lane, row.sender, row.recipients, row.subject) == (
            expected.lane,
            expected.sender,
            expected.recipients,
            expected.subject,
        )
        assert (row.state, row.attempts, row.size, row.last_reply) == (
            expected.state,
            expected.attempts,
            expected.size,
            expected.reply,
        )
        assert row.queue_id == queue_id(expected.message_id)


def test_an_answer_is_bounded(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, runner, _ = filled
    monkeypatch.setattr(spool_list, "MAX_ROWS", 5)
    assert len(runner.run(spool.list(limit=10**9))) == 5


@given(st.integers(0, 2**47 - 1))
def test_a_queue_id_names_its_row(number: int) -> None:
    assert row_id(queue_id(number)) == number
    assert row_id(queue_id(number).lower()) == number


# Plans


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A read-only connection to 100,000 deliveries in 2,001 lanes."""
    folder = DataFolder(tmp_path_factory.mktemp("large"))
    spool = Spool.open(folder, clock=Clock())
    spool._writer.call(
        lambda c: c.execute(
            """WITH RECURSIVE n(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 100000)
            INSERT INTO delivery SELECT n << 16, iif(n % 2, 'pool', 'mx:d' || (n % 4000)), n % 3 = 0, 0, n * 1000, n * 1000 + 9,
                n * 1000 + 9, NULL, n, NULL, n % 3 = 0, n * 7919 % 65536, NULL, 's' || (n % 500) || '@x', 'subject ' || n,
                'r' || n || '@y', '', '', '' FROM n"""
        )
    )
    spool._writer.call(lambda c: c.execute("INSERT INTO message SELECT id >> 16, '[]', NULL, NULL FROM delivery"))
    spool.close()
    database = ReadDatabase(folder.spool)
    yield database.connection()
    database.close_all()


def plan(connection: sqlite3.Connection, query: str, count: int) -> str:
    return " | ".join(row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + query, [1] * count))


@pytest.mark.parametrize(
    ("query", "count", "index"),
    [
        (spool_queue._DUE, 5, "SEARCH d USING INDEX delivery_lane (lane=? AND state=? AND rank=? AND due_at<?)"),
        (spool_queue._EXPIRED, 2, "SEARCH d USING INDEX delivery_alarm (alarm_at<?)"),
        (spool_queue._DELAYED, 2, "SEARCH d USING INDEX delivery_alarm (alarm_at<?)"),
        (
            "SELECT min(due_at) FROM delivery WHERE due_at > ?",
            1,
            "SEARCH delivery USING COVERING INDEX delivery_due (due_at>?)",
        ),
        ("SELECT lane, state, rank, count(*) FROM delivery GROUP BY lane, state, rank", 0, "COVERING INDEX delivery_lane"),
    ],
)
def test_the_queue_never_walks_through_the_table(large: sqlite3.Connection, query: str, count: int, index: str) -> None:
    found = plan(large, query, count)
    assert index in found
    assert "SCAN d" not in found.replace("SCAN delivery USING COVERING INDEX", "")
    assert "TEMP B-TREE" not in found


def test_finding_due_lanes_jumps_from_lane_to_lane(large: sqlite3.Connection) -> None:
    found = plan(large, spool_queue._lanes_query((0, 1)), 3)
    assert "SCAN delivery" not in found
    assert found.count("SEARCH delivery USING COVERING INDEX delivery_lane") == 6
    lanes = spool_queue.due_lanes(large, NOW, "mx:d3", 5, (0,))
    assert [lane for lane, _ in lanes] == ["mx:d30", "mx:d300", "mx:d3000", "mx:d3002", "mx:d3004"]


@pytest.mark.parametrize("order", [SpoolOrder.AGE, SpoolOrder.NEXT_ATTEMPT])
def test_the_usual_orders_of_the_list_need_no_sorting(large: sqlite3.Connection, order: SpoolOrder) -> None:
    where, values = condition(SpoolFilter())
    page = spool_list.list_query(order, False, where).partition("IN (")[2].partition(") ORDER")[0]
    assert "TEMP B-TREE" not in plan(large, page, len(values) + 2)


@pytest.mark.parametrize("order", list(SpoolOrder))
def test_a_page_reads_whole_rows_only_for_what_it_shows(large: sqlite3.Connection, order: SpoolOrder) -> None:
    found = plan(large, spool_list.list_query(order, True, "1"), 2)
    assert found.startswith("SEARCH delivery USING INTEGER PRIMARY KEY")
    assert len(spool_list.list_rows(large, SpoolFilter(), order, True, 50, 100)) == 100


def test_a_message_finds_its_deliveries_by_their_ids(large: sqlite3.Connection) -> None:
    where, values = condition(SpoolFilter(message_ids=(5, 99_000)))
    assert [
        row.message_id for row in spool_list.list_rows(large, SpoolFilter(message_ids=(5, 99_000)), SpoolOrder.AGE, False, 0, 9)
    ] == [5, 99_000]
    found = plan(large, f"SELECT id FROM delivery WHERE {where}", len(values))
    assert "SEARCH d USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in found


async def test_what_follows_the_routes_is_counted_by_its_domains_and_its_client(tmp_path: Path) -> None:
    spool = Spool.open(DataFolder(tmp_path), clock=Clock())
    await spool.submit(message(("pool", recipients("a@one.example", "b@one.example", "c@two.example"))))
    await spool.submit(message(sender=""))
    pinned = await spool.submit(message())
    await spool.reroute(SpoolFilter(message_ids=(pinned.id,)), "gw-1")
    for with_clients in (False, True):
        client = "192.0.2.7" if with_clients else ""
        assert sorted(await spool.domain_pairs(with_clients=with_clients)) == [
            ("", "example.org", client, 1),
            ("example.com", "one.example", client, 1),
            ("example.com", "two.example", client, 1),
        ]
    await spool.aclose()
