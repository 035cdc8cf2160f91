"""Finding messages in the journal: by an index where the question allows, else newest first within bounds.

A search first names a *source* of message ids in descending order (the best index for the question, or all messages), then
takes them in growing chunks and tests each against the whole question. It stops when the page is full, when ``SCAN_ROWS``
ids were looked at, or when the time is used up; the page then says from where to go on.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..model.identifiers import row_id
from .journal_values import (
    RECIPIENTS_SHOWN,
    ROUTES,
    VERIFIED,
    EntryKind,
    JournalEntry,
    TrackedMessage,
    TrackedRecipient,
    TrackPage,
    TrackQuery,
    TrackState,
)

SCAN_ROWS = 100_000
"""Messages that one page looks at, at most."""
SCAN_SECONDS = 1.0
MAX_LIMIT = 1000
_CHUNK = 500
_LARGEST_CHUNK = 8_000
_DISORDER = 10_000
"""Ids follow arrival but for sessions that overlap: so far may the order of ids and of times differ."""
_BEYOND = "\U0010ffff"
_ADDRESS = (
    "SELECT id FROM (SELECT id FROM message WHERE sender = ? UNION"
    " SELECT message_id FROM recipient INDEXED BY recipient_address WHERE address = ? COLLATE NOCASE)"
    " WHERE id < ? AND id >= ? ORDER BY id DESC LIMIT ?"
)

Condition = tuple[str, list[Any]]


@dataclass(frozen=True, slots=True)
class _Source:
    """``sql`` selects ids below and above two bounds, descending, at most so many (the last three parameters)."""

    sql: str
    values: list[Any]


def search_page(
    connection: sqlite3.Connection, query: TrackQuery, monotonic: Callable[[], float] = time.monotonic
) -> TrackPage:
    """One page of messages, newest first."""
    limit = max(1, min(query.limit, MAX_LIMIT))
    before, lowest = _bounds(connection, query)
    source = _source(connection, query)
    where, values = _conditions(query)
    found: list[sqlite3.Row | tuple[Any, ...]] = []
    seen, chunk, ends = 0, _CHUNK, monotonic() + SCAN_SECONDS
    while True:
        size = min(chunk, SCAN_ROWS - seen)
        ids = [row[0] for row in connection.execute(source.sql, (*source.values, before, lowest, size))]
        if ids:
            wanted = limit - len(found)
            rows = connection.execute(
                "SELECT m.id, m.received_at, m.sender, m.subject, m.size, m.client, m.header FROM message m"  # noqa: S608 - fixed parts
                f" WHERE m.id IN (SELECT value FROM json_each(?)){where} ORDER BY m.id DESC LIMIT ?",
                (json.dumps(ids), *values, wanted),
            ).fetchall()
            found.extend(rows)
            if len(found) >= limit:
                return TrackPage(_tracked(connection, found), found[-1][0])
            before = ids[-1]
        seen += len(ids)
        if len(ids) < size:
            return TrackPage(_tracked(connection, found), None)
        if seen >= SCAN_ROWS or monotonic() >= ends:
            return TrackPage(_tracked(connection, found), before)
        chunk = min(chunk * 2, _LARGEST_CHUNK)


def timeline(connection: sqlite3.Connection, message_id: int) -> list[JournalEntry]:
    """Everything noted about one message, in the order in which it was noted; its arrival first."""
    story: list[JournalEntry] = []
    arrival = connection.execute("SELECT received_at, text, data FROM message WHERE id = ?", (message_id,)).fetchone()
    routes: list[JournalEntry] = []
    if arrival is not None:
        at, data = arrival[0] / 1e6, _data(arrival[2])
        verified, ways = (data.pop(VERIFIED, ()), data.pop(ROUTES, ())) if data else ((), ())
        routes = [JournalEntry(message_id, at, EntryKind.ROUTED, who, why, {"lane": lane}) for lane, who, why in ways]
        story.append(JournalEntry(message_id, at, EntryKind.RECEIVED, "", arrival[1], data))
        story.extend(JournalEntry(message_id, at, EntryKind.VERIFIED, who, words) for who, words in verified)
    rows = connection.execute(
        "SELECT at, kind, recipient, text, data FROM entry WHERE message_id = ? ORDER BY id", (message_id,)
    )
    story.extend(JournalEntry(message_id, at / 1e6, _kind(kind), who, text, _data(data)) for at, kind, who, text, data in rows)
    place = next((n for n, entry in enumerate(story) if entry.kind not in _BEFORE_ROUTING), len(story))
    story[place:place] = routes
    return story


_BEFORE_ROUTING = (EntryKind.RECEIVED, EntryKind.VERIFIED, EntryKind.SCANNED, EntryKind.REDIRECTED, EntryKind.NOTE)


def tracked(connection: sqlite3.Connection, message_id: int) -> TrackedMessage | None:
    row = connection.execute(
        "SELECT id, received_at, sender, subject, size, client, header FROM message WHERE id = ?", (message_id,)
    ).fetchone()
    return None if row is None else _tracked(connection, [row])[0]


def refusals(connection: sqlite3.Connection, text: str, limit: int, before: float | None) -> list[JournalEntry]:
    """What was refused before it became a message, newest first, among the newest ``SCAN_ROWS``."""
    like, values = _inside(text)
    rows = connection.execute(
        "SELECT at, kind, recipient, text, data FROM"  # noqa: S608 - fixed parts
        " (SELECT * FROM entry WHERE message_id = 0 AND at < ? ORDER BY id DESC LIMIT ?)"
        f" WHERE text {like} OR recipient {like} OR data {like} ORDER BY id DESC LIMIT ?",
        (_micros(before) if before is not None else 1 << 62, SCAN_ROWS, *values * 3, max(1, min(limit, MAX_LIMIT))),
    )
    return [JournalEntry(0, at / 1e6, _kind(kind), who, words, _data(data)) for at, kind, who, words, data in rows]


# --- where to look ---


def _bounds(connection: sqlite3.Connection, query: TrackQuery) -> tuple[int, int]:
    """Exclusive upper and inclusive lower bound of the ids that can match."""
    before, lowest = (1 << 62) if query.before is None else query.before, 0
    if query.until is not None:
        row = connection.execute(
            "SELECT id FROM message WHERE received_at <= ? ORDER BY received_at DESC LIMIT 1", (_micros(query.until),)
        ).fetchone()
        before = min(before, row[0] + _DISORDER) if row else 0
    if query.since is not None:
        row = connection.execute(
            "SELECT id FROM message WHERE received_at >= ? ORDER BY received_at LIMIT 1", (_micros(query.since),)
        ).fetchone()
        lowest = max(0, row[0] - _DISORDER) if row else 1 << 62
    return before, lowest


def _source(connection: sqlite3.Connection, query: TrackQuery) -> _Source:
    if query.queue_id:
        return _Source("SELECT id FROM message WHERE id = ? AND id < ? AND id >= ? LIMIT ?", [_id(query.queue_id)])
    if query.message_id_header:
        return _by_header(query.message_id_header)
    if query.text:
        if (known := _known(connection, query.text)) is not None:
            return known
    elif query.recipient and (by_index := _by_index("address COLLATE NOCASE", query.recipient)):
        condition, values = by_index
        return _Source(_recipients(condition, "recipient_address"), values)
    elif query.sender is not None and (by_index := _by_index("sender", _sender(query.sender))):
        condition, values = by_index
        return _Source(
            f"SELECT id FROM message INDEXED BY message_sender WHERE {condition}"  # noqa: S608 - fixed parts
            " AND id < ? AND id >= ? ORDER BY id DESC LIMIT ?",
            values,
        )
    elif query.state is not None and query.state is not TrackState.DELIVERED:
        return _Source(_recipients("state = ? AND state <> 'delivered'", "recipient_state"), [str(query.state)])
    return _Source("SELECT id FROM message WHERE id < ? AND id >= ? ORDER BY id DESC LIMIT ?", [])


def _known(connection: sqlite3.Connection, text: str) -> _Source | None:
    """For free text that an index answers: a Message-ID, a queue id, or an address that occurs."""
    header = _by_header(text)
    if text.startswith("<") and connection.execute(header.sql, (*header.values, 1 << 62, 0, 1)).fetchone():
        return header
    if _is_whole(text) and connection.execute(_ADDRESS, (text, text, 1 << 62, 0, 1)).fetchone():
        return _Source(_ADDRESS, [text, text])
    if len(text) >= 6 and (number := _id(text)) > 0:
        found = connection.execute("SELECT 1 FROM message WHERE id = ?", (number,)).fetchone()
        if found:
            return _Source("SELECT id FROM message WHERE id = ? AND id < ? AND id >= ? LIMIT ?", [number])
    return None


def _by_header(text: str) -> _Source:
    bare = text.strip().removeprefix("<").removesuffix(">")
    return _Source(
        "SELECT id FROM message WHERE header IN (?, ?) AND header <> '' AND id < ? AND id >= ? ORDER BY id DESC LIMIT ?",
        [f"<{bare}>", bare],
    )


def _recipients(condition: str, index: str) -> str:
    return (
        f"SELECT DISTINCT message_id FROM recipient INDEXED BY {index} WHERE {condition}"  # noqa: S608 - fixed parts
        " AND message_id < ? AND message_id >= ? ORDER BY message_id DESC LIMIT ?"
    )


def _by_index(column: str, text: str) -> Condition | None:
    if _is_whole(text):
        return f"{column} = ?", [text]
    if text.endswith("*") and len(text) > 1:
        return f"{column} >= ? AND {column} < ?", [text[:-1], text[:-1] + _BEYOND]
    return None


# --- what must match ---


def _conditions(query: TrackQuery) -> Condition:
    parts: list[str] = []
    values: list[Any] = []

    def both(sql: str, more: Iterable[Any]) -> None:
        parts.append(sql)
        values.extend(more)

    if query.since is not None:
        both("m.received_at >= ?", [_micros(query.since)])
    if query.until is not None:
        both("m.received_at <= ?", [_micros(query.until)])
    if query.queue_id:
        both("m.id = ?", [_id(query.queue_id)])
    if query.message_id_header:
        bare = query.message_id_header.strip().removeprefix("<").removesuffix(">")
        both("m.header IN (?, ?)", [f"<{bare}>", bare])
    if query.sender is not None:
        both(*_term("m.sender", _sender(query.sender)))
    if query.subject:
        both(*_like("m.subject", query.subject))
    if query.text:
        both(*_anywhere(query.text))
    recipient: list[Condition] = []
    if query.recipient:
        recipient.append(_term("r.address", query.recipient))
    if query.reply:
        recipient.append(_like("r.last_reply", query.reply))
    if query.state is not None:
        recipient.append(("r.state = ?", [str(query.state)]))
    if recipient:
        condition = " AND ".join(sql for sql, _ in recipient)
        both(
            f"EXISTS (SELECT 1 FROM recipient r WHERE r.message_id = m.id AND {condition})",  # noqa: S608 - fixed parts
            [value for _, more in recipient for value in more],
        )
    return "".join(f" AND {part}" for part in parts), values


def _anywhere(text: str) -> Condition:
    like, values = _inside(text)
    return (
        f"(m.id = ? OR m.sender {like} OR m.subject {like} OR m.header {like} OR EXISTS (SELECT 1 FROM recipient r"  # noqa: S608
        f" WHERE r.message_id = m.id AND (r.address {like} OR r.last_reply {like})))",
        [_id(text), *values * 5],
    )


def _term(column: str, text: str) -> Condition:
    """An address as a person looks for it: whole, by its beginning, or a part of it."""
    if not text or _is_whole(text):
        return f"{column} = ? COLLATE NOCASE", [text]
    if text.endswith("*"):
        return f"{column} LIKE ? ESCAPE '!'", [_escaped(text[:-1]) + "%"]
    return _like(column, text)


def _like(column: str, text: str) -> Condition:
    like, values = _inside(text)
    return f"{column} {like}", values


def _inside(text: str) -> Condition:
    return "LIKE ? ESCAPE '!'", [f"%{_escaped(text)}%"]


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _is_whole(text: str) -> bool:
    local, at, domain = text.rpartition("@")
    return bool(local and at and domain) and not text.endswith("*")


def _sender(text: str) -> str:
    return "" if text == "<>" else text


def _id(text: str) -> int:
    """The row behind a queue id; one that no message has for what is none."""
    try:
        number = row_id(text.strip())
    except ValueError:
        return -1
    return number if number < 1 << 62 else -1


def _micros(seconds: float) -> int:
    return int(seconds * 1_000_000)


# --- rows as values ---


def _tracked(connection: sqlite3.Connection, rows: Sequence[Any]) -> tuple[TrackedMessage, ...]:
    return tuple(
        TrackedMessage(
            number,
            received_at / 1e6,
            sender,
            subject,
            size,
            client,
            header,
            recipients=_recipients_of(connection, number),
            recipient_count=_count(connection, number),
        )
        for number, received_at, sender, subject, size, client, header in rows
    )


def _recipients_of(connection: sqlite3.Connection, message_id: int) -> tuple[TrackedRecipient, ...]:
    rows = connection.execute(
        "SELECT address, state, last_reply, changed_at FROM recipient WHERE message_id = ? LIMIT ?",
        (message_id, RECIPIENTS_SHOWN),
    )
    return tuple(TrackedRecipient(address, TrackState(state), reply, at / 1e6) for address, state, reply, at in rows)


def _count(connection: sqlite3.Connection, message_id: int) -> int:
    (count,) = connection.execute("SELECT count(*) FROM recipient WHERE message_id = ?", (message_id,)).fetchone()
    return int(count)


def _kind(text: str) -> EntryKind:
    """A kind that a later version wrote shows as a note."""
    try:
        return EntryKind(text)
    except ValueError:
        return EntryKind.NOTE


def _data(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    found = json.loads(text)
    return found if isinstance(found, dict) else {"value": found}
