"""Every limit has its reply and its counter; time is injected by sweeping later."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from gatepost.model.listener import LineEnds
from gatepost.relay.reception.content import MAX_LINE, IncomingContent
from gatepost.relay.reception.gate import Gate
from gatepost.store.bodies import BodyFile
from gatepost.store.errors import SpoolFull

from .support import HOST, LOOPBACK, body_of, configuration, site

LINE = b"0123456789" * 7 + b"\r\n"


def limited(trusted: bool = False, **limits: Any) -> Any:
    return configuration({"limits": limits}, trusted_networks=LOOPBACK if trusted else [])


async def test_connections_from_one_address_are_limited_but_not_those_of_trusted_networks() -> None:
    for trusted in (False, True):
        async with site(limited(trusted, connections_per_address=3)) as here:
            for _ in range(3):
                await here.session()
            peer = await here.connect()
            if trusted:
                assert (await peer.reply()).startswith("220 ")
                continue
            assert (await peer.reply()).startswith("421 4.7.0 ")
            assert await peer.is_closed()
            assert here.refused("connections-per-address") == 1
            await here._peers[0].close()
            await here.settle(2)
            assert (await (await here.connect()).reply()).startswith("220 ")


@pytest.mark.parametrize("by_total", [False, True])
async def test_connections_are_limited_by_listener_and_in_total(by_total: bool) -> None:
    config = limited(trusted=True, **({} if by_total else {"connections": 2}))
    async with site(config, gate=Gate(2 if by_total else 100)) as here:
        await here.session()
        await here.session()
        peer = await here.connect()
        assert (await peer.reply()).startswith("421 4.7.0 ")
        assert await peer.is_closed()
        assert here.refused("connections") == 1
        for other in here._peers:
            await other.close()
        await here.settle()
        assert here.reception._gate.open == 0
        assert not here.reception._gate._by_address
        assert (await (await here.connect()).reply()).startswith("220 ")


async def test_recipients_beyond_the_limit_are_put_off_to_another_transaction() -> None:
    async with site(limited(recipients=100)) as here:
        peer = await here.session()
        await peer.say("MAIL FROM:<a@example.com>")
        peer.send(b"".join(b"RCPT TO:<b%d@example.org>\r\n" % i for i in range(101)))
        replies = [await peer.reply() for _ in range(101)]
        assert all(reply.startswith("250 ") for reply in replies[:100])
        assert replies[100].startswith("452 4.5.3 ")
        assert (await peer.data(b"S: x\r\n\r\n.\r\n")).startswith("250 ")
        assert len(here.messages[0].envelope.recipients) == 100


async def test_commands_without_mail_are_limited_and_a_message_begins_anew() -> None:
    async with site(limited(commands_without_mail=10)) as here:
        peer = await here.session()
        for _ in range(3):
            for _ in range(7):
                assert (await peer.say("NOOP")).startswith("250 ")
            await peer.begin()
            assert (await peer.data(b"S: x\r\n\r\n.\r\n")).startswith("250 ")
        replies = [await peer.say("RSET") for _ in range(11)]
        assert [reply[:3] for reply in replies] == ["250"] * 10 + ["421"]
        assert await peer.is_closed()
        assert here.refused("commands-without-mail") == 1


async def test_errors_are_limited() -> None:
    async with site(limited(errors=4)) as here:
        peer = await here.session()
        await peer.say("MAIL FROM:<a@example.com>")
        for _ in range(4):
            assert (await peer.say("RCPT TO:<guess@elsewhere.example>")).startswith("550 ")
        assert (await peer.reply()).startswith("421 4.7.0 ")
        assert await peer.is_closed()
        assert here.refused("errors") == 1


async def test_a_list_with_bad_recipients_does_not_cut_a_trusted_client_off() -> None:
    async with site(limited(trusted=True, errors=4)) as here:
        peer = await here.session()
        await peer.say("MAIL FROM:<a@example.com>")
        for _ in range(10):
            assert (await peer.say(f"RCPT TO:<b@{HOST}>")).startswith("550 ")
        assert (await peer.say("RCPT TO:<b@example.org>")).startswith("250 ")


async def test_messages_in_one_connection_are_limited() -> None:
    async with site(limited(messages_per_connection=1)) as here:
        peer = await here.session()
        await peer.begin()
        await peer.data(b"S: x\r\n\r\n.\r\n")
        assert (await peer.say("MAIL FROM:<a@example.com>")).startswith("421 4.7.0 ")
        assert await peer.is_closed()


@pytest.mark.parametrize("size", [2100, 70_000, 3_000_000])
async def test_an_endless_command_line_is_dropped_without_being_kept(size: int) -> None:
    async with site() as here:
        peer = await here.session()
        peer.send(b"NOOP " + b"a" * size + b"\r\nNOOP\r\n")
        assert (await peer.reply()).startswith("500 5.5.6 ")
        assert (await peer.reply()).startswith("250 ")
        assert len(next(iter(here.endpoint.sessions))._buffer) == 0


async def test_an_idle_client_is_let_go_and_a_busy_one_is_not() -> None:
    async with site(limited(idle_seconds=100)) as here:
        idle, busy = await here.session(), await here.session()
        here.later(60)
        await busy.say("NOOP")
        here.later(60)
        assert (await idle.reply()).startswith("421 4.4.2 ")
        assert await idle.is_closed()
        assert (await busy.say("NOOP")).startswith("250 ")
        assert here.refused("idle") == 1


async def test_one_octet_at_a_time_is_no_way_to_stay() -> None:
    async with site(limited(idle_seconds=100)) as here:
        peer = await here.session()
        for _ in range(3):
            peer.send(b"N")
            await asyncio.sleep(0.02)
            here.later(50)
        assert (await peer.reply()).startswith("421 4.4.2 ")


async def test_idle_strangers_make_room_when_connections_run_short() -> None:
    async with site(limited(connections=2, idle_seconds=300)) as here:
        first, _ = await here.session(), await here.session()
        here.later(20)
        assert (await first.reply()).startswith("421 4.4.2 ")


async def test_a_session_ends_in_time() -> None:
    async with site(limited(session_seconds=60, idle_seconds=300)) as here:
        peer = await here.session()
        here.later(61)
        assert (await peer.reply()).startswith("421 4.4.2 ")
        assert here.refused("session-time") == 1


async def test_message_data_has_a_total_deadline_and_a_least_rate(tmp_path: Path) -> None:
    config = limited(idle_seconds=3600, data_seconds=1000, data_bytes_per_second=100, session_seconds=10_000)
    async with site(config, tmp_path) as here:
        for reason, step, amount in (("data-rate", 50.0, 10), ("data-time", 250.0, 400)):
            peer = await here.session()
            await peer.begin()
            await peer.say("DATA")
            while not here.refused(reason):
                peer.send(LINE * amount)
                await asyncio.sleep(0.02)
                here.later(step)
            assert (await peer.reply()).startswith("421 4.4.2 ")
            assert await peer.is_closed()
            assert here.refused(reason) == 1
        assert here.messages == []
        assert list(tmp_path.iterdir()) == []


async def test_time_that_a_commit_takes_is_not_the_clients() -> None:
    async with site(limited(idle_seconds=10)) as here:
        here.spool.is_holding = True
        peer = await here.session()
        await peer.begin()
        await peer.say("DATA")
        peer.send(b"S: x\r\n\r\n.\r\n")
        async with asyncio.timeout(5):
            while not here.spool.held:
                await asyncio.sleep(0.002)
        here.later(500)
        future, stored = here.spool.held.pop()
        future.set_result(stored)
        assert (await peer.reply()).startswith("250 ")
        assert (await peer.say("NOOP")).startswith("250 ")


async def test_a_client_that_never_reads_is_cut_off_and_costs_little() -> None:
    async with site(limited(idle_seconds=100, commands_without_mail=10_000_000)) as here:
        endpoint = socket.create_connection(("127.0.0.1", here.port))
        endpoint.setblocking(False)
        loop = asyncio.get_running_loop()
        sending = asyncio.ensure_future(loop.sock_sendall(endpoint, b"HELP\r\n" * 2_000_000))
        async with asyncio.timeout(20):
            while not (here.endpoint.sessions and next(iter(here.endpoint.sessions))._is_writing_paused):
                await asyncio.sleep(0.01)
            session = next(iter(here.endpoint.sessions))
            await asyncio.sleep(0.1)
        assert len(session._buffer) < 2_000_000
        assert session.transport.get_write_buffer_size() < 2_000_000
        here.later(101)
        await here.settle()
        assert here.refused("replies-not-read") == 1
        with pytest.raises(ConnectionError):
            await sending
        endpoint.close()


async def test_the_size_limit_is_enforced_while_reading_and_the_client_is_heard_out(tmp_path: Path) -> None:
    settings = {"server": {"host_name": HOST}, "spool": {"max_message_bytes": 400_000}}
    async with site(configuration(settings=settings), tmp_path) as here:
        peer = await here.session()
        for count in (5556, 60_000):
            await peer.begin()
            assert (await peer.data(LINE * count + b".\r\n")).startswith("552 5.3.4 ")
        await peer.begin()
        assert (await peer.data(LINE * 5000 + b".\r\n")).startswith("250 ")
        assert here.refused("size") == 2
        assert len(list(tmp_path.iterdir())) == 1


async def test_a_large_message_streams_to_a_file_unchanged(tmp_path: Path) -> None:
    content = b"Subject: big\r\n\r\n" + b"".join(b"..%d\r\n" % i + LINE for i in range(30_000))
    async with site(folder=tmp_path) as here:
        peer = await here.session()
        await peer.begin()
        assert (await peer.data(content + b".\r\n")).startswith("250 ")
        (message,) = here.messages
        assert isinstance(message.content, BodyFile)
        assert message.subject == "big"
        assert body_of(message) == content.replace(b"\r\n..", b"\r\n.")
        assert message.content.size == len(message.content.read())


async def test_a_disk_that_fills_up_within_a_message_puts_it_off(tmp_path: Path) -> None:
    async with site(folder=tmp_path) as here:
        original = here.spool.bodies.open_body

        def open_body() -> Any:
            writer = original()

            async def write(chunk: bytes) -> None:
                if writer.size > 300_000:
                    raise SpoolFull("no room")
                await type(writer).write(writer, chunk)

            writer.write = write
            return writer

        here.spool.bodies.open_body = open_body
        peer = await here.session()
        await peer.begin()
        assert (await peer.data(LINE * 20_000 + b".\r\n")).startswith("452 4.3.1 ")
        assert (await peer.say("NOOP")).startswith("250 ")
        assert list(tmp_path.iterdir()) == []


async def test_a_disk_that_fills_up_while_a_small_message_comes_puts_it_off() -> None:
    """Each of many clients may have been told to go ahead while there was room."""
    async with site() as here:
        peer = await here.session()
        await peer.begin()
        assert (await peer.say("DATA")).startswith("354 ")
        here.spool.has_space = False
        peer.send(LINE * 100 + b".\r\n")
        assert (await peer.reply()).startswith("452 4.3.1 ")
        assert here.messages == []
        here.spool.has_space = True
        await peer.begin()
        assert (await peer.data(LINE + b".\r\n")).startswith("250 ")


async def test_a_header_section_without_end_is_refused(tmp_path: Path) -> None:
    async with site(folder=tmp_path) as here:
        peer = await here.session()
        await peer.begin()
        assert (await peer.data(b"X-Long: " + LINE + b"X: y\r\n" * 60_000 + b"\r\ntext\r\n.\r\n")).startswith("552 5.3.4 ")
        assert here.refused("header-size") == 1


async def test_long_lines_pass_whole_and_endless_ones_are_refused(tmp_path: Path) -> None:
    async with site(folder=tmp_path) as here:
        peer = await here.session()
        for length, reply in ((5_000, "250 "), (MAX_LINE - 10, "250 "), (MAX_LINE + 10, "554 5.6.0 ")):
            await peer.begin()
            assert (await peer.data(b"S: x\r\n\r\n" + b"y" * length + b"\r\n.\r\n")).startswith(reply), length
        assert b"y" * (MAX_LINE - 10) in body_of(here.messages[1])


async def test_refusals_beyond_a_rate_are_counted_but_not_journalled() -> None:
    async with site(limited(errors=1000)) as here:
        peer = await here.session()
        await peer.say("MAIL FROM:<a@example.com>")
        for _ in range(200):
            peer.send(b"RCPT TO:<x@elsewhere.example>\r\n")
        for _ in range(200):
            await peer.reply()
        assert here.refused("relay-denied") == 200
        assert len(here.journal.refusals) == 50
        here.later(1)
        await peer.say("RCPT TO:<x@elsewhere.example>")
        assert len(here.journal.refusals) == 51


def test_an_octet_at_a_time_costs_no_more_memory_than_the_octets() -> None:
    content = IncomingContent(10**6, LineEnds.REFUSE)
    for _ in range(20_000):
        content.add(b"ab")
    assert len(content._segments) <= 513
    assert content.take() == b"ab" * 20_000


@pytest.mark.parametrize("command", ["DATA", "BDAT 9000000"])
async def test_a_fault_of_ours_within_a_large_message_ends_the_connection_with_its_reply(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, command: str
) -> None:
    """What still comes of the message is neither kept nor taken for commands."""

    def broken() -> None:
        raise RuntimeError("a bug")

    async with site(folder=tmp_path) as here:
        here.spool.bodies.open_body = broken
        peer = await here.session()
        session = await here.arrived()
        await peer.begin()
        session.data_received(command.encode() + b"\r\n")
        for _ in range(3):
            session.data_received((b"y" * 998 + b"\r\n") * 300)
        session.data_received(b"NOOP\r\n")
        if command == "DATA":
            assert (await peer.reply()).startswith("354 ")
        assert (await peer.reply()).startswith("451 4.3.0 Something went wrong here")
        assert await peer.is_closed()
        await here.settle()
    assert [record.name for record in caplog.records if record.exc_info] == ["gatepost.relay.reception.driving"]
