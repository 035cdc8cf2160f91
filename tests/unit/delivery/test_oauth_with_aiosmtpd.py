"""XOAUTH2 against a server that is not ours: aiosmtpd, whose AUTH machinery asks for what RFC 4954 wants."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64decode, b64encode
from typing import Any

import pytest
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from gatepost.model.gateway import Encryption
from gatepost.model.oauth import OAuthAccount, OAuthSettings
from gatepost.relay.common.hop import HopAuth
from gatepost.relay.delivery.connector import Connector
from gatepost.relay.delivery.tls import TlsContexts
from gatepost.relay.delivery.values import HopFailure

from ...support.certificates import authority, issued
from .hops import QUICK, TRUSTED, FixedSecrets, hop_for
from .test_oauth import GOOD, USER, HandedOut

CHALLENGE = b'{"status":"401","schemes":"bearer","scope":"mail"}'


class TokenSink(Sink):
    """Takes mail of whoever shows the good token; else challenges as Google does, and refuses."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[bytes] = []

    async def auth_XOAUTH2(self, server: SMTP, arguments: list[str]) -> AuthResult:
        if b64decode(arguments[1]).decode() == f"user={USER}\1auth=Bearer {GOOD}\1\1":
            return AuthResult(success=True)
        await server.push(f"334 {b64encode(CHALLENGE).decode()}")
        self.answers.append(await server._reader.readline())
        return AuthResult(success=False, handled=False)

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return responses


@pytest.mark.parametrize("token", [GOOD, "worn-out"])
async def test_aiosmtpd_takes_a_good_token_and_its_challenge_is_answered(token: str) -> None:
    handler = TokenSink()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = issued()
    context.load_cert_chain(pair.certificate_file, pair.key_file)

    def make() -> SMTP:
        return SMTP(handler, hostname="sink.test", tls_context=context, require_starttls=True, auth_require_tls=True)

    loop = asyncio.get_running_loop()
    server: Any = await loop.create_server(make, "127.0.0.1", 0)
    async with server:
        account = OAuthAccount("gw-1", USER, OAuthSettings(client_id="c"))
        connector = Connector(
            settings=lambda: QUICK, server_name=lambda: "relay.test", secrets=FixedSecrets(), tokens=HandedOut(token),
            contexts=TlsContexts(authority().root_file),
        )  # fmt: skip
        hop = hop_for(
            server.sockets[0].getsockname()[1], encryption=Encryption.REQUIRED, certificate=TRUSTED,
            auth=HopAuth(USER, "unused", oauth=account),
        )  # fmt: skip
        if token == GOOD:
            connection = await connector.connect(hop)
            assert connection.session.user == USER
            connection.abort()
        else:
            with pytest.raises(HopFailure, match="does not accept the sign-in"):
                await connector.connect(hop)
            assert handler.answers == [b"\r\n"]
