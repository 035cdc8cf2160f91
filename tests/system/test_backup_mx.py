"""Backup MX with a real relay, a name server, and a Postfix as the primary that comes and goes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.model.gateway import AcceptPolicy, BackupMxGateway, Holding, Limits
from tests.support.background import in_background
from tests.support.dns_server import DnsServer
from tests.support.mail_tools import SmtpSink
from tests.support.ports import free_port, wait_until
from tests.support.postfix import PostfixInstance
from tests.support.primary import DOMAIN, PRIMARY, Stranger, asked, clear, fronting, primary
from tests.support.relay_process import RelayProcess

PROBE = 5
"""Seconds between two probes, the least that can be set."""
CONNECTIONS = 5


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    with in_background(DnsServer()) as server:
        server.add(DOMAIN, "MX", "10 mail.example.com.", "20 relay.example.org.")
        server.add("mail.example.com", "A", PRIMARY)
        server.add("relay.example.org", "A", "192.0.2.25")
        yield server


@pytest.fixture
def sink(folder: Path) -> Iterator[SmtpSink]:
    with SmtpSink(folder) as running:
        yield running


@pytest.fixture
def server(folder: Path, sink: SmtpSink) -> Iterator[PostfixInstance]:
    """The primary, not started."""
    postfix = primary(folder / "primary", sink)
    yield postfix
    postfix.stop()


def gateway(port: int, **holding: object) -> BackupMxGateway:
    return BackupMxGateway(id="gw-mx", holding=Holding.model_validate({"probe_seconds": PROBE, **holding}), **clear(port))  # type: ignore[arg-type]


def report(relay: RelayProcess) -> dict[str, object]:
    (found,) = relay.api.get("/v1/gateway-reports")
    return found  # type: ignore[no-any-return]


def established(port: int) -> int:
    """Connections that a listener on this machine has open, by the kernel's own table."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    # Read in pieces while it changes, the table may name one connection twice.
    return len({row[2] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "01"})


def test_mail_is_taken_for_the_domain_whose_mx_is_the_primary_and_for_no_other(folder: Path, dns: DnsServer) -> None:
    dns.add("other.example", "MX", "10 mail.other.example.")
    dns.add("mail.other.example", "A", "192.0.2.80")
    dns.add("loop.example", "MX", "10 relay.example.org.")
    dns.add("loopback.example", "MX", "10 localhost.loopback.example.")
    dns.add("localhost.loopback.example", "A", "127.0.0.77")
    dns.add("null.example", "MX", "0 .")
    dns.add("dangling.example", "MX", "10 nowhere.example.")
    dns.servfail("broken.example")
    relay, port = fronting(folder / "relay", [gateway(free_port())], dns)
    with relay, Stranger(port) as stranger:
        assert stranger.rcpt(f"ann@{DOMAIN}") == "250 2.1.5 Ok"
        refusals = {
            "other.example": "the mail hosts of other.example (mail.other.example) are not behind this server",
            "loop.example": "(relay.example.org) are not behind this server",
            "loopback.example": "one of them is a loopback address",
            "null.example": "takes no mail (null MX)",
            "nonexistent.example": "does not exist",
            "dangling.example": "(nowhere.example) are not behind this server",
        }
        for domain, why in refusals.items():
            reply = stranger.rcpt(f"ann@{domain}")
            assert reply.startswith("550 5.7.1 Relaying denied: "), reply
            assert why in reply
        reply = stranger.rcpt("ann@broken.example")
        assert reply.startswith("451 4.4.3 The name servers gave no answer about broken.example"), reply

        questions = dns.asked(DOMAIN, "MX")
        for _ in range(20):
            assert stranger.rcpt(f"bob@{DOMAIN}").startswith("250 ")
        assert dns.asked(DOMAIN, "MX") == questions, "the answer is kept for its time to live"

        explained = relay.command("explain", "x@sender.example", f"ann@{DOMAIN}", "--client", "127.0.0.9")
        assert explained["accepted"]
        assert any("mail.example.com is 127.0.0.1" in step["text"] for step in explained["steps"])
        done = relay.run("explain", "x@sender.example", "ann@other.example", "--client", "127.0.0.9")
        assert done.returncode
        assert "not behind this server" in done.stdout


