"""The quarantine: lists, one message with its arithmetic, release and delete."""

from __future__ import annotations

import logging
from typing import Any

from aiohttp import web

from ....model.errors import InvalidInput, Issue
from ....store.quarantine_values import QuarantineFilter, QuarantineKind, QuarantineOrder
from ... import spool_schema
from ..call import Call
from . import spool

log = logging.getLogger(__name__)


def filter_of(body: spool_schema.QuarantineFilter) -> QuarantineFilter:
    values = body.model_dump(exclude={"ids", "queue_ids", "kind"})
    ids = body.ids
    if body.queue_ids is not None:
        named = tuple(spool.message_id_of(text) for text in body.queue_ids)
        ids = named if ids is None else tuple(set(ids) & set(named))
    return QuarantineFilter(**values, ids=ids, kind=QuarantineKind(body.kind) if body.kind else None)


async def rows(call: Call) -> Any:
    body: spool_schema.QuarantineListRequest = call.body
    return await call.facade.quarantine.list(
        filter_of(body.filter),
        order=QuarantineOrder(body.order),
        descending=body.descending,
        offset=body.offset,
        limit=body.limit,
    )


async def count(call: Call) -> spool_schema.SpoolCount:
    return spool_schema.SpoolCount(count=await call.facade.quarantine.count(filter_of(call.body.filter)))


async def ids(call: Call) -> list[int] | web.Response:
    body: spool_schema.QuarantineIdsRequest = call.body
    found = await call.facade.quarantine.ids(
        filter_of(body.filter), order=QuarantineOrder(body.order), descending=body.descending, limit=body.limit
    )
    return spool.compact_ids(found) if spool.wants_compact(call.request) else list(found)


async def entry(call: Call) -> Any:
    return await call.facade.quarantine.entry(call.message_id())


async def content(call: Call) -> web.StreamResponse:
    """As it was received, with what inspection put on top. Only of what is in quarantine."""
    await call.facade.quarantine.entry(call.message_id())
    return await spool.content(call)


async def operate(call: Call) -> spool_schema.Operated:
    body: spool_schema.QuarantineOperateRequest = call.body
    if body.filter.is_everything and not body.everything:
        raise InvalidInput(
            [Issue("everything", "without a filter this concerns the whole quarantine: confirm it with everything")]
        )
    chosen = filter_of(body.filter)
    if body.dry_run:
        return spool_schema.Operated(count=await call.facade.quarantine.count(chosen), dry_run=True)
    return spool_schema.Operated(count=await call.facade.quarantine.operate(body.operation, chosen, author=call.author))
