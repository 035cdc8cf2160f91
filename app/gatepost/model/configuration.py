"""Everything an administrator can set, as one immutable value.

The relay hands one ``Configuration`` to its parts and swaps it whole. Whatever concerns several objects at once (names
that must be unique, rows that point at a gateway, networks that open the relay to the world) is checked here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError, model_validator
from pydantic_core import PydanticCustomError

from . import issues
from .access import RelayUser, TrustedNetwork
from .capture import FaultRule, InboxSettings, Tray
from .dkim import DkimKey
from .domain import DomainRule, GatewayRoute, RouteChoice
from .errors import InvalidInput, Issue
from .fields import Model
from .gateway import (
    BackupMxGateway,
    DomainForwardGateway,
    DomainVerification,
    Gateway,
    InboundGateway,
    OutboundGateway,
    RoundRobinGateway,
)
from .listener import Listener
from .settings import Settings
from .spam import SpamPolicy, VirusPolicy


class Configuration(Model):
    gateways: tuple[Gateway, ...] = ()
    domains: tuple[DomainRule, ...] = ()
    listeners: tuple[Listener, ...] = ()
    trusted_networks: tuple[TrustedNetwork, ...] = ()
    users: tuple[RelayUser, ...] = ()
    spam: SpamPolicy = SpamPolicy()
    virus: VirusPolicy = VirusPolicy()
    dkim_keys: tuple[DkimKey, ...] = ()
    trays: tuple[Tray, ...] = ()
    faults: tuple[FaultRule, ...] = ()
    inbox: InboxSettings = InboxSettings()
    settings: Settings = Settings()

    @property
    def outbound(self) -> tuple[OutboundGateway, ...]:
        return tuple(g for g in self.gateways if not isinstance(g, BackupMxGateway | DomainForwardGateway))

    @property
    def inbound(self) -> tuple[InboundGateway, ...]:
        return tuple(g for g in self.gateways if isinstance(g, BackupMxGateway | DomainForwardGateway))

    @property
    def fronting(self) -> tuple[InboundGateway, ...]:
        """The inbound gateways in the order in which they claim a domain that several of them name: the enabled ones first."""
        return tuple(sorted(self.inbound, key=lambda gateway: not gateway.enabled))

    @property
    def round_robin(self) -> tuple[RoundRobinGateway, ...]:
        return tuple(g for g in self.gateways if isinstance(g, RoundRobinGateway))

    @property
    def postmaster(self) -> str | None:
        """Who gets the mail for postmaster at our own name (RFC 5321 §4.5.1): who is set, else the postmaster of the first
        domain that we take mail for. None: we take mail for nobody, and nobody was named."""
        if self.settings.server.postmaster:
            return self.settings.server.postmaster
        domains = (domain for gateway in self.inbound if gateway.enabled for domain in _taken(gateway))
        first = next(domains, None)
        return f"postmaster@{first}" if first else None

    def gateway(self, gateway_id: str) -> Gateway | None:
        return next((g for g in self.gateways if g.id == gateway_id), None)

    @model_validator(mode="after")
    def _consistent(self) -> Configuration:
        found = [*self._duplicate_issues(), *self._reference_issues(), *self._world_issues()]
        if found:
            first = found[0]
            # One message for several fields: pydantic reports a model's own check once, so the paths travel in the context.
            raise PydanticCustomError(
                "inconsistent", "{text}", {"text": first.message, "issues": [(i.field, i.message, i.code) for i in found]}
            )
        return self

    def _duplicate_issues(self) -> Iterable[Issue]:
        collections: tuple[tuple[str, Iterable[Any], str], ...] = (
            ("gateways", self.gateways, "id"),
            ("domains", self.domains, "id"),
            ("listeners", self.listeners, "id"),
            ("trusted_networks", self.trusted_networks, "id"),
            ("users", self.users, "id"),
            ("dkim_keys", self.dkim_keys, "id"),
            ("trays", self.trays, "id"),
            ("faults", self.faults, "id"),
        )
        for name, items, key in collections:
            yield from _repeated(name, key, (getattr(item, key) for item in items), "is used twice")
        yield from _repeated("users", "username", (u.username.casefold() for u in self.users), "is already a user")
        keys = ((key.domain, key.selector) for key in self.dkim_keys)
        yield from _repeated("dkim_keys", "selector", keys, "this domain has a key under this selector already")
        yield from _repeated("domains", "domain", ((d.match, d.domain) for d in self.domains), "already has a row of this kind")
        yield from _repeated(
            "listeners",
            "port",
            ((item.address, item.port) if item.port and item.enabled else object() for item in self.listeners),
            "another listener uses this address and port",
        )

    def _reference_issues(self) -> Iterable[Issue]:
        outbound = {g.id for g in self.outbound}

        def check(path: str, route: RouteChoice) -> Iterable[Issue]:
            if isinstance(route, GatewayRoute) and route.gateway not in outbound:
                yield Issue(path, f"there is no outbound gateway “{route.gateway}”", "unknown-gateway")

        for index, rule in enumerate(self.domains):
            yield from check(f"domains.{index}.route.gateway", rule.route)
        yield from check("settings.delivery.default_route.gateway", self.settings.delivery.default_route)
        yield from self._capture_references(outbound, {item.id for item in self.listeners})

    def _capture_references(self, outbound: set[str], listeners: set[str]) -> Iterable[Issue]:
        for index, tray in enumerate(self.trays):
            if tray.gateway is not None and tray.gateway not in outbound:
                yield Issue(f"trays.{index}.gateway", f"there is no outbound gateway “{tray.gateway}”", "unknown-gateway")
        named = [(f"trays.{index}.listener", tray.listener) for index, tray in enumerate(self.trays)]
        named += [(f"faults.{index}.listener", rule.listener) for index, rule in enumerate(self.faults)]
        for path, listener in named:
            if listener is not None and listener not in listeners:
                yield Issue(path, f"there is no listener “{listener}”", "unknown-listener")

    def _world_issues(self) -> Iterable[Issue]:
        for index, network in enumerate(self.trusted_networks):
            if network.is_world and not network.confirmed_world:
                yield Issue(
                    f"trusted_networks.{index}.network",
                    "this would let (nearly) everyone on the internet send through this relay; "
                    "narrow it, or confirm it with confirmed_world",
                    "world",
                )


def _taken(gateway: InboundGateway) -> Iterable[str]:
    """The domains that an inbound gateway's list names one by one as taken."""
    if isinstance(gateway, DomainForwardGateway) and gateway.domain_verification is not DomainVerification.SPECIFIED:
        return ()
    return (domain for domain in gateway.domains if not domain.startswith("*"))


def _repeated(name: str, key: str, values: Iterable[object], message: str) -> Iterable[Issue]:
    seen: set[object] = set()
    for index, value in enumerate(values):
        if value in seen:
            shown = value if isinstance(value, str) else ""
            yield Issue(f"{name}.{index}.{key}", f"“{shown}” {message}" if shown else message, "duplicate")
        seen.add(value)


def issues_of(error: ValidationError, root: Any = Configuration) -> list[Issue]:
    """Pydantic's errors as issues by field; ``root`` is the type that was validated."""
    return issues.issues_of(error, root)


def parse_configuration(data: object) -> Configuration:
    """Validate plain data. Raises InvalidInput with every issue by field."""
    try:
        return Configuration.model_validate(data)
    except ValidationError as error:
        raise InvalidInput(issues_of(error)) from error
