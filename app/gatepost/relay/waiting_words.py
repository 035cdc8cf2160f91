"""What mail in the spool waits for while its way out is closed: said as it is now, not as it was recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ..store.values import SpoolMessage, SpoolRow, SpoolState
from .common.plan import LaneState

LaneStateOf = Callable[[str], LaneState]


def of_rows(rows: Iterable[SpoolRow], lane_state: LaneStateOf) -> list[SpoolRow]:
    """Rows of closed lanes say why, and when it is looked at again."""
    closed = _closed((row.lane for row in rows if row.state is not SpoolState.HELD), lane_state)
    return [
        replace(row, waiting=state.reason)
        if row.state is not SpoolState.HELD and (state := closed.get(row.lane)) is not None
        else row
        for row in rows
    ]


def of_message(message: SpoolMessage, lane_state: LaneStateOf) -> SpoolMessage:
    closed = _closed((item.lane for item in message.deliveries if not item.hold), lane_state)
    if not closed:
        return message
    deliveries = tuple(
        replace(item, waiting=state.reason) if not item.hold and (state := closed.get(item.lane)) is not None else item
        for item in message.deliveries
    )
    return replace(message, deliveries=deliveries)


def _closed(lanes: Iterable[str], lane_state: LaneStateOf) -> dict[str, LaneState]:
    states = {lane: lane_state(lane) for lane in dict.fromkeys(lanes)}
    return {lane: state for lane, state in states.items() if not state.is_open}
