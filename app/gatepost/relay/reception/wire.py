"""What a session holds of its connection: input that was not obeyed yet, and replies, gathered into few writes."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from aiosmtpd import smtp

from ...model.reply import Reply
from . import replies
from .admission import Client
from .replies import Refusal
from .terms import Terms

if TYPE_CHECKING:
    from .endpoint import Endpoint


class Mode(IntEnum):
    """What the next octets are."""

    COMMAND = 0
    DATA = 1
    CHUNK = 2
    PROXY = 3
    CLOSED = 4


# An enum's members are looked up slowly; these names are asked for with every packet.
COMMAND, DATA, CHUNK, PROXY, CLOSED = Mode


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
    """The ground of a session. ``SMTP.__init__`` is not called: what it builds for each object stands in the class."""

    # What aiosmtpd's own commands look up.
    _handle_hooks: dict[str, Any] = {}  # noqa: RUF012 - shared by all sessions on purpose
    _auth_required = False
    enable_SMTPUTF8 = True  # noqa: N815 - aiosmtpd's name
    event_handler = None

    transport: Any = None
    session: ClientState
    client: Client | None = None
    local_address = ""
    tls = ""
    user = ""
    _mode = COMMAND
    _since: float
    """The endpoint's time when the client did something last."""
    _buffer = b""
    _at = 0
    """Where in the buffer the octets begin that were not obeyed yet."""
    _is_lost = False
    _errors = 0

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

    def _drop_input(self) -> None:
        self._buffer = b""
        self._at = 0

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

    def _close(self) -> None:
        """Say what is left to say, and close. What still comes is not read."""
        self.flush()
        self._mode = CLOSED
        self._since = self.endpoint.now
        self._drop_input()
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Drop the connection."""
        if self.transport is not None:
            self.transport.abort()


_ENHANCED = {"250": "2.0.0", "252": "2.5.0", "221": "2.0.0", "501": "5.5.4", "503": "5.5.1", "500": "5.5.2", "502": "5.5.1"}
