"""Remote administration: whether and where the control API is offered over TLS, and who may use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, model_validator

from .fields import Host, IPText, Line, Model, Port, refused
from .network import AddressText

DEFAULT_PORT = 9326


class RemoteSettings(Model):
    """Off until an administrator switches it on; even then nobody gets in without a token."""

    enabled: bool = False
    address: IPText = "0.0.0.0"  # noqa: S104 - another machine must reach it; it is off by default
    port: Port = DEFAULT_PORT
    allowed: tuple[AddressText, ...] = ()
    """Clients that may connect at all; empty: every address (with a token)."""
    names: Annotated[tuple[Host, ...], Field(max_length=50)] = ()
    """Further names by which clients may call this relay, beside those of its certificate."""
    certificate_file: Line = ""
    """Empty: a certificate of the relay's own, made when it is first needed. Clients pin it either way."""
    key_file: Line = ""

    @model_validator(mode="after")
    def _pair(self) -> RemoteSettings:
        if bool(self.certificate_file) != bool(self.key_file):
            field = "key_file" if self.certificate_file else "certificate_file"
            raise refused(field, "a certificate and its key belong together: name both files, or neither")
        return self


@dataclass(frozen=True, slots=True)
class TokenReport:
    """A token as it is listed. What it was made of is shown once, when it is made, and kept nowhere."""

    id: str
    name: str
    created_at: float
    created_by: str = ""
    last_used_at: float | None = None
    last_address: str = ""


@dataclass(frozen=True, slots=True)
class RemoteReport:
    """How remote administration stands. ``fingerprint``: SHA-256 of the certificate's DER form, in hexadecimal; a client
    pins it. ``problem`` says why the port is not open, or what will soon keep clients away."""

    enabled: bool = False
    listening: bool = False
    address: str = ""
    port: int = 0
    certificate_file: str = ""
    fingerprint: str = ""
    names: tuple[str, ...] = ()
    not_after: float | None = None
    is_own_certificate: bool = True
    tokens: int = 0
    problem: str = ""
    hint: str = ""
