"""Who may relay: trusted networks and relay users."""

from __future__ import annotations

from typing import Annotated

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
        return parse_address_range(self.network).is_world


class RelayUser(Model):
    """A user who may relay after AUTH. Holds a salted scrypt verifier, never the password."""

    id: Identifier = Field(default_factory=lambda: new_id("user"))
    username: Line
    enabled: bool = True
    description: Line = ""
    verifier: Annotated[str, Field(pattern=r"^[!-~]{1,500}$")] | None = Field(default=None, repr=False)
    """``scrypt$n$r$p$salt$hash`` in base64; None: no password was set yet and the user cannot sign in."""

    @field_validator("username")
    @classmethod
    def _not_empty(cls, value: str) -> str:
        if not value:
            raise ValueError("a username is needed")
        if len(value) > 255:
            raise ValueError("at most 255 characters")
        return value
