"""A real relay process before next hops that misbehave, each in a way of its own: where its mail ends, and what is said."""

from __future__ import annotations

import email
import email.policy
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import pytest

from gatepost.model.domain import DomainMatch, DomainRule, GatewayRoute
from gatepost.model.gateway import Encryption, SpecificDomainsGateway
from gatepost.model.settings import DeliverySettings, ServerSettings, Settings
from tests.support.ports import wait_until
from tests.support.relay_process import RelayProcess
from tests.support.relaying import plain, relaying
from tests.support.smtp_peer import DROP, HANG, Action, SmtpPeer
from tests.support.submission import PLAIN, submit

DELIVERED = {"delivered", "relayed"}
SENDER = "ann@sender.example"
LARGE = PLAIN + b"as much as no socket's buffer holds, so that the dot is not sent yet when it drops\r\n" * 150_000


@dataclass
class Site:
    """``hop`` takes what goes to ``@hop.example``, ``first`` and ``second`` are the pool, ``reports`` takes notifications."""

    relay: RelayProcess
    port: int
    hop: SmtpPeer
    secured: SmtpPeer
    first: SmtpPeer
    second: SmtpPeer
    reports: SmtpPeer

    def story(self, queue_id: str) -> list[dict[str, Any]]:
        return self.relay.api.timeline(queue_id)

    def kinds(self, queue_id: str) -> list[str]:
        return [entry["kind"] for entry in self.story(queue_id)]

    def wait_for(self, queue_id: str, *kinds: str, times: int = 1) -> dict[str, Any]:
        """Wait until such a step stands in the message's story so many times; returns the last one."""

        def found() -> list[dict[str, Any]]:
            return [entry for entry in self.story(queue_id) if entry["kind"] in kinds]

        wait_until(lambda: len(found()) >= times, f"{queue_id} is {kinds}", 30)
        return found()[-1]

    def forget_connections(self, peer: SmtpPeer, gateway_id: str) -> None:
        """The next message has a fresh connection, so that a failure cannot be taken for a stale one."""
        peer.drop_all()
        wait_until(lambda: self.report(gateway_id)["connections"] == 0, "the relay noticed the end of its connections")

    def report(self, gateway_id: str) -> dict[str, Any]:
        reports = self.relay.api.get("/v1/gateway-reports")
        return next(report for report in reports if report["id"] == gateway_id)

    def retry_until_delivered(self, queue_id: str) -> None:
        """The hop may still rest for a moment when somebody asks for the next attempt."""

        def delivered() -> bool:
            self.relay.api.retry_all()
            return bool(DELIVERED & set(self.kinds(queue_id)))

        wait_until(delivered, f"{queue_id} is delivered", 20, 0.2)

    def settled(self) -> None:
        wait_until(lambda: self.relay.api.spooled == 0, "the spool is empty", 30)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with (
        SmtpPeer() as hop,
        SmtpPeer(starttls=True) as secured,
        SmtpPeer() as first,
        SmtpPeer() as second,
        SmtpPeer() as reports,
    ):
        named = {
            "gw-hop": (hop, Encryption.NONE),
            "gw-secured": (secured, Encryption.REQUIRED),
            "gw-reports": (reports, Encryption.NONE),
        }
        gateways = [
            SpecificDomainsGateway(id=name, host="127.0.0.1", port=peer.port, encryption=encryption)
            for name, (peer, encryption) in named.items()
        ]
        domains = {"hop.example": "gw-hop", "secured.example": "gw-secured", "sender.example": "gw-reports"}
        rows = [
            DomainRule(domain=domain, match=DomainMatch.RECIPIENT, route=GatewayRoute(gateway=gateway))
            for domain, gateway in domains.items()
        ]
        settings = Settings(
            server=ServerSettings(host_name="relay.example.org"),
            delivery=DeliverySettings(command_seconds=1, data_done_seconds=1, rest_seconds=0.1, rest_max_seconds=0.2),
        )
        relay, port = relaying(
            tmp_path_factory.mktemp("faulty"), [*gateways, plain(1, first.port), plain(2, second.port)],
            domains=rows, settings=settings,
        )  # fmt: skip
        with relay:
            yield Site(relay, port, hop, secured, first, second, reports)


@pytest.fixture
def site(running: Site) -> Iterator[Site]:
    """Everybody behaves again afterwards, and nothing is left over for the next test."""
    yield running
    for peer in (running.hop, running.secured, running.first, running.second, running.reports):
        peer.clear()
        peer.greylist = False
    running.relay.api.post("/v1/spool/operate", {"operation": "delete", "everything": True})
    running.settled()
    for peer in (running.hop, running.secured, running.first, running.second, running.reports):
        peer.messages.clear()


