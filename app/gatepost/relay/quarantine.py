"""The quarantine as people work on it: release, release and allow the sender, delete; and its end by itself."""

from __future__ import annotations

import asyncio
import builtins
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..model.configuration import Configuration
from ..model.errors import GatepostError, InvalidInput, Issue
from ..model.report import QuarantineOperation
from ..store.journal_values import EntryKind
from ..store.quarantine_values import QuarantineEntry, QuarantineFilter, QuarantineOrder, QuarantineRow
from ..store.values import SpoolFilter

if TYPE_CHECKING:
    from array import array

    from .administration import Administration
    from .service import RelayService

log = logging.getLogger(__name__)

CHUNK = 200
"""Messages that one step concerns."""
EXPIRY_SECONDS = 60.0
MAX_ALLOWED_AT_ONCE = 100
"""Senders that one operation may allow: a list of them is looked through for each message."""
_WORDS = {
    QuarantineOperation.RELEASE: "released from quarantine",
    QuarantineOperation.RELEASE_AND_ALLOW: "released from quarantine, its sender allowed",
    QuarantineOperation.DELETE: "deleted from quarantine",
}


class QuarantineDesk:
    """Implements ``control.server.facade.QuarantineFacade``."""

    def __init__(self, service: RelayService, administration: Administration) -> None:
        self._service = service
        self._administration = administration

    async def list(
        self, chosen: QuarantineFilter, *, order: QuarantineOrder, descending: bool, offset: int, limit: int
    ) -> Sequence[QuarantineRow]:
        return await self._service.spool.quarantine_list(chosen, order, descending=descending, offset=offset, limit=limit)

    async def ids(self, chosen: QuarantineFilter, *, order: QuarantineOrder, descending: bool, limit: int) -> array[int]:
        return await self._service.spool.quarantine_ids(chosen, order, descending=descending, limit=limit)

    async def count(self, chosen: QuarantineFilter) -> int:
        return await self._service.spool.quarantine_count(chosen)

    async def entry(self, message_id: int) -> QuarantineEntry:
        return await self._service.spool.quarantine_entry(message_id)

    async def operate(self, operation: QuarantineOperation, chosen: QuarantineFilter, *, author: str) -> int:
        """Messages that were in quarantine and are no more."""
        if operation is QuarantineOperation.RELEASE_AND_ALLOW:
            await self._allow(chosen, author)
        done = await take_out(self._service, operation, chosen, f"{_WORDS[operation]} by {author}")
        log.info("%s: %s of %d messages in quarantine", author, operation.value, done)
        return done

    async def _allow(self, chosen: QuarantineFilter, author: str) -> None:
        senders = await self._senders(chosen)
        if not senders:
            raise InvalidInput(
                [Issue("filter", "the null sender cannot be allowed: spam is sent under it, too", "null-sender")]
            )

        def allow(current: Configuration) -> Configuration:
            known = current.spam.allowed_senders
            added = tuple(sender for sender in senders if sender not in known)
            if not added:
                return current
            return current.model_copy(update={"spam": current.spam.model_copy(update={"allowed_senders": (*known, *added)})})

        await self._administration.change(allow, author=author, note=f"allowed {', '.join(senders)[:200]}")

    async def _senders(self, chosen: QuarantineFilter) -> builtins.list[str]:
        found: dict[str, None] = {}
        offset = 0
        while True:
            rows = await self._service.spool.quarantine_list(
                chosen, QuarantineOrder.AGE, descending=False, offset=offset, limit=CHUNK
            )
            found.update((row.sender, None) for row in rows if row.sender)
            if len(found) > MAX_ALLOWED_AT_ONCE:
                raise InvalidInput(
                    [Issue("filter", f"these are more than {MAX_ALLOWED_AT_ONCE} senders: choose fewer messages", "too-many")]
                )
            if len(rows) < CHUNK:
                return [*found]
            offset += CHUNK


async def take_out(service: RelayService, operation: QuarantineOperation, chosen: QuarantineFilter, words: str) -> int:
    """Walk through all that match, some at a time; each gets its journal entry."""
    kind = EntryKind.DELETED if operation is QuarantineOperation.DELETE else EntryKind.RELEASED
    act = service.queue.delete if operation is QuarantineOperation.DELETE else service.queue.release
    after, done = -1, 0
    while ids := await service.spool.quarantine_after(chosen, after, CHUNK):
        await act(SpoolFilter(message_ids=tuple(ids), quarantined=True))
        left = set(await service.spool.quarantine_after(QuarantineFilter(ids=tuple(ids)), -1, CHUNK))
        now = service.clock()
        for message_id in ids:
            if message_id not in left:
                service.journal.add(message_id, now, kind, "", words)
                done += 1
        after = ids[-1]
    if done:
        service.events.publish("quarantine.changed", operation=operation.value, count=done)
    return done


async def expire(service: RelayService) -> int:
    """Delete what nobody has released within its days."""
    done = 0
    while ended := await service.spool.fetch_hold_ended(service.clock(), CHUNK):
        ids = tuple({delivery.message_id for delivery in ended})
        removed = await take_out(
            service, QuarantineOperation.DELETE, QuarantineFilter(ids=ids), "deleted: its time in quarantine is over"
        )
        if not removed:
            log.error("%d messages whose time in quarantine is over cannot be deleted", len(ids))
            break
        done += removed
    return done


async def expire_for_ever(service: RelayService) -> None:
    while True:
        try:
            if done := await expire(service):
                log.info("%d messages were deleted at the end of their quarantine", done)
        except GatepostError as error:
            log.error("the quarantine cannot be looked through: %s", error)
        await asyncio.sleep(EXPIRY_SECONDS)
