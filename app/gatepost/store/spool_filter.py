"""A person's filter as an SQL condition on ``delivery``."""

from __future__ import annotations

import json
from typing import Any

from ..model.errors import InvalidInput, Issue
from ..model.identifiers import row_id
from .quarantine_values import QUARANTINE
from .spool_schema import DEFERRED, HELD, PART_BITS, PARTS, WAITING, micros
from .values import SpoolFilter, SpoolState

MAX_ROWS = 1000
"""Rows in one answer, at most."""
_MAX_TEXT = 1000
_NUMBERS = {SpoolState.WAITING: WAITING, SpoolState.DEFERRED: DEFERRED, SpoolState.HELD: HELD}
LIKE = "LIKE ? ESCAPE '\\'"
# Elements are [id, address, notify, orcpt, state, reply]; see spool_rows.
_RECIPIENT = f"""CASE WHEN substr(recipients, 1, 1) = '[' THEN EXISTS (
    SELECT 1 FROM json_each(delivery.recipients) r
    WHERE json_extract(r.value, '$[4]') = 0 AND json_extract(r.value, '$[1]') {LIKE})
    ELSE recipients {LIKE} END"""  # noqa: S608
_REPLY = f"""last_reply {LIKE} OR CASE WHEN substr(recipients, 1, 1) = '[' THEN EXISTS (
    SELECT 1 FROM json_each(delivery.recipients) r WHERE json_extract(r.value, '$[5]') {LIKE}) ELSE 0 END"""  # noqa: S608

Condition = tuple[str, list[Any]]


def condition(chosen: SpoolFilter) -> Condition:
    """An SQL expression over ``delivery`` and its parameters. Raises InvalidInput for texts that are too long."""
    terms: list[str] = []
    values: list[Any] = []

    def term(sql: str, *parameters: Any) -> None:
        terms.append(sql)
        values.extend(parameters)

    def like(field: str, sql: str, count: int = 1) -> None:
        text = getattr(chosen, field)
        if text:
            term(sql, *[pattern(text, field)] * count)

    if chosen.ids is not None:
        term("id IN (SELECT value FROM json_each(?))", json.dumps(chosen.ids))
    if chosen.message_ids is not None:
        term(
            f"id IN (SELECT d.id FROM json_each(?) m JOIN delivery d"  # noqa: S608
            f" ON d.id BETWEEN m.value << {PART_BITS} AND (m.value << {PART_BITS}) + {PARTS - 1})",
            json.dumps(chosen.message_ids),
        )
    if chosen.quarantined:
        term(f"state = {HELD} AND substr(hold, 1, {len(QUARANTINE)}) = ?", QUARANTINE)
    if chosen.state is not None:
        term("state = ?", _NUMBERS[chosen.state])
    if chosen.lane:
        term("lane = ?", chosen.lane)
    if chosen.gateway:
        term("(lane IN (?, ?) OR pinned_gateway = ?)", f"gateway:{chosen.gateway}", f"inbound:{chosen.gateway}", chosen.gateway)
    like("sender", f"sender {LIKE}")
    like("recipient", _RECIPIENT, 2)
    like("subject", f"subject {LIKE}")
    like("reply", _REPLY, 2)
    if chosen.text:
        _text(chosen.text, terms, values)
    for field, sql in _BOUNDS.items():
        if (bound := getattr(chosen, field)) is not None:
            term(sql, micros(bound) if field.startswith("received") else bound)
    return " AND ".join(f"({t})" for t in terms) or "1", values


_BOUNDS = {
    "received_after": "received_at >= ?",
    "received_before": "received_at < ?",
    "min_size": "size >= ?",
    "max_size": "size <= ?",
    "min_attempts": "attempts >= ?",
}


def _text(text: str, terms: list[str], values: list[Any]) -> None:
    wanted = pattern(text, "text")
    alternatives = [f"sender {LIKE}", f"subject {LIKE}", _RECIPIENT]
    values += [wanted] * 4
    if (number := message_id(text)) is not None:
        alternatives.append(f"id >> {PART_BITS} = ?")
        values.append(number)
    terms.append(" OR ".join(alternatives))


def message_id(text: str) -> int | None:
    """The message that ``text`` names, if it could be a queue id."""
    try:
        number = row_id(text)
    except ValueError:
        return None
    return number if number < 1 << 63 - PART_BITS else None


def pattern(text: str, field: str) -> str:
    """For ``LIKE``: ``text`` anywhere. Raises InvalidInput naming ``field`` when it is too long."""
    if len(text) > _MAX_TEXT:
        raise InvalidInput([Issue(field, f"is longer than {_MAX_TEXT} characters", "too-long")])
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
