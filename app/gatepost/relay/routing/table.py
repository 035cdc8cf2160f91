"""Which lane mail takes, by the domains of its sender and recipient.

Precedence: domains that this server fronts (inbound gateways); then the rows of the Domains page: exact recipient,
wildcard recipient (longest first), exact sender, wildcard sender; then the default. The domains on a Specific Domains
gateway's own card count as sender rows, after the explicit rows of the same exactness.

A row whose gateway is disabled follows its “when the gateway rests”: Round Robin and direct take its mail; with “wait”
the row is passed over, so that the mail of a disabled gateway finds another way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ...model.configuration import Configuration
from ...model.domain import DirectRoute, DomainMatch, GatewayRoute, RoundRobinRoute, RouteChoice, WhenResting
from ...model.gateway import DomainForwardGateway, DomainVerification, InboundGateway, SpecificDomainsGateway
from ...model.network import AddressSet, parse_ip
from ..common.hop import Lane

MAX_REMEMBERED = 8192
"""Pairs of domains whose answer is remembered; a bound on memory, not on correctness."""
MAX_WORDS = 1024
"""Pairs of domains whose sentence is remembered."""


class RuleKind(StrEnum):
    INBOUND = "inbound"
    RECIPIENT = "recipient"
    RECIPIENT_WILDCARD = "recipient-wildcard"
    SENDER = "sender"
    SENDER_WILDCARD = "sender-wildcard"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class InboundRoute:
    """To the primary mail server behind an inbound gateway."""

    gateway: str


Choice = RouteChoice | InboundRoute


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table as it applies to a pair of domains. ``source`` is the id of the row or gateway."""

    kind: RuleKind
    pattern: str
    choice: Choice
    source: str = ""
    text: str = ""
    """For people: ``the row for recipients at *.example.org``."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A rule that covers the pair and was not taken."""

    rule: Rule
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    rule: Rule
    choice: Choice
    """What was settled on; differs from the rule's choice when that one's gateway is disabled."""
    lane: str
    reason: str
    lost: tuple[Lost, ...] = ()

    def sentence(self) -> str:
        return f"{_capital(self.rule.text)} decides: {self.reason}."


