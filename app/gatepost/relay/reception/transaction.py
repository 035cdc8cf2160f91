"""MAIL, RCPT, DATA and BDAT: gathering an envelope and its content. What happens to the whole is ``acceptance``'s."""

# ruff: noqa: N802 - smtp_… are the names by which aiosmtpd knows commands

from __future__ import annotations

import asyncio
import inspect
import re

from aiosmtpd.smtp import syntax

from ...model.envelope import Recipient
from . import replies
from .acceptance import Acceptance, Draft
from .admission import Decision
from .content import IncomingContent
from .context import ACCEPTED, Note, RecipientQuestion, RecipientVerdict
from .data_reader import ChunkReader, DotReader
from .parameters import MailCommand, ParameterError, RcptCommand, parse_mail, parse_rcpt
from .replies import Refusal
from .wire import CHUNK, COMMAND, DATA

_BDAT = re.compile(r"(\d{1,20})(?: +(LAST))?\Z", re.IGNORECASE | re.ASCII)
_GRACE_SECONDS = 30.0
"""Before the least rate of message data is asked for."""

OK = b"250 2.0.0 Ok\r\n"
_MAIL_OK = b"250 2.1.0 Ok\r\n"
_RCPT_OK = b"250 2.1.5 Ok\r\n"
_GO_AHEAD = b"354 End data with <CR><LF>.<CR><LF>\r\n"


