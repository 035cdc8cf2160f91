"""Blocking DNS look-ups for the sources, run in a few threads of their own and cached by their TTL."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from .sources.dns import Answer
from .sources.failure import SourceFailed

if TYPE_CHECKING:
    import dns.resolver

LOOKUP_SECONDS = 5.0
CACHE_ENTRIES = 2000


class Resolver:
    """``name_servers`` empty: the system's. Thread-safe."""

    def __init__(self, name_servers: Sequence[str] = (), port: int = 53, timeout: float = LOOKUP_SECONDS) -> None:
        self._name_servers = list(name_servers)
        self._port = port
        self._timeout = timeout
        self._resolver: dns.resolver.Resolver | None = None
        self._is_closed = False
        self.threads = ThreadPoolExecutor(8, thread_name_prefix="inspection-dns")

    async def lookup(self, name: str, kind: str) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self.threads, self.lookup_now, name, kind)

    def lookup_now(self, name: str, kind: str) -> Answer:
        """Raises SourceFailed when the servers do not answer; no such name or record is an empty answer."""
        import dns.exception
        import dns.resolver

        if self._is_closed:
            raise SourceFailed("DNS: the relay ends")
        try:
            found = self._open().resolve(name, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return Answer()
        except dns.exception.DNSException as error:
            raise SourceFailed(f"DNS: {type(error).__name__} for {name[:200]}") from error
        if kind == "TXT":
            return Answer(tuple(b"".join(record.strings).decode("utf-8", "replace") for record in found))
        return Answer(tuple(record.to_text() for record in found))

    def close(self) -> None:
        """What is being asked ends with its answer; nothing more is asked, so that the process can end."""
        self._is_closed = True
        self.threads.shutdown(wait=False, cancel_futures=True)

    def _open(self) -> dns.resolver.Resolver:
        import dns.resolver

        if self._resolver is None:
            resolver = dns.resolver.Resolver(configure=not self._name_servers)
            if self._name_servers:
                resolver.nameservers = self._name_servers
                resolver.port = self._port
            resolver.lifetime = self._timeout
            resolver.cache = dns.resolver.LRUCache(CACHE_ENTRIES)
            self._resolver = resolver
        return self._resolver
