"""All of the inbound gateways' wiring as the service sees it: one object with the hooks that the parts ask for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ...model.address import AddressError, normalise_domain
from ...model.configuration import Configuration
from ...model.gateway import InboundGateway
from ...model.network import AddressSet, parse_ip
from ...model.reply import Reply
from ...model.smartermail import SmarterMailUserVerification
from ..common.clock import Clock
from ..common.events import EventBus
from ..common.hop import Lane
from ..common.tasks import Tasks
from ..delivery.auth import Secrets
from ..delivery.connector import Connector
from ..delivery.pool import Pool
from ..routing.router import Router
from ..verification.address_list import AddressList
from ..verification.cache import VerdictCache
from ..verification.call_forward import CallForward
from ..verification.verifier import ANSWER_SECONDS, Source, Verifier
from .asking import PrimaryAsker
from .domains import FrontedDomains
from .recipients import RecipientRules, Rules
from .smartermail import SmarterMailServers
from .watch import PrimaryWatch, Releases

if TYPE_CHECKING:
    from ..routing.explain import Step

log = logging.getLogger(__name__)

NOT_YOURS = Reply(459, "5.7.1", "That is no domain whose mail is kept here for you")


class Relay(Protocol):
    """The service, as far as this needs it. ``pool`` and ``queue`` are made anew at each start of the mail."""

    router: Router
    connector: Connector
    events: EventBus
    clock: Clock

    @property
    def pool(self) -> Pool: ...
    @property
    def queue(self) -> Releases: ...


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What stays as it is while a gateway's configuration does."""

    gateway: InboundGateway
    rules: Rules
    call_forward: CallForward | None
    fresh_since: float
    """Verdicts from before were given by other sources."""


