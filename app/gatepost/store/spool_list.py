"""What people see of the spool: lists, counts by filter, one message. Blocking functions for a read-only connection."""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..model.identifiers import queue_id
from .spool_filter import MAX_ROWS, Condition, condition
from .spool_rows import SELECT_DELIVERY, UNREADABLE, delivery_from_row, unpack_envelope, unpack_recipients
from .spool_schema import DEFERRED, HELD, NEVER, WAITING, delivery_range, message_of, seconds
from .values import RecipientRow, RecipientState, SpoolFilter, SpoolMessage, SpoolOrder, SpoolRow, SpoolState

_SHOWN_RECIPIENTS = 5
_PIECE = 100_000
"""Characters read of a list of ids at a time: about a millisecond."""
_STATES = {WAITING: SpoolState.WAITING, DEFERRED: SpoolState.DEFERRED, HELD: SpoolState.HELD}
_ORDERS = {
    SpoolOrder.AGE: "id",
    SpoolOrder.SIZE: "size",
    SpoolOrder.SENDER: "sender",
    SpoolOrder.SUBJECT: "subject",
    SpoolOrder.NEXT_ATTEMPT: "due_at",
    SpoolOrder.ATTEMPTS: "attempts",
    SpoolOrder.STATE: "state",
}
_ROW = (
    "id, lane, state, rank, due_at, expires_at, received_at, held_at, attempts, size, pinned_gateway, sender, subject,"
    " recipients, hold, waiting, last_reply, alarm_at"
)


def list_query(order: SpoolOrder, descending: bool, where: str) -> str:
    """Sorts ids first and reads the rows of the wanted page afterwards."""
    direction = "DESC" if descending else "ASC"
    keys = f"{_ORDERS[order]} {direction}" + ("" if order is SpoolOrder.AGE else f", id {direction}")
    page = f"SELECT id FROM delivery WHERE {where} ORDER BY {keys} LIMIT ? OFFSET ?"  # noqa: S608
    return f"SELECT {_ROW} FROM delivery WHERE id IN ({page}) ORDER BY {keys}"  # noqa: S608


def list_rows(
    connection: sqlite3.Connection, chosen: SpoolFilter, order: SpoolOrder, descending: bool, offset: int, limit: int
) -> list[SpoolRow]:
    where, values = condition(chosen)
    page = (min(max(limit, 0), MAX_ROWS), max(offset, 0))
    return [_row(row) for row in connection.execute(list_query(order, descending, where), (*values, *page))]


def count(connection: sqlite3.Connection, chosen: SpoolFilter) -> int:
    return count_of(connection, "delivery", condition(chosen))


def ids(connection: sqlite3.Connection, chosen: SpoolFilter, after: int, last: int, limit: int) -> list[int]:
    """Ids of matching deliveries in (after, last], ascending."""
    where, values = condition(chosen)
    query = f"SELECT id FROM delivery WHERE id > ? AND id <= ? AND ({where}) ORDER BY id LIMIT ?"  # noqa: S608
    return [row[0] for row in connection.execute(query, (after, last, *values, limit))]


def ids_in_order(
    connection: sqlite3.Connection, chosen: SpoolFilter, order: SpoolOrder, descending: bool, limit: int
) -> array[int]:
    """Ids of matching deliveries in the order of a list."""
    direction = "DESC" if descending else "ASC"
    keys = f"{_ORDERS[order]} {direction}" + ("" if order is SpoolOrder.AGE else f", id {direction}")
    return ids_of(connection, "delivery", condition(chosen), keys, limit)


def ids_of(connection: sqlite3.Connection, table: str, found: Condition, keys: str, limit: int) -> array[int]:
    """Ids of matching rows in the order of ``keys``, 8 octets each.

    SQLite hands them over as one text: a step for each row would give up the interpreter's lock a million times.
    """
    where, values = found
    query = f"SELECT group_concat(id) FROM (SELECT id FROM {table} WHERE {where} ORDER BY {keys} LIMIT ?)"  # noqa: S608
    (text,) = connection.execute(query, (*values, limit)).fetchone()
    return numbers_of(text or "")


