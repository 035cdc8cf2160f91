"""The test inbox's tables beside the deliveries: putting in, taking out, lists. Blocking functions.

``captured`` is narrow, for lists; ``captured_content`` holds what is read of one message at a time, and what a search by text
looks through.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from .bodies import Bodies, BodyFile
from .captured_values import (
    CapturedEntry,
    CapturedFilter,
    CapturedOrder,
    CapturedRow,
    NewCaptured,
    TrayFigures,
)
from .spool_counts import SpoolUnit
from .spool_filter import LIKE, MAX_ROWS, Condition, message_id, pattern
from .spool_list import count_of, ids_of
from .spool_rows import clean, pack_envelope, pack_recipients, unpack_envelope, unpack_recipients
from .spool_schema import micros, seconds
from .values import NewMessage, RecipientRow

_SHOWN_RECIPIENTS = 5
_ORDERS = {
    CapturedOrder.AGE: "id",
    CapturedOrder.SENDER: "sender",
    CapturedOrder.SUBJECT: "subject",
    CapturedOrder.SIZE: "size",
}
_NEW = (
    "message, tray, is_copy, listener, gateway, user, client, received_at, sender, recipients, from_header, to_header, subject,"
    " preview, attachments, size"
)
_ROW = f"id, {_NEW}, released_at"
_INSERT = f"INSERT OR IGNORE INTO captured ({_NEW}, source) VALUES ({','.join('?' * 17)})"  # noqa: S608 - the names above
_EXACT = ("tray", "listener", "gateway", "user")
_BOUNDS = {
    "received_after": "received_at >= ?",
    "received_before": "received_at < ?",
    "after": "id > ?",
    "before": "id < ?",
}
_TEXT = f"EXISTS (SELECT 1 FROM captured_content t WHERE t.id = captured.id AND t.text {LIKE})"  # noqa: S608


# --- on the writer's connection ---


def put_in(connection: sqlite3.Connection, new: NewCaptured, unit: SpoolUnit) -> int | None:
    """Returns its number; None when this occasion was kept before: then its content is not needed.

    What was kept before says from then on whether it is a copy as this one does: its gateway may copy at the first attempt
    and capture at the second, and the other way round.
    """
    envelope, summary, content = new.envelope, new.summary, new.content
    addresses = json.dumps([recipient.address for recipient in envelope.recipients], ensure_ascii=False)
    origin = envelope.origin
    texts = (summary.from_header, summary.to_header, summary.subject, summary.preview)
    cursor = connection.execute(
        _INSERT,
        (
            new.message_id, new.tray, int(new.is_copy), origin.listener, new.gateway, clean(origin.user), origin.client,
            micros(new.captured_at), clean(envelope.sender), clean(addresses), *map(clean, texts), summary.attachment_count,
            new.size, new.source or None,
        ),
    )  # fmt: skip
    unit.use_id(connection, new.message_id)
    if not cursor.rowcount:
        if isinstance(content, BodyFile):
            unit.forget_body(content.name)
        connection.execute("UPDATE captured SET is_copy = ? WHERE source = ?", (int(new.is_copy), new.source))
        return None
    number = int(cursor.lastrowid or 0)
    packed = pack_envelope(NewMessage(envelope, b"", (), 0.0, 0.0, 0.0, message_id_header=summary.message_id_header))
    rows = [RecipientRow(index, r.address, r.notify, r.orcpt) for index, r in enumerate(envelope.recipients)]
    name, blob = (content.name, None) if isinstance(content, BodyFile) else (None, content)
    connection.execute(
        "INSERT INTO captured_content (id, envelope, recipients, body_file, content, text) VALUES (?,?,?,?,?,?)",
        (number, packed, pack_recipients(rows), name, blob, clean(summary.text)),
    )
    return number


def take_out(connection: sqlite3.Connection, ids: Iterable[int], chosen: CapturedFilter, unit: SpoolUnit) -> int:
    """Delete those of ``ids`` that still match; how many there were."""
    where, values = condition(chosen)
    chosen_ids = f"SELECT id FROM captured WHERE id IN (SELECT value FROM json_each(?)) AND ({where})"  # noqa: S608
    found = connection.execute(
        f"SELECT id, body_file FROM captured_content WHERE id IN ({chosen_ids})",  # noqa: S608
        (json.dumps(list(ids)), *values),
    ).fetchall()
    gone = json.dumps([row[0] for row in found])
    connection.execute("DELETE FROM captured WHERE id IN (SELECT value FROM json_each(?))", (gone,))
    connection.execute("DELETE FROM captured_content WHERE id IN (SELECT value FROM json_each(?))", (gone,))
    for _, body_file in found:
        if body_file is not None:
            unit.forget_body(body_file)
    return len(found)


def mark_released(connection: sqlite3.Connection, number: int, at: float) -> None:
    connection.execute("UPDATE captured SET released_at = ? WHERE id = ?", (micros(at), number))


# --- on a read-only connection ---


def list_rows(
    connection: sqlite3.Connection, chosen: CapturedFilter, order: CapturedOrder, descending: bool, offset: int, limit: int
) -> list[CapturedRow]:
    where, values = condition(chosen)
    query = f"SELECT {_ROW} FROM captured WHERE {where} ORDER BY {_keys(order, descending)} LIMIT ? OFFSET ?"  # noqa: S608
    bounds = (min(max(limit, 0), MAX_ROWS), max(offset, 0))
    return [_row(row) for row in connection.execute(query, (*values, *bounds))]


def ids_in_order(
    connection: sqlite3.Connection, chosen: CapturedFilter, order: CapturedOrder, descending: bool, limit: int
) -> array[int]:
    return ids_of(connection, "captured", condition(chosen), _keys(order, descending), limit)


def count(connection: sqlite3.Connection, chosen: CapturedFilter) -> int:
    return count_of(connection, "captured", condition(chosen))


def last_id(connection: sqlite3.Connection) -> int:
    """The highest number ever given, also of what is gone."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'captured'").fetchone()
    return int(found[0]) if found is not None else 0


