"""From what an attempt came to, to what is recorded: recipient states, the next time, the notification that is owed.

Also what is told about it: the journal, the counters, the events.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from ...model.envelope import Envelope, Origin, Recipient
from ...model.errors import GatepostError
from ...model.reply import Reply
from ...store.journal_values import EntryKind, JournalEntry
from ...store.values import (
    Content,
    Delivery,
    DeliveryResult,
    NewMessage,
    RecipientOutcome,
    RecipientRow,
    RecipientState,
    StoredMessage,
)
from ..common.printable import printable
from . import dsn, schedule
from .attempt import Attempt, Settled
from .classify import Fate
from .surroundings import Surroundings

log = logging.getLogger(__name__)

EXPIRED_STATUS = "4.4.7"
"""RFC 3463 §3.5: delivery time expired."""
HEAD = dsn.MAX_HEADER
"""Octets read of a message on disk for a notification."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an attempt has to tell: by which hops it went and why, and what was said there."""

    way: str = ""
    dialogue: Sequence[str] = ()


NOTHING_TOLD = Told()


class Ledger:
    """Pure but for journal, counters and events, which it writes to."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def result(
        self, delivery: Delivery, settled: Sequence[Settled], now: float, *, counts: bool, content: bytes | None
    ) -> DeliveryResult:
        """``content``: what a notification quotes; None when ``needs_content`` said that none is owed."""
        outcomes: list[RecipientOutcome] = []
        reports: list[dsn.Report] = []
        deferred: Settled | None = None
        is_over = schedule.is_over(delivery.expires_at, now)
        for one in settled:
            state = state_of(one, is_over)
            outcomes.append(RecipientOutcome(one.row.id, state, printable(str(one.reply), 500)))
            if state is RecipientState.WAITING:
                deferred = one
            elif (report := _report(one, state, now)) is not None:
                reports.append(report)
        due_at: float | None = None
        waiting = ""
        if deferred is not None:
            rule = self.rule(delivery, deferred)
            due_at = schedule.next_attempt(now, delivery.attempts + 1, rule, delivery.expires_at, delivery.id)
            due_at = min([due_at, *(one.until for one in settled if one.until is not None)])
            waiting = "time"
        owed = dsn.owed(delivery.envelope.sender, reports)
        notification = self.notification(delivery, owed, now, content) if owed and content is not None else None
        last = printable(str(deferred.reply), 500) if deferred is not None else ""
        return DeliveryResult(delivery, tuple(outcomes), due_at, last, waiting, counts, dsn=notification)

    def needs_content(self, delivery: Delivery, settled: Sequence[Settled], now: float) -> bool:
        """Whether a notification is owed, so that something of the message has to be read."""
        is_over = schedule.is_over(delivery.expires_at, now)
        reports = [r for one in settled if (r := _report(one, state_of(one, is_over), now)) is not None]
        return bool(dsn.owed(delivery.envelope.sender, reports))

    def rule(self, delivery: Delivery, one: Settled | None = None) -> schedule.RetryPolicy:
        gateway = one.hop.gateway_id if one is not None and one.hop is not None else None
        gateway = gateway or delivery.pinned_gateway or schedule.gateway_of_lane(delivery.lane)
        return schedule.policy_for(self._around.configuration(), gateway)

    def notification(self, delivery: Delivery, reports: Sequence[dsn.Report], now: float, content: bytes) -> NewMessage | None:
        """The notification as a message of our own; None where answering would answer a notification."""
        if not reports or dsn.is_notification(content):
            return None
        around, envelope = self._around, delivery.envelope
        identity = around.spool.allocate_id()
        settings = around.configuration().settings
        host = around.host_name()
        original = dsn.Original(
            delivery.queue_id, envelope.sender, delivery.received_at, delivery.size, content,
            envelope.envid, envelope.ret, envelope.smtputf8, delivery.subject, _message_id(content),
        )  # fmt: skip
        composed = dsn.compose(
            original, reports, host_name=host, postmaster=settings.server.postmaster or f"postmaster@{host}",
            now=now, serial=f"{delivery.queue_id}.{identity}",
        )  # fmt: skip
        reply_to = Envelope(
            "", (Recipient(envelope.sender),), composed.body, composed.smtputf8, origin=Origin(protocol="local")
        )
        try:
            parts = around.router.lanes(reply_to)
        except GatepostError as error:
            log.error("no way to notify %s about %s: %s", printable(envelope.sender), delivery.queue_id, error)
            return None
        ends, _ = schedule.deadlines(now, schedule.policy(settings.spool))
        return NewMessage(
            reply_to, composed.content, parts, now, now, ends, None, composed.subject, priority=0, id=identity,
        )  # fmt: skip

    def tell_notified(
        self, delivery: Delivery, notification: NewMessage, stored: StoredMessage, kind: EntryKind = EntryKind.DSN
    ) -> None:
        """The story of the message names its notification, which has a story of its own."""
        self._around.notified(notification, stored)
        words = f"{notification.subject}: {stored.queue_id}"
        self._around.journal.note(
            JournalEntry(delivery.message_id, self._around.clock(), kind, delivery.envelope.sender, words)
        )

    def tell(self, delivery: Delivery, settled: Sequence[Settled], now: float, told: Told) -> None:
        """Journal, counters, events: once the outcome is known, before it is recorded."""
        around = self._around
        is_over = schedule.is_over(delivery.expires_at, now)
        note = around.journal.note
        if told.dialogue:
            data = {"dialogue": list(told.dialogue)}
            note(JournalEntry(delivery.message_id, now, EntryKind.ATTEMPT, "", told.way, data))
        seen: set[str] = set()
        for one in settled:
            state = state_of(one, is_over)
            kind, counter = _KINDS[state]
            if one.hop is not None and one.hop.captures and kind in _TAKEN:
                kind, counter = EntryKind.CAPTURED, ""
            if state is RecipientState.FAILED and one.fate is Fate.DEFERRED:
                kind = EntryKind.EXPIRED
            seen.add(counter)
            hop_key = one.hop.key if one.hop is not None else ""
            reply = printable(str(one.reply), 500)
            note(JournalEntry(delivery.message_id, now, kind, one.row.address, reply, {"hop": hop_key} if hop_key else None))
            if one.is_uncertain:
                log.warning("%s to %s may be delivered twice: %s", delivery.queue_id, printable(one.row.address), reply)
        seen.discard("")
        for counter in seen:
            around.counters.add(counter)
        for counter in seen:
            if around.events.is_followed(f"message.{counter}"):
                around.events.publish(
                    f"message.{counter}",
                    id=delivery.message_id,
                    queue_id=delivery.queue_id,
                    lane=delivery.lane,
                    gateway_id=next((one.hop.gateway_id for one in settled if one.hop is not None), None),
                    reply=printable(str(settled[-1].reply), 300),
                )

    def tell_delivered(
        self, attempt: Attempt, row: RecipientRow, reply: Reply, relayed: bool, now: float, dialogue: list[str]
    ) -> None:
        """``tell`` for the one case that is nearly all of them: one entry, which holds the way and the dialogue too."""
        around, delivery, hop = self._around, attempt.delivery, attempt.hop
        kind = EntryKind.RELAYED if relayed else EntryKind.DELIVERED
        if hop.handling is not None and hop.captures:
            kind = EntryKind.CAPTURED
        data = {"hop": hop.key, "way": attempt.way, "dialogue": dialogue}
        around.journal.note(JournalEntry(delivery.message_id, now, kind, row.address, str(reply)[:500], data))
        if kind is EntryKind.CAPTURED:
            return
        around.counters.add("delivered")
        if around.events.is_followed("message.delivered"):
            around.events.publish(
                "message.delivered", id=delivery.message_id, queue_id=delivery.queue_id, lane=delivery.lane,
                gateway_id=hop.gateway_id,
            )  # fmt: skip

    async def quote(self, delivery: Delivery, content: Content | None) -> bytes:
        """As much of the message as a notification may need."""
        if content is None:
            content = await self._around.spool.load_content(delivery.message_id)
        if isinstance(content, bytes):
            return content
        return await content.read_start(HEAD)


_KINDS = {
    RecipientState.DELIVERED: (EntryKind.DELIVERED, "delivered"),
    RecipientState.RELAYED: (EntryKind.RELAYED, "delivered"),
    RecipientState.WAITING: (EntryKind.DEFERRED, "deferred"),
    RecipientState.FAILED: (EntryKind.BOUNCED, "bounced"),
}


_TAKEN = (EntryKind.DELIVERED, EntryKind.RELAYED)


def state_of(one: Settled, is_over: bool) -> RecipientState:
    if one.fate is Fate.DELIVERED:
        return RecipientState.DELIVERED if one.reports_itself else RecipientState.RELAYED
    return RecipientState.FAILED if one.fate is Fate.FAILED or is_over else RecipientState.WAITING


def _report(one: Settled, state: RecipientState, now: float) -> dsn.Report | None:
    if state is RecipientState.RELAYED:
        return dsn.Report(one.row, dsn.Action.RELAYED, one.reply, one.remote, now)
    if state is RecipientState.FAILED:
        status = EXPIRED_STATUS if one.fate is Fate.DEFERRED else ""
        return dsn.Report(one.row, dsn.Action.FAILED, one.reply, one.remote, now, status=status)
    return None


def _message_id(content: bytes) -> str:
    """The Message-ID of a message, if it stands on one line of its header."""
    header = b"\r\n" + dsn.header_of(content)
    at = header.lower().find(b"\r\nmessage-id:")
    if at < 0:
        return ""
    return header[at + 13 : header.find(b"\r\n", at + 2)].strip().decode("ascii", "replace")
