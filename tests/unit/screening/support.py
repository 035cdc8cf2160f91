"""Inspection as reception calls it, with sources that need no network: mail from ``<>`` has the score that a test sets."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from gatepost.model.configuration import Configuration
from gatepost.model.envelope import Envelope, Origin, Recipient
from gatepost.model.gateway import DomainForwardGateway
from gatepost.model.spam import SpamAction, SpamCard, SpamPolicy, VirusPolicy, WeighedSource
from gatepost.relay.common.events import EventBus
from gatepost.relay.common.metrics import Counters
from gatepost.relay.inspecting import Inspecting
from gatepost.relay.reception.context import Inspected
from gatepost.relay.routing.own_addresses import OwnAddresses
from gatepost.relay.routing.router import build_router
from gatepost.relay.signing import Signing
from gatepost.store.bodies import Bodies
from gatepost.store.values import Content

NOW = 1_790_000_000.0
MESSAGE = b"Received: from x\r\n\tby y\r\nFrom: ann@example.com\r\nSubject: Hello\r\nX-Gatepost-Spam: none\r\n\r\nText\r\n"
CLEAN = MESSAGE.replace(b"X-Gatepost-Spam: none\r\n", b"")


def gateway(domain: str, action: SpamAction | None, **fields: Any) -> DomainForwardGateway:
    """One domain, one action for every level; None: its card is off."""
    card = SpamCard() if action is None else SpamCard(enabled=True, none=action, low=action, medium=action, high=action)
    name = f"gw-{domain.partition('.')[0]}"
    return DomainForwardGateway(id=name, addresses=("198.51.100.7",), domains=(domain,), spam=card, **fields)


def configuration(
    *gateways: DomainForwardGateway, score: float = 35.0, virus: VirusPolicy | None = None, **fields: Any
) -> Configuration:
    spam = fields.pop("spam", None) or SpamPolicy(null_sender=WeighedSource(enabled=True, weight=score))
    return Configuration(gateways=gateways, spam=spam, virus=virus or VirusPolicy(), **fields)


def envelope(*recipients: str, sender: str = "") -> Envelope:
    origin = Origin("in", "192.0.2.7", "mx.example.com", "ESMTP")
    return Envelope(sender, tuple(Recipient(address) for address in recipients), origin=origin)


class Rig:
    def __init__(self, config: Configuration, folder: Path, vault: Any = None) -> None:
        folder.mkdir(exist_ok=True)
        self.bodies = Bodies(folder)
        router = build_router(
            config, clock=lambda: NOW, monotonic=lambda: 0.0, events=EventBus(lambda: NOW), local_addresses=OwnAddresses(),
            host_name="gate.example",
        )  # fmt: skip
        self.counters = Counters(lambda: NOW)
        self.signing = Signing(vault, lambda: NOW)
        self.inspecting = Inspecting(router.lanes, router.lane, self.bodies, self.signing, self.counters, lambda: NOW)
        self.apply(config)

    def apply(self, config: Configuration) -> None:
        self.signing.apply(config)
        self.inspecting.apply(config, "gate.example")

    async def inspect(self, to: Envelope, content: Content = MESSAGE, *, is_local: bool = False) -> Inspected:
        assert self.inspecting.inspect is not None
        return await self.inspecting.inspect(to, content, is_local)


Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def server(conversation: Conversation) -> AsyncIterator[int]:
    """A scanner that behaves as the test says. Yields its port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await conversation(reader, writer)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def clamd(answer: bytes) -> Conversation:
    """Reads the whole stream, then says this."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(10) == b"zINSTREAM\0"
        while size := struct.unpack(">I", await reader.readexactly(4))[0]:
            await reader.readexactly(size)
        writer.write(answer)

    return converse


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes everything and says nothing."""
    while await reader.read(65_536):
        pass
    await asyncio.sleep(3600)


async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ends in the middle of what is sent."""
    await reader.read(10)
    writer.transport.abort()
