"""Octets to commands: lines, pipelined or one by one, and the answers of a sign-in dialogue."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, NamedTuple

from ...model.listener import LineEnds
from . import faults, proxy_protocol, replies
from .driving import Driver
from .wire import CLOSED, COMMAND, PROXY

MAX_COMMAND = 2048
"""Octets in a command line: RFC 5321 §4.5.3.1.4 asks for 512, and every parameter adds to it."""
MAX_SASL_LINE = 12_288
"""RFC 4954 §4."""
_UNREADABLE = b"\x00"
"""What stands for such a line that is too long: no base64."""
_HIGH_WATER = 65_536
"""Pipelined input kept while the connection waits; reading stops above it."""
_REPLIES_GATHERED = 200
"""Replies that wait for one write at most; more go out, and stop the parsing when the client does not take them."""
_HTTP = frozenset({b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"CONNECT", b"PATCH", b"TRACE", b"PRI"})
_REFUSE_BARE = LineEnds.REFUSE


class Command(NamedTuple):
    """``is_free``: does not count as a command without mail. ``before_tls``: allowed where STARTTLS is required."""

    method: Any
    is_free: bool
    before_tls: bool


class Lines(Driver):
    """Obeys what comes as far as nothing is waited for; what is no command line is taken by the layers above."""

    _table: ClassVar[dict[bytes, Command]] = {}

    _line_waiter: asyncio.Future[bytes] | None = None
    _is_reading_paused = False
    _is_writing_paused = False
    _has_eof = False
    _idle_commands = 0
    _is_first_packet = True
    _is_skipping = False
    """Within a line that is too long."""

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
                if not self._take_proxy_header():
                    break
            else:
                self._since = self.endpoint.now
                self._take_content()
        if self._at:
            self._buffer = self._buffer[self._at :]
            self._at = 0

    def _take_content(self) -> None:
        raise NotImplementedError

    def _take_proxy_header(self) -> bool:
        """False when the header is not complete yet, or no header."""
        raise NotImplementedError

    # --- commands ----------------------------------------------------------------------------------------------------

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
            if not self._is_plausible_beginning(buffer[begin:]):
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

    # --- sign-in dialogue --------------------------------------------------------------------------------------------

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
        if end < 0:
            if self._is_skipping or len(self._buffer) > MAX_SASL_LINE:
                self._is_skipping = True
                self._drop_input()
            return
        line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
        is_too_long, self._is_skipping = self._is_skipping or end > MAX_SASL_LINE, False
        self._line_waiter = None
        waiter.set_result(_UNREADABLE if is_too_long else line.removesuffix(b"\r"))

    # --- going on and holding back -----------------------------------------------------------------------------------

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

    def pause_writing(self) -> None:
        self._is_writing_paused = True
        self._since = self.endpoint.now

    def resume_writing(self) -> None:
        self._is_writing_paused = False
        if self._coroutine is None and not self._is_lost:
            self._go_on()

    def _pause_reading(self) -> None:
        if not self._is_reading_paused and self.transport is not None:
            self._is_reading_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        self._is_reading_paused = False
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()


def _has_only_printable(text: str) -> bool:
    """No control characters; ``str.isprintable`` also refuses some letters and spaces of other scripts."""
    return not any(ch < " " or "\x7f" <= ch <= "\x9f" or ch in "\u2028\u2029" for ch in text)
