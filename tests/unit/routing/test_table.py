from __future__ import annotations

import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.address import is_domain_pattern_match
from gatepost.model.domain import DirectRoute, RoundRobinRoute
from gatepost.relay.reception.admission import Admission
from gatepost.relay.routing import table as table_module
from gatepost.relay.routing.table import RoutingTable, RuleKind

from .support import backup, configuration, forward, outbound, row, specific

ROWS = [
    row("exact.test", "g1", "recipient"),
    row("*.wild.test", "g2", "recipient"),
    row("*.deep.wild.test", "g3", "recipient"),
    row("sender.test", "g4"),
    row("*.sender.test", "g5"),
    row("*.sub.sender.test", "direct"),
    row("off.test", "g1", enabled=False),
]
TABLE = RoutingTable(
    configuration(
        *(outbound(f"g{n}") for n in range(1, 6)),
        specific("card", "sender.test", "mine.test", "*.sender.test", "*.a.sub.sender.test"),
        rows=ROWS,
    )
)


@pytest.mark.parametrize(
    ("sender", "recipient", "lane"),
    [
        ("sender.test", "exact.test", "gateway:g1"),
        ("x.test", "a.wild.test", "gateway:g2"),
        ("x.test", "a.deep.wild.test", "gateway:g3"),
        ("x.test", "deep.wild.test", "gateway:g2"),
        ("x.test", "wild.test", "pool"),
        ("sender.test", "a.wild.test", "gateway:g2"),
        ("sender.test", "other.test", "gateway:g4"),
        ("a.sender.test", "other.test", "gateway:g5"),
        ("a.sub.sender.test", "other.test", "mx:other.test"),
        ("b.a.sub.sender.test", "other.test", "gateway:card"),
        ("mine.test", "other.test", "gateway:card"),
        ("off.test", "other.test", "pool"),
        ("", "other.test", "pool"),
        ("notsender.test", "other.test", "pool"),
        ("exact.test", "other.test", "pool"),
        ("x.test", "[192.0.2.1]", "pool"),
    ],
)
def test_the_most_exact_row_wins_and_recipient_rows_come_before_sender_rows(sender: str, recipient: str, lane: str) -> None:
    assert TABLE.lane(sender, recipient) == lane
    assert TABLE.decide(sender, recipient).lane == lane


def test_an_explicit_row_comes_before_a_card_of_the_same_exactness() -> None:
    decision = TABLE.decide("sender.test", "other.test")
    assert decision.lane == "gateway:g4"
    assert [(lost.rule.source, lost.rule.kind) for lost in decision.lost] == [
        ("card", RuleKind.SENDER),
        ("", RuleKind.DEFAULT),
    ]
    assert all("comes before it" in lost.reason for lost in decision.lost)
    assert decision.sentence() == "The row for senders at sender.test decides: the gateway “g4”."


def test_the_default_takes_what_no_row_covers() -> None:
    table = RoutingTable(configuration(outbound("g1"), default_route={"via": "direct"}))
    decision = table.decide("s.test", "r.test")
    assert (decision.lane, decision.rule.kind) == ("mx:r.test", RuleKind.DEFAULT)


@pytest.mark.parametrize(
    ("when_resting", "lane"), [("wait", "gateway:second"), ("round-robin", "pool"), ("direct", "mx:r.test")]
)
def test_mail_of_a_disabled_gateway_finds_another_way(when_resting: str, lane: str) -> None:
    rows = [row("r.test", "off", "recipient", when_resting), row("s.test", "second")]
    table = RoutingTable(configuration(outbound("off", enabled=False), outbound("second"), rows=rows))
    decision = table.decide("s.test", "r.test")
    assert decision.lane == lane == table.lane("s.test", "r.test")
    if when_resting == "wait":
        assert decision.lost[0].reason == "its gateway “off” is disabled"
    else:
        assert isinstance(decision.choice, RoundRobinRoute | DirectRoute)
        assert "because the gateway “off” is disabled" in decision.reason


def test_a_disabled_card_no_longer_claims_its_domains() -> None:
    table = RoutingTable(configuration(outbound("g1"), specific("card", "s.test", enabled=False)))
    assert table.lane("s.test", "r.test") == "pool"


def test_a_disabled_default_gateway_keeps_the_mail() -> None:
    route = {"via": "gateway", "gateway": "off"}
    table = RoutingTable(configuration(outbound("off", enabled=False), default_route=route))
    assert table.lane("s.test", "r.test") == "gateway:off"


def test_domains_that_this_server_fronts_come_before_every_row() -> None:
    table = RoutingTable(
        configuration(
            outbound("g1"),
            forward("fwd", "192.0.2.1", domains=["in.test", "*.in.test"]),
            backup("bmx", "192.0.2.2", domains=["held.test"]),
            rows=[row("in.test", "g1", "recipient"), row("*.in.test", "g1", "recipient")],
        )
    )
    assert table.lane("s.test", "in.test") == "inbound:fwd"
    assert table.lane("s.test", "a.in.test") == "inbound:fwd"
    assert table.lane("s.test", "held.test") == "inbound:bmx"
    assert table.lane("in.test", "r.test") == "pool"


