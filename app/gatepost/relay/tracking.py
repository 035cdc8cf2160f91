"""Reception's notes, told to the journal in its own terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..store.journal import Journal
from ..store.journal_values import VERIFIED, EntryKind
from ..store.values import NewMessage, StoredMessage
from .reception.context import Note, Refused

VERIFIED_WITH_ARRIVAL = 20
"""Recipients whose verification is told in the arrival's own row; of more, each has a row."""


class ReceptionJournal:
    """Cheap calls on the hot path: each appends to a list that the journal's thread writes."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def received(self, message: NewMessage, stored: StoredMessage, verified: Sequence[Note] = ()) -> None:
        envelope, origin = message.envelope, message.envelope.origin
        by = f"by {origin.protocol} on {origin.listener}" + (f", {origin.tls}" if origin.tls else "")
        content = message.content
        data: dict[str, Any] = {"helo": origin.helo, "user": origin.user, "lanes": [lane for lane, _ in message.parts]}
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
        self.received(message, stored)
        self.noted(stored, notes)

    def refused(self, refused: Refused) -> None:
        self._journal.add(
            0,
            refused.at,
            EntryKind.REFUSED,
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
