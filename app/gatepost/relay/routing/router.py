"""What the queue asks: to which next hops a message goes, when if not now, and what came of it.

    plan = router.plan_now(lane, sender, recipient_domain) or await router.plan(lane, sender, recipient_domain)

``plan_now`` answers at once from memory; None means that the DNS must be asked first, which ``plan`` does. A plan counts
one message at its first hop; every use of a hop is followed by a ``report``.
"""

from __future__ import annotations

import random as random_module
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby

from ...model.address import is_domain_pattern_match
from ...model.configuration import Configuration
from ...model.domain import GatewayRoute, WhenResting
from ...model.gateway import BackupMxGateway, InboundGateway
from ..common.events import EventBus
from ..common.hop import Lane, NextHop
from ..common.plan import Candidates, HealthState, HopHealth, HopOutcome, LaneState, Plan, Reject, Wait
from ..common.printable import printable
from .hops import mx_hops
from .lanes import Lanes
from .lookup import Lookup
from .mx import IsOwn, MxAnswer, MxHost, MxHosts, MxResolver, NoMail
from .outlets import Outlets
from .standings import NOTHING

OPEN = LaneState(True)
BY_HAND = "chosen for this message by hand"
DIRECT = "direct delivery by MX"
MAX_REMEMBERED_HOPS = 1000
"""Domains whose next hops are kept ready."""


