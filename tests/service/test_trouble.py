"""Trouble around the relay: no keyring, a key that others may read, a full disk, a broken TLS key. It says so, and goes on."""

from __future__ import annotations

import smtplib
import ssl
from pathlib import Path
from typing import Any

import pytest

from gatepost.model.gateway import Certificate, CertificateCheck, Encryption, GatewayAuth, RoundRobinGateway
from tests.support.certificates import issued
from tests.support.ports import free_port, wait_until
from tests.support.relay_process import RelayProcess
from tests.support.relaying import plain, relaying
from tests.support.smtp_peer import SmtpPeer
from tests.support.submission import PLAIN, submit

PASSWORD = "canary of the trouble test"


def signing_in(port: int) -> RoundRobinGateway:
    return RoundRobinGateway(
        id="gw-auth", host="127.0.0.1", port=port, encryption=Encryption.REQUIRED,
        certificate=Certificate(check=CertificateCheck.NONE), auth=GatewayAuth(enabled=True, username="me"),
    )  # fmt: skip


def provider() -> SmtpPeer:
    return SmtpPeer(starttls=True, certificate=issued("127.0.0.1"), users={"me": PASSWORD}, require_auth=True)


def report(relay: RelayProcess, gateway_id: str) -> dict[str, Any]:
    return next(found for found in relay.api.get("/v1/gateway-reports") if found["id"] == gateway_id)


def test_without_any_keyring_the_gateway_says_so_and_its_mail_waits(tmp_path: Path) -> None:
    with provider() as peer:
        relay, port = relaying(tmp_path / "relay", [signing_in(peer.port)], options=("--vault", "keyring"))
        with relay:
            number = submit(port, "ann@example.org", ["bob@example.com"])
            wait_until(lambda: report(relay, "gw-auth")["health"] == "resting", "the gateway rests", 30)
            found = report(relay, "gw-auth")
            assert "password" in found["cause"].lower()
            assert "keyring" in found["cause"].lower()
            vault = relay.api.get("/v1/vault")
            assert not vault["usable"]
            assert "sealed vault" in vault["hint"]
            assert relay.api.spooled == 1
            assert "bounced" not in [entry["kind"] for entry in relay.api.timeline(number)]
            stored = relay.api.call("PUT", "/v1/secrets/gateway/gw-auth/password", {"secret": PASSWORD})
            assert stored.status == 503
            assert not peer.messages
    for path in (tmp_path / "relay").rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path


def test_a_vault_that_was_locked_out_is_used_again_as_soon_as_it_can_be(tmp_path: Path) -> None:
    with provider() as peer:
        relay, port = relaying(tmp_path / "relay", [signing_in(peer.port)])
        with relay:
            assert relay.api.call("PUT", "/v1/secrets/gateway/gw-auth/password", {"secret": PASSWORD}).status == 200
            relay.stop()
            relay.vault_key.chmod(0o644)
            relay.start()
            submit(port, "ann@example.org", ["bob@example.com"])
            wait_until(lambda: report(relay, "gw-auth")["health"] == "resting", "the gateway rests", 30)
            assert "others may read" in report(relay, "gw-auth")["cause"]
            assert relay.api.spooled == 1
            assert not peer.messages
            relay.vault_key.chmod(0o600)
            relay.api.retry_all()
            wait_until(lambda: relay.api.spooled == 0, "the mail has left", 30)
            assert peer.messages[0].user == "me"


def test_a_full_disk_stops_reception_and_not_delivery(tmp_path: Path) -> None:
    with SmtpPeer() as peer:
        relay, port = relaying(tmp_path / "relay", [plain(1, peer.port)])
        with relay:
            relay.api.post("/v1/pause", {})
            submit(port, "ann@example.org", ["bob@example.com"])
            relay.api.patch("/v1/settings", {"spool": {"min_free_bytes": 10**18}})
            with smtplib.SMTP("127.0.0.1", port, timeout=10) as client, pytest.raises(smtplib.SMTPException) as refused:
                client.sendmail("ann@example.org", ["bob@example.com"], PLAIN)
            assert "452" in str(refused.value)
            assert "disk" in str(relay.api.get("/v1/status")["relay"]["problems"])
            relay.api.post("/v1/resume", {})
            wait_until(lambda: relay.api.spooled == 0, "what had been accepted is delivered", 20)
            assert len(peer.messages) == 1
            relay.api.patch("/v1/settings", {"spool": {"min_free_bytes": 0}})
            submit(port, "ann@example.org", ["bob@example.com"])
            wait_until(lambda: len(peer.messages) == 2, "mail is taken again", 20)


def test_a_tls_key_that_becomes_unreadable_leaves_the_listener_as_it_was(tmp_path: Path) -> None:
    pair = issued("127.0.0.1")
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    certificate.write_bytes(pair.certificate_file.read_bytes())
    key.write_bytes(pair.key_file.read_bytes())
    relay, _ = relaying(tmp_path / "relay", [])
    port = free_port()
    listener = {"id": "ls-tls", "address": "127.0.0.1", "port": port, "tls": "tls"}

    def shown() -> bytes:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with smtplib.SMTP_SSL("127.0.0.1", port, context=context, timeout=10) as client:
            assert isinstance(client.sock, ssl.SSLSocket)
            return client.sock.getpeercert(binary_form=True) or b""

    with relay:
        relay.api.post("/v1/listeners", {**listener, "certificate_file": str(certificate), "key_file": str(key)})
        before = shown()
        key.write_text("this is no key")
        relay.api.patch("/v1/listeners/ls-tls", {"description": "so that it is applied"})
        assert shown() == before
        problems = str(relay.api.get("/v1/status")["relay"]["problems"])
        assert "cannot be used" in problems
        assert "listener:ls-tls" in problems
