"""What “explain” says is what happens: of random configurations, whatever rests, is capped or off, and whoever sends.

The mail's way here is the one of real mail: admission, lanes, plans that count. Only the DNS is a table.
"""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.model.address import parse_mailbox
from gatepost.model.envelope import Envelope, Origin, Recipient
from gatepost.model.gateway import Limits
from gatepost.relay.common.plan import Candidates, HopOutcome, Reject, Wait
from gatepost.relay.reception.admission import Admission
from gatepost.relay.routing.explain import explain
from gatepost.relay.routing.lookup import Absent, Failed, Found, Lookup

from .support import Bench, backup, configuration, forward, outbound, row, specific

STRANGER, PRIMARIES = "203.0.113.9", ("192.0.2.1", "192.0.2.2", "192.0.2.3")
DOMAINS = ("a.test", "sub.a.test", "b.test", "gone.test", "broken.test", "nomail.test")
PATTERNS = (*DOMAINS[:3], "*.a.test", "*.test")
RESTING = ("wait", "round-robin", "direct")
OUT = ("g1", "g2", "s1", "s2")


class Table(Lookup):
    """The DNS by heart."""

    async def mail_exchangers(self, domain: str) -> Found[tuple[int, str]] | Absent | Failed:
        if domain == "gone.test":
            return Absent(False, 60)
        if domain == "broken.test":
            return Failed("SERVFAIL")
        records = ((0, "."),) if domain == "nomail.test" else ((10, f"mx1.{domain}"), (20, f"mx2.{domain}"))
        return Found(records, 300)

    async def addresses(self, name: str) -> Found[str] | Absent | Failed:
        return Found((f"198.51.100.{sum(map(ord, name)) % 200 + 1}",), 300)


routes = st.one_of(st.sampled_from(["direct", "round-robin"]), st.sampled_from(OUT))
rows = st.lists(
    st.tuples(st.sampled_from(PATTERNS), routes, st.sampled_from(["sender", "recipient"]), st.sampled_from(RESTING)),
    max_size=6,
    unique_by=lambda item: (item[0], item[2]),
)
switches = st.fixed_dictionaries({name: st.booleans() for name in OUT})


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    gateways: list[dict[str, Any]] = []
    for name in OUT:
        fields: dict[str, Any] = {"enabled": draw(st.integers(0, 4)) > 0}
        if draw(st.booleans()):
            fields["limits"] = {"messages_per_minute": 1}
        if name.startswith("g"):
            gateways.append(outbound(name, standby=draw(st.booleans()), weight=draw(st.integers(1, 3)), **fields))
        else:
            gateways.append(specific(name, *draw(st.lists(st.sampled_from(PATTERNS), max_size=2)), **fields))
    for index, address in enumerate(PRIMARIES):
        kind = draw(st.sampled_from(["none", "none", "specified", "all-but", "backup"]))
        domains = draw(st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2))
        fields = {"enabled": draw(st.booleans())}
        if kind == "backup":
            gateways.append(backup(f"in{index}", address, domains=domains, **fields))
        elif kind == "all-but":
            everything = {"domain_verification": "all-but-specified-domains", "accept_for_anyone": True, **fields}
            gateways.append(forward(f"in{index}", address, domains=domains, **everything))
        elif kind == "specified":
            gateways.append(forward(f"in{index}", address, f"{address}0", domains=domains, **fields))
    default = draw(routes)
    route: dict[str, Any] = {"via": default}
    if default in OUT:
        route = {"via": "gateway", "gateway": default, "when_resting": draw(st.sampled_from(RESTING))}
    return {
        "configuration": configuration(*gateways, rows=[row(*item) for item in draw(rows)], default_route=route),
        "resting": [name for name, rests in draw(switches).items() if rests],
        "full": [name for name, is_full in draw(switches).items() if is_full],
        "resting_primaries": draw(st.sets(st.sampled_from(PRIMARIES))),
        "sender": draw(st.sampled_from(["", *(f"x@{domain}" for domain in DOMAINS[:3])])),
        "recipient": f"y@{draw(st.sampled_from(DOMAINS))}",
        "client": draw(st.sampled_from([STRANGER, *PRIMARIES])),
    }


def bench_of(world: dict[str, Any]) -> Bench:
    bench = Bench(world["configuration"])
    bench.resolver._lookup = Table(bench.time.monotonic)
    for name in world["full"]:
        bench.router.outlets.caps.count(name, Limits(messages_per_minute=1))
    for name in world["resting"]:
        bench.fail(name)
    for gateway in world["configuration"].inbound:
        for hop in bench.router.outlets.hops_of(gateway.id):
            if hop.host in world["resting_primaries"]:
                bench.router.report(hop, HopOutcome.FAILURE, "connection refused")
    return bench


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds())
def test_the_route_that_is_explained_is_the_one_that_the_next_message_takes(world: dict[str, Any]) -> None:
    asyncio.run(_compare(world))


async def _compare(world: dict[str, Any]) -> None:
    bench = bench_of(world)
    sender, recipient, client = world["sender"], world["recipient"], world["client"]
    explained = await explain(bench.router, sender, recipient, client)

    envelope = Envelope(sender, (Recipient(recipient),), origin=Origin(client=client))
    ((lane, _),) = bench.router.lanes(envelope)
    domain = recipient.partition("@")[2]
    plan = await bench.router.plan(lane, sender, domain, client=client)
    assert explained.lane == lane
    assert bench.router.reasons(envelope, bench.router.lanes(envelope))[0][2] == explained.steps[0].text
    if isinstance(plan, Candidates):
        assert explained.outcome == "deliver"
        assert [(hop.key, hop.address) for hop in explained.hops] == [(hop.key, hop.address or "") for hop in plan.hops]
    elif isinstance(plan, Wait):
        assert (explained.outcome, explained.wait_until) == ("wait", plan.until)
        assert plan.waiting_for in explained.summary
    else:
        assert isinstance(plan, Reject)
        assert (explained.outcome, explained.reply) == ("reject", str(plan.reply))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds())
def test_mail_that_reception_takes_for_a_gateway_goes_to_that_gateways_primary(world: dict[str, Any]) -> None:
    """Reception and routing read the inbound gateways' lists each for itself."""
    admission = Admission(world["configuration"], "relay.test")
    client = admission.client(world["client"])
    decision = admission.recipient(client, False, parse_mailbox(world["recipient"]), "192.0.2.99")
    bench = bench_of(world)
    domain = world["recipient"].partition("@")[2]
    lane = bench.router.lane(world["sender"].partition("@")[2], domain, client.address)
    if decision.refusal is None:
        expected = f"inbound:{decision.gateway.id}" if decision.gateway is not None else None
        assert (lane if lane.startswith("inbound:") else None) == expected
