"""A relay between this machine and sinks: what most tests with a whole relay process begin with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gatepost.model.access import TrustedNetwork
from gatepost.model.configuration import Configuration
from gatepost.model.domain import DomainRule
from gatepost.model.gateway import Encryption, Gateway, RoundRobinGateway
from gatepost.model.listener import Listener
from gatepost.model.settings import DeliverySettings, ServerSettings, Settings

from .ports import free_port
from .relay_process import RelayProcess

SOON_BACK = DeliverySettings(rest_seconds=0.5, rest_max_seconds=1)
"""A gateway that failed is tried again soon, so that nobody waits half a minute for it."""


def plain(number: int, port: int, weight: int = 1) -> RoundRobinGateway:
    """A round-robin gateway ``gw-<number>`` to a port of this machine, in clear text."""
    return RoundRobinGateway(id=f"gw-{number}", host="127.0.0.1", port=port, encryption=Encryption.NONE, weight=weight)


def relaying(
    folder: Path,
    gateways: Iterable[Gateway],
    *,
    domains: Iterable[DomainRule] = (),
    settings: Settings | None = None,
    options: tuple[str, ...] = (),
    own_interpreter: bool = False,
) -> tuple[RelayProcess, int]:
    """A relay, not started yet, that takes mail from this machine; and the port it will listen on."""
    port = free_port()
    process = RelayProcess(folder, options=options, own_interpreter=own_interpreter)
    process.configure(
        Configuration(
            gateways=tuple(gateways),
            domains=tuple(domains),
            listeners=(Listener(port=port),),
            trusted_networks=(TrustedNetwork(network="127.0.0.0/8"),),
            settings=settings or Settings(server=ServerSettings(host_name="relay.example.org"), delivery=SOON_BACK),
        )
    )
    return process, port