class RoutingTable:
    """One configuration's table. Pure but for ``fronted_by``, which answers for domains known only by look-up.

    ``fronted_by(domain)`` gives the id of the inbound gateway in front of a recipient domain (Backup MX by MX look-up,
    domains verified by web service) or None. It is asked for each message, so it must answer from memory.
    """

    def __init__(self, configuration: Configuration, fronted_by: Callable[[str], str | None] | None = None) -> None:
        self.configuration = configuration
        self.fronted_by = fronted_by
        self._gateways = {gateway.id: gateway for gateway in configuration.gateways}
        self._inbound = {gateway.id: gateway for gateway in configuration.inbound}
        self._fronted: dict[str, Rule] = {}
        self._all_but: list[tuple[DomainForwardGateway, frozenset[str], AddressSet]] = []
        for gateway in configuration.fronting:
            self._add_inbound(gateway)
        self._recipient: dict[str, list[Rule]] = {}
        self._sender: dict[str, list[Rule]] = {}
        self._add_rows()
        default = configuration.settings.delivery.default_route
        self._default = Rule(RuleKind.DEFAULT, "", default, text="the default in Settings → Delivery")
        self._remembered: dict[tuple[str, str, str], tuple[str, Choice, bool]] = {}
        self._words: dict[tuple[str, str, str, str], str] = {}

    def _add_inbound(self, gateway: InboundGateway) -> None:
        mode = gateway.domain_verification if isinstance(gateway, DomainForwardGateway) else None
        if isinstance(gateway, DomainForwardGateway) and mode is DomainVerification.ALL_BUT_SPECIFIED:
            self._all_but.append((gateway, frozenset(gateway.domains), AddressSet(gateway.addresses)))
        elif mode is not DomainVerification.WEB_SERVICE:
            for pattern in gateway.domains:
                self._fronted.setdefault(pattern, _inbound_rule(gateway, pattern, f"its domain {pattern}"))

    def _add_rows(self) -> None:
        for row in self.configuration.domains:
            if not row.enabled:
                continue
            wildcard = row.domain.startswith("*")
            by_recipient = row.match is DomainMatch.RECIPIENT
            if by_recipient:
                kind = RuleKind.RECIPIENT_WILDCARD if wildcard else RuleKind.RECIPIENT
            else:
                kind = RuleKind.SENDER_WILDCARD if wildcard else RuleKind.SENDER
            text = f"the row for {'recipients' if by_recipient else 'senders'} at {row.domain}"
            rows = self._recipient if by_recipient else self._sender
            rows.setdefault(row.domain, []).append(Rule(kind, row.domain, row.route, row.id, text))
        for gateway in self.configuration.outbound:
            if not isinstance(gateway, SpecificDomainsGateway):
                continue
            for pattern in gateway.domains:
                kind = RuleKind.SENDER_WILDCARD if pattern.startswith("*") else RuleKind.SENDER
                text = f"{pattern} on the card of “{gateway.label}”"
                rule = Rule(kind, pattern, GatewayRoute(gateway=gateway.id), gateway.id, text)
                self._sender.setdefault(pattern, []).append(rule)

    # --- asked for each message --------------------------------------------------------------------------------------

    def lane(self, sender_domain: str, recipient_domain: str, client: str = "") -> str:
        """The lane of mail between two normalised domains (``""``: the null sender).

        ``client`` is the address that the mail came from, where it is known: mail from a primary itself is not handed
        back to it by its “All But Specified Domains”.
        """
        return self.route(sender_domain, recipient_domain, client)[0]

    def route(self, sender_domain: str, recipient_domain: str, client: str = "") -> tuple[str, Choice]:
        """The lane and the choice behind it."""
        key = (sender_domain, recipient_domain, client if self._all_but else "")
        found = self._remembered.get(key)
        if found is None:
            found = self._remember(key)
        lane, choice, is_listed = found
        if not is_listed and self.fronted_by is not None:
            gateway = self.fronted_by(recipient_domain)
            if gateway is not None and gateway in self._inbound:
                return Lane.inbound(gateway), InboundRoute(gateway)
        return lane, choice

    def _remember(self, key: tuple[str, str, str]) -> tuple[str, Choice, bool]:
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        sender_domain, recipient_domain, client = key
        for rule in self._matches(sender_domain, recipient_domain, client, look_up=False):
            settled = self._settle(rule, recipient_domain)
            if not isinstance(settled, str):
                choice, _ = settled
                found = (_lane(choice, recipient_domain), choice, rule.kind is RuleKind.INBOUND and rule.pattern != "*")
                self._remembered[key] = found
                return found
        raise AssertionError("the default settles every pair")  # pragma: no cover

    def words(self, lane: str, sender_domain: str, recipient_domain: str, client: str = "") -> str:
        """``decide``'s sentence for mail that took ``lane``; another one where something else than the table decided."""
        key = (lane, sender_domain, recipient_domain, client if self._all_but else "")
        found = self._words.get(key)
        if found is None:
            if len(self._words) >= MAX_WORDS:
                self._words.clear()
            decision = self.decide(sender_domain, recipient_domain, client)
            found = decision.sentence() if decision.lane == lane else "It was decided by hand, or by earlier rules."
            self._words[key] = found
        return found

    # --- asked by people ---------------------------------------------------------------------------------------------

    def decide(self, sender_domain: str, recipient_domain: str, client: str = "") -> Decision:
        """The same decision with its reasons, and every other rule that covers the pair with why it lost."""
        won: tuple[Rule, Choice, str] | None = None
        lost: list[Lost] = []
        for rule in self._matches(sender_domain, recipient_domain, client, look_up=True):
            if won is not None:
                lost.append(Lost(rule, f"{won[0].text} comes before it"))
                continue
            settled = self._settle(rule, recipient_domain)
            if isinstance(settled, str):
                lost.append(Lost(rule, settled))
            else:
                won = (rule, *settled)
        assert won is not None  # noqa: S101 - the default settles every pair
        rule, choice, reason = won
        return Decision(rule, choice, _lane(choice, recipient_domain), reason, tuple(lost))

    # --- the one path ------------------------------------------------------------------------------------------------

    def _matches(self, sender_domain: str, recipient_domain: str, client: str, look_up: bool) -> Iterator[Rule]:
        """Every rule that covers the pair, in order of precedence, the default last."""
        for pattern in _patterns(recipient_domain):
            if (fronted := self._fronted.get(pattern)) is not None:
                yield fronted
        if look_up and self.fronted_by is not None:
            found = self._inbound.get(self.fronted_by(recipient_domain) or "")
            if found is not None:
                yield _inbound_rule(found, recipient_domain, f"{recipient_domain}, which it was found to front")
        for forward, exceptions, addresses in self._all_but:
            if not any(p in exceptions for p in _patterns(recipient_domain)) and not _is_from(client, addresses):
                yield _inbound_rule(forward, "*", "all domains but those specified")
        for pattern in _patterns(recipient_domain):
            yield from self._recipient.get(pattern, ())
        for pattern in _patterns(sender_domain):
            yield from self._sender.get(pattern, ())
        yield self._default

    def _settle(self, rule: Rule, recipient_domain: str) -> tuple[Choice, str] | str:
        """What a rule comes to and why, or the reason why it is passed over."""
        choice = rule.choice
        if isinstance(choice, InboundRoute):
            return choice, f"to the primary mail server of “{self._gateways[choice.gateway].label}”"
        if isinstance(choice, DirectRoute):
            return choice, f"direct delivery to the mail hosts of {recipient_domain}"
        if isinstance(choice, RoundRobinRoute):
            return choice, "Round Robin"
        gateway = self._gateways[choice.gateway]
        if gateway.enabled:
            return choice, f"the gateway “{gateway.label}”"
        if choice.when_resting is WhenResting.ROUND_ROBIN:
            return RoundRobinRoute(), f"Round Robin, because the gateway “{gateway.label}” is disabled"
        if choice.when_resting is WhenResting.DIRECT:
            return DirectRoute(), f"direct delivery, because the gateway “{gateway.label}” is disabled"
        if rule.kind is RuleKind.DEFAULT:
            return choice, f"the gateway “{gateway.label}”, which is disabled: mail waits"
        return f"its gateway “{gateway.label}” is disabled"


