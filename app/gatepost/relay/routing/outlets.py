"""Which gateways can take a message now, and in which order they are tried.

Each choice is made with ``commit`` (a message goes: rotation, caps and probes move) or without (a look: nothing moves).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ...model.configuration import Configuration
from ...model.gateway import Gateway, InboundGateway, OutboundGateway
from ..common.hop import NextHop
from ..common.plan import Candidates, HopHealth, Wait
from .hops import MAX_CANDIDATES, health_key
from .rotation import Rotation
from .standings import ASK_AGAIN, NOTHING, Standing, Standings, rests

TURN = "its turn in Round Robin"
STANDBY = "a standby gateway, because no other of Round Robin can be used"
NAMED = "the gateway that the rule names"
PRIMARY = "the primary mail server of these recipients"


class Outlets(Standings):
    """The choices, made of how the gateways stand and whose turn it is."""

    def __init__(
        self,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        jitter: Callable[[], float],
        changed: Callable[[HopHealth], None],
        is_own: Callable[[str, int], bool] = lambda _address, _port: False,
    ) -> None:
        super().__init__(clock, monotonic, jitter, changed, is_own)
        self.rotation = Rotation()
        self._pool: tuple[OutboundGateway, ...] = ()
        self._quick_members: list[tuple[str, int]] = []
        self._quick: dict[str, Candidates] = {}

    def apply(self, configuration: Configuration) -> None:
        super().apply(configuration)
        self.rotation.keep(self._gateways)
        self._pool = configuration.round_robin
        self._prepare_quick_path()

    def _prepare_quick_path(self) -> None:
        """While all is well and nothing is capped, a turn is one step of the rotation and one look-up."""
        enabled = [g for g in self._pool if g.enabled]
        active = [g for g in enabled if not g.standby] or enabled
        spare = [g for g in enabled if g not in active]
        self._quick_members, self._quick = [], {}
        if any(_has_cap(gateway) for gateway in enabled):
            return
        self._quick_members = [(g.id, g.weight) for g in active]
        for index, gateway in enumerate(active):
            order = [*active[index:], *active[:index], *spare]
            self._quick[gateway.id] = Candidates(
                tuple(self._hops[g.id] for g in order), why=STANDBY if gateway.standby else TURN
            )

    def pool(self, excluded: frozenset[str] = NOTHING, commit: bool = True) -> Candidates | Wait:
        """Round Robin: the next gateway's turn, the others after it."""
        if self._quick_members and not excluded and self.gateways.all_healthy:
            if not commit:
                return self._quick[self.rotation.peek(self._quick_members)]
            chosen = self.rotation.next(self._quick_members)
            self.caps.count(chosen, self._gateways[chosen].limits)
            return self._quick[chosen]
        return self._pool_carefully(excluded, commit)

    def _pool_carefully(self, excluded: frozenset[str], commit: bool) -> Candidates | Wait:
        enabled = [gateway for gateway in self._pool if gateway.enabled]
        if not enabled:
            what = "is enabled" if self._pool else "is set up"
            return Wait(None, f"no round-robin gateway {what}")
        standings = {gateway.id: self.standing(gateway, excluded) for gateway in enabled}
        active = [g for g in enabled if not g.standby and standings[g.id].is_usable]
        # A capped gateway is healthy: what exceeds its cap waits rather than wake the standby gateways.
        may_use_spare = not any(not g.standby and standings[g.id].is_capped for g in enabled)
        spare = [g for g in enabled if g.standby and standings[g.id].is_usable] if may_use_spare else []
        turn = active or spare
        if not turn:
            return self._wait((g.label, standings[g.id]) for g in enabled if may_use_spare or not g.standby)
        members = [(gateway.id, gateway.weight) for gateway in turn]
        chosen = self.rotation.next(members) if commit else self.rotation.peek(members)
        index = next(i for i, gateway in enumerate(turn) if gateway.id == chosen)
        others = [*turn[index + 1 :], *turn[:index]]
        others.sort(key=lambda gateway: not self.gateways.is_healthy(self._hops[gateway.id].key))
        order = [turn[index], *others, *(spare if active else ())]
        hops = tuple(self.current_hop(gateway) for gateway in order)
        if commit:
            self.claim(hops[0])
        return Candidates(hops, why=TURN if active else STANDBY)

    def gateway(
        self, gateway: OutboundGateway, excluded: frozenset[str] = NOTHING, commit: bool = True, why: str = NAMED
    ) -> Candidates | Wait:
        """One named gateway."""
        standing = self.standing(gateway, excluded)
        if not standing.is_usable:
            return self._wait([(gateway.label, standing)])
        hop = self.current_hop(gateway)
        if commit:
            self.claim(hop)
        return Candidates((hop,), why=why)

    def inbound(
        self,
        gateway: InboundGateway,
        preferred: Sequence[str] = (),
        excluded: frozenset[str] = NOTHING,
        commit: bool = True,
        why: str = PRIMARY,
    ) -> Candidates | Wait:
        """The primary's addresses: those in ``preferred`` first, in its order (best MX preference), then as typed."""
        if not gateway.enabled:
            return Wait(None, f"the inbound gateway “{gateway.label}” is disabled")
        if (capped := self._capped(gateway)) is not None:
            return self._wait([(gateway.label, capped)])
        hops = self._primaries[gateway.id]
        if not hops:
            return Wait(None, f"every address of “{gateway.label}” is this server itself")
        if preferred and len(hops) > 1:
            rank = {address: index for index, address in enumerate(preferred)}
            hops = tuple(sorted(hops, key=lambda hop: rank.get(hop.host, len(rank))))
        return self.sequence(hops, excluded, commit, why)

    def sequence(self, hops: Iterable[NextHop], excluded: frozenset[str], commit: bool, why: str) -> Candidates | Wait:
        """Addresses in the given order, without those that rest."""
        open_hops: list[NextHop] = []
        closed: list[tuple[str, Standing]] = []
        now = self._monotonic()
        quick = self.addresses.all_healthy and not excluded
        for hop in hops:
            if quick:
                open_hops.append(hop)
                continue
            key = health_key(hop)
            if hop.address_key in excluded or hop.key in excluded:
                closed.append((hop.label, Standing(False, "was tried in this attempt")))
            elif (until := self.addresses.closed_until(key)) is not None:
                closed.append((hop.label, Standing(False, rests(self.addresses, key, until, now), until)))
            elif hop.gateway_id in self.watched and not self.addresses.is_healthy(key):
                closed.append((hop.label, Standing(False, rests(self.addresses, key, now, now), now + ASK_AGAIN)))
            else:
                open_hops.append(hop)
        if not open_hops:
            return self._wait(closed)
        del open_hops[MAX_CANDIDATES:]
        if commit:
            self.claim(open_hops[0])
        return Candidates(tuple(open_hops), why=why)

    def _wait(self, closed: Iterable[tuple[str, Standing]]) -> Wait:
        reasons: list[str] = []
        times: list[float] = []
        for label, standing in closed:
            reasons.append(f"{label} {standing.reason}")
            if standing.until is not None:
                times.append(standing.until)
        shown = "; ".join(reasons[:3]) + (f"; and {len(reasons) - 3} more" if len(reasons) > 3 else "")
        return Wait(self._wall(min(times, default=None)), shown)


def _has_cap(gateway: Gateway) -> bool:
    return gateway.limits.messages_per_minute is not None or gateway.limits.messages_per_day is not None