class Transaction(Acceptance):
    """One message at a time; ``envelope`` is None between transactions."""

    _reading: DotReader | ChunkReader | None = None
    _chunk_refusal: Refusal | None = None
    _is_last_chunk = False
    _chunk_size = 0
    _content_since = 0.0

    # --- MAIL --------------------------------------------------------------------------------------------------------

    @syntax("MAIL FROM:<address>", extended=" [parameters]")
    async def smtp_MAIL(self, arg: str) -> None:
        if self.session.host_name is None:
            self._refuse(replies.HELO_FIRST)
            return
        if self.envelope is not None:
            self._refuse(replies.NESTED_MAIL)
            return
        endpoint = self.endpoint
        terms = self.terms = endpoint.terms
        try:
            command = parse_mail(arg, self.session.extended_smtp)
        except ParameterError as error:
            self._refuse(Refusal("parameters", error.reply), "mail")
            return
        refusal = self._sender_refusal(command)
        if refusal is not None:
            self._refuse(refusal, "mail")
            return
        self.envelope = Draft(command, terms.max_message_bytes)
        self._out.append(_MAIL_OK)

    def _sender_refusal(self, command: MailCommand) -> Refusal | None:
        terms, client = self.terms, self.client
        assert client is not None  # noqa: S101 - commands come only after admission
        limits = terms.listener.limits
        if self._messages >= limits.messages_per_connection:
            return replies.TOO_MANY_MESSAGES
        # Asked anew of the present configuration: what was trusted when the connection began may not be any more.
        self.client = client = terms.admission.client(client.address)
        if (refusal := terms.admission.sender(client, bool(self.user), terms.listener.mode)) is not None:
            return refusal
        if not terms.admission.is_served(client, terms.listener.mode):
            return replies.NOT_TRUSTED
        if command.size > terms.max_message_bytes:
            return replies.TOO_LARGE
        if not self.endpoint.context.spool.has_room(command.size):
            return replies.NO_ROOM
        if command.needs_smtputf8 and not command.smtputf8:
            return replies.NEEDS_SMTPUTF8
        return None

    # --- RCPT --------------------------------------------------------------------------------------------------------

    @syntax("RCPT TO:<address>", extended=" [parameters]")
    async def smtp_RCPT(self, arg: str) -> None:
        draft = self.envelope
        if draft is None or draft.incoming is not None:
            self._refuse(replies.MAIL_FIRST)
            return
        try:
            command = parse_rcpt(arg, self.session.extended_smtp)
        except ParameterError as error:
            self._refuse(Refusal("parameters", error.reply), "rcpt", arg, counts=not self._may_relay())
            return
        given = str(command.mailbox) if command.mailbox is not None else "postmaster"
        decision = self._decide(draft, command)
        refusal, verdict = decision.refusal, ACCEPTED
        if refusal is None and decision.ask:
            answer = self._ask(draft, decision)
            found = await answer if isinstance(answer, asyncio.Future) else answer
            if self._is_lost:
                return
            if isinstance(found, Refusal):
                refusal = found
            else:
                verdict = found
        if refusal is None and not self._is_refused_alike(draft, decision):
            refusal = replies.INSPECTED_APART
        if refusal is not None:
            draft.refused += 1
            self._refuse(refusal, "rcpt", given, counts=not self._may_relay())
            return
        if decision.address not in draft.known:
            draft.known.add(decision.address)
            if verdict.words:
                draft.notes.append(Note("verified", decision.address, verdict.words))
            draft.recipients.append(Recipient(decision.address, command.notify, command.orcpt))
        self._out.append(_RCPT_OK)

    def _decide(self, draft: Draft, command: RcptCommand) -> Decision:
        terms, client = self.terms, self.client
        assert client is not None  # noqa: S101 - commands come only after admission
        if len(draft.recipients) >= terms.listener.limits.recipients:
            return Decision(replies.TOO_MANY_RECIPIENTS)
        if command.needs_smtputf8 and not draft.mail.smtputf8:
            return Decision(replies.NEEDS_SMTPUTF8)
        if terms.handling is not None and terms.takes_any_recipient:
            mailbox = command.mailbox
            address = str(mailbox) if mailbox is not None else f"postmaster@{terms.host_name}"
            return Decision(None, address, address.rpartition("@")[2])
        mailbox = command.mailbox
        local = self._local() if mailbox is not None and mailbox.is_literal else ""  # costs each connection a system call
        return terms.admission.recipient(client, bool(self.user), mailbox, local)

    def _is_refused_alike(self, draft: Draft, decision: Decision) -> bool:
        """Whether inspection would refuse the message for this recipient for the same reasons as for those before."""
        refused_as = self.endpoint.context.refused_as
        if refused_as is None or self._may_relay() or self.terms.takes_any_recipient:
            return True
        assert self.client is not None  # noqa: S101 - commands come only after admission
        name = refused_as(draft.mail.sender.rpartition("@")[2], decision.domain, self.client.address)
        if draft.refused_as is None:
            draft.refused_as = name
        return draft.refused_as == name

    def _ask(self, draft: Draft, decision: Decision) -> Refusal | RecipientVerdict | asyncio.Future[Refusal | RecipientVerdict]:
        """The recipient policy's word; without one, the gateways' own lists decide."""
        client = self.client
        assert client is not None  # noqa: S101 - commands come only after admission
        policy = self.endpoint.context.recipient_policy
        if policy is None:
            return replies.RELAY_DENIED if decision.gateway is None else ACCEPTED
        answer = policy(
            RecipientQuestion(
                decision.address, decision.domain, decision.gateway, draft.mail.sender, client.address, self._may_relay()
            )
        )
        if not inspect.isawaitable(answer):
            return _settled(answer, decision)
        waiting = answer

        async def waited() -> Refusal | RecipientVerdict:
            return _settled(await waiting, decision)

        return asyncio.ensure_future(waited())

    def _local(self) -> str:
        if not self.local_address and self.transport is not None:
            name = self.transport.get_extra_info("sockname")
            self.local_address = name[0] if name else ""
        return self.local_address

    # --- DATA --------------------------------------------------------------------------------------------------------

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:
        refusal = self._data_refusal(arg)
        if refusal is not None:
            self._refuse(refusal, "data")
            if self._at < len(self._buffer):
                # RFC 2920 §3.1: nothing follows DATA before its reply. What is there may be message data meant for a 354,
                # and must not be taken for commands.
                self._refuse(replies.EARLY_DATA, "data")
            return
        draft = self.envelope
        draft.incoming = IncomingContent(draft.limit, self.terms.listener.line_ends)
        self._chunk_refusal = None
        self._reading = DotReader()
        self._content_since = self.endpoint.now
        self._mode = DATA
        self._out.append(_GO_AHEAD)

    def _data_refusal(self, arg: str) -> Refusal | None:
        draft = self.envelope
        if arg:
            return replies.NO_ARGUMENT
        if draft is None:
            return replies.MAIL_FIRST
        if draft.incoming is not None:
            return replies.BDAT_MIXED
        if not draft.recipients:
            return replies.NO_RECIPIENTS if draft.refused else replies.RCPT_FIRST
        if not self.endpoint.context.spool.has_room(draft.mail.size):
            return replies.NO_ROOM
        return None

    # --- BDAT --------------------------------------------------------------------------------------------------------

    @syntax("BDAT size [LAST]")
    async def smtp_BDAT(self, arg: str) -> None:
        """RFC 3030. A chunk is heard out even when it is refused: its octets must not be taken for commands."""
        match = _BDAT.match(arg)
        if match is None:
            self._refuse(replies.BDAT_SYNTAX, "data")
            return
        draft = self.envelope
        self._is_last_chunk = match[2] is not None
        self._chunk_size = int(match[1])
        self._chunk_refusal = None
        if draft is None or not draft.recipients:
            no_recipients = replies.NO_RECIPIENTS if draft is not None and draft.refused else replies.RCPT_FIRST
            self._chunk_refusal = replies.MAIL_FIRST if draft is None else no_recipients
        elif draft.incoming is None:
            draft.incoming = IncomingContent(draft.limit, self.terms.listener.line_ends)
            self._reading = ChunkReader()
            if not self.endpoint.context.spool.has_room(max(draft.mail.size, self._chunk_size)):
                draft.incoming.refuse(replies.NO_ROOM)
            self._content_since = self.endpoint.now
        reader = self._reading if isinstance(self._reading, ChunkReader) and self._chunk_refusal is None else ChunkReader()
        if self._chunk_refusal is not None:
            self._content_since = self.endpoint.now
        self._reading = reader
        reader.remaining = self._chunk_size
        if self._chunk_size:
            self._mode = CHUNK
        else:
            await self._end_of_chunk()

    async def _end_of_chunk(self) -> None:
        self._mode = COMMAND
        if self._chunk_refusal is not None:
            self._reading = None
            self._refuse(self._chunk_refusal, "data")
            return
        content, reader = self.envelope.incoming, self._reading
        assert isinstance(reader, ChunkReader)  # noqa: S101 - set by smtp_BDAT
        if self._is_last_chunk:
            if held := reader.finish():
                content.add(held)
            if not content.ends_line:
                content.add(b"\r\n")  # DATA could not have carried it otherwise, nor can the next hop be sent it
            await self._accept()
        elif content.refusal is not None:
            refusal = content.refusal
            self._set_rset_state()
            self._refuse(refusal, "data")
        else:
            if content.is_large:
                await self._spill()
            self._out.append(f"250 2.0.0 {self._chunk_size} octets received\r\n".encode())

    # --- content -----------------------------------------------------------------------------------------------------

    def _take_content(self) -> None:
        reader = self._reading
        assert reader is not None  # noqa: S101 - set before the mode
        if isinstance(reader, ChunkReader):
            begin = self._at
            data = self._buffer[begin : begin + reader.remaining]
            self._at = begin + len(data)
            is_complete = self._take_chunk(reader, data)
        else:
            data = self._buffer[self._at :] if self._at else self._buffer
            self._drop_input()
            segment, rest = reader.feed(data)
            if segment:
                self.envelope.incoming.add(segment)
            is_complete = rest is not None
            if rest is not None:
                self._buffer = rest
                self._mode = COMMAND
                self._reading = None
                self._drive(self._accept())
        if not is_complete and self._chunk_refusal is None and self.envelope.incoming.is_large:
            self._pause_reading()
            if self._drive(self._spill()):
                self._resume_reading()

    def _take_chunk(self, reader: ChunkReader, data: bytes) -> bool:
        segment, rest = reader.feed(data)
        if segment and self._chunk_refusal is None:
            self.envelope.incoming.add(segment)
        if rest is None:
            return False
        self._drive(self._end_of_chunk())
        return True

    def _data_paused(self, seconds: float) -> None:
        self._content_since += seconds

    def _content_overdue(self, now: float) -> Refusal | None:
        limits = self.terms.listener.limits
        taken = now - self._content_since
        content = self.envelope.incoming if self.envelope is not None else None
        received = content.received if content is not None else 0
        if now - self._since > limits.idle_seconds:
            return replies.IDLE
        if taken > limits.data_seconds:
            return replies.DATA_TOO_LONG
        if (
            taken > _GRACE_SECONDS
            and content is not None
            and received < (taken - _GRACE_SECONDS) * limits.data_bytes_per_second
        ):
            return replies.DATA_TOO_SLOW
        return None


def _settled(verdict: RecipientVerdict | None, decision: Decision) -> Refusal | RecipientVerdict:
    """``verdict`` None: not a domain of ours as far as the policy knows; then a list must name it."""
    if verdict is None:
        return replies.RELAY_DENIED if decision.gateway is None else ACCEPTED
    if verdict.refusal is None:
        return verdict
    return Refusal(verdict.reason, verdict.refusal, closes=verdict.refusal.code == 421)
