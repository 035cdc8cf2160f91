"""Mail that comes in by no listener: our own notices and tests, and what is released from the test inbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..model.envelope import Envelope, Notify, Origin, Recipient
from ..store.journal_values import EntryKind
from ..store.values import Content, NewMessage, SpoolFilter
from .test_message import header_value

if TYPE_CHECKING:
    from .service import RelayService


class Submitting:
    def __init__(self, service: RelayService) -> None:
        self._service = service

    async def own(
        self,
        sender: str,
        recipients: Sequence[str],
        content: bytes,
        *,
        pinned: str | None = None,
        notify: Notify = Notify.UNSPECIFIED,
    ) -> str:
        """Put a message of our own into the spool; returns its queue id when it is durable."""
        to = tuple(Recipient(recipient, notify) for recipient in recipients)
        envelope = Envelope(sender, to, origin=Origin(protocol="local"))
        content = await self._service.screening.signed(envelope, content)
        names = header_value(content, b"subject"), header_value(content, b"message-id")
        return await self.again(envelope, content, *names, pinned=pinned)

    async def again(
        self, envelope: Envelope, content: Content, subject: str, message_id_header: str, *, pinned: str | None, why: str = ""
    ) -> str:
        """Put a message into the spool that came in by no listener; ``pinned``: by this gateway only."""
        service = self._service
        now = service.clock()
        parts = service.router.lanes(envelope)
        if pinned is not None:
            parts = ((f"gateway:{pinned}", envelope.recipients),)
        times = service.message_times(parts, now)
        message = NewMessage(
            envelope=envelope,
            content=content,
            parts=parts,
            received_at=now,
            due_at=now,
            expires_at=times.expires_at,
            delay_notice_at=times.delay_notice_at,
            subject=subject,
            message_id_header=message_id_header,
        )
        stored = await service.spool.submit(message)
        if pinned is not None:
            words = f"{service.router.lane_words(parts[0][0])} was chosen for it by hand."
            service.reception_journal.received_for(message, stored, words[:1].upper() + words[1:])
            await service.queue.reroute(SpoolFilter(message_ids=(stored.id,)), pinned)
        else:
            service.reception_journal.received(message, stored)
            service.accepted(stored, content)
        if why:
            service.journal.add(stored.id, now, EntryKind.NOTE, "", why)
        return stored.queue_id
