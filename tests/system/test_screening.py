"""Spam and virus rules of Domain Forward gateways: a real relay, Debian's scanners, and Postfix as the primary.

The client connects from 127.0.0.9, because the primary's own address, 127.0.0.1, may relay and is not scored. Behind the
primary a recording peer keeps what it passes on.
"""

from __future__ import annotations

import base64
import io
import smtplib
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gatepost.model.configuration import Configuration
from gatepost.model.gateway import DomainForwardGateway, Encryption
from gatepost.model.listener import Listener, ListenerMode
from gatepost.model.spam import (
    AddHeader,
    Bounce,
    Delete,
    ForwardCopy,
    NoAction,
    PrefixSubject,
    Quarantine,
    Redirect,
    RspamdSource,
    SpamAction,
    SpamCard,
    SpamdSource,
    SpamPolicy,
    VirusPolicy,
)
from tests.support import scanners
from tests.support.ports import free_port, wait_until
from tests.support.postfix import PostfixInstance
from tests.support.processes import Process
from tests.support.relay_process import RelayProcess
from tests.support.smtp_peer import Received, SmtpPeer

CLIENT = "127.0.0.9"
HEAD = (
    b"From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: =?utf-8?q?Minutes_of_the_m=C3=A9eting?=\r\n"
    b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n"
    b"X-Gatepost-Spam: none; score=-100\r\nX-SmarterMail-TotalSpamWeight: 0\r\n"
    b"Authentication-Results: gate.example;\r\n\tspf=pass\r\nAuthentication-Results: other.example; spf=pass\r\n\r\n"
)
CLEAN_HEAD = HEAD.replace(b"X-Gatepost-Spam: none; score=-100\r\nX-SmarterMail-TotalSpamWeight: 0\r\n", b"").replace(
    b"Authentication-Results: gate.example;\r\n\tspf=pass\r\n", b""
)
PLAIN = b"Dear Bob,\r\nhere are the minutes.\r\n..two dots\r\n trailing \r\nAnn\r\n"
SPAM = scanners.GTUBE + b"\r\n"
VIRUS = scanners.EICAR + b"\r\n"
ACTIONS: dict[str, SpamAction] = {
    "none.example": NoAction(),
    "delete.example": Delete(),
    "bounce.example": Bounce(text="No spam here, please"),
    "prefix.example": PrefixSubject(text="SPAM:"),
    "header.example": AddHeader(header="X-Junk: yes"),
    "redirect.example": Redirect(address="junk@none.example"),
    "copy.example": ForwardCopy(address="copy@none.example"),
    "quarantine.example": Quarantine(days=7),
}


