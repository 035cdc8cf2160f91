"""The next hop as routing decides it and delivery uses it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ...model.capture import Capture, Handling
from ...model.gateway import Certificate, Encryption, Limits
from ...model.oauth import OAuthAccount


class HopKind(StrEnum):
    GATEWAY = "gateway"
    MX = "mx"
    INBOUND = "inbound"


@dataclass(frozen=True, slots=True)
class HopAuth:
    """How to sign in; the password is fetched from the vault under ``secret`` when a connection is set up, or a token is got
    for ``oauth``."""

    username: str
    secret: str
    allow_cleartext: bool = False
    oauth: OAuthAccount | None = None


@dataclass(frozen=True, slots=True)
class NextHop:
    """Where one attempt connects, and on which terms. Hashable: equal hops share pooled connections."""

    key: str
    """Names the hop in health, caps, journal and metrics: ``gateway:<id>``, ``mx:<domain>``, ``inbound:<id>``."""
    kind: HopKind
    label: str
    """For people: ``smtp.example.com:587 (Main provider)``."""
    host: str
    """Name or address to connect to; also the name that its certificate is checked for."""
    port: int
    encryption: Encryption
    certificate: Certificate
    limits: Limits
    gateway_id: str | None = None
    address: str | None = None
    """Connect to this address instead of resolving ``host`` (an MX host's or a primary's address)."""
    auth: HopAuth | None = None
    source_addresses: tuple[str, ...] = ()
    ehlo_name: str | None = None
    """None: this server's own name."""
    is_standby: bool = False
    """Used only while no other gateway of Round Robin is healthy."""
    handling: Handling | None = None
    """What happens to mail instead of being sent there; None: it is sent."""

    @property
    def captures(self) -> bool:
        """Mail that takes this hop stays here, in the test inbox."""
        return isinstance(self.handling, Capture)

    @property
    def address_key(self) -> str:
        """Names one address of a hop with several (MX hosts, primary addresses)."""
        return f"{self.key}/{self.address or self.host}:{self.port}"


class Lane:
    """Names of queues of mail that waits for the same thing. Made by routing, stored by the spool, read by delivery."""

    POOL = "pool"

    @staticmethod
    def gateway(gateway_id: str) -> str:
        return f"gateway:{gateway_id}"

    @staticmethod
    def mx(domain: str) -> str:
        return f"mx:{domain}"

    @staticmethod
    def inbound(gateway_id: str) -> str:
        return f"inbound:{gateway_id}"
