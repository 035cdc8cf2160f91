"""The commands that move no mail: HELO, EHLO, STARTTLS, AUTH, ETRN, QUIT. HELP, NOOP and RSET are aiosmtpd's own."""

# ruff: noqa: N802 - smtp_… are the names by which aiosmtpd knows commands

from __future__ import annotations

import asyncio
import binascii
import inspect
import re
from base64 import b64decode, b64encode

from aiosmtpd.smtp import syntax

from ...model.reply import Reply
from . import replies, trace
from .authentication import FAILURES_PER_CONNECTION, Outcome
from .connection import Connection
from .replies import Refusal

_HELO_NAME = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253})|\[[A-Za-z0-9.:-]{2,60}\])\Z")
_ETRN_NAME = re.compile(r"[@#]?[A-Za-z0-9_.-]{1,255}\Z")


class Commands(Connection):
    """Introduction, encryption, sign-in."""

    _auth_failures = 0
    _origin_part = ""

    # --- introduction ------------------------------------------------------------------------------------------------

    @syntax("HELO hostname")
    async def smtp_HELO(self, hostname: str) -> None:
        if self._introduce(hostname, extended=False):
            self._out.append(f"250 {self.terms.host_name}\r\n".encode())

    @syntax("EHLO hostname")
    async def smtp_EHLO(self, hostname: str) -> None:
        if self._introduce(hostname, extended=True):
            terms = self.terms
            self._out.append(terms.ehlo(self._offers_starttls, self._may_sign_in(), self._may_etrn()))

    def _introduce(self, hostname: str, extended: bool) -> bool:
        if not _HELO_NAME.match(hostname):
            self._refuse(replies.HELO_SYNTAX)
            return False
        self._set_rset_state()
        self.terms = self.endpoint.terms
        self.session.extended_smtp = extended
        self.session.host_name = hostname
        assert self.client is not None  # noqa: S101 - commands come only after admission
        self._origin_part = trace.origin_part(hostname, self.client.address, self.terms.host_name)
        return True

    @syntax("QUIT")
    async def smtp_QUIT(self, arg: str) -> None:
        self._out.append(b"221 2.0.0 Bye\r\n")
        self._close()

    @syntax("VRFY <address>")
    async def smtp_VRFY(self, arg: str) -> None:
        self._out.append(b"252 2.5.0 Cannot verify here, send the message and see\r\n")

    @syntax("EXPN <list>", when="_never")
    async def smtp_EXPN(self, arg: str) -> None:
        self._refuse(replies.NOT_IMPLEMENTED)

    _never = False

    @syntax("ETRN <domain>", when="_may_etrn_now")
    async def smtp_ETRN(self, arg: str) -> None:
        """RFC 1985, for primaries: what waits for them goes now."""
        etrn = self.endpoint.context.etrn
        if etrn is None or self.client is None or not self._may_etrn():
            self._refuse(replies.NOT_IMPLEMENTED)
        elif self.envelope is not None:
            self._refuse(replies.IN_TRANSACTION)
        elif not _ETRN_NAME.match(arg):
            self._refuse(Refusal("syntax", Reply(501, "5.5.4", "Write ETRN domain")))
        else:
            answer = etrn(arg, self.client.address)
            reply = await asyncio.ensure_future(answer) if inspect.isawaitable(answer) else answer
            self._out.append(reply.wire())

    def _may_etrn(self) -> bool:
        return self.endpoint.context.etrn is not None and self.client is not None and self.client.is_primary

    @property
    def _may_etrn_now(self) -> bool:
        return self._may_etrn()

    @property
    def _offers_starttls(self) -> bool:
        return self.terms.offers_starttls and not self.tls

    # --- encryption --------------------------------------------------------------------------------------------------

    @syntax("STARTTLS", when="_offers_starttls")
    async def smtp_STARTTLS(self, arg: str) -> None:
        """RFC 3207."""
        if arg:
            self._refuse(replies.NO_ARGUMENT)
        elif self.tls:
            self._refuse(replies.TLS_ALREADY)
        elif not self.terms.offers_starttls:
            self._refuse(replies.NO_TLS)
        else:
            self._out.append(b"220 2.0.0 Ready to start TLS\r\n")
            await self._upgrade()

    # --- sign-in -----------------------------------------------------------------------------------------------------

    def _is_private(self) -> bool:
        """Nobody can listen: TLS of either kind, or a client on this machine."""
        return bool(self.tls) or (self.client is not None and self.client.is_loopback)

    def _may_sign_in(self) -> bool:
        return self._is_private() and bool(self.terms.admission.users) and not self.user

    @syntax("AUTH <mechanism> [initial-response]")
    async def smtp_AUTH(self, arg: str) -> None:
        """RFC 4954: PLAIN (RFC 4616) and LOGIN."""
        if not self.session.extended_smtp:
            self._refuse(replies.EHLO_FIRST)
        elif self.user:
            self._refuse(replies.AUTH_ALREADY)
        elif self.envelope is not None:
            self._refuse(replies.IN_TRANSACTION)
        elif not self.terms.admission.users:
            self._refuse(replies.NOT_IMPLEMENTED)
        elif not self._is_private():
            self._refuse(replies.AUTH_NEEDS_TLS)
        else:
            mechanism, _, initial = arg.partition(" ")
            if mechanism.upper() == "PLAIN":
                await self._auth_plain(initial.strip())
            elif mechanism.upper() == "LOGIN":
                await self._auth_login(initial.strip())
            else:
                self._refuse(replies.AUTH_MECHANISM)

    async def _auth_plain(self, initial: str) -> None:
        message = self._decoded(initial.encode()) if initial else await self._challenge(b"")
        if message is None:
            return
        parts = message.split(b"\x00")
        if len(parts) != 3:
            self._refuse(replies.AUTH_SYNTAX, "auth")
            return
        authorise, username, password = parts
        await self._sign_in(username, password, authorise)

    async def _auth_login(self, initial: str) -> None:
        username = self._decoded(initial.encode()) if initial else await self._challenge(b"Username:")
        if username is None:
            return
        password = await self._challenge(b"Password:")
        if password is not None:
            await self._sign_in(username, password, b"")

    async def _challenge(self, words: bytes) -> bytes | None:
        """None: the dialogue is over and was answered."""
        self._out.append(b"334 " + b64encode(words) + b"\r\n")
        line = await self._next_sasl_line()
        if line == b"*":
            self._refuse(replies.AUTH_CANCELLED, "auth")
            return None
        return self._decoded(line)

    def _decoded(self, text: bytes) -> bytes | None:
        if text == b"=":  # RFC 4954 §4: an empty initial response
            return b""
        try:
            return b64decode(text, validate=True)
        except binascii.Error:
            self._refuse(replies.AUTH_SYNTAX, "auth")
            return None

    async def _sign_in(self, username: bytes, password: bytes, authorise: bytes) -> None:
        assert self.client is not None  # noqa: S101 - commands come only after admission
        try:
            name = username.decode()
        except UnicodeDecodeError:
            self._refuse(replies.AUTH_SYNTAX, "auth")
            return
        if authorise not in (b"", username) or len(name) > 255 or len(password) > 1024:
            self._refuse(replies.AUTH_FAILED, "auth")
            return
        users = self.terms.admission.users
        outcome = await self.endpoint.authenticator.check(users, name, password, self.client.bucket, self._auth_failures)
        if self._is_lost:
            return
        if outcome is Outcome.AUTHENTICATED:
            self.user = users[name.casefold()].username
            self.session.authenticated = True
            self._out.append(b"235 2.7.0 Welcome\r\n")
        elif outcome is Outcome.BLOCKED:
            self._refuse(replies.AUTH_BLOCKED, "auth")
        else:
            self._auth_failures += 1
            self._refuse(replies.AUTH_FAILED, "auth")
            if self._auth_failures >= FAILURES_PER_CONNECTION:
                self._refuse(replies.AUTH_BLOCKED, "auth")
