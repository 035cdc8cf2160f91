"""Forgetting what is old, a little at a time, so that the journal's writer is never busy for long."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

CHUNK = 500
"""Messages that go in one transaction."""
SWEEP = 2_000
"""Entries looked at in one transaction when searching for those without a message."""
UNFINISHED_SECONDS = 400 * 86_400
"""A message that still waits (in the queue, in quarantine) keeps its story longer by this; no quarantine lasts a year more."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one transaction did; ``cursor`` None when there is nothing more to look at."""

    deleted: int
    cursor: tuple[int, int] | None


def forget_messages(connection: sqlite3.Connection, before: int, cursor: tuple[int, int]) -> Step:
    """Delete up to ``CHUNK`` messages received before ``before`` (µs) with all that belongs to them.

    ``cursor`` is the (received_at, id) after which to look. Messages that are not finished are passed over.
    """
    rows = connection.execute(
        "SELECT m.id, m.received_at,"
        " m.received_at >= ? AND EXISTS (SELECT 1 FROM recipient r WHERE r.message_id = m.id"
        " AND r.state IN ('waiting', 'deferred', 'quarantined'))"
        " FROM message m WHERE m.received_at < ? AND (m.received_at, m.id) > (?, ?) ORDER BY m.received_at, m.id LIMIT ?",
        (before - UNFINISHED_SECONDS * 1_000_000, before, *cursor, CHUNK),
    ).fetchall()
    old = [(row[0],) for row in rows if not row[2]]
    for table, column in (("entry", "message_id"), ("recipient", "message_id"), ("message", "id")):
        connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", old)  # noqa: S608 - fixed names
    return Step(len(old), (rows[-1][1], rows[-1][0]) if len(rows) == CHUNK else None)


def forget_entries(connection: sqlite3.Connection, before: int, cursor: tuple[int, int]) -> Step:
    """Delete entries noted before ``before`` (µs) that belong to no message: refusals, and what a crash left behind.

    ``cursor`` is (0, the id after which to look).
    """
    rows = connection.execute(
        "SELECT e.id, e.at, e.message_id, EXISTS (SELECT 1 FROM message m WHERE m.id = e.message_id)"
        " FROM entry e WHERE e.id > ? ORDER BY e.id LIMIT ?",
        (cursor[1], SWEEP),
    ).fetchall()
    old = [row for row in rows if row[1] < before and not row[3]]
    connection.executemany("DELETE FROM entry WHERE id = ?", [(row[0],) for row in old])
    connection.executemany(
        "DELETE FROM recipient WHERE message_id = ? AND changed_at < ?",
        [(number, before) for number in {row[2] for row in old}],
    )
    is_end = len(rows) < SWEEP or rows[-1][1] >= before
    return Step(len(old), None if is_end else (0, rows[-1][0]))
