"""A real relay process between smtp-source and several smtp-sinks: who gets how much, and what happens when one goes away."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from gatepost.model.domain import DirectRoute, DomainMatch, DomainRule, GatewayRoute, RoundRobinRoute
from gatepost.model.gateway import Encryption, SpecificDomainsGateway
from tests.support.mail_tools import SmtpSink, smtp_source
from tests.support.ports import wait_until
from tests.support.relay_process import RelayProcess
from tests.support.relaying import plain, relaying

WEIGHTS = (1, 1, 2)


def total(sinks: list[SmtpSink]) -> int:
    return sum(sink.count for sink in sinks)


def stories(relay: RelayProcess) -> list[list[tuple[str, str]]]:
    """(kind, text) of every step of every message, oldest message first."""
    return [
        [(entry["kind"], entry["text"]) for entry in relay.api.timeline(message["queue_id"])] for message in relay.api.tracked()
    ]


@pytest.fixture
def sinks(tmp_path: Path) -> list[SmtpSink]:
    return [SmtpSink(tmp_path) for _ in WEIGHTS]


def test_three_gateways_of_weights_1_1_2_get_75_75_and_150_of_300_messages(tmp_path: Path, sinks: list[SmtpSink]) -> None:
    gateways = [plain(number, sink.port, weight) for number, (sink, weight) in enumerate(zip(sinks, WEIGHTS, strict=True))]
    relay, port = relaying(tmp_path / "relay", gateways)
    with sinks[0], sinks[1], sinks[2], relay:
        smtp_source(port, 300, sessions=4)
        wait_until(lambda: total(sinks) == 300, "all messages arrived", 30)
        assert [sink.count for sink in sinks] == [75, 75, 150]
        wait_until(lambda: relay.api.spooled == 0, "the spool is empty")


def test_a_gateway_that_goes_away_costs_no_message_and_no_time_and_gets_its_share_again(
    tmp_path: Path, sinks: list[SmtpSink]
) -> None:
    gateways = [plain(number, sink.port, weight) for number, (sink, weight) in enumerate(zip(sinks, WEIGHTS, strict=True))]
    relay, port = relaying(tmp_path / "relay", gateways)
    gone, *others = sinks
    with gone, others[0], others[1], relay:
        # It goes away between two messages: those that were meant for it go to the others in the same attempt.
        smtp_source(port, 100, sessions=4)
        wait_until(lambda: total(sinks) == 100, "the first hundred arrived", 30)
        assert gone.count == 25
        gone.stop()
        smtp_source(port, 100, sessions=4)
        wait_until(lambda: total(others) == 175, "the others took the second hundred", 30)
        wait_until(lambda: relay.api.spooled == 0, "the spool is empty")
        told = stories(relay)
        assert len(told) == 200
        assert not [story for story in told if "deferred" in dict(story)]
        taken_over = [story for story in told if dict(story).get("attempt", "").startswith("127.0.0.1")]
        assert taken_over, "nothing was tried at the gateway that had gone"
        assert all(sum(kind in ("delivered", "relayed") for kind, _ in story) == 1 for story in told)
        assert relay.api.health("gw-0") in ("resting", "probing")

        # It is back, and nobody restarts the relay.
        before = total(others)
        gone.start()
        wait_until(lambda: (smtp_source(port, 4), relay.api.health("gw-0") == "healthy")[1], "the gateway is healthy", 20, 0.3)
        wait_until(lambda: relay.api.spooled == 0, "the spool is empty")
        counts = [sink.count for sink in sinks]
        assert total(others) >= before
        smtp_source(port, 120, sessions=1)
        wait_until(lambda: total(sinks) == sum(counts) + 120, "the last messages arrived", 30)
        assert [sink.count - count for sink, count in zip(sinks, counts, strict=True)] == [30, 30, 60]


def test_a_gateway_killed_under_load_loses_nothing_and_defers_only_what_it_may_have_taken(tmp_path: Path) -> None:
    sinks = [SmtpSink(tmp_path, keep=tmp_path / f"mail-{number}") for number in range(3)]
    gateways = [plain(number, sink.port, weight) for number, (sink, weight) in enumerate(zip(sinks, WEIGHTS, strict=True))]
    relay, port = relaying(tmp_path / "relay", gateways)
    with sinks[0] as gone, sinks[1], sinks[2], relay:
        load = threading.Thread(target=smtp_source, args=(port, 600), kwargs={"sessions": 8})
        load.start()
        wait_until(lambda: gone.count >= 20, "the load is under way", 30)
        gone.stop()
        load.join(60)
        wait_until(lambda: all(message["state"] != "waiting" for message in relay.api.tracked()), "each was tried", 30)
        deferred = [
            entry
            for message in relay.api.tracked(state="deferred")
            for entry in relay.api.timeline(message["queue_id"])
            if entry["kind"] == "deferred"
        ]
        assert all("may arrive twice" in entry["text"] for entry in deferred), deferred
        assert len(deferred) <= 5, "no more than the gateway's connections were at the final dot"
        relay.api.retry_all()
        wait_until(lambda: relay.api.spooled == 0, "the spool is empty", 30)
    arrived = [
        line for sink in sinks for text in sink.messages() for line in text.splitlines() if line.startswith("Message-Id:")
    ]
    assert len(set(arrived)) == 600
    assert len(arrived) <= 600 + len(deferred)


def test_rows_of_the_domains_page_land_where_explain_said(tmp_path: Path) -> None:
    named, pool = SmtpSink(tmp_path, keep=tmp_path / "named"), SmtpSink(tmp_path, keep=tmp_path / "pool")
    assigned = SmtpSink(tmp_path, keep=tmp_path / "assigned")
    specific = SpecificDomainsGateway(
        id="gw-named", host="127.0.0.1", port=named.port, encryption=Encryption.NONE, description="named"
    )
    own = SpecificDomainsGateway(
        id="gw-own", host="127.0.0.1", port=assigned.port, encryption=Encryption.NONE, domains=("card.example",),
        description="assigned",
    )  # fmt: skip
    recipient, by_gateway = DomainMatch.RECIPIENT, GatewayRoute(gateway="gw-named")
    rows = (
        DomainRule(domain="sender.example", route=by_gateway),
        DomainRule(domain="*.sender.example", route=RoundRobinRoute()),
        DomainRule(domain="*.wild.example", route=by_gateway, match=recipient),
        DomainRule(domain="not.wild.example", route=RoundRobinRoute(), match=recipient),
        DomainRule(domain="direct.example", route=DirectRoute(), match=recipient),
    )
    expected = {
        ("ann@plain.example", "bob@elsewhere.example"): "pool",
        ("ann@sender.example", "bob@elsewhere.example"): "named",
        ("ann@deep.sender.example", "bob@elsewhere.example"): "pool",
        ("ann@card.example", "bob@elsewhere.example"): "assigned",
        ("ann@card.example", "bob@a.wild.example"): "named",
        ("ann@plain.example", "bob@a.b.wild.example"): "named",
        ("ann@sender.example", "bob@not.wild.example"): "pool",
    }
    lanes = {"pool": "pool", "named": "gateway:gw-named", "assigned": "gateway:gw-own"}
    relay, port = relaying(tmp_path / "relay", [plain(0, pool.port), specific, own], domains=rows)
    with named, pool, assigned, relay:
        for number, ((sender, to), where) in enumerate(expected.items()):
            explained = relay.api.post("/v1/explain", {"sender": sender, "recipient": to, "client": "127.0.0.1"})
            assert explained["accepted"], explained
            assert explained["lane"] == lanes[where], explained
            assert explained["steps"], explained
            smtp_source(port, 1, sender=f"{sender}", recipient=to.replace("bob", f"bob{number}"))
        wait_until(lambda: named.count + pool.count + assigned.count == len(expected), "all arrived", 20)
        direct = relay.api.post("/v1/explain", {"sender": "ann@plain.example", "recipient": "bob@direct.example"})
        assert direct["lane"] == "mx:direct.example"
    landed = {
        text.split("X-Rcpt-Args: <")[1].split("@")[0]: where
        for where, sink in (("named", named), ("pool", pool), ("assigned", assigned))
        for text in sink.messages()
    }
    assert landed == {f"bob{number}": where for number, where in enumerate(expected.values())}
