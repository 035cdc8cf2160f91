"""Settings that are not a list: identity, spool, delivery, retention, monitoring."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .alarms import AlarmSettings
from .domain import RoundRobinRoute, RouteChoice
from .fields import Host, IPText, MailboxText, Model, Port
from .pickup import PickupSettings
from .remote import RemoteSettings

DEFAULT_SCHEDULE_MINUTES = (5, 10, 20, 40, 60)


class ServerSettings(Model):
    """Who we say we are."""

    host_name: Host | None = None
    """Greeting and EHLO name; None: this machine's name."""
    postmaster: MailboxText | None = None
    """Takes mail for postmaster at our own name (RFC 5321 §4.5.1) and what administrators must see."""


class DeliverySettings(Model):
    default_route: RouteChoice = RoundRobinRoute()
    """For domains with no row. With no round-robin gateway at all, mail waits and says so."""
    direct_connections: Annotated[int, Field(ge=1, le=1000)] = 10
    """Connections at once to one destination domain delivered directly."""
    total_connections: Annotated[int, Field(ge=1, le=5000)] = 200
    direct_port: Port = 25
    ipv6: bool = True
    connect_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    """For TCP connect and TLS handshake, each."""
    command_seconds: Annotated[float, Field(gt=0, le=600)] = 300.0
    """For each reply up to DATA's 354 (RFC 5321 §4.5.3.2)."""
    data_done_seconds: Annotated[float, Field(gt=0, le=3600)] = 600.0
    """For the reply to the final dot (RFC 5321 §4.5.3.2.6)."""
    name_servers: tuple[IPText, ...] = ()
    """Asked instead of the system's resolvers when set."""
    name_server_port: Port = 53
    rest_seconds: Annotated[float, Field(gt=0)] = 30.0
    """First rest of a failing gateway; doubles up to ``rest_max_seconds``."""
    rest_max_seconds: Annotated[float, Field(gt=0)] = 900.0


class SpoolSettings(Model):
    """Settings → Spool. The folder itself is the data folder's and is chosen at start."""

    delivery_delay_seconds: Annotated[int, Field(ge=0, le=3600)] = 0
    schedule_minutes: Annotated[tuple[Annotated[int, Field(ge=1, le=10_080)], ...], Field(min_length=1)] = (
        DEFAULT_SCHEDULE_MINUTES
    )
    """Minutes between attempts; the last one repeats."""
    lifetime_hours: Annotated[int, Field(ge=1, le=24 * 60)] = 120
    delay_notice_hours: Annotated[int, Field(ge=0, le=24 * 60)] = 4
    """0: never."""
    max_message_bytes: Annotated[int, Field(ge=65_536)] = 52_428_800
    max_received_headers: Annotated[int, Field(ge=10, le=500)] = 50
    min_free_bytes: Annotated[int, Field(ge=0)] = 100_000_000
    """Below this much free disk, reception answers 452."""


class RetentionSettings(Model):
    journal_days: Annotated[int, Field(ge=1, le=3650)] = 30


class MonitoringSettings(Model):
    metrics_enabled: bool = False
    """Serve /metrics and the spool counts on a TCP port as well."""
    metrics_address: IPText = "127.0.0.1"
    metrics_port: Port = 9325


class Settings(Model):
    server: ServerSettings = ServerSettings()
    delivery: DeliverySettings = DeliverySettings()
    spool: SpoolSettings = SpoolSettings()
    retention: RetentionSettings = RetentionSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    remote: RemoteSettings = RemoteSettings()
    alarms: AlarmSettings = AlarmSettings()
    pickup: PickupSettings = PickupSettings()
