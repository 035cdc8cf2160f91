"""The spool as people work on it: what there is, why it waits, and what is done with it."""

from __future__ import annotations

import logging
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..model.errors import InvalidInput, Issue, NotFound
from ..model.report import SpoolOperation
from ..store.journal_values import EntryKind
from ..store.values import SpoolCounts, SpoolFilter, SpoolMessage, SpoolOrder, SpoolRow
from . import waiting_words

if TYPE_CHECKING:
    from .service import RelayService

log = logging.getLogger(__name__)

NOTED_ACTIONS = {
    SpoolOperation.RETRY: EntryKind.RETRIED,
    SpoolOperation.HOLD: EntryKind.HELD,
    SpoolOperation.RELEASE: EntryKind.RELEASED,
    SpoolOperation.REROUTE: EntryKind.REROUTED,
    SpoolOperation.DELETE: EntryKind.DELETED,
}
NOTED_AT_MOST = 1000
"""Deliveries of one operation that get a journal entry each; of larger ones the log says how many."""


class SpoolDesk:
    """Implements ``control.server.facade.SpoolFacade``."""

    def __init__(self, service: RelayService) -> None:
        self._service = service

    async def counts(self) -> SpoolCounts:
        return self._service.spool.counts()

    async def list(
        self, chosen: SpoolFilter, *, order: SpoolOrder, descending: bool, offset: int, limit: int
    ) -> Sequence[SpoolRow]:
        rows = await self._service.spool.list(chosen, order, descending=descending, offset=offset, limit=limit)
        return waiting_words.of_rows(rows, self._service.router.lane_state)

    async def count(self, chosen: SpoolFilter) -> int:
        return await self._service.spool.count(chosen)

    async def ids(self, chosen: SpoolFilter, *, order: SpoolOrder, descending: bool, limit: int) -> array[int]:
        return await self._service.spool.ids(chosen, order, descending=descending, limit=limit)

    async def message(self, message_id: int) -> SpoolMessage | None:
        try:
            found = await self._service.spool.get(message_id)
            return waiting_words.of_message(found, self._service.router.lane_state)
        except NotFound:
            return None

    async def content(self, message_id: int) -> bytes | Path:
        content = await self._service.spool.load_content(message_id)
        return content if isinstance(content, bytes) else content.path

    async def operate(
        self,
        operation: SpoolOperation,
        chosen: SpoolFilter,
        *,
        author: str,
        gateway: str | None = None,
        priority: int | None = None,
        reason: str = "",
    ) -> int:
        service, spool = self._service, self._service.spool
        if operation is SpoolOperation.REROUTE and gateway is not None and service.configuration.gateway(gateway) is None:
            raise InvalidInput([Issue("gateway", f"there is no gateway “{gateway}”", "unknown-gateway")])
        if operation is SpoolOperation.PRIORITY and priority is None:
            raise InvalidInput([Issue("priority", "a priority is needed")])
        concerned = await spool.ids(chosen, SpoolOrder.AGE, descending=False, limit=NOTED_AT_MOST)
        rows = await spool.list(SpoolFilter(ids=tuple(concerned)), limit=NOTED_AT_MOST) if concerned else []
        queue, quarantined = service.queue, spool.counts().quarantined
        match operation:
            case SpoolOperation.RETRY:
                count = await queue.retry_now(chosen)
            case SpoolOperation.HOLD:
                count = await queue.hold(chosen, reason or f"held by {author}")
            case SpoolOperation.RELEASE:
                count = await queue.release(chosen)
            case SpoolOperation.REROUTE:
                count = await queue.reroute(chosen, gateway)
            case SpoolOperation.PRIORITY:
                count = await queue.set_priority(chosen, priority or 0)
            case SpoolOperation.FAIL:
                count = await queue.fail_now(chosen, reason)
            case SpoolOperation.DELETE:
                count = await queue.delete(chosen)
        service.events.publish("spool.edited", operation=operation.value, count=count)
        if service.spool.counts().quarantined != quarantined:
            service.events.publish("quarantine.changed", operation=operation.value, count=count)
        self._note(operation, rows, author, gateway, reason)
        log.info("%s: %s of %d deliveries", author, operation.value, count)
        return count

    def _note(self, operation: SpoolOperation, rows: Sequence[SpoolRow], author: str, gateway: str | None, reason: str) -> None:
        kind = NOTED_ACTIONS.get(operation)
        if kind is None:
            return
        now = self._service.clock()
        words = f"{operation.value} by {author}" + (f": {reason}" if reason else "")
        if operation is SpoolOperation.REROUTE:
            known = self._service.configuration.gateway(gateway) if gateway else None
            words += f", to {known.label}" if known is not None else ", by the rules again"
        for row in rows:
            for recipient in row.recipients or ("",):
                self._service.journal.add(row.message_id, now, kind, recipient, words)
