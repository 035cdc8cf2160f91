"""Against a real name server on loopback."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gatepost.relay.common.hop import HopKind
from gatepost.relay.common.plan import Candidates, HopOutcome, Plan, Reject, Wait
from gatepost.relay.routing import mx as mx_module
from gatepost.relay.routing.mx import MxHosts, NoMail
from gatepost.relay.routing.own_addresses import OwnAddresses, is_local_address
from tests.support.dns_server import DnsServer

from .support import Bench, backup, configuration, forward, outbound, row, specific

PORT = 2526


@pytest.fixture
async def dns() -> AsyncIterator[DnsServer]:
    async with DnsServer() as server:
        yield server


@pytest.fixture
def bench(dns: DnsServer) -> Bench:
    return make(dns)


def make(dns: DnsServer, own: OwnAddresses | None = None, host_name: str = "relay.test", **delivery: object) -> Bench:
    settings = {"name_servers": [dns.address], "name_server_port": dns.port, "direct_port": PORT, "ipv6": False, **delivery}
    return Bench(configuration(outbound("a"), **settings), own or (lambda _a, _p: False), host_name=host_name)  # type: ignore[arg-type]


async def plan(bench: Bench, domain: str, **more: object) -> Plan:
    return await bench.router.plan(f"mx:{domain}", "a@s.test", domain, **more)  # type: ignore[arg-type]


async def addresses(bench: Bench, domain: str) -> list[str | None]:
    found = await plan(bench, domain)
    assert isinstance(found, Candidates), found
    return [hop.address for hop in found.hops]


async def refusal(bench: Bench, domain: str) -> tuple[int, str]:
    found = await plan(bench, domain)
    assert isinstance(found, Reject), found
    return found.reply.code, found.reply.enhanced


async def test_hosts_are_tried_by_preference_with_all_their_addresses(dns: DnsServer, bench: Bench) -> None:
    dns.add("r.test", "MX", "20 Second.r.test.", "10 first.r.test.")
    dns.add("first.r.test", "A", "192.0.2.1", "192.0.2.2")
    dns.add("second.r.test", "A", "192.0.2.3")
    found = await plan(bench, "r.test")
    assert isinstance(found, Candidates)
    assert sorted(str(hop.address) for hop in found.hops[:2]) == ["192.0.2.1", "192.0.2.2"]
    last = found.hops[2]
    assert (last.host, last.address, last.port, last.kind, last.key) == (
        "second.r.test",
        "192.0.2.3",
        PORT,
        HopKind.MX,
        "mx:r.test",
    )
    assert last.gateway_id is None


async def test_hosts_of_one_preference_share_the_mail(dns: DnsServer, bench: Bench) -> None:
    dns.add("r.test", "MX", "10 a.r.test.", "10 b.r.test.", "20 c.r.test.")
    for name, address in (("a", "192.0.2.1"), ("b", "192.0.2.2"), ("c", "192.0.2.3")):
        dns.add(f"{name}.r.test", "A", address)
    orders = [await addresses(bench, "r.test") for _ in range(60)]
    firsts = Counter(order[0] for order in orders)
    assert set(firsts) == {"192.0.2.1", "192.0.2.2"}
    assert min(firsts.values()) > 10
    assert {order[2] for order in orders} == {"192.0.2.3"}


async def test_a_domain_without_mx_is_its_own_mail_host(dns: DnsServer, bench: Bench) -> None:
    dns.add("r.test", "A", "192.0.2.1")
    assert await addresses(bench, "r.test") == ["192.0.2.1"]


async def test_a_cname_is_followed(dns: DnsServer, bench: Bench) -> None:
    dns.add("alias.test", "CNAME", "r.test.")
    dns.add("r.test", "MX", "10 mx.r.test.")
    dns.add("mx.r.test", "CNAME", "real.r.test.")
    dns.add("real.r.test", "A", "192.0.2.1")
    assert await addresses(bench, "alias.test") == ["192.0.2.1"]


async def test_ipv6_follows_ipv4_when_it_is_on_and_is_not_asked_for_when_it_is_off(dns: DnsServer, bench: Bench) -> None:
    dns.add("r.test", "MX", "10 mx.r.test.")
    dns.add("mx.r.test", "AAAA", "2001:db8::1")
    dns.add("mx.r.test", "A", "192.0.2.1")
    assert await addresses(make(dns, ipv6=True), "r.test") == ["192.0.2.1", "2001:db8::1"]
    asked = dns.asked("mx.r.test", "AAAA")
    assert await addresses(bench, "r.test") == ["192.0.2.1"]
    assert dns.asked("mx.r.test", "AAAA") == asked


@pytest.mark.parametrize(
    ("records", "code", "enhanced"),
    [
        ([("r.test", "MX", "0 .")], 556, "5.1.10"),
        ([], 550, "5.1.2"),
        ([("r.test", "TXT", '"hello"')], 550, "5.1.2"),
        ([("r.test", "MX", "10 nowhere.test.")], 550, "5.4.4"),
        ([("r.test", "MX", "10 mx.r.test."), ("mx.r.test", "A", "224.0.0.1")], 550, "5.4.4"),
    ],
    ids=["null MX", "no such domain", "no mail host", "MX without address", "MX on a multicast address"],
)
async def test_a_domain_that_can_take_no_mail_is_refused(
    dns: DnsServer, bench: Bench, records: list[tuple[str, str, str]], code: int, enhanced: str
) -> None:
    for name, kind, value in records:
        dns.add(name, kind, value)
    assert await refusal(bench, "r.test") == (code, enhanced)


async def test_a_null_mx_among_real_ones_is_ignored(dns: DnsServer, bench: Bench) -> None:
    dns.add("r.test", "MX", "0 .", "10 mx.r.test.")
    dns.add("mx.r.test", "A", "192.0.2.1")
    assert await addresses(bench, "r.test") == ["192.0.2.1"]


async def test_a_failing_name_server_defers_and_never_bounces(dns: DnsServer, bench: Bench) -> None:
    dns.servfail("r.test")
    found = await plan(bench, "r.test")
    assert isinstance(found, Wait)
    assert found.until is None
    assert found.reply is not None
    assert (found.reply.code, found.reply.enhanced) == (451, "4.4.3")
    assert "SERVFAIL" in found.waiting_for
    assert bench.router.lane_state("mx:r.test").is_open
    dns.heal("r.test")
    dns.add("r.test", "A", "192.0.2.1")
    assert isinstance(await plan(bench, "r.test"), Wait), "a thousand messages do not ask a thousand times"
    bench.time.pass_seconds(31)
    assert await addresses(bench, "r.test") == ["192.0.2.1"]


async def test_the_address_look_up_of_a_mail_host_failing_defers_too(dns: DnsServer, bench: Bench) -> None:
    dns.add("r.test", "MX", "10 mx.r.test.")
    dns.servfail("mx.r.test")
    assert isinstance(await plan(bench, "r.test"), Wait)


async def test_one_mail_host_failing_to_resolve_leaves_the_others(dns: DnsServer, bench: Bench) -> None:
    dns.add("r.test", "MX", "10 bad.r.test.", "20 good.r.test.")
    dns.servfail("bad.r.test")
    dns.add("good.r.test", "A", "192.0.2.1")
    assert await addresses(bench, "r.test") == ["192.0.2.1"]


async def test_a_mail_host_that_could_not_be_looked_up_is_said_and_asked_for_again_soon(dns: DnsServer, bench: Bench) -> None:
    """Whoever wants to know whose domain it is has not been told."""
    dns.add("r.test", "MX", "10 bad.r.test.", "20 good.r.test.")
    dns.add("own.test", "MX", "10 relay.test.", "20 bad.r.test.")
    dns.servfail("bad.r.test")
    for name in ("good.r.test", "relay.test"):
        dns.add(name, "A", "192.0.2.1")
    for domain in ("r.test", "own.test"):
        answer = await bench.resolver.hosts(domain)
        assert isinstance(answer, MxHosts | NoMail)
        assert "SERVFAIL" in answer.untold
    bench.time.pass_seconds(31)
    assert bench.resolver.peek("r.test") is None
    assert bench.resolver.peek("own.test") is None
    dns.add("well.test", "MX", "20 good.r.test.")
    well = await bench.resolver.hosts("well.test")
    assert isinstance(well, MxHosts)
    assert not well.untold


async def test_a_name_server_that_says_nothing_defers(dns: DnsServer) -> None:
    dns.silent("r.test")
    bench = make(dns)
    bench.resolver._lookup._question_seconds = 0.3
    found = await plan(bench, "r.test")
    assert isinstance(found, Wait)
    assert "within 0.3 s" in found.waiting_for


async def test_a_truncated_answer_is_fetched_by_tcp(dns: DnsServer, bench: Bench) -> None:
    dns.truncate("r.test")
    dns.add("r.test", "MX", "10 mx.r.test.")
    dns.add("mx.r.test", "A", "192.0.2.1")
    assert await addresses(bench, "r.test") == ["192.0.2.1"]
    assert [query.transport for query in dns.queries if query.name == "r.test"] == ["udp", "tcp"]


async def test_answers_are_remembered_for_their_ttl(dns: DnsServer, bench: Bench) -> None:
    dns.add("r.test", "MX", "10 mx.r.test.", ttl=100)
    dns.add("mx.r.test", "A", "192.0.2.1", ttl=40)
    await plan(bench, "r.test")
    bench.time.pass_seconds(39)
    await plan(bench, "r.test")
    assert dns.asked("r.test") == 1
    assert bench.router.plan_now("mx:r.test", "", "r.test") is not None
    bench.time.pass_seconds(2)
    assert bench.router.plan_now("mx:r.test", "", "r.test") is None
    await plan(bench, "r.test")
    assert dns.asked("r.test") == 2


@pytest.mark.parametrize(("ttl", "kept", "gone"), [(0, 4, 6), (10_000_000, 86_399, 86_401)])
async def test_ttls_are_kept_within_bounds(dns: DnsServer, bench: Bench, ttl: int, kept: int, gone: int) -> None:
    dns.add("r.test", "A", "192.0.2.1", ttl=ttl)
    dns.negative_ttl = ttl
    dns.add("r.test", "MX", "10 r.test.", ttl=ttl)
    await plan(bench, "r.test")
    bench.time.pass_seconds(kept)
    assert bench.resolver.peek("r.test") is not None
    bench.time.pass_seconds(gone - kept)
    assert bench.resolver.peek("r.test") is None


async def test_that_a_domain_does_not_exist_is_remembered_as_the_soa_says(dns: DnsServer, bench: Bench) -> None:
    dns.negative_ttl = 120
    await refusal(bench, "r.test")
    bench.time.pass_seconds(119)
    await refusal(bench, "r.test")
    assert dns.asked("r.test") == 1
    bench.time.pass_seconds(2)
    dns.add("r.test", "A", "192.0.2.1")
    assert await addresses(bench, "r.test") == ["192.0.2.1"]


async def test_many_asking_at_once_ask_once(dns: DnsServer, bench: Bench) -> None:
    dns.add("r.test", "A", "192.0.2.1")
    dns.delay("r.test", 0.05)
    waiting = [asyncio.create_task(plan(bench, "r.test")) for _ in range(20)]
    await asyncio.sleep(0.01)
    waiting[0].cancel()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert all(isinstance(result, Candidates) for result in results[1:])
    assert dns.asked("r.test", "MX") == 1


async def test_what_is_remembered_is_bounded(dns: DnsServer, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mx_module, "MAX_DOMAINS", 5)
    for number in range(12):
        dns.add(f"r{number}.test", "A", "192.0.2.1")
        await plan(bench, f"r{number}.test")
    assert len(bench.resolver._cache) == 5


async def test_a_thousand_mail_hosts_cost_no_more_than_ten(dns: DnsServer, bench: Bench) -> None:
    dns.add("r.test", "MX", *(f"{n} h{n}.r.test." for n in range(50)))
    for number in range(50):
        dns.add(f"h{number}.r.test", "A", f"192.0.2.{number + 1}")
    assert len(await addresses(bench, "r.test")) == 10
    assert len({query.name for query in dns.queries}) == 11


class TestThisServer:
    async def test_takes_itself_and_whatever_is_no_better_off_the_list(self, dns: DnsServer, bench: Bench) -> None:
        dns.add("r.test", "MX", "10 primary.test.", "20 relay.test.", "20 peer.test.", "30 worse.test.")
        for name, address in (("primary", 1), ("relay", 2), ("peer", 3), ("worse", 4)):
            dns.add(f"{name}.test", "A", f"192.0.2.{address}")
        assert await addresses(bench, "r.test") == ["192.0.2.1"]

    async def test_as_best_mx_is_a_loop(self, dns: DnsServer, bench: Bench) -> None:
        dns.add("r.test", "MX", "10 relay.test.", "20 other.test.")
        dns.add("relay.test", "A", "192.0.2.1")
        dns.add("other.test", "A", "192.0.2.2")
        assert await refusal(bench, "r.test") == (554, "5.4.6")

    async def test_is_known_by_its_listeners_and_a_neighbour_on_another_port_is_not_it(self, dns: DnsServer) -> None:
        dns.add("r.test", "MX", "10 mx.r.test.")
        dns.add("mx.r.test", "A", "127.0.0.1")
        assert await refusal(make(dns, OwnAddresses([("127.0.0.1", PORT)])), "r.test") == (554, "5.4.6")
        assert await refusal(make(dns, OwnAddresses([("0.0.0.0", PORT)])), "r.test") == (554, "5.4.6")
        assert await addresses(make(dns, OwnAddresses([("0.0.0.0", PORT + 1)])), "r.test") == ["127.0.0.1"]

    async def test_is_not_bounced_to_while_a_better_host_cannot_be_resolved(self, dns: DnsServer, bench: Bench) -> None:
        dns.add("r.test", "MX", "10 primary.test.", "20 relay.test.")
        dns.servfail("primary.test")
        dns.add("relay.test", "A", "192.0.2.2")
        assert isinstance(await plan(bench, "r.test"), Wait)

    @pytest.mark.parametrize("target", ["0.0.0.0", "127.0.0.1", "127.3.2.1"])
    async def test_is_not_reached_by_a_strangers_mx_on_the_mail_port(self, dns: DnsServer, target: str) -> None:
        dns.add("r.test", "MX", "10 mx.r.test.")
        dns.add("mx.r.test", "A", target)
        assert await refusal(make(dns, direct_port=25), "r.test") == (554, "5.4.6")

    async def test_localhost_as_mail_host_is_this_server(self, dns: DnsServer, bench: Bench) -> None:
        dns.add("r.test", "MX", "10 localhost.")
        assert await refusal(bench, "r.test") == (554, "5.4.6")

    def test_knows_the_addresses_of_this_machine(self) -> None:
        assert is_local_address("127.0.0.1")
        assert is_local_address("127.9.9.9")
        assert is_local_address("::1")
        assert not is_local_address("192.0.2.1")


async def test_an_mx_record_that_names_an_address_is_taken_at_its_word(dns: DnsServer, bench: Bench) -> None:
    dns.add("r.test", "MX", "10 192.0.2.1.")
    assert await addresses(bench, "r.test") == ["192.0.2.1"]


@pytest.mark.parametrize(
    ("domain", "outcome"),
    [
        ("[192.0.2.1]", ["192.0.2.1"]),
        ("[IPv6:2001:db8::1]", (550, "5.4.4")),
        ("[0.0.0.0]", (554, "5.4.6")),
        ("[224.0.0.1]", (550, "5.4.4")),
    ],
)
async def test_an_address_literal_needs_no_dns(dns: DnsServer, bench: Bench, domain: str, outcome: object) -> None:
    if isinstance(outcome, list):
        assert await addresses(bench, domain) == outcome
    else:
        assert await refusal(bench, domain) == outcome
    assert not dns.queries


async def test_an_ipv6_literal_is_reached_when_ipv6_is_on(dns: DnsServer) -> None:
    assert await addresses(make(dns, ipv6=True), "[IPv6:2001:db8::1]") == ["2001:db8::1"]


async def test_a_mail_host_that_failed_rests_for_every_domain_that_it_serves(dns: DnsServer, bench: Bench) -> None:
    for domain in ("r.test", "q.test"):
        dns.add(domain, "MX", "10 a.mx.test.", "20 b.mx.test.")
    dns.add("a.mx.test", "A", "192.0.2.1")
    dns.add("b.mx.test", "A", "192.0.2.2")
    found = await plan(bench, "r.test")
    assert isinstance(found, Candidates)
    bench.router.report(found.hops[0], HopOutcome.FAILURE, "timed out")
    assert await addresses(bench, "q.test") == ["192.0.2.2"]
    bench.router.report(found.hops[1], HopOutcome.FAILURE, "timed out")
    assert isinstance(await plan(bench, "r.test"), Wait)
    assert not bench.router.lane_state("mx:q.test").is_open
    assert not bench.events, "strangers' mail hosts are no news for the administrator"


async def test_a_rows_fallback_to_direct_delivery_serves_only_the_domain_asked_for(dns: DnsServer) -> None:
    dns.add("r.test", "A", "192.0.2.1")
    config = configuration(
        specific("n"),
        rows=[row("s.test", "n", when_resting="direct")],
        name_servers=[dns.address],
        name_server_port=dns.port,
    )
    bench = Bench(config)
    bench.fail("n")
    found = await bench.router.plan("gateway:n", "a@s.test", "r.test")
    assert isinstance(found, Candidates)
    assert ([hop.address for hop in found.hops], found.only_domain) == (["192.0.2.1"], "r.test")
    assert isinstance(await bench.router.plan("gateway:n", "a@s.test", "gone.test"), Reject)


async def test_a_backup_mx_delivers_to_the_primarys_best_preference_first(dns: DnsServer) -> None:
    dns.add("r.test", "MX", "5 best.test.", "10 next.test.", "20 relay.test.")
    for name, address in (("best", 2), ("next", 1), ("relay", 9)):
        dns.add(f"{name}.test", "A", f"192.0.2.{address}")
    config = configuration(
        backup("b", "192.0.2.3", "192.0.2.1", "192.0.2.2"), name_servers=[dns.address], name_server_port=dns.port
    )
    bench = Bench(config, host_name="relay.test")
    assert bench.router.plan_now("inbound:b", "a@s.test", "r.test") is None, "the DNS has to be asked first"
    found = await bench.router.plan("inbound:b", "a@s.test", "r.test")
    assert isinstance(found, Candidates)
    assert [hop.address for hop in found.hops] == ["192.0.2.2", "192.0.2.1", "192.0.2.3"]
    assert bench.hops("inbound:b", to="r.test") == ["192.0.2.2", "192.0.2.1", "192.0.2.3"]


async def test_a_backup_mx_delivers_in_the_order_typed_where_the_dns_cannot_say(dns: DnsServer) -> None:
    dns.servfail("r.test")
    config = configuration(
        backup("b", "192.0.2.3", "192.0.2.1", domains=["split.test"]), name_servers=[dns.address], name_server_port=dns.port
    )
    bench = Bench(config)
    assert bench.hops("inbound:b", to="split.test") == ["192.0.2.3", "192.0.2.1"]
    found = await bench.router.plan("inbound:b", "a@s.test", "r.test")
    assert isinstance(found, Candidates)
    assert [hop.address for hop in found.hops] == ["192.0.2.3", "192.0.2.1"]


def test_mail_for_a_primary_never_goes_to_a_listener_of_this_server() -> None:
    own = OwnAddresses([("192.0.2.2", 25)])
    bench = Bench(configuration(forward("f", "192.0.2.1-3", domains=["r.test"])), is_own=own)
    assert bench.hops("inbound:f") == ["192.0.2.1", "192.0.2.3"]
    own.set([("192.0.2.3", 25)])
    bench.router.outlets.leave_out_own()
    assert bench.hops("inbound:f") == ["192.0.2.1", "192.0.2.2"]
    bench = Bench(configuration(forward("f", "192.0.2.2", domains=["r.test"])), is_own=OwnAddresses([("192.0.2.2", 25)]))
    plan = bench.plan("inbound:f")
    assert isinstance(plan, Wait)
    assert "this server itself" in plan.waiting_for


async def test_other_name_servers_make_it_ask_anew(dns: DnsServer, bench: Bench) -> None:
    dns.add("r.test", "A", "192.0.2.1")
    await plan(bench, "r.test")
    async with DnsServer() as other:
        other.add("r.test", "A", "192.0.2.2")
        settings: dict[str, Any] = {
            "name_servers": [other.address],
            "name_server_port": other.port,
            "direct_port": PORT,
            "ipv6": False,
        }
        bench.router.apply(configuration(outbound("a"), **settings))
        assert await addresses(bench, "r.test") == ["192.0.2.2"]


async def test_our_address_refused_by_a_mail_host_is_told_to_the_administrator(dns: DnsServer, bench: Bench) -> None:
    dns.add("r.test", "A", "192.0.2.1")
    found = await plan(bench, "r.test")
    assert isinstance(found, Candidates)
    bench.router.report(found.hops[0], HopOutcome.ADDRESS_BLOCKED, "550 5.7.1 listed")
    assert bench.kinds() == ["gateway.address-blocked"]
    assert isinstance(await plan(bench, "r.test"), Wait)


async def test_questions_under_way_end_with_the_resolver(dns: DnsServer, bench: Bench) -> None:
    dns.silent("r.test")
    waiting = asyncio.create_task(plan(bench, "r.test"))
    await asyncio.sleep(0.05)
    await bench.resolver.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
