"""The spool's test inbox: captured mail, as durable as what is accepted for delivery.

What ``keep`` resolved survives a power cut, like what ``Spool.submit`` did: it goes through the same writer into the same file.
``keep_beside`` keeps a copy in the same transaction in which a message is accepted, so that there is both or neither.
"""

from __future__ import annotations

import asyncio
import builtins
from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..model.errors import NotFound
from . import spool_captured
from .bodies import Bodies, BodyFile
from .captured_values import (
    CapturedEntry,
    CapturedFilter,
    CapturedOrder,
    CapturedRow,
    NewCaptured,
    TrayFigures,
)
from .readers import Readers
from .spool_counts import SpoolUnit
from .spool_insert import Insert, check_parts
from .values import NewMessage, StoredMessage
from .writer import Connection, Writer

CHUNK = 200
"""Messages deleted in one operation."""


class Captured:
    """Made by ``Spool``, which it belongs to."""

    def __init__(self, writer: Writer, readers: Readers, unit: SpoolUnit, insert: Insert, bodies: Bodies) -> None:
        self._writer = writer
        self._readers = readers
        self._unit = unit
        self._insert = insert
        self._bodies = bodies

    # Keeping

    def keep(self, new: NewCaptured) -> asyncio.Future[int | None]:
        """Durable when the future resolves, with its number; None when the same occasion was kept before.

        Errors: SpoolFull, StoreError; then nothing was kept. Cancelling the waiter does not cancel the operation.
        """
        kept = self._writer.submit(lambda connection: spool_captured.put_in(connection, new, self._unit))
        kept.add_done_callback(lambda done: _discard_unkept(done, [new.content]))
        return kept

    def keep_beside(
        self, copies: Sequence[NewCaptured], messages: Sequence[NewMessage]
    ) -> asyncio.Future[tuple[list[int | None], list[StoredMessage]]]:
        """Accept messages for delivery and keep copies of them, all or nothing. Every message needs an id."""
        for message in messages:
            check_parts(message)

        def both(connection: Connection) -> tuple[list[int | None], list[StoredMessage]]:
            numbers = [spool_captured.put_in(connection, new, self._unit) for new in copies]
            return numbers, self._insert.run(connection, messages)

        kept = self._writer.submit(both)
        contents = [*(new.content for new in copies), *(message.content for message in messages)]
        kept.add_done_callback(lambda done: _discard_unkept(done, contents))
        return kept

    async def second_name(self, content: bytes | BodyFile) -> bytes | BodyFile:
        """The same content once more, to be kept by another row."""
        return await self._bodies.copy(content) if isinstance(content, BodyFile) else content

    async def mark_released(self, number: int, at: float) -> None:
        await self._writer.submit(lambda connection: spool_captured.mark_released(connection, number, at))

    async def delete(self, chosen: CapturedFilter) -> builtins.list[int]:
        """Delete all that match, some at a time; the numbers of those that were deleted."""
        deleted: list[int] = []
        last = await self.last_id()
        while True:
            after = deleted[-1] if deleted else (chosen.after or 0)
            before = min(last + 1, chosen.before) if chosen.before is not None else last + 1
            page = replace(chosen, after=after, before=before)
            ids = list(await self.ids(page, CapturedOrder.AGE, descending=False, limit=CHUNK))
            if not ids:
                return deleted
            await self.delete_these(ids, chosen)
            deleted += ids

    async def delete_these(self, ids: Sequence[int], chosen: CapturedFilter = CapturedFilter()) -> int:  # noqa: B008
        """Of a handful of ids, those that still match; how many there were."""
        unit = self._unit
        return await self._writer.submit(lambda connection: spool_captured.take_out(connection, ids, chosen, unit))

    # Reading

    async def list(
        self,
        chosen: CapturedFilter,
        order: CapturedOrder = CapturedOrder.AGE,
        *,
        descending: bool = True,
        offset: int = 0,
        limit: int = 100,
    ) -> builtins.list[CapturedRow]:
        """One page; at most ``spool_filter.MAX_ROWS``. Raises InvalidInput for a filter that cannot be."""
        return await self._readers.run(lambda c: spool_captured.list_rows(c, chosen, order, descending, offset, limit))

    async def ids(self, chosen: CapturedFilter, order: CapturedOrder, *, descending: bool, limit: int) -> array[int]:
        return await self._readers.run(lambda c: spool_captured.ids_in_order(c, chosen, order, descending, limit))

    async def count(self, chosen: CapturedFilter) -> int:
        return await self._readers.run(lambda c: spool_captured.count(c, chosen))

    async def last_id(self) -> int:
        """The highest number ever given, also of what is gone."""
        return await self._readers.run(spool_captured.last_id)

    async def entry(self, number: int) -> CapturedEntry:
        """Raises NotFound."""
        found = await self._readers.run(lambda c: spool_captured.get(c, number, self._bodies))
        if found is None:
            raise NotFound("This message is not in the test inbox.", "It was deleted, or its time was over.")
        return found

    async def holds_copy(self, message_id: int, gateway: str, addresses: Sequence[str]) -> bool:
        """Whether a copy of this message for all these recipients was kept for the gateway. Looks through all that is kept."""
        return await self._readers.run(lambda c: spool_captured.holds_copy(c, message_id, gateway, addresses))

    async def figures(self) -> builtins.list[TrayFigures]:
        return await self._readers.run(spool_captured.figures)

    async def beyond(self, chosen: CapturedFilter, keep: int, limit: int = CHUNK) -> builtins.list[int]:
        """Of those that match all but the newest ``keep``, some at a time."""
        return await self._readers.run(lambda c: spool_captured.beyond(c, chosen, keep, limit))


def _discard_unkept(done: asyncio.Future[Any], contents: Sequence[bytes | BodyFile]) -> None:
    if done.cancelled() or done.exception() is None:  # the operation stands even when its waiter was cancelled
        return
    for content in contents:
        if isinstance(content, BodyFile):
            content.discard()
