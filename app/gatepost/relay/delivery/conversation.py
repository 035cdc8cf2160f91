"""Both sides of a transaction, as tracking keeps them: lines beginning ``C: `` or ``S: ``, notes beginning ``-- ``.

A kept connection is set up once and used for many messages: its first message holds the set-up, the others name it.
"""

from __future__ import annotations

from .values import Outcome, OutcomeState

MAX_SET_UP = 20
MAX_RECIPIENTS = 10


def told(outcome: Outcome, label: str) -> list[str]:
    """What was said about one job, bounded by ``MAX_SET_UP`` and ``MAX_RECIPIENTS``."""
    lines = [f"-- {label}"]
    if outcome.failure is not None:
        lines.extend(outcome.failure.dialogue)
        lines.append(f"-- {outcome.failure.text}")
        return lines
    session = outcome.session
    if session is not None and not session.address:  # nothing was said: it stayed here
        return [*lines, f"-- {outcome.final}"]
    if session is not None and outcome.number > 1 and outcome.is_delivered:
        security = str(session.tls) if session.tls is not None else "not encrypted"
        where = f"{session.address} port {session.port}"
        lines.append(f"-- message {outcome.number} on the connection to {where}, {security}")
    elif session is not None:
        lines.extend(session.dialogue[-MAX_SET_UP:])
    if outcome.mail is not None:
        lines += [f"C: MAIL FROM:<{outcome.job.sender}>", f"S: {outcome.mail}"]
    for recipient, reply in list(zip(outcome.job.recipients, outcome.recipients, strict=False))[:MAX_RECIPIENTS]:
        lines += [f"C: RCPT TO:<{recipient.address}>", f"S: {reply}" if reply is not None else "-- no reply"]
    if (more := len(outcome.job.recipients) - MAX_RECIPIENTS) > 0:
        lines.append(f"-- and {more} more recipients")
    if outcome.data is not None:
        lines += ["C: DATA", f"S: {outcome.data}"]
    if outcome.final is not None and outcome.state is OutcomeState.COMPLETED:
        lines += [f"C: ({outcome.sent_octets} octets)", f"S: {outcome.final}"]
    elif outcome.final is not None:
        lines.append(f"-- {outcome.final}")
    if outcome.state in (OutcomeState.LOST, OutcomeState.UNKNOWN):
        lines.append(f"-- connection lost during {outcome.stage}")
    return lines