class Router(Lanes):
    """Owned by the loop's thread. ``opened`` is called when mail that waited may leave: set it to wake the queue."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        resolver: MxResolver,
        events: EventBus,
        random: random_module.Random,
        host_name: str = "",
        fronted_by: Callable[[str], str | None] | None = None,
        is_own: IsOwn = lambda _address, _port: False,
    ) -> None:
        super().__init__(fronted_by)
        self.resolver = resolver
        self.opened: Callable[[], None] = lambda: None
        self._events = events
        self._random = random
        self._host_name = host_name
        self._mx_hops: OrderedDict[str, tuple[MxHosts, list[list[tuple[NextHop, ...]]]]] = OrderedDict()
        self.outlets = Outlets(clock, monotonic, random.random, self._health_changed, is_own)
        self._take_over(configuration)

    # --- configuration -----------------------------------------------------------------------------------------------

    def apply(self, configuration: Configuration) -> None:
        """Swap the configuration. Health, rotation and caps of unchanged gateways stay."""
        self._take_over(configuration)
        self.opened()

    def _take_over(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._set_lanes(configuration)
        self._fallbacks = _fallbacks(configuration)
        self.outlets.apply(configuration)
        self._mx_hops.clear()
        delivery = configuration.settings.delivery
        own = {name.lower() for name in (configuration.settings.server.host_name, self._host_name) if name}
        self.resolver.apply(
            own_names=frozenset(own),
            port=delivery.direct_port,
            ipv6=delivery.ipv6,
            name_servers=delivery.name_servers,
            name_server_port=delivery.name_server_port,
        )

    # --- plans -------------------------------------------------------------------------------------------------------

    def lane_state(self, lane: str) -> LaneState:
        """Whether mail of a lane can leave now. Cheap; asks nobody and counts nothing."""
        if lane == Lane.POOL:
            return _state(self.outlets.pool(commit=False))
        kind, _, name = lane.partition(":")
        if kind == "mx":
            answer = self.resolver.peek(name)
            return _state(self._mx(name, answer, NOTHING, False)) if isinstance(answer, MxHosts) else OPEN
        if kind == "inbound" and name in self._inbound:
            return _state(self.outlets.inbound(self._inbound[name], commit=False))
        gateway = self._outbound.get(name) if kind == "gateway" else None
        if gateway is None:
            return OPEN  # the lane is from an older configuration: planning finds another way
        state = _state(self.outlets.gateway(gateway, commit=False))
        if state.is_open or (gateway.enabled and not self.outlets.standing(gateway).rests):
            return state
        ways_out = self._fallbacks.get(name, set())
        if not gateway.enabled or WhenResting.DIRECT in ways_out:
            return OPEN
        return OPEN if WhenResting.ROUND_ROBIN in ways_out and self.lane_state(Lane.POOL).is_open else state

    def plan_now(
        self,
        lane: str,
        sender: str,
        recipient_domain: str,
        pinned_gateway: str | None = None,
        excluded: frozenset[str] = NOTHING,
        *,
        client: str = "",
        commit: bool = True,
    ) -> Plan | None:
        """Where a message goes, or None when the DNS has to be asked first.

        ``sender`` is an address or a domain, ``client`` the address that the message came from. ``excluded`` names hops
        that were tried already, by ``key`` or ``address_key``. Without ``commit`` nothing moves: the answer that the next
        message would get.
        """
        plan = self._plan(lane, sender, recipient_domain, client, pinned_gateway, excluded, commit, None)
        return None if isinstance(plan, str) else plan

    async def plan(
        self,
        lane: str,
        sender: str,
        recipient_domain: str,
        pinned_gateway: str | None = None,
        excluded: frozenset[str] = NOTHING,
        *,
        client: str = "",
        commit: bool = True,
    ) -> Plan:
        """As ``plan_now``, asking the DNS where needed."""
        answer: MxAnswer | None = None
        while True:
            plan = self._plan(lane, sender, recipient_domain, client, pinned_gateway, excluded, commit, answer)
            if not isinstance(plan, str):
                return plan
            answer = await self.resolver.hosts(plan)

    def _plan(
        self,
        lane: str,
        sender: str,
        recipient_domain: str,
        client: str,
        pinned_gateway: str | None,
        excluded: frozenset[str],
        commit: bool,
        answer: MxAnswer | None,
    ) -> Plan | str:
        """A plan, or the domain whose mail hosts must be known first."""
        if pinned_gateway:
            pinned = self._outbound.get(pinned_gateway)
            if pinned is not None and pinned.enabled:
                return self._alone(lane, self.outlets.gateway(pinned, excluded, commit, BY_HAND))
            primary = self._inbound.get(pinned_gateway)
            if primary is not None and primary.enabled:
                return self.outlets.inbound(primary, (), excluded, commit, BY_HAND)
        if lane == Lane.POOL:
            return self.outlets.pool(excluded, commit)
        kind, _, name = lane.partition(":")
        if kind == "mx":
            known = answer or self.resolver.peek(name)
            return name if known is None else self._mx(name, known, excluded, commit)
        sender_domain = sender.rpartition("@")[2]
        if kind == "gateway" and name in self._outbound and self._outbound[name].enabled:
            gateway = self._outbound[name]
            plan = self.outlets.gateway(gateway, excluded, commit)
            if isinstance(plan, Candidates) or not self.outlets.standing(gateway, excluded).rests:
                return plan
            _, choice = self.table.route(sender_domain, recipient_domain, client)
            if not isinstance(choice, GatewayRoute) or choice.gateway != gateway.id:
                return plan
            return self._alone(lane, self._fall_back(plan, choice.when_resting, recipient_domain, excluded, commit, answer))
        if kind == "inbound" and name in self._inbound:
            primary = self._inbound[name]
            if answer is None and self._goes_by_preference(primary, recipient_domain):
                answer = self.resolver.peek(recipient_domain)
                if answer is None:
                    return recipient_domain
            return self.outlets.inbound(primary, _preferred(answer), excluded, commit)
        current = self.table.lane(sender_domain, recipient_domain, client)
        if current != lane:  # the gateway is gone or disabled, and the queue has not been told yet
            plan_elsewhere = self._plan(current, sender, recipient_domain, client, None, excluded, commit, answer)
            if isinstance(plan_elsewhere, Candidates):
                return replace(plan_elsewhere, only_domain=recipient_domain)
            return plan_elsewhere
        gone = self._outbound.get(name)
        return Wait(None, f"the gateway “{gone.label}” is disabled" if gone else f"there is no way out for “{lane}”")

    def _alone(self, lane: str, plan: Plan | str) -> Plan | str:
        """Where a gateway rests, what one message waits for need not be what the others of its lane wait for."""
        if isinstance(plan, Wait) and self.lane_state(lane).is_open:
            return replace(plan, is_alone=True)
        return plan

    def _fall_back(
        self,
        plan: Wait,
        when_resting: WhenResting,
        recipient_domain: str,
        excluded: frozenset[str],
        commit: bool,
        answer: MxAnswer | None,
    ) -> Plan | str:
        """The named gateway rests: what its row says for that case."""
        if when_resting is WhenResting.DIRECT:
            known = answer or self.resolver.peek(recipient_domain)
            if known is None:
                return recipient_domain
            direct = self._mx(recipient_domain, known, excluded, commit)
            why = f"{DIRECT}, because {plan.waiting_for}"
            return Candidates(direct.hops, recipient_domain, why) if isinstance(direct, Candidates) else direct
        if when_resting is WhenResting.ROUND_ROBIN:
            pool = self.outlets.pool(excluded, commit)
            if isinstance(pool, Candidates):
                return Candidates(pool.hops, recipient_domain, f"{pool.why}, because {plan.waiting_for}")
            times = [at for at in (plan.until, pool.until) if at is not None]
            return Wait(min(times, default=None), f"{plan.waiting_for}; {pool.waiting_for}")
        return plan

    def _mx(self, domain: str, answer: MxAnswer, excluded: frozenset[str], commit: bool) -> Plan:
        if isinstance(answer, NoMail):
            return Reject(answer.reply)
        if not isinstance(answer, MxHosts):
            return Wait(None, answer.reply.text, answer.reply)
        hops: list[NextHop] = []
        for group in self._hops_by_preference(domain, answer):
            if commit and len(group) > 1:
                group = group.copy()
                self._random.shuffle(group)
            hops.extend(hop for host in group for hop in host)
        return self.outlets.sequence(hops, excluded, commit, DIRECT)

    def _hops_by_preference(self, domain: str, answer: MxHosts) -> list[list[tuple[NextHop, ...]]]:
        """Hops by host, hosts by preference; made once for each answer of the DNS."""
        known = self._mx_hops.get(domain)
        if known is not None and known[0] is answer:
            return known[1]
        groups = [
            [mx_hops(domain, host, self.configuration) for host in hosts]
            for _, hosts in groupby(answer.hosts, key=lambda host: host.preference)
        ]
        if domain.startswith("["):
            return groups
        self._mx_hops[domain] = (answer, groups)
        self._mx_hops.move_to_end(domain)
        if len(self._mx_hops) > MAX_REMEMBERED_HOPS:
            self._mx_hops.popitem(last=False)
        return groups

    def _goes_by_preference(self, gateway: InboundGateway, recipient_domain: str) -> bool:
        """Whether the order of a primary's addresses is the DNS's to say. What is listed for split DNS, it cannot say."""
        if not isinstance(gateway, BackupMxGateway) or len(self.outlets.hops_of(gateway.id)) < 2:
            return False
        return not any(is_domain_pattern_match(pattern, recipient_domain) for pattern in gateway.domains)

    # --- outcomes ----------------------------------------------------------------------------------------------------

    def claim(self, hop: NextHop) -> bool:
        """Before going on to a candidate that is not the first: may this message use it now? Counts it if so."""
        return self.outlets.claim(hop)

    def report(self, hop: NextHop, outcome: HopOutcome, cause: str = "", source_address: str = "") -> None:
        """What an attempt says about the hop. ``source_address``: the address that it was made from, where known."""
        self.outlets.report(hop, outcome, cause, source_address)
        if outcome is HopOutcome.ADDRESS_BLOCKED:
            self._events.publish(
                "gateway.address-blocked",
                gateway_id=hop.gateway_id,
                key=hop.key,
                label=hop.label,
                source_address=source_address or next(iter(hop.source_addresses), ""),
                cause=printable(cause, 300),
            )

    def probed(self, hop: NextHop, outcome: HopOutcome, cause: str = "") -> None:
        """What was seen of a primary's address without a message: a probe, or a question about a recipient."""
        self.outlets.probed(hop, outcome, printable(cause, 300))

    def retry_now(self, gateway_id: str) -> bool:
        """End a gateway's rest (ETRN, a new password, an administrator's wish). False when it does not rest."""
        ended = self.outlets.retry_now(gateway_id)
        if ended:
            self.opened()
        return ended

    def health(self) -> list[HopHealth]:
        return self.outlets.health()

    def next_change(self) -> float | None:
        """When a resting hop may be probed or a cap has room again: seconds since the epoch; None: nothing is closed."""
        return self.outlets.next_change()

    def _health_changed(self, health: HopHealth) -> None:
        kind, _, rest = health.key.partition(":")
        if kind != "address":  # mail hosts of strangers come and go; their mail's own waiting state tells
            gateway_id = rest.partition("@")[0].partition("/")[0]
            self._events.publish(
                f"gateway.{'healthy' if health.state is HealthState.HEALTHY else 'resting'}",
                gateway_id=gateway_id,
                key=health.key,
                label=health.label,
                cause=health.cause,
                next_probe=health.next_probe,
                failures=health.failures,
            )
        if health.state is HealthState.HEALTHY:
            self.opened()


