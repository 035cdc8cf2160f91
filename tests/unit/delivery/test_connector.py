"""Setting up sessions with real sockets: each encryption policy, each way to check a certificate, each failure."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
import uvloop

from gatepost.model.errors import Unavailable
from gatepost.model.gateway import Certificate, CertificateCheck, Encryption
from gatepost.model.secret import Secret
from gatepost.model.settings import DeliverySettings
from gatepost.relay.common.hop import HopAuth
from gatepost.relay.delivery.connection import Connection
from gatepost.relay.delivery.dial import happy_order
from gatepost.relay.delivery.values import FailureKind, HopFailure, Stage

from ...support.certificates import Issued, issued
from ...support.smtp_peer import DROP, HANG, Delay, Endless, Raw, SmtpPeer
from .hops import MESSAGE, TRUSTED, UNCHECKED, FixedSecrets, connector_for, hop_for, job_for, run_jobs

AUTH = HopAuth("bob", "pw")
SECRETS = FixedSecrets(pw="s3cret pässword")
USERS = {"bob": "s3cret pässword"}


async def connect(peer: SmtpPeer, *, secrets: Any = SECRETS, settings: Any = None, **hop: Any) -> Connection:
    more = {} if settings is None else {"settings": settings}
    return await connector_for(secrets=secrets, **more).connect(hop_for(peer, **hop))


async def failure_of(peer: SmtpPeer, **more: Any) -> HopFailure:
    with pytest.raises(HopFailure) as caught:
        (await connect(peer, **more)).abort()
    return caught.value


# Take-over of the transport, on both loops

Scenario = Callable[[], Coroutine[Any, Any, None]]
LOOPS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


@LOOPS
@pytest.mark.parametrize("encryption", list(Encryption))
@pytest.mark.parametrize("big", [False, True], ids=["small", "streamed"])
def test_mail_passes_over_the_taken_over_transport(
    run: Callable[[Coroutine[Any, Any, None]], None], encryption: Encryption, big: bool
) -> None:
    content = MESSAGE if not big else MESSAGE + (b"." + b"y" * 74 + b"\r\n") * 20_000

    async def scenario() -> None:
        encrypted = encryption is not Encryption.NONE
        peer = SmtpPeer(starttls=encrypted, implicit_tls=encryption is Encryption.IMPLICIT, users=USERS)
        auth = AUTH if encrypted else None
        with peer:
            connection = await connect(peer, encryption=encryption, certificate=TRUSTED, auth=auth)
            source = await run_jobs(connection, *[job_for(f"r{n}@example.net", content=content) for n in range(3)])
            assert [o.is_delivered for o in source.outcomes] == [True] * 3
            assert all(m.content == content and m.tls is encrypted for m in peer.messages)
            connection.finish()
            assert await asyncio.wait_for(source.closed, 5) is None
            assert bool(connection.session.tls) is encrypted
            await asyncio.to_thread(peer.stop)
            assert [record.end for record in peer.connections] == ["quit"]

    run(scenario())


@LOOPS
def test_a_dropped_tls_connection_is_noticed_after_the_take_over(run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    async def scenario() -> None:
        with SmtpPeer(starttls=True) as peer:
            peer.on("dot", DROP)
            connection = await connect(peer, encryption=Encryption.REQUIRED, certificate=TRUSTED)
            source = await run_jobs(connection, job_for())
            assert [str(o.state) for o in source.outcomes] == ["unknown"]
            failure = await asyncio.wait_for(source.closed, 5)
            assert failure is not None

    run(scenario())


# Encryption policies


async def test_required_never_sends_in_the_clear() -> None:
    async with SmtpPeer(starttls=False, users=USERS) as peer:
        failure = await failure_of(peer, encryption=Encryption.REQUIRED, auth=AUTH)
        assert (failure.stage, failure.kind) == (Stage.TLS, FailureKind.TLS)
        assert "587" in failure.hint
        assert peer.connections[0].commands == ["EHLO relay.test"]
        assert len(peer.connections) == 1


@pytest.mark.parametrize("action", ["454 4.7.0 not now", "501 5.5.4 no", DROP, HANG, Raw(b"220 go\r\nnot TLS at all\r\n")])
async def test_required_does_not_fall_back_when_starttls_fails(action: Any) -> None:
    async with SmtpPeer(starttls=True) as peer:
        peer.on("starttls", action)
        failure = await failure_of(peer, encryption=Encryption.REQUIRED)
        assert failure.stage is Stage.TLS
        assert [r.commands for r in peer.connections] == [["EHLO relay.test", "STARTTLS"]] or isinstance(action, Raw)
        assert not any("MAIL" in c for r in peer.connections for c in r.commands)
        assert len(peer.connections) == 1


async def test_opportunistic_uses_starttls_when_offered_whatever_the_certificate() -> None:
    async with SmtpPeer(starttls=True, certificate=issued("elsewhere.test", expired=True)) as peer:
        connection = await connect(peer, encryption=Encryption.OPPORTUNISTIC, certificate=TRUSTED)
        assert connection.session.tls is not None
        assert not connection.session.tls.verified
        connection.abort()


async def test_opportunistic_goes_on_in_the_clear_when_starttls_is_not_offered() -> None:
    async with SmtpPeer() as peer:
        connection = await connect(peer, encryption=Encryption.OPPORTUNISTIC)
        assert connection.session.tls is None
        connection.abort()


@pytest.mark.parametrize(
    "action", [DROP, HANG, Raw(b"220 go\r\nnot TLS at all\r\n", drop=True)], ids=["drop", "hang", "no TLS"]
)
async def test_opportunistic_reconnects_in_the_clear_when_the_handshake_fails(action: Any) -> None:
    async with SmtpPeer(starttls=True) as peer:
        peer.on("starttls", action)
        connection = await connect(peer, encryption=Encryption.OPPORTUNISTIC)
        assert connection.session.tls is None
        assert any("without encryption" in line for line in connection.session.dialogue)
        source = await run_jobs(connection, job_for())
        assert source.outcomes[0].is_delivered
        assert len(peer.connections) == 2
        connection.abort()


async def test_opportunistic_goes_on_on_the_same_connection_when_starttls_is_refused() -> None:
    async with SmtpPeer(starttls=True) as peer:
        peer.on("starttls", "454 4.7.0 not now")
        connection = await connect(peer, encryption=Encryption.OPPORTUNISTIC)
        source = await run_jobs(connection, job_for())
        assert source.outcomes[0].is_delivered
        assert len(peer.connections) == 1
        connection.abort()


async def test_no_password_follows_an_opportunistic_fall_back() -> None:
    async with SmtpPeer(starttls=True, users=USERS) as peer:
        peer.on("starttls", DROP)
        failure = await failure_of(peer, encryption=Encryption.OPPORTUNISTIC, auth=AUTH)
        assert failure.stage is Stage.AUTH
        assert not peer.auths


async def test_a_pinned_certificate_counts_even_for_opportunistic() -> None:
    async with SmtpPeer(starttls=True) as peer:
        pinned = Certificate(check=CertificateCheck.FINGERPRINT, fingerprint="0" * 64)
        failure = await failure_of(peer, encryption=Encryption.OPPORTUNISTIC, certificate=pinned)
        assert failure.kind is FailureKind.CERTIFICATE
        assert len(peer.connections) == 1


async def test_tls_1_1_is_refused() -> None:
    old = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
    async with SmtpPeer(starttls=True, tls_versions=old) as peer:
        failure = await failure_of(peer, encryption=Encryption.REQUIRED)
        assert failure.kind in (FailureKind.TLS, FailureKind.LOST)
        assert failure.stage is Stage.TLS


async def test_the_server_name_is_sent_and_checked() -> None:
    async with SmtpPeer(implicit_tls=True, certificate=issued("mail.example.net")) as peer:
        connection = await connect(peer, host="mail.example.net", encryption=Encryption.IMPLICIT, certificate=TRUSTED)
        assert connection.session.tls is not None
        assert connection.session.tls.verified
        assert peer.connections[0].server_name == "mail.example.net"
        connection.abort()


async def test_a_certificate_for_an_address_is_accepted_for_that_address() -> None:
    async with SmtpPeer(implicit_tls=True) as peer:
        connection = await connect(peer, host="127.0.0.1", address=None, encryption=Encryption.IMPLICIT, certificate=TRUSTED)
        connection.abort()


BAD = {
    "expired": (issued("localhost", expired=True), "expired"),
    "not yet valid": (issued("localhost", not_yet=True), "not valid yet"),
    "self-signed": (issued("localhost", self_signed=True), "self-signed"),
    "other name": (issued("elsewhere.test"), "not for “localhost”"),
}


@pytest.mark.parametrize("kind", list(BAD))
@pytest.mark.parametrize("encryption", [Encryption.REQUIRED, Encryption.IMPLICIT])
async def test_a_bad_certificate_is_refused_in_words(kind: str, encryption: Encryption) -> None:
    certificate, words = BAD[kind]
    implicit = encryption is Encryption.IMPLICIT
    async with SmtpPeer(starttls=not implicit, implicit_tls=implicit, certificate=certificate, users=USERS) as peer:
        failure = await failure_of(peer, encryption=encryption, certificate=TRUSTED, auth=AUTH)
        assert (failure.stage, failure.kind) == (Stage.TLS, FailureKind.CERTIFICATE)
        assert words in failure.title
        assert failure.hint
        assert not peer.auths
        # The same server is accepted when its certificate is pinned, or not checked.
        for accepted in (Certificate(check=CertificateCheck.FINGERPRINT, fingerprint=certificate.fingerprint), UNCHECKED):
            (await connect(peer, encryption=encryption, certificate=accepted, auth=AUTH)).abort()


async def test_an_unknown_authority_is_refused_in_words(tmp_path: Any) -> None:
    from ...support.certificates import Authority

    stranger: Issued = Authority(tmp_path).issue("localhost")
    async with SmtpPeer(starttls=True, certificate=stranger) as peer:
        failure = await failure_of(peer, encryption=Encryption.REQUIRED, certificate=TRUSTED)
        assert failure.kind is FailureKind.CERTIFICATE
        assert "does not trust" in failure.title


@pytest.mark.parametrize("encryption", [Encryption.REQUIRED, Encryption.IMPLICIT])
async def test_another_certificate_than_the_pinned_one_gets_nothing(encryption: Encryption) -> None:
    implicit = encryption is Encryption.IMPLICIT
    async with SmtpPeer(starttls=not implicit, implicit_tls=implicit, users=USERS) as peer:
        pinned = Certificate(check=CertificateCheck.FINGERPRINT, fingerprint="ab" * 32)
        failure = await failure_of(peer, encryption=encryption, certificate=pinned, auth=AUTH)
        assert failure.kind is FailureKind.CERTIFICATE
        assert issued().fingerprint in failure.detail
        assert not peer.auths


@pytest.mark.parametrize("injected", [b"250-evil\r\n250 AUTH PLAIN\r\n", b"250 evil\r\n", b"250-ev"])
async def test_replies_injected_before_tls_are_dropped(injected: bytes) -> None:
    async with SmtpPeer(starttls=True, inject_before_tls=injected, features=("SIZE 1000000", "DSN")) as peer:
        connection = await connect(peer, encryption=Encryption.REQUIRED, certificate=TRUSTED)
        assert connection.session.features.names == {"SIZE", "DSN"}
        assert not connection.session.features.auth
        assert not any("evil" in line for line in connection.session.dialogue)
        source = await run_jobs(connection, job_for())
        assert source.outcomes[0].is_delivered
        connection.abort()


async def test_what_was_announced_before_tls_is_forgotten() -> None:
    async with SmtpPeer(starttls=True, features=()) as peer:
        peer.on("ehlo", Raw(b"250-peer\r\n250-STARTTLS\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n"), times=1)
        connection = await connect(peer, encryption=Encryption.REQUIRED, certificate=TRUSTED)
        assert connection.session.features.names == set()
        connection.abort()


# Signing in


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
async def test_each_mechanism_signs_in(mechanism: str) -> None:
    async with SmtpPeer(starttls=True, users=USERS, auth=[mechanism]) as peer:
        connection = await connect(peer, encryption=Encryption.REQUIRED, certificate=TRUSTED, auth=AUTH)
        assert connection.session.user == "bob"
        (attempt,) = peer.auths
        assert (attempt.mechanism, attempt.password, attempt.tls) == (mechanism, "s3cret pässword", True)
        connection.abort()


async def test_a_wrong_password_counts_once_and_no_other_mechanism_is_tried() -> None:
    async with SmtpPeer(starttls=True, users={"bob": "other"}, auth=["CRAM-MD5", "PLAIN", "LOGIN"]) as peer:
        failure = await failure_of(peer, encryption=Encryption.REQUIRED, certificate=TRUSTED, auth=AUTH)
        assert (failure.stage, failure.kind) == (Stage.AUTH, FailureKind.AUTH)
        assert failure.reply is not None
        assert failure.reply.code == 535
        assert [a.mechanism for a in peer.auths] == ["PLAIN"]


async def test_no_password_over_an_unencrypted_connection() -> None:
    secrets = FixedSecrets(pw="x")
    async with SmtpPeer(users=USERS) as peer:
        failure = await failure_of(peer, auth=AUTH, secrets=secrets)
        assert failure.kind is FailureKind.AUTH
        assert "not encrypted" in failure.title
        assert not peer.auths
        assert secrets.asked == 0


async def test_where_clear_text_is_allowed_the_password_is_still_hidden_if_it_can_be() -> None:
    allowed = HopAuth("bob", "pw", allow_cleartext=True)
    async with SmtpPeer(users=USERS, auth=["PLAIN", "CRAM-MD5"]) as peer:
        (await connect(peer, auth=allowed)).abort()
        assert [a.mechanism for a in peer.auths] == ["CRAM-MD5"]
    async with SmtpPeer(users=USERS, auth=["PLAIN"]) as peer:
        (await connect(peer, auth=allowed)).abort()
        assert [a.accepted for a in peer.auths] == [True]


@pytest.mark.parametrize(("offered", "words"), [([], "does not offer"), (["XOAUTH2", "NTLM"], "no sign-in method")])
async def test_no_known_mechanism_is_said_in_words(offered: list[str], words: str) -> None:
    async with SmtpPeer(starttls=True, users=USERS if offered else None, auth=offered) as peer:
        failure = await failure_of(peer, encryption=Encryption.REQUIRED, certificate=TRUSTED, auth=AUTH)
        assert failure.kind is FailureKind.AUTH
        assert words in failure.title


class LockedVault:
    async def get(self, name: str) -> Secret | None:
        raise Unavailable("The keyring is locked.", "Nobody unlocked it.", "Unlock it and try again.")


@pytest.mark.parametrize(("secrets", "words"), [(FixedSecrets(), "no stored password"), (LockedVault(), "cannot be read")])
async def test_a_missing_or_locked_password_is_said_in_words(secrets: Any, words: str) -> None:
    async with SmtpPeer(starttls=True, users=USERS) as peer:
        failure = await failure_of(peer, encryption=Encryption.REQUIRED, certificate=TRUSTED, auth=AUTH, secrets=secrets)
        assert failure.kind is FailureKind.SECRET
        assert words in failure.title
        assert failure.hint
        assert not peer.auths


async def test_the_password_is_nowhere_but_in_its_command() -> None:
    import base64

    async with SmtpPeer(starttls=True, users={"bob": "other"}) as peer:
        failure = await failure_of(peer, encryption=Encryption.REQUIRED, certificate=TRUSTED, auth=AUTH)
        encoded = base64.b64encode(b"\0bob\0" + USERS["bob"].encode()).decode()
        shown = "\n".join([*failure.dialogue, str(failure), repr(failure), repr(failure.__dict__)])
        assert "s3cret" not in shown
        assert encoded not in shown
        assert any("AUTH PLAIN ********" in line for line in failure.dialogue)


async def test_a_failed_session_leaves_no_descriptor_behind_that_another_one_may_be_given() -> None:
    async with SmtpPeer(starttls=True, users={"bob": "other"}) as peer:
        for _ in range(20):
            failure = await failure_of(peer, encryption=Encryption.REQUIRED, certificate=TRUSTED, auth=AUTH)
            assert failure.kind is FailureKind.AUTH


@pytest.mark.parametrize("before", ["", "a", "ab"])
@pytest.mark.parametrize("code", [235, 535])
async def test_a_server_that_quotes_the_password_is_not_quoted(before: str, code: int) -> None:
    import base64

    password = USERS["bob"]
    quotes = [
        base64.b64encode(f"\0{before}bob\0{password}".encode()).decode(),
        f"“{password}”".encode().decode("latin-1"),
        base64.b64encode(password.encode()).decode(),
    ]
    for quote in quotes[: 2 if before else 3]:
        async with SmtpPeer(starttls=True, users=USERS, auth=("PLAIN",)) as peer:
            peer.on("auth", Raw(f"{code}-2.7.0 you sent\r\n{code} 2.7.0 AUTH PLAIN {quote}\r\n".encode("latin-1")))
            if code == 535:
                failure = await failure_of(peer, encryption=Encryption.REQUIRED, certificate=TRUSTED, auth=AUTH)
                shown = "\n".join([*failure.dialogue, str(failure), repr(failure.__dict__)])
            else:
                connection = await connect(peer, encryption=Encryption.REQUIRED, certificate=TRUSTED, auth=AUTH)
                shown = "\n".join(connection.session.dialogue)
                connection.abort()
            assert quote not in shown
            assert password not in shown
            assert f"{code} " in shown


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize("form", ["plain", "base64", "as PLAIN sends it", "no reply at all"])
async def test_a_server_that_quotes_the_password_later_is_not_quoted(stage: str, form: str) -> None:
    import base64

    password = USERS["bob"]
    quote = {
        "base64": base64.b64encode(password.encode()).decode(),
        "as PLAIN sends it": base64.b64encode(f"\0bob\0{password}".encode()).decode(),
    }.get(form, password)
    wire = f"you sent {quote}\r\n" if form == "no reply at all" else f"550-5.7.1 you sent\r\n550 5.7.1 {quote}\r\n"
    async with SmtpPeer(starttls=True, users=USERS, auth=("PLAIN",)) as peer:
        peer.on(stage, Raw(wire.encode()))
        connection = await connect(peer, encryption=Encryption.REQUIRED, certificate=TRUSTED, auth=AUTH)
        source = await run_jobs(connection, job_for())
        (outcome,) = source.outcomes
        shown = repr((outcome, outcome.failure.__dict__ if outcome.failure is not None else None))
        assert "you sent" not in shown
        assert quote not in shown
        assert password not in shown
        assert "not shown: they quoted the password" in shown
        if form != "no reply at all":
            assert "5.7.1" in shown, "what the code says is known all the same"


# Greeting and EHLO


async def test_an_ehlo_that_is_not_understood_becomes_helo() -> None:
    async with SmtpPeer() as peer:
        peer.on("ehlo", "502 5.5.1 what")
        connection = await connect(peer)
        assert not connection.session.features.names
        source = await run_jobs(connection, job_for())
        assert source.outcomes[0].is_delivered
        assert [c.split()[0] for c in peer.connections[0].commands[:3]] == ["EHLO", "HELO", "MAIL"]
        connection.abort()


async def test_the_hops_own_ehlo_name_is_used() -> None:
    async with SmtpPeer() as peer:
        (await connect(peer, ehlo_name="other.test")).abort()
        assert peer.connections[0].ehlo == ["other.test"]


FAST = DeliverySettings(connect_seconds=1.5, command_seconds=1.5, data_done_seconds=2)


@pytest.mark.parametrize(
    ("stage", "action", "at", "kind"),
    [
        ("connect", "554 5.7.1 your address is blocked", Stage.BANNER, FailureKind.REFUSED),
        ("connect", "421 4.3.2 busy", Stage.BANNER, FailureKind.REFUSED),
        ("connect", HANG, Stage.BANNER, FailureKind.TIMEOUT),
        ("connect", DROP, Stage.BANNER, FailureKind.LOST),
        ("connect", Raw(b"SSH-2.0-OpenSSH_9.2\r\n"), Stage.BANNER, FailureKind.PROTOCOL),
        ("connect", Endless(b"220-hello\r\n"), Stage.BANNER, FailureKind.PROTOCOL),
        ("connect", Endless(b"\x00\xff" * 4000), Stage.BANNER, FailureKind.PROTOCOL),
        ("connect", Endless(b"220-drip\r\n", pause=0.1), Stage.BANNER, FailureKind.TIMEOUT),
        ("ehlo", "550 5.7.1 go away", None, None),
        ("ehlo", "421 4.3.2 busy", Stage.EHLO, FailureKind.REFUSED),
        ("ehlo", HANG, Stage.EHLO, FailureKind.TIMEOUT),
        ("ehlo", DROP, Stage.EHLO, FailureKind.LOST),
        ("ehlo", Endless(b"250-X\r\n"), Stage.EHLO, FailureKind.PROTOCOL),
    ],
)
async def test_failures_at_the_greeting(stage: str, action: Any, at: Stage | None, kind: FailureKind | None) -> None:
    async with SmtpPeer() as peer:
        peer.on(stage, action)
        if at is None:
            (await connect(peer, settings=FAST)).abort()  # HELO saved it
            return
        failure = await failure_of(peer, settings=FAST)
        assert (failure.stage, failure.kind) == (at, kind)
        assert failure.address == "127.0.0.1"
        assert failure.source_address == "127.0.0.1"
        if isinstance(action, str):
            assert failure.reply is not None
            assert str(failure.reply) == action


async def test_plain_smtp_where_tls_is_expected_from_the_start_says_which_choice_is_right() -> None:
    async with SmtpPeer() as peer:
        failure = await failure_of(peer, encryption=Encryption.IMPLICIT, settings=FAST)
        assert failure.stage is Stage.TLS
        assert "STARTTLS" in failure.hint


async def test_tls_from_the_start_where_starttls_is_chosen_says_so() -> None:
    async with SmtpPeer(implicit_tls=True) as peer:
        failure = await failure_of(peer, encryption=Encryption.REQUIRED, settings=FAST)
        assert (failure.stage, failure.kind) == (Stage.BANNER, FailureKind.TIMEOUT)
        assert "465" in failure.hint


async def test_a_hanging_handshake_ends_at_its_own_deadline() -> None:
    settings = DeliverySettings(connect_seconds=0.3, command_seconds=30, data_done_seconds=1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        began = asyncio.get_running_loop().time()
        with pytest.raises(HopFailure) as caught:
            await connector_for(settings).connect(hop_for(listener.getsockname()[1], encryption=Encryption.IMPLICIT))
        assert (caught.value.stage, caught.value.kind) == (Stage.TLS, FailureKind.TIMEOUT)
        assert asyncio.get_running_loop().time() - began < 5


async def test_after_the_handshake_the_banner_has_the_longer_deadline() -> None:
    settings = DeliverySettings(connect_seconds=0.3, command_seconds=5, data_done_seconds=1)
    async with SmtpPeer(implicit_tls=True) as peer:
        peer.on("connect", Delay(0.8))
        (await connect(peer, encryption=Encryption.IMPLICIT, settings=settings)).abort()


# Names and addresses


class Names:
    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self.addresses


def test_families_alternate_and_duplicates_go() -> None:
    assert happy_order(["2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.1"]) == ["2001:db8::1", "192.0.2.1", "2001:db8::2"]


async def test_the_name_is_resolved_at_each_connection() -> None:
    names = Names("127.0.0.1")
    async with SmtpPeer() as peer:
        connector = connector_for(resolve=names)
        for _ in range(2):
            (await connector.connect(hop_for(peer, host="mail.test", address=None))).abort()
    assert names.asked == ["mail.test"] * 2


async def test_all_addresses_are_tried() -> None:
    async with SmtpPeer() as peer:
        connector = connector_for(resolve=Names("127.0.0.9", "127.0.0.8", "127.0.0.1"))
        connection = await connector.connect(hop_for(peer, host="mail.test", address=None))
        assert connection.session.address == "127.0.0.1"
        connection.abort()


async def test_an_address_that_greets_badly_is_followed_by_the_next() -> None:
    async with SmtpPeer() as good, SmtpPeer(host="127.0.0.2", port=good.port) as bad:
        bad.on("connect", "421 4.3.2 busy")
        connector = connector_for(resolve=Names("127.0.0.2", "127.0.0.1"))
        connection = await connector.connect(hop_for(good, host="mail.test", address=None))
        assert connection.session.address == "127.0.0.1"
        assert len(bad.connections) == 1
        connection.abort()


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
async def test_ipv6_is_used_unless_it_is_switched_off() -> None:
    with contextlib.ExitStack() as stack:
        try:
            peer = stack.enter_context(SmtpPeer(host="::1"))
        except OSError:
            pytest.skip("no IPv6 loopback here")
        connector = connector_for(resolve=Names("::1"))
        connection = await connector.connect(hop_for(peer, host="mail.test", address=None))
        assert connection.session.address == "::1"
        connection.abort()
        without = connector_for(DeliverySettings(ipv6=False), resolve=Names("::1"))
        with pytest.raises(HopFailure) as caught:
            await without.connect(hop_for(peer, host="mail.test", address=None))
        assert caught.value.kind is FailureKind.DNS
        await asyncio.to_thread(peer.stop)


async def test_a_host_that_does_not_exist_is_said_in_words() -> None:
    with pytest.raises(HopFailure) as caught:
        await connector_for().connect(hop_for(25, host="no-such-host.invalid", address=None))
    assert (caught.value.stage, caught.value.kind) == (Stage.RESOLVE, FailureKind.DNS)
    assert caught.value.hint


async def test_a_refused_connection_is_said_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(HopFailure) as caught:
        await connector_for().connect(hop_for(port))
    assert (caught.value.stage, caught.value.kind) == (Stage.CONNECT, FailureKind.CONNECT)
    assert "refused" in caught.value.title
    assert "port" in caught.value.hint


async def test_the_sending_address_is_bound_by_family() -> None:
    async with SmtpPeer() as peer:
        connection = await connect(peer, source_addresses=("::1", "127.0.0.7", "127.0.0.8"))
        assert connection.session.source_address == "127.0.0.7"
        assert peer.connections[0].client == "127.0.0.7"
        connection.abort()


@pytest.mark.parametrize(("sources", "words"), [(("192.0.2.77",), "does not belong"), (("::1",), "sending addresses")])
async def test_an_unusable_sending_address_is_said_in_words(sources: tuple[str, ...], words: str) -> None:
    async with SmtpPeer() as peer:
        failure = await failure_of(peer, source_addresses=sources)
        assert failure.stage is Stage.CONNECT
        assert words in failure.title
        assert not peer.connections


async def test_a_sending_address_that_this_machine_has_no_more_gives_way_to_the_next(caplog: pytest.LogCaptureFixture) -> None:
    async with SmtpPeer() as peer:
        connection = await connect(peer, source_addresses=("192.0.2.77", "127.0.0.8"))
        assert connection.session.source_address == "127.0.0.8"
        assert "192.0.2.77" in caplog.text
        connection.abort()


async def test_cancelling_leaves_no_connection_behind() -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        task = asyncio.ensure_future(connector_for().connect(hop_for(listener.getsockname()[1])))
        server, _ = await loop.sock_accept(listener)
        with server:
            await loop.sock_sendall(server, b"220 hi\r\n")
            assert await loop.sock_recv(server, 100) == b"EHLO relay.test\r\n"
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.wait_for(loop.sock_recv(server, 100), 5) == b""