# --- one next hop, and no other -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["rcpt", "data", "dot"])
def test_a_4xx_defers_with_its_words_and_the_next_attempt_delivers(site: Site, stage: str) -> None:
    site.hop.on(stage, "450 4.2.1 mailbox busy, ask again", times=1)
    number = submit(site.port, SENDER, ["bob@hop.example"])
    deferred = site.wait_for(number, "deferred")
    assert "450 4.2.1 mailbox busy" in deferred["text"]
    wait_until(lambda: site.relay.api.post("/v1/spool/list", {"filter": {"min_attempts": 1}}), "the attempt is recorded")
    row = site.relay.api.post("/v1/spool/list", {})[0]
    assert (row["state"], row["attempts"], row["waiting"]) == ("deferred", 1, "time")
    assert 240 < row["due_at"] - time.time() < 400, "the first step of the default schedule is five minutes"
    assert "mailbox busy" in row["last_reply"]
    assert not site.hop.messages
    site.relay.api.retry_all()
    site.wait_for(number, *DELIVERED)
    site.settled()
    assert len(site.hop.messages) == 1
    assert not site.reports.messages


def test_the_story_of_a_bounced_message_names_its_notification_which_has_a_story_too(site: Site) -> None:
    site.hop.on("rcpt", "550 5.1.1 no such user")
    number = submit(site.port, SENDER, ["bob@hop.example"])
    notification = site.wait_for(number, "dsn")["text"].rpartition(" ")[2]
    site.wait_for(notification, *DELIVERED)
    assert site.kinds(notification)[0] == "received"
    (found,) = site.relay.api.tracked(queue_id=notification)
    assert (found["sender"], found["recipients"][0]["address"], found["state"]) == ("", SENDER, "delivered")


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
def test_a_5xx_is_final_and_the_sender_is_told(site: Site, stage: str) -> None:
    site.hop.on(stage, "554 5.6.0 not like this")
    number = submit(site.port, SENDER, ["bob@hop.example"])
    assert "554 5.6.0 not like this" in site.wait_for(number, "bounced")["text"]
    site.settled()
    assert not site.hop.messages
    assert [message.recipients for message in site.reports.messages] == [(SENDER,)]


def test_greylisting_ends_in_one_delivery(site: Site) -> None:
    site.hop.greylist = True
    number = submit(site.port, SENDER, ["grey@hop.example"])
    assert "greylisted" in site.wait_for(number, "deferred")["text"]
    site.relay.api.retry_all()
    site.wait_for(number, *DELIVERED)
    site.settled()
    assert len(site.hop.messages) == 1
    assert site.relay.api.health("gw-hop") == "healthy"


@pytest.mark.parametrize(
    ("stage", "action"),
    [("ehlo", HANG), ("ehlo", DROP), ("mail", HANG), ("mail", DROP), ("content", DROP)],
    ids=["hangs at EHLO", "drops at EHLO", "hangs at MAIL", "drops at MAIL", "drops in DATA"],
)
def test_a_hop_that_hangs_or_drops_before_the_dot_has_nothing_and_gets_it_later(site: Site, stage: str, action: Action) -> None:
    content = LARGE if stage == "content" else PLAIN
    site.forget_connections(site.hop, "gw-hop")
    site.hop.on(stage, action, times=1)
    number = submit(site.port, SENDER, ["bob@hop.example"], content)
    site.wait_for(number, "deferred")
    assert not site.hop.messages
    assert "may arrive twice" not in site.wait_for(number, "deferred")["text"]
    site.retry_until_delivered(number)
    site.settled()
    assert len(site.hop.messages) == 1
    assert site.hop.messages[0].content.endswith(content)


@pytest.mark.parametrize("action", [HANG, DROP], ids=["hangs", "drops"])
def test_silence_after_the_dot_is_an_unknown_outcome_and_the_story_says_so(site: Site, action: Action) -> None:
    site.hop.on("dot", action, times=1)
    number = submit(site.port, SENDER, ["bob@hop.example"])
    deferred = site.wait_for(number, "deferred")
    assert "may arrive twice" in deferred["text"]
    assert f"{number} to bob@hop.example may be delivered twice" in site.relay.log
    assert len(site.hop.messages) == 1, "this hop had taken it"
    site.retry_until_delivered(number)
    site.settled()
    assert len(site.hop.messages) == 2
    assert site.hop.messages[0].content == site.hop.messages[1].content
    assert not site.reports.messages


