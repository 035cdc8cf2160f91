"""“Explain route”: the decision that mail would meet now, step by step in words; and what a change would alter.

Nothing is decided here. The table, the outlets and the resolver that serve the mail are asked the same questions, with
``commit`` off, so that no turn is taken, no cap counted and no probe spent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from ...model.address import AddressError, parse_mailbox
from ...model.capture import Capture, RedirectAll
from ...model.configuration import Configuration
from ...model.domain import DirectRoute, GatewayRoute, RoundRobinRoute
from ...model.errors import InvalidInput, Issue
from ...model.gateway import Certificate, CertificateCheck, Encryption, OutboundGateway
from ..common.hop import HopKind, Lane, NextHop
from ..common.plan import Candidates, Plan, Reject, Wait
from .mx import MxHosts
from .router import Router
from .table import Decision, InboundRoute, RoutingTable


class StepVerdict(StrEnum):
    CHOSEN = "chosen"
    PASSED_OVER = "passed-over"
    REFUSED = "refused"
    WAITS = "waits"
    FACT = "fact"


@dataclass(frozen=True, slots=True)
class Step:
    text: str
    verdict: StepVerdict = StepVerdict.FACT


@dataclass(frozen=True, slots=True)
class Admitted:
    """Reception's own answer. ``address``: where the mail goes on to, which may be another than was written (postmaster);
    empty when it was refused."""

    steps: Sequence[Step]
    address: str = ""


@dataclass(frozen=True, slots=True)
class ExplainedHop:
    """A next hop in the order of trying. No secrets: only whether it signs in, and as whom."""

    label: str
    key: str
    host: str
    port: int
    address: str
    tls: str
    signs_in_as: str
    gateway_id: str


@dataclass(frozen=True, slots=True)
class Explanation:
    sender: str
    recipient: str
    client: str
    outcome: str
    """``deliver``, ``wait`` or ``reject``."""
    summary: str
    lane: str
    rule: str
    hops: tuple[ExplainedHop, ...]
    steps: tuple[Step, ...]
    wait_until: float | None = None
    """Seconds since the epoch."""
    reply: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON material."""
        return asdict(self)


async def explain(
    router: Router,
    sender: str,
    recipient: str,
    client: str | None = None,
    admission: Callable[[str, str], Awaitable[Admitted]] | None = None,
) -> Explanation:
    """Where mail from ``sender`` (empty: the null sender) to ``recipient`` would go now, and why.

    ``admission(client, recipient)`` is reception's own answer to whether the client may send it: the first steps.
    Raises InvalidInput for what is no mail address.
    """
    sender_domain, recipient_domain = _domains(sender, recipient)
    steps: list[Step] = []
    if client and admission is not None:
        admitted = await admission(client, recipient)
        steps.extend(admitted.steps)
        if admitted.address:
            recipient_domain = parse_mailbox(admitted.address).domain
    decision = router.table.decide(sender_domain, recipient_domain, client or "")
    steps.extend(_rule_steps(decision))
    plan = await router.plan(decision.lane, sender_domain, recipient_domain, client=client or "", commit=False)
    steps.extend(_gateway_steps(router, decision, plan))
    steps.extend(_mx_steps(router, recipient_domain, plan, decision))
    outcome, summary, verdict = _summary(plan)
    steps.append(Step(summary, verdict))
    return Explanation(
        sender=sender,
        recipient=recipient,
        client=client or "",
        outcome=outcome,
        summary=summary,
        lane=decision.lane,
        rule=decision.rule.text,
        hops=tuple(_explained(hop) for hop in plan.hops) if isinstance(plan, Candidates) else (),
        steps=tuple(steps),
        wait_until=plan.until if isinstance(plan, Wait) else None,
        reply=str(plan.reply) if isinstance(plan, Reject | Wait) and plan.reply is not None else "",
    )


