"""What goes out of the trays by itself: what is too old, and what is too much. Off the way of mail, a little at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ...model.capture import INBOX
from ...model.configuration import Configuration
from ...model.errors import GatepostError
from ...store.captured import CHUNK, Captured
from ...store.captured_values import CapturedFilter, CapturedOrder
from ..common.clock import Clock
from ..common.events import EventBus

log = logging.getLogger(__name__)

DAY = 86_400.0
LOOK_SECONDS = 30.0


async def prune(store: Captured, configuration: Configuration, now: float) -> int:
    """Delete what its tray does not keep any longer; how many went."""
    inbox, done = configuration.inbox, 0
    named = tuple(tray.id for tray in configuration.trays)
    for tray in configuration.trays:
        days, most = tray.keep_days or inbox.keep_days, tray.keep_messages or inbox.keep_messages
        done += await _prune(store, CapturedFilter(tray=tray.id), now - days * DAY, most)
    # What lies in a tray that was removed is kept as in the one that is always there.
    figures = await store.figures()
    for identifier in {INBOX, *(one.tray for one in figures)}.difference(named):
        done += await _prune(store, CapturedFilter(tray=identifier), now - inbox.keep_days * DAY, inbox.keep_messages)
    return done


async def _prune(store: Captured, chosen: CapturedFilter, before: float, most: int) -> int:
    done = 0
    old = CapturedFilter(tray=chosen.tray, received_before=before)
    while ids := list(await store.ids(old, CapturedOrder.AGE, descending=False, limit=CHUNK)):
        done += await store.delete_these(ids, old)
    while ids := await store.beyond(chosen, most):
        done += await store.delete_these(ids, chosen)
    return done


async def prune_for_ever(store: Captured, configuration: Callable[[], Configuration], clock: Clock, events: EventBus) -> None:
    while True:
        try:
            if done := await prune(store, configuration(), clock()):
                log.info("%d captured messages were deleted by their trays' limits", done)
                events.publish("captured.removed", count=done, tray="")
        except GatepostError as error:
            log.error("the trays cannot be looked through: %s", error)
        await asyncio.sleep(LOOK_SECONDS)
