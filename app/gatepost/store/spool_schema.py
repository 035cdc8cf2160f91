"""The spool's tables, and why they look so.

A message that is delivered at once costs two inserts and two deletes, so it touches two tables and three indexes:

- ``message`` holds the one copy: what the envelope carries besides addresses, and the content (a blob, or the name of a
  body file).
- ``delivery`` holds one row for each lane of a message, with its recipients packed in and the message's sender, subject
  and size repeated, so that lists and filters never touch the contents. Its id is ``message id << 16 | part``: the rows of
  one message lie together, and finding them needs no index.

What inspection holds has a row in ``quarantine`` as well: why, and what its list is sorted by, each with an index, since
mail that is not held never pays for them.

What is captured instead of being delivered, or beside it, lies in ``captured`` and ``captured_content``: no delivery, and no
part of the queue. Its numbers are never used twice, so that they can be waited for.

A held delivery is due never, so the queue's indexes need not know about holds. ``alarm_at`` is the next moment at which a
delivery must be looked at for its age (delay notice or expiry; of a held one, the end of its quarantine). ``rank`` is
the negated priority.

Lists sort by arrival and next attempt through an index; by the other columns SQLite reads the narrow table once and keeps
the wanted rows (0.2 s with a million deliveries), which is cheaper than five more indexes on the way of every message.
"""

from __future__ import annotations

import sqlite3

from .database import Schema, Step

PART_BITS = 16
PARTS = 1 << PART_BITS
"""Deliveries that one message can have."""
NEVER = (1 << 62) - 1
"""Later than every time, in microseconds."""

WAITING, DEFERRED, HELD = 0, 1, 2
"""``delivery.state``."""


def _first(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE message(
            id INTEGER PRIMARY KEY,
            envelope TEXT NOT NULL,
            body_file TEXT,
            content BLOB
        )"""
    )
    connection.execute(
        """CREATE TABLE delivery(
            id INTEGER PRIMARY KEY,
            lane TEXT NOT NULL,
            state INTEGER NOT NULL,
            rank INTEGER NOT NULL,
            due_at INTEGER NOT NULL,
            alarm_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            delay_notice_at INTEGER,
            received_at INTEGER NOT NULL,
            held_at INTEGER,
            attempts INTEGER NOT NULL,
            size INTEGER NOT NULL,
            pinned_gateway TEXT,
            sender TEXT NOT NULL,
            subject TEXT NOT NULL,
            recipients TEXT NOT NULL,
            hold TEXT NOT NULL,
            waiting TEXT NOT NULL,
            last_reply TEXT NOT NULL
        )"""
    )
    connection.execute("CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID")
    connection.execute("INSERT INTO counter VALUES ('reserved', 0)")
    connection.execute("CREATE INDEX delivery_lane ON delivery(lane, state, rank, due_at)")
    connection.execute("CREATE INDEX delivery_due ON delivery(due_at)")
    connection.execute("CREATE INDEX delivery_alarm ON delivery(alarm_at)")
    connection.execute("CREATE INDEX message_body ON message(body_file) WHERE body_file IS NOT NULL")


def _quarantine(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE quarantine(
            id INTEGER PRIMARY KEY,
            kind TEXT NOT NULL,
            gateway TEXT NOT NULL,
            level TEXT NOT NULL,
            score REAL,
            reason TEXT NOT NULL,
            received_at INTEGER NOT NULL,
            until INTEGER NOT NULL,
            sender TEXT NOT NULL,
            recipients TEXT NOT NULL,
            subject TEXT NOT NULL,
            size INTEGER NOT NULL,
            parts TEXT NOT NULL
        )"""
    )
    for column in ("score", "sender", "subject", "size", "until"):
        connection.execute(f"CREATE INDEX quarantine_{column} ON quarantine({column})")
    connection.execute(
        """INSERT INTO quarantine
            SELECT id >> 16, 'spam', CASE WHEN lane LIKE 'inbound:%' THEN substr(lane, 9) ELSE '' END, '', NULL,
                substr(hold, 13), received_at, alarm_at, sender,
                CASE WHEN substr(recipients, 1, 1) = '['
                    THEN (SELECT json_group_array(json_extract(r.value, '$[1]')) FROM json_each(delivery.recipients) r)
                    ELSE json_array(recipients) END,
                subject, size, '[]'
            FROM delivery WHERE state = 2 AND substr(hold, 1, 12) = 'quarantine: ' GROUP BY id >> 16"""
    )


def _captured(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE captured(
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            message INTEGER NOT NULL,
            tray TEXT NOT NULL,
            is_copy INTEGER NOT NULL,
            listener TEXT NOT NULL,
            gateway TEXT NOT NULL,
            user TEXT NOT NULL,
            client TEXT NOT NULL,
            received_at INTEGER NOT NULL,
            sender TEXT NOT NULL,
            recipients TEXT NOT NULL,
            from_header TEXT NOT NULL,
            to_header TEXT NOT NULL,
            subject TEXT NOT NULL,
            preview TEXT NOT NULL,
            attachments INTEGER NOT NULL,
            size INTEGER NOT NULL,
            released_at INTEGER,
            source TEXT UNIQUE
        )"""
    )
    connection.execute(
        """CREATE TABLE captured_content(
            id INTEGER PRIMARY KEY,
            envelope TEXT NOT NULL,
            recipients TEXT NOT NULL,
            body_file TEXT,
            content BLOB,
            text TEXT NOT NULL
        )"""
    )
    connection.execute("CREATE INDEX captured_tray ON captured(tray, received_at)")
    connection.execute("CREATE INDEX captured_content_body ON captured_content(body_file) WHERE body_file IS NOT NULL")


SPOOL = Schema(
    "spool",
    (
        Step("messages and deliveries", _first),
        Step("why mail is in quarantine", _quarantine),
        Step("captured mail", _captured),
    ),
)


def micros(seconds: float) -> int:
    return round(seconds * 1_000_000)


def seconds(micros: int) -> float:
    return micros / 1_000_000


def message_of(delivery_id: int) -> int:
    return delivery_id >> PART_BITS


def delivery_range(message_id: int) -> tuple[int, int]:
    """First and last delivery id of a message."""
    first = message_id << PART_BITS
    return first, first + PARTS - 1
