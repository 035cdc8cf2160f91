"""By which lane mail leaves, and why, in words: the routing table's answers, recipient by recipient."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...model.configuration import Configuration
from ...model.envelope import Envelope, Recipient
from ...model.gateway import DomainForwardGateway, DomainVerification, InboundGateway
from ..common.hop import Lane
from .table import RoutingTable

REASONS_TOLD = 10
"""Reasons told of one message; it may have a recipient at each of a thousand domains."""


class Lanes:
    """``fronted_by``: the inbound gateway that was found to front a domain, by its id; known from memory."""

    table: RoutingTable

    def __init__(self, fronted_by: Callable[[str], str | None] | None) -> None:
        self._fronted_by = fronted_by

    def _set_lanes(self, configuration: Configuration) -> None:
        looks_up = any(map(finds_by_look_up, configuration.inbound))
        self.table = RoutingTable(configuration, self._fronted_by if looks_up else None)
        self._outbound = {gateway.id: gateway for gateway in configuration.outbound}
        self._inbound = {gateway.id: gateway for gateway in configuration.inbound}

    def lane(self, sender_domain: str, recipient_domain: str, client: str = "") -> str:
        return self.table.lane(sender_domain, recipient_domain, client)

    def lane_again(self, lane: str, sender_domain: str, recipient_domain: str, client: str = "") -> str:
        """The lane of mail that was accepted into ``lane`` before.

        Which domains are fronted by look-up is known from memory, and memory ends with the process: such mail stays with
        its gateway as long as that one finds its domains by look-up.
        """
        found = self.table.lane(sender_domain, recipient_domain, client)
        kind, _, name = lane.partition(":")
        if kind == "inbound" and found != lane and not found.startswith("inbound:") and self._fronts_by_look_up(name):
            return lane
        return found

    def _fronts_by_look_up(self, gateway_id: str) -> bool:
        gateway = self._inbound.get(gateway_id)
        return gateway is not None and finds_by_look_up(gateway)

    def lanes(self, envelope: Envelope) -> tuple[tuple[str, tuple[Recipient, ...]], ...]:
        """The recipients by the lane that each leaves by, in the order in which they were named."""
        sender_domain, client = envelope.sender_domain, envelope.origin.client
        if len(envelope.recipients) == 1:
            return ((self.table.lane(sender_domain, envelope.recipients[0].domain, client), envelope.recipients),)
        found: dict[str, list[Recipient]] = {}
        for recipient in envelope.recipients:
            found.setdefault(self.table.lane(sender_domain, recipient.domain, client), []).append(recipient)
        return tuple((lane, tuple(recipients)) for lane, recipients in found.items())

    def reasons(self, envelope: Envelope, parts: Sequence[tuple[str, Sequence[Recipient]]]) -> list[tuple[str, str, str]]:
        """Why each part of a message takes its lane: (lane, recipient, sentence), as ``explain`` says it.

        ``recipient`` is empty when it holds for all of them, else one for which it holds.
        """
        sender_domain, client = envelope.sender_domain, envelope.origin.client
        words = self.table.words
        if len(parts) == 1 and len(parts[0][1]) == 1:
            lane = parts[0][0]
            return [(lane, "", words(lane, sender_domain, parts[0][1][0].domain, client))]
        found: dict[tuple[str, str], str] = {}
        for lane, recipients in parts:
            for recipient in recipients:
                if len(found) == REASONS_TOLD:
                    break
                found.setdefault((lane, words(lane, sender_domain, recipient.domain, client)), recipient.address)
        return [(lane, who if len(found) > 1 else "", sentence) for (lane, sentence), who in found.items()]

    def lane_words(self, lane: str) -> str:
        """Where mail of a lane goes, for people."""
        kind, _, name = lane.partition(":")
        if lane == Lane.POOL:
            return "Round Robin"
        if kind == "mx":
            return f"direct delivery to the mail hosts of {name}"
        if name in self._inbound:
            return f"the primary mail server of “{self._inbound[name].label}”"
        gateway = self._outbound.get(name)
        return f"the gateway “{gateway.label}”" if gateway is not None else "a gateway that is no longer there"


def finds_by_look_up(gateway: InboundGateway) -> bool:
    """Whether its domains are found by MX records or by a web service."""
    if isinstance(gateway, DomainForwardGateway):
        return gateway.domain_verification is DomainVerification.WEB_SERVICE
    return True
