"""How the gateways and their addresses stand: which can take a message now, why not, and what reports say about them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ...model.configuration import Configuration
from ...model.gateway import BackupMxGateway, Gateway, InboundGateway, OutboundGateway
from ..common.hop import HopKind, NextHop
from ..common.plan import HopHealth, HopOutcome
from .caps import Caps
from .health import Health, RestPolicy
from .hops import gateway_hop, health_key, inbound_hops, source_key

NOTHING: frozenset[str] = frozenset()

ASK_AGAIN = 5.0
"""Seconds in which a probe that is due, or the message that is one, should have ended."""
PRIMARY_LONGEST_REST = 60.0
"""Seconds, for a primary without a Holding card."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a gateway can take a message now. ``until`` is monotonic. ``rests``: as opposed to disabled or capped."""

    is_usable: bool
    reason: str = ""
    until: float | None = None
    rests: bool = False
    is_capped: bool = False


USABLE = Standing(True)


class Standings:
    """Everything that lasts between messages: health, caps and the hops of one relay's gateways."""

    def __init__(
        self,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        jitter: Callable[[], float],
        changed: Callable[[HopHealth], None],
        is_own: Callable[[str, int], bool] = lambda _address, _port: False,
    ) -> None:
        self._is_own = is_own
        """Whether an address and port is one of this relay's own listeners: the way there is a loop."""
        self._clock = clock
        self._monotonic = monotonic
        self.gateways = Health(clock, monotonic, jitter, changed)
        """Outbound gateways and their sending addresses."""
        self.addresses = Health(clock, monotonic, jitter, changed)
        """Addresses of primaries and of mail hosts."""
        self.caps = Caps(monotonic)
        self.watched: frozenset[str] = frozenset()
        """Inbound gateways that somebody probes while they rest: no message is spent on finding out."""
        self._hops: dict[str, NextHop] = {}
        self._inbound: dict[str, tuple[NextHop, ...]] = {}
        self._primaries: dict[str, tuple[NextHop, ...]] = {}
        """As ``_inbound``, without this server's own listeners."""
        self._policies: dict[str, RestPolicy] = {}
        self._policy = RestPolicy(30.0, 900.0)
        self._gateways: dict[str, Gateway] = {}

    # --- configuration -----------------------------------------------------------------------------------------------

    def apply(self, configuration: Configuration) -> None:
        """Keep what is known of unchanged gateways; a gateway that connects differently now starts healthy."""
        before, before_inbound = self._hops, self._inbound
        old = self._gateways
        self._gateways = {gateway.id: gateway for gateway in configuration.gateways}
        self._hops = {g.id: gateway_hop(g) for g in configuration.outbound}
        self._inbound = {g.id: inbound_hops(g) for g in configuration.inbound}
        self.leave_out_own()
        delivery = configuration.settings.delivery
        self._policy = RestPolicy(delivery.rest_seconds, max(delivery.rest_seconds, delivery.rest_max_seconds))
        self._policies = {g.id: self._primary_policy(g) for g in configuration.inbound}
        for gateway_id, hop in before.items():
            if self._starts_afresh(old[gateway_id], gateway_id, [hop], [self._hops.get(gateway_id)]):
                own = hop.key
                self.gateways.forget(lambda key, own=own: key == own or key.startswith(f"{own}@"))  # type: ignore[misc]
        for gateway_id, hops in before_inbound.items():
            if self._starts_afresh(old[gateway_id], gateway_id, hops, self._inbound.get(gateway_id, ())):
                prefix = f"inbound:{gateway_id}/"
                self.addresses.forget(lambda key, prefix=prefix: key.startswith(prefix))  # type: ignore[misc]
        self.gateways.shorten(lambda _key: self._policy.longest)
        self.addresses.shorten(self._longest_of_address)
        self.caps.keep(frozenset(self._gateways))

    def leave_out_own(self) -> None:
        """After a change of gateways or listeners: a range of a primary's addresses may hold this server's as well."""
        self._primaries = {
            name: tuple(hop for hop in hops if not self._is_own(hop.address or hop.host, hop.port))
            for name, hops in self._inbound.items()
        }

    def _primary_policy(self, gateway: InboundGateway) -> RestPolicy:
        """A primary is somebody's only mail server: it never rests for long."""
        if isinstance(gateway, BackupMxGateway):
            return RestPolicy(gateway.holding.probe_seconds, gateway.holding.probe_seconds)
        return RestPolicy(self._policy.first, max(self._policy.first, min(self._policy.longest, PRIMARY_LONGEST_REST)))

    def _longest_of_address(self, key: str) -> float:
        kind, _, rest = key.partition(":")
        gateway_id = rest.partition("/")[0] if kind == "inbound" else ""
        return self._policies.get(gateway_id, self._policy).longest

    def _starts_afresh(self, old: Gateway, gateway_id: str, before: Sequence[NextHop], after: Sequence[NextHop | None]) -> bool:
        new = self._gateways.get(gateway_id)
        return new is None or new.enabled != old.enabled or [*map(_terms, before)] != [*map(_terms, after)]

    # --- one gateway -------------------------------------------------------------------------------------------------

    def standing(self, gateway: OutboundGateway, excluded: frozenset[str] = NOTHING) -> Standing:
        """Whether an outbound gateway could take a message now, and why not."""
        hop = self._hops[gateway.id]
        if not gateway.enabled:
            return Standing(False, "is disabled")
        if excluded and (hop.key in excluded or hop.address_key in excluded):
            return Standing(False, "was tried in this attempt", rests=True)
        until = self.gateways.closed_until(hop.key)
        if until is not None:
            now = self._monotonic()
            soon = now + ASK_AGAIN if self.gateways.is_probing(hop.key) else math.inf
            return Standing(False, rests(self.gateways, hop.key, until, now), min(until, soon), rests=True)
        return self._capped(gateway) or USABLE

    def _capped(self, gateway: Gateway) -> Standing | None:
        limits = gateway.limits
        if limits.messages_per_minute is None and limits.messages_per_day is None:
            return None
        full = self.caps.full_until(gateway.id, limits)
        return Standing(False, full[1], full[0], is_capped=True) if full is not None else None

    def current_hop(self, gateway: OutboundGateway) -> NextHop:
        """The gateway's hop without the sending addresses that rest. One message at a time tries one whose rest is over."""
        hop = self._hops[gateway.id]
        if not hop.source_addresses or self.gateways.all_healthy:
            return hop
        usable: list[str] = []
        for address in hop.source_addresses:
            key = source_key(gateway.id, address)
            if self.gateways.is_healthy(key) or (not usable and self.gateways.closed_until(key) is None):
                usable.append(address)
        return hop if len(usable) in (0, len(hop.source_addresses)) else replace(hop, source_addresses=tuple(usable))

    def claim(self, hop: NextHop) -> bool:
        """A message goes to this hop: take the probe and count it. False: not now."""
        key = health_key(hop)
        health = self.gateways if hop.kind is HopKind.GATEWAY else self.addresses
        gateway = self._gateways.get(hop.gateway_id or "")
        if gateway is None:
            return hop.gateway_id is None and health.claim(key)
        if not gateway.enabled or self._capped(gateway) is not None or not health.claim(key):
            return False
        if hop.kind is HopKind.GATEWAY and hop.source_addresses:
            health.claim(source_key(gateway.id, hop.source_addresses[0]))
        self.caps.count(gateway.id, gateway.limits)
        return True

    # --- outcomes ----------------------------------------------------------------------------------------------------

    def report(self, hop: NextHop, outcome: HopOutcome, cause: str, source_address: str) -> None:
        if hop.gateway_id is not None and not self._is_current(hop):
            return  # says nothing about the gateway as it is set up now
        if hop.gateway_id is not None and outcome in (HopOutcome.FAILURE, HopOutcome.NOT_TRIED):
            self.caps.take_back(hop.gateway_id)
        if hop.kind is HopKind.GATEWAY:
            self._report_gateway(hop, outcome, cause, source_address)
            return
        key = health_key(hop)
        if outcome is HopOutcome.SUCCESS:
            self.addresses.success(key, hop.label)
        elif outcome is HopOutcome.NOT_TRIED:
            self.addresses.give_back(key)
        else:
            policy = self._policies.get(hop.gateway_id or "", self._policy)
            self.addresses.failure(key, hop.label, cause, policy, outcome is HopOutcome.ADDRESS_BLOCKED)

    def probed(self, hop: NextHop, outcome: HopOutcome, cause: str = "") -> None:
        """As ``report``, of a primary's address, where no message had been counted."""
        if not self._is_current(hop):
            return
        key = health_key(hop)
        if outcome is HopOutcome.SUCCESS:
            self.addresses.success(key, hop.label)
        else:
            self.addresses.failure(key, hop.label, cause, self._policies.get(hop.gateway_id or "", self._policy))

    def _report_gateway(self, hop: NextHop, outcome: HopOutcome, cause: str, source_address: str) -> None:
        gateway_id = hop.gateway_id or ""
        sources = self._hops[gateway_id].source_addresses
        source = source_address if source_address in sources else next(iter(hop.source_addresses), "")
        key = source_key(gateway_id, source) if source else ""
        label = f"{source} for {hop.label}"
        if outcome is HopOutcome.SUCCESS:
            self.gateways.success(hop.key, hop.label)
            if key and not self.gateways.is_healthy(key):
                self.gateways.success(key, label)
        elif outcome is HopOutcome.ADDRESS_BLOCKED and key:
            self.gateways.failure(key, label, cause, self._policy, is_block=True)
            if all(not self.gateways.is_healthy(source_key(gateway_id, address)) for address in sources):
                self.gateways.failure(hop.key, hop.label, f"every sending address rests: {cause}", self._policy, is_block=True)
            else:
                self.gateways.give_back(hop.key)
        elif outcome is HopOutcome.NOT_TRIED:
            self.gateways.give_back(hop.key)
            self.gateways.give_back(key)
        else:
            self.gateways.give_back(key)
            is_block = outcome is HopOutcome.ADDRESS_BLOCKED
            self.gateways.failure(hop.key, hop.label, cause, self._policy, is_block)

    def _is_current(self, hop: NextHop) -> bool:
        if hop.kind is HopKind.GATEWAY:
            current = self._hops.get(hop.gateway_id or "")
            if current is None or hop is current:
                return current is not None
            # A hop without its resting sending addresses is the same gateway.
            return _terms(replace(hop, source_addresses=current.source_addresses)) == _terms(current)
        return any(_terms(hop) == _terms(known) for known in self._inbound.get(hop.gateway_id or "", ()))

    # --- for people and timers ---------------------------------------------------------------------------------------

    def health(self) -> list[HopHealth]:
        """Every gateway, whether used or not; sending addresses and mail hosts that were used."""
        found = [self.gateways.describe(hop.key, hop.label) for hop in self._hops.values()]
        for hops in self._inbound.values():
            found.extend(self.addresses.describe(health_key(hop), hop.label) for hop in hops)
        known = {item.key for item in found}
        found.extend(h for h in (*self.gateways.snapshot(), *self.addresses.snapshot()) if h.key not in known)
        return found

    def retry_now(self, gateway_id: str) -> bool:
        """End a gateway's rests: the next message tries it. False when nothing of it rests."""
        gateway = self._hops.get(gateway_id)
        if gateway is not None:
            sources = [source_key(gateway_id, address) for address in gateway.source_addresses]
            return sum(self.gateways.retry_now(key) for key in (gateway.key, *sources)) > 0
        return sum(self.addresses.retry_now(health_key(hop)) for hop in self._inbound.get(gateway_id, ())) > 0

    def resting(self, gateway_id: str) -> list[tuple[NextHop, float]]:
        """A primary's addresses that are not healthy, each with the monotonic time at which it may be tried."""
        now = self._monotonic()
        hops = [hop for hop in self.hops_of(gateway_id) if not self.addresses.is_healthy(health_key(hop))]
        return [(hop, self.addresses.closed_until(health_key(hop)) or now) for hop in hops]

    def why_closed(self, hop: NextHop) -> str | None:
        """Why nothing is to be tried at a primary's address now; None: it may be."""
        key = health_key(hop)
        if self.addresses.is_healthy(key):
            return None
        now = self._monotonic()
        until = self.addresses.closed_until(key)
        if until is None and hop.gateway_id not in self.watched:
            return None
        return f"{hop.label} {rests(self.addresses, key, now if until is None else until, now)}"

    def last_success(self, gateway_id: str) -> float:
        """The monotonic time at which an address of a primary last took something; long ago where none did."""
        hops = self.hops_of(gateway_id)
        times = [self.addresses.describe(health_key(hop), hop.label).last_success for hop in hops]
        latest = max((at for at in times if at is not None), default=None)
        return -math.inf if latest is None else self._monotonic() - max(0.0, self._clock() - latest)

    def hops_of(self, gateway_id: str) -> tuple[NextHop, ...]:
        """A primary's addresses, in order."""
        return self._primaries.get(gateway_id, ())

    def next_change(self) -> float | None:
        """When something may open that is closed now, in seconds since the epoch."""
        times = [self.gateways.next_change(), self.addresses.next_change()]
        for gateway in self._gateways.values():
            if gateway.enabled and (capped := self._capped(gateway)) is not None:
                times.append(capped.until)
        soonest = min((at for at in times if at is not None), default=None)
        return self._wall(soonest)

    def _wall(self, at: float | None) -> float | None:
        return None if at is None else self._clock() + max(0.0, at - self._monotonic())


def rests(health: Health, key: str, until: float, now: float) -> str:
    """Why nothing goes to a hop that is closed, for people. Times are monotonic."""
    cause = health.cause(key)
    if health.is_probing(key):
        return f"is being tried again after: {cause}"
    return f"rests for {max(1, round(until - now))} s more after: {cause}"


def _terms(hop: NextHop | None) -> object:
    """How a hop is connected to: what must differ for its past to mean nothing."""
    if hop is None:
        return None
    return (
        hop.host, hop.port, hop.address, hop.encryption, hop.certificate, hop.auth, hop.source_addresses, hop.ehlo_name,
        hop.captures,
    )  # fmt: skip
