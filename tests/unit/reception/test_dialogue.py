"""What is said when: order, pipelining, extensions, parameters on their way to the envelope, accepted messages."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gatepost.model.envelope import BodyType, Envelope, Notify, Recipient
from gatepost.model.identifiers import queue_id
from gatepost.model.reply import Reply
from gatepost.relay.reception import Inspected, Note, RecipientQuestion, RecipientVerdict, Share
from gatepost.store.errors import SpoolFull, StoreError
from gatepost.store.values import Content

from .support import HOST, INBOUND, LOOPBACK, MemorySpool, body_of, configuration, sender_and_recipients, site

MESSAGE = b"Subject: hello\r\nMessage-ID: <1@example.com>\r\n\r\nText\r\n"


async def test_ehlo_names_what_applies_and_nothing_else() -> None:
    async with site() as here:
        peer = await here.connect()
        lines = (await peer.greet()).split("\n")
        assert [line[4:] for line in lines] == [
            HOST, "PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING", "LIMITS RCPTMAX=1000",
            "ENHANCEDSTATUSCODES", "HELP",
        ]  # fmt: skip


async def test_a_message_is_kept_with_its_trace_and_nothing_else_changed() -> None:
    async with site() as here:
        peer = await here.session()
        await peer.begin("b@example.org")
        reply = await peer.data(MESSAGE.replace(b"Text", b"..Text") + b".\r\n")
        (message,) = here.messages
        assert reply == "250 2.0.0 Ok: queued as 000001"
        assert sender_and_recipients(message.envelope) == ("a@example.com", ("b@example.org",))
        assert body_of(message) == MESSAGE.replace(b"Text", b".Text")
        assert message.content == (
            b"Received: from client.example.com ([127.0.0.1])\r\n\tby mx.gatepost.example (Gatepost) with ESMTP id 000001\r\n"
            b"\tfor <b@example.org>;\r\n\tMon, 21 Sep 2026 14:13:20 +0000\r\n"
        ) + MESSAGE.replace(b"Text", b".Text")
        assert (message.subject, message.message_id_header) == ("hello", "<1@example.com>")
        assert message.parts == (("pool", (Recipient("b@example.org"),)),)
        assert message.expires_at - message.received_at == 120 * 3600
        assert message.envelope.origin.client == "127.0.0.1"
        assert message.envelope.origin.protocol == "ESMTP"
        assert [stored.queue_id for stored, _ in here.taken] == ["000001"]
        assert here.journal.accepted == [message]
        assert here.counters.totals["accepted", ""] == 1


async def test_a_pipelined_group_is_answered_in_one_piece_and_in_order() -> None:
    async with site() as here:
        peer = await here.session()
        peer.send(
            b"MAIL FROM:<>\r\nRCPT TO:<b@example.org>\r\nRCPT TO:<c@other.example>\r\nRCPT TO:<d@example.org>\r\nDATA\r\n"
        )
        raw = await peer.reader.readuntil(b"354 End data with <CR><LF>.<CR><LF>\r\n")
        assert [line[:9] for line in raw.split(b"\r\n")[:4]] == [b"250 2.1.0", b"250 2.1.5", b"550 5.7.1", b"250 2.1.5"]
        peer.send(MESSAGE + b".\r\nMAIL FROM:<a@example.com>\r\nRSET\r\nQUIT\r\n")
        replies = [await peer.reply() for _ in range(4)]
        assert [reply[:3] for reply in replies] == ["250", "250", "250", "221"]
        assert await peer.is_closed()
        assert sender_and_recipients(here.messages[0].envelope) == ("", ("b@example.org", "d@example.org"))


async def test_commands_that_come_while_a_commit_is_awaited_are_answered_after_it() -> None:
    spool = MemorySpool()
    spool.is_holding = True
    async with site(spool=spool) as here:
        peer = await here.session()
        await peer.begin()
        await peer.say("DATA")
        peer.send(MESSAGE + b".\r\nNOOP\r\n")
        async with asyncio.timeout(5):
            while not spool.held:
                await asyncio.sleep(0.002)
        peer.send(b"NOOP\r\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(peer.reader.readline(), 0.05)
        future, stored = spool.held.pop()
        future.set_result(stored)
        assert [(await peer.reply())[:3] for _ in range(3)] == ["250", "250", "250"]


async def test_many_messages_go_over_one_connection_and_over_many() -> None:
    async with site() as here:

        async def send(count: int) -> None:
            peer = await here.session()
            for _ in range(count):
                await peer.begin()
                assert (await peer.data(MESSAGE + b".\r\n")).startswith("250 2.0.0 Ok: queued as ")
            assert (await peer.say("QUIT")).startswith("221 ")

        await asyncio.gather(*(send(40) for _ in range(20)))
        assert len({message.id for message in here.messages}) == 800
        await here.settle()


@pytest.mark.parametrize(
    ("commands", "reply"),
    [
        (["MAIL FROM:<a@example.com>"], "503 5.5.1"),
        (["EHLO"], "501 5.5.4"),
        (["EHLO (x)"], "501 5.5.4"),
        (["EHLO c.example", "RCPT TO:<b@example.org>"], "503 5.5.1"),
        (["EHLO c.example", "DATA"], "503 5.5.1"),
        (["EHLO c.example", "MAIL FROM:<a@example.com>", "DATA"], "503 5.5.1"),
        (["EHLO c.example", "MAIL FROM:<a@example.com>", "RCPT TO:<x@no.example>", "DATA"], "554 5.5.1"),
        (["EHLO c.example", "MAIL FROM:<a@example.com>", "MAIL FROM:<a@example.com>"], "503 5.5.1"),
        (["EHLO c.example", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.org>", "DATA now"], "501 5.5.4"),
        (["EHLO c.example", "MAIL FROM:<a@example.com>", "RSET", "RCPT TO:<b@example.org>"], "503 5.5.1"),
        (["EHLO c.example", "MAIL FROM:<a@example.com>", "EHLO c.example", "RCPT TO:<b@example.org>"], "503 5.5.1"),
        (["EHLO c.example", "VRFY b"], "252 2.5.0"),
        (["EHLO c.example", "EXPN b"], "502 5.5.1"),
        (["EHLO c.example", "ETRN example.org"], "502 5.5.1"),
        (["EHLO c.example", "AUTH PLAIN"], "502 5.5.1"),
        (["EHLO c.example", "STARTTLS"], "454 4.7.0"),
        (["EHLO c.example", "XYZZY"], "500 5.5.1"),
        (["EHLO c.example", "\x01"], "500 5.5.2"),
        (["EHLO c.example", "NOOP \x1b[31m"], "500 5.5.2"),
        (["EHLO c.example", "MAIL FROM:<a\x00b@example.com>"], "500 5.5.2"),
        (["EHLO c.example", "MAIL FROM:<ü@example.com>"], "553 5.6.7"),
        (["EHLO c.example", "MAIL FROM:<a@example.com> SIZE=99999999999"], "552 5.3.4"),
        (["EHLO c.example", "NOOP"], "250 2.0.0"),
        (["EHLO c.example", "HELP"], "250 2.0.0 Supported commands: AUTH BDAT DATA EHLO HELO"),
        (["EHLO c.example", "HELP MAIL"], "250 2.0.0 Syntax: MAIL FROM:<address> [parameters]"),
        (["HELO c.example", "MAIL FROM:<a@example.com> SIZE=1"], "555 5.5.4"),
    ],
)
async def test_replies_to_single_commands(commands: list[str], reply: str) -> None:
    async with site() as here:
        peer = await here.connect()
        await peer.reply()
        found = [await peer.say(command) for command in commands]
        assert found[-1].startswith(reply)


async def test_the_envelope_keeps_every_parameter() -> None:
    async with site(configuration(trusted_networks=LOOPBACK)) as here:
        peer = await here.session()
        await peer.say("MAIL FROM:<ü@example.com> SMTPUTF8 BODY=8BITMIME RET=FULL ENVID=Ab+3D SIZE=20 AUTH=x@y")
        await peer.say("RCPT TO:<ß@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Old@Example.NET")
        await peer.data("Subject: grüße\r\n\r\nä\r\n.\r\n".encode())
        (message,) = here.messages
        envelope = message.envelope
        recipient = Recipient("ß@example.net", Notify.SUCCESS | Notify.FAILURE, "rfc822;Old@Example.NET")
        assert envelope.recipients == (recipient,)
        assert (envelope.ret, envelope.envid, envelope.smtputf8) == ("FULL", "Ab+3D", True)
        assert envelope.body is BodyType.EIGHT_BIT_MIME
        assert envelope.origin.protocol == "UTF8SMTP"
        assert message.subject == "grüße"
        assert "for <ß@example.net>".encode() in message.content


async def test_eight_bit_content_is_marked_even_when_the_client_did_not_say_so() -> None:
    async with site() as here:
        peer = await here.session()
        for octets, body in ((b"\xe4", BodyType.EIGHT_BIT_MIME), (b"a", BodyType.SEVEN_BIT)):
            await peer.begin()
            await peer.data(b"S: x\r\n\r\n" + octets + b"\r\n.\r\n")
            assert here.messages[-1].envelope.body is body


async def test_the_same_recipient_twice_gets_one_copy() -> None:
    async with site() as here:
        peer = await here.session()
        await peer.begin("b@example.org", "b@EXAMPLE.org", "c@example.org")
        await peer.data(MESSAGE + b".\r\n")
        assert sender_and_recipients(here.messages[0].envelope)[1] == ("b@example.org", "c@example.org")
        assert b"\tfor <" not in here.messages[0].content


async def test_trusted_clients_get_date_and_message_id_when_missing_and_strangers_do_not() -> None:
    for networks in (LOOPBACK, []):
        async with site(configuration(trusted_networks=networks)) as here:
            peer = await here.session()
            await peer.begin()
            await peer.data(b"Subject: x\r\n\r\n.\r\n")
            body = body_of(here.messages[0])
            assert (b"Date: Mon, 21 Sep 2026 14:13:20 +0000\r\nMessage-ID: <000001." in body) is bool(networks)
            assert body.endswith(b"Subject: x\r\n\r\n")
            await peer.begin()
            await peer.data(b"date: then\r\nmessage-id: <x@y>\r\n\r\n.\r\n")
            assert body_of(here.messages[1]) == b"date: then\r\nmessage-id: <x@y>\r\n\r\n"


@pytest.mark.parametrize("content", [b"", b"no header at all\r\n", b"\r\nbody only\r\n", b" folded nothing\r\n"])
async def test_content_without_a_header_section_keeps_out_of_the_trace_field(content: bytes) -> None:
    async with site() as here:
        peer = await here.session()
        await peer.begin()
        assert (await peer.data(content + b".\r\n")).startswith("250 ")
        head, _, body = here.messages[0].content.partition(b"\r\n\r\n")
        assert head.startswith(b"Received: ")
        assert b"no header" not in head
        assert body == content.removeprefix(b"\r\n")


async def test_loops_are_recognised_by_hops_and_by_our_own_name() -> None:
    hop = b"Received: from a by b; Mon, 21 Sep 2026 14:13:20 +0000\r\n"
    own = b"Received: from a ([192.0.2.1])\r\n\tby MX.gatepost.example (Gatepost) with ESMTP id X;\r\n\tMon\r\n"
    async with site() as here:
        peer = await here.session()
        for content, reply in ((hop * 50, "250 "), (hop * 51, "554 5.4.6"), (own * 5, "250 "), (own * 6, "554 5.4.6")):
            await peer.begin()
            assert (await peer.data(content + b"Subject: s\r\n\r\n" + hop * 60 + b".\r\n")).startswith(reply)


async def test_the_recipient_policy_is_asked_and_may_take_its_time() -> None:
    asked: list[RecipientQuestion] = []

    async def slowly(question: RecipientQuestion) -> RecipientVerdict | None:
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        if question.address.startswith("known"):
            return RecipientVerdict()
        return None if question.gateway is None else RecipientVerdict(Reply(550, "5.1.1", "No such user"), "unknown-user")

    def policy(question: RecipientQuestion) -> object:
        asked.append(question)
        return RecipientVerdict() if question.address.startswith("cached") else slowly(question)

    async with site(recipient_policy=policy) as here:
        peer = await here.session()
        await peer.say("MAIL FROM:<a@example.com>")
        peer.send(
            b"RCPT TO:<cached@example.org>\r\nRCPT TO:<known@example.org>\r\nRCPT TO:<nobody@example.org>\r\n"
            b"RCPT TO:<known@by-mx.example>\r\nRCPT TO:<nobody@elsewhere.example>\r\nNOOP\r\n"
        )
        replies = [await peer.reply() for _ in range(6)]
        assert [reply[:9] for reply in replies] == [
            "250 2.1.5", "250 2.1.5", "550 5.1.1", "250 2.1.5", "550 5.7.1", "250 2.0.0",
        ]  # fmt: skip
        assert [question.gateway.id if question.gateway else None for question in asked] == ["gw-in"] * 3 + [None] * 2
        assert here.refused("unknown-user") == 1


async def test_a_failing_collaborator_is_a_temporary_error_with_a_reference(caplog: pytest.LogCaptureFixture) -> None:
    def policy(question: RecipientQuestion) -> RecipientVerdict:
        raise ZeroDivisionError("internals")

    async with site(recipient_policy=policy) as here:
        peer = await here.session()
        await peer.say("MAIL FROM:<a@example.com>")
        with caplog.at_level(logging.ERROR):
            reply = await peer.say("RCPT TO:<b@example.org>")
        assert reply.startswith("451 4.3.0 ")
        assert "internals" not in reply
        assert reply.rpartition(" ")[2] in caplog.text
        assert (await peer.say("MAIL FROM:<a@example.com>")).startswith("250 ")


async def test_a_failure_after_the_commit_does_not_make_the_client_send_again(caplog: pytest.LogCaptureFixture) -> None:
    async with site() as here:
        here.context.accepted = lambda stored, content: 1 / 0  # type: ignore[assignment,return-value]
        peer = await here.session()
        await peer.begin()
        assert (await peer.data(MESSAGE + b".\r\n")).startswith("250 ")
        assert "not everybody could be told" in caplog.text


@pytest.mark.parametrize(("failure", "reply"), [(SpoolFull("no room"), "452 4.3.1"), (StoreError("read-only"), "451 4.3.0")])
async def test_a_spool_that_fails_defers_the_message_and_the_session_goes_on(failure: Exception, reply: str) -> None:
    async with site() as here:
        here.spool.failure = failure
        peer = await here.session()
        await peer.begin()
        assert (await peer.data(MESSAGE + b".\r\n")).startswith(reply)
        here.spool.failure = None
        await peer.begin()
        assert (await peer.data(MESSAGE + b".\r\n")).startswith("250 ")
        assert len(here.taken) == 1


async def test_no_room_is_said_at_mail_and_at_data() -> None:
    async with site() as here:
        peer = await here.session()
        await peer.begin()
        here.spool.has_space = False
        assert (await peer.say("DATA")).startswith("452 4.3.1")
        await peer.say("RSET")
        assert (await peer.say("MAIL FROM:<a@example.com>")).startswith("452 4.3.1")
        here.spool.has_space = True
        await peer.begin()
        assert here.refused("disk-full") == 2


async def test_inspection_may_refuse_drop_hold_or_change() -> None:
    dropped: list[str] = []

    async def inspect(envelope: Envelope, content: Content, is_local: bool) -> Inspected:
        assert isinstance(content, bytes)
        word = content.split(b"Subject: ")[1].split(b"\r\n")[0]
        if word == b"refuse":
            return Inspected(refusal=Reply(550, "5.7.1", "spam"), reason="spam")
        if word == b"drop":
            return Inspected()
        hold = "quarantine: spam" if word == b"hold" else ""
        return Inspected((Share(envelope, b"X-Seen: yes\r\n" + content, hold),))

    async with site(inspect=inspect, not_kept=lambda message, notes: dropped.append(queue_id(message.id))) as here:
        peer = await here.session()
        for word, reply in (("refuse", "550 5.7.1"), ("drop", "250 2.0.0"), ("hold", "250 2.0.0"), ("pass", "250 2.0.0")):
            await peer.begin()
            assert (await peer.data(f"Subject: {word}\r\n\r\n.\r\n".encode())).startswith(reply)
        assert [message.hold for message in here.messages] == ["quarantine: spam", ""]
        assert all(message.content.startswith(b"X-Seen: yes\r\nReceived: ") for message in here.messages)
        assert dropped == ["000002"]
        assert here.refused("spam") == 1


async def test_etrn_is_for_primaries_where_it_is_offered() -> None:
    asked: list[tuple[str, str]] = []

    def etrn(name: str, client: str) -> Reply:
        asked.append((name, client))
        return Reply(250, "2.0.0", f"Queuing for {name} started")

    primary = {"id": "gw-in", "mode": "backup-mx", "addresses": ["127.0.0.1"], "domains": ["example.org"]}
    async with site(configuration(gateways=[primary]), etrn=etrn) as here:
        peer = await here.connect()
        assert "250-ETRN" in await peer.greet()
        assert await peer.say("ETRN example.org") == "250 2.0.0 Queuing for example.org started"
        assert (await peer.say("ETRN a b")).startswith("501 ")
        assert asked == [("example.org", "127.0.0.1")]
    async with site(etrn=etrn) as here:
        peer = await here.connect()
        assert "ETRN" not in await peer.greet()
        assert (await peer.say("ETRN example.org")).startswith("502 ")


@pytest.mark.parametrize(
    "first", [b"GET / HTTP/1.1", b"POST /api HTTP/1.1\r\nHost: x", b"put /x HTTP/1.0", b"CONNECT x:25 HTTP/1.1"]
)
async def test_http_is_closed_at_once(first: bytes) -> None:
    async with site() as here:
        peer = await here.connect()
        await peer.reply()
        peer.send(first + b"\r\n\r\nMAIL FROM:<a@example.com>\r\n")
        assert (await peer.reply()).startswith("554 5.5.1 ")
        assert await peer.is_closed()
        assert here.refused("http") == 1


async def test_a_half_closed_connection_still_gets_its_replies() -> None:
    spool = MemorySpool()
    spool.is_holding = True
    async with site(spool=spool) as here:
        peer = await here.session()
        await peer.begin()
        await peer.say("DATA")
        peer.send(MESSAGE + b".\r\nNOOP\r\n")
        peer.writer.write_eof()
        async with asyncio.timeout(5):
            while not spool.held:
                await asyncio.sleep(0.002)
        await asyncio.sleep(0.02)
        future, stored = spool.held.pop()
        future.set_result(stored)
        assert (await peer.reply()).startswith("250 2.0.0 Ok: queued")
        assert (await peer.reply()).startswith("250 ")
        assert await peer.is_closed()


async def test_who_stops_sending_before_reading_still_gets_every_reply() -> None:
    """What came last may wait for the client to take the replies before it."""
    count = 40_000
    async with site(configuration({"limits": {"commands_without_mail": 2 * count}})) as here:
        with socket.create_connection(("127.0.0.1", here.port)) as client:
            client.setblocking(False)
            session = await here.arrived()
            loop = asyncio.get_running_loop()
            sent = 0
            while not session._is_writing_paused and sent < count:
                await loop.sock_sendall(client, b"EHLO x\r\n" * 50)
                sent += 50
                await asyncio.sleep(0)
            assert session._is_writing_paused, "the replies are more than the system keeps"
            await loop.sock_sendall(client, b"EHLO x\r\n" * 50)
            client.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(10):
                while not session._has_eof:
                    await asyncio.sleep(0.002)
                heard = b""
                while piece := await loop.sock_recv(client, 1_000_000):
                    heard += piece
        assert heard.count(b"250 HELP\r\n") == sent + 50


async def test_the_reply_to_a_last_word_arrives_though_the_client_has_stopped_sending() -> None:
    """uvloop reads both in one go, and closes when it is told that nothing more will be written."""
    async with site() as here:
        peer = await here.session()
        (session,) = here.endpoint.sessions
        session.data_received(b"NOOP\r\n")
        if not session.eof_received():
            session.transport.close()
        assert (await peer.reply()).startswith("250 ")
        assert await peer.is_closed()


async def test_sessions_that_speak_at_once_are_answered_in_a_row() -> None:
    async with site() as here:
        peers = [await here.session() for _ in range(3)]
        events: list[str] = []
        for session in here.endpoint.sessions:
            session.transport = _Watched(session.transport, events)
            session._obey = _heard(session._obey, events)
        for peer in peers:
            os.write(
                peer.writer.get_extra_info("socket").fileno(), b"NOOP\r\n"
            )  # all lie in the sockets before the loop looks again
        for peer in peers:
            assert (await peer.reply()).startswith("250 ")
        assert events == ["heard"] * 3 + ["written"] * 3


async def test_a_reply_that_cannot_be_written_costs_nobody_else_theirs(caplog: pytest.LogCaptureFixture) -> None:
    """A client may be gone already when its reply is written."""
    async with site() as here:
        peers = [await here.session() for _ in range(3)]
        sessions = list(here.endpoint.sessions)
        failing = sessions[0]
        failing.transport = _Failing(failing.transport, [])
        for session in sessions:
            session.data_received(b"NOOP\r\n")
        replies = await asyncio.gather(*(peer.reply() for peer in peers))
        assert sorted(reply[:4] for reply in replies) == ["", "250 ", "250 "]
        assert "could not be written to" in caplog.text


async def test_nothing_is_written_to_a_connection_that_is_closing() -> None:
    async with site() as here:
        await here.session()
        (session,) = here.endpoint.sessions
        events: list[str] = []
        session.transport = _Watched(session.transport, events)
        session.data_received(b"NOOP\r\n")
        session.transport.abort()
        await asyncio.sleep(0)
        assert events == []


def _heard(obey: Callable[[bytes], None], events: list[str]) -> Callable[[bytes], None]:
    def heard(line: bytes) -> None:
        events.append("heard")
        obey(line)

    return heard


class _Watched:
    """A transport that tells when it is written to."""

    def __init__(self, transport: Any, events: list[str]) -> None:
        self._transport = transport
        self._events = events

    def write(self, data: bytes) -> None:
        self._events.append("written")
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Failing(_Watched):
    def write(self, data: bytes) -> None:
        raise RuntimeError("the handler is closed")


async def test_what_a_client_says_cannot_forge_a_log_line_or_a_trace_field(caplog: pytest.LogCaptureFixture) -> None:
    async with site() as here:
        peer = await here.connect()
        await peer.reply()
        with caplog.at_level(logging.INFO):
            for line in (b"EHLO x\rX-Forged: 1", b"EHLO a(b)\x1b[2J", "EHLO \u2028x".encode(), b"EHLO " + b"a" * 300):
                assert (await peer.say(line))[:3] in ("500", "501")
        assert all(line.isprintable() for record in caplog.records for line in [record.getMessage()])


async def test_recipients_whose_mail_is_refused_for_other_reasons_are_asked_to_come_separately() -> None:
    config = configuration(gateways=[INBOUND | {"domains": ["example.org", "example.net", "example.com"]}])
    async with site(config, refused_as=lambda sender, domain, client: "high" if domain == "example.net" else "") as here:
        peer = await here.session()
        await peer.begin("a@example.org", "b@example.com")
        assert (await peer.say("RCPT TO:<c@example.net>")).startswith("452 4.5.3 ")
        assert (await peer.data(MESSAGE + b".\r\n")).startswith("250 ")
        assert [r.address for r in here.messages[0].envelope.recipients] == ["a@example.org", "b@example.com"]
        await peer.begin("c@example.net")


async def test_own_senders_are_never_asked_to_send_separately() -> None:
    config = configuration(trusted_networks=LOOPBACK)
    async with site(config, refused_as=lambda sender, domain, client: domain) as here:
        peer = await here.session()
        await peer.begin("a@example.org", "b@x.sub.example.org", "c@elsewhere.example")


async def test_what_verification_and_inspection_said_of_a_message_is_told_once_it_is_stored() -> None:
    told: list[tuple[str, tuple[Note, ...]]] = []

    async def inspect(envelope: Envelope, content: Content, is_local: bool) -> Inspected:
        notes = (Note("scanned", "", "spamd +20"),)
        return Inspected((Share(envelope, content, "quarantine: spam", 60.0, notes=notes),))

    def policy(question: RecipientQuestion) -> RecipientVerdict:
        return RecipientVerdict(words="primary server: valid")

    async with site(
        recipient_policy=policy, inspect=inspect, noted=lambda stored, notes: told.append((stored.queue_id, notes))
    ) as here:
        peer = await here.session()
        await peer.begin()
        assert (await peer.data(MESSAGE + b".\r\n")).startswith("250 ")
        (message,) = here.messages
        assert (message.hold, message.hold_until) == ("quarantine: spam", message.received_at + 60.0)
        assert told == [(queue_id(message.id), (Note("scanned", "", "spamd +20"),))]
        assert here.journal.verified == [("b@example.org", "primary server: valid")]


async def test_shares_of_a_message_are_kept_together_and_told_once() -> None:
    async def inspect(envelope: Envelope, content: Content, is_local: bool) -> Inspected:
        assert isinstance(content, bytes)
        first, second = envelope.recipients
        return Inspected(
            (
                Share(replace(envelope, recipients=(first,)), content),
                Share(replace(envelope, recipients=(second,)), b"X: 1\r\n" + content, subject_prefix="SPAM:"),
            )
        )

    async with site(inspect=inspect) as here:
        peer = await here.session()
        await peer.begin("a@example.org", "b@example.org")
        reply = await peer.data(b"Subject: hello\r\n\r\n.\r\n")
        assert [[r.address for r in message.envelope.recipients] for message in here.messages] == [
            ["a@example.org"],
            ["b@example.org"],
        ]
        assert [message.subject for message in here.messages] == ["hello", "SPAM: hello"]
        assert reply.endswith(queue_id(here.messages[0].id))
        assert here.messages[0].id != here.messages[1].id
        assert len(here.taken) == 2
        here.spool.failure = SpoolFull("full", "no room")
        await peer.begin("a@example.org", "b@example.org")
        assert (await peer.data(b"Subject: hello\r\n\r\n.\r\n")).startswith("452 4.3.1")
        assert len(here.messages) == 2


async def test_a_policy_that_answers_421_ends_the_connection() -> None:
    def policy(question: RecipientQuestion) -> RecipientVerdict:
        return RecipientVerdict(Reply(421, "4.7.1", "Too many unknown recipients"), "harvest")

    async with site(recipient_policy=policy) as here:
        peer = await here.session()
        assert (await peer.say("MAIL FROM:<a@example.com>")).startswith("250 ")
        assert (await peer.say("RCPT TO:<b@example.org>")).startswith("421 4.7.1 ")
        assert await peer.is_closed()
