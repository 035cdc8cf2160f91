"""How a connection begins and ends: whose it is, also behind a proxy; the greeting, TLS, hang-ups and farewells."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from ...model.capture import FaultStage
from ...model.listener import ListenerTls
from . import faults, proxy_protocol, replies
from .admission import Client
from .deadlines import HANDSHAKE_SECONDS
from .lines import Lines
from .replies import Refusal
from .wire import CLOSED, COMMAND, PROXY, ClientState

log = logging.getLogger(__name__)


class Connection(Lines):
    """What the transport and the endpoint call. The endpoint's sweep checks its ``deadlines``."""

    _began: float
    """The endpoint's time when the client connected."""
    _is_handshaking = False

    # --- the beginning -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        endpoint = self.endpoint
        self.transport = transport
        self._began = self._since = endpoint.now
        peer = transport.get_extra_info("peername")
        admission = self.terms.admission
        client = admission.client(peer[0] if peer else "")
        endpoint.sessions.add(self)
        refusal = endpoint.gate.enter(endpoint.id, self.terms.listener.limits.connections)
        if refusal is not None:
            self._turn_away(refusal)
        elif client.is_proxy:
            self._mode = PROXY
        else:
            self._admit(client)

    def _take_proxy_header(self) -> bool:
        try:
            header = proxy_protocol.parse(self._buffer[: proxy_protocol.MAX_HEADER])
        except proxy_protocol.ProxyError:
            self._refuse(replies.PROXY_INVALID)
            return False
        if header is None:
            return False
        self._at = header.size
        self._mode = COMMAND
        self._since = self.endpoint.now
        address = header.client
        if address is None:
            peer = self.transport.get_extra_info("peername")
            address = peer[0] if peer else ""
        self.local_address = header.local or ""
        self._admit(self.terms.admission.client(address))
        return True

    def _admit(self, client: Client) -> None:
        """The client's address is known: serve it or not."""
        self.client = client
        terms = self.terms
        listener = terms.listener
        refusal = self.endpoint.gate.enter_address(client, listener.limits.connections_per_address)
        if refusal is None and not terms.admission.is_served(client, listener.mode):
            refusal = replies.NOT_TRUSTED
        if refusal is None and self.endpoint.is_closing:
            refusal = replies.SHUTTING_DOWN
        if refusal is not None:
            self._turn_away(refusal)
            return
        self.endpoint.context.counters.add("connections", self.endpoint.id)
        if terms.has_faults:
            if self._drive(self._greet_with_fault()):
                self.flush()
            return
        if listener.tls is ListenerTls.IMPLICIT:
            if self._drive(self._begin_implicit_tls()):
                self.flush()
        else:
            self.transport.write(terms.greeting)

    async def _greet_with_fault(self) -> None:
        if await faults.happens(self, FaultStage.CONNECT):
            return
        if self.terms.listener.tls is ListenerTls.IMPLICIT:
            await self._begin_implicit_tls()
        else:
            self._out.append(self.terms.greeting)

    async def _begin_implicit_tls(self) -> None:
        behind_header = self._buffer[self._at :]
        if behind_header:
            # A proxy may send its client's first octets in one packet with its header: the handshake begins in what was read.
            # It takes its input from the turn after the next one on, when the TLS layer has been put below this one.
            self.loop.call_soon(self.loop.call_soon, _feed, self.transport, behind_header)
        if await self._upgrade():
            self._out.append(self.terms.greeting)

    def _turn_away(self, refusal: Refusal) -> None:
        self.endpoint.note_refusal(self, "connect", refusal)
        if self.terms.listener.tls is not ListenerTls.IMPLICIT:
            self._out.append(refusal.wire)
        self._close()

    # --- TLS ---------------------------------------------------------------------------------------------------------

    async def _upgrade(self) -> bool:
        """The handshake. What came before it in clear is dropped, and with it all that was said (RFC 3207 §4.2, §5)."""
        context = self.terms.tls_context
        if context is None:
            self.transport.abort()
            return False
        self.flush()
        self._drop_input()
        self._is_reading_paused = False
        self._is_handshaking = True
        raw = self.transport
        try:
            transport = await self.loop.start_tls(raw, self, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_SECONDS)
        except (OSError, EOFError) as error:
            log.debug("TLS handshake with %s failed: %s", self.client.address if self.client else "?", error)
            self.endpoint.context.counters.add("refused", "tls-handshake")
            transport = None
        finally:
            self._is_handshaking = False
        if transport is None or self._is_lost:
            raw.abort()
            self.connection_lost(None)
            return False
        self.transport = transport
        cipher = transport.get_extra_info("cipher")
        self.tls = f"{cipher[1]} {cipher[0]}" if cipher else "TLS"
        self.session = ClientState()
        self.user = ""
        self._set_rset_state()
        return True

    # --- the end -----------------------------------------------------------------------------------------------------

    def eof_received(self) -> bool:
        """A half-closed connection still gets the replies it is owed."""
        self._has_eof = True
        self.flush()
        owes = self._is_writing_paused or (self._coroutine is not None and self._line_waiter is None)
        return owes and not (self.tls or self._is_handshaking)

    def connection_lost(self, error: Exception | None) -> None:
        if self._is_lost:
            return
        self._is_lost = True
        endpoint = self.endpoint
        endpoint.sessions.discard(self)
        endpoint.gate.leave(endpoint.id, self.client)
        self.transport = None
        self._mode = CLOSED
        self._drop_input()
        waiter, self._line_waiter = self._line_waiter, None
        if waiter is not None:
            if self._coroutine is not None:
                self._coroutine.close()
                self._coroutine = None
            waiter.cancel()
        if self._coroutine is None:
            self._abandon()

    def shut_down(self) -> None:
        """The listener closes: end now, or after the message that is under way."""
        if self._mode in (COMMAND, PROXY) and self._coroutine is None:
            self._refuse(replies.SHUTTING_DOWN)

    # --- what the layers above make of it -----------------------------------------------------------------------------

    def _content_overdue(self, now: float) -> Refusal | None:
        """Why message data took too long, where it did."""
        raise NotImplementedError


def _feed(transport: asyncio.Transport, data: bytes) -> None:
    """Hand octets to the TLS layer as if they had just been read."""
    layer: Any = transport.get_protocol()  # of asyncio or uvloop: either is a BufferedProtocol, by name or by its methods
    while data and not transport.is_closing():
        room = memoryview(layer.get_buffer(len(data)))
        count = min(len(room), len(data))
        room[:count] = data[:count]
        layer.buffer_updated(count)
        data = data[count:]
