from __future__ import annotations

from collections import Counter

import pytest

from gatepost.model.envelope import Envelope, Origin, Recipient
from gatepost.relay.common.plan import Candidates, HealthState, HopOutcome, Wait

from .support import Bench, backup, configuration, forward, outbound, row, specific


def test_three_hundred_messages_are_spread_by_weight() -> None:
    bench = Bench(configuration(outbound("a"), outbound("b"), outbound("c", weight=2)))
    assert Counter(bench.hops()[0] for _ in range(300)) == {"a": 75, "b": 75, "c": 150}


def test_the_other_gateways_follow_as_failover() -> None:
    bench = Bench(configuration(outbound("a"), outbound("b"), outbound("c")))
    assert [bench.hops() for _ in range(3)] == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"]]


def test_a_failing_gateway_is_skipped_at_once_and_has_its_share_again_when_it_returns() -> None:
    bench = Bench(configuration(outbound("a"), outbound("b"), outbound("c", weight=2)))
    bench.fail("c")
    assert Counter(hop for _ in range(100) for hop in bench.hops()) == {"a": 100, "b": 100}
    bench.time.pass_seconds(30)
    firsts = [bench.hops()[0] for _ in range(10)]
    assert firsts.count("c") == 1, "one message probes it"
    bench.succeed("c")
    assert bench.kinds() == ["gateway.resting", "gateway.healthy"]
    shares = Counter(bench.hops()[0] for _ in range(300))
    assert shares["c"] in range(148, 153)
    assert abs(shares["a"] - shares["b"]) <= 2


def test_a_failed_probe_doubles_the_rest() -> None:
    bench = Bench(configuration(outbound("a"), outbound("b")))
    bench.fail("a")
    bench.time.pass_seconds(30)
    while bench.hops()[0] != "a":
        pass
    bench.fail("a", "still refused")
    bench.time.pass_seconds(59)
    assert {hop for _ in range(5) for hop in bench.hops()} == {"b"}
    bench.time.pass_seconds(1)
    assert "a" in [bench.hops()[0] for _ in range(3)]


def test_when_all_rest_the_mail_waits_and_says_why_and_until_when() -> None:
    bench = Bench(configuration(outbound("a"), outbound("b")))
    bench.fail("a", "connection refused")
    bench.time.pass_seconds(5)
    bench.fail("b", "certificate expired")
    plan = bench.plan()
    assert isinstance(plan, Wait)
    assert plan.until == bench.time.wall + 25 == bench.router.next_change()
    assert "a rests for 25 s more after: connection refused" in plan.waiting_for
    assert "certificate expired" in plan.waiting_for
    state = bench.router.lane_state("pool")
    assert (state.is_open, state.until, state.reason) == (False, plan.until, plan.waiting_for)
    bench.time.pass_seconds(25)
    assert bench.router.lane_state("pool").is_open
    assert bench.hops() == ["a"]
    assert not bench.router.lane_state("pool").is_open, "the one probing message is under way"


def test_no_round_robin_gateway_is_said() -> None:
    for config, words in (
        (configuration(), "no round-robin gateway is set up"),
        (configuration(outbound("a", enabled=False)), "no round-robin gateway is enabled"),
    ):
        plan = Bench(config).plan()
        assert isinstance(plan, Wait)
        assert (plan.until, plan.waiting_for) == (None, words)


def test_hops_that_were_tried_in_this_attempt_are_left_out() -> None:
    bench = Bench(configuration(outbound("a"), outbound("b")))
    assert bench.hops(excluded=frozenset({"gateway:a"})) == ["b"]
    plan = bench.plan(excluded=frozenset({"gateway:a", "gateway:b"}))
    assert isinstance(plan, Wait)
    assert plan.until is None
    assert "was tried in this attempt" in plan.waiting_for


