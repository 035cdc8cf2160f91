"""Listeners: where mail comes in, and what they tolerate."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from .capture import Deliver, Handling
from .fields import Identifier, IPText, Line, Model, new_id
from .network import AddressText


class ListenerMode(StrEnum):
    MX = "mx"
    """Anyone may connect; strangers reach only the domains of inbound gateways."""
    SUBMISSION = "submission"
    """Mail is taken only from authenticated users (RFC 6409) and trusted networks."""
    TRUSTED = "trusted"
    """Only clients in the trusted networks are served at all."""


class ListenerTls(StrEnum):
    NONE = "none"
    STARTTLS = "starttls"
    STARTTLS_REQUIRED = "starttls-required"
    IMPLICIT = "tls"


class LineEnds(StrEnum):
    """What happens to a bare CR or LF in message data."""

    REFUSE = "refuse"
    REPAIR = "repair"
    """Bare LF becomes CRLF and bare CR a space; counted and shown. For old devices on trusted networks only."""


class ListenerLimits(Model):
    """Every limit has a reply that says what to do and a counter of its refusals."""

    connections: Annotated[int, Field(ge=1, le=20_000)] = 1000
    connections_per_address: Annotated[int, Field(ge=1, le=20_000)] = 50
    recipients: Annotated[int, Field(ge=100, le=100_000)] = 1000
    commands_without_mail: Annotated[int, Field(ge=10)] = 100
    errors: Annotated[int, Field(ge=1)] = 20
    messages_per_connection: Annotated[int, Field(ge=1)] = 1_000_000
    idle_seconds: Annotated[int, Field(ge=5, le=3600)] = 300
    session_seconds: Annotated[int, Field(ge=60)] = 24 * 3600
    data_seconds: Annotated[int, Field(ge=10)] = 3600
    data_bytes_per_second: Annotated[int, Field(ge=1)] = 500
    """The least average rate of message data after a grace of 30 seconds."""


class Listener(Model):
    """One listening socket. Certificate and key are PEM files; without them a self-signed pair is made when TLS is on."""

    id: Identifier = Field(default_factory=lambda: new_id("ls"))
    description: Line = ""
    enabled: bool = True
    address: IPText = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 2525
    """0 takes any free port; the status tells which."""
    mode: ListenerMode = ListenerMode.TRUSTED
    tls: ListenerTls = ListenerTls.NONE
    certificate_file: Line = ""
    key_file: Line = ""
    line_ends: LineEnds = LineEnds.REFUSE
    proxy_protocol_from: tuple[AddressText, ...] = ()
    """Proxies whose PROXY header is believed (and required). Everyone else's is refused."""
    limits: ListenerLimits = ListenerLimits()
    handling: Handling = Deliver()
    """What happens to the mail that comes in by it. Where it is captured or redirected, whoever may send here may send to any
    address: it leaves to none of them."""

    @property
    def label(self) -> str:
        """What a person calls this listener: its description, else its address."""
        return self.description or f"{self.address} port {self.port}"

    @model_validator(mode="after")
    def _pair(self) -> Listener:
        if bool(self.certificate_file) != bool(self.key_file):
            raise ValueError("give both the certificate file and the key file, or neither")
        return self