def get(connection: sqlite3.Connection, number: int, bodies: Bodies) -> CapturedEntry | None:
    found = connection.execute(f"SELECT {_ROW} FROM captured WHERE id = ?", (number,)).fetchone()  # noqa: S608
    rest = connection.execute(
        "SELECT envelope, recipients, body_file, content FROM captured_content WHERE id = ?", (number,)
    ).fetchone()
    if found is None or rest is None:
        return None
    row = _row(found)
    packed, recipients, body_file, blob = rest
    envelope, message_id_header = unpack_envelope(packed, row.sender, unpack_recipients(recipients))
    content = bodies.at(body_file, row.size) if body_file is not None else bytes(blob)
    return CapturedEntry(row, envelope, message_id_header, content)


def holds_copy(connection: sqlite3.Connection, message: int, gateway: str, addresses: Iterable[str]) -> bool:
    """Whether a copy of this message for all these recipients was kept for the gateway."""
    wanted = {clean(address) for address in addresses}
    query = "SELECT recipients FROM captured WHERE message = ? AND gateway = ? AND is_copy"
    return any(wanted <= set(json.loads(recipients)) for (recipients,) in connection.execute(query, (message, gateway)))


def figures(connection: sqlite3.Connection) -> list[TrayFigures]:
    query = "SELECT tray, count(*), sum(size), min(received_at), max(received_at), max(id) FROM captured GROUP BY tray"
    return [
        TrayFigures(tray, number, size, seconds(oldest), seconds(newest), last)
        for tray, number, size, oldest, newest, last in connection.execute(query)
    ]


def beyond(connection: sqlite3.Connection, chosen: CapturedFilter, keep: int, limit: int) -> list[int]:
    """The oldest of those that match beyond the newest ``keep``."""
    where, values = condition(chosen)
    query = f"SELECT id FROM captured WHERE {where} ORDER BY id DESC LIMIT ? OFFSET ?"  # noqa: S608
    return [row[0] for row in connection.execute(query, (*values, limit, keep))]


def condition(chosen: CapturedFilter) -> Condition:
    """An SQL expression over ``captured`` and its parameters. Raises InvalidInput for texts that are too long."""
    terms: list[str] = []
    values: list[Any] = []

    def term(sql: str, *parameters: Any) -> None:
        terms.append(sql)
        values.extend(parameters)

    if chosen.ids is not None:
        term("id IN (SELECT value FROM json_each(?))", json.dumps(chosen.ids))
    for field, sql in _BOUNDS.items():
        if (bound := getattr(chosen, field)) is not None:
            term(sql, micros(bound) if field.startswith("received") else bound)
    for field in _EXACT:
        if exact := getattr(chosen, field):
            term(f"{field} = ?", exact)
    if chosen.trays_but is not None:
        term("tray NOT IN (SELECT value FROM json_each(?))", json.dumps(list(chosen.trays_but)))
    if chosen.by:
        term("gateway <> ''" if chosen.by == "gateway" else "gateway = ''")
    if chosen.sender:
        term(f"sender {LIKE} OR from_header {LIKE}", *[pattern(chosen.sender, "sender")] * 2)
    if chosen.recipient:
        packed, plain = pattern(_packed(chosen.recipient), "recipient"), pattern(chosen.recipient, "recipient")
        term(f"recipients {LIKE} OR to_header {LIKE}", packed, plain)
    if chosen.subject:
        term(f"subject {LIKE}", pattern(chosen.subject, "subject"))
    if chosen.text:
        _anywhere(chosen.text, terms, values)
    return " AND ".join(f"({t})" for t in terms) or "1", values


def _anywhere(text: str, terms: list[str], values: list[Any]) -> None:
    plain, packed = pattern(text, "text"), pattern(_packed(text), "text")
    columns = ("sender", "from_header", "to_header", "subject")
    alternatives = [f"{column} {LIKE}" for column in columns]
    values += [plain] * len(columns)
    alternatives += [f"recipients {LIKE}", _TEXT]
    values += [packed, plain]
    if (number := message_id(text)) is not None:
        alternatives.append("message = ?")
        values.append(number)
    terms.append(" OR ".join(alternatives))


def _packed(text: str) -> str:
    """As it stands in the packed list of recipients."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _keys(order: CapturedOrder, descending: bool) -> str:
    direction = "DESC" if descending else "ASC"
    return f"{_ORDERS[order]} {direction}" + ("" if order is CapturedOrder.AGE else f", id {direction}")


def _row(row: Sequence[Any]) -> CapturedRow:
    (
        number, message, tray, is_copy, listener, gateway, user, client, received_at, sender, recipients, from_header,
        to_header, subject, preview, attachments, size, released_at,
    ) = row  # fmt: skip
    addresses = json.loads(recipients)
    return CapturedRow(
        id=number,
        message_id=message,
        tray=tray,
        is_copy=bool(is_copy),
        listener=listener,
        gateway=gateway,
        user=user,
        client=client,
        received_at=seconds(received_at),
        sender=sender,
        recipients=tuple(addresses[:_SHOWN_RECIPIENTS]),
        recipient_count=len(addresses),
        from_header=from_header,
        to_header=to_header,
        subject=subject,
        preview=preview,
        attachment_count=attachments,
        size=size,
        released_at=None if released_at is None else seconds(released_at),
    )