def tls_policy(encryption: Encryption, certificate: Certificate) -> str:
    """How a connection is secured, in words."""
    how = {
        Encryption.NONE: "not encrypted",
        Encryption.OPPORTUNISTIC: "STARTTLS when offered, else in the clear",
        Encryption.REQUIRED: "STARTTLS required",
        Encryption.IMPLICIT: "TLS from the start",
    }[encryption]
    if encryption is Encryption.NONE:
        return how
    check = {
        CertificateCheck.SYSTEM_TRUST: "certificate verified against the system's trust",
        CertificateCheck.FINGERPRINT: f"only the certificate {(certificate.fingerprint or '')[:16]}…",
        CertificateCheck.NONE: "certificate not verified",
    }[certificate.enforced(encryption)]
    return f"{how}; {check}"


def _domains(sender: str, recipient: str) -> tuple[str, str]:
    issues: list[Issue] = []
    found: list[str] = []
    for field, text in (("sender", sender), ("recipient", recipient)):
        if field == "sender" and text in ("", "<>"):
            found.append("")
            continue
        try:
            found.append(parse_mailbox(text).domain)
        except AddressError as error:
            issues.append(Issue(field, f"“{text[:100]}” is not a mail address: {error}"))
    if issues:
        raise InvalidInput(issues)
    return found[0], found[1]


def _rule_steps(decision: Decision) -> list[Step]:
    steps = [Step(decision.sentence(), StepVerdict.CHOSEN)]
    for lost in decision.lost:
        steps.append(Step(f"Not {lost.rule.text}: {lost.reason}.", StepVerdict.PASSED_OVER))
    return steps


def _gateway_steps(router: Router, decision: Decision, plan: Plan) -> list[Step]:
    """Each outbound gateway that could have been meant: chosen, follows as failover, or why not."""
    if isinstance(decision.choice, InboundRoute):
        return _primary_steps(router, decision.choice, plan)
    if isinstance(decision.choice, DirectRoute):
        return []
    hops = plan.hops if isinstance(plan, Candidates) else ()
    order = {hop.gateway_id: index for index, hop in enumerate(hops)}
    named = decision.choice.gateway if isinstance(decision.choice, GatewayRoute) else None
    in_pool = {gateway.id for gateway in router.configuration.round_robin}
    uses_pool = isinstance(decision.choice, RoundRobinRoute) or any(h.gateway_id in in_pool - {named} for h in hops)
    steps: list[Step] = []
    for gateway in router.configuration.outbound:
        if gateway.id in order:
            first = order[gateway.id] == 0
            text = f"“{gateway.label}” {'takes the next message' if first else 'is tried if the ones before it fail'}."
            steps.append(Step(text, StepVerdict.CHOSEN if first else StepVerdict.FACT))
        elif gateway.id == named or (uses_pool and gateway.id in in_pool):
            steps.append(Step(f"“{gateway.label}” {_why_not(router, gateway)}.", StepVerdict.PASSED_OVER))
        else:
            why = "serves only its own domains" if gateway.id not in in_pool else "is not the gateway that the rule names"
            steps.append(Step(f"“{gateway.label}” {why}.", StepVerdict.PASSED_OVER))
    return steps


def _why_not(router: Router, gateway: OutboundGateway) -> str:
    standing = router.outlets.standing(gateway)
    if not standing.is_usable:
        health = next((h for h in router.health() if h.key == Lane.gateway(gateway.id)), None)
        since = f" (since {_stamp(health.since)})" if standing.rests and health and health.since is not None else ""
        return standing.reason + since
    return "is a standby gateway, and another gateway of the pool is healthy" if gateway.standby else "is not needed"


def _primary_steps(router: Router, choice: InboundRoute, plan: Plan) -> list[Step]:
    gateway = next(g for g in router.configuration.inbound if g.id == choice.gateway)
    used = [hop.host for hop in plan.hops] if isinstance(plan, Candidates) else []
    steps = [Step(f"The primary's address {address} is tried.", StepVerdict.CHOSEN) for address in used]
    if gateway.enabled:
        health = {h.key: h for h in router.health()}
        for address in gateway.targets[:20]:
            if address not in used:
                cause = health.get(f"{Lane.inbound(gateway.id)}/{address}:{gateway.port}")
                text = f"rests after: {cause.cause}" if cause and cause.cause else "is left out"
                steps.append(Step(f"The primary's address {address} {text}.", StepVerdict.PASSED_OVER))
    return steps


