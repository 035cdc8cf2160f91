"""Setting up a session with a next hop: name, address, TCP, banner, EHLO, TLS, sign-in.

aiosmtplib speaks from the banner to the sign-in; then its transport is taken over by ``connection.Connection``. The
pool and the probe both come through here, so what the probe shows is what delivery does.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from typing import cast

import aiosmtplib

from ...model.gateway import Encryption
from ...model.settings import DeliverySettings
from ..common.hop import NextHop
from ..common.outbox import Outbox
from .auth import Secrets, sign_in
from .connection import Connection, Deadlines
from .dial import Resolve, addresses_of, dial, system_addresses
from .dialogue import Dialogue
from .oauth import TokenSource
from .replies import reply_from_text
from .tls import TlsContexts, enforced_check, tls_failure, tls_state
from .values import FailureKind, Features, HopFailure, Session, Stage, TlsState

MAX_SESSIONS = 3
"""Addresses of one host that are given a chance to greet us, when others connect and then misbehave."""
_NEXT_ADDRESS = frozenset({FailureKind.LOST, FailureKind.TIMEOUT, FailureKind.REFUSED, FailureKind.PROTOCOL})


class _TlsUnusable(Exception):
    """An opportunistic handshake failed; the hop may be used in the clear."""

    def __init__(self, failure: HopFailure) -> None:
        super().__init__(failure.title)
        self.failure = failure


class Connector:
    """``settings`` and ``server_name`` are asked at each connection, so that a changed configuration counts at once."""

    def __init__(
        self,
        *,
        settings: Callable[[], DeliverySettings],
        server_name: Callable[[], str],
        secrets: Secrets,
        tokens: TokenSource | None = None,
        resolve: Resolve = system_addresses,
        contexts: TlsContexts | None = None,
    ) -> None:
        self._settings = settings
        self._server_name = server_name
        self._secrets = secrets
        self._tokens = tokens
        self._resolve = resolve
        self._contexts = contexts or TlsContexts()
        self.outbox = Outbox()
        """For all its connections."""
        self.pinned: dict[str, bytes] = {}
        """Certificates that were accepted by their fingerprint, in DER form, by that fingerprint."""

    def with_settings(
        self, settings: DeliverySettings, secrets: Secrets | None = None, tokens: TokenSource | None = None
    ) -> Connector:
        """The same way of connecting with other deadlines, or a password or client secret that is not stored yet."""
        return Connector(
            settings=lambda: settings,
            server_name=self._server_name,
            secrets=secrets or self._secrets,
            tokens=tokens or self._tokens,
            resolve=self._resolve,
            contexts=self._contexts,
        )

    @property
    def settings(self) -> DeliverySettings:
        return self._settings()

    async def connect(self, hop: NextHop, dialogue: Dialogue | None = None) -> Connection:
        """A session ready for transactions. Raises HopFailure, which holds the dialogue so far."""
        dialogue = dialogue or Dialogue()
        try:
            try:
                return await self._connect(hop, dialogue)
            except HopFailure as failure:
                if not failure.sign_in_anew:
                    raise
            dialogue.note("The token is used no more: connecting again with a new one.")
            return await self._connect(hop, dialogue)
        except HopFailure as failure:
            failure.dialogue = tuple(dialogue.lines)
            raise

    async def _connect(self, hop: NextHop, dialogue: Dialogue) -> Connection:
        settings = self._settings()
        dialogue.enter(Stage.RESOLVE)
        addresses = await addresses_of(hop, self._resolve, settings.ipv6)
        dialogue.note(f"{hop.address or hop.host} is {', '.join(addresses)}")
        for tried in range(1, MAX_SESSIONS + 1):
            dialogue.enter(Stage.CONNECT)
            sock, address = await dial(hop, addresses, settings.connect_seconds)
            try:
                return await self._opened(hop, sock, address, dialogue, settings)
            except HopFailure as failure:
                failure.address = address
                addresses = [other for other in addresses if other != address]
                is_early = failure.stage in (Stage.BANNER, Stage.EHLO) and failure.kind in _NEXT_ADDRESS
                if not (is_early and addresses and tried < MAX_SESSIONS):
                    raise
                dialogue.note(f"{failure.text} Trying another address.")
        raise AssertionError("the last round returns or raises")

    async def _opened(
        self, hop: NextHop, sock: socket.socket, address: str, dialogue: Dialogue, settings: DeliverySettings
    ) -> Connection:
        try:
            return await _SetUp(self, hop, sock, address, dialogue, settings).run(try_tls=True)
        except _TlsUnusable as unusable:
            dialogue.note(f"{unusable.failure.text} Going on without encryption, as “STARTTLS when offered” allows.")
        dialogue.enter(Stage.CONNECT)
        sock, address = await dial(hop, [address], settings.connect_seconds)
        return await _SetUp(self, hop, sock, address, dialogue, settings).run(try_tls=False)

    async def context_for(self, hop: NextHop) -> ssl.SSLContext:
        return await self._contexts.for_check(enforced_check(hop))

    @property
    def secrets(self) -> Secrets:
        return self._secrets

    @property
    def tokens(self) -> TokenSource | None:
        return self._tokens

    @property
    def server_name(self) -> str:
        return self._server_name()


class _SetUp:
    """One connected socket on its way to a session. Closes the socket unless it hands over a Connection."""

    def __init__(
        self,
        connector: Connector,
        hop: NextHop,
        sock: socket.socket,
        address: str,
        dialogue: Dialogue,
        settings: DeliverySettings,
    ) -> None:
        self._connector = connector
        self._hop = hop
        self._sock = sock
        self._address = address
        self._source = str(sock.getsockname()[0])
        self._dialogue = dialogue
        self._settings = settings
        self._name = hop.ehlo_name or connector.server_name
        self._smtp: aiosmtplib.SMTP | None = None
        self._features = Features()
        self._tls: TlsState | None = None

    async def run(self, try_tls: bool) -> Connection:
        self._dialogue.note(f"connected to {self._address} port {self._hop.port} from {self._source}")
        try:
            greeting = await self._greet()
            await self._hello()
            if try_tls and self._hop.encryption in (Encryption.REQUIRED, Encryption.OPPORTUNISTIC):
                await self._start_tls()
            if self._hop.auth is not None:
                await self._sign_in()
            return self._take_over(greeting)
        except HopFailure as failure:
            failure.source_address = self._source
            self._close()
            raise
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        if self._smtp is not None:
            # At once, before the socket: a transport that still waits for the other side's close_notify would go on
            # watching a descriptor that is somebody else's by then.
            if self._smtp.transport is not None:
                self._smtp.transport.abort()  # type: ignore[attr-defined]
            self._smtp.close()
        with contextlib.suppress(OSError):
            self._sock.close()

    async def _greet(self) -> str:
        implicit = self._hop.encryption is Encryption.IMPLICIT
        context = await self._connector.context_for(self._hop) if implicit else None
        smtp = self._smtp = aiosmtplib.SMTP(
            hostname=self._hop.host,
            local_hostname=self._name,
            timeout=None,
            use_tls=implicit,
            start_tls=False,
            tls_context=context,
            sock=self._sock,
        )
        if not implicit:
            async with self._step(Stage.BANNER, self._settings.command_seconds):
                response = await smtp.connect()
        else:
            response = await self._greet_over_tls(smtp)
            self._dialogue.enter(Stage.TLS)
            self._note_tls(smtp)
            self._dialogue.enter(Stage.BANNER)
        reply = reply_from_text(response.code, response.message)
        self._dialogue.received(reply)
        return reply.text

    async def _greet_over_tls(self, smtp: aiosmtplib.SMTP) -> aiosmtplib.SMTPResponse:
        """aiosmtplib makes the handshake and reads the banner in one call; each has its own deadline all the same."""
        loop = asyncio.get_running_loop()
        settings = self._settings
        async with self._step(Stage.TLS, settings.connect_seconds + settings.command_seconds) as deadline:

            def check() -> None:
                if smtp.transport is None:
                    deadline.reschedule(loop.time())
                else:
                    self._dialogue.enter(Stage.BANNER)

            handle = loop.call_later(settings.connect_seconds, check)
            try:
                return await smtp.connect()
            except aiosmtplib.SMTPConnectResponseError:
                self._dialogue.enter(Stage.BANNER)
                raise
            except aiosmtplib.SMTPConnectError as error:
                if isinstance(error.__cause__, aiosmtplib.SMTPServerDisconnected):
                    self._dialogue.enter(Stage.BANNER)
                raise
            finally:
                handle.cancel()

    async def _hello(self) -> None:
        smtp = self._connected()
        self._dialogue.enter(Stage.EHLO)
        self._dialogue.sent(f"EHLO {self._name}")
        async with self._step(Stage.EHLO, self._settings.command_seconds):
            try:
                response = await smtp.ehlo()
            except aiosmtplib.SMTPHeloError as error:
                if not (500 <= error.code < 600) or not smtp.is_connected:
                    raise
                self._dialogue.received(reply_from_text(error.code, error.message))
                self._dialogue.sent(f"HELO {self._name}")
                response = await smtp.helo()
        self._dialogue.received(reply_from_text(response.code, response.message))
        self._features = features_of(smtp.esmtp_extensions if smtp.supports_esmtp else {}, smtp.server_auth_methods)

    async def _start_tls(self) -> None:
        smtp = self._connected()
        is_required = self._hop.encryption is Encryption.REQUIRED
        if not smtp.supports_extension("starttls"):
            if is_required:
                self._dialogue.enter(Stage.TLS)
                raise HopFailure(
                    Stage.TLS,
                    FailureKind.TLS,
                    "The server does not offer STARTTLS, which this gateway requires.",
                    "Nothing was sent.",
                    "Use the port that offers it (usually 587), “TLS from the start” on port 465, or another encryption.",
                )
            self._dialogue.enter(Stage.TLS)
            self._dialogue.note("STARTTLS is not offered: going on without encryption")
            return
        self._dialogue.enter(Stage.TLS)
        context = await self._connector.context_for(self._hop)
        self._dialogue.sent("STARTTLS")
        try:
            async with self._step(Stage.TLS, self._settings.connect_seconds):
                response = await smtp.starttls(tls_context=context, server_hostname=self._hop.host)
        except HopFailure as failure:
            if is_required or failure.kind is FailureKind.CERTIFICATE:
                raise
            if failure.kind is FailureKind.REFUSED and smtp.is_connected:
                self._dialogue.note("going on without encryption, as “STARTTLS when offered” allows")
                return
            raise _TlsUnusable(failure) from failure
        self._dialogue.received(reply_from_text(response.code, response.message))
        self._note_tls(smtp)
        await self._hello()

    def _note_tls(self, smtp: aiosmtplib.SMTP) -> None:
        self._tls = tls_state(self._hop, smtp.get_transport_info("ssl_object"))
        self._dialogue.note(f"encrypted: {self._tls}")
        if (pin := self._hop.certificate.fingerprint) is not None and pin == self._tls.fingerprint:
            self._connector.pinned[pin] = self._tls.certificate

    async def _sign_in(self) -> None:
        auth = self._hop.auth
        assert auth is not None  # noqa: S101 - the caller looked
        # The keyring may ask a person; its time is not the server's.
        async with self._step(Stage.AUTH, 2 * self._settings.command_seconds):
            await sign_in(
                self._connected(),
                auth,
                self._connector.secrets,
                self._connector.tokens,
                self._features,
                self._tls is not None,
                self._dialogue,
            )

    def _take_over(self, greeting: str) -> Connection:
        smtp = self._connected()
        if smtp.transport is None or smtp.transport.is_closing():
            raise HopFailure(self._dialogue.stage, FailureKind.LOST, "The server closed the connection.", "It gave no reason.")
        transport = cast(asyncio.Transport, smtp.transport)
        # From here on aiosmtplib must not touch the transport, whatever becomes of its objects.
        smtp.transport = None
        smtp.protocol = None
        self._smtp = None
        session = Session(
            self._address,
            self._hop.port,
            self._source,
            greeting,
            self._features,
            self._tls,
            self._hop.auth.username if self._hop.auth is not None else "",
            tuple(self._dialogue.lines),
        )
        deadlines = Deadlines(self._settings.command_seconds, self._settings.data_done_seconds)
        return Connection(self._hop, session, transport, deadlines, self._dialogue.quotes, self._connector.outbox)

    def _connected(self) -> aiosmtplib.SMTP:
        assert self._smtp is not None  # noqa: S101 - _greet comes first
        return self._smtp

    @contextlib.asynccontextmanager
    async def _step(self, stage: Stage, seconds: float) -> AsyncIterator[asyncio.Timeout]:
        """One stage with its total deadline; every error of the library comes out as a HopFailure."""
        self._dialogue.enter(stage)
        try:
            async with asyncio.timeout(seconds) as deadline:
                yield deadline
        except TimeoutError as error:
            raise self._timed_out() from error
        except aiosmtplib.SMTPResponseException as error:
            raise self._refused(error) from error
        except aiosmtplib.SMTPException as error:
            raise self._translated(error) from error
        except ssl.SSLError as error:
            raise tls_failure(self._hop, error) from error
        except OSError as error:
            raise self._lost(str(error)) from error

    def _timed_out(self) -> HopFailure:
        stage = self._dialogue.stage
        hint = "The server may be overloaded; try again later."
        if stage is Stage.BANNER and self._hop.encryption is not Encryption.IMPLICIT:
            hint = "If this port expects TLS from the start (465 does), choose that encryption."
        elif stage is Stage.TLS:
            hint = "Check that port and encryption belong together: 465 for TLS from the start, 587 or 25 for STARTTLS."
        return HopFailure(stage, FailureKind.TIMEOUT, f"The server was silent for too long ({_WORDS[stage]}).", "", hint)

    def _refused(self, error: aiosmtplib.SMTPResponseException) -> HopFailure:
        stage = self._dialogue.stage
        if not 200 <= error.code < 600:
            hint = "Check server address and port: this does not look like a mail server."
            reply = reply_from_text(0, error.message, self._dialogue.quotes)
            return HopFailure(
                stage, FailureKind.PROTOCOL, "The other side does not speak SMTP.", f"It said “{reply.text[:200]}”.", hint
            )
        reply = reply_from_text(error.code, error.message, self._dialogue.quotes)
        self._dialogue.received(reply)
        hint = (
            "The server turns us away for now; delivery tries again later."
            if reply.is_transient
            else ("Ask the server's administrator; it may accept only certain addresses or names.")
        )
        return HopFailure(
            stage,
            FailureKind.REFUSED,
            f"The server refused us ({_WORDS[stage]}).",
            f"It said “{reply}”.",
            hint,
            reply=reply,
        )

    def _translated(self, error: aiosmtplib.SMTPException) -> HopFailure:
        cause = error.__cause__
        if isinstance(cause, ssl.SSLError):
            return tls_failure(self._hop, cause)
        if isinstance(error, ConnectionError):
            return self._lost("")
        words = self._dialogue.quotes.left_out(error.message)
        return HopFailure(self._dialogue.stage, FailureKind.PROTOCOL, "The session failed.", f"{words}.")

    def _lost(self, detail: str) -> HopFailure:
        stage = self._dialogue.stage
        hint = "Check that port and encryption belong together." if stage in (Stage.BANNER, Stage.TLS) else ""
        said = f"The system says: {detail}." if detail else "It gave no reason."
        return HopFailure(stage, FailureKind.LOST, f"The server closed the connection ({_WORDS[stage]}).", said, hint)


_WORDS = {
    Stage.RESOLVE: "looking up its name",
    Stage.CONNECT: "connecting",
    Stage.BANNER: "before its greeting",
    Stage.EHLO: "at our EHLO",
    Stage.TLS: "starting TLS",
    Stage.AUTH: "signing in",
}


def features_of(extensions: dict[str, str], mechanisms: Sequence[str]) -> Features:
    """aiosmtplib's parsed EHLO reply as a value. What cannot be read as announced counts as not announced."""
    size = extensions.get("size", "")
    return Features(
        names=frozenset(name.upper() for name in extensions),
        pipelining="pipelining" in extensions,
        eight_bit_mime="8bitmime" in extensions,
        smtputf8="smtputf8" in extensions,
        dsn="dsn" in extensions,
        size="size" in extensions,
        size_limit=_number(size),
        max_recipients=_number(_limit(extensions.get("limits", ""), "RCPTMAX")),
        auth=tuple(dict.fromkeys(name.upper() for name in mechanisms)),
    )


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 20 else 0


def _limit(limits: str, name: str) -> str:
    """One of ``RCPTMAX=20 MAILMAX=5 …``; empty when it is not among them."""
    pairs = (item.partition("=") for item in limits.upper().split())
    return next((value for key, _, value in pairs if key == name), "")
