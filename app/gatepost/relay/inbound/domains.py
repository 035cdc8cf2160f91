"""Whose domain is it, where no list says so: Backup MX by MX records, Domain Forward by the primary's web service.

A finding lasts as long as the DNS or the verdict cache allows for RCPT, and some hours longer for routing: a message whose
recipient was accepted must find its gateway however long it takes to arrive, and whatever the DNS says meanwhile.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ...model.configuration import Configuration
from ...model.gateway import BackupMxGateway, DomainForwardGateway, InboundGateway
from ...model.network import AddressSet, parse_ip
from ...model.reply import Reply
from ...model.smartermail import SmarterMailCard
from ..common.printable import printable
from ..routing.lanes import finds_by_look_up
from ..routing.mx import MxAnswer, MxResolver, NoMail, Unsure, unsure
from ..verification.cache import VerdictCache
from ..verification.verdict import RecipientState, RecipientVerdict

ROUTED_SECONDS = 2 * 3600.0
MAX_DOMAINS = 20_000


class WebServices(Protocol):
    """Whether the server behind a gateway has a domain: asked, and from memory."""

    async def find_domain(self, gateway_id: str, domain: str) -> RecipientVerdict: ...
    def has_domain(self, gateway_id: str, domain: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """``gateway`` None: nobody's domain as far as can be told; ``refusal`` says why, or that it is not known now."""

    gateway: InboundGateway | None
    words: str
    """How it was found out, for people."""
    refusal: Reply | None = None
    is_unsure: bool = False


