"""Who may relay: trusted networks and relay users."""

from __future__ import annotations

from pydantic import Field, field_validator

from .fields import Identifier, Line, Model, new_id
from .network import AddressText, parse_address_range


class TrustedNetwork(Model):
    """Clients that may relay outwards without signing in."""

    id: Identifier = Field(default_factory=lambda: new_id("net"))
    network: AddressText
    description: Line = ""
    confirmed_world: bool = False
    """Set only after the administrator confirmed a network that covers (nearly) the whole internet."""

    @property
    def is_world(self) -> bool:
        """Covers at least a /4 of IPv4 or a /8 of IPv6: an open relay in all but name."""
        found = parse_address_range(self.network)
        return found.count >= 1 << (found.first.max_prefixlen - (4 if found.first.version == 4 else 8))


class RelayUser(Model):
    """A user who may relay after AUTH. Holds a salted scrypt verifier, never the password."""

    id: Identifier = Field(default_factory=lambda: new_id("user"))
    username: Line
    enabled: bool = True
    description: Line = ""
    verifier: str | None = Field(default=None, repr=False)
    """``scrypt$n$r$p$salt$hash`` in base64; None: no password was set yet and the user cannot sign in."""

    @field_validator("username")
    @classmethod
    def _not_empty(cls, value: str) -> str:
        if not value:
            raise ValueError("a username is needed")
        if len(value) > 255:
            raise ValueError("at most 255 characters")
        return value
