"""From a complete message to 250: checks, trace fields, inspection, commit. Or nothing at all.

Order (RFC 5321 §4.2.5, §6.1): flush to stable storage, make visible, answer. A connection lost before the spool was handed
the message leaves nothing; afterwards the message is ours, whatever becomes of the connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from aiosmtpd import smtp

from ...model.envelope import BodyType, Envelope, Origin, Recipient, redirected
from ...model.errors import GatepostError
from ...model.identifiers import queue_id
from ...store.bodies import BodyFile
from ...store.values import LARGE_BODY, Content, NewMessage, StoredMessage
from . import faults, replies, trace
from . import head as heads
from .commands import Commands
from .content import IncomingContent
from .context import BodyWriterPort, Inspected, Note, Share
from .head import Head
from .parameters import MailCommand
from .replies import Refusal

log = logging.getLogger(__name__)


class Draft(smtp.Envelope):
    """A transaction in progress."""

    def __init__(self, mail: MailCommand, limit: int) -> None:
        self.mail = mail
        self.limit = limit
        self.recipients: list[Recipient] = []
        self.known: set[str] = set()
        self.refused = 0
        self.incoming: IncomingContent | None = None
        self.writer: BodyWriterPort | None = None
        """Set once the content goes to a file."""
        self.id = 0
        self.queue_id = ""
        self.received_at = 0.0
        self.head: Head | None = None
        self.refused_as: str | None = None
        """Of the recipients so far; see ``ReceptionContext.refused_as``."""
        self.notes: list[Note] = []


class Acceptance(Commands):
    """The last third of a transaction."""

    envelope: Any = None
    _messages = 0
    _origins: tuple[str, Origin] | None = None

    @property
    def sender(self) -> str:
        return self.envelope.mail.sender if self.envelope is not None else ""

    def _may_relay(self) -> bool:
        return bool(self.user) or (self.client is not None and self.client.may_relay)

    def _set_rset_state(self) -> None:
        draft, self.envelope = self.envelope, None
        if draft is not None and draft.writer is not None:
            draft.writer.discard()
            draft.writer = None

    def _abandon(self) -> None:
        self._set_rset_state()

    # --- large content -----------------------------------------------------------------------------------------------

    async def _spill(self) -> None:
        """Move what is held of a large content to its file."""
        draft = self.envelope
        content = draft.incoming
        try:
            if draft.writer is None:
                prelude = self._begin(draft, content.peek())
                if prelude is None:
                    return
                draft.writer = self.endpoint.context.spool.bodies.open_body()
                await draft.writer.write(prelude)
            await draft.writer.write(content.take())
        except GatepostError as error:
            log.warning("a large message cannot be kept: %s", error)
            content.refuse(_storage_refusal(error))
        if content.refusal is not None and draft.writer is not None:
            draft.writer.discard()
            draft.writer = None

    # --- the whole ---------------------------------------------------------------------------------------------------

    async def _accept(self) -> None:
        """The content is complete. Answers in every case, and leaves no transaction behind."""
        if self.terms.has_faults and await faults.happens_at_dot(self):
            return
        draft = self.envelope
        content = draft.incoming
        value: Content | None = None
        if draft.writer is not None or content.is_large:
            value = await self._finish_file(draft)
        elif content.refusal is None and not self.endpoint.context.spool.has_room(content.size):
            content.refuse(replies.NO_ROOM)  # there was room for what had been announced, or for what came first
        elif content.refusal is None:
            body = content.take()
            prelude = self._begin(draft, body)
            if prelude is not None:
                value = prelude + body
        if value is None:
            self._set_rset_state()
            self._refuse(content.refusal, "data")
            return
        self.envelope = None
        if content.repaired:
            self.endpoint.context.counters.add("tolerated_line_ends", self.endpoint.id, content.repaired)
        await self._keep(draft, value)

    async def _finish_file(self, draft: Draft) -> Content | None:
        content = draft.incoming
        assert content is not None  # noqa: S101 - the caller has it
        if content.refusal is None:
            await self._spill()
        if content.refusal is None and draft.writer is not None and not self._is_lost:
            writer, draft.writer = draft.writer, None
            try:
                return await writer.finish(line_ends_checked=True)
            except GatepostError as error:
                log.warning("a large message cannot be kept: %s", error)
                content.refuse(_storage_refusal(error))
        elif content.refusal is None:
            content.refuse(replies.SHUTTING_DOWN)
        return None

    def _begin(self, draft: Draft, start: bytes) -> bytes | None:
        """Judge the header section and make what goes on top of it; None when the content was refused."""
        terms, content = self.terms, draft.incoming
        assert content is not None  # noqa: S101 - the caller has it
        head = heads.examine(start, terms.own_mark)
        if len(start) >= LARGE_BODY and (head.size < 0 or head.size > LARGE_BODY):
            content.refuse(replies.HEADER_TOO_LARGE)
        elif head.received > terms.max_received:
            content.refuse(replies.TOO_MANY_HOPS)
        elif head.own_passes > trace.OWN_PASSES:
            content.refuse(replies.OWN_LOOP)
        else:
            draft.head = head
            return self._prelude(draft, head, start)
        return None

    def _prelude(self, draft: Draft, head: Head, start: bytes) -> bytes:
        terms, context = self.terms, self.endpoint.context
        draft.id = context.spool.allocate_id()
        draft.received_at = context.clock()
        name = draft.queue_id = queue_id(draft.id)
        recipient = draft.recipients[0].address if len(draft.recipients) == 1 else ""
        origin = self._origin(draft.mail.smtputf8)
        result = trace.received(self._origin_part, origin.protocol, name, self.tls, recipient, draft.received_at)
        is_submitted = terms.adds_missing_fields or self.user or (self.client is not None and self.client.is_trusted)
        if is_submitted and not (head.has_date and head.message_id):
            result += trace.missing_fields(head.has_date, head.message_id, name, terms.host_name, draft.received_at)
        if terms.handling is not None and terms.redirects_to:
            result += trace.original_recipients([one.address for one in draft.recipients])
        if not head.has_fields and not start.startswith(b"\r\n"):
            result += b"\r\n"  # the first line is no field: keep it from becoming part of ours
        return result

    def _origin(self, smtputf8: bool) -> Origin:
        protocol = trace.protocol(self.session.extended_smtp, bool(self.tls), bool(self.user), smtputf8)
        known = self._origins
        if known is None or known[0] != protocol or known[1].helo != self.helo or known[1].user != self.user:
            client = self.client.address if self.client is not None else ""
            origin = Origin(self.endpoint.id, client, self.helo, protocol, self.tls, self.user)
            known = self._origins = (protocol, origin)
        return known[1]

    async def _keep(self, draft: Draft, value: Content) -> None:
        context = self.endpoint.context
        mail, head = draft.mail, draft.head
        assert head is not None  # noqa: S101 - set by _begin
        assert draft.incoming is not None  # noqa: S101 - likewise
        body = mail.body if draft.incoming.is_ascii else BodyType.EIGHT_BIT_MIME
        recipients = tuple(draft.recipients)
        envelope = Envelope(mail.sender, recipients, body, mail.smtputf8, mail.ret, mail.envid, self._origin(mail.smtputf8))
        handling = self.terms.handling
        notes: tuple[Note, ...] = ()
        if handling is not None:
            if self.terms.captures:
                await self._capture(draft, envelope, value, head)
                return
            envelope, notes = self._redirected(envelope)
        shares: tuple[Share, ...] = (Share(envelope, value),)
        handed_over = False
        try:
            if context.inspect is not None:
                seen = await asyncio.ensure_future(context.inspect(envelope, value, self._may_relay()))
                if not seen.shares:
                    self._keep_nothing(draft, shares[0], head, seen)
                    return
                shares = seen.shares
            if self._is_lost:
                return
            messages = [self._message(draft, share, head, index == 0) for index, share in enumerate(shares)]
            handed_over = True
            if handling is not None:
                kept = await self._submit_handled(messages)
            elif len(messages) == 1:
                kept = [await context.spool.submit(messages[0])]
            else:
                kept = await context.spool.submit_all(messages)
        except GatepostError as error:
            log.warning("a message cannot be kept: %s", error)
            self._refuse(_storage_refusal(error), "data")
            return
        finally:
            if not handed_over:
                for share in shares:
                    if isinstance(share.content, BodyFile):
                        share.content.discard()
        for message, stored, share in zip(messages, kept, shares, strict=True):
            self._tell(message, stored, share, _verified(draft, share, len(shares)), notes)
        self._take_responsibility(draft)

    # --- handling other than delivery -----------------------------------------------------------------------------------

    async def _capture(self, draft: Draft, envelope: Envelope, value: Content, head: Head) -> None:
        """Kept in a tray, as durably as accepted mail, and answered alike."""
        context = self.endpoint.context
        if context.capture is None or self._is_lost:
            if isinstance(value, BodyFile):
                value.discard()
            self._refuse(replies.STORAGE, "data")
            return
        try:
            words = await asyncio.ensure_future(context.capture.keep(draft.id, envelope, value))
        except GatepostError as error:
            log.warning("a message cannot be captured: %s", error)
            self._refuse(_storage_refusal(error), "data")
            return
        if context.not_kept is not None:
            message = NewMessage(
                envelope, value, (), draft.received_at, draft.received_at, draft.received_at, None, head.subject,
                head.message_id, id=draft.id,
            )  # fmt: skip
            context.not_kept(message, (*draft.notes, Note("captured", "", words)))
        self._take_responsibility(draft)

    def _redirected(self, envelope: Envelope) -> tuple[Envelope, tuple[Note, ...]]:
        """The envelope that the message goes on with. Its content names the recipients already, see ``_prelude``."""
        address = self.terms.redirects_to
        if not address:
            return envelope, ()
        self.endpoint.context.counters.add("redirected", self.endpoint.id)
        named = ", ".join(recipient.address for recipient in envelope.recipients)
        words = f"Listener {self.endpoint.id} redirects all mail to {address}; it was for {named}"[:1000]
        return replace(envelope, recipients=(redirected(address, envelope.recipients),)), (Note("note", "", words),)

    async def _submit_handled(self, messages: Sequence[NewMessage]) -> list[StoredMessage]:
        context = self.endpoint.context
        if self.terms.keeps_copies and context.capture is not None:
            return await asyncio.ensure_future(context.capture.submit_with_copies(messages))
        return await context.spool.submit_all(messages)

    def _keep_nothing(self, draft: Draft, share: Share, head: Head, seen: Inspected) -> None:
        """Inspection refused the message, or had it accepted and forgotten."""
        context = self.endpoint.context
        if context.not_kept is not None and (seen.notes or seen.refusal is None):
            context.not_kept(self._message(draft, share, head, True), (*draft.notes, *seen.notes))
        if seen.refusal is not None:
            self._refuse(Refusal(seen.reason, seen.refusal), "data")
        else:
            self._take_responsibility(draft)

    def _message(self, draft: Draft, share: Share, head: Head, is_first: bool) -> NewMessage:
        """``is_first``: it has the id that stands in the Received field and is told to the client."""
        terms, context = self.terms, self.endpoint.context
        parts = context.lanes(share.envelope)
        now = draft.received_at
        if context.times is not None:
            due_at, expires_at, notice_at = context.times(parts, now)
        else:
            due_at, expires_at = now + terms.delivery_delay, now + terms.lifetime
            notice_at = None if terms.delay_notice is None else now + terms.delay_notice
        subject = f"{share.subject_prefix} {head.subject}".rstrip() if share.subject_prefix else head.subject
        hold_until = None if share.hold_seconds is None else now + share.hold_seconds
        number = draft.id if is_first else context.spool.allocate_id()
        return NewMessage(
            share.envelope, share.content, parts, now, due_at, expires_at, notice_at, subject, head.message_id, 0,
            share.hold, number, hold_until, share.quarantine,
        )  # fmt: skip

    def _take_responsibility(self, draft: Draft) -> None:
        self._messages += 1
        self._errors = 0
        self._idle_commands = 0
        self.endpoint.context.counters.add("accepted")
        self._out.append(f"250 2.0.0 Ok: queued as {draft.queue_id}\r\n".encode())

    def _tell(
        self, message: NewMessage, stored: StoredMessage, share: Share, verified: list[Note], notes: tuple[Note, ...]
    ) -> None:
        """The message is on the disk: a failure here must not make the client send it again."""
        context = self.endpoint.context
        try:
            context.accepted(stored, share.content)
            if context.journal is not None:
                context.journal.received(message, stored, verified)
            if (notes or share.notes) and context.noted is not None:
                context.noted(stored, (*notes, *share.notes))
        except Exception:
            log.exception("message %s is kept, but not everybody could be told", stored.queue_id)


def _verified(draft: Draft, share: Share, shares: int) -> list[Note]:
    """How the recipients of a share were verified."""
    if shares == 1:
        return draft.notes
    addresses = {recipient.address for recipient in share.envelope.recipients}
    return [note for note in draft.notes if not note.recipient or note.recipient in addresses]


def _storage_refusal(error: GatepostError) -> Refusal:
    if error.code == "store-full":
        return replies.NO_ROOM
    return replies.STORAGE
