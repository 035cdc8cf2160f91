"""“Verify Connection” against real peers: each stage's result, and words that say what to do."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from gatepost.model.gateway import Certificate, CertificateCheck, Encryption
from gatepost.relay.common.hop import HopAuth, NextHop
from gatepost.relay.delivery.probe import ProbeStage, ProbeState, probe
from gatepost.relay.delivery.values import Stage

from ...support.certificates import issued
from ...support.smtp_peer import HANG, Endless, SmtpPeer
from .hops import TRUSTED, FixedSecrets, connector_for, hop_for

AUTH = HopAuth("bob", "pw")
USERS = {"bob": "s3cret"}
ORDER = [Stage.RESOLVE, Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.TLS, Stage.AUTH, Stage.MAIL, Stage.RCPT]


async def run(hop: NextHop, **more: Any) -> dict[Stage, ProbeStage]:
    """The results by stage; each stage has exactly one, in the order of the session."""
    more.setdefault("stage_seconds", 0.5)
    connector = connector_for(secrets=FixedSecrets(pw="s3cret"))
    stages = [stage async for stage in probe(connector, hop, **more)]
    results = [stage for stage in stages if stage.state is not ProbeState.RUNNING]
    assert sorted(s.name for s in results) == sorted(ORDER)
    return {stage.name: stage for stage in results}


async def test_a_good_connection_passes_every_stage() -> None:
    async with SmtpPeer(starttls=True, users=USERS) as peer:
        hop = hop_for(peer, encryption=Encryption.REQUIRED, certificate=TRUSTED, auth=AUTH)
        found = await run(hop, sender="a@example.org", recipient="b@example.net")
        assert {s.state for s in found.values()} == {ProbeState.PASSED}
        assert list(found) == ORDER
        assert found[Stage.TLS].certificate is not None
        assert found[Stage.TLS].certificate.fingerprint == issued().fingerprint
        assert "localhost" in found[Stage.TLS].certificate.names
        assert found[Stage.BANNER].dialogue[-1].startswith("S: 220")
        assert "C: EHLO relay.test" in found[Stage.EHLO].dialogue
        assert found[Stage.AUTH].dialogue == ("C: AUTH PLAIN ********", "S: 235 2.7.0 welcome")
        assert found[Stage.MAIL].dialogue == ("C: MAIL FROM:<a@example.org>", "S: 250 2.1.0 sender ok")
        assert not peer.messages
        assert "RSET" in peer.connections[0].commands
        assert not any(command.startswith("DATA") for command in peer.connections[0].commands)


async def test_tls_from_the_start_passes_with_the_banner_after_tls() -> None:
    async with SmtpPeer(implicit_tls=True) as peer:
        found = await run(hop_for(peer, encryption=Encryption.IMPLICIT, certificate=TRUSTED))
        assert list(found)[:4] == [Stage.RESOLVE, Stage.CONNECT, Stage.TLS, Stage.BANNER]
        assert found[Stage.TLS].state is ProbeState.PASSED
        assert found[Stage.BANNER].dialogue == ("S: 220 peer.test ESMTP",)
        assert found[Stage.RCPT].state is ProbeState.SKIPPED


async def test_stages_are_announced_as_they_begin() -> None:
    async with SmtpPeer() as peer:
        peer.on("ehlo", HANG)
        running: list[Stage] = []
        async for stage in probe(connector_for(), hop_for(peer), stage_seconds=0.3):
            if stage.state is ProbeState.RUNNING:
                running.append(stage.name)
        assert running == [Stage.RESOLVE, Stage.CONNECT, Stage.BANNER, Stage.EHLO]


async def test_unencrypted_is_told_and_offered_nowhere_as_safe() -> None:
    async with SmtpPeer() as peer:
        assert (await run(hop_for(peer)))[Stage.TLS].state is ProbeState.SKIPPED
        found = await run(hop_for(peer, encryption=Encryption.OPPORTUNISTIC))
        assert found[Stage.TLS].state is ProbeState.WARNING
        assert "unencrypted" in found[Stage.TLS].summary


async def test_an_unchecked_certificate_is_a_warning_that_offers_its_fingerprint() -> None:
    async with SmtpPeer(starttls=True, certificate=issued("other.test")) as peer:
        found = await run(hop_for(peer, encryption=Encryption.REQUIRED))
        assert found[Stage.TLS].state is ProbeState.WARNING
        assert found[Stage.TLS].certificate is not None
        assert found[Stage.TLS].certificate.fingerprint == issued("other.test").fingerprint


@pytest.mark.parametrize("encryption", [Encryption.REQUIRED, Encryption.IMPLICIT])
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"names": ("localhost",), "expired": True}, "expired"),
        ({"names": ("localhost",), "self_signed": True}, "self-signed"),
        ({"names": ("other.test",)}, "not for"),
    ],
)
async def test_a_refused_certificate_is_shown_so_that_it_can_be_pinned(
    encryption: Encryption, bad: dict[str, Any], words: str
) -> None:
    names = bad["names"]
    certificate = issued(*names, **{k: v for k, v in bad.items() if k != "names"})
    implicit = encryption is Encryption.IMPLICIT
    async with SmtpPeer(starttls=not implicit, implicit_tls=implicit, certificate=certificate, users=USERS) as peer:
        hop = hop_for(peer, encryption=encryption, certificate=TRUSTED, auth=AUTH)
        found = await run(hop)
        stage = found[Stage.TLS]
        assert stage.state is ProbeState.FAILED
        assert words in stage.summary
        assert stage.advice
        assert stage.certificate is not None
        assert stage.certificate.fingerprint == certificate.fingerprint
        assert stage.certificate.not_after
        assert found[Stage.AUTH].state is ProbeState.SKIPPED
        assert not peer.auths
        pinned = Certificate(check=CertificateCheck.FINGERPRINT, fingerprint=stage.certificate.fingerprint)
        again = await run(hop_for(peer, encryption=encryption, certificate=pinned, auth=AUTH))
        assert again[Stage.TLS].state is ProbeState.PASSED


async def test_a_wrong_password_is_tried_once_and_said_in_words() -> None:
    async with SmtpPeer(starttls=True, users=USERS) as peer:
        hop = hop_for(peer, encryption=Encryption.REQUIRED, certificate=TRUSTED, auth=AUTH)
        found = await run(hop, secrets=FixedSecrets(pw="typo"))
        assert found[Stage.AUTH].state is ProbeState.FAILED
        assert "535" in found[Stage.AUTH].summary
        assert "password" in found[Stage.AUTH].advice
        assert len(peer.auths) == 1


async def test_a_password_that_is_not_stored_yet_can_be_tried() -> None:
    async with SmtpPeer(starttls=True, users={"bob": "new one"}) as peer:
        hop = hop_for(peer, encryption=Encryption.REQUIRED, certificate=TRUSTED, auth=AUTH)
        found = await run(hop, secrets=FixedSecrets(pw="new one"))
        assert found[Stage.AUTH].state is ProbeState.PASSED


async def test_a_refused_connection_asks_for_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = await run(hop_for(port))
    assert found[Stage.RESOLVE].state is ProbeState.PASSED
    assert found[Stage.CONNECT].state is ProbeState.FAILED
    assert "port" in found[Stage.CONNECT].advice
    assert {found[s].state for s in ORDER[2:]} == {ProbeState.SKIPPED}


async def test_an_unknown_host_asks_for_the_spelling() -> None:
    found = await run(hop_for(25, host="no-such-host.invalid", address=None), stage_seconds=5)
    assert found[Stage.RESOLVE].state is ProbeState.FAILED
    assert found[Stage.RESOLVE].advice


@pytest.mark.parametrize(
    ("peer_options", "encryption", "stage", "advice"),
    [
        ({"implicit_tls": True}, Encryption.REQUIRED, Stage.BANNER, "465"),
        ({}, Encryption.IMPLICIT, Stage.TLS, "STARTTLS"),
        ({}, Encryption.REQUIRED, Stage.TLS, "587"),
    ],
)
async def test_a_mismatch_of_port_and_encryption_is_recognised(
    peer_options: dict[str, Any], encryption: Encryption, stage: Stage, advice: str
) -> None:
    async with SmtpPeer(**peer_options) as peer:
        found = await run(hop_for(peer, encryption=encryption))
        assert found[stage].state is ProbeState.FAILED
        assert advice in found[stage].advice


@pytest.mark.parametrize(
    ("at", "reply", "stage", "state", "advice"),
    [
        ("mail", "530 5.7.0 Authentication required", Stage.MAIL, ProbeState.FAILED, "enable authentication"),
        ("mail", "550 5.7.1 not your domain", Stage.MAIL, ProbeState.FAILED, "sender"),
        ("mail", "451 4.3.0 later", Stage.MAIL, ProbeState.FAILED, "later"),
        ("rcpt", "554 5.7.1 Relay access denied", Stage.RCPT, ProbeState.FAILED, "relay"),
        ("rcpt", "450 4.7.1 greylisted", Stage.RCPT, ProbeState.WARNING, "tries again"),
        ("rcpt", "550 5.1.1 no such user", Stage.RCPT, ProbeState.FAILED, "another recipient"),
    ],
)
async def test_refusals_of_the_envelope_come_with_advice(
    at: str, reply: str, stage: Stage, state: ProbeState, advice: str
) -> None:
    async with SmtpPeer() as peer:
        peer.on(at, reply)
        found = await run(hop_for(peer), sender="a@example.org", recipient="b@example.net")
        assert found[stage].state is state
        assert reply in found[stage].summary
        assert advice in found[stage].advice
        assert not peer.messages


async def test_the_whole_probe_has_a_deadline() -> None:
    async with SmtpPeer() as peer:
        peer.on("ehlo", Endless(b"250-drip\r\n", pause=0.05))
        began = asyncio.get_running_loop().time()
        stages = [s async for s in probe(connector_for(), hop_for(peer), total_seconds=0.4, stage_seconds=20)]
        assert asyncio.get_running_loop().time() - began < 3
        assert stages[-1].state is ProbeState.FAILED
        assert "0 seconds" in stages[-1].summary


async def test_a_cancelled_probe_closes_its_connection() -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        stages = probe(connector_for(), hop_for(listener.getsockname()[1]))
        await anext(stages)
        server, _ = await loop.sock_accept(listener)
        with server:
            await stages.aclose()  # type: ignore[attr-defined]
            assert await asyncio.wait_for(loop.sock_recv(server, 100), 5) == b""
