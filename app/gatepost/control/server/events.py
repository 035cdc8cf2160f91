"""``/v1/events``: a snapshot, then what happens, over a WebSocket.

A follower never slows the relay down: its events gather in a bounded buffer, merged by kind and subject, and are sent a few
times a second. A client that does not keep up is dropped with a reason; after it has reconnected it gets a snapshot again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any

from aiohttp import web
from aiohttp.http import WSCloseCode

from ...relay.common.events import Event
from .. import schema
from .call import Call
from .facade import RelayFacade
from .handlers.relay import status_of, totals_of

log = logging.getLogger(__name__)

MERGE_SECONDS = 0.1
"""Events are gathered this long before they are sent."""
FIGURES_SECONDS = 1.0
SEND_SECONDS = 10.0
"""A client that takes nothing for this long is dropped."""
MAX_PENDING = 500
"""Different kinds and subjects in the buffer; one more, and the client is dropped."""
MAX_FOLLOWERS = 50
_HEARTBEAT_SECONDS = 20.0

FOLLOWERS: web.AppKey[set[web.WebSocketResponse]] = web.AppKey("followers", set[web.WebSocketResponse])


class Overflow(Exception):
    """More happened than the buffer holds while the client did not take it."""


class Buffer:
    """Events that wait to be sent: the newest of each kind and subject, and how many it stands for."""

    def __init__(self, limit: int = MAX_PENDING) -> None:
        self._limit = limit
        self._pending: dict[tuple[str, str], tuple[Event, int]] = {}
        self._overflown = False
        self.filled = asyncio.Event()

    def add(self, event: Event) -> None:
        key = (event.kind, str(event.data.get("gateway_id") or event.data.get("listener") or ""))
        if key not in self._pending and len(self._pending) >= self._limit:
            self._overflown = True
        else:
            _, count = self._pending.pop(key, (event, 0))
            self._pending[key] = (event, count + 1)
        self.filled.set()

    def take(self) -> list[tuple[Event, int]]:
        """Everything that waits, the newest last. Raises Overflow."""
        if self._overflown:
            raise Overflow
        taken = list(self._pending.values())
        self._pending.clear()
        self.filled.clear()
        return taken


async def follow(call: Call) -> web.StreamResponse:
    followers = call.request.app[FOLLOWERS]
    websocket = web.WebSocketResponse(heartbeat=_HEARTBEAT_SECONDS, max_msg_size=4096, compress=False)
    await websocket.prepare(call.request)
    if len(followers) >= MAX_FOLLOWERS:
        await websocket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"too many clients follow the events")
        return websocket
    followers.add(websocket)
    buffer = Buffer()
    unsubscribe = call.facade.subscribe(buffer.add)  # before the snapshot is taken, so that nothing is lost between
    sending = asyncio.create_task(_send_all(websocket, call.facade, buffer), name="events: send")
    try:
        async for _ in websocket:
            pass  # clients have nothing to say here; reading answers pings and sees the close
    finally:
        unsubscribe()
        followers.discard(websocket)
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
    return websocket


async def _send_all(websocket: web.WebSocketResponse, facade: RelayFacade, buffer: Buffer) -> None:
    """Ends by closing the socket, which ends ``follow``."""
    try:
        await _Sender(websocket, facade, buffer).run()
    except (TimeoutError, Overflow):
        log.warning("an event client was dropped: it did not keep up")
        await _drop(websocket, WSCloseCode.TRY_AGAIN_LATER, b"too slow: connect again for a snapshot")
    except ConnectionError:
        await _drop(websocket, WSCloseCode.GOING_AWAY, b"")
    except Exception:
        log.exception("the event stream failed")
        await _drop(websocket, WSCloseCode.INTERNAL_ERROR, b"the relay's log says why")


async def _drop(websocket: web.WebSocketResponse, code: int, reason: bytes) -> None:
    """Close without waiting for a client that may never read the closing frame."""
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(1.0):
            await websocket.close(code=code, message=reason)


class _Sender:
    def __init__(self, websocket: web.WebSocketResponse, facade: RelayFacade, buffer: Buffer) -> None:
        self._websocket = websocket
        self._facade = facade
        self._buffer = buffer
        self._sequence = 0

    async def run(self) -> None:
        facade = self._facade
        snapshot = schema.Snapshot(
            status=await status_of(facade), gateways=tuple(await facade.gateways()), totals=await totals_of(facade)
        )
        await self._send(snapshot.model_dump_json())
        last = await self._figures()
        loop = asyncio.get_running_loop()
        next_figures = loop.time() + FIGURES_SECONDS
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(next_figures):
                    await self._buffer.filled.wait()
            if self._buffer.filled.is_set():
                await asyncio.sleep(MERGE_SECONDS)
                for event, count in self._buffer.take():
                    await self._event(event, count)
            if loop.time() >= next_figures:
                next_figures = loop.time() + FIGURES_SECONDS
                figures = await self._figures()
                if figures.data != last.data:
                    await self._event(last := figures, 1)

    async def _figures(self) -> Event:
        spool = schema.SpoolFigures.model_validate(await self._facade.spool.counts())
        totals = [{"name": t.name, "label": t.label, "value": t.value} for t in await totals_of(self._facade)]
        data: dict[str, Any] = {"spool": spool.model_dump(), "totals": totals}
        return Event("figures", time.time(), data)

    async def _event(self, event: Event, count: int) -> None:
        self._sequence += 1
        message = schema.EventMessage(sequence=self._sequence, kind=event.kind, at=event.at, count=count, data=event.data)
        await self._send(message.model_dump_json())

    async def _send(self, text: str) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await self._websocket.send_str(text)


async def close_followers(app: web.Application) -> None:
    """On shutdown: say good-bye to all, at once."""
    followers = app[FOLLOWERS].copy()
    await asyncio.gather(*[_drop(websocket, WSCloseCode.GOING_AWAY, b"the relay ends") for websocket in followers])
