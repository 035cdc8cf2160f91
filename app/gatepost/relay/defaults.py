"""What a relay is set up with before anybody configured it: enough to be used from this machine, and nothing open."""

from __future__ import annotations

import os
import socket

from ..model.access import TrustedNetwork
from ..model.configuration import Configuration
from ..model.listener import Listener, ListenerMode

DEFAULT_PORT = 2525
PORTS_TRIED = 20


def free_port() -> int:
    """The default port, or the next one that no other program listens on. Blocking, but only for system calls."""
    for port in range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED):
        with socket.socket() as probe:
            if os.name == "posix":  # connections that have just ended are no obstacle; elsewhere it means something else
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    return DEFAULT_PORT  # the listener will say what is wrong


def first_configuration(port: int = DEFAULT_PORT) -> Configuration:
    """A listener on loopback that needs no privileges, for programs on this computer only."""
    return Configuration(
        listeners=(
            Listener(
                id="ls-local", description="Programs on this computer", address="127.0.0.1", port=port,
                mode=ListenerMode.TRUSTED,
            ),
        ),
        trusted_networks=(
            TrustedNetwork(id="net-loopback4", network="127.0.0.0/8", description="This computer"),
            TrustedNetwork(id="net-loopback6", network="::1", description="This computer, IPv6"),
        ),
    )  # fmt: skip