class TestStandby:
    def test_takes_mail_only_while_no_other_gateway_is_healthy(self) -> None:
        bench = Bench(configuration(outbound("a"), outbound("b"), outbound("s", standby=True)))
        assert {bench.hops()[0] for _ in range(10)} == {"a", "b"}
        bench.fail("a")
        assert {bench.hops()[0] for _ in range(10)} == {"b"}
        bench.fail("b")
        assert {bench.hops()[0] for _ in range(10)} == {"s"}
        bench.time.pass_seconds(30)
        assert bench.hops()[0] == "a"
        bench.succeed("a")
        assert {bench.hops()[0] for _ in range(10)} <= {"a", "b"}

    def test_follows_last_in_an_attempt(self) -> None:
        bench = Bench(configuration(outbound("s", standby=True), outbound("a"), outbound("b")))
        assert bench.hops() == ["a", "b", "s"]
        bench.fail("b")
        assert bench.hops() == ["a", "s"]

    def test_is_not_woken_by_a_cap(self) -> None:
        bench = Bench(configuration(outbound("a", limits={"messages_per_minute": 1}), outbound("s", standby=True)))
        assert bench.hops() == ["a", "s"]
        plan = bench.plan()
        assert isinstance(plan, Wait)
        assert plan.waiting_for == "a has taken 1 messages, its cap is 1 a minute"

    def test_alone_in_the_pool_serves(self) -> None:
        bench = Bench(configuration(outbound("s", standby=True)))
        assert bench.hops() == ["s"]


class TestCaps:
    def test_what_exceeds_a_cap_goes_to_the_next_gateway_else_waits(self) -> None:
        bench = Bench(
            configuration(outbound("a", limits={"messages_per_minute": 2}), outbound("b", limits={"messages_per_minute": 3}))
        )
        assert Counter(bench.hops()[0] for _ in range(5)) == {"a": 2, "b": 3}
        plan = bench.plan()
        assert isinstance(plan, Wait)
        assert plan.until is not None
        assert 60 <= plan.until - bench.time.wall <= 61
        assert bench.router.next_change() == plan.until
        bench.time.pass_seconds(61)
        assert bench.hops()[0] in ("a", "b")

    def test_a_message_that_could_not_be_handed_over_does_not_count(self) -> None:
        bench = Bench(configuration(outbound("a", limits={"messages_per_day": 1})))
        for _ in range(3):
            plan = bench.plan()
            assert isinstance(plan, Candidates)
            bench.router.report(plan.hops[0], HopOutcome.NOT_TRIED)
        bench.hops()
        assert isinstance(bench.plan(), Wait)

    def test_going_on_to_another_candidate_is_counted_by_claiming_it(self) -> None:
        bench = Bench(configuration(outbound("a"), outbound("b", limits={"messages_per_day": 1})))
        plan = bench.plan()
        assert isinstance(plan, Candidates)
        assert bench.router.claim(plan.hops[1])
        assert not bench.router.claim(plan.hops[1])

    def test_looking_counts_nothing(self) -> None:
        bench = Bench(configuration(outbound("a", limits={"messages_per_day": 1})))
        for _ in range(5):
            assert bench.router.lane_state("pool").is_open
            assert isinstance(bench.plan(commit=False), Candidates)
        bench.hops()
        assert not bench.router.lane_state("pool").is_open


