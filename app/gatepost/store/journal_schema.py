"""The journal's tables. Times are microseconds since the epoch.

No foreign keys: an entry may be written without its message (a refusal), and the journal must take whatever it is told.
"""

from __future__ import annotations

import sqlite3

from .database import Schema, Step


def _first(connection: sqlite3.Connection) -> None:
    for statement in (
        """CREATE TABLE message (
            id INTEGER PRIMARY KEY,
            received_at INTEGER NOT NULL,
            sender TEXT NOT NULL COLLATE NOCASE,
            subject TEXT NOT NULL COLLATE NOCASE,
            size INTEGER NOT NULL,
            client TEXT NOT NULL,
            header TEXT NOT NULL,
            text TEXT NOT NULL,
            data TEXT
        )""",
        "CREATE INDEX message_received ON message(received_at)",
        "CREATE INDEX message_sender ON message(sender)",
        "CREATE INDEX message_header ON message(header) WHERE header <> ''",
        """CREATE TABLE recipient (
            message_id INTEGER NOT NULL,
            address TEXT NOT NULL,
            state TEXT NOT NULL,
            last_reply TEXT NOT NULL,
            changed_at INTEGER NOT NULL,
            PRIMARY KEY (message_id, address)
        ) WITHOUT ROWID""",
        "CREATE INDEX recipient_address ON recipient(address COLLATE NOCASE, message_id)",
        # Nearly everything is delivered in the end; the index holds the rest, which people look for.
        "CREATE INDEX recipient_state ON recipient(state, message_id) WHERE state <> 'delivered'",
        """CREATE TABLE entry (
            id INTEGER PRIMARY KEY,
            message_id INTEGER NOT NULL,
            at INTEGER NOT NULL,
            kind TEXT NOT NULL,
            recipient TEXT NOT NULL,
            text TEXT NOT NULL,
            data TEXT
        )""",
        "CREATE INDEX entry_message ON entry(message_id)",
        "CREATE TABLE mark (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    ):
        connection.execute(statement)


SCHEMA = Schema("journal", (Step("messages, recipients, entries", _first),))
