"""The quarantine's table beside the deliveries: putting in, taking out, lists. Blocking functions.

A row goes when no delivery of its message is held in quarantine any more, whoever released or deleted it.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from ..model.identifiers import queue_id
from .quarantine_values import (
    QUARANTINE,
    QuarantineEntry,
    QuarantineFilter,
    QuarantineKind,
    QuarantineOrder,
    QuarantineRow,
    ScorePart,
)
from .spool_filter import LIKE, MAX_ROWS, Condition, message_id, pattern
from .spool_list import count_of, ids_of
from .spool_rows import clean, unpack_envelope
from .spool_schema import HELD, NEVER, PARTS, micros, seconds

if TYPE_CHECKING:
    from .values import NewMessage

_SHOWN_RECIPIENTS = 5
_ORDERS = {
    QuarantineOrder.AGE: "id",
    QuarantineOrder.SCORE: "score",
    QuarantineOrder.SENDER: "sender",
    QuarantineOrder.SUBJECT: "subject",
    QuarantineOrder.SIZE: "size",
    QuarantineOrder.EXPIRES: "until",
}
_ROW = "id, kind, gateway, level, score, reason, received_at, until, sender, recipients, subject, size"
_INSERT = f"INSERT INTO quarantine ({_ROW}, parts) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608 - the names above
_TAKE_OUT = (
    "DELETE FROM quarantine WHERE id IN (SELECT DISTINCT value >> 16 FROM json_each(?)) AND NOT EXISTS ("  # noqa: S608
    f"SELECT 1 FROM delivery d WHERE d.id BETWEEN quarantine.id << 16 AND (quarantine.id << 16) + {PARTS - 1}"
    f" AND d.state = {HELD} AND substr(d.hold, 1, {len(QUARANTINE)}) = '{QUARANTINE}')"
)
_BOUNDS = {
    "received_after": "received_at >= ?",
    "received_before": "received_at < ?",
    "min_score": "score >= ?",
    "max_score": "score <= ?",
}


# --- on the writer's connection ---


def put_in(connection: sqlite3.Connection, messages: Iterable[NewMessage]) -> int:
    """Rows for those messages that go into quarantine; how many they are."""
    rows = [_values(message) for message in messages if message.quarantine is not None]
    if rows:
        connection.executemany(_INSERT, rows)
    return len(rows)


def take_out(connection: sqlite3.Connection, delivery_ids: Iterable[int]) -> int:
    """After these deliveries were released or deleted: forget what is in quarantine no more; how many messages."""
    return connection.execute(_TAKE_OUT, (json.dumps(list(delivery_ids)),)).rowcount


def _values(message: NewMessage) -> tuple[Any, ...]:
    why, content = message.quarantine, message.content
    assert why is not None  # noqa: S101 - the caller looked
    addresses = [recipient.address for _, recipients in message.parts for recipient in recipients]
    size = len(content) if isinstance(content, bytes) else content.size
    until = NEVER if message.hold_until is None else micros(message.hold_until)
    return (
        message.id, why.kind.value, why.gateway, why.level, why.score, clean(why.reason), micros(message.received_at), until,
        clean(message.envelope.sender), clean(json.dumps(addresses, ensure_ascii=False)), clean(message.subject), size,
        clean(json.dumps([astuple(part) for part in why.parts], ensure_ascii=False)),
    )  # fmt: skip


# --- on a read-only connection ---


def list_rows(
    connection: sqlite3.Connection, chosen: QuarantineFilter, order: QuarantineOrder, descending: bool, offset: int, limit: int
) -> list[QuarantineRow]:
    where, values = condition(chosen)
    keys = _keys(order, descending)
    page = f"SELECT id FROM quarantine WHERE {where} ORDER BY {keys} LIMIT ? OFFSET ?"  # noqa: S608
    query = f"SELECT {_ROW} FROM quarantine WHERE id IN ({page}) ORDER BY {keys}"  # noqa: S608
    bounds = (min(max(limit, 0), MAX_ROWS), max(offset, 0))
    return [_row(row) for row in connection.execute(query, (*values, *bounds))]


def ids_in_order(
    connection: sqlite3.Connection, chosen: QuarantineFilter, order: QuarantineOrder, descending: bool, limit: int
) -> array[int]:
    return ids_of(connection, "quarantine", condition(chosen), _keys(order, descending), limit)


def ids_after(connection: sqlite3.Connection, chosen: QuarantineFilter, after: int, limit: int) -> list[int]:
    """Ids behind ``after``, ascending: to walk through all that match."""
    where, values = condition(chosen)
    query = f"SELECT id FROM quarantine WHERE id > ? AND ({where}) ORDER BY id LIMIT ?"  # noqa: S608
    return [row[0] for row in connection.execute(query, (after, *values, limit))]


def count(connection: sqlite3.Connection, chosen: QuarantineFilter) -> int:
    return count_of(connection, "quarantine", condition(chosen))


def get(connection: sqlite3.Connection, number: int) -> QuarantineEntry | None:
    query = f"SELECT {_ROW}, parts FROM quarantine WHERE id = ?"  # noqa: S608
    found = connection.execute(query, (number,)).fetchone()
    envelope = connection.execute("SELECT envelope FROM message WHERE id = ?", (number,)).fetchone()
    if found is None or envelope is None:
        return None
    row = _row(found[:-1])
    unpacked, message_id_header = unpack_envelope(envelope[0], row.sender, ())
    origin = unpacked.origin
    parts = tuple(ScorePart(source, points, note, failed) for source, points, note, failed in json.loads(found[-1]))
    return QuarantineEntry(row, parts, tuple(json.loads(found[9])), origin.client, origin.helo, message_id_header)


def condition(chosen: QuarantineFilter) -> Condition:
    """An SQL expression over ``quarantine`` and its parameters. Raises InvalidInput for texts that are too long."""
    terms: list[str] = []
    values: list[Any] = []

    def term(sql: str, *parameters: Any) -> None:
        terms.append(sql)
        values.extend(parameters)

    if chosen.ids is not None:
        term("id IN (SELECT value FROM json_each(?))", json.dumps(chosen.ids))
    if chosen.kind is not None:
        term("kind = ?", chosen.kind.value)
    for field in ("gateway", "level"):
        if exact := getattr(chosen, field):
            term(f"{field} = ?", exact)
    for field in ("sender", "subject"):
        if text := getattr(chosen, field):
            term(f"{field} {LIKE}", pattern(text, field))
    if chosen.recipient:
        term(f"recipients {LIKE}", pattern(_packed(chosen.recipient), "recipient"))
    if chosen.text:
        wanted = pattern(chosen.text, "text")
        alternatives = [f"sender {LIKE}", f"subject {LIKE}", f"reason {LIKE}", f"recipients {LIKE}"]
        found: list[Any] = [wanted, wanted, wanted, pattern(_packed(chosen.text), "text")]
        if (number := message_id(chosen.text)) is not None:
            alternatives.append("id = ?")
            found.append(number)
        term(" OR ".join(alternatives), *found)
    for field, sql in _BOUNDS.items():
        if (bound := getattr(chosen, field)) is not None:
            term(sql, micros(bound) if field.startswith("received") else bound)
    return " AND ".join(f"({t})" for t in terms) or "1", values


def _packed(text: str) -> str:
    """As it stands in the packed list of recipients. Unpacking a million of them for a search would take seconds."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _keys(order: QuarantineOrder, descending: bool) -> str:
    direction = "DESC" if descending else "ASC"
    return f"{_ORDERS[order]} {direction}" + ("" if order is QuarantineOrder.AGE else f", id {direction}")


def _row(row: Sequence[Any]) -> QuarantineRow:
    number, kind, gateway, level, score, reason, received_at, until, sender, recipients, subject, size = row
    addresses = json.loads(recipients)
    return QuarantineRow(
        id=number,
        queue_id=queue_id(number),
        kind=QuarantineKind(kind),
        gateway=gateway,
        level=level,
        score=score,
        reason=reason,
        received_at=seconds(received_at),
        expires_at=None if until >= NEVER else seconds(until),
        sender=sender,
        recipients=tuple(addresses[:_SHOWN_RECIPIENTS]),
        recipient_count=len(addresses),
        subject=subject,
        size=size,
    )