class TestNamedGateway:
    def bench(self, when_resting: str) -> Bench:
        rows = [row("s.test", "n", when_resting=when_resting)]
        return Bench(configuration(specific("n"), outbound("a"), rows=rows))

    def test_takes_the_mail_of_its_rows_and_nothing_of_the_pool(self) -> None:
        bench = self.bench("wait")
        assert bench.hops("gateway:n") == ["n"]
        assert {bench.hops()[0] for _ in range(5)} == {"a"}

    def test_waits_while_it_rests(self) -> None:
        bench = self.bench("wait")
        bench.fail("n")
        plan = bench.plan("gateway:n")
        assert isinstance(plan, Wait)
        assert plan.until == bench.time.wall + 30
        assert not bench.router.lane_state("gateway:n").is_open

    def test_hands_over_to_round_robin_while_it_rests(self) -> None:
        bench = self.bench("round-robin")
        bench.fail("n")
        assert bench.router.lane_state("gateway:n").is_open
        assert bench.hops("gateway:n") == ["a"]
        bench.fail("a")
        assert not bench.router.lane_state("gateway:n").is_open
        plan = bench.plan("gateway:n")
        assert isinstance(plan, Wait)
        assert "n rests" in plan.waiting_for
        assert "a rests" in plan.waiting_for

    def test_hands_over_in_the_same_attempt_once_it_was_tried(self) -> None:
        bench = self.bench("round-robin")
        assert bench.hops("gateway:n", excluded=frozenset({"gateway:n"})) == ["a"]

    def test_needs_the_dns_to_fall_back_to_direct_delivery(self) -> None:
        bench = self.bench("direct")
        bench.fail("n")
        assert bench.router.plan_now("gateway:n", "a@s.test", "r.test") is None
        assert bench.router.lane_state("gateway:n").is_open

    def test_at_its_cap_waits_whatever_the_row_says_of_resting(self) -> None:
        rows = [row("s.test", "n", when_resting="round-robin")]
        bench = Bench(configuration(specific("n", limits={"messages_per_minute": 1}), outbound("a"), rows=rows))
        bench.hops("gateway:n")
        assert isinstance(bench.plan("gateway:n"), Wait)
        assert not bench.router.lane_state("gateway:n").is_open

    def test_disabled_gets_nothing_and_its_mail_goes_by_the_table(self) -> None:
        rows = [row("s.test", "n")]
        bench = Bench(configuration(specific("n", enabled=False), outbound("a"), rows=rows))
        assert bench.router.lane_state("gateway:n").is_open
        plan = bench.plan("gateway:n")
        assert isinstance(plan, Candidates)
        assert ([hop.gateway_id for hop in plan.hops], plan.only_domain) == (["a"], "r.test")
        assert bench.hops("gateway:deleted") == ["a"]

    def test_pinned_by_the_administrator_goes_before_the_lane(self) -> None:
        bench = self.bench("round-robin")
        assert bench.hops("pool", pinned_gateway="n") == ["n"]
        bench.fail("n")
        assert isinstance(bench.plan("pool", pinned_gateway="n"), Wait)
        assert bench.hops("pool", pinned_gateway="deleted") == ["a"]


class TestInbound:
    def test_tries_the_addresses_of_the_primary_in_order_each_with_its_own_health(self) -> None:
        bench = Bench(configuration(forward("f", "192.0.2.1", "192.0.2.5-6", "198.51.100.0/23", domains=["in.test"])))
        plan = bench.plan("inbound:f")
        assert isinstance(plan, Candidates)
        assert [hop.address for hop in plan.hops] == ["192.0.2.1", "192.0.2.5", "192.0.2.6"]
        bench.router.report(plan.hops[0], HopOutcome.FAILURE, "no route")
        assert bench.hops("inbound:f") == ["192.0.2.5", "192.0.2.6"]
        assert bench.events[0].data["gateway_id"] == "f"
        bench.time.pass_seconds(30)
        assert bench.hops("inbound:f") == ["192.0.2.1", "192.0.2.5", "192.0.2.6"]
        assert bench.hops("inbound:f") == ["192.0.2.5", "192.0.2.6"], "one message probes the first again"

    def test_leaves_out_a_single_address_that_was_tried(self) -> None:
        bench = Bench(configuration(forward("f", "192.0.2.1", "192.0.2.2", domains=["in.test"])))
        assert bench.hops("inbound:f", excluded=frozenset({"inbound:f/192.0.2.1:25"})) == ["192.0.2.2"]
        assert isinstance(bench.plan("inbound:f", excluded=frozenset({"inbound:f"})), Wait)

    def test_a_backup_mx_probes_the_primary_at_its_own_pace(self) -> None:
        bench = Bench(configuration(backup("b", "192.0.2.1", holding={"probe_seconds": 60})))
        for _ in range(4):
            plan = bench.plan("inbound:b")
            assert isinstance(plan, Candidates)
            bench.router.report(plan.hops[0], HopOutcome.FAILURE, "down")
            state = bench.router.lane_state("inbound:b")
            assert (state.is_open, state.until) == (False, bench.time.wall + 60)
            bench.time.pass_seconds(60)

    def test_asking_for_the_queue_ends_the_rest_and_wakes_it(self) -> None:
        bench = Bench(configuration(backup("b", "192.0.2.1")))
        plan = bench.plan("inbound:b")
        assert isinstance(plan, Candidates)
        bench.router.report(plan.hops[0], HopOutcome.FAILURE, "down")
        woken: list[bool] = []
        bench.router.opened = lambda: woken.append(True)
        assert bench.router.retry_now("b")
        assert woken == [True]
        assert bench.hops("inbound:b") == ["192.0.2.1"]
        assert not bench.router.retry_now("nobody")

    def test_disabled_holds_its_mail(self) -> None:
        bench = Bench(configuration(forward("f", "192.0.2.1", domains=["in.test"], enabled=False)))
        plan = bench.plan("inbound:f")
        assert isinstance(plan, Wait)
        assert plan.waiting_for == "the inbound gateway “f” is disabled"


