"""What standing in front of a primary costs: the same load on a plain relay and on one with inbound gateways, in turns.

Each variant is a relay of its own. What scoring costs is ``screening``'s to measure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from gatepost.model.configuration import Configuration
from gatepost.model.gateway import DomainForwardGateway
from gatepost.model.listener import ListenerMode
from gatepost.model.verification import VerificationCard

from ..support.mail_tools import smtp_source
from ..support.ports import free_port
from . import measures
from .measures import COSTED
from .peers import GatepostPeer, configuration

RECIPIENT = "recipient@example.com"
"""Whom the load generator writes to."""


@dataclass(frozen=True)
class Variant:
    name: str
    configure: Callable[[Configuration], Configuration]


def verified(plain: Configuration) -> Configuration:
    """An MX that trusts nobody; the recipient is verified, which after the first time is a look into the cache."""
    gateway = DomainForwardGateway(
        id="gw-in",
        addresses=("127.0.0.2",),
        domains=("example.com",),
        verification=VerificationCard(use_list=True, addresses=(RECIPIENT,), cache_minutes=24 * 60),
    )
    listeners = tuple(listener.model_copy(update={"mode": ListenerMode.MX}) for listener in plain.listeners)
    return plain.model_copy(update={"gateways": (*plain.gateways, gateway), "listeners": listeners, "trusted_networks": ()})


PLAIN = Variant("plain relay", lambda plain: plain)
VARIANTS = (Variant("recipients verified, cached", verified),)


@dataclass(frozen=True)
class Figure:
    """``share``: of the plain relay's rate in the same round, in percent; None for the plain relay itself."""

    variant: str
    run: measures.Run
    share: float | None


def measure(folder: Path, repeat: int, messages: int, timeout: float) -> Iterator[Figure]:
    """Accepting with delivery off, in rounds: the plain relay, then each variant; every other round backwards."""
    with ExitStack() as stack:
        peers = [(variant, stack.enter_context(_peer(folder, variant))) for variant in (PLAIN, *VARIANTS)]
        for _, peer in peers:
            smtp_source(peer.port, 200, sessions=10, recipient=RECIPIENT, timeout=timeout)
        for number in range(repeat):
            runs = {
                variant.name: measures.accept(peer, COSTED, messages, timeout)
                for variant, peer in (peers if number % 2 == 0 else reversed(peers))
            }
            plain = runs[PLAIN.name]
            yield Figure(PLAIN.name, plain, None)
            for variant in VARIANTS:
                run = runs[variant.name]
                yield Figure(variant.name, run, run.rate * 100 / plain.rate)


def _peer(folder: Path, variant: Variant) -> GatepostPeer:
    port = free_port()
    peer = GatepostPeer(folder / f"inbound-{port}", free_port(), deliver=False)
    peer.relay.configure(variant.configure(configuration(peer.port, free_port(), deliver=False)))
    return peer
