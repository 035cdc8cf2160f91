"""The spool: lists, counts, one message, operations on all that match."""

from __future__ import annotations

import asyncio
import logging
import sys
from array import array
from pathlib import Path
from typing import Any

from aiohttp import web

from ....model.errors import InvalidInput, Issue, NotFound
from ....model.identifiers import row_id
from ....model.report import SpoolOperation
from ....store.values import SpoolFilter, SpoolOrder, SpoolState
from ... import schema, spool_schema
from ..call import Call

log = logging.getLogger(__name__)

_CHUNK = 262_144
DOWNLOAD = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def filter_of(body: spool_schema.Filter) -> SpoolFilter:
    values = body.model_dump(exclude={"queue_ids", "state"})
    return SpoolFilter(
        **values,
        message_ids=tuple(message_id_of(text) for text in body.queue_ids) if body.queue_ids is not None else None,
        state=SpoolState(body.state) if body.state else None,
    )


def message_id_of(text: str) -> int:
    """Raises InvalidInput for what is no queue id."""
    try:
        if len(text) > 12:
            raise ValueError(text)
        return row_id(text)
    except ValueError:
        raise InvalidInput([Issue("filter.queue_ids", f"“{text}” is not a queue id")]) from None


async def counts(call: Call) -> Any:
    return await call.facade.spool.counts()


async def rows(call: Call) -> Any:
    body: spool_schema.ListRequest = call.body
    return await call.facade.spool.list(
        filter_of(body.filter),
        order=SpoolOrder(body.order),
        descending=body.descending,
        offset=body.offset,
        limit=body.limit,
    )


async def count(call: Call) -> spool_schema.SpoolCount:
    return spool_schema.SpoolCount(count=await call.facade.spool.count(filter_of(call.body.filter)))


async def ids(call: Call) -> list[int] | web.Response:
    """JSON, or what a list of a million rows wants: numbers of 8 octets, which neither side has to read one by one."""
    body: spool_schema.IdsRequest = call.body
    found = await call.facade.spool.ids(
        filter_of(body.filter), order=SpoolOrder(body.order), descending=body.descending, limit=body.limit
    )
    return compact_ids(found) if wants_compact(call.request) else list(found)


def wants_compact(request: web.Request) -> bool:
    return request.headers.get("Accept", "") == schema.COMPACT_IDS


def compact_ids(found: array[int]) -> web.Response:
    if sys.byteorder == "big":
        found.byteswap()
    return web.Response(body=found.tobytes(), content_type=schema.COMPACT_IDS, headers={"Cache-Control": "no-store"})


async def operate(call: Call) -> spool_schema.Operated:
    body: spool_schema.OperateRequest = call.body
    if body.filter.is_everything and not body.everything:
        raise InvalidInput([Issue("everything", "without a filter this concerns the whole spool: confirm it with everything")])
    if body.operation is SpoolOperation.PRIORITY and body.priority is None:
        raise InvalidInput([Issue("priority", "which priority?", "missing")])
    if body.operation is SpoolOperation.REROUTE and body.gateway is not None:
        configuration, _ = await call.facade.configuration()
        if body.gateway not in {gateway.id for gateway in configuration.outbound}:
            raise InvalidInput([Issue("gateway", f"there is no outbound gateway “{body.gateway}”", "unknown-gateway")])
    chosen = filter_of(body.filter)
    if body.dry_run:
        return spool_schema.Operated(count=await call.facade.spool.count(chosen), dry_run=True)
    done = await call.facade.spool.operate(
        body.operation, chosen, author=call.author, gateway=body.gateway, priority=body.priority, reason=body.reason
    )
    log.info("spool: %s of %d by %s", body.operation.value, done, call.author)
    return spool_schema.Operated(count=done)


async def message(call: Call) -> Any:
    found = await call.facade.spool.message(call.message_id())
    if found is None:
        raise NotFound("This message is not in the spool.", hint="Tracking may know what became of it.")
    return found


async def content(call: Call) -> web.StreamResponse:
    """Octets as received; never shown as anything but a download."""
    return await send_content(call.request, await call.facade.spool.content(call.message_id()))


async def send_content(request: web.Request, content: bytes | Path) -> web.StreamResponse:
    headers = DOWNLOAD | {"Content-Type": "message/rfc822", "Content-Disposition": "attachment"}
    if isinstance(content, bytes):
        return web.Response(body=content, headers=headers)
    return await _send_file(request, content, headers)


async def _send_file(request: web.Request, path: Path, headers: dict[str, str]) -> web.StreamResponse:
    try:
        handle = await asyncio.to_thread(path.open, "rb")
    except FileNotFoundError:
        raise NotFound("This message has just left the spool.") from None
    try:
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        while chunk := await asyncio.to_thread(handle.read, _CHUNK):
            await response.write(chunk)
        await response.write_eof()
        return response
    finally:
        await asyncio.to_thread(handle.close)