class TestBlockedAddress:
    def test_rests_and_the_next_sending_address_is_used(self) -> None:
        bench = Bench(configuration(outbound("a", source_addresses=["192.0.2.1", "192.0.2.2"])))
        bench.router.report(bench.hop("a"), HopOutcome.ADDRESS_BLOCKED, "554 listed", "192.0.2.1")
        plan = bench.plan()
        assert isinstance(plan, Candidates)
        assert plan.hops[0].source_addresses == ("192.0.2.2",)
        assert "gateway.address-blocked" in bench.kinds()
        told = next(event for event in bench.events if event.kind == "gateway.address-blocked")
        assert (told.data["source_address"], told.data["cause"]) == ("192.0.2.1", "554 listed")

    def test_returns_with_one_message_after_its_rest(self) -> None:
        bench = Bench(configuration(outbound("a", source_addresses=["192.0.2.1", "192.0.2.2"])))
        bench.router.report(bench.hop("a"), HopOutcome.ADDRESS_BLOCKED, "554 listed", "192.0.2.1")
        bench.time.pass_seconds(30)
        plans = [bench.plan() for _ in range(2)]
        assert all(isinstance(plan, Candidates) for plan in plans)
        assert [plan.hops[0].source_addresses for plan in plans] == [  # type: ignore[union-attr]
            ("192.0.2.1", "192.0.2.2"),
            ("192.0.2.2",),
        ]
        bench.router.report(plans[0].hops[0], HopOutcome.SUCCESS, source_address="192.0.2.1")  # type: ignore[union-attr]
        assert bench.hop("a").source_addresses == ("192.0.2.1", "192.0.2.2")

    def test_rests_the_gateway_when_no_sending_address_is_left(self) -> None:
        bench = Bench(configuration(outbound("a", source_addresses=["192.0.2.1", "192.0.2.2"]), outbound("b")))
        bench.router.report(bench.hop("a"), HopOutcome.ADDRESS_BLOCKED, "listed", "192.0.2.1")
        bench.router.report(bench.hop("a"), HopOutcome.ADDRESS_BLOCKED, "listed", "192.0.2.2")
        assert {bench.hops()[0] for _ in range(5)} == {"b"}

    def test_rests_a_gateway_that_has_no_list_of_addresses(self) -> None:
        bench = Bench(configuration(outbound("a"), outbound("b")))
        bench.fail("a", "550 your IP is listed", HopOutcome.ADDRESS_BLOCKED)
        assert {bench.hops()[0] for _ in range(5)} == {"b"}


