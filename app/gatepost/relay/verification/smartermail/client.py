"""One SmarterMail server: finds out its interface, keeps what it said for a while, and knows when to stop asking."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

from ....model.address import AddressError, normalise_domain
from ....model.secret import Secret
from .directory import DomainDirectory, SpoolCounts
from .faults import FaultKind, SmarterMailFault
from .http import HttpTransport
from .rest import RestInterface
from .soap import SoapInterface

T = TypeVar("T")

CACHE_SECONDS = 600.0
REFRESH_AT = 0.8
"""The part of the cache's life after which ``keep_warm`` fetches a value in use anew."""


@dataclass(frozen=True, slots=True)
class SmarterMailReport:
    """What the Test button shows."""

    interface: str
    domains: tuple[str, ...]
    users: int


@dataclass(slots=True)
class _Kept(Generic[T]):
    value: T
    fetched_at: float
    is_used: bool = False
    """Since it was fetched. What nobody asks for is not fetched again."""


class SmarterMailClient:
    """Answers from a cache of ten minutes; ``keep_warm`` renews what is in use before it runs out.

    After a rejection of the credentials every call fails at once with that rejection, until the administrator edits the
    card: the service then makes a new client. Calls are serialised: one login has one token.
    """

    def __init__(
        self,
        url: str,
        username: str,
        password: Secret,
        clock: Callable[[], float],
        *,
        cache_seconds: float = CACHE_SECONDS,
        trust: ssl.SSLContext | None = None,
        timeout: float = 20.0,
    ) -> None:
        self._http = HttpTransport(url, trust=trust, timeout=timeout)
        self._clock = clock
        self._cache_seconds = cache_seconds
        self._rest = RestInterface(self._http, username, password, clock)
        self._soap = SoapInterface(self._http, username, password)
        self._interface: RestInterface | SoapInterface | None = None
        self._lock = asyncio.Lock()
        self._rejection: SmarterMailFault | None = None
        self._domains: _Kept[tuple[str, ...]] | None = None
        self._spellings: dict[str, str] = {}
        """Of the domains: as the server writes them, by how they are compared."""
        self._directories: dict[str, _Kept[DomainDirectory]] = {}

    @property
    def interface(self) -> str:
        """``REST``, ``SOAP``, or empty while it is not known yet."""
        return self._interface.name if self._interface is not None else ""

    @property
    def rejection(self) -> SmarterMailFault | None:
        return self._rejection

    async def test(self) -> SmarterMailReport:
        """Log in, list the domains and count the users, from the server and not from the cache."""
        async with self._lock:
            interface = await self._ready()
            domains = await self._guarded(interface.domains)
            users = 0
            for domain in domains:
                directory = await self._guarded(partial(interface.directory, domain))
                users += len(directory.users)
            return SmarterMailReport(interface.name, domains, users)

    async def domains(self) -> tuple[str, ...]:
        """Enabled domains and, where their directories are known already, their domain aliases."""
        kept = self._domains
        if kept is None or self._age(kept) >= self._cache_seconds:
            kept = await self._fetch_domains()
        kept.is_used = True
        return kept.value

    async def directory(self, domain: str) -> DomainDirectory:
        """What ``domain`` holds. Raises SmarterMailFault, also for a domain that the server does not have."""
        kept = self._directories.get(domain)
        if kept is None or self._age(kept) >= self._cache_seconds:
            kept = await self._fetch_directory(domain)
        kept.is_used = True
        return kept.value

    async def find_domain(self, name: str) -> str | None:
        """The domain that ``name`` is, or is an alias of; None when the server has neither."""
        domains = await self.domains()
        if name in domains:
            return name
        untold: SmarterMailFault | None = None
        for domain in domains:
            try:
                directory = await self.directory(domain)
            except SmarterMailFault as fault:
                if fault.kind is not FaultKind.REFUSED:
                    raise
                untold = fault  # one domain that cannot be read says nothing of the others
                continue
            if name in directory.aliases_of_domain:
                return domain
        if untold is not None:
            raise untold
        return None

    def known_names(self) -> frozenset[str]:
        """Domains and, as far as their directories are in the cache, their aliases. Asks nobody."""
        domains = self._domains.value if self._domains is not None else ()
        return frozenset(domains).union(*(kept.value.aliases_of_domain for kept in self._directories.values()))

    async def keep_warm(self) -> None:
        """Fetch anew what was used and grows old, before it runs out. Call it about once a minute.

        Raises SmarterMailFault; a domain that is refused keeps none of the others from being renewed.
        """
        if self._domains is not None and self._is_due(self._domains):
            await self._fetch_domains()
        refused: SmarterMailFault | None = None
        for domain, kept in list(self._directories.items()):
            fault = await self._renew_directory(domain) if self._is_due(kept) else None
            is_gone = fault is not None and self._domains is not None and domain not in self._domains.value
            if is_gone or self._age(self._directories[domain]) >= self._cache_seconds:
                del self._directories[domain]
            if not is_gone:
                refused = fault or refused
        if refused is not None:
            raise refused

    async def _renew_directory(self, domain: str) -> SmarterMailFault | None:
        """Why the server tells nothing of this domain; other faults are raised."""
        try:
            await self._fetch_directory(domain)
        except SmarterMailFault as fault:
            if fault.kind is not FaultKind.REFUSED:
                raise
            return fault
        return None

    def _is_due(self, kept: _Kept[tuple[str, ...]] | _Kept[DomainDirectory]) -> bool:
        return kept.is_used and self._age(kept) >= self._cache_seconds * REFRESH_AT

    async def spool_counts(self) -> SpoolCounts:
        async with self._lock:
            interface = await self._ready()
            return await self._guarded(interface.spool_counts)

    async def close(self) -> None:
        await self._http.close()

    def _age(self, kept: _Kept[tuple[str, ...]] | _Kept[DomainDirectory]) -> float:
        return max(0.0, self._clock() - kept.fetched_at)

    async def _fetch_domains(self) -> _Kept[tuple[str, ...]]:
        async with self._lock:
            kept = self._domains
            if kept is not None and self._age(kept) < self._cache_seconds * REFRESH_AT:
                return kept  # somebody else fetched it while this call waited
            interface = await self._ready()
            self._spellings = {_normal(name): name for name in await self._guarded(interface.domains)}
            self._domains = kept = _Kept(tuple(self._spellings), self._clock())
            return kept

    async def _fetch_directory(self, domain: str) -> _Kept[DomainDirectory]:
        async with self._lock:
            kept = self._directories.get(domain)
            if kept is not None and self._age(kept) < self._cache_seconds * REFRESH_AT:
                return kept
            interface = await self._ready()
            found = await self._guarded(partial(interface.directory, self._spellings.get(domain, domain)))
            value = replace(found, aliases_of_domain=frozenset(map(_normal, found.aliases_of_domain)))
            self._directories[domain] = kept = _Kept(value, self._clock())
            return kept

    async def _ready(self) -> RestInterface | SoapInterface:
        """The interface that this server speaks: REST is tried first, and the finding is kept."""
        if self._rejection is not None:
            raise self._rejection
        if self._interface is not None:
            return self._interface
        try:
            await self._guarded(self._rest.login)
        except SmarterMailFault as fault:
            if fault.kind is not FaultKind.NOT_SMARTERMAIL:
                raise
            try:
                await self._guarded(self._soap.login)
            except SmarterMailFault as second:
                # What REST answered says more of a server that speaks neither.
                raise (fault if second.kind is FaultKind.NOT_SMARTERMAIL else second) from None
            self._interface = self._soap
        else:
            self._interface = self._rest
        return self._interface

    async def _guarded(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await call()
        except SmarterMailFault as fault:
            if fault.is_credential_rejection:
                self._rejection = fault
            if fault.kind is FaultKind.NOT_SMARTERMAIL:
                self._interface = None  # as after an upgrade: find out anew
            raise


def _normal(name: str) -> str:
    """A domain as recipients' domains are compared: internationalised ones in A-labels."""
    try:
        return normalise_domain(name)
    except AddressError:
        return name.lower()
