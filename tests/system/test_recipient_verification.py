"""Recipients asked of a real Postfix with a table of recipients, while it is up, down, and back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gatepost.model.gateway import BackupMxGateway, DomainForwardGateway, DomainVerification, Holding, InboundGateway
from gatepost.model.verification import VerificationCard
from tests.support.mail_tools import SmtpSink
from tests.support.ports import wait_until
from tests.support.postfix import PostfixInstance
from tests.support.primary import DOMAIN, PRIMARY, Stranger, asked, clear, fronting, grow_old, primary
from tests.support.relay_process import RelayProcess

KNOWN, UNKNOWN, NEVER_SEEN = f"ann@{DOMAIN}", f"nobody@{DOMAIN}", f"never-seen@{DOMAIN}"
CALL_FORWARD = VerificationCard(call_forward=True)
OK, NO_SUCH, PUT_OFF = "250 2.1.5 Ok", "550 5.1.1 No such recipient here", "451 4.1.1 "


@pytest.fixture
def sink(folder: Path) -> Iterator[SmtpSink]:
    with SmtpSink(folder) as running:
        yield running


@pytest.fixture
def server(folder: Path, sink: SmtpSink) -> Iterator[PostfixInstance]:
    """The primary, running."""
    with primary(folder / "primary", sink) as postfix:
        yield postfix


def domain_forward(port: int, **fields: object) -> DomainForwardGateway:
    values = {"id": "gw-in", "domains": (DOMAIN,), "verification": CALL_FORWARD, **clear(port), **fields}
    return DomainForwardGateway.model_validate(values)


def backup_mx(port: int) -> BackupMxGateway:
    holding = Holding(probe_seconds=5)
    return BackupMxGateway(id="gw-in", domains=(DOMAIN,), verification=CALL_FORWARD, holding=holding, **clear(port))  # type: ignore[arg-type]


def held(relay: RelayProcess) -> dict[str, str]:
    """What the cache holds, by address."""
    return {verdict["address"]: verdict["state"] for verdict in relay.command("verdicts", "list")}


@pytest.mark.parametrize("kind", [domain_forward, backup_mx])
def test_known_unknown_and_never_seen_with_the_primary_up_down_and_back(
    folder: Path, sink: SmtpSink, server: PostfixInstance, kind: Callable[[int], InboundGateway]
) -> None:
    relay, port = fronting(folder / "relay", [kind(server.port)], rest_seconds=1)
    is_backup = kind is backup_mx
    with relay:
        # Up.
        assert asked(port, KNOWN) == OK
        assert asked(port, UNKNOWN) == NO_SUCH
        assert held(relay) == {KNOWN: "valid", UNKNOWN: "invalid"}
        questions = server.tail().count("NOQUEUE: reject")

        # Down: what the cache holds is not asked for.
        server.stop()
        assert asked(port, KNOWN) == OK
        assert asked(port, UNKNOWN) == NO_SUCH
        # Beyond the ten minutes it is remembered.
        grow_old(relay, 700)
        assert asked(port, KNOWN) == OK
        assert asked(port, UNKNOWN) == NO_SUCH
        answer = asked(port, NEVER_SEEN)
        assert answer == OK if is_backup else answer.startswith(PUT_OFF)
        assert held(relay) == {KNOWN: "valid", UNKNOWN: "invalid"}, "“unknown” is no knowledge"
        with Stranger(port) as stranger:
            stranger.send(KNOWN)
        assert relay.api.spooled == 1
        (message,) = relay.api.tracked()
        (verified,) = [entry for entry in relay.api.timeline(message["queue_id"]) if entry["kind"] == "verified"]
        assert "remembered as valid" in verified["text"]

        # Back.
        server.start()
        sink.wait_for(1, 60)
        wait_until(lambda: asked(port, NEVER_SEEN) == NO_SUCH, "the primary is asked again", 60, 0.5)
        assert asked(port, KNOWN) == OK
        assert held(relay) == {KNOWN: "valid", UNKNOWN: "invalid", NEVER_SEEN: "invalid"}
        assert server.tail().count("NOQUEUE: reject") > questions, "it was the primary who said so"

        assert relay.command("verdicts", "flush", "--address", UNKNOWN)["count"] == 1
        assert held(relay) == {KNOWN: "valid", NEVER_SEEN: "invalid"}
    assert sink.count == 1, "asking delivers nothing"


def test_a_primary_that_takes_everybody_is_reported(folder: Path, sink: SmtpSink) -> None:
    relay, port = fronting(folder / "relay", [domain_forward(sink.port)])
    with relay:
        assert asked(port, UNKNOWN) == OK
        (report,) = relay.api.get("/v1/gateway-reports")
        assert report["remarks"] == [f"The primary accepts everyone at {DOMAIN}: asking it verifies nobody there."]
        assert any("accepts everyone" in problem["title"] for problem in relay.api.get("/v1/status")["relay"]["problems"])


@pytest.mark.parametrize("command", ["mail", "rcpt"])
def test_a_primary_that_answers_4xx_to_everything_teaches_nothing(folder: Path, command: str) -> None:
    with SmtpSink(folder, "-r", command) as sink:
        relay, port = fronting(folder / "relay", [domain_forward(sink.port)])
        with relay:
            assert asked(port, KNOWN).startswith(PUT_OFF)
            assert held(relay) == {}


def test_a_primary_that_answers_4xx_to_everything_is_a_backup_mxs_reason_to_hold(folder: Path) -> None:
    with SmtpSink(folder, "-r", "rcpt") as sink:
        relay, port = fronting(folder / "relay", [backup_mx(sink.port)])
        with relay:
            with Stranger(port) as stranger:
                stranger.send(NEVER_SEEN)
            wait_until(lambda: relay.api.post("/v1/spool/list", {})[0]["state"] == "deferred", "it was tried")
            (row,) = relay.api.post("/v1/spool/list", {})
            assert row["last_reply"].startswith("4")


def test_who_guesses_addresses_is_slowed_and_then_turned_away(folder: Path, server: PostfixInstance) -> None:
    addresses = (*(f"known{number}@{DOMAIN}" for number in range(3)),)
    card = VerificationCard(use_list=True, addresses=addresses)
    relay, port = fronting(folder / "relay", [domain_forward(server.port, verification=card)])
    with relay:
        answers: list[str] = []
        slowest = 0.0
        # Many sessions, so that the wait is had once and not forty times.
        strangers = [Stranger(port) for _ in range(45)]
        try:
            for number, stranger in enumerate(strangers):
                stranger.start_asking(f"guess{number}@{DOMAIN}")
            for stranger in strangers:
                began = time.monotonic()
                answers.append(stranger.answer())
                slowest = max(slowest, time.monotonic() - began)
        finally:
            for stranger in strangers:
                stranger.close()
        assert answers.count(NO_SUCH) == 40
        assert sum(answer.startswith("421 4.7.0 Too many unknown recipients") for answer in answers) == 5
        assert slowest > 1, "from the eleventh on the answer takes its time"
        assert asked(port, addresses[0]).startswith("421 "), "the address is turned away altogether"
        with Stranger(port, PRIMARY) as itself:
            assert itself.rcpt(addresses[0]) == OK
        totals = {(total["name"], total["label"]): total["value"] for total in relay.api.get("/v1/totals")}
        assert totals["refused", "harvest"] == 6
        assert totals["refused", "unknown-recipient"] == 40


def test_all_domains_but_those_named_go_to_the_primary_and_only_for_recipients_it_has(
    folder: Path, server: PostfixInstance
) -> None:
    relay, port = fronting(
        folder / "relay",
        [domain_forward(server.port, domain_verification=DomainVerification.ALL_BUT_SPECIFIED, domains=("not-ours.example",))],
    )
    with relay:
        assert asked(port, KNOWN) == OK
        assert asked(port, UNKNOWN) == NO_SUCH
        assert asked(port, "ann@not-ours.example").startswith("550 5.7.1 Relaying denied")