class TestApply:
    def test_an_unchanged_gateway_keeps_its_rest_and_a_changed_one_forgets_it(self) -> None:
        gateways = [outbound("a"), outbound("b"), outbound("c")]
        bench = Bench(configuration(*gateways))
        bench.fail("a")
        bench.fail("b")
        changed = [outbound("a", weight=3, description="renamed"), outbound("b", port=2525), outbound("c")]
        bench.router.apply(configuration(*changed))
        assert {hop for _ in range(6) for hop in bench.hops()} == {"b", "c"}

    def test_a_rest_is_never_longer_than_the_settings_say_now(self) -> None:
        inbound = [backup("m", "192.0.2.1", domains=["r.test"], holding={"probe_seconds": 3600})]
        bench = Bench(configuration(outbound("a"), *inbound, rest_seconds=3000, rest_max_seconds=3000))
        bench.fail("a")
        (primary,) = bench.router.outlets.hops_of("m")
        bench.router.report(primary, HopOutcome.FAILURE, "connection refused")
        inbound[0]["holding"] = {"probe_seconds": 60}
        bench.router.apply(configuration(outbound("a"), *inbound, rest_seconds=10, rest_max_seconds=20))
        waits = bench.plan(), bench.plan("inbound:m", to="r.test")
        assert [plan.until - bench.time.wall for plan in waits if isinstance(plan, Wait)] == [20, 60]
        bench.router.apply(configuration(outbound("a"), *inbound, rest_seconds=3000, rest_max_seconds=3000))
        again = bench.plan()
        assert isinstance(again, Wait)
        assert again.until == bench.time.wall + 20, "a rest under way is not made longer"

    def test_enabling_a_gateway_again_starts_it_afresh(self) -> None:
        bench = Bench(configuration(outbound("a")))
        bench.fail("a")
        bench.router.apply(configuration(outbound("a", enabled=False)))
        bench.router.apply(configuration(outbound("a")))
        assert bench.hops() == ["a"]

    def test_a_gateway_that_captures_from_now_on_does_not_rest_for_a_server_that_nobody_asks(self) -> None:
        bench = Bench(configuration(outbound("a")))
        bench.fail("a")
        bench.router.apply(configuration(outbound("a", handling={"action": "capture"})))
        assert bench.hops() == ["a"]
        bench.fail("a")
        bench.router.apply(configuration(outbound("a", handling={"action": "capture-and-deliver"})))
        assert bench.hops() == ["a"], "and the server has its chance again"
        bench.fail("a")
        bench.router.apply(configuration(outbound("a")))
        assert isinstance(bench.plan(), Wait)

    def test_what_an_old_connection_reports_does_not_touch_the_changed_gateway(self) -> None:
        bench = Bench(configuration(outbound("a")))
        old = bench.hop("a")
        bench.router.apply(configuration(outbound("a", host="new.example")))
        bench.router.report(old, HopOutcome.FAILURE, "refused")
        assert bench.hops() == ["a"]

    def test_caps_and_rotation_go_on(self) -> None:
        gateways = [outbound("a", limits={"messages_per_day": 1}), outbound("b")]
        bench = Bench(configuration(*gateways))
        assert bench.hops()[0] == "a"
        bench.router.apply(configuration(*gateways, outbound("c")))
        assert {bench.hops()[0] for _ in range(6)} == {"b", "c"}


def test_health_shows_every_gateway_used_or_not() -> None:
    bench = Bench(configuration(outbound("a"), outbound("b"), backup("m", "192.0.2.1", "192.0.2.2")))
    bench.succeed("a")
    bench.fail("b", "no route")
    found = {item.key: item for item in bench.router.health()}
    assert set(found) == {"gateway:a", "gateway:b", "inbound:m/192.0.2.1:25", "inbound:m/192.0.2.2:25"}
    assert found["gateway:a"].last_success == bench.time.wall
    assert (found["gateway:b"].state, found["gateway:b"].cause) == (HealthState.RESTING, "no route")
    assert found["inbound:m/192.0.2.1:25"].state is HealthState.HEALTHY


def test_recipients_are_grouped_by_lane_in_their_order() -> None:
    rows = [row("x.test", "direct", "recipient")]
    bench = Bench(configuration(outbound("a"), forward("f", "192.0.2.1", domains=["in.test"]), rows=rows))
    people = tuple(Recipient(f"{n}@{d}") for n, d in (("1", "r.test"), ("2", "in.test"), ("3", "q.test"), ("4", "x.test")))
    lanes = bench.router.lanes(Envelope("a@s.test", people, origin=Origin(client="192.0.2.9")))
    assert lanes == (("pool", (people[0], people[2])), ("inbound:f", (people[1],)), ("mx:x.test", (people[3],)))
    assert bench.router.lanes(Envelope("", people[:1])) == (("pool", people[:1]),)


