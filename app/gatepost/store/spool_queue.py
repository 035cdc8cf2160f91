"""What the delivery queue reads: which lanes have something due, what it is, what has grown old. Blocking functions."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence, Set
from functools import lru_cache
from heapq import merge
from operator import attrgetter

from .bodies import Bodies
from .errors import StoreDamaged
from .spool_rows import SELECT_DELIVERY, delivery_from_row, readable
from .spool_schema import DEFERRED, HELD, NEVER, WAITING, micros, seconds
from .values import Content, Delivery

_DUE = SELECT_DELIVERY + " WHERE d.lane = ? AND d.state = ? AND d.rank = ? AND d.due_at <= ? ORDER BY d.due_at LIMIT ?"
_OLD = f" WHERE d.alarm_at <= ?1 AND d.state < {HELD}"
_EXPIRED = SELECT_DELIVERY + _OLD + " AND d.expires_at <= ?1 ORDER BY d.alarm_at LIMIT ?2"
_DELAYED = SELECT_DELIVERY + _OLD + " AND d.delay_notice_at <= ?1 AND d.expires_at > ?1 ORDER BY d.alarm_at LIMIT ?2"
_HELD_LONG = SELECT_DELIVERY + f" WHERE d.alarm_at <= ?1 AND d.state = {HELD} ORDER BY d.alarm_at LIMIT ?2"
_ONE = SELECT_DELIVERY + " WHERE d.id = ?"


@lru_cache(maxsize=16)
def _lanes_query(ranks: tuple[int, ...]) -> str:
    """A loose index scan: from each lane straight to the next, with the earliest time of each state and rank.

    ``LIMIT -1`` keeps SQLite from computing that time twice for each lane.
    """
    firsts = ", ".join(
        f"ifnull((SELECT min(due_at) FROM delivery WHERE lane = l.lane AND state = {state} AND rank = {int(rank)}), {NEVER})"  # noqa: S608
        for state in (WAITING, DEFERRED)
        for rank in ranks
    )
    return f"""
        WITH RECURSIVE l(lane) AS (
            SELECT min(lane) FROM delivery WHERE lane > ?1
            UNION ALL
            SELECT (SELECT min(lane) FROM delivery WHERE lane > l.lane) FROM l WHERE l.lane IS NOT NULL
        )
        SELECT lane, first_due FROM (SELECT lane, min({firsts}) AS first_due FROM l WHERE lane IS NOT NULL LIMIT -1)
        WHERE first_due <= ?2 LIMIT ?3"""  # noqa: S608


def due_lanes(
    connection: sqlite3.Connection, now: float, after: str, limit: int, ranks: tuple[int, ...]
) -> list[tuple[str, float]]:
    rows = connection.execute(_lanes_query(ranks), (after, micros(now), limit))
    return [(lane, seconds(first)) for lane, first in rows]


def fetch_due(
    connection: sqlite3.Connection, lane: str, now: float, limit: int, exclude: Set[int], ranks: Sequence[int]
) -> list[Delivery]:
    """Most urgent first, then longest due first."""
    found: list[Delivery] = []
    wanted = limit + len(exclude)
    for rank in ranks:
        streams = [
            readable(connection.execute(_DUE, (lane, state, rank, micros(now), wanted))) for state in (WAITING, DEFERRED)
        ]
        for delivery in merge(*streams, key=attrgetter("due_at")):
            if delivery.id not in exclude:
                found.append(delivery)
                if len(found) == limit:
                    return found
    return found


def next_due(connection: sqlite3.Connection, after: float) -> float | None:
    (first,) = connection.execute("SELECT min(due_at) FROM delivery WHERE due_at > ?", (micros(after),)).fetchone()
    return None if first is None or first >= NEVER else float(seconds(first))


def next_alarm(connection: sqlite3.Connection) -> float | None:
    (first,) = connection.execute("SELECT min(alarm_at) FROM delivery").fetchone()
    return None if first is None or first >= NEVER else float(seconds(first))


def fetch_expired(connection: sqlite3.Connection, now: float, limit: int, exclude: Set[int]) -> list[Delivery]:
    return _aged(connection, _EXPIRED, now, limit, exclude)


def fetch_delay_due(connection: sqlite3.Connection, now: float, limit: int, exclude: Set[int]) -> list[Delivery]:
    return _aged(connection, _DELAYED, now, limit, exclude)


def fetch_hold_ended(connection: sqlite3.Connection, now: float, limit: int) -> list[Delivery]:
    return _aged(connection, _HELD_LONG, now, limit, frozenset())


def _aged(connection: sqlite3.Connection, query: str, now: float, limit: int, exclude: Set[int]) -> list[Delivery]:
    rows = connection.execute(query, (micros(now), limit + len(exclude)))
    return readable(row for row in rows if row[0] not in exclude)[:limit]


def fetch(connection: sqlite3.Connection, delivery_id: int) -> Delivery | None:
    row = connection.execute(_ONE, (delivery_id,)).fetchone()
    return None if row is None else delivery_from_row(row)


def load_content(connection: sqlite3.Connection, message_id: int, bodies: Bodies) -> Content | None:
    """None when the message is gone."""
    row = connection.execute("SELECT body_file, content FROM message WHERE id = ?", (message_id,)).fetchone()
    if row is None:
        return None
    name, content = row
    if name is None:
        return bytes(content)
    path = bodies.folder / name
    try:
        return bodies.at(name, path.stat().st_size)
    except FileNotFoundError as error:
        raise StoreDamaged(
            "A message's content is missing.", f"{path} does not exist.", "Restore the file, or delete the message."
        ) from error