def test_a_bad_certificate_where_tls_is_required_lets_nothing_out(site: Site) -> None:
    number = submit(site.port, SENDER, ["bob@secured.example"])
    deferred = site.wait_for(number, "deferred")
    assert "certificate" in deferred["text"].lower()
    assert "4.7.5" in deferred["text"]
    assert not site.secured.messages
    said = [command for connection in site.secured.connections for command in connection.commands]
    assert {command.split()[0] for command in said} <= {"EHLO", "STARTTLS", "QUIT"}, said
    assert site.relay.api.health("gw-secured") in ("resting", "probing")
    assert "certificate" in site.report("gw-secured")["last_error"].lower()


def test_starttls_that_is_required_and_missing_lets_nothing_out(site: Site) -> None:
    site.secured.starttls = False
    try:
        wait_until(lambda: site.relay.api.health("gw-secured") != "resting", "its rest is over")
        number = submit(site.port, SENDER, ["bob@secured.example"])
        assert "STARTTLS" in site.wait_for(number, "deferred")["text"]
        assert not site.secured.messages
    finally:
        site.secured.starttls = True


# --- another one in the pool ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "action"),
    [
        ("connect", DROP),
        ("connect", "421 4.3.2 not now"),
        ("ehlo", HANG),
        ("mail", "421 4.7.0 enough of you"),
        ("mail", DROP),
        ("content", DROP),
        ("rcpt", "550 5.7.1 client host [127.0.0.1] is listed at a block list, see https://bl.example.net/"),
    ],
    ids=["drops", "421", "hangs", "421 to MAIL", "drops at MAIL", "drops in DATA", "block list"],
)
def test_the_next_gateway_of_the_pool_takes_over_in_the_same_attempt(site: Site, stage: str, action: Action) -> None:
    site.first.on(stage, action)
    site.forget_connections(site.first, "gw-1")
    wait_until(lambda: site.relay.api.health("gw-1") != "resting", "its rest is over", 20)
    content = LARGE if stage == "content" else PLAIN
    numbers = [submit(site.port, SENDER, ["bob@pool.example"], content) for _ in range(3)]
    site.settled()
    assert len(site.second.messages) == 3
    assert not site.first.messages
    stories = [site.story(number) for number in numbers]
    assert not [entry for story in stories for entry in story if entry["kind"] == "deferred"]
    failed = [entry for story in stories for entry in story if entry["kind"] == "attempt"]
    assert failed, "nobody tried the first gateway"
    assert all(str(site.first.port) in entry["text"] + str(entry["data"]) for entry in failed)
    assert not site.reports.messages


# --- notifications -----------------------------------------------------------------------------------------------------


