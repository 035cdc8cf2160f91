"""A router whose time stands still until a test moves it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

from gatepost.model.configuration import Configuration, parse_configuration
from gatepost.relay.common.events import Event, EventBus
from gatepost.relay.common.plan import Candidates, HopOutcome, Plan
from gatepost.relay.routing.lookup import Lookup
from gatepost.relay.routing.mx import MxResolver
from gatepost.relay.routing.router import Router


class Time:
    """Wall time and monotonic time, moved by hand, apart from each other where a test wants it."""

    def __init__(self) -> None:
        self.wall = 1_800_000_000.0
        self.ticks = 1000.0

    def clock(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.ticks

    def pass_seconds(self, seconds: float) -> None:
        self.wall += seconds
        self.ticks += seconds


class NoJitter(random.Random):
    """Shuffles by its seed; adds no jitter."""

    def random(self) -> float:
        return 0.0

    def getrandbits(self, k: int, /) -> int:
        return super().getrandbits(k)


def outbound(gateway_id: str, **fields: Any) -> dict[str, Any]:
    return {"mode": "round-robin", "id": gateway_id, "host": f"{gateway_id}.example", "description": gateway_id, **fields}


def specific(gateway_id: str, *domains: str, **fields: Any) -> dict[str, Any]:
    return {**outbound(gateway_id), "mode": "specific-domains", "domains": list(domains), **fields}


def forward(gateway_id: str, *addresses: str, domains: Iterable[str] = (), **fields: Any) -> dict[str, Any]:
    return {
        "mode": "domain-forward",
        "id": gateway_id,
        "description": gateway_id,
        "addresses": list(addresses),
        "domains": list(domains),
        **fields,
    }


def backup(gateway_id: str, *addresses: str, **fields: Any) -> dict[str, Any]:
    return {"mode": "backup-mx", "id": gateway_id, "description": gateway_id, "addresses": list(addresses), **fields}


def row(domain: str, route: str, match: str = "sender", when_resting: str = "wait", **fields: Any) -> dict[str, Any]:
    """``route``: ``direct``, ``round-robin`` or a gateway's id."""
    via: dict[str, Any] = {"via": route}
    if route not in ("direct", "round-robin"):
        via = {"via": "gateway", "gateway": route, "when_resting": when_resting}
    return {"domain": domain, "match": match, "route": via, **fields}


def configuration(*gateways: dict[str, Any], rows: Iterable[dict[str, Any]] = (), **delivery: Any) -> Configuration:
    return parse_configuration(
        {
            "gateways": list(gateways),
            "domains": [{"id": f"dom-{index}", **item} for index, item in enumerate(rows)],
            "settings": {"delivery": delivery},
        }
    )


class Bench:
    """A router, its time, and the events it published."""

    def __init__(self, config: Configuration, is_own: Callable[[str, int], bool] = lambda _a, _p: False, **more: Any) -> None:
        self.time = Time()
        self.events: list[Event] = []
        bus = EventBus(self.time.clock)
        bus.subscribe(self.events.append)
        self.resolver = MxResolver(Lookup(self.time.monotonic, 3.0), self.time.monotonic, is_own)
        self.router = Router(
            config,
            clock=self.time.clock,
            monotonic=self.time.monotonic,
            resolver=self.resolver,
            events=bus,
            random=NoJitter(1),
            is_own=is_own,
            **more,
        )

    def plan(self, lane: str = "pool", sender: str = "a@s.test", to: str = "r.test", **more: Any) -> Plan:
        plan = self.router.plan_now(lane, sender, to, **more)
        assert plan is not None, "this lane needs the DNS"
        return plan

    def hops(self, lane: str = "pool", **more: Any) -> list[str]:
        """The gateways (or addresses) of a plan in their order."""
        plan = self.plan(lane, **more)
        assert isinstance(plan, Candidates), plan
        return [hop.gateway_id if hop.address is None else hop.address for hop in plan.hops]  # type: ignore[misc]

    def fail(self, gateway_id: str, cause: str = "connection refused", outcome: HopOutcome = HopOutcome.FAILURE) -> None:
        self.router.report(self.hop(gateway_id), outcome, cause)

    def succeed(self, gateway_id: str) -> None:
        self.router.report(self.hop(gateway_id), HopOutcome.SUCCESS)

    def hop(self, gateway_id: str) -> Any:
        outlets = self.router.outlets
        return outlets.current_hop(next(g for g in self.router.configuration.outbound if g.id == gateway_id))

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]