class Inbound:
    """``recipients``, ``etrn`` and ``domains.fronted_by`` are the hooks; ``start`` and ``stop`` follow the mail plane."""

    def __init__(
        self,
        relay: Relay,
        cache: VerdictCache,
        secrets: Secrets,
        waiting: Callable[[str], int],
        monotonic: Callable[[], float],
    ) -> None:
        self._relay = relay
        self._cache = cache
        self._waiting = waiting
        """Lane → deliveries in it."""
        self._monotonic = monotonic
        self._tasks = Tasks("inbound gateways")
        self.servers = SmarterMailServers(secrets, relay.clock, relay.events)
        asker = PrimaryAsker(lambda: relay.router, lambda: relay.pool, relay.connector, monotonic)
        self._ask = asker.ask
        self.watch = PrimaryWatch(lambda: relay.router, lambda: relay.queue, asker.probe, monotonic)
        self.domains = FrontedDomains(lambda: relay.router.resolver, cache, self.servers, monotonic)
        self.recipients = RecipientRules(self.domains, self.watch, monotonic)
        self._prepared: dict[str, _Prepared] = {}
        relay.events.subscribe(self.watch.note_event, "gateway.resting")

    # --- life --------------------------------------------------------------------------------------------------------

    def apply(self, configuration: Configuration) -> None:
        self.servers.apply(configuration)
        before = self._prepared
        self._prepared = {gateway.id: self._prepare(gateway, before.get(gateway.id)) for gateway in configuration.inbound}
        self.recipients.rules = {name: prepared.rules for name, prepared in self._prepared.items()}
        self.domains.apply(configuration)
        self.watch.apply(configuration)

    def start(self) -> None:
        self.watch.start()

    async def stop(self) -> None:
        await self.watch.stop()

    async def close(self) -> None:
        await self.watch.stop()
        await self._tasks.close()
        await self.servers.close()

    def _prepare(self, gateway: InboundGateway, before: _Prepared | None) -> _Prepared:
        if before is not None and before.gateway == gateway:
            return before
        card, sources = gateway.verification, list[Source]()
        call_forward = None
        if card.use_list:
            sources.append(AddressList(card.addresses, card.address_file).verdict)
        if card.call_forward:
            call_forward = CallForward(gateway.id, self._ask, self._monotonic, self._tasks)
            sources.append(call_forward.verdict)
        if gateway.smartermail.enabled and gateway.smartermail.user_verification is SmarterMailUserVerification.WEB_SERVICE:
            sources.append(self.servers.source(gateway.id))
        # What other sources said is remembered, and asked for anew.
        fresh_since = before.fresh_since if before is not None else 0.0
        if before is not None and _sources_of(before.gateway) != _sources_of(gateway):
            fresh_since = self._relay.clock()
        verifier = Verifier(gateway, sources, self._cache, self._tasks, fresh_since=fresh_since)
        return _Prepared(gateway, Rules.of(gateway, verifier), call_forward, fresh_since)

    # --- hooks -------------------------------------------------------------------------------------------------------

    async def etrn(self, node: str, client: str) -> Reply:
        """RFC 1985: ``domain``, ``@domain`` with all below it, ``#queue`` for everything that is kept for the client."""
        ip = parse_ip(client)
        own = {
            name for name, item in self._prepared.items() if item.gateway.enabled and ip in AddressSet(item.gateway.addresses)
        }
        chosen = own if node.startswith("#") else own & await self._fronts(node.lstrip("@"))
        if not chosen:
            return NOT_YOURS
        count = sum(self._waiting(Lane.inbound(name)) for name in chosen)
        for name in sorted(chosen):
            await self.watch.release(name)
        log.info("ETRN %s from %s: %d deliveries are due", node, client, count)
        if not count:
            return Reply(251, "2.0.0", f"OK, no messages waiting for {node}")
        return Reply(253, "2.0.0", f"OK, {count} pending messages for {node} started")

    async def _fronts(self, text: str) -> set[str]:
        """The gateways whose domain it is."""
        try:
            domain = normalise_domain(text)
        except AddressError:
            return set()
        lane = self._relay.router.lane("", domain)
        kind, _, name = lane.partition(":")
        if kind == "inbound":
            return {name}
        found = await self.domains.find(domain) if self.domains.looks_up else None
        return {found.gateway.id} if found is not None and found.gateway is not None else set()

    # --- for people --------------------------------------------------------------------------------------------------

    def remarks(self, gateway_id: str) -> tuple[str, ...]:
        """What an administrator should know of a gateway beyond its health."""
        found: list[str] = []
        prepared = self._prepared.get(gateway_id)
        if prepared is not None and prepared.call_forward is not None and prepared.call_forward.accepts_everyone:
            domains = sorted(prepared.call_forward.accepts_everyone)
            shown = ", ".join(domains[:5]) + (f" and {len(domains) - 5} more" if len(domains) > 5 else "")
            found.append(f"The primary accepts everyone at {shown}: asking it verifies nobody there.")
        if problem := self.servers.problem(gateway_id):
            found.append(f"SmarterMail: {problem}")
        return tuple(found)

    async def explain(self, address: str, domain: str, gateway: InboundGateway | None, may_relay: bool) -> list[Step]:
        """What RCPT would be answered, as steps of an explanation. ``gateway``: the one whose list names the domain;
        ``may_relay``: the client, who is not sent to the primary then."""
        from ..routing.explain import Step, StepVerdict

        steps: list[Step] = []
        if self.domains.looks_up and (gateway is None or self._is_all_but(gateway)):
            found = await self.domains.find(domain)
            gateway = found.gateway or gateway
            if gateway is None:
                return [Step(f"{found.words}: {told_once(found.words, found.refusal)}", StepVerdict.REFUSED)]
            steps.append(Step(found.words))
        prepared = self._prepared.get(gateway.id) if gateway is not None else None
        if prepared is None or gateway is None:
            return steps
        if not gateway.enabled:
            return [*steps, Step(f"The gateway “{gateway.label}” is disabled: 450", StepVerdict.REFUSED)]
        if prepared.rules.only_when_down and not may_relay and not await self.watch.is_down(gateway.id, ANSWER_SECONDS):
            text = f"“{gateway.label}” accepts mail only while its primary is down, and it answers: 451"
            return [*steps, Step(text, StepVerdict.REFUSED)]
        decision = await prepared.rules.verifier.decide(address)
        if decision.reply is not None:
            return [*steps, Step(f"{address} is refused: {decision.reply} ({decision.words})", StepVerdict.REFUSED)]
        return [*steps, Step(f"{address}: {decision.words}")]

    def _is_all_but(self, gateway: InboundGateway) -> bool:
        prepared = self._prepared.get(gateway.id)
        return prepared is not None and prepared.rules.is_all_but


def told_once(why: str, refusal: Reply | None) -> str:
    """A refusal behind its reason, which it does not repeat."""
    return str(refusal).removesuffix(f" Relaying denied: {why}")


def _sources_of(gateway: InboundGateway) -> object:
    return (gateway.verification, gateway.smartermail, gateway.addresses, gateway.port)
