"""Which hosts take a domain's mail: RFC 5321 §5.1, RFC 7505, asked of the DNS and remembered for its TTL.

An answer is one of three: hosts in order of preference; no mail (the domain does not exist or says that it takes none:
final); or unsure (the name servers failed or did not answer: the mail waits, and is never bounced for that).

This server is never among the hosts: it takes itself, and whatever is no better than itself, off the list, as
RFC 5321 §5.1 asks. dnspython is imported when the first look-up is made.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...model.network import parse_ip
from ...model.reply import Reply
from .lookup import Absent, Failed, Found, Lookup

if TYPE_CHECKING:
    from ...model.network import IPAddress

MAX_DOMAINS = 2000
"""Domains remembered at most."""
MAX_HOSTS = 10
"""MX hosts looked at, best preference first."""
MAX_ADDRESSES = 6
"""Addresses taken of one host."""
MIN_TTL, MAX_TTL = 5.0, 86_400.0
MAX_NEGATIVE_TTL = 3600.0
UNSURE_SECONDS = 30.0
"""How long a name server's failure is remembered, so that a thousand messages do not ask a thousand times."""


@dataclass(frozen=True, slots=True)
class MxHost:
    name: str
    preference: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class MxHosts:
    """Best preference first; hosts of one preference in no particular order. ``implicit``: the domain has no MX record
    and is its own mail host."""

    domain: str
    hosts: tuple[MxHost, ...]
    implicit: bool = False
    published: tuple[MxHost, ...] = ()
    """All that the DNS names, this server and whatever comes after it included."""
    untold: str = ""
    """Why the addresses of one of ``published`` are not known; empty: they all are."""


@dataclass(frozen=True, slots=True)
class NoMail:
    """Final: mail for the domain cannot be delivered."""

    reply: Reply
    published: tuple[MxHost, ...] = ()
    """As in ``MxHosts``: there may be mail hosts, and no way from here to them."""
    untold: str = ""
    """As in ``MxHosts``."""


@dataclass(frozen=True, slots=True)
class Unsure:
    """The DNS could not be asked now."""

    reply: Reply


MxAnswer = MxHosts | NoMail | Unsure

IsOwn = Callable[[str, int], bool]
"""Whether an address and port is one of this relay's own listeners."""


def refuse_loopback_on_the_mail_port(address: IPAddress, port: int) -> bool:
    """Whether a special address that a stranger's DNS names may be connected to, by default.

    A loopback address on port 25 is this machine's own mail server, which trusts loopback: no stranger's MX record leads
    there. Any other port was set by the administrator, for a test relay or a local server, and is meant.
    """
    return address.is_loopback and port != 25


