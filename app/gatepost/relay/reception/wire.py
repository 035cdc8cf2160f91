"""A connection's octets: lines to commands, replies gathered into few writes, waiting without a task.

aiosmtpd's ``SMTP`` reads a ``StreamReader`` in a task of its own for each connection. Here the same ``smtp_*`` coroutines
are driven directly: most finish at their first step, within ``data_received``, and their replies leave in one write.
One that waits for a future (a commit, a verdict, a password) suspends the parsing of its connection until the future's
callback goes on with it. No task, no stream, no timer for a connection.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Coroutine
from enum import IntEnum
from typing import Any, ClassVar, NamedTuple

from aiosmtpd import smtp

from ...model.capture import FaultStage
from ...model.listener import LineEnds, ListenerTls
from ...model.reply import Reply
from . import faults, proxy_protocol, replies
from .admission import Client
from .endpoint import Endpoint
from .replies import Refusal
from .terms import Terms

log = logging.getLogger(__name__)

MAX_COMMAND = 2048
"""Octets in a command line: RFC 5321 §4.5.3.1.4 asks for 512, and every parameter adds to it."""
MAX_SASL_LINE = 12_288
"""RFC 4954 §4."""
_HIGH_WATER = 65_536
"""Pipelined input kept while the connection waits; reading stops above it."""
_REPLIES_GATHERED = 200
"""Replies that wait for one write at most; more go out, and stop the parsing when the client does not take them."""
_LINGER_SECONDS = 10.0
_HANDSHAKE_SECONDS = 60.0
_STRESSED_IDLE_SECONDS = 15.0
_HTTP = frozenset({b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"CONNECT", b"PATCH", b"TRACE", b"PRI"})


class Mode(IntEnum):
    COMMAND = 0
    DATA = 1
    CHUNK = 2
    PROXY = 3
    CLOSED = 4


# An enum's members are looked up slowly; these names are asked for with every packet.
COMMAND, DATA, CHUNK, PROXY, CLOSED = Mode
_REFUSE_BARE = LineEnds.REFUSE


class Command(NamedTuple):
    """``is_free``: does not count as a command without mail. ``before_tls``: allowed where STARTTLS is required."""

    method: Any
    is_free: bool
    before_tls: bool


class ClientState(smtp.Session):
    """aiosmtpd's session state; its attributes begin as class attributes, so that making one costs nothing."""

    peer = None
    ssl = None
    host_name: str | None = None
    extended_smtp = False
    proxy_data = None
    auth_data = None
    authenticated = False
    _login_data = None

    def __init__(self) -> None:
        """Sets nothing: see the class attributes."""


