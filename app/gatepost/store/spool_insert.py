"""Accepting messages: many at once, in statements of many rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from ..model.envelope import Recipient
from .bodies import BodyFile
from .spool_counts import SpoolUnit
from .spool_quarantine import put_in
from .spool_rows import COLUMNS, alarm, clean, pack_envelope, pack_recipients
from .spool_schema import HELD, NEVER, PART_BITS, PARTS, WAITING, micros
from .values import Delivery, NewMessage, RecipientRow, StoredMessage

_SIZES = (64, 48, 32, 24, *range(16, 0, -1))
"""Rows in one statement: the usual batches need only one, and few enough sizes that every statement stays prepared."""
MESSAGE_COLUMNS = ("id", "envelope", "body_file", "content")


def _statements(table: str, columns: int) -> dict[int, str]:
    row = "(" + ",".join("?" * columns) + ")"
    return {size: f"INSERT INTO {table} VALUES " + ",".join([row] * size) for size in _SIZES}  # noqa: S608


_INTO_MESSAGE = _statements("message", len(MESSAGE_COLUMNS))
_INTO_DELIVERY = _statements("delivery", len(COLUMNS))


class Insert:
    """The bulk operation behind ``Spool.submit``."""

    def __init__(self, unit: SpoolUnit) -> None:
        self._unit = unit

    def run(self, connection: sqlite3.Connection, messages: Sequence[NewMessage], /) -> list[StoredMessage]:
        message_rows: list[Any] = []
        delivery_rows: list[Any] = []
        stored: list[StoredMessage] = []
        highest = 0
        for message in messages:
            size, row = message_row(message)
            message_rows += row
            stored.append(self.add_deliveries(message, size, delivery_rows))
            if message.id > highest:
                highest = message.id
        _insert(connection, _INTO_MESSAGE, len(MESSAGE_COLUMNS), message_rows)
        _insert(connection, _INTO_DELIVERY, len(COLUMNS), delivery_rows)
        self._unit.use_id(connection, highest)
        self._unit.quarantined(put_in(connection, messages))
        return stored

    def failed(self, message: NewMessage, error: BaseException, /) -> None:
        if isinstance(message.content, BodyFile):
            message.content.discard()

    def add_deliveries(self, message: NewMessage, size: int, rows: list[Any], before: Sequence[Any] = ()) -> StoredMessage:
        """Adds each delivery's values to ``rows``: behind ``before`` the first's, behind as many NULLs the others'."""
        state = HELD if message.hold else WAITING
        rank = -message.priority
        received_at, expires_at = micros(message.received_at), micros(message.expires_at)
        delay_at = None if message.delay_notice_at is None else micros(message.delay_notice_at)
        due_at = NEVER if message.hold else micros(message.due_at)
        hold_until = NEVER if message.hold_until is None else micros(message.hold_until)
        alarm_at = alarm(state, expires_at, delay_at, hold_until)
        held_at = received_at if message.hold else None
        sender, subject, hold = clean(message.envelope.sender), clean(message.subject), clean(message.hold)
        deliveries: list[Delivery] = []
        number = message.id << PART_BITS
        for lane, recipients in _parts(message):
            rows += before
            rows += (
                number, lane, state, rank, due_at, alarm_at, expires_at, delay_at, received_at, held_at,
                0, size, None, sender, subject, pack_recipients(recipients), hold, "", "",
            )  # fmt: skip
            self._unit.add((lane, state, rank))
            delivery = Delivery(
                number, message.id, lane, message.due_at, message.priority, 0, message.expires_at, message.delay_notice_at,
                message.received_at, size, subject, message.envelope, recipients, hold=hold, content=message.content,
                hold_until=message.hold_until if hold else None,
            )  # fmt: skip
            deliveries.append(delivery)
            before = (None,) * len(before)
            number += 1
        return StoredMessage(message.id, message.received_at, tuple(deliveries))


def message_row(message: NewMessage) -> tuple[int, tuple[Any, ...]]:
    """The size of the content in octets, and the values of the message's row."""
    content = message.content
    if isinstance(content, BodyFile):
        return content.size, (message.id, pack_envelope(message), content.name, None)
    return len(content), (message.id, pack_envelope(message), None, content)


def check_parts(message: NewMessage) -> None:
    """Refuse what could not be stored. Raises ValueError: a mistake of the caller, never of a mail's sender."""
    if not message.parts or not all(recipients for _, recipients in message.parts):
        raise ValueError("a message needs at least one lane, and every lane a recipient")
    if len(message.parts) >= PARTS:
        raise ValueError(f"a message cannot leave by {PARTS} lanes or more")


def _parts(message: NewMessage) -> Iterator[tuple[str, tuple[RecipientRow, ...]]]:
    first = 0
    for lane, recipients in message.parts:
        yield lane, _rows(recipients, first)
        first += len(recipients)


def _rows(recipients: Sequence[Recipient], first: int) -> tuple[RecipientRow, ...]:
    return tuple(RecipientRow(first + index, r.address, r.notify, r.orcpt) for index, r in enumerate(recipients))


def _insert(connection: sqlite3.Connection, statements: dict[int, str], columns: int, values: list[Any]) -> None:
    rows, start = len(values) // columns, 0
    for size in _SIZES:
        while rows - start >= size:
            if start == 0 and rows == size:
                connection.execute(statements[size], values)
            else:
                connection.execute(statements[size], values[start * columns : (start + size) * columns])
            start += size
