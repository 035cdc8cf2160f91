"""DKIM keys and signatures of a real relay: made, published, used, removed; and what it finds out about others' mail."""

from __future__ import annotations

import asyncio
import json
import smtplib
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import dkim
import pytest

from gatepost.model.access import TrustedNetwork
from gatepost.model.configuration import Configuration
from gatepost.model.dkim import DkimKey
from gatepost.model.gateway import DomainForwardGateway, Encryption, RoundRobinGateway
from gatepost.model.listener import Listener, ListenerMode
from gatepost.model.settings import DeliverySettings, ServerSettings, Settings
from gatepost.model.spam import DkimSource, DmarcSource, DnsBlockList, NoAction, SpamCard, SpamPolicy, SpfSource, WeighedSource
from tests.support.dns_server import DnsServer
from tests.support.ports import free_port, wait_until
from tests.support.relay_process import RelayProcess
from tests.support.smtp_peer import Received, SmtpPeer

MESSAGE = b"From: Ann <ann@example.com>\r\nTo: bob@elsewhere.example\r\nSubject: Hello\r\n\r\nDear Bob,\r\n.dots\r\n\r\n"
OWN, STRANGER = "127.0.0.1", "127.0.0.9"


class Dns:
    """A name server on a loop of its own, so that a test may block."""

    def __enter__(self) -> Dns:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = asyncio.run_coroutine_threadsafe(self._start(), self.loop).result(10)
        return self

    async def _start(self) -> DnsServer:
        return await DnsServer(negative_ttl=0).__aenter__()

    def add(self, name: str, kind: str, value: str) -> None:
        async def add() -> None:
            self.server.add(name, kind, value)

        asyncio.run_coroutine_threadsafe(add(), self.loop).result(10)

    def __exit__(self, *_error: object) -> None:
        asyncio.run_coroutine_threadsafe(self.server.__aexit__(None, None, None), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


class Site:
    def __init__(self, relay: RelayProcess, port: int, hop: SmtpPeer, primary: SmtpPeer, dns: Dns) -> None:
        self.relay = relay
        self.port = port
        self.hop = hop
        self.primary = primary
        self.dns = dns

    def send(self, content: bytes, recipient: str, sender: str = "ann@example.com", client: str = OWN) -> Received:
        peer = self.primary if recipient.endswith("@example.org") else self.hop
        count = len(peer.messages)
        with smtplib.SMTP("127.0.0.1", self.port, source_address=(client, 0)) as smtp:
            smtp.ehlo("mx.example.com")
            smtp.sendmail(sender, [recipient], content)
        wait_until(lambda: len(peer.messages) > count, "the message arrives", 20)
        return peer.messages[-1]

    def publish(self, key: DkimKey) -> None:
        text = key.record_text
        pieces = " ".join(f'"{text[start : start + 200]}"' for start in range(0, len(text), 200))
        self.dns.add(key.record_name, "TXT", pieces)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        dns = stack.enter_context(Dns())
        hop = stack.enter_context(SmtpPeer())
        primary = stack.enter_context(SmtpPeer(host="127.0.0.3"))
        port = free_port()
        relay = RelayProcess(tmp_path / "relay")
        inbound = DomainForwardGateway(
            id="gw-in", addresses=("127.0.0.3",), port=primary.port, encryption=Encryption.NONE, domains=("example.org",),
            spam=SpamCard(enabled=True, medium=NoAction(), high=NoAction()),
        )  # fmt: skip
        relay.configure(
            Configuration(
                gateways=(
                    RoundRobinGateway(id="gw-out", host="127.0.0.1", port=hop.port, encryption=Encryption.NONE),
                    inbound,
                ),
                listeners=(Listener(address="127.0.0.1", port=port, mode=ListenerMode.MX),),
                trusted_networks=(TrustedNetwork(network="127.0.0.1/32"),),
                spam=SpamPolicy(
                    spf=SpfSource(enabled=True),
                    dkim=DkimSource(enabled=True),
                    dmarc=DmarcSource(enabled=True),
                    reverse_dns=WeighedSource(enabled=True, weight=1.0),
                    block_lists=(DnsBlockList(enabled=True, zone="bl.example", weight=7.0),),
                ),
                settings=Settings(
                    server=ServerSettings(host_name="gate.example"),
                    delivery=DeliverySettings(name_servers=("127.0.0.1",), name_server_port=dns.server.port),
                ),
            )
        )
        stack.enter_context(relay)
        yield Site(relay, port, hop, primary, dns)


def verified(content: bytes, key: DkimKey) -> bool:
    zone = {f"{key.record_name}.".encode(): key.record_text.encode()}
    return bool(dkim.verify(content, dnsfunc=lambda name, timeout=5: zone.get(name)))


@pytest.mark.parametrize("algorithm", ["rsa-2048", "ed25519"])
def test_a_key_is_made_published_checked_used_and_forgotten(site: Site, algorithm: str) -> None:
    made = site.relay.command("dkim", "create", "example.com", "--selector", "s1", "--algorithm", algorithm)
    key = DkimKey.model_validate(made["object"])
    assert made["record_name"] == "s1._domainkey.example.com"
    assert made["record_text"].startswith(f"v=DKIM1; k={algorithm[:3] if algorithm[0] == 'r' else algorithm}; p=")
    assert b"DKIM-Signature" not in site.send(MESSAGE, "bob@elsewhere.example").content, "not before it is enabled"
    absent = site.relay.run("dkim", "check", key.id)
    assert absent.returncode == 1
    assert "has no TXT record at s1._domainkey.example.com yet" in absent.stdout
    assert site.relay.run("dkim", "enable", key.id).returncode == 1, "nobody could verify it"
    site.publish(key)
    assert site.relay.command("dkim", "check", key.id)["state"] == "published"
    site.relay.command("dkim", "enable", key.id)
    signed = site.send(MESSAGE, "bob@elsewhere.example").content
    assert signed.startswith(b"DKIM-Signature: v=1; a=")
    assert signed.endswith(MESSAGE)
    assert verified(signed, key)
    assert not verified(signed.replace(b"Dear Bob", b"Dear Eve"), key)
    (tracked,) = site.relay.api.tracked(recipient="bob@elsewhere.example")[-1:]
    story = " ".join(entry["text"] for entry in site.relay.api.timeline(tracked["queue_id"]))
    assert f"signed for example.com with s1 ({algorithm})" in story
    # Others' domains are not ours to sign, nor what a stranger sends in our name.
    assert b"DKIM-Signature" not in site.send(MESSAGE.replace(b"ann@example.com", b"ann@example.net"), "b@x.example").content
    assert not site.send(MESSAGE, "bob@example.org", client=STRANGER).content.startswith(b"DKIM-Signature")
    assert site.relay.command("dkim", "list")[0]["id"] == key.id
    shown = site.relay.run("dkim", "show", key.id).stdout
    assert 's1._domainkey.example.com. IN TXT ( "v=DKIM1; k=' in shown
    site.relay.command("dkim", "remove", key.id, "--yes")
    assert [note["name"] for note in site.relay.api.get("/v1/secrets")] == []
    assert b"DKIM-Signature" not in site.send(MESSAGE, "bob@elsewhere.example").content


def test_a_large_message_is_signed_from_its_file_and_the_relays_own_test_message_too(site: Site) -> None:
    key = DkimKey.model_validate(site.relay.command("dkim", "create", "example.com", "--enable")["object"])
    large = MESSAGE + b"a line of a large message \t of the kind that has  blanks \r\n" * 20_000
    signed = site.send(large, "bob@elsewhere.example").content
    assert signed.endswith(large)
    assert verified(signed, key)
    count = len(site.hop.messages)
    site.relay.command("send-test", "--from", "ann@example.com", "--to", "bob@elsewhere.example")
    wait_until(lambda: len(site.hop.messages) > count, "the test message arrives")
    assert verified(site.hop.messages[-1].content, key)


EIGHT_BIT = (
    b"From: Ann <ann@example.com>\r\nTo: bob@elsewhere.example\r\nSubject: Hello\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + "Liebe Grüße,\r\nZoë\r\n".encode()
)


@pytest.mark.parametrize("algorithm", ["rsa-2048", "ed25519"])
def test_what_is_converted_for_a_hop_without_8bitmime_still_verifies(site: Site, algorithm: str) -> None:
    made = site.relay.command("dkim", "create", "example.com", "--algorithm", algorithm, "--enable")
    key = DkimKey.model_validate(made["object"])
    site.hop.features = [feature for feature in site.hop.features if feature != "8BITMIME"]
    arrived = site.send(EIGHT_BIT, "bob@elsewhere.example").content
    assert arrived.isascii()
    assert b"Gr=C3=BC=C3=9Fe" in arrived
    assert arrived.count(b"DKIM-Signature:") == 1
    assert verified(arrived, key)


def test_what_only_looks_signed_by_us_is_not_signed_when_it_is_converted(site: Site) -> None:
    """A stranger writes in our users' name, with a signature that was once ours for another message."""
    key = DkimKey.model_validate(site.relay.command("dkim", "create", "example.com", "--enable")["object"])
    signed = site.send(MESSAGE, "bob@elsewhere.example").content
    field = signed[: signed.index(b"\r\nReceived:") + 2]
    assert verified(signed, key)
    site.primary.features = [feature for feature in site.primary.features if feature != "8BITMIME"]
    arrived = site.send(field + EIGHT_BIT, "bob@example.org", client=STRANGER).content
    assert arrived.isascii()
    assert arrived.count(b"DKIM-Signature:") == 1
    assert not verified(arrived, key)


def test_the_private_key_is_in_no_file_no_answer_and_no_log(site: Site) -> None:
    site.relay.command("dkim", "create", "example.com", "--algorithm", "ed25519", "--enable")
    site.send(MESSAGE, "bob@elsewhere.example")
    key = site.relay.api.get("/v1/dkim-keys")[0]
    assert set(key) == {"id", "domain", "selector", "algorithm", "public_key", "enabled"}
    exported = json.dumps(site.relay.api.get("/v1/export"))
    assert "PRIVATE" not in exported
    # What the vault holds cannot be asked for: there is no such call.
    assert site.relay.api.call("GET", f"/v1/secrets/dkim/{key['id']}/key").status == 405
    assert site.relay.api.call("PUT", f"/v1/secrets/dkim/{key['id']}/key", {"secret": "x"}).status == 422
    for path in site.relay.data.rglob("*"):
        if path.is_file():
            assert b"PRIVATE KEY" not in path.read_bytes(), path
    assert "PRIVATE KEY" not in site.relay.log


def test_a_key_keeps_what_it_was_made_with_and_a_name_is_used_once(site: Site) -> None:
    key = site.relay.command("dkim", "create", "example.com")["object"]
    path = f"/v1/dkim-keys/{key['id']}"
    for change in ({"public_key": "AAAA"}, {"algorithm": "ed25519"}):
        refused = site.relay.api.call("PATCH", path, change)
        assert refused.status == 422
        assert next(iter(change)) in refused.body.decode()
    assert site.relay.api.call("POST", "/v1/dkim-keys", {"domain": "example.net", "public_key": "AAAA"}).status == 422
    again = site.relay.run("dkim", "create", "example.com")
    assert again.returncode == 3
    assert "has a key under this selector already" in again.stderr
    assert len(site.relay.api.get("/v1/secrets")) == 1, "a key that was refused leaves nothing in the vault"
    site.relay.command("dkim", "create", "example.com", "--selector", "s2", "--dry-run")
    assert len(site.relay.api.get("/v1/secrets")) == 1


def test_a_key_whose_private_half_is_missing_is_a_problem_and_mail_goes_out_unsigned(site: Site) -> None:
    key = site.relay.command("dkim", "create", "example.com", "--enable")["object"]
    exported = site.relay.api.get("/v1/export")
    site.relay.command("dkim", "remove", key["id"], "--yes")
    imported = site.relay.api.post("/v1/import", {"document": exported})
    assert f"dkim/{key['id']}/key" in imported["missing_secrets"]
    assert b"DKIM-Signature" not in site.send(MESSAGE, "bob@elsewhere.example").content
    (problem,) = [item for item in site.relay.api.get("/v1/status")["relay"]["problems"] if item["kind"] == "dkim"]
    assert problem["title"] == "Mail of example.com is not signed with “gatepost”."
    assert "its private key is not in the vault" in problem["detail"]
    (tracked,) = site.relay.api.tracked(recipient="bob@elsewhere.example")
    assert "not signed" in " ".join(entry["text"] for entry in site.relay.api.timeline(tracked["queue_id"]))


def test_what_spf_dkim_dmarc_and_lists_say_stands_in_the_fields_that_others_read(site: Site) -> None:
    key = DkimKey.model_validate(site.relay.command("dkim", "create", "example.com", "--enable")["object"])
    site.publish(key)
    signed = site.send(MESSAGE, "bob@elsewhere.example").content
    site.dns.add("example.com", "TXT", '"v=spf1 ip4:127.0.0.9 -all"')
    site.dns.add("_dmarc.example.com", "TXT", '"v=DMARC1; p=reject"')
    site.dns.add("9.0.0.127.bl.example", "A", "127.0.0.4")
    signed = signed[signed.index(b"DKIM-Signature") :]
    forged = b"Authentication-Results: gate.example; spf=pass\r\nAuthentication-Results: Gate.Example 1; dkim=pass\r\n"
    good = site.send(forged + signed, "bob@example.org", client=STRANGER).content
    top = good.partition(b"Received:")[0].decode()
    assert "X-Gatepost-Spam: none; score=8.0;" in top
    assert "bl.example +7.0 (listed as 127.0.0.4)" in top
    assert "reverse DNS +1.0 (the address has no name)" in top
    results = top[top.index("Authentication-Results:") :]
    assert "Authentication-Results: gate.example;\r\n\tspf=pass smtp.mailfrom=ann@example.com;" in results
    assert "dkim=pass header.d=example.com header.s=gatepost;" in results
    assert "dmarc=pass (p=reject) header.from=example.com" in results
    assert "Received-SPF: pass" in results
    assert "client-ip=127.0.0.9" in results
    assert good.lower().count(b"authentication-results: gate.example") == 1
    assert good.endswith(signed)
    bad = site.send(signed.replace(b"Dear Bob", b"Dear Eve"), "bob@example.org", "eve@example.com", "127.0.0.8").content
    top = bad.partition(b"Received:")[0].decode()
    assert "spf=fail" in top
    assert "dkim=fail" in top
    assert "dmarc=fail" in top
    assert "SPF +8.0 (fail, example.com)" in top
    assert "DKIM +4.0 (fail, the body was changed)" in top
    assert "DMARC +8.0 (fail, p=reject)" in top
    assert "X-Gatepost-Spam: medium; score=21.0;" in top
