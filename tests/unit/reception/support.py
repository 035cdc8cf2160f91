"""A reception with a spool in memory, and a client that talks to it over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatepost.model.configuration import Configuration, parse_configuration
from gatepost.model.envelope import Envelope
from gatepost.relay.common.metrics import Counters
from gatepost.relay.reception import Reception, ReceptionContext
from gatepost.relay.reception.context import Note, Refused
from gatepost.relay.reception.gate import Gate
from gatepost.store.bodies import Bodies, BodyFile
from gatepost.store.values import NewMessage, StoredMessage

LISTENER: dict[str, Any] = {"id": "in", "address": "127.0.0.1", "port": 0, "mode": "mx"}
INBOUND: dict[str, Any] = {
    "id": "gw-in",
    "mode": "domain-forward",
    "addresses": ["198.51.100.7"],
    "domains": ["example.org", "*.sub.example.org"],
}
HOST = "mx.gatepost.example"


def configuration(listener: dict[str, Any] | None = None, **parts: Any) -> Configuration:
    data: dict[str, Any] = {
        "listeners": [LISTENER | (listener or {})],
        "gateways": [INBOUND],
        "settings": {"server": {"host_name": HOST, "postmaster": "boss@example.org"}},
    }
    return parse_configuration(data | parts)


LOOPBACK = [{"id": "net-loop", "network": "127.0.0.0/8"}]


class MemorySpool:
    """Keeps what is submitted. ``held`` futures are resolved by the test when ``is_holding``."""

    def __init__(self, folder: Path | None = None) -> None:
        self.messages: list[NewMessage] = []
        self.has_space = True
        self.is_holding = False
        self.held: list[tuple[asyncio.Future[StoredMessage], StoredMessage]] = []
        self.failure: Exception | None = None
        self.bodies = Bodies(folder) if folder is not None else None
        self._ids = itertools.count(1)

    def allocate_id(self) -> int:
        return next(self._ids)

    def has_room(self, size: int) -> bool:
        return self.has_space

    def submit(self, message: NewMessage) -> asyncio.Future[StoredMessage]:
        future: asyncio.Future[StoredMessage] = asyncio.get_running_loop().create_future()
        if self.failure is not None:
            if isinstance(message.content, BodyFile):
                message.content.discard()
            future.set_exception(self.failure)
            return future
        self.messages.append(message)
        stored = StoredMessage(message.id, message.received_at, ())
        if self.is_holding:
            self.held.append((future, stored))
        else:
            future.get_loop().call_soon(future.set_result, stored)
        return future

    async def submit_all(self, messages: Sequence[NewMessage]) -> list[StoredMessage]:
        return [await self.submit(message) for message in messages]


@dataclass
class MemoryJournal:
    accepted: list[NewMessage] = field(default_factory=list)
    refusals: list[Refused] = field(default_factory=list)
    faults: list[Refused] = field(default_factory=list)
    verified: list[tuple[str, str]] = field(default_factory=list)

    def received(self, message: NewMessage, stored: StoredMessage, verified: Sequence[Note] = ()) -> None:
        self.accepted.append(message)
        self.verified.extend((note.recipient, note.text) for note in verified)

    def refused(self, refused: Refused) -> None:
        self.refusals.append(refused)

    def injected(self, refused: Refused) -> None:
        self.faults.append(refused)


class Peer:
    """A client that says exactly what a test wants said."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def reply(self) -> str:
        """One reply, its lines joined by LF. Empty when the server has closed."""
        lines = []
        while True:
            async with asyncio.timeout(10):
                try:
                    line = await self.reader.readline()
                except ConnectionError:
                    line = b""
            if not line:
                return "\n".join(lines)
            assert line.endswith(b"\r\n"), line
            lines.append(line[:-2].decode())
            if line[3:4] == b" ":
                return "\n".join(lines)

    async def say(self, line: str | bytes) -> str:
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return await self.reply()

    async def greet(self, name: str = "client.example.com") -> str:
        assert (await self.reply()).startswith("220 ")
        return await self.say(f"EHLO {name}")

    async def begin(self, *recipients: str, sender: str = "a@example.com") -> None:
        """MAIL and RCPT; every recipient must be taken."""
        assert (await self.say(f"MAIL FROM:<{sender}>")).startswith("250 ")
        for recipient in recipients or ("b@example.org",):
            assert (await self.say(f"RCPT TO:<{recipient}>")).startswith("250 ")

    async def data(self, content: bytes) -> str:
        """``content`` goes out as it is, up to and with the final dot."""
        assert (await self.say("DATA")).startswith("354 ")
        self.send(content)
        return await self.reply()

    async def is_closed(self) -> bool:
        async with asyncio.timeout(10):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True

    def reset(self) -> None:
        """Hang up with RST: the server hears of it at once, unlike of a half-closed connection."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def start_tls(self, host: str = "localhost") -> ssl.SSLObject:
        assert (await self.say("STARTTLS")).startswith("220 ")
        await self.writer.start_tls(trusting_context(), server_hostname=host)
        found: ssl.SSLObject = self.writer.get_extra_info("ssl_object")
        return found

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await self.writer.wait_closed()


def trusting_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Site:
    """A started reception with everything it was given."""

    def __init__(self, config: Configuration, folder: Path | None = None, **hooks: Any) -> None:
        self.spool: Any = hooks.pop("spool", None) or MemorySpool(folder)
        self.journal = MemoryJournal()
        self.taken: list[tuple[StoredMessage, Any]] = []
        self.now = 1_790_000_000.0
        self.counters = Counters(lambda: self.now)
        gate = hooks.pop("gate", None)
        lanes = hooks.pop("lanes", lambda envelope: (("pool", envelope.recipients),))
        self.context = ReceptionContext(
            self.spool,
            lanes,
            lambda stored, content: self.taken.append((stored, content)),
            self.counters,
            journal=self.journal,
            clock=lambda: self.now,
            **hooks,
        )
        self.reception = Reception(self.context, config, gate=gate or Gate(1000))
        self._peers: list[Peer] = []

    @property
    def messages(self) -> list[NewMessage]:
        found: list[NewMessage] = self.spool.messages
        return found

    @property
    def port(self) -> int:
        return self.reception.listeners()[0].port

    @property
    def endpoint(self) -> Any:
        return next(iter(self.reception._slots.values())).endpoint

    def refused(self, reason: str) -> int:
        return self.counters.totals["refused", reason]

    async def connect(self, **options: Any) -> Peer:
        peer = Peer(*await asyncio.open_connection("127.0.0.1", self.port, limit=2**22, **options))
        self._peers.append(peer)
        return peer

    async def session(self) -> Peer:
        peer = await self.connect()
        assert (await peer.greet()).startswith("250-")
        return peer

    async def arrived(self) -> Any:
        """The session of the one client that has connected."""
        async with asyncio.timeout(10):
            while not self.endpoint.sessions:
                await asyncio.sleep(0)
        (session,) = self.endpoint.sessions
        return session

    async def settle(self, sessions: int = 0) -> None:
        """Until the server has noticed who left."""
        async with asyncio.timeout(10):
            while len(self.endpoint.sessions) > sessions:
                await asyncio.sleep(0.002)

    def later(self, seconds: float) -> None:
        """Check every deadline as if so much time had passed since the last check."""
        endpoint = self.endpoint
        endpoint.sweep(endpoint.now + seconds)


@contextlib.asynccontextmanager
async def site(config: Configuration | None = None, folder: Path | None = None, **hooks: Any) -> AsyncIterator[Site]:
    made = Site(config or configuration(), folder, **hooks)
    await made.reception.start()
    try:
        yield made
    finally:
        for peer in made._peers:
            await peer.close()
        await made.reception.stop()


def body_of(message: NewMessage) -> bytes:
    """The content below the Received field that reception put on top."""
    content = message.content if isinstance(message.content, bytes) else message.content.read()
    assert content.startswith(b"Received: from ")
    lines = content.split(b"\r\n")
    end = next(i for i, line in enumerate(lines[1:], 1) if not line.startswith((b" ", b"\t")))
    return b"\r\n".join(lines[end:])


def sender_and_recipients(envelope: Envelope) -> tuple[str, tuple[str, ...]]:
    return envelope.sender, tuple(r.address for r in envelope.recipients)
