"""How the gateways stand: their health, what waits for them, what they did last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..model.gateway import Gateway
from ..model.report import GatewayReport
from ..store.values import SpoolCounts
from .common.plan import HealthState, HopHealth

if TYPE_CHECKING:
    from .service import RelayService


def gateway_reports(service: RelayService) -> list[GatewayReport]:
    counts = service.spool.counts()
    health = {item.key: item for item in service.router.health()}
    connections: dict[str, int] = {}
    for hop in service.connections():
        connections[hop.key] = connections.get(hop.key, 0) + hop.open
    return [_report(service, gateway, counts, health, connections) for gateway in service.configuration.gateways]


def _report(
    service: RelayService,
    gateway: Gateway,
    counts: SpoolCounts,
    health: Mapping[str, HopHealth],
    connections: Mapping[str, int],
) -> GatewayReport:
    keys = (f"gateway:{gateway.id}", f"inbound:{gateway.id}")
    found = _health_of(gateway.id, health)
    last = service.gateway_memory.of(gateway.id)
    remote_spool, remote_spool_at = service.inbound.servers.spool(gateway.id)
    return GatewayReport(
        id=gateway.id,
        health=found.state.value if gateway.enabled else "disabled",
        cause=found.cause,
        since=found.since,
        next_probe=found.next_probe,
        spooled=sum(counts.lanes.get(key, 0) for key in keys),
        connections=sum(connections.get(key, 0) for key in keys),
        last_delivery=last.delivered_at,
        last_failure=found.last_failure,
        last_error=last.error,
        remote_spool=remote_spool,
        remote_spool_at=remote_spool_at,
        remarks=service.inbound.remarks(gateway.id),
    )


def _health_of(gateway_id: str, health: Mapping[str, HopHealth]) -> HopHealth:
    """A gateway's health; that of a primary with several addresses is the best of theirs."""
    own = f"gateway:{gateway_id}"
    if own in health:
        return health[own]
    prefix = f"inbound:{gateway_id}/"
    addresses = [item for key, item in health.items() if key.startswith(prefix)]
    order = (HealthState.HEALTHY, HealthState.PROBING, HealthState.RESTING)
    return min(addresses, key=lambda item: order.index(item.state), default=HopHealth(own, "", HealthState.HEALTHY))
