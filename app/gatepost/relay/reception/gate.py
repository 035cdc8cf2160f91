"""How many connections at once: in total, by listener and by address."""

from __future__ import annotations

import sys
from collections import Counter

from . import replies
from .admission import Client
from .replies import Refusal

RESERVED_DESCRIPTORS = 200
"""Kept for the spool, deliveries, the control API and names, so that reception never starves them."""


def descriptor_budget() -> int:
    """How many connections this process can hold beside what else it opens."""
    if sys.platform == "win32":
        return 20_000
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 1_000_000
    return max(soft - RESERVED_DESCRIPTORS, soft // 2, 8)


class Gate:
    """Counts all listeners' connections. ``enter`` and ``leave`` come in pairs."""

    def __init__(self, total: int | None = None) -> None:
        self.total = descriptor_budget() if total is None else total
        self.open = 0
        self._by_listener: Counter[str] = Counter()
        self._by_address: Counter[str] = Counter()

    def enter(self, listener: str, listener_limit: int) -> Refusal | None:
        """Counts a connection, and says whether it is one too many (it is counted all the same until it leaves)."""
        self.open += 1
        self._by_listener[listener] += 1
        if self.open > self.total or self._by_listener[listener] > listener_limit:
            return replies.TOO_MANY_CONNECTIONS
        return None

    def enter_address(self, client: Client, address_limit: int) -> Refusal | None:
        """The same for an address, once it is known (a proxy names it later). Trusted networks are exempt."""
        self._by_address[client.bucket] += 1
        if self._by_address[client.bucket] > address_limit and not client.may_relay:
            return replies.TOO_MANY_FROM_ADDRESS
        return None

    def leave(self, listener: str, client: Client | None) -> None:
        self.open -= 1
        self._drop(self._by_listener, listener)
        if client is not None:
            self._drop(self._by_address, client.bucket)

    def connections(self, listener: str) -> int:
        return self._by_listener[listener]

    @staticmethod
    def _drop(counts: Counter[str], key: str) -> None:
        left = counts[key] - 1
        if left > 0:
            counts[key] = left
        else:
            counts.pop(key, None)
