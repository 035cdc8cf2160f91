"""Faults that somebody asked for, to see what senders make of them: refusals, delays, dropped connections.

Looked for only on listeners that a rule names (``Terms.has_faults``). Every one is counted, logged and journalled as injected.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...model.capture import DelayFault, FaultRule, FaultStage, RefuseFault
from ...model.listener import ListenerTls
from ...model.reply import Reply
from ..common.printable import printable
from .context import Refused
from .parameters import ParameterError, parse_mail, parse_rcpt
from .replies import Refusal

if TYPE_CHECKING:
    from .acceptance import Acceptance
    from .wire import Wire

log = logging.getLogger(__name__)

INJECTED = "injected"
"""The reason that such refusals are counted under."""
STAGES = {
    b"EHLO": FaultStage.EHLO,
    b"HELO": FaultStage.EHLO,
    b"AUTH": FaultStage.AUTH,
    b"MAIL": FaultStage.MAIL,
    b"RCPT": FaultStage.RCPT,
    b"DATA": FaultStage.DATA,
    b"BDAT": FaultStage.DATA,
}


async def obey(session: Any, verb: bytes, method: Any, argument: str) -> None:
    """Obey a command unless a fault is due; after it, where the fault is a delay."""
    stage = STAGES[verb]
    sender, recipients = _addresses(session, verb, argument)
    is_later_chunk = verb == b"BDAT" and session.envelope is not None and session.envelope.incoming is not None
    # What follows a refused BDAT is no command: the connection ends with the reply.
    if is_later_chunk or not await happens(session, stage, sender, recipients, closes=verb == b"BDAT"):
        await method(session, argument)


async def happens_at_dot(session: Acceptance) -> bool:
    """The content is complete. True: it was dealt with, and the transaction is gone."""
    draft = session.envelope
    happened = await happens(session, FaultStage.DOT, draft.mail.sender, [one.address for one in draft.recipients])
    if happened and session.envelope is draft:
        session._set_rset_state()
    return happened


async def happens(
    session: Wire, stage: FaultStage, sender: str = "", recipients: Sequence[str] = (), *, closes: bool = False
) -> bool:
    """Whether a fault ended it here: the client was answered, or dropped."""
    faults = session.endpoint.context.faults
    rule = faults.find(stage, session.endpoint.id, sender, recipients) if faults is not None else None
    if rule is None:
        return False
    session.endpoint.context.counters.add("faults_injected", rule.id)
    fault, recipient = rule.fault, recipients[0] if recipients else ""
    if isinstance(fault, RefuseFault):
        closes = closes or fault.code == 421 or stage is FaultStage.CONNECT
        if stage is FaultStage.CONNECT and session.terms.listener.tls is ListenerTls.IMPLICIT:
            _note(session, stage, rule, sender, recipient, "connection dropped on purpose, in place of a reply before TLS")
            session.abort()
            return True
        session._refuse(_refusal(fault, closes), stage.value, recipient, counts=False)
        return True
    if isinstance(fault, DelayFault):
        _note(session, stage, rule, sender, recipient, f"delayed by {fault.seconds:g} s on purpose")
        waiter = session.loop.create_future()
        timer = session.loop.call_later(fault.seconds, _wake, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
        return session._is_lost
    _note(session, stage, rule, sender, recipient, "connection dropped on purpose")
    session.abort()
    return True


def _wake(waiter: Any) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _refusal(fault: RefuseFault, closes: bool) -> Refusal:
    first, _, rest = fault.text.partition(" ")
    numbers = first.split(".")
    if len(numbers) == 3 and all(number.isdecimal() and len(number) <= 3 for number in numbers) and rest:
        enhanced, text = first, rest
    else:
        enhanced, text = f"{fault.code // 100}.0.0", fault.text
    return Refusal(INJECTED, Reply(fault.code, enhanced, text), closes, is_error=False)


def _addresses(session: Any, verb: bytes, argument: str) -> tuple[str, Sequence[str]]:
    """The sender and the recipients as far as they are known with this command."""
    draft = session.envelope
    try:
        if verb == b"MAIL":
            return parse_mail(argument, session.session.extended_smtp).sender, ()
        if draft is None:
            return "", ()
        if verb == b"RCPT":
            mailbox = parse_rcpt(argument, session.session.extended_smtp).mailbox
            return draft.mail.sender, (str(mailbox) if mailbox is not None else "postmaster",)
    except ParameterError:
        return "", ()
    return draft.mail.sender, [one.address for one in draft.recipients]


def _note(session: Wire, stage: FaultStage, rule: FaultRule, sender: str, recipient: str, words: str) -> None:
    context, endpoint = session.endpoint.context, session.endpoint
    client = session.client.address if session.client is not None else ""
    text = f"{words}: fault rule {rule.id}" + (f", {rule.description}" if rule.description else "")
    log.info("%s at %s from=%s to=%s: %s", client, stage.value, printable(sender) or "-", printable(recipient) or "-", text)
    if context.journal is not None:
        context.journal.injected(
            Refused(
                context.clock(), endpoint.id, client, printable(session.helo, 255), printable(sender, 300),
                printable(recipient, 300), stage.value, INJECTED, text,
            )
        )  # fmt: skip