@dataclass
class Site:
    relay: RelayProcess
    port: int
    primary: SmtpPeer
    """What Postfix, the primary, passes its mail on to."""

    def send(self, content: bytes, *recipients: str, sender: str = "ann@example.com", client: str = CLIENT) -> str:
        """The reply to the final dot."""
        with smtplib.SMTP("127.0.0.1", self.port, source_address=(client, 0), timeout=100) as smtp:
            smtp.ehlo("client.example.com")
            assert smtp.mail(sender)[0] == 250
            for recipient in recipients:
                code, text = smtp.rcpt(recipient)
                assert code == 250, text
            code, text = smtp.data(content)
            return f"{code} {text.decode()}"

    def arrived(self, count: int = 1) -> list[Received]:
        wait_until(lambda: len(self.primary.messages) >= count, f"{count} messages reach the primary", 30)
        found, self.primary.messages = self.primary.messages, []
        return found

    def quarantined(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.relay.api.post("/v1/quarantine/list", {})
        return found

    def story(self, reply: str) -> list[dict[str, Any]]:
        return self.relay.api.timeline(reply.rpartition(" ")[2])


@pytest.fixture(scope="module")
def site(ports: scanners.Ports) -> Iterator[Site]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatepost-")))
        folder.chmod(0o755)
        behind = stack.enter_context(SmtpPeer(name="mailbox.test"))
        postfix = stack.enter_context(PostfixInstance(folder / "postfix", relayhost=f"[127.0.0.1]:{behind.port}"))
        relay = RelayProcess(folder / "relay")
        port = free_port()
        relay.configure(configuration(port, postfix.port, ports.spamd, ports.rspamd, ports.clamd))
        yield Site(stack.enter_context(relay), port, behind)


def configuration(port: int, primary: int, spamd: int, rspamd: int, clamd: int) -> Configuration:
    gateways = [
        DomainForwardGateway(
            id=f"gw-{domain.partition('.')[0]}",
            addresses=("127.0.0.1",),
            port=primary,
            encryption=Encryption.NONE,
            domains=(domain,),
            spam=SpamCard(enabled=True, none=action, low=action, medium=action, high=action),
        )
        for domain, action in ACTIONS.items()
    ]
    off = DomainForwardGateway(
        id="gw-off", addresses=("127.0.0.1",), port=primary, encryption=Encryption.NONE, domains=("off.example",)
    )
    found = Configuration(
        gateways=(*gateways, off),
        listeners=(Listener(address="127.0.0.1", port=port, mode=ListenerMode.MX),),
        spam=SpamPolicy(spamd=SpamdSource(enabled=True, port=spamd), rspamd=RspamdSource(enabled=True, port=rspamd)),
        virus=VirusPolicy(enabled=True, port=clamd),
    )
    server = found.settings.server.model_copy(update={"host_name": "gate.example"})
    return found.model_copy(update={"settings": found.settings.model_copy(update={"server": server})})


def fields_and_rest(message: Received) -> tuple[list[bytes], bytes]:
    """What Postfix and Gatepost put on top, field by field, and what follows it."""
    top: list[bytes] = []
    rest = message.content
    while rest.startswith((b"Received:", b"X-Gatepost-", b"X-Junk:")):
        end = rest.index(b"\r\n") + 2
        while rest[end : end + 1] in (b" ", b"\t"):
            end = rest.index(b"\r\n", end) + 2
        top.append(rest[:end])
        rest = rest[end:]
    return top, rest


@pytest.mark.parametrize(("body", "level"), [(PLAIN, b"none"), (SPAM, b"high")], ids=["plain", "gtube"])
@pytest.mark.parametrize("domain", list(ACTIONS))
def test_mail_ends_in_each_action(site: Site, domain: str, body: bytes, level: bytes) -> None:
    reply = site.send(HEAD + body, f"bob@{domain}")
    if domain == "bounce.example":
        assert reply == "550 5.7.1 No spam here, please"
        (tracked,) = site.relay.api.tracked(recipient="bob@bounce.example", state="bounced")[-1:]
        kinds = [entry["kind"] for entry in site.relay.api.timeline(tracked["queue_id"])]
        assert kinds[-2:] == ["scanned", "bounced"]
        return
    assert reply.startswith("250 2.0.0 Ok: queued as ")
    scanned = next(entry for entry in site.story(reply) if entry["kind"] == "scanned")
    assert {part["source"] for part in scanned["data"]["parts"]} == {"spamd", "rspamd"}
    assert not any(part["failed"] for part in scanned["data"]["parts"])
    if domain == "delete.example":
        (tracked,) = site.relay.api.tracked(queue_id=reply.rpartition(" ")[2])
        assert tracked["state"] == "deleted"
        return
    if domain == "quarantine.example":
        (row,) = site.quarantined()
        assert (row["sender"], row["recipients"], row["gateway"]) == ("ann@example.com", [f"bob@{domain}"], "gw-quarantine")
        assert row["level"] == level.decode()
        site.relay.command("quarantine", "release", row["queue_id"])
        assert site.quarantined() == []
    recipients = {
        "redirect.example": ["junk@none.example"],
        "copy.example": ["bob@copy.example", "copy@none.example"],
    }.get(domain, [f"bob@{domain}"])
    found = site.arrived(len(recipients))
    assert sorted(address for message in found for address in message.recipients) == recipients
    for message in found:
        top, rest = fields_and_rest(message)
        names = [field.partition(b":")[0] for field in top]
        junk = [b"X-Junk"] if domain == "header.example" else []
        assert names == [b"Received", b"X-Gatepost-Spam", *junk, b"Received"]
        assert top[1].startswith(b"X-Gatepost-Spam: " + level + b"; score=")
        assert b"spamd" in top[1]
        assert b"rspamd" in top[1]
        expected = CLEAN_HEAD + body
        if domain == "prefix.example":
            expected = expected.replace(b"Subject: =?", b"Subject: SPAM: =?")
        assert rest == expected
        assert message.sender == "ann@example.com"


def test_mail_for_a_gateway_without_rules_is_passed_on_untouched(site: Site) -> None:
    site.send(HEAD + SPAM, "bob@off.example")
    (message,) = site.arrived()
    top, rest = fields_and_rest(message)
    assert [field.partition(b":")[0] for field in top] == [b"Received", b"Received"]
    assert rest == HEAD + SPAM


def test_recipients_of_several_gateways_get_each_what_theirs_says(site: Site) -> None:
    domains = ("none.example", "prefix.example", "delete.example", "redirect.example", "off.example", "quarantine.example")
    reply = site.send(HEAD + SPAM, *(f"bob@{domain}" for domain in domains))
    assert reply.startswith("250 ")
    found = {message.recipients[0]: message.content for message in site.arrived(4)}
    assert set(found) == {"bob@none.example", "bob@prefix.example", "junk@none.example", "bob@off.example"}
    assert b"Subject: SPAM: =?" in found["bob@prefix.example"]
    assert b"Subject: SPAM" not in found["bob@none.example"]
    assert found["bob@off.example"].endswith(HEAD + SPAM)
    (row,) = site.quarantined()
    assert row["recipients"] == ["bob@quarantine.example"]
    site.relay.command("quarantine", "delete", row["queue_id"], "--yes")


def test_a_recipient_whose_gateway_bounces_is_asked_to_come_separately(site: Site) -> None:
    with smtplib.SMTP("127.0.0.1", site.port, source_address=(CLIENT, 0)) as smtp:
        smtp.ehlo()
        smtp.mail("ann@example.com")
        assert smtp.rcpt("bob@none.example")[0] == 250
        code, text = smtp.rcpt("bob@bounce.example")
        assert code == 452
        assert b"inspected by other rules" in text


@pytest.mark.parametrize("domain", ["none.example", "off.example"])
@pytest.mark.parametrize("infected", ["quarantine", "delete", "bounce"])
def test_eicar_ends_in_each_action_whatever_the_gateway_says_of_spam(site: Site, infected: str, domain: str) -> None:
    site.relay.api.patch("/v1/virus", {"infected": infected})
    reply = site.send(HEAD + VIRUS, f"bob@{domain}")
    if infected == "bounce":
        assert reply == "550 5.7.1 Message refused: virus found: Gatepost.Test.EICAR.UNOFFICIAL"
    else:
        assert reply.startswith("250 ")
        (tracked,) = site.relay.api.tracked(queue_id=reply.rpartition(" ")[2])
        assert tracked["state"] == {"quarantine": "quarantined", "delete": "deleted"}[infected]
    rows = site.quarantined()
    assert [row["kind"] for row in rows] == (["virus"] if infected == "quarantine" else [])
    for row in rows:
        assert row["reason"] == "virus found: Gatepost.Test.EICAR.UNOFFICIAL"
        site.relay.command("quarantine", "delete", row["queue_id"], "--yes")
    assert site.primary.messages == []


def test_a_large_message_is_scanned_and_passed_on_from_its_file(site: Site) -> None:
    body = b"filling of a large message\r\n" * 60_000
    assert site.send(HEAD + body, "bob@header.example").startswith("250 ")
    (message,) = site.arrived()
    top, rest = fields_and_rest(message)
    assert [field.partition(b":")[0] for field in top] == [b"Received", b"X-Gatepost-Spam", b"X-Junk", b"Received"]
    assert rest == CLEAN_HEAD + body
    site.relay.api.patch("/v1/virus", {"infected": "quarantine"})
    assert site.send(HEAD + body + VIRUS, "bob@header.example").startswith("250 ")
    (row,) = site.quarantined()
    assert row["kind"] == "virus"
    site.relay.command("quarantine", "delete", row["queue_id"], "--yes")
    assert list((site.relay.data / "bodies").iterdir()) == []


def test_a_message_that_is_a_zip_bomb_to_the_scanner_is_held_with_a_plain_reason(site: Site) -> None:
    """Two hundred megabytes in two hundred kilobytes. clamd gives up within its limits and says so."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(200_000_000))
    mime = b"MIME-Version: 1.0\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    body = base64.encodebytes(packed.getvalue()).replace(b"\n", b"\r\n")
    site.relay.api.patch("/v1/virus", {"infected": "quarantine"})
    assert site.send(HEAD[:-2] + mime + body, "bob@none.example").startswith("250 ")
    (row,) = site.quarantined()
    assert row["reason"].startswith("packed too deep or too large to be scanned: Heuristics.Limits.Exceeded")
    site.relay.command("quarantine", "delete", row["queue_id"], "--yes")


def test_what_the_primary_itself_sends_is_not_scored(site: Site) -> None:
    assert site.send(HEAD + SPAM, "bob@delete.example", client="127.0.0.1").startswith("250 ")
    (message,) = site.arrived()
    assert fields_and_rest(message)[1] == HEAD + SPAM


def test_a_released_and_allowed_sender_is_scored_no_more(site: Site) -> None:
    site.send(HEAD + SPAM, "bob@quarantine.example", sender="friend@example.com")
    (row,) = site.quarantined()
    shown = site.relay.command("quarantine", "show", row["queue_id"])
    assert {part["source"] for part in shown["parts"]} == {"spamd", "rspamd"}
    assert "GTUBE" in " ".join(part["note"] for part in shown["parts"])
    assert shown["client"] == CLIENT
    target = site.relay.folder / "kept.eml"
    site.relay.command("quarantine", "export", row["queue_id"], str(target))
    assert target.read_bytes().endswith(CLEAN_HEAD + SPAM)
    site.relay.command("quarantine", "release", row["queue_id"], "--allow-sender")
    site.arrived()
    assert site.relay.command("spam", "show")["allowed_senders"] == ["friend@example.com"]
    site.send(HEAD + SPAM, "bob@quarantine.example", sender="friend@example.com")
    (message,) = site.arrived()
    top, rest = fields_and_rest(message)
    assert [field.partition(b":")[0] for field in top] == [b"Received", b"Received"]
    assert rest == CLEAN_HEAD + SPAM, "an allowed sender's forged verdicts are stripped all the same"


def test_the_quarantine_is_counted_and_its_changes_are_told(site: Site) -> None:
    command = [sys.executable, "-m", "gatepost", "--data", str(site.relay.data), "events", "--json"]
    with Process(command, log=site.relay.folder / "events.log", environment=site.relay.environment) as follower:
        wait_until(lambda: '"snapshot"' in follower.output(), "the snapshot comes", 30)
        _count_and_tell(site)
        for operation in ("add", "delete"):
            told = f'"operation": "{operation}"'
            wait_until(lambda told=told: told in follower.output(), f"the event says {operation}: {follower.output()[-2000:]}")
        assert "quarantine.changed" in follower.output()


def _count_and_tell(site: Site) -> None:
    site.send(HEAD + SPAM, "bob@quarantine.example")
    assert site.relay.command("status")["spool"]["quarantined"] == 1
    assert "gatepost_quarantined_messages 1" in site.relay.run("metrics").stdout
    (row,) = site.relay.command("quarantine", "list", "--min-score", "30", "--gateway", "gw-quarantine")
    assert site.relay.run("quarantine", "delete", row["queue_id"]).returncode == 2, "it asks first, and nobody is there"
    site.relay.command("quarantine", "delete", "--everything", "--yes")
    assert site.relay.command("status")["spool"]["quarantined"] == 0
    stories = site.relay.api.timeline(row["queue_id"])
    assert stories[-1]["kind"] == "deleted"
    assert stories[-1]["text"].startswith("deleted from quarantine by ")
