"""Whether a client may send a message at all: reception's own answer, as the first step of an explanation."""

from __future__ import annotations

from ..model.address import parse_mailbox
from ..model.configuration import Configuration
from .reception.admission import Admission
from .routing.explain import Step, StepVerdict


def explain_admission(
    user: str, configuration: Configuration, host_name: str, client: str, sender: str, recipient: str
) -> Step:
    """Asked of the same rules that a session asks; ``user`` is a relay user who signed in, or empty."""
    rules = Admission(configuration, host_name)
    found = rules.client(client)
    signed_in = user.casefold() in rules.users if user else False
    decision = rules.recipient(found, signed_in, parse_mailbox(recipient), "")
    if decision.refusal is not None:
        return Step(f"{client} is refused: {decision.refusal.reply}", StepVerdict.REFUSED)
    if signed_in:
        why = f"“{user}” has signed in"
    elif found.is_trusted:
        why = "its address is in a trusted network"
    elif found.is_primary:
        why = "it is the primary of an inbound gateway"
    elif decision.gateway is not None:
        why = f"{decision.domain} is a domain of “{decision.gateway.label}”"
    else:
        why = "the recipient is ours"
    return Step(f"{client} may send this, because {why}.", StepVerdict.FACT)
