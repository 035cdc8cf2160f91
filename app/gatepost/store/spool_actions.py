"""What people do to a selection: retry, hold, release, send by another gateway, change priority, delete.

Each function changes a handful of deliveries on the writer's connection, checking the filter again, for they may have
changed since they were chosen. ``Spool`` walks through a selection in such handfuls, so that no commit waits for long.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from .spool_counts import SpoolUnit
from .spool_filter import condition
from .spool_quarantine import take_out
from .spool_record import forget
from .spool_rows import clean
from .spool_schema import DEFERRED, HELD, NEVER, WAITING, micros
from .values import SpoolFilter

CHUNK = 250
"""Deliveries changed in one operation: about 10 ms."""

Change = Callable[[sqlite3.Connection, Sequence[int]], int]
"""Applied to delivery ids; returns how many it changed."""


class Actions:
    """Makes the changes; ``chosen`` is the filter that the ids came from."""

    def __init__(self, unit: SpoolUnit, clock: Callable[[], float]) -> None:
        self._unit = unit
        self._clock = clock

    def retry_now(self, chosen: SpoolFilter) -> Change:
        """Due at once; held ones stay held."""
        return self._change(chosen, f"state < {HELD}", "due_at = ?, waiting = ''", lambda now: [now])

    def hold(self, chosen: SpoolFilter, reason: str) -> Change:
        return self._change(
            chosen,
            f"state < {HELD}",
            f"state = {HELD}, hold = ?, held_at = ?, due_at = {NEVER}, alarm_at = {NEVER}, waiting = 'release'",
            lambda now: [clean(reason) or "held", now],
        )

    def release(self, chosen: SpoolFilter) -> Change:
        """Due at once. The time on hold does not count against the lifetime."""
        # In an UPDATE every expression sees the old values.
        gained = "expires_at + max(0, ?1 - ifnull(held_at, received_at))"
        return self._change(
            chosen,
            f"state = {HELD}",
            f"state = CASE WHEN attempts > 0 THEN {DEFERRED} ELSE {WAITING} END, hold = '', waiting = '', held_at = NULL,"
            f" due_at = ?1, expires_at = {gained}, alarm_at = min({gained}, ifnull(delay_notice_at, {NEVER}))",
            lambda now: [now],
            numbered=True,
        )

    def reroute(self, chosen: SpoolFilter, gateway: str | None, lane: str) -> Change:
        """Pin to a gateway and its lane, due at once; with None only the pin goes and the lane stays (see ``relane``)."""
        if gateway is None:
            return self._change(chosen, "pinned_gateway IS NOT NULL", "pinned_gateway = NULL", lambda now: [])
        return self._change(
            chosen,
            "1",
            f"pinned_gateway = ?, lane = ?, due_at = CASE WHEN state = {HELD} THEN due_at ELSE ? END,"
            f" waiting = CASE WHEN state = {HELD} THEN waiting ELSE '' END",
            lambda now: [gateway, lane, now],
        )

    def set_priority(self, chosen: SpoolFilter, priority: int) -> Change:
        return self._change(chosen, "rank <> ?", "rank = ?", lambda now: [-priority], extra=[-priority])

    def delete(self, chosen: SpoolFilter) -> Change:
        def change(connection: sqlite3.Connection, ids: Sequence[int]) -> int:
            where, values = condition(chosen)
            query = f"SELECT id FROM delivery WHERE id IN (SELECT value FROM json_each(?)) AND ({where})"  # noqa: S608
            matching = [row[0] for row in connection.execute(query, (json.dumps(ids), *values))]
            return len(forget(connection, matching, self._unit))

        return change

    def _change(
        self,
        chosen: SpoolFilter,
        only: str,
        assignments: str,
        values_at: Callable[[int], list[Any]],
        *,
        extra: Sequence[Any] = (),
        numbered: bool = False,
    ) -> Change:
        where, where_values = condition(chosen)
        select = (
            "SELECT json_group_array(json_array(id, lane, state, rank)) FROM delivery"  # noqa: S608
            f" WHERE id IN (SELECT value FROM json_each(?)) AND ({only}) AND ({where})"
        )
        ids_parameter = "?2" if numbered else "?"
        update = f"UPDATE delivery SET {assignments} WHERE id IN (SELECT value FROM json_each({ids_parameter}))"  # noqa: S608
        after = (
            "SELECT json_group_array(json_array(lane, state, rank)) FROM delivery WHERE id IN (SELECT value FROM json_each(?))"
        )

        def change(connection: sqlite3.Connection, ids: Sequence[int]) -> int:
            found = json.loads(connection.execute(select, (json.dumps(ids), *extra, *where_values)).fetchone()[0])
            if not found:
                return 0
            matching = json.dumps([row[0] for row in found])
            connection.execute(update, (*values_at(micros(self._clock())), matching))
            for _, lane, state, rank in found:
                self._unit.add((lane, state, rank), -1)
            for lane, state, rank in json.loads(connection.execute(after, (matching,)).fetchone()[0]):
                self._unit.add((lane, state, rank))
            if self._unit.has_quarantine:
                self._unit.quarantined(-take_out(connection, (row[0] for row in found)))
            return len(found)

        return change
