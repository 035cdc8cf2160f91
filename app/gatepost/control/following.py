"""The client's event stream: reads it, and connects it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from . import schema

if TYPE_CHECKING:
    import aiohttp

    from .client import Message

_MESSAGE: TypeAdapter[schema.Snapshot | schema.EventMessage] = TypeAdapter(schema.Snapshot | schema.EventMessage)


async def follow(
    session: aiohttp.ClientSession, base: str, *, reconnect: bool, pauses: Sequence[float], max_size: int
) -> AsyncGenerator[Message]:
    """``pauses``: seconds before each further attempt; the last one repeats, and the first follows a connection that worked."""
    import aiohttp

    from .client import Lost

    failures = 0
    while True:
        reason = "the relay closed the connection"
        try:
            async with session.ws_connect(f"{base}v1/events", heartbeat=30, max_msg_size=max_size) as websocket:
                async for frame in websocket:
                    if frame.type is not aiohttp.WSMsgType.TEXT:
                        break
                    failures = 0
                    yield _MESSAGE.validate_json(frame.data)
                reason = (await _close_reason(websocket)) or reason
        except (aiohttp.ClientError, ConnectionError, OSError) as error:
            reason = str(error) or reason
        if not failures or not reconnect:
            yield Lost(reason)
        if not reconnect:
            return
        await asyncio.sleep(pauses[min(failures, len(pauses) - 1)])
        failures += 1


async def _close_reason(websocket: aiohttp.ClientWebSocketResponse) -> str:
    return {1001: "the relay ended", 1013: "this client was too slow"}.get(websocket.close_code or 0, "")
