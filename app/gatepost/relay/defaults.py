"""What a relay is set up with before anybody configured it: enough to be used from this machine, and nothing open."""

from __future__ import annotations

from ..model.access import TrustedNetwork
from ..model.configuration import Configuration
from ..model.listener import Listener, ListenerMode

DEFAULT_PORT = 2525


def first_configuration() -> Configuration:
    """A listener on loopback that needs no privileges, for programs on this computer only."""
    return Configuration(
        listeners=(
            Listener(
                id="ls-local", description="Programs on this computer", address="127.0.0.1", port=DEFAULT_PORT,
                mode=ListenerMode.TRUSTED,
            ),
        ),
        trusted_networks=(
            TrustedNetwork(id="net-loopback4", network="127.0.0.0/8", description="This computer"),
            TrustedNetwork(id="net-loopback6", network="::1", description="This computer, IPv6"),
        ),
    )  # fmt: skip
