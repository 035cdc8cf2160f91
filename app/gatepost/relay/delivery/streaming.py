"""Content too large to hold at once: read ahead off the loop, and written as fast as the peer takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .deadline import DeadlineTimer
from .transaction import Transaction
from .values import Content
from .wire import WireReader, content_size

STALL_SECONDS = 180.0
"""For each block of content to be taken (RFC 5321 §4.5.3.2.5)."""
MIN_UPLOAD_RATE = 1_000
"""Octets a second that a slow peer must take on average."""


class Flow:
    """Whether a transport takes more at present."""

    __slots__ = ("_is_paused", "_resumed")

    def __init__(self) -> None:
        self._is_paused = False
        self._resumed: asyncio.Future[None] | None = None

    def pause(self) -> None:
        self._is_paused = True

    def resume(self) -> None:
        """Let go of whoever waits; also when the transport is gone and takes nothing any more."""
        self._is_paused = False
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)

    async def wait(self) -> None:
        if self._is_paused:
            self._resumed = asyncio.get_running_loop().create_future()
            await self._resumed


async def stream(
    transaction: Transaction,
    content: Content,
    transport: asyncio.Transport,
    flow: Flow,
    deadline: DeadlineTimer,
    is_wanted: Callable[[], bool],
) -> bytes:
    """Write ``content`` while ``is_wanted``; returns what ends it, for the caller to write. Raises ContentUnreadable."""
    loop = asyncio.get_running_loop()
    reader = WireReader(content)
    total = loop.time() + STALL_SECONDS + content_size(content) / MIN_UPLOAD_RATE
    following: asyncio.Future[bytes] | None = None
    try:
        chunk = await loop.run_in_executor(None, reader.read)
        while chunk and is_wanted():
            following = loop.run_in_executor(None, reader.read)
            deadline.set(min(STALL_SECONDS, max(total - loop.time(), 0.001)))
            transport.write(chunk)
            transaction.sent_octets += len(chunk)
            await flow.wait()
            chunk, following = await following, None
    finally:
        if following is not None and not following.done():
            await asyncio.wait([following])
        if following is not None and not following.cancelled():
            following.exception()  # looked at: the connection's own end is what counts
        reader.close()
    return reader.ending