@pytest.mark.parametrize("pattern", ["moved.test", "*.moved.test"])
def test_a_domain_on_two_cards_belongs_to_the_enabled_one_as_reception_says(pattern: str) -> None:
    """As after a primary was replaced: its old gateway is switched off and kept for a while."""
    config = configuration(
        outbound("g1"),
        forward("old", "192.0.2.1", domains=[pattern], enabled=False),
        forward("new", "192.0.2.2", domains=[pattern]),
    )
    domain = pattern.replace("*", "a")
    admission = Admission(config, "relay.test")
    taken_by = admission.gateway_for(domain, admission.client("203.0.113.9"))
    assert taken_by is not None
    assert taken_by.id == "new"
    table = RoutingTable(config)
    assert table.lane("s.test", domain) == "inbound:new" == table.decide("s.test", domain).lane


def test_of_two_gateways_for_all_other_domains_the_enabled_one_takes_them_as_reception_says() -> None:
    everything = {"domain_verification": "all-but-specified-domains", "accept_for_anyone": True}
    config = configuration(forward("old", "192.0.2.1", enabled=False, **everything), forward("new", "192.0.2.2", **everything))
    admission = Admission(config, "relay.test")
    taken_by = admission.gateway_for("any.test", admission.client("203.0.113.9"))
    assert taken_by is not None
    assert taken_by.id == "new"
    assert RoutingTable(config).lane("s.test", "any.test") == "inbound:new"


def test_all_but_specified_takes_everything_else_except_from_the_primary_itself() -> None:
    table = RoutingTable(
        configuration(
            outbound("g1"),
            forward("named", "192.0.2.9", domains=["named.test"]),
            forward(
                "rest",
                "192.0.2.0/24",
                "192.0.2.1",
                domains=["away.test", "*.away.test"],
                domain_verification="all-but-specified-domains",
                accept_for_anyone=True,
            ),
        )
    )
    assert table.lane("s.test", "any.test") == "inbound:rest"
    assert table.lane("s.test", "away.test") == "pool"
    assert table.lane("s.test", "x.away.test") == "pool"
    assert table.lane("s.test", "named.test") == "inbound:named"
    assert table.lane("s.test", "any.test", client="192.0.2.77") == "pool"
    assert table.lane("s.test", "any.test", client="::ffff:192.0.2.77") == "pool"
    assert table.lane("s.test", "any.test", client="198.51.100.1") == "inbound:rest"
    assert table.decide("s.test", "any.test", "192.0.2.77").lane == "pool"


def test_domains_found_by_look_up_are_asked_each_time_and_do_not_outvote_listed_ones() -> None:
    fronted: dict[str, str] = {}
    config = configuration(outbound("g1"), forward("fwd", "192.0.2.1", domains=["in.test"]), backup("bmx", "192.0.2.2"))
    table = RoutingTable(config, fronted.get)
    assert table.lane("s.test", "found.test") == "pool"
    fronted.update({"found.test": "bmx", "in.test": "bmx", "odd.test": "g1", "gone.test": "nobody"})
    assert table.lane("s.test", "found.test") == "inbound:bmx" == table.decide("s.test", "found.test").lane
    assert table.lane("s.test", "in.test") == "inbound:fwd" == table.decide("s.test", "in.test").lane
    assert table.lane("s.test", "odd.test") == "pool" == table.decide("s.test", "odd.test").lane
    assert table.lane("s.test", "gone.test") == "pool" == table.decide("s.test", "gone.test").lane
    fronted.clear()
    assert table.lane("s.test", "found.test") == "pool"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_module, "MAX_REMEMBERED", 10)
    table = RoutingTable(configuration(outbound("g1")))
    for number in range(100):
        table.lane("s.test", f"r{number}.test")
    assert len(table._remembered) <= 10


def test_a_known_pair_takes_microseconds() -> None:
    TABLE.lane("sender.test", "other.test")
    each = min(timeit.repeat(lambda: TABLE.lane("sender.test", "other.test"), number=2000, repeat=5)) / 2000
    assert each < 20e-6, f"{each * 1e6:.1f} µs"


LABELS = st.sampled_from(["a", "b", "c", "x"])
DOMAINS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
PATTERNS = st.one_of(DOMAINS, DOMAINS.map(lambda domain: f"*.{domain}"))


def naive(rows: list[tuple[str, str]], sender: str, recipient: str) -> str:
    """Straight from the words: exact recipient, wildcard recipient longest first, exact sender, wildcard sender."""
    for match, domain in (("recipient", recipient), ("sender", sender)):
        covering = [
            (not pattern.startswith("*"), len(pattern), index)
            for index, (kind, pattern) in enumerate(rows)
            if kind == match and is_domain_pattern_match(pattern, domain)
        ]
        if covering:
            return f"gateway:g{max(covering)[2]}"
    return "pool"


@given(
    rows=st.lists(st.tuples(st.sampled_from(["sender", "recipient"]), PATTERNS), max_size=8, unique=True),
    sender=DOMAINS,
    recipient=DOMAINS,
)
def test_precedence_agrees_with_a_naive_reading_of_the_rows(rows: list[tuple[str, str]], sender: str, recipient: str) -> None:
    config = configuration(
        *(outbound(f"g{index}") for index in range(len(rows))),
        rows=[row(pattern, f"g{index}", match) for index, (match, pattern) in enumerate(rows)],
    )
    table = RoutingTable(config)
    assert table.lane(sender, recipient) == naive(rows, sender, recipient) == table.decide(sender, recipient).lane
