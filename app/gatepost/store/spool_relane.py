"""Moving queued mail to other lanes after the routing changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .spool_counts import SpoolUnit
from .spool_rows import COLUMNS, SELECT_DELIVERY, pack_recipients, readable
from .spool_schema import HELD, PARTS, delivery_range, message_of, micros
from .values import Delivery, Moved, RecipientRow, RecipientState

PAGE = 200
"""Deliveries looked at in one step."""

LaneOf = Callable[[Delivery, RecipientRow], str]
"""The lane that a recipient of a delivery leaves by now. Called in a reader's thread: a pure function of a snapshot."""

_PAGE = SELECT_DELIVERY + " WHERE d.id > ? AND d.id <= ? AND d.pinned_gateway IS NULL ORDER BY d.id LIMIT ?"
_CURRENT = "SELECT lane, state, rank, recipients, due_at FROM delivery WHERE id = ?"
_COPIED = [name for name in COLUMNS if name not in ("id", "lane", "recipients", "due_at")]
_COPY = (
    f"INSERT INTO delivery (id, lane, recipients, due_at, {', '.join(_COPIED)})"  # noqa: S608
    f" SELECT ?, ?, ?, ?, {', '.join(_COPIED)} FROM delivery WHERE id = ?"
)


@dataclass(frozen=True, slots=True)
class Move:
    """One delivery whose recipients leave by other lanes now."""

    delivery_id: int
    lane: str
    before: str
    """Its packed recipients when the lanes were computed."""
    parts: tuple[tuple[str, str], ...]
    """(lane, packed recipients)."""


@dataclass(frozen=True, slots=True)
class Page:
    last: int | None
    """Where the next page begins; None after the last one."""
    moves: tuple[Move, ...]


def look(connection: sqlite3.Connection, after: int, last: int, lane_of: LaneOf) -> Page:
    """Compute the lanes of the next page of deliveries. Deliveries that a person pinned to a gateway stay."""
    rows = connection.execute(_PAGE, (after, last, PAGE)).fetchall()
    moves: list[Move] = []
    packed_of = {row[0]: row[COLUMNS.index("recipients")] for row in rows}
    for delivery in readable(rows, with_final=True):
        packed = packed_of[delivery.id]
        lanes: dict[str, list[RecipientRow]] = {}
        for recipient in delivery.recipients:
            if recipient.state is RecipientState.WAITING:
                lanes.setdefault(lane_of(delivery, recipient), []).append(recipient)
        if lanes.keys() <= {delivery.lane}:
            continue
        parts: tuple[tuple[str, str], ...]
        if len(lanes) == 1:
            parts = ((next(iter(lanes)), packed),)
        else:  # final recipients go along with the first part: one of their own would have nobody to be sent to
            next(iter(lanes.values())).extend(r for r in delivery.recipients if r.state is not RecipientState.WAITING)
            parts = tuple((lane, pack_recipients(members)) for lane, members in lanes.items())
        moves.append(Move(delivery.id, delivery.lane, packed, parts))
    return Page(rows[-1][0] if len(rows) == PAGE else None, tuple(moves))


def move(connection: sqlite3.Connection, moves: Sequence[Move], now: float, unit: SpoolUnit) -> tuple[list[Moved], set[int]]:
    """Apply ``moves`` to deliveries that did not change meanwhile; what moves is due now. Also the ids of those that did."""
    moved: list[Moved] = []
    changed: set[int] = set()
    for planned in moves:
        current = connection.execute(_CURRENT, (planned.delivery_id,)).fetchone()
        if current is None:
            continue
        lane, state, rank, packed, due_at = current
        if (lane, packed) != (planned.lane, planned.before):
            changed.add(planned.delivery_id)
            continue
        due = due_at if state == HELD else micros(now)
        if len(planned.parts) == 1:
            new_lane = planned.parts[0][0]
            connection.execute("UPDATE delivery SET lane = ?, due_at = ? WHERE id = ?", (new_lane, due, planned.delivery_id))
            unit.add((new_lane, state, rank))
        elif not _split(connection, planned, due, (state, rank), unit):
            continue
        unit.add((lane, state, rank), -1)
        after = tuple(lane for lane, _ in planned.parts)
        moved.append(Moved(message_of(planned.delivery_id), planned.lane, after))
    return moved, changed


def mark(connection: sqlite3.Connection) -> int | None:
    found = connection.execute("SELECT value FROM counter WHERE name = 'lanes'").fetchone()
    return None if found is None else int(found[0])


def set_mark(connection: sqlite3.Connection, value: int) -> None:
    connection.execute("INSERT OR REPLACE INTO counter VALUES ('lanes', ?)", (value,))


def _split(connection: sqlite3.Connection, planned: Move, due: int, kind: tuple[int, int], unit: SpoolUnit) -> bool:
    """New ids for all parts: the outcome of an attempt on the old one then cannot be mistaken for one of a part."""
    first, last = delivery_range(message_of(planned.delivery_id))
    (highest,) = connection.execute("SELECT max(id) FROM delivery WHERE id BETWEEN ? AND ?", (first, last)).fetchone()
    if highest - first + len(planned.parts) >= PARTS:
        return False
    for number, (lane, packed) in enumerate(planned.parts, start=highest + 1):
        connection.execute(_COPY, (number, lane, packed, due, planned.delivery_id))
        unit.add((lane, *kind))
    connection.execute("DELETE FROM delivery WHERE id = ?", (planned.delivery_id,))
    return True