def build_router(
    configuration: Configuration,
    *,
    clock: Callable[[], float],
    monotonic: Callable[[], float],
    events: EventBus,
    local_addresses: IsOwn,
    host_name: str = "",
    random: random_module.Random | None = None,
    fronted_by: Callable[[str], str | None] | None = None,
) -> Router:
    """A router with its own DNS resolver. ``local_addresses``: see ``own_addresses.OwnAddresses``."""
    return Router(
        configuration,
        clock=clock,
        monotonic=monotonic,
        resolver=MxResolver(Lookup(monotonic), monotonic, local_addresses),
        events=events,
        random=random or random_module.SystemRandom(),
        host_name=host_name,
        fronted_by=fronted_by,
        is_own=local_addresses,
    )


def _preferred(answer: MxAnswer | None) -> tuple[str, ...]:
    """Addresses of a domain's mail hosts, best preference first."""
    if not isinstance(answer, MxHosts | NoMail):
        return ()
    return tuple(address for host in sorted(answer.published, key=_preference) for address in host.addresses)


def _preference(host: MxHost) -> int:
    return host.preference


def _state(plan: Plan) -> LaneState:
    return LaneState(False, plan.until, plan.waiting_for) if isinstance(plan, Wait) else OPEN


def _fallbacks(configuration: Configuration) -> dict[str, set[WhenResting]]:
    """For each named gateway, what the rows that name it do while it rests."""
    routes = [row.route for row in configuration.domains if row.enabled]
    found: dict[str, set[WhenResting]] = {}
    for route in (*routes, configuration.settings.delivery.default_route):
        if isinstance(route, GatewayRoute):
            found.setdefault(route.gateway, set()).add(route.when_resting)
    return found