class Wire(smtp.SMTP):
    """The lower half of a session. ``SMTP.__init__`` is not called: what it builds for each object stands in the class."""

    # What aiosmtpd's own commands look up.
    _handle_hooks: dict[str, Any] = {}  # noqa: RUF012 - shared by all sessions on purpose
    _auth_required = False
    enable_SMTPUTF8 = True  # noqa: N815 - aiosmtpd's name
    event_handler = None

    _table: ClassVar[dict[bytes, Command]] = {}

    transport: Any = None
    session: ClientState
    client: Client | None = None
    local_address = ""
    tls = ""
    user = ""
    _mode = COMMAND
    _buffer = b""
    _at = 0
    """Where in the buffer the octets begin that were not obeyed yet."""
    _coroutine: Coroutine[Any, Any, None] | None = None
    _line_waiter: asyncio.Future[bytes] | None = None
    _is_lost = False
    _is_handshaking = False
    _is_reading_paused = False
    _is_writing_paused = False
    _has_eof = False
    _errors = 0
    _idle_commands = 0
    _suspended_at = 0.0
    _is_first_packet = True
    _is_skipping = False
    """Within a command line that is too long."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.terms: Terms = endpoint.terms
        self.session = ClientState()
        self.loop = endpoint.loop
        self._out: list[bytes] = []

    @property
    def helo(self) -> str:
        return self.session.host_name or ""

    @property
    def sender(self) -> str:
        return ""

    # --- the connection's beginning and end ---------------------------------------------------------------------------

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
        if await self._upgrade():
            self._out.append(self.terms.greeting)

    def _turn_away(self, refusal: Refusal) -> None:
        self.endpoint.note_refusal(self, "connect", refusal)
        if self.terms.listener.tls is not ListenerTls.IMPLICIT:
            self._out.append(refusal.wire)
        self._close()

    def _close(self) -> None:
        """Say what is left to say, and close. What still comes is not read."""
        self.flush()
        self._mode = CLOSED
        self._since = self.endpoint.now
        self._drop_input()
        if self.transport is not None:
            self.transport.close()

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

    def _set_rset_state(self) -> None:
        """aiosmtpd's name for: forget the transaction."""
        raise NotImplementedError

    def _abandon(self) -> None:
        """The connection is gone and nothing is under way: leave nothing behind."""

    def eof_received(self) -> bool:
        """A half-closed connection still gets the replies it is owed."""
        self._has_eof = True
        self.flush()
        return not (self._coroutine is None or self._line_waiter is not None or self.tls or self._is_handshaking)

    def pause_writing(self) -> None:
        self._is_writing_paused = True
        self._since = self.endpoint.now

    def resume_writing(self) -> None:
        self._is_writing_paused = False
        if self._coroutine is None and not self._is_lost:
            self._go_on()

    # --- input -------------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._coroutine is None and not self._is_writing_paused:
            if self._is_one_command(data):
                self._since = self.endpoint.now
                self._obey(data[:-2])
            else:
                self._buffer = self._buffer + data if self._buffer else data
                self._parse()
            if self._out:
                self.endpoint.outbox.owe(self)
        elif self._line_waiter is not None:
            self._buffer += data
            self._parse_sasl_line()
        elif self._mode is not CLOSED:
            self._buffer += data
            if len(self._buffer) > _HIGH_WATER:
                self._pause_reading()

    def _is_one_command(self, data: bytes) -> bool:
        """Whether this is one whole command line and nothing else, as from a client that waits for each reply."""
        length = len(data)
        return (
            self._mode is COMMAND
            and length <= MAX_COMMAND
            and data.find(b"\n") == length - 1
            and data[-2:] == b"\r\n"
            and not (self._buffer or self._is_first_packet or self._is_skipping)
        )

    def _parse(self) -> None:
        """Obey what has come, as far as that is possible now."""
        while self._at < len(self._buffer) and self._coroutine is None and not self._is_writing_paused:
            mode = self._mode
            if mode is COMMAND:
                if not self._parse_line():
                    break
                if len(self._out) > _REPLIES_GATHERED:
                    self.flush()
            elif mode is CLOSED:
                self._drop_input()
            elif mode is PROXY:
                if not self._parse_proxy():
                    break
            else:
                self._since = self.endpoint.now
                self._take_content()
        if self._at:
            self._buffer = self._buffer[self._at :]
            self._at = 0

    def _drop_input(self) -> None:
        self._buffer = b""
        self._at = 0

    def _take_content(self) -> None:
        raise NotImplementedError

    def _parse_line(self) -> bool:
        """Obey one command line; False when it is not complete yet."""
        buffer, begin = self._buffer, self._at
        end = buffer.find(b"\n", begin)
        if end < 0:
            if self._is_skipping or len(buffer) - begin > MAX_COMMAND:
                self._is_skipping = True
                self._drop_input()
            return False
        self._at = end + 1
        if self._is_skipping or end - begin > MAX_COMMAND:
            self._is_skipping = False
            self._refuse(replies.LINE_TOO_LONG)
            return True
        self._since = self.endpoint.now
        line = buffer[begin:end]
        if self._is_first_packet:
            self._is_first_packet = False
            if not self._is_plausible_beginning(buffer):
                return True
        if line[-1:] == b"\r":
            line = line[:-1]
        elif self.terms.listener.line_ends is _REFUSE_BARE:
            verb = line.partition(b" ")[0].upper()
            self._refuse(replies.HTTP if verb in _HTTP else replies.BARE_LF_COMMAND)
            return True
        self._obey(line)
        return True

    def _is_plausible_beginning(self, data: bytes) -> bool:
        if proxy_protocol.looks_like_proxy(data):
            self._refuse(replies.PROXY_NOT_TRUSTED)
            return False
        if data.startswith(b"\x16\x03"):
            self._refuse(replies.TLS_IN_CLEAR)
            return False
        return True

    def _parse_proxy(self) -> bool:
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

    def _obey(self, line: bytes) -> None:
        verb, _, argument = line.partition(b" ")
        command = self._table.get(verb) or self._table.get(verb.upper())
        if command is None:
            self._unknown(verb)
            return
        if not command.is_free:
            self._idle_commands += 1
            if self._idle_commands > self.terms.listener.limits.commands_without_mail:
                self._refuse(replies.TOO_MANY_COMMANDS)
                return
        try:
            text = argument.decode()
        except UnicodeDecodeError:
            self._refuse(replies.BAD_SYNTAX)
            return
        if not text.isprintable() and not _has_only_printable(text):
            self._refuse(replies.CONTROL_CHARACTERS)
            return
        if self.terms.tls_required and not self.tls and not command.before_tls:
            self._refuse(replies.STARTTLS_FIRST)
            return
        if self.terms.has_faults and verb.upper() in faults.STAGES:
            self._drive(faults.obey(self, verb.upper(), command.method, text.strip()))
            return
        self._drive(command.method(self, text.strip()))

    def _unknown(self, verb: bytes) -> None:
        if verb.upper() in _HTTP:
            self._refuse(replies.HTTP)
        elif verb.isascii() and verb.isalnum():
            self._refuse(replies.UNKNOWN_COMMAND)
        else:
            self._refuse(replies.BAD_SYNTAX)

    # --- waiting -----------------------------------------------------------------------------------------------------

    def _drive(self, coroutine: Coroutine[Any, Any, None]) -> bool:
        """Step a command until it is done (True) or waits for a future (False)."""
        try:
            waited = coroutine.send(None)
        except StopIteration:
            return True
        except (Exception, asyncio.CancelledError):  # cancelled: whom we waited for, not us; there is no task
            self._fail()
            return True
        self._coroutine = coroutine
        self._suspended_at = self.endpoint.now
        if waited is None:
            self.loop.call_soon(self._resume, None)
        else:
            waited._asyncio_future_blocking = False  # what a task does: the future was awaited properly
            waited.add_done_callback(self._resume)
        return False

    def _resume(self, _: Any) -> None:
        coroutine, self._coroutine = self._coroutine, None
        if coroutine is None or not self._drive(coroutine):
            if self._out:
                self.flush()
            return
        if self._is_lost:
            self._abandon()
            return
        self._data_paused(self.endpoint.now - self._suspended_at)
        self._since = self.endpoint.now
        self._go_on()

    def _data_paused(self, seconds: float) -> None:
        """The wait was ours; it does not count against the client."""

    def _go_on(self) -> None:
        """What has come meanwhile."""
        if self._buffer:
            self._parse()
        if self._out:
            self.endpoint.outbox.owe(self)
        if self._is_lost or self._coroutine is not None:
            return
        if self.endpoint.is_closing and self._mode is COMMAND:
            self._refuse(replies.SHUTTING_DOWN)
            self.flush()
        elif self._has_eof and not self._is_writing_paused:
            self._close()
        elif self._is_reading_paused and not self._is_writing_paused:
            self._resume_reading()

    def _pause_reading(self) -> None:
        if not self._is_reading_paused and self.transport is not None:
            self._is_reading_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        self._is_reading_paused = False
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def _fail(self) -> None:
        """A fault of ours: the client may try again, the log knows what it was."""
        reference = secrets.token_hex(4).upper()
        log.exception("session of %s failed, reference %s", self.client.address if self.client else "?", reference)
        self._set_rset_state()
        reply = Reply(451, "4.3.0", f"Something went wrong here, please try again later; reference {reference}")
        self._refuse(Refusal("internal", reply, is_error=False))

    async def _next_sasl_line(self) -> bytes:
        """The next line as it is, for a sign-in dialogue."""
        self._line_waiter = self.loop.create_future()
        self.flush()
        self.loop.call_soon(self._parse_sasl_line)
        return await self._line_waiter

    def _parse_sasl_line(self) -> None:
        waiter = self._line_waiter
        if waiter is None:
            return
        end = self._buffer.find(b"\n")
        if end < 0 and len(self._buffer) <= MAX_SASL_LINE:
            return
        self._line_waiter = None
        if end < 0 or end > MAX_SASL_LINE:
            self._buffer = b""
            waiter.set_result(b"\x00")
            return
        line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
        waiter.set_result(line.removesuffix(b"\r"))

    # --- output ------------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write the replies that are ready."""
        out = self._out
        if out:
            # WORKAROUND uvloop 0.23: writing to a transport that the other side has closed is a RuntimeError there.
            if self.transport is not None and not self.transport.is_closing():
                self.transport.write(out[0] if len(out) == 1 else b"".join(out))
            out.clear()

    async def push(self, status: str | bytes) -> None:
        """For aiosmtpd's own commands; adds the enhanced code that they leave out (RFC 2034)."""
        text = status.decode() if isinstance(status, bytes) else status
        code, _, words = text.partition(" ")
        if words[1:2] != ".":
            words = f"{_ENHANCED.get(code, f'{code[0]}.0.0')} {words}"
        self._out.append(Reply(int(code), "", words).wire())

    def _refuse(self, refusal: Refusal, stage: str = "command", recipient: str = "", counts: bool = True) -> None:
        """Answer, count, and close where that is due. ``counts`` False: not an error of the client's."""
        self._out.append(refusal.wire)
        self.endpoint.note_refusal(self, stage, refusal, recipient)
        if refusal.closes:
            self._close()
        elif refusal.is_error and counts:
            self._errors += 1
            if self._errors >= self.terms.listener.limits.errors:
                self._out.append(replies.TOO_MANY_ERRORS.wire)
                self.endpoint.note_refusal(self, stage, replies.TOO_MANY_ERRORS)
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
            transport = await self.loop.start_tls(
                raw, self, context, server_side=True, ssl_handshake_timeout=_HANDSHAKE_SECONDS
            )
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

    # --- deadlines ---------------------------------------------------------------------------------------------------

    def check_deadlines(self, now: float) -> None:
        """Called by the endpoint's sweep."""
        limits = self.terms.listener.limits
        quiet = now - self._since
        if self._mode is CLOSED:
            if quiet > _LINGER_SECONDS:
                self.abort()
        elif self._is_handshaking:
            if quiet > _HANDSHAKE_SECONDS:
                self.abort()
        elif self._is_writing_paused:
            if quiet > limits.idle_seconds:
                self.endpoint.context.counters.add("refused", "replies-not-read")
                self.abort()
        elif self._coroutine is not None and self._line_waiter is None:
            return  # we keep the client waiting, not it us
        elif self._mode in (DATA, CHUNK):
            self._check_content_deadlines(now)
        elif now - self._began > limits.session_seconds:
            self._expire(replies.SESSION_TOO_LONG)
        elif quiet > self._idle_limit():
            self._expire(replies.IDLE)

    def _idle_limit(self) -> float:
        """Shorter for strangers while connections run short."""
        listener = self.terms.listener
        gate = self.endpoint.gate
        is_short = gate.connections(listener.id) * 10 > listener.limits.connections * 9 or gate.open * 10 > gate.total * 9
        if is_short and not (self.client is not None and self.client.may_relay) and not self.user:
            return min(_STRESSED_IDLE_SECONDS, listener.limits.idle_seconds)
        return listener.limits.idle_seconds

    def _check_content_deadlines(self, now: float) -> None:
        raise NotImplementedError

    def _expire(self, refusal: Refusal) -> None:
        self._refuse(refusal, "deadline")
        if self._coroutine is None:
            self._abandon()

    def shut_down(self) -> None:
        """The listener closes: end now, or after the message that is under way."""
        if self._mode in (COMMAND, PROXY) and self._coroutine is None:
            self._refuse(replies.SHUTTING_DOWN)

    def abort(self) -> None:
        """Drop the connection."""
        if self.transport is not None:
            self.transport.abort()


_ENHANCED = {"250": "2.0.0", "252": "2.5.0", "221": "2.0.0", "501": "5.5.4", "503": "5.5.1", "500": "5.5.2", "502": "5.5.1"}


def _has_only_printable(text: str) -> bool:
    """No control characters; ``str.isprintable`` also refuses some letters and spaces of other scripts."""
    return not any(ch < " " or "\x7f" <= ch <= "\x9f" or ch in "\u2028\u2029" for ch in text)
