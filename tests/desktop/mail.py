"""A real relay with mail in every state, for pages that show mail: delivered, deferred, on hold, refused by the next hop."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from gatepost.model.access import TrustedNetwork
from gatepost.model.configuration import Configuration
from gatepost.model.domain import DomainMatch, DomainRule, GatewayRoute
from gatepost.model.gateway import Encryption, RoundRobinGateway, SpecificDomainsGateway
from gatepost.model.listener import Listener
from gatepost.model.settings import ServerSettings, Settings

from ..support.ports import free_port, is_listening
from ..support.relay_process import RelayProcess
from ..support.smtp_peer import SmtpPeer

PROVIDER = "gw-provider"
BRANCH = "gw-branch"
DEAD = "gw-dead"


def configuration(port: int, provider: int, branch: int) -> Configuration:
    def by(domain: str, gateway: str) -> DomainRule:
        return DomainRule(domain=domain, match=DomainMatch.RECIPIENT, route=GatewayRoute(gateway=gateway))

    return Configuration(
        gateways=(
            RoundRobinGateway(
                id=PROVIDER, description="Main provider", host="127.0.0.1", port=provider, encryption=Encryption.NONE
            ),
            SpecificDomainsGateway(
                id=BRANCH, description="Branch office", host="127.0.0.1", port=branch, encryption=Encryption.NONE
            ),
            SpecificDomainsGateway(
                id=DEAD, description="Old server", host="127.0.0.1", port=free_port(), encryption=Encryption.NONE
            ),
        ),
        domains=(by("branch.example", BRANCH), by("old.example", DEAD)),
        listeners=(Listener(id="ls-office", address="127.0.0.1", port=port),),
        trusted_networks=(TrustedNetwork(network="127.0.0.0/8"),),
        settings=Settings(server=ServerSettings(host_name="mail.example.org")),
    )


@dataclass(frozen=True)
class Office:
    """``provider`` takes everything but mail for nobody@…; ``branch`` asks to come again later; the third is not there."""

    relay: RelayProcess
    port: int
    provider: SmtpPeer
    branch: SmtpPeer

    def send(self, sender: str, *recipients: str, subject: str, text: str = "Hello,\n\nsee above.\n") -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, ", ".join(recipients), subject
        message.set_content(text)
        with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as client:
            client.send_message(message, sender, list(recipients))

    def fill(self, count: int = 24) -> None:
        """Some mail of an ordinary morning; every way it can end."""
        for number in range(count):
            sender, recipients, subject = _MORNING[number % len(_MORNING)]
            text = "Hello,\n\n" + "a line of some length, as letters have them\n" * (number * 37 % 400)
            self.send(
                sender, *(address.format(number) for address in recipients), subject=subject.format(number + 1001), text=text
            )

    def wait(self, delivered: int, timeout: float = 60) -> None:
        """Until so many messages were delivered (reports about what was refused among them) and something was put off."""
        deadline = time.monotonic() + timeout
        while True:
            found = self.relay.command("track", "--state", "delivered", "--limit", "200")
            if len(found.get("messages", ())) >= delivered and self.relay.command("spool", "counts")["deferred"]:
                return
            assert time.monotonic() < deadline, "the attempts were not made"
            time.sleep(0.2)


_MORNING = (
    ("billing@example.org", ("anna.becker@branch.example",), "Invoice {}"),
    ("scanner@example.org", ("office@old.example",), "Scan from the second floor, page {}"),
    ("anna@example.org", ("partners@branch.example", "sales@branch.example", "ceo@branch.example"), "Minutes of meeting {}"),
    ("shop@example.org", ("customer{0}@example.net",), "Your order {} is on its way"),
    ("monitor@example.org", ("nobody@example.net",), "Disk {} is nearly full"),
    ("newsletter@example.org", ("reader@old.example",), "Übersicht über die Größen im März, Nr. {}"),
)


@contextmanager
def office(folder: Path) -> Iterator[Office]:
    with SmtpPeer() as provider, SmtpPeer() as branch:
        provider.on("rcpt", "550 5.1.1 No such user here", match="nobody@")
        branch.on("rcpt", "451 4.7.1 Greylisted, come again in five minutes")
        port = free_port()
        relay = RelayProcess(folder)
        relay.configure(configuration(port, provider.port, branch.port))
        with relay:
            relay.process.wait_until(lambda: is_listening(port), "the listener is open", 20)
            yield Office(relay, port, provider, branch)
