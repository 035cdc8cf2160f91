"""Gateways as lists name them: what a person calls each, and how it does."""

from __future__ import annotations

from dataclasses import dataclass

from ....control.schema import Snapshot
from ...i18n import tr
from ...session import RelaySession
from ..wording import OUTBOUND, gateway_name, listener_name


@dataclass(frozen=True, slots=True)
class KnownGateway:
    id: str
    label: str
    is_outbound: bool
    health: str = "healthy"
    next_probe: float | None = None


class Gateways:
    """By id. ``load`` reads names, ``take`` the health of a snapshot."""

    def __init__(self) -> None:
        self._known: dict[str, KnownGateway] = {}
        self._listeners: dict[str, str] = {}

    def __getitem__(self, identifier: str) -> KnownGateway | None:
        return self._known.get(identifier)

    @property
    def all(self) -> tuple[KnownGateway, ...]:
        return tuple(self._known.values())

    @property
    def outbound(self) -> tuple[KnownGateway, ...]:
        return tuple(gateway for gateway in self._known.values() if gateway.is_outbound)

    @property
    def inbound(self) -> tuple[KnownGateway, ...]:
        return tuple(gateway for gateway in self._known.values() if not gateway.is_outbound)

    async def load(self, session: RelaySession) -> None:
        """Names and health as they are now. Raises what the client raises."""
        client = session.client
        named = (await client.objects("gateways")).value
        health = {report.id: report for report in await client.gateway_reports()}
        known = {}
        for item in named:
            report = health.get(item["id"])
            known[item["id"]] = KnownGateway(
                item["id"],
                gateway_name(item),
                item["mode"] in OUTBOUND,
                report.health if report is not None else "healthy",
                report.next_probe if report is not None else None,
            )
        self._known = known
        self._listeners = {item["id"]: listener_name(item) for item in (await client.objects("listeners")).value}

    def take(self, snapshot: Snapshot) -> None:
        for report in snapshot.gateways:
            if (known := self._known.get(report.id)) is not None:
                self._known[report.id] = KnownGateway(
                    known.id, known.label, known.is_outbound, report.health, report.next_probe
                )

    def listener_text(self, identifier: str) -> str:
        return self._listeners.get(identifier, identifier)

    def lane_text(self, lane: str) -> str:
        """A lane in words."""
        kind, _, name = lane.partition(":")
        if kind in ("gateway", "inbound"):
            known = self._known.get(name)
            return known.label if known is not None else name
        if kind == "mx":
            return tr("direct to {domain}", domain=name) if name else tr("direct delivery")
        return tr("round robin")