def count_of(connection: sqlite3.Connection, table: str, found: Condition) -> int:
    where, values = found
    (number,) = connection.execute(f"SELECT count(*) FROM {table} WHERE {where}", values).fetchone()  # noqa: S608
    return int(number)


def numbers_of(text: str) -> array[int]:
    """From decimal numbers with commas between. A piece at a time, so that other threads come to their turn."""
    numbers = array("q")
    start = 0
    while start < len(text):
        end = text.find(",", start + _PIECE)
        end = len(text) if end < 0 else end
        numbers.extend(json.loads(f"[{text[start:end]}]"))
        start = end + 1
    return numbers


def domain_pairs(connection: sqlite3.Connection, limit: int, with_clients: bool) -> list[tuple[str, str, str, int]]:
    """(sender domain, recipient domain, client, deliveries) of what follows the routes, from at most ``limit`` deliveries."""
    found: Counter[tuple[str, str, str]] = Counter()
    client, messages = (
        ("json_extract(m.envelope, '$[5][1]')", " JOIN message m ON m.id = d.id >> 16") if with_clients else ("''", "")
    )
    query = f"SELECT d.sender, d.recipients, {client} FROM delivery d{messages} WHERE d.pinned_gateway IS NULL LIMIT ?"  # noqa: S608
    for sender, packed, address in connection.execute(query, (limit,)):
        waiting = (r.domain for r in unpack_recipients(packed) if r.state is RecipientState.WAITING)
        found.update((sender.rpartition("@")[2], domain, address) for domain in set(waiting))
    return [(*key, count) for key, count in found.items()]


def oldest_waiting(connection: sqlite3.Connection) -> float | None:
    """When the oldest delivery that is not held was received. Ids rise with time; held ones before it are passed over."""
    query = "SELECT received_at FROM delivery WHERE state <> ? ORDER BY id LIMIT 1"
    row = connection.execute(query, (HELD,)).fetchone()
    return seconds(row[0]) if row is not None else None


def last_id(connection: sqlite3.Connection) -> int:
    (number,) = connection.execute("SELECT ifnull(max(id), 0) FROM delivery").fetchone()
    return int(number)


def get(connection: sqlite3.Connection, message_id: int) -> SpoolMessage | None:
    query = SELECT_DELIVERY + " WHERE d.id BETWEEN ? AND ? ORDER BY d.id"
    rows = connection.execute(query, delivery_range(message_id)).fetchall()
    if not rows:
        return None
    deliveries = tuple(delivery_from_row(row, with_final=True) for row in rows)
    first = deliveries[0]
    everyone = (recipient for delivery in deliveries for recipient in delivery.recipients)
    envelope, message_id_header = unpack_envelope(rows[0][-1], first.envelope.sender, everyone)
    return SpoolMessage(
        id=message_id,
        queue_id=queue_id(message_id),
        envelope=envelope,
        message_id_header=message_id_header,
        received_at=first.received_at,
        size=first.size,
        subject=first.subject,
        deliveries=deliveries,
    )


def _row(row: Sequence[Any]) -> SpoolRow:
    (
        number, lane, state, rank, due_at, expires_at, received_at, held_at, attempts, size, pinned_gateway, sender, subject,
        packed, hold, waiting, last_reply, alarm_at,
    ) = row  # fmt: skip
    try:
        everyone = unpack_recipients(packed)
    except UNREADABLE:
        everyone = (RecipientRow(0, "?"),)
    addresses = [r.address for r in everyone if r.state is RecipientState.WAITING]
    message_id = message_of(number)
    return SpoolRow(
        id=number,
        message_id=message_id,
        queue_id=queue_id(message_id),
        lane=lane,
        state=_STATES[state],
        hold=hold,
        received_at=seconds(received_at),
        due_at=seconds((held_at or received_at) if state == HELD else due_at),
        priority=-rank,
        attempts=attempts,
        expires_at=seconds(expires_at),
        sender=sender,
        recipients=tuple(addresses[:_SHOWN_RECIPIENTS]),
        recipient_count=len(addresses),
        subject=subject,
        size=size,
        waiting=waiting,
        last_reply=last_reply,
        pinned_gateway=pinned_gateway,
        hold_until=seconds(alarm_at) if state == HELD and alarm_at < NEVER else None,
        recipient_total=len(everyone),
    )
