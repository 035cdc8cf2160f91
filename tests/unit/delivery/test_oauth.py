"""Signing in at a next hop by token: XOAUTH2, OAUTHBEARER, the challenge, and one new token where an old one is refused."""

from __future__ import annotations

from typing import Any

import pytest

from gatepost.model.errors import Unavailable
from gatepost.model.gateway import Encryption
from gatepost.model.oauth import OAuthAccount, OAuthSettings
from gatepost.model.secret import Secret
from gatepost.relay.common.hop import HopAuth
from gatepost.relay.delivery.connection import Connection
from gatepost.relay.delivery.connector import Connector
from gatepost.relay.delivery.tls import TlsContexts
from gatepost.relay.delivery.values import FailureKind, HopFailure

from ...support.certificates import authority
from ...support.smtp_peer import SmtpPeer
from .hops import QUICK, TRUSTED, FixedSecrets, hop_for

USER = "sender@example.com"
GOOD = "good-token"


class Token:
    def __init__(self, value: str) -> None:
        self.value = Secret(value)


class HandedOut:
    """Tokens in the order given; the last one again and again. ``worked``: those that a server had taken before."""

    def __init__(self, *values: str, worked: tuple[str, ...] = (), fault: Unavailable | None = None) -> None:
        self.tokens = [Token(value) for value in values]
        self.worked = worked
        self.fault = fault
        self.taken: list[str] = []
        self.turned_down: list[str] = []

    async def token(self, account: OAuthAccount) -> Token:
        if self.fault is not None:
            raise self.fault
        return self.tokens[0]

    def accepted(self, account: OAuthAccount, token: Any) -> None:
        self.taken.append(token.value.reveal())

    def refused(self, account: OAuthAccount, token: Any) -> bool:
        self.turned_down.append(token.value.reveal())
        if len(self.tokens) > 1:
            self.tokens.pop(0)
        return token.value.reveal() in self.worked


def peer_with(*mechanisms: str, status: str = "401") -> SmtpPeer:
    def problem(user: str, token: str) -> str:
        return "" if (user, token) == (USER, GOOD) else status

    return SmtpPeer(starttls=True, tokens=problem, auth=mechanisms or ("PLAIN", "XOAUTH2"), auth_needs_tls=True)


async def connect(
    peer: SmtpPeer, tokens: HandedOut, *, encryption: Encryption = Encryption.REQUIRED, username: str = USER, **oauth: Any
) -> Connection:
    settings = OAuthSettings.model_validate({"client_id": "c", "tenant": "example.com", **oauth})
    auth = HopAuth(username, "unused", oauth=OAuthAccount("gw-1", username, settings))
    connector = Connector(
        settings=lambda: QUICK, server_name=lambda: "relay.test", secrets=FixedSecrets(), tokens=tokens,
        contexts=TlsContexts(authority().root_file),
    )  # fmt: skip
    return await connector.connect(hop_for(peer, encryption=encryption, certificate=TRUSTED, auth=auth))


async def failure_of(peer: SmtpPeer, tokens: HandedOut, **more: Any) -> HopFailure:
    with pytest.raises(HopFailure) as caught:
        (await connect(peer, tokens, **more)).abort()
    return caught.value


@pytest.mark.parametrize("mechanisms", [("XOAUTH2",), ("LOGIN", "OAUTHBEARER", "XOAUTH2"), ("OAUTHBEARER",)])
async def test_a_good_token_signs_in_and_is_not_shown(mechanisms: tuple[str, ...]) -> None:
    async with peer_with(*mechanisms) as peer:
        tokens = HandedOut(GOOD)
        connection = await connect(peer, tokens)
        assert connection.session.user == USER
        attempt = peer.auths[0]
        assert (attempt.user, attempt.password, attempt.tls) == (USER, GOOD, True)
        assert attempt.mechanism == ("XOAUTH2" if "XOAUTH2" in mechanisms else "OAUTHBEARER")
        assert tokens.taken == [GOOD]
        assert f"C: AUTH {attempt.mechanism} ********" in connection.session.dialogue
        assert GOOD not in "".join(connection.session.dialogue)
        connection.abort()


async def test_names_with_commas_are_escaped_for_oauthbearer() -> None:
    name = "a,b=c@example.com"
    async with SmtpPeer(starttls=True, tokens=lambda user, token: "" if user == name else "401", auth=("OAUTHBEARER",)) as peer:
        (await connect(peer, HandedOut(GOOD), username=name)).abort()
        assert peer.auths[0].user == name


