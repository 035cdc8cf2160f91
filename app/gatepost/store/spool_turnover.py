"""What comes and what goes, in one statement: the spool's daily business as a transaction that SQLite runs in one go.

Each call into SQLite gives up the interpreter's lock and takes it back, and the loop competes for it: BEGIN, two inserts,
two deletes and COMMIT cost a busy relay far more than the work in them. So the writer's connection has a view that takes
rows to insert and rows to delete, and triggers that put them where they belong; view and triggers are the connection's own,
no part of the file.

Not everything fits: mail for quarantine, attempts that leave something to do, reports and what is large go step by step.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from .bodies import BodyFile
from .spool_counts import SpoolUnit
from .spool_insert import MESSAGE_COLUMNS, Insert, message_row
from .spool_record import Record, find, is_done, let_go
from .spool_rows import COLUMNS
from .values import DeliveryResult, NewMessage, StoredMessage
from .writer import Bulk, Plan

_SIZES = (*range(17), 24, 32, 48, 64)
"""Rows in one statement; what is between is filled up with empty rows. Few enough that every statement stays prepared."""
_MOST_OCTETS = 1 << 20
"""SQLite copies the rows that it hands to a trigger: a batch with more content than this goes step by step."""
_MESSAGE = tuple(f"message_{name}" for name in MESSAGE_COLUMNS)
_WIDTH = len(MESSAGE_COLUMNS) + len(COLUMNS)
_EMPTY = (None,) * _WIDTH
_NULLS = "NULL, " * _WIDTH
_GOES = f"SELECT {_NULLS}json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)"  # noqa: S608 - NULLs
_TABLES = (
    f"CREATE TEMP VIEW turnover({', '.join((*_MESSAGE, *COLUMNS))}, gone, gone_message) AS SELECT {_NULLS}NULL, NULL",
    f"""CREATE TEMP TRIGGER message_comes INSTEAD OF INSERT ON turnover WHEN NEW.message_id IS NOT NULL BEGIN
        INSERT INTO message VALUES ({", ".join(f"NEW.{name}" for name in _MESSAGE)}); END""",  # noqa: S608 - names above
    f"""CREATE TEMP TRIGGER delivery_comes INSTEAD OF INSERT ON turnover WHEN NEW.id IS NOT NULL BEGIN
        INSERT INTO delivery VALUES ({", ".join(f"NEW.{name}" for name in COLUMNS)}); END""",  # noqa: S608 - names above
    """CREATE TEMP TRIGGER goes INSTEAD OF INSERT ON turnover WHEN NEW.gone IS NOT NULL BEGIN
        DELETE FROM delivery WHERE id = NEW.gone; DELETE FROM message WHERE id = NEW.gone_message; END""",
)


def _statement(rows: int, leaving: bool) -> str:
    row = "(" + "?," * _WIDTH + "NULL,NULL)"
    values = "VALUES " + ",".join([row] * rows) if rows else ""
    return f"INSERT INTO turnover {values}{' UNION ALL ' if rows and leaving else ''}{_GOES if leaving else ''}"


_STATEMENTS = {(rows, leaving): _statement(rows, leaving) for rows in _SIZES for leaving in (False, True) if rows or leaving}


class Turnover:
    """The writer's planner for the spool."""

    def __init__(self, connection: sqlite3.Connection, unit: SpoolUnit, insert: Insert, record: Record) -> None:
        self._unit = unit
        self._insert = insert
        self._record = record
        for statement in _TABLES:
            connection.execute(statement)

    def __call__(self, connection: sqlite3.Connection, kinds: Mapping[Bulk[Any, Any], Sequence[Any]]) -> Plan | None:
        messages: Sequence[NewMessage] = kinds.get(self._insert, ())
        results: Sequence[DeliveryResult] = kinds.get(self._record, ())
        unit = self._unit
        if not (self._may_come(messages) and self._may_go(results)):
            return None
        found: list[Any] = []
        if results:
            found = find(connection, {result.delivery.id for result in results})
            if len(found) < len({result.delivery.id for result in results}):
                return None
        values: list[Any] = []
        stored: list[StoredMessage] = []
        for message in messages:
            size, row = message_row(message)
            stored.append(self._insert.add_deliveries(message, size, values, row))
        rows = len(values) // _WIDTH
        padded = next(size for size in _SIZES if size >= rows)
        values += _EMPTY * (padded - rows)
        if found:
            values.append(json.dumps(let_go(found, unit)))
        return Plan(_STATEMENTS[padded, bool(found)], values, {self._insert: stored, self._record: [None] * len(results)})

    def _may_come(self, messages: Sequence[NewMessage]) -> bool:
        rows = octets = 0
        for message in messages:
            rows += len(message.parts)
            if not isinstance(message.content, BodyFile):
                octets += len(message.content)
            if message.quarantine is not None or not self._unit.is_reserved(message.id):
                return False
        return rows <= _SIZES[-1] and octets <= _MOST_OCTETS

    def _may_go(self, results: Sequence[DeliveryResult]) -> bool:
        if results and self._unit.has_quarantine:
            return False
        return all(result.dsn is None and is_done(result) for result in results)