def asks_for_client(configuration: Configuration) -> bool:
    """Whether the way of mail can depend on who sent it here: a primary's own mail is not handed back to it."""
    return any(
        isinstance(gateway, DomainForwardGateway) and gateway.domain_verification is DomainVerification.ALL_BUT_SPECIFIED
        for gateway in configuration.inbound
    )


def _patterns(domain: str) -> Iterator[str]:
    """The patterns that cover a domain, most exact first: itself, ``*.parent`` longest first, ``*``."""
    if domain:
        yield domain
    if not domain.startswith("["):
        at = domain.find(".")
        while at >= 0:
            yield f"*{domain[at:]}"
            at = domain.find(".", at + 1)
    yield "*"


def _lane(choice: Choice, recipient_domain: str) -> str:
    if isinstance(choice, InboundRoute):
        return Lane.inbound(choice.gateway)
    if isinstance(choice, GatewayRoute):
        return Lane.gateway(choice.gateway)
    return Lane.mx(recipient_domain) if isinstance(choice, DirectRoute) else Lane.POOL


def _inbound_rule(gateway: InboundGateway, pattern: str, what: str) -> Rule:
    text = f"the inbound gateway “{gateway.label}” ({what})"
    return Rule(RuleKind.INBOUND, pattern, InboundRoute(gateway.id), gateway.id, text)


def _is_from(client: str, addresses: AddressSet) -> bool:
    if not client:
        return False
    try:
        return parse_ip(client) in addresses
    except ValueError:
        return False


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
