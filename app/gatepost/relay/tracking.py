"""Reception's notes, told to the journal in its own terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..model.envelope import Envelope, Recipient
from ..store.journal import Journal
from ..store.journal_values import ROUTES, VERIFIED, EntryKind
from ..store.values import Moved, NewMessage, StoredMessage
from .common.clock import Clock
from .reception.context import Note, Refused

Parts = Sequence[tuple[str, Sequence[Recipient]]]
Routes = Sequence[tuple[str, str, str]]
"""(lane, recipient, sentence), as ``Router.reasons`` gives them."""

VERIFIED_WITH_ARRIVAL = 20
"""Recipients whose verification is told in the arrival's own row; of more, each has a row."""


class Ways(Protocol):
    """Routing, as stories ask it."""

    def reasons(self, envelope: Envelope, parts: Parts) -> Routes: ...
    def lane_words(self, lane: str) -> str: ...


class ReceptionJournal:
    """Cheap calls on the hot path: each appends to a list that the journal's thread writes.

    How the recipients were verified, by which lane the message leaves and why is kept with its arrival; the timeline makes
    steps of it.
    """

    def __init__(self, journal: Journal, ways: Ways, clock: Clock) -> None:
        self._journal = journal
        self._ways = ways
        self._clock = clock

    def received(self, message: NewMessage, stored: StoredMessage, verified: Sequence[Note] = ()) -> None:
        self._received(message, stored, self._ways.reasons(message.envelope, message.parts), verified)

    def received_for(self, message: NewMessage, stored: StoredMessage, why: str) -> None:
        """A message whose way was not left to the rules."""
        self._received(message, stored, [(lane, "", why) for lane, _ in message.parts])

    def _received(self, message: NewMessage, stored: StoredMessage, routes: Routes, verified: Sequence[Note] = ()) -> None:
        envelope, origin = message.envelope, message.envelope.origin
        if origin.listener:
            by = f"by {origin.protocol} on {origin.listener}" + (f", {origin.tls}" if origin.tls else "")
        else:
            by = "made by Gatepost itself"
        content = message.content
        data: dict[str, Any] = {"helo": origin.helo, "user": origin.user, ROUTES: routes}
        if 0 < len(verified) <= VERIFIED_WITH_ARRIVAL:
            data[VERIFIED] = [(note.recipient, note.text) for note in verified]
        self._journal.received(
            stored.id,
            message.received_at,
            envelope.sender,
            [recipient.address for recipient in envelope.recipients],
            message.subject,
            len(content) if isinstance(content, bytes) else content.size,
            origin.client,
            message.message_id_header,
            by,
            data,
        )
        if len(verified) > VERIFIED_WITH_ARRIVAL:
            self.noted(stored, verified)

    def not_kept(self, message: NewMessage, notes: Sequence[Note]) -> None:
        """A message that inspection refused, or had accepted and forgotten: all that is left of it is its story."""
        stored = StoredMessage(message.id, message.received_at, ())
        self._received(message, stored, ())
        self.noted(stored, notes)

    async def moved(self, moved: Sequence[Moved]) -> None:
        """Queued mail that leaves by other lanes, because the routing changed. Waits while the journal is behind."""
        ways, now = self._ways, self._clock()
        for one in moved:
            after = one.after[:10]
            words = "; ".join(ways.lane_words(lane) for lane in after)
            text = f"The routing was changed. What waited for {ways.lane_words(one.before)} now goes by {words}."
            self._journal.add(one.message_id, now, EntryKind.REROUTED, "", text, {"lanes": list(after)})
        await self._journal.room()

    def refused(self, refused: Refused) -> None:
        self._told(EntryKind.REFUSED, refused)

    def injected(self, refused: Refused) -> None:
        self._told(EntryKind.NOTE, refused)

    def _told(self, kind: EntryKind, refused: Refused) -> None:
        self._journal.add(
            0,
            refused.at,
            kind,
            refused.recipient,
            refused.reply,
            {
                "client": refused.client,
                "sender": refused.sender,
                "listener": refused.listener,
                "helo": refused.helo,
                "stage": refused.stage,
                "reason": refused.reason,
            },
        )

    def noted(self, stored: StoredMessage, notes: Sequence[Note]) -> None:
        """What inspection had to say of a message that was stored."""
        for note in notes:
            self._journal.add(stored.id, stored.received_at, EntryKind(note.kind), note.recipient, note.text, note.data)