async def test_a_password_is_never_tried_instead() -> None:
    async with peer_with("PLAIN", "LOGIN") as peer:
        failure = await failure_of(peer, HandedOut(GOOD))
        assert failure.kind is FailureKind.AUTH
        assert "no sign-in by OAuth 2.0" in failure.title
        assert not peer.auths


async def test_a_token_is_not_sent_in_the_clear() -> None:
    async with SmtpPeer(tokens=lambda user, token: "", auth=("XOAUTH2",)) as peer:
        failure = await failure_of(peer, HandedOut(GOOD), encryption=Encryption.NONE)
        assert "not encrypted" in failure.title
        assert not peer.auths


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
async def test_a_token_that_had_worked_is_replaced_on_a_new_connection(mechanism: str) -> None:
    async with peer_with(mechanism) as peer:
        tokens = HandedOut("worn-out", GOOD, worked=("worn-out",))
        connection = await connect(peer, tokens)
        assert [(attempt.connection, attempt.accepted) for attempt in peer.auths] == [(0, False), (1, True)]
        assert tokens.turned_down == ["worn-out"]
        shown = "\n".join(connection.session.dialogue)
        assert "status 401" in shown
        assert "connecting again with a new one" in shown
        assert "worn-out" not in shown
        connection.abort()


async def test_two_refusals_are_the_end_of_it() -> None:
    async with peer_with() as peer:
        failure = await failure_of(peer, HandedOut("one", "two", "three", worked=("one", "two")))
        assert len(peer.auths) == 2
        assert failure.reply is not None
        assert failure.reply.code == 535


async def test_a_new_token_that_is_refused_is_not_tried_again() -> None:
    async with peer_with() as peer:
        failure = await failure_of(peer, HandedOut("new", GOOD))
        assert len(peer.auths) == 1
        assert "check the mailbox, or sign in again" in failure.title
        assert "status 401" in failure.detail


@pytest.mark.parametrize(
    ("reply", "words", "hint", "flow"),
    [
        ("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.", "whole organization",
         "Authenticated SMTP", "delegated"),
        ("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.", "for the mailbox",
         "Authenticated SMTP", "delegated"),
        ("535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy.",
         "security defaults", "Entra", "delegated"),
        ("535 5.7.3 Authentication unsuccessful", "let the application send as", "New-ServicePrincipal", "application"),
        ("535 5.7.3 Authentication unsuccessful", "sign in again", "Full Access", "delegated"),
        ("454 4.7.0 Temporary authentication failure", "just now", "by itself", "delegated"),
    ],
)  # fmt: skip
async def test_microsofts_refusals_say_what_to_do(reply: str, words: str, hint: str, flow: str) -> None:
    async with peer_with() as peer:
        peer.on("auth", reply)
        failure = await failure_of(peer, HandedOut("any", worked=() if "5.7.3 " in reply else ("any",)), flow=flow)
        assert words in failure.title
        assert hint in failure.hint
        assert len(peer.auths) == 1, "another token would not help"


async def test_no_token_is_the_gateways_trouble_in_the_words_of_whoever_has_none() -> None:
    async with peer_with() as peer:
        failure = await failure_of(peer, HandedOut(fault=Unavailable("Sign in again.", "It said so.", "On the card.")))
        assert (failure.kind, failure.text, failure.hint) == (FailureKind.AUTH, "Sign in again. It said so.", "On the card.")
        assert not peer.auths


async def test_a_server_that_quotes_the_token_is_not_quoted() -> None:
    async with peer_with(status="you sent secret-token-1") as peer:
        peer.on("auth", "535 5.7.8 you sent secret-token-1")
        failure = await failure_of(peer, HandedOut("secret-token-1"))
        assert "secret-token-1" not in "\n".join([*failure.dialogue, str(failure), repr(failure.__dict__)])


@pytest.mark.parametrize("challenge", ["not base64 at all!", "bm90IGpzb24=", "WzFd", "", "eyJzdGF0dXMiOiB7fX0="])
async def test_a_challenge_that_explains_nothing_is_answered_all_the_same(challenge: str) -> None:
    def tokens(user: str, token: str) -> str:
        return "401"

    async with SmtpPeer(starttls=True, tokens=tokens, auth=("XOAUTH2",)) as peer:
        peer.on("auth", f"334 {challenge}", times=1)
        failure = await failure_of(peer, HandedOut("any"))
        assert failure.kind in (FailureKind.AUTH, FailureKind.PROTOCOL)
