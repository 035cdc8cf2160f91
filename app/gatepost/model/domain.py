"""The rows of the Domains page: which mail leaves by which outbound gateway."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from .fields import DomainPattern, Identifier, Model, new_id


class DomainMatch(StrEnum):
    SENDER = "sender"
    RECIPIENT = "recipient"


class WhenResting(StrEnum):
    """What happens to a row's mail while its named gateway rests."""

    WAIT = "wait"
    ROUND_ROBIN = "round-robin"
    DIRECT = "direct"


class DirectRoute(Model):
    """None: direct delivery by MX."""

    via: Literal["direct"] = "direct"


class RoundRobinRoute(Model):
    via: Literal["round-robin"] = "round-robin"


class GatewayRoute(Model):
    via: Literal["gateway"] = "gateway"
    gateway: Identifier
    when_resting: WhenResting = WhenResting.WAIT


RouteChoice = Annotated[DirectRoute | RoundRobinRoute | GatewayRoute, Field(discriminator="via")]


class DomainRule(Model):
    """Precedence: exact recipient, wildcard recipient (longest first), exact sender, wildcard sender, default."""

    id: Identifier = Field(default_factory=lambda: new_id("dom"))
    domain: DomainPattern
    match: DomainMatch = DomainMatch.SENDER
    route: RouteChoice = RoundRobinRoute()
    enabled: bool = True
