"""A relay that has something to show: gateways of every mode, healthy and not; mail delivered, waiting, deferred, refused."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from email.message import EmailMessage
from pathlib import Path

from gatepost.model.access import TrustedNetwork
from gatepost.model.capture import Capture, Tray
from gatepost.model.configuration import Configuration
from gatepost.model.domain import DomainMatch, DomainRule, GatewayRoute
from gatepost.model.gateway import (
    BackupMxGateway,
    Certificate,
    CertificateCheck,
    DomainForwardGateway,
    Encryption,
    GatewayAuth,
    RoundRobinGateway,
    SpecificDomainsGateway,
)
from gatepost.model.listener import Listener
from gatepost.model.settings import DeliverySettings, ServerSettings, Settings

from ...support.background import in_background
from ...support.certificates import issued
from ...support.dns_server import DnsServer
from ...support.ports import free_port, wait_until
from ...support.relay_process import RelayProcess
from ...support.smtp_peer import SmtpPeer
from ...support.submission import submit
from ..captured import letter, rich
from ..mail import fill_quarantine

_MAIL = (
    ("anna@example.org", ("bob@partner.example",), "Quarterly figures"),
    ("anna@example.org", ("carol@partner.example", "dan@partner.example"), "Minutes of Monday’s meeting"),
    ("shop@example.org", ("erin@customer.example",), "Your order 2026-1142"),
    ("shop@example.org", ("frank@customer.example",), "Your order 2026-1143 is on its way"),
    ("printer@example.org", ("office@customer.example",), "Scan from the second floor"),
    ("support@example.org", ("grace@customer.example",), "Re: Cannot sign in"),
    ("backup@example.org", ("admin@customer.example",), "Backup finished without errors"),
    ("anna@example.org", ("nobody@partner.example",), "Invitation"),
    ("news@bulk.example.org", ("reader1@customer.example",), "What is new in November"),
    ("news@bulk.example.org", ("reader2@customer.example",), "What is new in November"),
    ("news@bulk.example.org", ("reader3@customer.example",), "What is new in November"),
    ("billing@example.org", ("heidi@customer.example",), "Invoice 20261128"),
)
ROUNDS = 4
DEVELOPERS = "ls-developers"
_SHOP_HTML = """<h2>Thank you, Anna!</h2><p><img src="cid:logo@shop"></p><p>Your order is on its way. It has</p>
<ul><li>2 × notebook, dotted</li><li>1 × pencil</li></ul><p>Total: <b>12.40 €</b>.
<a href="https://shop.example/track?order=2026">Follow the parcel</a></p><img src="https://count.example/pixel.png">"""
PASSWORD = "correct horse battery staple"


def sample_configuration(
    listener: int, capturing: int, main: int, second: int, dead: int, dns_port: int, fingerprint: str
) -> Configuration:
    developers = Listener(id=DEVELOPERS, port=capturing, description="Developers", handling=Capture())
    pinned = Certificate(check=CertificateCheck.FINGERPRINT, fingerprint=fingerprint)
    return Configuration(
        gateways=(
            RoundRobinGateway(
                id="gw-main", description="Main relay", host="smtp.example.com", port=main, certificate=pinned,
                auth=GatewayAuth(enabled=True, username="relay@example.com"), weight=2,
            ),
            RoundRobinGateway(
                id="gw-second", description="Second provider", host="mail.provider.example", port=second,
                encryption=Encryption.NONE,
            ),
            RoundRobinGateway(id="gw-reserve", description="Reserve", host="reserve.example.net", standby=True, enabled=False),
            SpecificDomainsGateway(
                id="gw-bulk", description="Newsletters", host="bulk.example.net", port=dead,
                encryption=Encryption.OPPORTUNISTIC, domains=("bulk.example.org", "news.example.org"),
            ),
            BackupMxGateway(
                id="gw-backup", description="Branch office", addresses=("192.0.2.10", "192.0.2.11"),
                domains=("branch.example.org",),
            ),
            DomainForwardGateway(
                id="gw-front", description="In front of Exchange", addresses=("198.51.100.5", "198.51.100.16/29"),
                domains=("corp.example.net", "*.corp.example.net", "example.edu"),
            ),
        ),
        domains=(
            DomainRule(
                id="dom-1", domain="bulk.example.org", match=DomainMatch.SENDER, route=GatewayRoute(gateway="gw-bulk")
            ),
        ),
        listeners=(Listener(port=listener), developers),
        trays=(Tray(id="tray-shop", name="Webshop", recipient="*@shop.example"),),
        trusted_networks=(TrustedNetwork(network="127.0.0.0/8"),),
        settings=Settings(
            server=ServerSettings(host_name="relay.example.org"),
            delivery=DeliverySettings(name_servers=("127.0.0.1",), name_server_port=dns_port, ipv6=False, rest_seconds=600),
        ),
    )  # fmt: skip


@contextmanager
def sample_relay(folder: Path) -> Iterator[RelayProcess]:
    """Started, with its mail sent and settled."""
    certificate = issued("smtp.example.com")
    with ExitStack() as stack:
        main = stack.enter_context(SmtpPeer(starttls=True, certificate=certificate, users={"relay@example.com": PASSWORD}))
        second = stack.enter_context(SmtpPeer())
        second.on("rcpt", "550 5.1.1 No such user here", match="nobody@")
        main.on("rcpt", "550 5.1.1 No such user here", match="nobody@")
        dns = stack.enter_context(in_background(DnsServer()))
        for name in ("smtp.example.com", "mail.provider.example", "bulk.example.net"):
            dns.add(name, "A", "127.0.0.1")
        listener, capturing = free_port(), free_port()
        relay = RelayProcess(folder)
        relay.configure(
            sample_configuration(listener, capturing, main.port, second.port, free_port(), dns.port, certificate.fingerprint)
        )
        fill_quarantine(relay.data, 12, "gw-front")
        stack.enter_context(relay)
        answer = relay.api.call("PUT", "/v1/secrets/gateway/gw-main/password", {"secret": PASSWORD})
        assert answer.status < 300, answer.body
        _fill_inbox(relay, capturing)
        _send(listener)
        wait_until(lambda: _is_settled(relay), "the sample mail is delivered, deferred or refused", 15)
        yield relay


def _fill_inbox(relay: RelayProcess, port: int) -> None:
    """Captured mail; from then on everything is delivered, so that only those scenes are marked that are about it."""
    with smtplib.SMTP("127.0.0.1", port) as client:
        for number, (sender, recipients, subject) in enumerate(_MAIL):
            client.send_message(letter(sender, recipients[0], f"Test: {subject}"), to_addrs=list(recipients))
            if number % 4 == 0:
                client.send_message(rich(f"Your order {2000 + number} is on its way", _SHOP_HTML))
    answer = relay.api.call("PATCH", f"/v1/listeners/{DEVELOPERS}", {"handling": {"action": "deliver"}})
    assert answer.status < 300, answer.body


def _send(port: int) -> None:
    for number in range(ROUNDS):
        for sender, recipients, subject in _MAIL:
            message = EmailMessage()
            message["From"], message["To"], message["Subject"] = sender, ", ".join(recipients), subject
            message["Message-ID"] = f"<{number}.{hash(subject) & 0xFFFF:04x}.{sender}>"
            message.set_content(f"{subject}\n\n" + "A line of sample text.\n" * (4 + 11 * number))
            content = message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            submit(port, sender, recipients, content)
    with smtplib.SMTP("127.0.0.1", port) as stranger:  # something that is refused
        stranger.ehlo()
        stranger.mail("anna@example.org")
        stranger.rcpt("not an address")


def _is_settled(relay: RelayProcess) -> bool:
    """All but the newsletters, whose gateway does not answer."""
    return all(message["state"] != "waiting" or "@bulk." in message["sender"] for message in relay.api.tracked())