def test_five_hundred_messages_wait_for_the_primary_and_arrive_soon_after_it_is_back(
    folder: Path, dns: DnsServer, sink: SmtpSink, server: PostfixInstance
) -> None:
    # The kernel's table is no snapshot: connections that end and begin while it is read would count twice. So none ends early.
    limits = Limits(connections=CONNECTIONS, messages_per_connection=1000)
    one = gateway(server.port).model_copy(update={"limits": limits})
    relay, port = fronting(folder / "relay", [one], dns)
    with relay:
        with Stranger(port) as stranger:
            for number in range(500):
                stranger.send(f"ann@{DOMAIN}", number)
        wait_until(lambda: report(relay)["health"] in ("resting", "probing"), "the primary rests")
        assert relay.api.spooled == 500
        found = report(relay)
        assert found["spooled"] == 500
        assert found["cause"]
        assert isinstance(found["next_probe"], float)
        assert found["next_probe"] <= time.time() + 2 * PROBE
        rows = relay.api.post("/v1/spool/list", {"limit": 500})
        assert all("after: " in row["waiting"] for row in rows), rows[0]
        assert sum(row["attempts"] for row in rows) <= 2 * CONNECTIONS, "no message is spent on finding out"
        assert all(row["expires_at"] - row["received_at"] == 5 * 86_400 for row in rows)

        most, done = [0], threading.Event()

        def count_connections() -> None:
            while not done.wait(0.005):
                most[0] = max(most[0], established(server.port))

        watcher = threading.Thread(target=count_connections)
        watcher.start()
        try:
            server.start()
            began = time.monotonic()
            sink.wait_for(500, PROBE * 1.1 + 30)
            taken = time.monotonic() - began
        finally:
            done.set()
            watcher.join()
        assert taken < PROBE * 1.1 + 30
        assert 1 <= most[0] <= CONNECTIONS
        wait_until(lambda: relay.api.spooled == 0, "the spool is empty")
        assert sink.count == 500, "nothing came twice"
        assert report(relay)["health"] == "healthy"


def test_the_primary_releases_its_mail_by_etrn_at_once(
    folder: Path, dns: DnsServer, sink: SmtpSink, server: PostfixInstance
) -> None:
    relay, port = fronting(folder / "relay", [gateway(server.port, probe_seconds=3600)], dns)
    with relay:
        with Stranger(port) as stranger:
            for number in range(3):
                stranger.send(f"ann@{DOMAIN}", number)
            assert stranger.say(f"ETRN {DOMAIN}").startswith("502 "), "it is for primaries"
        wait_until(lambda: report(relay)["health"] == "resting", "the primary rests")
        server.start()
        with Stranger(port, PRIMARY) as itself:
            assert itself.say("ETRN other.example").startswith("459 ")
            assert itself.say(f"ETRN {DOMAIN}") == f"253 2.0.0 OK, 3 pending messages for {DOMAIN} started"
            sink.wait_for(3, 20)
            wait_until(lambda: relay.api.spooled == 0, "the spool is empty")
            assert itself.say(f"ETRN @{DOMAIN}") == f"251 2.0.0 OK, no messages waiting for @{DOMAIN}"


def test_only_while_the_primary_is_down_is_mail_taken_where_the_card_says_so(
    folder: Path, dns: DnsServer, sink: SmtpSink, server: PostfixInstance
) -> None:
    relay, port = fronting(folder / "relay", [gateway(server.port, accept=AcceptPolicy.PRIMARY_DOWN)], dns)
    server.start()
    with relay:
        assert asked(port, f"ann@{DOMAIN}").startswith("451 4.3.2 This is a backup mail server")
        with Stranger(port, PRIMARY) as itself:
            assert itself.rcpt(f"ann@{DOMAIN}").startswith("250 "), "the primary may always send"
        server.stop()
        wait_until(lambda: asked(port, f"ann@{DOMAIN}").startswith("250 "), "the primary's end is noticed", 45, 0.5)
        with Stranger(port) as stranger:
            stranger.send(f"ann@{DOMAIN}")
        server.start()
        sink.wait_for(1, PROBE * 1.1 + 30)
        assert asked(port, f"ann@{DOMAIN}").startswith("451 ")


def test_what_waits_stays_with_its_gateway_over_a_restart(
    folder: Path, dns: DnsServer, sink: SmtpSink, server: PostfixInstance
) -> None:
    relay, port = fronting(folder / "relay", [gateway(server.port)], dns)
    with relay:
        with Stranger(port) as stranger:
            stranger.send(f"ann@{DOMAIN}")
        wait_until(lambda: report(relay)["health"] != "healthy", "the primary rests")
        dns.servfail(DOMAIN)
        relay.restart()
        (row,) = relay.api.post("/v1/spool/list", {})
        assert row["lane"] == "inbound:gw-mx"
        server.start()
        relay.api.post("/v1/spool/operate", {"operation": "retry", "everything": True})
        sink.wait_for(1, 30)


def test_a_disabled_gateways_domain_is_put_off_and_not_refused(folder: Path, dns: DnsServer) -> None:
    relay, port = fronting(folder / "relay", [gateway(free_port()).model_copy(update={"enabled": False})], dns)
    with relay:
        assert asked(port, f"ann@{DOMAIN}").startswith("450 ")
        assert asked(port, "ann@nonexistent.example").startswith("550 ")