def bounce(site: Site, *, mail: tuple[str, ...] = (), rcpt: tuple[str, ...] = (), sender: str = SENDER) -> EmailMessage | None:
    """What comes back of a message to somebody who does not exist; None when nothing does."""
    site.hop.on("rcpt", "550 5.1.1 <nobody@hop.example>: no such user here", match="nobody@")
    number = submit(site.port, sender, ["nobody@hop.example"], mail=mail, rcpt=rcpt)
    site.wait_for(number, "bounced")
    site.settled()
    if not site.reports.messages:
        return None
    (message,) = site.reports.messages
    assert message.sender == "", "a notification has the null sender"
    assert message.recipients == (SENDER,)
    found = email.message_from_bytes(message.content, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    assert not found.defects
    return found


def fields(report: EmailMessage) -> tuple[EmailMessage, EmailMessage]:
    """The delivery-status part: the fields of the message, and those of its one recipient."""
    part = report.get_payload(1)
    assert isinstance(part, EmailMessage)
    assert part.get_content_type() == "message/delivery-status"
    found = part.get_payload()
    assert isinstance(found, list)
    of_message, of_recipient = found
    assert isinstance(of_message, EmailMessage)
    assert isinstance(of_recipient, EmailMessage)
    return of_message, of_recipient


def test_a_notification_is_a_report_by_rfc_3464_with_all_that_the_sender_asked_to_have_back(site: Site) -> None:
    report = bounce(
        site, mail=("RET=FULL", "ENVID=QQ314159+2B7"), rcpt=("NOTIFY=FAILURE,DELAY", "ORCPT=rfc822;No+2BBody@hop.example")
    )
    assert report is not None
    assert report.get_content_type() == "multipart/report"
    assert report["Content-Type"].params["report-type"] == "delivery-status"
    assert report["To"] == f"<{SENDER}>" or report["To"] == SENDER
    assert report["Auto-Submitted"] == "auto-replied"
    assert report["In-Reply-To"] == "<1@sender.example>"
    assert report["Date"].datetime is not None
    assert [part.get_content_type() for part in report.iter_parts()] == [
        "text/plain",
        "message/delivery-status",
        "message/rfc822",
    ]
    of_message, of_recipient = fields(report)
    assert of_message["Reporting-MTA"] == "dns; relay.example.org"
    assert of_message["Original-Envelope-Id"] == "QQ314159+7"
    assert of_message["Arrival-Date"]
    assert of_recipient["Original-Recipient"] == "rfc822; No+Body@hop.example"
    assert of_recipient["Final-Recipient"] == "rfc822; nobody@hop.example"
    assert of_recipient["Action"] == "failed"
    assert of_recipient["Status"] == "5.1.1"
    assert of_recipient["Remote-MTA"] == "dns; 127.0.0.1"
    assert of_recipient["Diagnostic-Code"] == "smtp; 550 5.1.1 <nobody@hop.example>: no such user here"
    words = report.get_payload(0)
    assert isinstance(words, EmailMessage)
    assert "nobody@hop.example" in words.get_content()
    assert "no such user here" in words.get_content()
    returned = report.get_payload(2)
    assert isinstance(returned, EmailMessage)
    original = returned.get_payload(0)
    assert isinstance(original, EmailMessage)
    assert original["Message-ID"] == "<1@sender.example>"
    assert original.get_content().strip() == "Hello."


def test_ret_hdrs_returns_the_header_only(site: Site) -> None:
    report = bounce(site, mail=("RET=HDRS",))
    assert report is not None
    part = report.get_payload(2)
    assert isinstance(part, EmailMessage)
    assert part.get_content_type() == "text/rfc822-headers"
    assert "Message-ID: <1@sender.example>" in part.get_content()
    assert "Hello." not in part.get_content()
    of_message, of_recipient = fields(report)
    assert "Original-Envelope-Id" not in of_message
    assert "Original-Recipient" not in of_recipient


@pytest.mark.parametrize(
    ("sender", "rcpt"), [(SENDER, ("NOTIFY=NEVER",)), (SENDER, ("NOTIFY=SUCCESS,DELAY",)), ("", ())],
    ids=["NOTIFY=NEVER", "no FAILURE in NOTIFY", "null sender"],
)  # fmt: skip
def test_nobody_is_told_who_did_not_want_to_be(site: Site, sender: str, rcpt: tuple[str, ...]) -> None:
    assert bounce(site, sender=sender, rcpt=rcpt) is None


def test_notify_success_is_answered_where_the_next_hop_will_not(site: Site) -> None:
    site.forget_connections(site.hop, "gw-hop")
    site.hop.features.remove("DSN")
    try:
        submit(site.port, SENDER, ["bob@hop.example"], rcpt=("NOTIFY=SUCCESS",))
        site.settled()
    finally:
        site.hop.features.append("DSN")
        site.hop.drop_all()
    report = email.message_from_bytes(site.reports.messages[0].content, policy=email.policy.default)
    assert isinstance(report, EmailMessage)
    _, of_recipient = fields(report)
    assert of_recipient["Action"] == "relayed"
    assert of_recipient["Status"].startswith("2.")


def test_what_the_sender_asked_for_travels_on_to_a_hop_that_knows_it(site: Site) -> None:
    submit(
        site.port, SENDER, ["bob@hop.example"], mail=("RET=HDRS", "ENVID=abc"),
        rcpt=("NOTIFY=SUCCESS", "ORCPT=rfc822;bob@hop.example"),
    )  # fmt: skip
    site.settled()
    (message,) = site.hop.messages
    assert {"RET=HDRS", "ENVID=abc"} <= set(message.mail_parameters)
    assert set(message.recipient_parameters[0]) == {"NOTIFY=SUCCESS", "ORCPT=rfc822;bob@hop.example"}
    assert not site.reports.messages


def test_a_notification_that_cannot_be_delivered_is_answered_by_nobody(site: Site) -> None:
    site.reports.on("rcpt", "550 5.1.1 the sender is unknown here")
    site.hop.on("rcpt", "550 5.1.1 no such user")
    number = submit(site.port, SENDER, ["nobody@hop.example"])
    site.wait_for(number, "bounced")
    site.settled()
    assert not site.reports.messages
    tried = [c for connection in site.reports.connections for c in connection.commands if c.startswith("RCPT")]
    assert tried, "the notification was never tried"
