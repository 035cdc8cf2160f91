"""DNS questions and the three ways they can end, by dnspython (imported with the first question).

Truncated answers are asked again over TCP and CNAMEs are followed by dnspython itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from ..common.printable import printable

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver
    from dns.resolver import Answer

log = logging.getLogger(__name__)

QUESTIONS_AT_ONCE = 64
QUESTION_SECONDS = 15.0
"""All attempts at one question together."""
SERVER_SECONDS = 4.0
"""One attempt at one name server."""
SYSTEM_RELOAD_SECONDS = 30.0
"""After a failure the system's name servers are read again, at most this often (a laptop that moved)."""
DEFAULT_NEGATIVE_TTL = 60.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    records: tuple[T, ...]
    ttl: float
    partial_failure: str = ""
    """One of several questions failed (AAAA did not answer, A did)."""


@dataclass(frozen=True, slots=True)
class Absent:
    """No such name, or no such record at an existing name."""

    name_exists: bool
    ttl: float


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer: SERVFAIL, refused, time-out, no name server known."""

    reason: str


class Lookup:
    """The resolver of one relay. ``name_servers`` empty: the system's."""

    def __init__(self, monotonic: Callable[[], float], question_seconds: float = QUESTION_SECONDS) -> None:
        self._monotonic = monotonic
        self._question_seconds = question_seconds
        self._name_servers: tuple[str, ...] = ()
        self._port = 53
        self.ipv6 = True
        self._resolver: Resolver | None = None
        self._made_at = 0.0
        self._gate = asyncio.Semaphore(QUESTIONS_AT_ONCE)

    def apply(self, name_servers: tuple[str, ...], port: int, ipv6: bool) -> bool:
        """Returns whether anything changed."""
        if (name_servers, port, ipv6) == (self._name_servers, self._port, self.ipv6):
            return False
        self._name_servers, self._port, self.ipv6 = name_servers, port, ipv6
        self._resolver = None
        return True

    async def mail_exchangers(self, domain: str) -> Found[tuple[int, str]] | Absent | Failed:
        """(preference, host name in lower case without the trailing dot, ``.`` for the null MX), in no order."""
        answer = await self._ask(domain, "MX")
        if isinstance(answer, Absent | Failed):
            return answer
        records = tuple((int(r.preference), _name(r.exchange.to_text())) for r in answer)
        return Found(tuple(dict.fromkeys(records)), _ttl(answer))

    async def addresses(self, name: str) -> Found[str] | Absent | Failed:
        """A, then AAAA where IPv6 is on."""
        kinds = ("A", "AAAA") if self.ipv6 else ("A",)
        answers = await asyncio.gather(*(self._ask(name, kind) for kind in kinds))
        found: list[str] = []
        ttls: list[float] = []
        failure = ""
        for answer in answers:
            if isinstance(answer, Failed):
                failure = answer.reason
            elif isinstance(answer, Absent):
                ttls.append(answer.ttl)
            else:
                found.extend(record.address for record in answer)
                ttls.append(_ttl(answer))
        if found:
            return Found(tuple(dict.fromkeys(found)), min(ttls), failure)
        if failure:
            return Failed(failure)
        exists = any(isinstance(answer, Absent) and answer.name_exists for answer in answers)
        return Absent(exists, min(ttls))

    async def _ask(self, name: str, kind: str) -> Answer | Absent | Failed:
        async with self._gate:
            resolver = await self._current()
            if isinstance(resolver, Failed):
                return resolver
            return await self._question(resolver, name, kind)

    async def _question(self, resolver: Resolver, name: str, kind: str) -> Answer | Absent | Failed:
        import dns.exception
        import dns.name
        import dns.resolver

        try:
            absolute = dns.name.from_text(name)
        except (dns.exception.DNSException, UnicodeError):
            return Absent(False, DEFAULT_NEGATIVE_TTL)  # a name that cannot be written cannot exist
        try:
            answer = await resolver.resolve(absolute, kind, lifetime=self._question_seconds, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN as error:
            responses = error.responses()  # type: ignore[no-untyped-call]
            return Absent(False, _negative_ttl(next(iter(responses.values()), None)))
        except dns.resolver.LifetimeTimeout:
            return self._failed(f"no answer about {name} ({kind}) within {self._question_seconds:g} s")
        except dns.resolver.NoNameservers as error:
            return self._failed(_no_name_servers(name, kind, error))
        except (dns.exception.DNSException, OSError) as error:
            return self._failed(f"the question about {name} ({kind}) failed: {printable(str(error), 200)}")
        return answer if answer.rrset is not None else Absent(True, _negative_ttl(answer.response))

    def _failed(self, reason: str) -> Failed:
        if not self._name_servers and self._monotonic() - self._made_at > SYSTEM_RELOAD_SECONDS:
            self._resolver = None
        return Failed(reason)

    async def _current(self) -> Resolver | Failed:
        if self._resolver is None:
            servers, port = self._name_servers, self._port
            made = await asyncio.to_thread(_make_resolver, servers, port)
            if isinstance(made, Failed):
                return made
            if (servers, port) != (self._name_servers, self._port):
                return await self._current()  # the settings changed meanwhile
            self._resolver, self._made_at = made, self._monotonic()
        return self._resolver


def _make_resolver(name_servers: tuple[str, ...], port: int) -> Resolver | Failed:
    """Reads the system's configuration: runs in a thread."""
    import dns.asyncresolver
    import dns.rdtypes.ANY.MX
    import dns.rdtypes.IN.A
    import dns.rdtypes.IN.AAAA
    import dns.resolver

    try:
        resolver = dns.asyncresolver.Resolver(configure=not name_servers)
    except (dns.resolver.NoResolverConfiguration, OSError) as error:
        return Failed(f"this machine has no name servers set up ({printable(str(error), 100)})")
    if name_servers:
        resolver.nameservers = list(name_servers)
        resolver.port = port
    resolver.timeout = SERVER_SECONDS
    resolver.use_edns(0, 0, 1232)
    return resolver


def _no_name_servers(name: str, kind: str, error: object) -> str:
    import dns.rcode

    said = set()
    for entry in getattr(error, "kwargs", {}).get("errors", ()):
        response = entry[4]
        said.add(dns.rcode.to_text(response.rcode()) if response is not None else printable(str(entry[3]), 80))
    return f"the name servers answered {', '.join(sorted(said)) or 'nothing'} for {name} ({kind})"


def _name(text: str) -> str:
    return text if text == "." else text.rstrip(".").lower()


def _ttl(answer: Answer) -> float:
    return float(answer.chaining_result.minimum_ttl)


def _negative_ttl(response: object) -> float:
    """RFC 2308: from the SOA record in the authority section."""
    import dns.exception
    import dns.message

    if not isinstance(response, dns.message.QueryMessage):
        return DEFAULT_NEGATIVE_TTL
    try:
        result = response.resolve_chaining()
    except dns.exception.DNSException:
        return DEFAULT_NEGATIVE_TTL
    return float(result.minimum_ttl) if response.authority else DEFAULT_NEGATIVE_TTL