class MxResolver:
    """Answers remembered in a bounded cache; questions for one domain asked at the same time become one."""

    def __init__(
        self,
        lookup: Lookup,
        monotonic: Callable[[], float],
        is_own: IsOwn = lambda _address, _port: False,
        allow_special: Callable[[IPAddress, int], bool] = refuse_loopback_on_the_mail_port,
    ) -> None:
        self._lookup = lookup
        self._monotonic = monotonic
        self._is_own = is_own
        self._allow_special = allow_special
        self._own_names: frozenset[str] = frozenset()
        self._port = 25
        self._cache: OrderedDict[str, tuple[float, MxAnswer]] = OrderedDict()
        self._running: dict[str, asyncio.Task[MxAnswer]] = {}

    def apply(
        self, *, own_names: frozenset[str], port: int, ipv6: bool, name_servers: tuple[str, ...], name_server_port: int
    ) -> None:
        """Take settings over. What was remembered is forgotten when the answer could differ."""
        changed = self._lookup.apply(name_servers, name_server_port, ipv6)
        if changed or (own_names, port) != (self._own_names, self._port):
            self._own_names, self._port = own_names, port
            self.forget()

    def forget(self, domain: str | None = None) -> None:
        """Ask anew, about one domain or all."""
        if domain is None:
            self._cache.clear()
        else:
            self._cache.pop(domain, None)

    def peek(self, domain: str) -> MxAnswer | None:
        """The remembered answer while it is valid. Asks nobody."""
        if domain.startswith("["):
            return self._literal(domain)
        found = self._cache.get(domain)
        if found is None or found[0] <= self._monotonic():
            return None
        return found[1]

    async def hosts(self, domain: str) -> MxAnswer:
        """The mail hosts of a normalised domain or address literal."""
        if (known := self.peek(domain)) is not None:
            return known
        task = self._running.get(domain)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._ask(domain), name=f"mail hosts of {domain}")
            self._running[domain] = task
            task.add_done_callback(lambda _: self._running.pop(domain, None))
        return await asyncio.shield(task)

    async def addresses(self, name: str) -> Found[str] | Absent | Failed:
        """The addresses of one host, asked of the same name servers. Not remembered."""
        return await self._lookup.addresses(name)

    async def close(self) -> None:
        """Give up the questions under way."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    # --- asking ------------------------------------------------------------------------------------------------------

    async def _ask(self, domain: str) -> MxAnswer:
        answer, ttl = await self._find(domain)
        if isinstance(answer, Unsure):
            ttl = UNSURE_SECONDS
        elif isinstance(answer, NoMail):
            ttl = min(max(ttl, MIN_TTL), MAX_NEGATIVE_TTL)
        else:
            ttl = min(max(ttl, MIN_TTL), MAX_TTL)
        self._cache[domain] = (self._monotonic() + ttl, answer)
        self._cache.move_to_end(domain)
        while len(self._cache) > MAX_DOMAINS:
            self._cache.popitem(last=False)
        return answer

    async def _find(self, domain: str) -> tuple[MxAnswer, float]:
        found = await self._lookup.mail_exchangers(domain)
        if isinstance(found, Failed):
            return unsure(domain, found.reason), 0.0
        if isinstance(found, Absent):
            if not found.name_exists:
                return _no_mail(550, "5.1.2", f"The domain {domain} does not exist"), found.ttl
            return await self._settle(domain, [(0, domain)], found.ttl, implicit=True)
        records = [(preference, name) for preference, name in found.records if name != "."]
        if not records:
            return _no_mail(556, "5.1.10", f"The domain {domain} takes no mail (null MX)"), found.ttl
        return await self._settle(domain, records, found.ttl, implicit=False)

    async def _settle(self, domain: str, records: list[tuple[int, str]], ttl: float, implicit: bool) -> tuple[MxAnswer, float]:
        best = sorted(records)[:MAX_HOSTS]
        looked_up = await asyncio.gather(*(self._addresses(name) for _, name in best))
        hosts: list[MxHost] = []
        published: list[MxHost] = []
        own_preference: int | None = None
        failure = untold = ""
        for (preference, name), (addresses, host_ttl, failed) in zip(best, looked_up, strict=True):
            ttl = min(ttl, host_ttl) if host_ttl else ttl
            usable = [address for address in addresses if self._is_usable(address)]
            published.append(MxHost(name, preference, tuple(addresses[:MAX_ADDRESSES])))
            if self._is_own_name(name) or any(self._is_loop(address) for address in addresses):
                own_preference = preference if own_preference is None else min(own_preference, preference)
            elif usable:
                hosts.append(MxHost(name, preference, tuple(usable[:MAX_ADDRESSES])))
            untold = untold or failed
            if failed and (own_preference is None or preference < own_preference):
                failure = failed
        if own_preference is not None:
            hosts = [host for host in hosts if host.preference < own_preference]
        if untold:
            ttl = min(ttl, UNSURE_SECONDS)
        named = tuple(published)
        if hosts:
            return MxHosts(domain, tuple(hosts), implicit, named, untold), ttl
        if failure:
            return unsure(domain, failure), 0.0
        if own_preference is not None:
            text = f"Mail for {domain} loops back: its best MX points at this server, which has no gateway for the domain"
            return _no_mail(554, "5.4.6", text, named, untold), ttl
        if implicit:
            return _no_mail(550, "5.1.2", f"The domain {domain} has neither a mail host nor an address", named), ttl
        return _no_mail(550, "5.4.4", f"None of the mail hosts of {domain} has a usable address", named), ttl

    async def _addresses(self, name: str) -> tuple[list[str], float, str]:
        """Addresses, TTL (0: does not count) and the failure of a host; IPv4 first, because receivers are stricter with
        senders on IPv6. An MX record that names an address instead of a host is taken at its word."""
        try:
            return [str(ipaddress.IPv4Address(name))], 0.0, ""
        except ValueError:
            pass
        found = await self._lookup.addresses(name)
        if isinstance(found, Failed):
            return [], 0.0, found.reason
        if isinstance(found, Absent):
            return [], found.ttl, ""
        return list(found.records), found.ttl, found.partial_failure if not found.records else ""

    # --- this server -------------------------------------------------------------------------------------------------

    def _is_own_name(self, name: str) -> bool:
        return name in self._own_names or name == "localhost" or name.endswith(".localhost")

    def _is_loop(self, text: str) -> bool:
        address = parse_ip(text)
        if address.is_unspecified or self._is_own(str(address), self._port):
            return True
        return address.is_loopback and not self._allow_special(address, self._port)

    def _is_usable(self, text: str) -> bool:
        address = parse_ip(text)
        if address.is_multicast or (address.version == 4 and address == ipaddress.IPv4Address("255.255.255.255")):
            return False
        return not self._is_loop(text)

    def _literal(self, domain: str) -> MxAnswer:
        text = domain[1:-1]
        if text[:5].lower() == "ipv6:":
            text = text[5:]
        try:
            address = str(parse_ip(text))
        except ValueError:
            return _no_mail(550, "5.1.2", f"{domain} is not an address literal")
        if ":" in address and not self._lookup.ipv6:
            return _no_mail(550, "5.4.4", f"{domain} is an IPv6 address, and delivery over IPv6 is switched off")
        if self._is_loop(address):
            return _no_mail(554, "5.4.6", f"Mail for {domain} loops back: it is this server")
        if not self._is_usable(address):
            return _no_mail(550, "5.4.4", f"{domain} is not the address of a host")
        return MxHosts(domain, (MxHost(address, 0, (address,)),), implicit=True)


def _no_mail(code: int, enhanced: str, text: str, published: tuple[MxHost, ...] = (), untold: str = "") -> NoMail:
    return NoMail(Reply(code, enhanced, text), published, untold)


def unsure(domain: str, reason: str) -> Unsure:
    """The answer when the name servers gave none."""
    return Unsure(Reply(451, "4.4.3", f"The name servers gave no answer about {domain}: {reason}"))
