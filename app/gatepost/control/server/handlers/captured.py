"""Captured mail: the test inbox. Lists, waiting, one message, its source and parts, release and delete."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web
from pydantic import Field

from ....model.errors import InvalidInput, Issue, NotFound, Unavailable
from ....model.fields import Line, Model
from ....store.bodies import BodyFile
from ....store.captured_values import CapturedFilter, CapturedOrder
from ... import capture_schema, schema, spool_schema
from ..call import Call
from . import spool

WAITING: web.AppKey[set[asyncio.Future[Any]]] = web.AppKey("waiting", set[asyncio.Future[Any]])
"""Calls of ``wait`` that are held open."""
MAX_WAITING = 200
_NUMBER = re.compile(r"[0-9]{1,15}\Z")
_PART = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){0,20}\Z")


class WaitQuery(Model):
    """Conditions as in ``CapturedFilter``; ``to`` is its recipient. ``after``: only what has a higher id; 0: also what is there
    already. ``timeout`` in seconds."""

    tray: Line = ""
    to: Line = ""
    sender: Line = ""
    subject: Line = ""
    text: Line = ""
    listener: Line = ""
    gateway: Line = ""
    user: Line = ""
    after: schema.Count = 0
    timeout: float = Field(default=10.0, ge=0, le=capture_schema.MAX_WAIT_SECONDS)


def filter_of(body: capture_schema.CapturedFilter) -> CapturedFilter:
    return CapturedFilter(**body.model_dump())


def number_of(call: Call) -> int:
    """From the path. Raises NotFound."""
    text = call.part("id")
    if not _NUMBER.match(text):
        raise NotFound(f"There is no captured message “{text[:40]}”.")
    return int(text)


async def trays(call: Call) -> Any:
    return list(await call.facade.captured.trays())


async def rows(call: Call) -> Any:
    body: capture_schema.CapturedListRequest = call.body
    return await call.facade.captured.list(
        filter_of(body.filter),
        order=CapturedOrder(body.order),
        descending=body.descending,
        offset=body.offset,
        limit=body.limit,
    )


async def count(call: Call) -> spool_schema.SpoolCount:
    return spool_schema.SpoolCount(count=await call.facade.captured.count(filter_of(call.body.filter)))


async def ids(call: Call) -> list[int] | web.Response:
    body: capture_schema.CapturedIdsRequest = call.body
    found = await call.facade.captured.ids(
        filter_of(body.filter), order=CapturedOrder(body.order), descending=body.descending, limit=body.limit
    )
    return spool.compact_ids(found) if spool.wants_compact(call.request) else list(found)


async def wait(call: Call) -> capture_schema.CapturedFound:
    """Held open until a message matches, or the time is over: then ``message`` is null."""
    if len(call.request.app[WAITING]) >= MAX_WAITING:
        raise Unavailable("Too many wait for captured mail.", f"{MAX_WAITING} may at a time.", "End some of them.")
    query: WaitQuery = call.query
    values = query.model_dump(exclude={"to", "timeout"})
    chosen = CapturedFilter(**values, recipient=query.to)
    waiting, task = call.request.app[WAITING], asyncio.ensure_future(call.facade.captured.wait(chosen, query.timeout))
    waiting.add(task)
    try:
        await asyncio.wait([task])
    finally:
        waiting.discard(task)
        task.cancel()
    if task.cancelled():
        raise Unavailable("The relay ends.", "No such message had come.")
    found, after = task.result()
    row = capture_schema.CapturedRow.model_validate(found) if found is not None else None
    return capture_schema.CapturedFound(message=row, after=after)


async def end_waiting(app: web.Application) -> None:
    """On shutdown: nobody is kept waiting."""
    for task in app[WAITING].copy():
        task.cancel()


async def message(call: Call) -> capture_schema.CapturedMessage:
    detail = await call.facade.captured.detail(number_of(call))
    return capture_schema.CapturedMessage.model_validate(
        {"row": capture_schema.CapturedRow.model_validate(detail.row), "envelope": detail.envelope, **asdict(detail.parts)}
    )


async def content(call: Call) -> web.StreamResponse:
    """As it was captured; never shown as anything but a download."""
    found = (await call.facade.captured.entry(number_of(call))).content
    return await spool.send_content(call.request, found.path if isinstance(found, BodyFile) else found)


async def part(call: Call) -> web.Response:
    """Decoded. Whatever the sender says that it is, it is served as octets to be saved."""
    number = call.part("number")
    if not _PART.match(number):
        raise NotFound(f"There is no part “{number[:40]}”.")
    described, data = await call.facade.captured.part(number_of(call), number)
    name = Path(described.filename.replace("\\", "/")).name or f"part-{number}"
    headers = spool.DOWNLOAD | {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
    }
    return web.Response(body=data, headers=headers)


async def release(call: Call) -> capture_schema.ReleasedCaptured:
    body: capture_schema.ReleaseCapturedRequest = call.body
    queue_id = await call.facade.captured.release(
        number_of(call), gateway=body.gateway, recipients=body.recipients, author=call.author
    )
    return capture_schema.ReleasedCaptured(queue_id=queue_id)


async def delete(call: Call) -> schema.Done:
    number = number_of(call)
    if not await call.facade.captured.delete(CapturedFilter(ids=(number,)), author=call.author):
        raise NotFound("This message is not in the test inbox.", "It was deleted, or its time was over.")
    return schema.Done()


async def clear(call: Call) -> spool_schema.Operated:
    return spool_schema.Operated(
        count=await call.facade.captured.delete(CapturedFilter(tray=call.body.tray), author=call.author)
    )


async def operate(call: Call) -> spool_schema.Operated:
    body: capture_schema.OperateCapturedRequest = call.body
    if body.filter.is_everything and not body.everything:
        raise InvalidInput(
            [Issue("everything", "without a filter this concerns all captured mail: confirm it with everything")]
        )
    chosen, captured = filter_of(body.filter), call.facade.captured
    if body.dry_run:
        return spool_schema.Operated(count=await captured.count(chosen), dry_run=True)
    if body.operation == "delete":
        return spool_schema.Operated(count=await captured.delete(chosen, author=call.author))
    return spool_schema.Operated(count=await captured.release_all(chosen, gateway=body.gateway, author=call.author))
