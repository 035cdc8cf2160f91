"""Recording what became of attempts, and forgetting what is done."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from .spool_counts import SpoolUnit
from .spool_insert import Insert
from .spool_quarantine import take_out
from .spool_rows import alarm, clean, pack_recipients, unpack_recipients
from .spool_schema import DEFERRED, HELD, WAITING, delivery_range, message_of, micros
from .values import DeliveryResult, RecipientOutcome, RecipientRow, RecipientState, StoredMessage

_KEYS = (
    "SELECT json_group_array(json_array(d.id, d.lane, d.state, d.rank, m.body_file,"
    " (SELECT count(*) FROM delivery o WHERE o.id BETWEEN d.id >> 16 << 16 AND (d.id >> 16 << 16) + 65535)))"
    " FROM delivery d LEFT JOIN message m ON m.id = d.id >> 16 WHERE d.id IN (SELECT value FROM json_each(?))"
)
"""What is counted under which key, and which message goes with its last delivery."""
_FORGET_DELIVERIES = "DELETE FROM delivery WHERE id IN (SELECT value FROM json_each(?))"
_FORGET_MESSAGES = "DELETE FROM message WHERE id IN (SELECT value FROM json_each(?))"
_OF_MESSAGE = (
    "SELECT id, lane, state, rank, due_at, expires_at, delay_notice_at, attempts, recipients, waiting, last_reply"
    " FROM delivery WHERE id BETWEEN ? AND ?"
)
_UPDATE = (
    "UPDATE delivery SET state = ?, due_at = ?, alarm_at = ?, delay_notice_at = ?, attempts = ?, recipients = ?,"
    " waiting = ?, last_reply = ? WHERE id = ?"
)


class Record:
    """The bulk operation behind ``Spool.record``."""

    def __init__(self, unit: SpoolUnit, insert: Insert) -> None:
        self._unit = unit
        self._insert = insert

    def run(self, connection: sqlite3.Connection, results: Sequence[DeliveryResult], /) -> list[StoredMessage | None]:
        done = {result.delivery.id for result in results if is_done(result)}
        if done:
            found = forget(connection, done, self._unit)
            done = found
        # Of what somebody deleted while it was on its way, the sender hears nothing.
        reports = [result.dsn if result.delivery.id in done or self._apply(connection, result) else None for result in results]
        owed = [report for report in reports if report is not None]
        stored = iter(self._insert.run(connection, owed) if owed else ())
        return [next(stored) if report is not None else None for report in reports]

    def failed(self, result: DeliveryResult, error: BaseException, /) -> None:
        if result.dsn is not None:
            self._insert.failed(result.dsn, error)

    def _apply(self, connection: sqlite3.Connection, result: DeliveryResult) -> bool:
        """Row by row: a routing change may have moved recipients into other deliveries of the message meanwhile. False: there
        is no such row any more."""
        outcomes = {outcome.recipient_id: outcome for outcome in result.outcomes}
        finished: list[int] = []
        is_there = False
        for row in connection.execute(_OF_MESSAGE, delivery_range(result.delivery.message_id)).fetchall():
            recipients = unpack_recipients(row[8])
            if row[0] == result.delivery.id or any(r.id in outcomes for r in recipients):
                is_there = True
                changed = tuple(_after(r, outcomes.get(r.id)) for r in recipients)
                if any(r.state is RecipientState.WAITING for r in changed):
                    self._update(connection, row, changed, result)
                else:
                    finished.append(row[0])
        if finished:
            forget(connection, finished, self._unit)
        return is_there

    def _update(
        self, connection: sqlite3.Connection, row: Sequence[Any], recipients: tuple[RecipientRow, ...], result: DeliveryResult
    ) -> None:
        number, lane, state, rank, due_at, expires_at, delay_at, attempts, _, waiting, last_reply = row
        if result.counts:
            attempts += 1
        if result.delay_noticed:
            delay_at = None
        new_state = HELD if state == HELD else DEFERRED if attempts else WAITING
        if new_state != HELD and result.due_at is not None:
            due_at = micros(result.due_at)
        reply = result.last_reply or next((o.reply for o in reversed(result.outcomes) if o.reply), "") or last_reply
        connection.execute(
            _UPDATE,
            (
                new_state, due_at, alarm(new_state, expires_at, delay_at), delay_at, attempts,
                pack_recipients(_without_reply(recipients)),
                clean(result.waiting) or waiting, clean(reply), number,
            ),
        )  # fmt: skip
        if new_state != state:
            self._unit.add((lane, state, rank), -1)
            self._unit.add((lane, new_state, rank))


def forget(connection: sqlite3.Connection, delivery_ids: Iterable[int], unit: SpoolUnit) -> set[int]:
    """Remove deliveries, and the messages that have none left. Returns the ids that there were."""
    found = find(connection, delivery_ids)
    if not found:
        return set()
    gone = let_go(found, unit)
    connection.execute(_FORGET_DELIVERIES, (json.dumps([row[0] for row in found]),))
    if unit.has_quarantine:
        unit.quarantined(-take_out(connection, (row[0] for row in found)))
    if empty := [message for _, message in gone if message is not None]:
        connection.execute(_FORGET_MESSAGES, (json.dumps(empty),))
    return {row[0] for row in found}


def find(connection: sqlite3.Connection, delivery_ids: Iterable[int]) -> list[Any]:
    """What there is of these deliveries: what each is counted under, its body file, how many its message has."""
    found: list[Any] = json.loads(connection.execute(_KEYS, (json.dumps(list(delivery_ids)),)).fetchone()[0])
    return found


def let_go(found: Iterable[Any], unit: SpoolUnit) -> list[tuple[int, int | None]]:
    """Count what ``find`` found as gone: each delivery's id, and its message's with the last one."""
    gone: dict[int, int] = {}
    pairs: list[tuple[int, int | None]] = []
    for number, lane, state, rank, body_file, deliveries in found:
        unit.add((lane, state, rank), -1)
        message = message_of(number)
        gone[message] = gone.get(message, 0) + 1
        is_last = gone[message] == deliveries
        pairs.append((number, message if is_last else None))
        if is_last and body_file is not None:
            unit.forget_body(body_file)
    return pairs


def is_done(result: DeliveryResult) -> bool:
    """Whether every recipient that the attempt knew of has its final state."""
    final = {outcome.recipient_id for outcome in result.outcomes if outcome.state is not RecipientState.WAITING}
    return bool(final) and all(recipient.id in final for recipient in result.delivery.recipients)


def _after(recipient: RecipientRow, outcome: RecipientOutcome | None) -> RecipientRow:
    if outcome is None or recipient.state is not RecipientState.WAITING:
        return recipient
    if outcome.state is RecipientState.WAITING and outcome.reply == recipient.last_reply:
        return recipient
    return replace(recipient, state=outcome.state, last_reply=clean(outcome.reply))


def _without_reply(recipients: tuple[RecipientRow, ...]) -> tuple[RecipientRow, ...]:
    """A delivery with one recipient keeps the reply once, in its own column, so that the recipient stays a plain address."""
    return (replace(recipients[0], last_reply=""),) if len(recipients) == 1 else recipients
