"""A batch of journal rows as SQL: few large statements, because each statement that SQLite runs gives up and takes back
the interpreter's lock, for which the busy loop competes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from .journal_values import STATE_AFTER, TrackState

Received = tuple[int, float, str, str, int, str, str, Sequence[str], str, Any]
"""id, received_at, sender, subject, size, client, Message-ID, recipients, text, data."""
Entry = tuple[int, float, str, str, str, Any]
"""message_id, at, kind, recipient, text, data."""

MAX_TEXT = 2000
"""Characters of a reply, a subject or a text; longer ones are cut."""
MAX_DATA = 65_536
"""Characters of JSON; a longer dialogue keeps its beginning."""

_CHUNKS = (256, 64, 16, 4, 1)
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode
_STATE_AFTER = {str(kind): str(state) for kind, state in STATE_AFTER.items()}

_MESSAGE = "INSERT OR REPLACE INTO message (id, received_at, sender, subject, size, client, header, text, data) VALUES "
_ENTRY = "INSERT INTO entry (message_id, at, kind, recipient, text, data) VALUES "
_RECIPIENT = "INSERT INTO recipient (message_id, address, state, last_reply, changed_at) VALUES "
_NEW = " ON CONFLICT (message_id, address) DO NOTHING"
_FINAL = frozenset(str(state) for state in TrackState if state.is_final)
_FOR_ALL = (
    "UPDATE recipient SET state = ?, last_reply = ?, changed_at = ?"
    " WHERE message_id = ? AND state NOT IN ('delivered', 'bounced', 'deleted', 'captured')"
)
_CHANGED = (
    " ON CONFLICT (message_id, address) DO UPDATE SET"
    " state = excluded.state, last_reply = excluded.last_reply, changed_at = excluded.changed_at"
    " WHERE state NOT IN ('delivered', 'bounced', 'deleted', 'captured')"
    " OR excluded.state IN ('delivered', 'bounced', 'captured') OR (excluded.state = 'deferred' AND state != 'deleted')"
)
"""As ``_keeps`` says."""


def _keeps(state: str, later: str) -> bool:
    """Whether a recipient keeps its state although something else is noted later.

    What people do is noted once it is done: some of the mail may be through by then. What was deleted on its way waits for
    no other attempt. Any other final state gives way to a deferral: after a crash the message may be on its way again.
    """
    if state not in _FINAL or later in (TrackState.DELIVERED, TrackState.BOUNCED, TrackState.CAPTURED):
        return False
    return later != TrackState.DEFERRED or state == TrackState.DELETED


def write_batch(connection: sqlite3.Connection, received: Sequence[Received], entries: Sequence[Entry]) -> None:
    """Insert both, in the caller's transaction. Arrivals set no state that is known already, whichever was noted first.

    Text that cannot be encoded is written with replacement characters. Raises sqlite3.Error, and for a value of the wrong
    type or size TypeError, ValueError, OverflowError or sqlite3.ProgrammingError.
    """
    connection.execute("SAVEPOINT batch")
    try:
        _write(connection, received, entries, str)
    except UnicodeEncodeError:
        connection.execute("ROLLBACK TO batch")
        _write(connection, received, entries, _encodable)
    connection.execute("RELEASE batch")


def _write(
    connection: sqlite3.Connection, received: Sequence[Received], entries: Sequence[Entry], text: Callable[[str], str]
) -> None:
    changes: dict[tuple[int, str], tuple[int, str, str, str, int]] = {}
    common: list[tuple[int, str, str, int]] = []
    rows: list[tuple[Any, ...]] = []
    for message_id, at, kind, recipient, words, data in entries:
        moment = int(at * 1_000_000)
        words, recipient = text(words[:MAX_TEXT]), text(recipient)
        rows.append((message_id, moment, str(kind), recipient, words, None if data is None else text(_json(data))))
        if (state := _STATE_AFTER.get(kind)) is None or not message_id:
            continue
        if recipient:
            earlier = changes.get((message_id, recipient))
            if earlier is None or not _keeps(earlier[2], state):
                changes[message_id, recipient] = (message_id, recipient, state, words, moment)
        else:
            common.append((message_id, state, words, moment))
    messages: list[tuple[Any, ...]] = []
    arrivals: list[tuple[Any, ...]] = []
    waiting = str(TrackState.WAITING)
    for message_id, at, sender, subject, size, client, header, recipients, words, data in received:
        moment = int(at * 1_000_000)
        arrivals.extend((message_id, text(address), waiting, "", moment) for address in recipients)
        messages.append(
            (
                message_id,
                moment,
                text(sender),
                text(subject[:MAX_TEXT]),
                size,
                text(client),
                text(header[:MAX_TEXT]),
                text(words[:MAX_TEXT]),
                None if data is None else text(_json(data)),
            )
        )
    _insert(connection, _MESSAGE, "", messages)
    if common:
        _insert(connection, _RECIPIENT, _NEW, arrivals)
        _change_in_order(connection, entries, text)
    else:
        # What arrived and left within this batch is written once, in its last state.
        _insert(connection, _RECIPIENT, _NEW, [row for row in arrivals if (row[0], row[1]) not in changes])
        _insert(connection, _RECIPIENT, _CHANGED, list(changes.values()))
    _insert(connection, _ENTRY, "", rows)


def _change_in_order(
    connection: sqlite3.Connection,
    entries: Sequence[Entry],
    text: Callable[[str], str],
) -> None:
    """Changes of one recipient and of all recipients of a message meet in this batch: their order decides.

    A change for all leaves alone what is already final.
    """
    for message_id, at, kind, recipient, words, _ in entries:
        if (state := _STATE_AFTER.get(kind)) is None or not message_id:
            continue
        moment, words, recipient = int(at * 1_000_000), text(words[:MAX_TEXT]), text(recipient)
        if recipient:
            _insert(connection, _RECIPIENT, _CHANGED, [(message_id, recipient, state, words, moment)])
        else:
            connection.execute(_FOR_ALL, (state, words, moment, message_id))


def _insert(connection: sqlite3.Connection, head: str, tail: str, rows: Sequence[tuple[Any, ...]]) -> None:
    start, left = 0, len(rows)
    while left:
        count = next(size for size in _CHUNKS if size <= left)
        chunk = rows[start : start + count]
        connection.execute(_statement(head, tail, len(chunk[0]), count), [value for row in chunk for value in row])
        start += count
        left -= count


@lru_cache(maxsize=64)
def _statement(head: str, tail: str, columns: int, rows: int) -> str:
    return head + ",".join(["(" + ",".join("?" * columns) + ")"] * rows) + tail


def _json(data: Any) -> str:
    text = _encode(data)
    if len(text) <= MAX_DATA:
        return text
    return json.dumps({"cut": text[: MAX_DATA // 2]}, ensure_ascii=False)  # quotes double at most


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def guilty(
    connection: sqlite3.Connection, received: Sequence[Received], entries: Sequence[Entry]
) -> Iterable[tuple[str, Exception]]:
    """Write one by one what could not be written together; what still fails, and why. In the caller's transaction."""
    for kind, items in (("received", received), ("entry", entries)):
        for item in items:
            connection.execute("SAVEPOINT single")
            try:
                if kind == "received":
                    write_batch(connection, [item], [])  # type: ignore[list-item]
                else:
                    write_batch(connection, [], [item])  # type: ignore[list-item]
            except sqlite3.OperationalError:
                raise  # the disk's fault, not the row's
            except Exception as error:
                connection.execute("ROLLBACK TO single")
                yield kind, error
            connection.execute("RELEASE single")
