"""Who gets in from afar: the listening socket of remote administration, TLS, and the API behind it.

A stranger is kept from costing much: who may not connect is dropped before TLS; a handshake and the first request with a
right token have ``unknown_seconds``; strangers' connections are counted by address and in total; wrong tokens are counted by
address (``relay.remote_desk``). TLS 1.2 at least.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections import Counter
from typing import TYPE_CHECKING

from aiohttp import web

from ...model.network import AddressSet, parse_ip
from ...model.remote import RemoteSettings
from ...relay.common.tasks import Tasks
from .application import make_application
from .facade import RelayFacade
from .guard import LOCAL_HOSTS, Caller
from .http_log import HTTP_LOG

if TYPE_CHECKING:
    import ssl

log = logging.getLogger(__name__)

MAX_UNKNOWN = 64
MAX_UNKNOWN_OF_ADDRESS = 8
MAX_KNOWN = 256
WORDS = (
    "A request needs a token of this relay: “Authorization: Bearer gp_…”.",
    "Make one on the relay's machine: gatepost token add NAME.",
)


class Door:
    """The listening socket, who is let through to it, and the API behind it."""

    def __init__(self, facade: RelayFacade, settings: RemoteSettings, names: tuple[str, ...], unknown_seconds: float) -> None:
        self._facade = facade
        self._settings = settings
        self._seconds = unknown_seconds
        self._allowed = AddressSet(settings.allowed)
        certified = (name.lower() for name in names if "*" not in name)
        self._names = LOCAL_HOSTS | {facade.remote.host_name.lower(), *certified, *settings.names}
        self._tasks = Tasks("remote door")
        self._unknown: Counter[str] = Counter()
        self._visits: dict[asyncio.BaseTransport, Visit] = {}
        self._socket: socket.socket | None = None
        self._runner: web.AppRunner | None = None

    async def open(self, context: ssl.SSLContext) -> None:
        """Raises OSError."""
        listening = _listening(self._settings.address, self._settings.port)
        runner = web.AppRunner(
            make_application(self._facade, [self._authenticate], self._hosts, words=WORDS),
            access_log=None, logger=HTTP_LOG, handle_signals=False, shutdown_timeout=1.0,
        )  # fmt: skip
        await runner.setup()
        self._socket, self._runner = listening, runner
        self._tasks.spawn(self._accept(listening, context), "accept")

    async def close(self) -> None:
        await self._tasks.close()
        if self._socket is not None:
            self._socket.close()
        for visit in list(self._visits.values()):
            visit.drop()
        if self._runner is not None:
            await self._runner.cleanup()

    def drop(self, token: str) -> None:
        """End the connections of a token that was revoked."""
        for visit in [visit for visit in self._visits.values() if visit.token == token]:
            visit.drop()

    # --- who comes ---

    async def _accept(self, listening: socket.socket, context: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(listening)
            except OSError as error:  # no descriptors left, most likely: there will be some
                log.warning("remote administration cannot accept a connection: %s", error)
                await asyncio.sleep(1.0)
                continue
            address = str(peer[0])
            if self._is_welcome(address):
                self._unknown[address] += 1
                self._tasks.spawn(self._greet(connection, address, context), "greet")
            else:
                connection.close()

    def _is_welcome(self, address: str) -> bool:
        if self._settings.allowed and parse_ip(address) not in self._allowed:
            return False
        known = sum(visit.is_known for visit in self._visits.values())
        return known < MAX_KNOWN and self._unknown.total() < MAX_UNKNOWN and self._unknown[address] < MAX_UNKNOWN_OF_ADDRESS

    async def _greet(self, connection: socket.socket, address: str, context: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        server = self._runner.server if self._runner is not None else None
        assert server is not None  # noqa: S101 - open() has set it up
        connection.setblocking(False)
        visit = Visit(self, server(), address)
        try:
            await loop.connect_accepted_socket(
                lambda: visit, connection, ssl=context, ssl_handshake_timeout=self._seconds, ssl_shutdown_timeout=1.0
            )
        except (OSError, EOFError):  # no TLS, no end of it in time, or an offer that we do not take
            connection.close()
            if not visit.began:
                self._leave(address)
            return
        if not visit.is_known and not visit.is_over:
            visit.deadline = loop.call_later(self._seconds, visit.expire)

    def enter(self, transport: asyncio.BaseTransport, visit: Visit) -> None:
        self._visits[transport] = visit

    def leave(self, transport: asyncio.BaseTransport | None, visit: Visit) -> None:
        if transport is not None:
            self._visits.pop(transport, None)
        if not visit.is_known:
            self._leave(visit.address)

    def _leave(self, address: str) -> None:
        self._unknown[address] -= 1
        if self._unknown[address] <= 0:
            del self._unknown[address]

    # --- what they ask ---

    def _hosts(self, request: web.Request) -> frozenset[str]:
        here = request.transport.get_extra_info("sockname") if request.transport is not None else None
        return self._names | {str(here[0])} if here else frozenset(self._names)

    async def _authenticate(self, request: web.Request) -> Caller | None:
        transport = request.transport
        visit = self._visits.get(transport) if transport is not None else None
        if visit is None:
            return None
        shown = request.headers.getall("Authorization", [])
        scheme, _, token = shown[0].partition(" ") if len(shown) == 1 else ("", "", "")
        found = await self._facade.remote.identify(token if scheme == "Bearer" else "", visit.address)
        if found is None:
            return None
        if not visit.is_known:
            self._leave(visit.address)
        visit.become_known(found.id)
        return Caller(f"{found.name} at {visit.address}")


class Visit(asyncio.Protocol):
    """One connection: hands everything on to aiohttp's protocol, and knows whether a right token was ever shown in it."""

    def __init__(self, door: Door, inner: asyncio.Protocol, address: str) -> None:
        self._door = door
        self._inner = inner
        self._transport: asyncio.Transport | None = None
        self.address = address
        self.token = ""
        """The id of the one that was shown last."""
        self.began = self.is_over = False
        self.deadline: asyncio.TimerHandle | None = None

    @property
    def is_known(self) -> bool:
        return bool(self.token)

    def become_known(self, token: str) -> None:
        self.token = token
        if self.deadline is not None:
            self.deadline.cancel()

    def expire(self) -> None:
        log.info("remote administration: %s showed no right token in time", self.address)
        self.drop()

    def drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream's
        self.began = True
        self._transport = transport
        self._door.enter(transport, self)
        self._inner.connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_over = True
        if self.deadline is not None:
            self.deadline.cancel()
        self._door.leave(self._transport, self)
        self._inner.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


def _listening(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            with contextlib.suppress(OSError):  # "::" is for IPv4 as well, where the system lets it
                found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        found.bind((address, port))
        found.listen(64)
        found.setblocking(False)
    except BaseException:
        found.close()
        raise
    return found
