"""Whether a client may send a message at all: reception's own answer, as the first steps of an explanation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from ..model.address import parse_mailbox
from ..model.configuration import Configuration
from ..model.gateway import InboundGateway
from .reception import replies
from .reception.admission import Admission
from .routing.explain import Admitted, Step, StepVerdict

AskPolicy = Callable[[str, str, InboundGateway | None, bool], Awaitable[Sequence[Step]]]
"""(address, domain, the gateway whose list names the domain, whether the client may relay) → what the recipient policy
would say."""


async def explain_admission(
    user: str,
    configuration: Configuration,
    host_name: str,
    ask_policy: AskPolicy,
    client: str,
    recipient: str,
) -> Admitted:
    """Asked of the same rules that a session asks; ``user`` is a relay user who signed in, or empty."""
    rules = Admission(configuration, host_name)
    found = rules.client(client)
    signed_in = user.casefold() in rules.users if user else False
    decision = rules.recipient(found, signed_in, parse_mailbox(recipient), "")
    if decision.refusal is not None:
        return Admitted([Step(f"{client} is refused: {decision.refusal.reply}", StepVerdict.REFUSED)])
    steps: list[Step] = []
    if decision.ask:
        may_relay = signed_in or found.may_relay
        steps = list(await ask_policy(decision.address, decision.domain, decision.gateway, may_relay))
        if any(step.verdict is StepVerdict.REFUSED for step in steps):
            return Admitted(steps)
    if signed_in:
        why = f"“{user}” has signed in"
    elif found.is_trusted:
        why = "its address is in a trusted network"
    elif found.is_primary:
        why = "it is the primary of an inbound gateway"
    elif decision.gateway is not None:
        why = f"{decision.domain} is a domain of “{decision.gateway.label}”"
    elif decision.ask and not steps:
        reply = replies.RELAY_DENIED.reply
        return Admitted([Step(f"{client} is refused: {reply}", StepVerdict.REFUSED)])
    elif decision.ask:
        why = f"{decision.domain} was found to be behind an inbound gateway"
    else:
        why = "the recipient is ours"
    return Admitted([Step(f"{client} may send this, because {why}.", StepVerdict.FACT), *steps], decision.address)
