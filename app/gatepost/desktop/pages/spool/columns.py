"""A delivery of the spool in the words of its list."""

from __future__ import annotations

import time
from collections.abc import Callable

from ....control.spool_schema import SpoolRow
from ...i18n import format_count, mark, ntr, tr
from ...models.columns import Column, Kind, Tone
from ...relay_texts import said
from ...words import age_text, moment_text, size_text, span_text
from ..lists.gateways import Gateways

_KNOWN = ("", "time", "release")
Clock = Callable[[], float]

_STATES = {"waiting": mark("Waiting"), "deferred": mark("Deferred"), "held": mark("Held")}
_TONES = {"waiting": Tone.ACCENT, "deferred": Tone.WARNING, "held": Tone.NEUTRAL}


def state_text(state: str) -> str:
    return tr(_STATES.get(state, state))


def state_tone(state: str) -> Tone:
    return _TONES.get(state, Tone.NEUTRAL)


def sender_text(sender: str) -> str:
    """Reports come from nobody (RFC 5321 §4.5.5)."""
    return sender or tr("<> (a report)")


def facts_text(queue_id: str, sender: str, size: int, received_at: float) -> str:
    """Of a message, on one line above its details."""
    return tr(
        "{id} · from {sender} · {size} · received {moment}",
        id=queue_id,
        sender=sender_text(sender),
        size=size_text(size),
        moment=moment_text(received_at),
    )


def recipients_text(row: SpoolRow) -> str:
    """The first one and how many more; of those that were many at first, how many are left."""
    first = row.recipients[0] if row.recipients else ""
    total = max(row.recipient_total, row.recipient_count)
    if total > row.recipient_count:
        return tr("{first} ({n} of {m})", first=first, n=format_count(row.recipient_count), m=format_count(total))
    if row.recipient_count > 1:
        return ntr("{first} and {n} more", "{first} and {n} more", row.recipient_count - 1, first=first)
    return first


class SpoolWords:
    """What needs to know the time, the gateways, and whether the relay delivers at all."""

    def __init__(self, gateways: Gateways, clock: Clock = time.time) -> None:
        self.gateways = gateways
        self.clock = clock
        self.is_stopped = False
        self.is_paused = False

    def waiting_for(self, row: SpoolRow) -> str:
        now = self.clock()
        if row.state == "held":
            return tr("Release: {reason}", reason=said(row.hold)) if row.hold else tr("A release")
        if self.is_stopped:
            return tr("The relay is stopped")
        if self.is_paused:
            return tr("Delivery is paused")
        kind, _, name = (f"gateway:{row.pinned_gateway}" if row.pinned_gateway else row.lane).partition(":")
        gateway = self.gateways[name] if kind in ("gateway", "inbound") else None
        if gateway is not None and gateway.health == "disabled":
            return tr("Gateway: {name} is disabled", name=gateway.label)
        if gateway is not None and gateway.health == "resting":
            words = mark("Primary server: {name} rests") if kind == "inbound" else mark("Gateway: {name} rests")
            return tr(words, name=gateway.label)
        if row.waiting not in _KNOWN:
            return said(row.waiting)  # why its way out is closed
        if row.due_at > now + 1:
            return tr("Time: the next attempt")
        return tr("Its turn at {name}", name=gateway.label) if gateway is not None else tr("Its turn")

    def next_attempt(self, row: SpoolRow) -> str:
        if row.state == "held":
            return "–"
        left = row.due_at - self.clock()
        return tr("now") if left < 1 else tr("in {span}", span=span_text(left))

    def age(self, row: SpoolRow) -> str:
        return age_text(row.received_at, self.clock())

    def columns(self) -> tuple[Column, ...]:
        return (
            Column(
                "state", mark("State"), lambda row: state_text(row.state), 9, 8, order="state", kind=Kind.PILL,
                tone=lambda row: state_tone(row.state), words=lambda: map(state_text, _STATES),
            ),
            Column("sender", mark("From"), lambda row: sender_text(row.sender), 24, 16, order="sender", rank=1),
            Column(
                "recipients", mark("To"), recipients_text, 26, 16, rank=1,
                tooltip=lambda row: "\n".join(row.recipients) + ("\n…" if row.recipient_count > len(row.recipients) else ""),
            ),
            Column("subject", mark("Subject"), lambda row: row.subject, 30, 12, order="subject", rank=3),
            Column(
                "waiting", mark("Waiting for"), self.waiting_for, 27, 14, rank=2, is_live=True,
                tooltip=lambda row: said(row.waiting) if row.waiting not in _KNOWN else self.waiting_for(row),
            ),
            Column(
                "size", mark("Size"), lambda row: size_text(row.size), 8, 8, order="size", rank=7, kind=Kind.NUMBER,
                tone=lambda row: Tone.QUIET, descending_first=True,
            ),
            Column(
                "age", mark("Age"), self.age, 7, 7, order="age", rank=4, kind=Kind.NUMBER, tone=lambda row: Tone.QUIET,
                is_live=True, tooltip=lambda row: moment_text(row.received_at, seconds=True), descending_first=True,
            ),
            Column(
                "attempts", mark("Attempts"), lambda row: str(row.attempts), 9, 9, order="attempts", rank=8, kind=Kind.NUMBER,
                tone=lambda row: Tone.QUIET, descending_first=True,
            ),
            Column(
                "next", mark("Next attempt"), self.next_attempt, 12, 11, order="next-attempt", rank=5, is_live=True,
                tone=lambda row: Tone.QUIET, tooltip=lambda row: moment_text(row.due_at, seconds=True),
            ),
            Column(
                "reply", mark("Last reply"), lambda row: row.last_reply, 40, 16, rank=6, tone=lambda row: Tone.QUIET,
            ),
        )  # fmt: skip