def _mx_steps(router: Router, domain: str, plan: Plan, decision: Decision) -> list[Step]:
    is_direct = isinstance(decision.choice, DirectRoute)
    if isinstance(plan, Candidates) and plan.hops[0].kind is HopKind.MX:
        is_direct = True
    answer = router.resolver.peek(domain) if is_direct else None
    if not isinstance(answer, MxHosts):
        return []
    used = {hop.address for hop in plan.hops} if isinstance(plan, Candidates) else set()
    if answer.implicit:
        steps = [Step(f"{domain} names no mail host: it is its own.")]
    else:
        steps = [Step(f"The DNS names {len(answer.hosts)} usable mail host(s) of {domain}.")]
    for host in answer.hosts:
        for address in host.addresses:
            verdict = StepVerdict.FACT if address in used else StepVerdict.PASSED_OVER
            rests = "" if address in used else ": rests, or is beyond those tried in one attempt"
            steps.append(Step(f"Mail host {host.name}, preference {host.preference}, {address}{rests}.", verdict))
    return steps


def _summary(plan: Plan) -> tuple[str, str, StepVerdict]:
    if isinstance(plan, Candidates):
        first = plan.hops[0]
        if first.handling is not None and (words := _handled(first)):
            return "deliver", words, StepVerdict.CHOSEN
        return "deliver", f"Goes to {first.label}, {tls_policy(first.encryption, first.certificate)}.", StepVerdict.CHOSEN
    if isinstance(plan, Reject):
        return "reject", f"Is returned to the sender: {plan.reply}.", StepVerdict.REFUSED
    until = f" until {_stamp(plan.until)} or longer" if plan.until is not None else ""
    return "wait", f"Waits{until}: {plan.waiting_for}.", StepVerdict.WAITS


def _handled(hop: NextHop) -> str:
    """Where mail really goes that takes a hop which does not simply deliver; empty: there, and a copy is kept."""
    if isinstance(hop.handling, Capture):
        return f"Is captured in the test inbox instead of going to {hop.label}: nothing is delivered."
    if isinstance(hop.handling, RedirectAll):
        policy = tls_policy(hop.encryption, hop.certificate)
        return f"Goes to {hop.label}, {policy}, and there to {hop.handling.address} instead of to its recipient."
    return ""


def _explained(hop: NextHop) -> ExplainedHop:
    return ExplainedHop(
        label=hop.label,
        key=hop.key,
        host=hop.host,
        port=hop.port,
        address=hop.address or "",
        tls=tls_policy(hop.encryption, hop.certificate),
        signs_in_as=hop.auth.username if hop.auth is not None else "",
        gateway_id=hop.gateway_id or "",
    )


def _stamp(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


# --- before saving a change ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LaneChange:
    """Queued mail between two domains that would leave another way. ``before`` and ``after`` are for people."""

    sender_domain: str
    recipient_domain: str
    count: int
    before_lane: str
    after_lane: str
    before: str
    after: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def preview_change(
    old: Configuration,
    new: Configuration,
    pairs: Iterable[tuple[str, str, str, int]],
    fronted_by: Callable[[str], str | None] | None = None,
) -> list[LaneChange]:
    """Which of the queued (sender domain, recipient domain, client, number of messages) would change lanes, most first."""
    before, after = RoutingTable(old, fronted_by), RoutingTable(new, fronted_by)
    found: dict[tuple[str, str, str, str], LaneChange] = {}
    for sender_domain, recipient_domain, client, count in pairs:
        way = sender_domain, recipient_domain, client
        key = sender_domain, recipient_domain, before.lane(*way), after.lane(*way)
        if key[2] == key[3]:
            continue
        if (known := found.get(key)) is not None:
            found[key] = replace(known, count=known.count + count)
        else:
            found[key] = LaneChange(
                sender_domain, recipient_domain, count, *key[2:], before.decide(*way).reason, after.decide(*way).reason
            )
    return sorted(found.values(), key=lambda change: (-change.count, change.sender_domain, change.recipient_domain))