class FrontedDomains:
    """Owned by the loop's thread. ``find_now`` and ``fronted_by`` answer from memory."""

    def __init__(
        self,
        resolver: Callable[[], MxResolver],
        cache: VerdictCache,
        servers: WebServices,
        monotonic: Callable[[], float],
    ) -> None:
        self._resolver = resolver
        self._cache = cache
        self._servers = servers
        self._monotonic = monotonic
        self._look_up: tuple[InboundGateway, ...] = ()
        self._web_services: tuple[str, ...] = ()
        self._addresses: dict[str, AddressSet] = {}
        self._routed: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._cards: dict[str, SmarterMailCard] = {}
        self._fresh_since: dict[str, float] = {}
        """Verdicts on a gateway's domains from before were another server's, or another login's."""

    def apply(self, configuration: Configuration) -> None:
        self._look_up = tuple(gateway for gateway in configuration.fronting if finds_by_look_up(gateway))
        self._addresses = {gateway.id: AddressSet(gateway.addresses) for gateway in self._look_up}
        self._web_services = tuple(g.id for g in self._look_up if isinstance(g, DomainForwardGateway) and g.enabled)
        for gateway in self._look_up:
            if self._cards.get(gateway.id, gateway.smartermail) != gateway.smartermail:
                self._fresh_since[gateway.id] = self._cache.now
        self._cards = {gateway.id: gateway.smartermail for gateway in self._look_up}
        enabled = {gateway.id for gateway in self._look_up if gateway.enabled}
        self._routed = OrderedDict(item for item in self._routed.items() if item[1][0] in enabled)

    @property
    def looks_up(self) -> bool:
        """Whether any gateway finds its domains by look-up."""
        return bool(self._look_up)

    # --- for routing -------------------------------------------------------------------------------------------------

    def fronted_by(self, domain: str) -> str | None:
        """The gateway in front of a domain: as it was found when mail for it was accepted, or by its server's own list."""
        found = self._routed.get(domain)
        if found is not None:
            if found[1] >= self._monotonic():
                return found[0]
            del self._routed[domain]
        return next((name for name in self._web_services if self._servers.has_domain(name, domain)), None)

    # --- for reception -----------------------------------------------------------------------------------------------

    def find_now(self, domain: str) -> Finding | None:
        """The finding without waiting; None: ``find`` must ask."""
        findings: list[Finding] = []
        for gateway in self._look_up:
            finding = self._remembered_finding(gateway, domain)
            if finding is None:
                return None
            findings.append(finding)
            if finding.gateway is not None:
                break
        return self._settle(domain, findings)

    async def find(self, domain: str) -> Finding:
        findings: list[Finding] = []
        for gateway in self._look_up:
            finding = self._remembered_finding(gateway, domain)
            if finding is None:
                if isinstance(gateway, BackupMxGateway):
                    finding = self._by_mx(gateway, domain, await self._resolver().hosts(domain))
                else:
                    finding = await self._by_web_service(gateway, domain)
            findings.append(finding)
            if finding.gateway is not None:
                break
        return self._settle(domain, findings)

    def _settle(self, domain: str, findings: list[Finding]) -> Finding:
        if findings and (last := findings[-1]).gateway is not None:
            if last.gateway.enabled:
                self._routed[domain] = (last.gateway.id, self._monotonic() + ROUTED_SECONDS)
                self._routed.move_to_end(domain)
                while len(self._routed) > MAX_DOMAINS:
                    self._routed.popitem(last=False)
            return last
        unsure = next((finding for finding in findings if finding.is_unsure), None)
        if unsure is None:
            self._routed.pop(domain, None)
        return unsure or next(iter(findings), NOBODY)

    def _remembered_finding(self, gateway: InboundGateway, domain: str) -> Finding | None:
        if domain.startswith("["):
            return NOBODY
        if isinstance(gateway, BackupMxGateway):
            answer = self._resolver().peek(domain)
            return None if answer is None else self._by_mx(gateway, domain, answer)
        seconds = gateway.verification.cache_minutes * 60.0
        verdict = self._cache.fresh(gateway.id, f"@{domain}", seconds, self._fresh_since.get(gateway.id, 0.0))
        return None if verdict is None else _by_verdict(gateway, domain, verdict)

    # --- MX records --------------------------------------------------------------------------------------------------

    def _by_mx(self, gateway: InboundGateway, domain: str, answer: MxAnswer) -> Finding:
        if isinstance(answer, Unsure):
            return Finding(None, answer.reply.text, answer.reply, is_unsure=True)
        addresses = self._addresses[gateway.id]
        for host in answer.published:
            for address in host.addresses:
                if parse_ip(address) in addresses:
                    return Finding(gateway, f"{domain}: its mail host {host.name} is {address}")
        if answer.untold:
            return Finding(None, answer.untold, unsure(domain, answer.untold).reply, is_unsure=True)
        if isinstance(answer, NoMail) and not answer.published:
            why = printable(answer.reply.text, 200)
        else:
            names = ", ".join(host.name for host in answer.published[:3])
            why = f"the mail hosts of {domain} ({names}) are not behind this server"
            if any(is_local(host.addresses) for host in answer.published):
                why += ", and one of them is a loopback address"
        return Finding(None, why, Reply(550, "5.7.1", f"Relaying denied: {why}"))

    # --- web service -------------------------------------------------------------------------------------------------

    async def _by_web_service(self, gateway: InboundGateway, domain: str) -> Finding:
        key = f"@{domain}"
        if gateway.enabled:
            verdict = await self._servers.find_domain(gateway.id, domain)
            # Strangers may ask for any domain: what is none of ours is kept in memory only.
            self._cache.put(gateway.id, key, verdict, outlasts=verdict.state is RecipientState.VALID)
            if verdict.state is not RecipientState.UNKNOWN:
                return _by_verdict(gateway, domain, verdict)
        else:
            verdict = RecipientVerdict(RecipientState.UNKNOWN, "the gateway", "it is disabled")
        known = await self._cache.remembered(gateway.id, key)
        if known is not None:
            return _by_verdict(gateway, domain, known.verdict)
        if not gateway.enabled:
            return NOBODY
        text = "Whether mail for this domain is taken cannot be found out now, please try again later"
        return Finding(None, f"{verdict.source}: {verdict.reason}", Reply(451, "4.4.0", text), is_unsure=True)


def is_local(addresses: tuple[str, ...]) -> bool:
    return any(parse_ip(address).is_loopback or parse_ip(address).is_unspecified for address in addresses)


def _by_verdict(gateway: InboundGateway, domain: str, verdict: RecipientVerdict) -> Finding:
    if verdict.state is RecipientState.VALID:
        return Finding(gateway, f"{domain}: a domain of the server behind it ({verdict.source})")
    why = f"{domain} is not a domain of a server behind this one"
    return Finding(None, why, Reply(550, "5.7.1", f"Relaying denied: {why}"))


NOBODY = Finding(None, "not a domain of this server", Reply(550, "5.7.1", "Relaying denied: not a domain of this server"))
