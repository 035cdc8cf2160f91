"""A tracked message in the words of its list."""

from __future__ import annotations

from collections import Counter

from ....control.tracking_schema import TrackedMessage
from ...i18n import mark, ntr, tr
from ...models.columns import Column, Kind, Tone
from ...words import moment_text, size_text
from ..spool.columns import sender_text

_STATES = {
    "waiting": (mark("Waiting"), Tone.ACCENT),
    "deferred": (mark("Deferred"), Tone.WARNING),
    "quarantined": (mark("Held"), Tone.NEUTRAL),
    "delivered": (mark("Delivered"), Tone.GOOD),
    "bounced": (mark("Not delivered"), Tone.BAD),
    "deleted": (mark("Deleted"), Tone.NEUTRAL),
    "captured": (mark("Captured"), Tone.WARNING),
}


def state_text(state: str) -> str:
    return tr(_STATES[state][0]) if state in _STATES else state


def state_tone(state: str) -> Tone:
    return _STATES[state][1] if state in _STATES else Tone.NEUTRAL


def recipients_text(message: TrackedMessage) -> str:
    if not message.recipients:
        return ""
    first, more = message.recipients[0].address, message.recipient_count - 1
    return ntr("{first} and {n} more", "{first} and {n} more", more, first=first) if more > 0 else first


def last_reply(message: TrackedMessage) -> str:
    """Of the recipient whose state changed last."""
    newest = max(message.recipients, key=lambda recipient: recipient.changed_at, default=None)
    return newest.last_reply if newest is not None else ""


def outcome_text(message: TrackedMessage) -> str:
    """How many recipients are in which state, when they are not all in one."""
    counts = Counter(recipient.state for recipient in message.recipients)
    if len(counts) < 2:
        return ""
    return ", ".join(tr("{n} × {state}", n=count, state=state_text(state)) for state, count in counts.most_common())


def columns() -> tuple[Column, ...]:
    return (
        Column(
            "state", mark("State"), lambda row: state_text(row.state), 11, 10, kind=Kind.PILL,
            tone=lambda row: state_tone(row.state), tooltip=outcome_text, words=lambda: map(state_text, _STATES),
        ),
        Column(
            "received", mark("Received"), lambda row: moment_text(row.received_at), 13, 12, rank=2,
            tone=lambda row: Tone.QUIET, tooltip=lambda row: moment_text(row.received_at, seconds=True),
        ),
        Column("sender", mark("From"), lambda row: sender_text(row.sender), 25, 16, rank=1),
        Column(
            "recipients", mark("To"), recipients_text, 27, 16, rank=1,
            tooltip=lambda row: "\n".join(f"{r.address}: {state_text(r.state)}" for r in row.recipients[:20]),
        ),
        Column("subject", mark("Subject"), lambda row: row.subject, 30, 12, rank=3),
        Column(
            "size", mark("Size"), lambda row: size_text(row.size), 8, 8, rank=6, kind=Kind.NUMBER, tone=lambda row: Tone.QUIET,
        ),
        Column("id", mark("Id"), lambda row: row.queue_id, 10, 9, rank=5, tone=lambda row: Tone.QUIET),
        Column("reply", mark("Last reply"), last_reply, 40, 16, rank=4, tone=lambda row: Tone.QUIET),
    )  # fmt: skip
