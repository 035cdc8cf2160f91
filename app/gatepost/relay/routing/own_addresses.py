"""Is an address and port one of this relay's own listeners? Behind it is the oldest mail loop there is."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable


class OwnAddresses:
    """Callable ``(address, port) -> bool``. A listener on the wildcard address owns its port on every local address."""

    def __init__(self, listeners: Iterable[tuple[str, int]] = ()) -> None:
        self._exact: frozenset[tuple[str, int]] = frozenset()
        self._wildcard_ports: frozenset[int] = frozenset()
        self.set(listeners)

    def set(self, listeners: Iterable[tuple[str, int]]) -> bool:
        """(address, port) of every open listener. Returns whether anything changed."""
        pairs = [(ipaddress.ip_address(address), port) for address, port in listeners]
        exact = frozenset((str(address), port) for address, port in pairs)
        if exact == self._exact:
            return False
        self._exact = exact
        self._wildcard_ports = frozenset(port for address, port in pairs if address.is_unspecified)
        return True

    def __call__(self, address: str, port: int) -> bool:
        if (address, port) in self._exact:
            return True
        return port in self._wildcard_ports and is_local_address(address)


def is_local_address(text: str) -> bool:
    """Whether an address belongs to this machine: the system would speak to it from that very address.

    Connecting a UDP socket sends nothing; it only chooses the source address.
    """
    address = ipaddress.ip_address(text)
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((text, 9))
            return bool(ipaddress.ip_address(probe.getsockname()[0].partition("%")[0]) == address)
    except OSError:
        return False