def test_a_hop_carries_what_the_card_says_and_no_password() -> None:
    card = outbound(
        "a",
        port=587,
        auth={"enabled": True, "username": "me"},
        ehlo_name="out.example",
        source_addresses=["192.0.2.1"],
        limits={"connections": 2},
    )
    hop = Bench(configuration(card)).hop("a")
    assert (hop.key, hop.host, hop.port, hop.ehlo_name) == ("gateway:a", "a.example", 587, "out.example")
    assert (hop.auth.username, hop.auth.secret, hop.limits.connections) == ("me", "gateway/a/password", 2)
    assert hop.label == "a.example:587 (a)"


@pytest.mark.parametrize("count", [3])
def test_a_turn_takes_microseconds(count: int) -> None:
    import timeit

    bench = Bench(configuration(*(outbound(f"g{n}") for n in range(count))))
    each = min(timeit.repeat(lambda: bench.router.plan_now("pool", "a@s.test", "r.test"), number=1000, repeat=5)) / 1000
    assert each < 50e-6, f"{each * 1e6:.1f} µs"


def test_a_message_tells_which_rule_chose_its_lane_in_the_words_of_explain() -> None:
    rows = [row("x.test", "direct", "recipient"), row("y.test", "direct", "recipient")]
    bench = Bench(configuration(outbound("a"), forward("f", "192.0.2.1", domains=["in.test"]), rows=rows))
    one = Envelope("a@s.test", (Recipient("1@r.test"),), origin=Origin(client="192.0.2.9"))
    sentence = bench.router.table.decide("s.test", "r.test", "192.0.2.9").sentence()
    assert sentence == "The default in Settings → Delivery decides: Round Robin."
    assert bench.router.reasons(one, bench.router.lanes(one)) == [("pool", "", sentence)]

    people = tuple(Recipient(f"{n}@{d}") for n, d in (("1", "r.test"), ("2", "in.test"), ("3", "q.test"), ("4", "x.test")))
    several = Envelope("a@s.test", people)
    assert bench.router.reasons(several, bench.router.lanes(several)) == [
        ("pool", "1@r.test", sentence),
        ("inbound:f", "2@in.test", bench.router.table.decide("s.test", "in.test").sentence()),
        ("mx:x.test", "4@x.test", "The row for recipients at x.test decides: direct delivery to the mail hosts of x.test."),
    ]


def test_a_message_to_a_thousand_domains_tells_a_few_reasons_and_one_by_hand_says_so() -> None:
    bench = Bench(configuration(outbound("a"), rows=[row("*.test", "direct", "recipient")]))
    many = Envelope("a@s.test", tuple(Recipient(f"b@d{n}.test") for n in range(1000)))
    assert len(bench.router.reasons(many, bench.router.lanes(many))) == 10
    assert "by hand" in bench.router.reasons(many, (("gateway:a", many.recipients[:1]),))[0][2]


def test_every_plan_says_why_its_first_hop_is_the_first() -> None:
    cards = (outbound("a"), outbound("s", standby=True), specific("n", "s.test"))
    rows = [row("r.test", "n", "recipient", "round-robin")]
    bench = Bench(configuration(*cards, forward("f", "192.0.2.1", domains=["in.test"]), rows=rows))

    def why(lane: str, pinned: str | None = None) -> str:
        plan = bench.router.plan_now(lane, "a@s.test", "r.test", pinned)
        assert isinstance(plan, Candidates)
        return plan.why

    assert why("pool") == "its turn in Round Robin"
    assert why("gateway:n") == "the gateway that the rule names"
    assert why("gateway:n", "a") == "chosen for this message by hand"
    assert why("inbound:f") == "the primary mail server of these recipients"
    bench.router.report(bench.hop("n"), HopOutcome.FAILURE, "no route")
    assert why("gateway:n").startswith("its turn in Round Robin, because n.example:25 (n) rests for ") or why(
        "gateway:n"
    ).startswith("its turn in Round Robin, because n rests for ")
    bench.router.report(bench.hop("a"), HopOutcome.FAILURE, "no route")
    assert why("pool") == "a standby gateway, because no other of Round Robin can be used"
