"""Transactions over real sockets: what the peer receives, and what its answers and failures come to."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gatepost.model.envelope import BodyType, Notify, Recipient
from gatepost.model.gateway import Limits
from gatepost.model.settings import DeliverySettings
from gatepost.relay.delivery.values import FailureKind, Job, OutcomeState, Stage

from ...support.smtp_peer import DEFAULT_FEATURES, DROP, HANG, RESET, Delay, Endless, Raw, SayAndDrop, SmtpPeer
from .hops import MESSAGE, ListSource, connector_for, deliver, eventually, hop_for, job_for, run_jobs

PLAIN_PEER = tuple(name for name in DEFAULT_FEATURES if name != "PIPELINING")
BOTH = pytest.mark.parametrize("features", [DEFAULT_FEATURES, PLAIN_PEER], ids=["pipelining", "one by one"])


@dataclass(frozen=True)
class OnDisk:
    path: Path
    size: int


def on_disk(folder: Path, content: bytes) -> OnDisk:
    file = folder / "body"
    file.write_bytes(content)
    return OnDisk(file, len(content))


@BOTH
async def test_a_message_arrives_as_it_is(features: tuple[str, ...]) -> None:
    async with SmtpPeer(features=features) as peer:
        (outcome,) = await deliver(peer, job_for("b@example.net", "c@example.net"))
        (message,) = peer.messages
        assert outcome.is_delivered
        assert outcome.final is not None
        assert outcome.final.code == 250
        assert message.content == MESSAGE
        assert message.sender == "a@example.org"
        assert message.recipients == ("b@example.net", "c@example.net")
        assert message.mail_parameters == (f"SIZE={len(MESSAGE)}",)
        assert [r.reply.code for r in outcome.results()] == [250, 250]


async def test_mail_rcpt_and_data_travel_in_one_write_where_pipelining_is_announced() -> None:
    async with SmtpPeer() as peer:
        await deliver(peer, job_for("b@example.net", "c@example.net"))
        (group,) = [read for read in peer.connections[0].reads if b"MAIL" in read]
        assert group.count(b"\r\n") == 4
        assert group.endswith(b"DATA\r\n")


async def test_commands_go_one_by_one_where_pipelining_is_not_announced() -> None:
    async with SmtpPeer(features=PLAIN_PEER) as peer:
        await deliver(peer, job_for("b@example.net", "c@example.net"), job_for())
        for read in peer.connections[0].reads:
            if not read.startswith(b"From:"):
                assert read.count(b"\r\n") == 1, read


async def test_the_next_envelope_travels_with_the_final_dot() -> None:
    async with SmtpPeer() as peer:
        outcomes = await deliver(peer, *[job_for(f"r{n}@example.net") for n in range(5)])
        assert [o.is_delivered for o in outcomes] == [True] * 5
        assert [m.recipients for m in peer.messages] == [(f"r{n}@example.net",) for n in range(5)]
        assert sum(b"\r\n.\r\nMAIL FROM" in read for read in peer.connections[0].reads) == 4


@BOTH
async def test_a_refused_recipient_is_refused_alone(features: tuple[str, ...]) -> None:
    async with SmtpPeer(features=features) as peer:
        peer.on("rcpt", "550 5.1.1 no such user", match="nobody@")
        peer.on("rcpt", "451 4.7.1 later", match="grey@")
        (outcome,) = await deliver(peer, job_for("b@example.net", "nobody@example.net", "grey@example.net"))
        assert outcome.state is OutcomeState.COMPLETED
        assert not outcome.is_delivered
        assert [(r.reply.code, r.stage) for r in outcome.results()] == [
            (250, Stage.FINAL_DOT),
            (550, Stage.RCPT),
            (451, Stage.RCPT),
        ]
        assert peer.messages[0].recipients == ("b@example.net",)


@BOTH
async def test_when_all_recipients_are_refused_nothing_is_sent_and_the_next_message_is(features: tuple[str, ...]) -> None:
    async with SmtpPeer(features=features) as peer:
        peer.on("rcpt", "550 5.1.1 no such user", match="nobody@")
        first, second = await deliver(peer, job_for("nobody@example.net"), job_for("b@example.net"))
        assert [(r.reply.code, r.stage) for r in first.results()] == [(550, Stage.RCPT)]
        assert first.stage is Stage.RCPT
        assert second.is_delivered
        assert len(peer.messages) == 1
        assert len(peer.connections) == 1


async def test_a_354_without_any_recipient_is_answered_with_a_lone_dot() -> None:
    async with SmtpPeer() as peer:
        peer.on("rcpt", "550 5.1.1 no such user", times=1)
        peer.on("data-blind", "354 go ahead", times=1)
        first, second = await deliver(peer, job_for("nobody@example.net"), job_for("b@example.net"))
        assert first.results()[0].reply.code == 550
        assert second.is_delivered
        assert [m.recipients for m in peer.messages] == [("b@example.net",)]
        assert peer.messages[0].content == MESSAGE


@BOTH
@pytest.mark.parametrize("reply", ["550 5.7.1 no", "451 4.3.0 later"])
async def test_a_refused_sender_decides_for_every_recipient(features: tuple[str, ...], reply: str) -> None:
    async with SmtpPeer(features=features) as peer:
        peer.on("mail", reply, times=1)
        first, second = await deliver(peer, job_for("b@example.net", "c@example.net"), job_for())
        assert {(str(r.reply), r.stage) for r in first.results()} == {(reply, Stage.MAIL)}
        assert len(first.results()) == 2
        assert second.is_delivered


@BOTH
async def test_a_refused_data_decides_for_the_accepted_recipients(features: tuple[str, ...]) -> None:
    async with SmtpPeer(features=features) as peer:
        peer.on("data", "451 4.3.0 busy", times=1)
        peer.on("rcpt", "550 5.1.1 no", match="nobody@")
        first, second = await deliver(peer, job_for("b@example.net", "nobody@example.net"), job_for())
        assert [(r.reply.code, r.stage) for r in first.results()] == [(451, Stage.DATA), (550, Stage.RCPT)]
        assert second.is_delivered
        assert "RSET" in peer.connections[0].commands


@BOTH
async def test_a_refusal_of_the_content_is_the_final_word(features: tuple[str, ...]) -> None:
    async with SmtpPeer(features=features) as peer:
        peer.on("dot", "554 5.6.0 not wanted", times=1)
        first, second = await deliver(peer, job_for(), job_for())
        assert [(r.reply.code, r.stage) for r in first.results()] == [(554, Stage.FINAL_DOT)]
        assert second.is_delivered


@BOTH
@pytest.mark.parametrize("count", [99, 100, 101, 199, 200, 250])
async def test_many_recipients_are_all_asked(features: tuple[str, ...], count: int) -> None:
    async with SmtpPeer(features=features) as peer:
        peer.on("rcpt", "550 5.1.1 no", match="<r7@")
        (outcome,) = await deliver(peer, job_for(*[f"r{n}@example.net" for n in range(count)]))
        assert len(peer.messages[0].recipients) == count - 1
        assert [r.reply.code for r in outcome.results()] == [550 if n == 7 else 250 for n in range(count)]


ENDS = {"drop": DROP, "reset": RESET, "hang": HANG}
EARLY_ENDS = [
    (stage, end) for stage in ("mail", "rcpt", "data", "content") for end in ENDS if (stage, end) != ("content", "hang")
]
"""A stalled upload has its own test."""


@BOTH
@pytest.mark.parametrize(("stage", "end"), EARLY_ENDS)
async def test_what_ends_before_the_dot_is_lost(features: tuple[str, ...], stage: str, end: str, tmp_path: Path) -> None:
    action = ENDS[end]
    async with SmtpPeer(features=features) as peer:
        peer.on(stage, action)  # type: ignore[arg-type]
        content = MESSAGE if stage != "content" else on_disk(tmp_path, MESSAGE + b"x" * 70 * 100_000)
        settings = DeliverySettings(connect_seconds=1, command_seconds=0.3, data_done_seconds=0.3)
        (outcome,) = await deliver(peer, job_for(content=content), settings=settings)
        assert outcome.state is OutcomeState.LOST
        assert outcome.failure is not None
        assert outcome.failure.kind is (FailureKind.TIMEOUT if action is HANG else FailureKind.LOST)
        assert not peer.messages


@BOTH
@pytest.mark.parametrize("action", [DROP, RESET, HANG, Raw(b"garbage\r\n")], ids=["drop", "reset", "hang", "garbage"])
async def test_what_ends_between_dot_and_reply_is_unknown(features: tuple[str, ...], action: object) -> None:
    async with SmtpPeer(features=features) as peer:
        peer.on("dot", action)  # type: ignore[arg-type]
        settings = DeliverySettings(connect_seconds=1, command_seconds=1, data_done_seconds=0.3)
        outcomes = await deliver(peer, job_for(), job_for("next@example.net"), settings=settings)
        assert outcomes[0].state is OutcomeState.UNKNOWN
        if len(outcomes) == 2:  # sent ahead, behind the dot: it never began
            assert outcomes[1].state is OutcomeState.NOT_STARTED
        assert len(peer.messages) == 1


async def test_a_recipient_refused_before_the_loss_keeps_its_answer() -> None:
    async with SmtpPeer(features=PLAIN_PEER) as peer:
        peer.on("rcpt", "550 5.1.1 no", match="nobody@")
        peer.on("data", DROP)
        (outcome,) = await deliver(peer, job_for("nobody@example.net", "b@example.net"))
        assert outcome.state is OutcomeState.LOST
        assert [reply.code if reply else None for reply in outcome.recipients] == [550, 250]


@BOTH
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
async def test_a_421_on_a_fresh_connection_is_an_answer_and_the_end(features: tuple[str, ...], stage: str) -> None:
    async with SmtpPeer(features=features) as peer:
        peer.on(stage, SayAndDrop("421 4.3.2 shutting down"))
        outcomes = await deliver(peer, job_for("b@example.net", "c@example.net"), job_for())
        assert outcomes[0].state is OutcomeState.COMPLETED
        assert {r.reply.code for r in outcomes[0].results()} <= {421, 250}
        assert outcomes[0].results()[-1].reply.code == 421
        assert not outcomes[0].is_delivered
        assert all(o.state is OutcomeState.NOT_STARTED for o in outcomes[1:])


@BOTH
async def test_a_kept_connection_that_has_had_enough_hands_the_job_back(features: tuple[str, ...]) -> None:
    async with SmtpPeer(features=features, max_messages=1) as peer:
        first, second = await deliver(peer, job_for(), job_for())
        assert first.is_delivered
        assert second.state is OutcomeState.NOT_STARTED
        assert second.failure is not None
        assert second.failure.reply is not None
        assert second.failure.reply.code == 421


async def test_an_endless_reply_ends_at_its_limit() -> None:
    async with SmtpPeer() as peer:
        peer.on("dot", Endless(b"250-and so on\r\n"))
        (outcome,) = await deliver(peer, job_for())
        assert outcome.state is OutcomeState.UNKNOWN
        assert outcome.failure is not None
        assert outcome.failure.kind is FailureKind.PROTOCOL


async def test_a_reply_that_drips_does_not_move_its_deadline() -> None:
    async with SmtpPeer() as peer:
        peer.on("mail", Endless(b"250-drip\r\n", pause=0.1))
        settings = DeliverySettings(connect_seconds=1, command_seconds=0.4, data_done_seconds=1)
        began = asyncio.get_running_loop().time()
        (outcome,) = await deliver(peer, job_for(), settings=settings)
        assert outcome.failure is not None
        assert outcome.failure.kind is FailureKind.TIMEOUT
        assert asyncio.get_running_loop().time() - began < 2.0


async def test_a_slow_but_timely_verdict_is_waited_for_with_its_own_deadline() -> None:
    async with SmtpPeer() as peer:
        peer.on("dot", Delay(0.5))
        settings = DeliverySettings(connect_seconds=1, command_seconds=0.2, data_done_seconds=5)
        (outcome,) = await deliver(peer, job_for(), settings=settings)
        assert outcome.is_delivered


async def test_nothing_is_sent_ahead_behind_a_slow_verdict() -> None:
    async with SmtpPeer() as peer:
        peer.on("dot", Delay(0.7), times=1)
        # The first verdict is not known to be slow; the one after it is.
        await deliver(peer, *[job_for(f"r{n}@example.net") for n in range(3)])
        assert sum(b"\r\n.\r\nMAIL FROM" in read for read in peer.connections[0].reads) == 1


@BOTH
async def test_large_content_is_streamed_from_disk_unchanged(features: tuple[str, ...], tmp_path: Path) -> None:
    content = b"Subject: big\r\n\r\n" + (b".dots and text\r\n" * 60 + b"x" * 900 + b"\r\n") * 2000
    async with SmtpPeer(features=features) as peer:
        outcomes = await deliver(peer, job_for(content=on_disk(tmp_path, content)), job_for(), job_for())
        assert [o.is_delivered for o in outcomes] == [True] * 3
        assert peer.messages[0].content == content
        assert outcomes[0].sent_octets >= len(content)


async def test_large_content_in_memory_is_streamed_too() -> None:
    content = b"Subject: big\r\n\r\n" + b"." * 900_000
    async with SmtpPeer() as peer:
        (outcome,) = await deliver(peer, job_for(content=content))
        assert outcome.is_delivered
        assert peer.messages[0].content == content + b"\r\n"


async def test_content_that_cannot_be_read_is_not_sent_in_part(tmp_path: Path) -> None:
    body = on_disk(tmp_path, b"Subject: x\r\n\r\nwhole\r\n")
    short = OnDisk(body.path, body.size + 10)
    async with SmtpPeer() as peer:
        (outcome,) = await deliver(peer, job_for(content=short, body=BodyType.EIGHT_BIT_MIME))
        assert outcome.state is OutcomeState.LOST
        assert outcome.failure is not None
        assert outcome.failure.kind is FailureKind.CONTENT
        assert not peer.messages


async def test_a_missing_file_fails_its_job_and_not_the_next(tmp_path: Path) -> None:
    async with SmtpPeer() as peer:
        first, second = await deliver(peer, job_for(content=OnDisk(tmp_path / "gone", 10)), job_for())
        assert first.failure is not None
        assert first.failure.kind is FailureKind.CONTENT
        assert second.is_delivered


async def test_an_early_refusal_of_large_content_is_the_final_word(tmp_path: Path) -> None:
    async with SmtpPeer() as peer:
        peer.on("content", Raw(b"552 5.3.4 far too big\r\n"), times=1)
        content = on_disk(tmp_path, b"Subject: x\r\n\r\n" + (b"x" * 70 + b"\r\n") * 300_000)
        (outcome,) = await deliver(peer, job_for(content=content))
        assert outcome.state is OutcomeState.COMPLETED
        assert outcome.results()[0].reply.code == 552


# What the peer announces


async def test_dsn_parameters_are_passed_on_where_they_are_announced() -> None:
    recipients = (
        Recipient("b@example.net", Notify.SUCCESS | Notify.FAILURE, "rfc822;b+2B@example.net"),
        Recipient("c@example.net", Notify.NEVER),
        Recipient("d@example.net"),
    )
    job = Job("a@example.org", recipients, MESSAGE, ret="HDRS", envid="id+2D1")
    async with SmtpPeer() as peer:
        await deliver(peer, job)
        (message,) = peer.messages
        assert message.mail_parameters[1:] == ("RET=HDRS", "ENVID=id+2D1")
        assert message.recipient_parameters == (
            ("NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;b+2B@example.net"),
            ("NOTIFY=NEVER",),
            (),
        )
    async with SmtpPeer(features=("PIPELINING",)) as peer:
        await deliver(peer, job)
        (message,) = peer.messages
        assert message.mail_parameters == ()
        assert message.recipient_parameters == ((), (), ())


EIGHT_BIT = "Subject: x\r\n\r\nGrüße\r\n".encode()


async def test_eight_bit_content_is_declared() -> None:
    async with SmtpPeer() as peer:
        await deliver(peer, job_for(content=EIGHT_BIT))
        assert "BODY=8BITMIME" in peer.messages[0].mail_parameters


@pytest.mark.parametrize("large", [False, True])
async def test_eight_bit_content_never_goes_raw_to_a_peer_without_8bitmime(large: bool, tmp_path: Path) -> None:
    content = on_disk(tmp_path, EIGHT_BIT) if large else EIGHT_BIT
    async with SmtpPeer(features=("PIPELINING",)) as peer:
        first, second = await deliver(peer, job_for(content=content), job_for())
        assert first.state is OutcomeState.NEEDS_CONVERSION
        assert second.is_delivered
        assert len(peer.messages) == 1
        assert sum(command.startswith("MAIL") for command in peer.connections[0].commands) == 1


async def test_a_binary_message_cannot_go_by_data() -> None:
    async with SmtpPeer() as peer:
        (outcome,) = await deliver(peer, job_for(body=BodyType.BINARY_MIME))
        assert outcome.state is OutcomeState.NEEDS_CONVERSION


async def test_smtputf8_is_used_where_announced_and_refused_where_not() -> None:
    header = "Subject: Grüße\r\n\r\nx\r\n".encode()
    job = {"sender": "ä@example.org", "content": header, "smtputf8": True, "body": BodyType.EIGHT_BIT_MIME}
    async with SmtpPeer() as peer:
        (outcome,) = await deliver(peer, job_for(**job))  # type: ignore[arg-type]
        assert outcome.is_delivered
        assert "SMTPUTF8" in peer.messages[0].mail_parameters
        assert peer.messages[0].sender == "ä@example.org"
    async with SmtpPeer(features=("8BITMIME",)) as peer:
        by_address, by_header, plain = await deliver(
            peer,
            job_for(**job),  # type: ignore[arg-type]
            job_for(content=header, smtputf8=True),
            job_for(smtputf8=True),
        )
        for outcome in (by_address, by_header):
            assert outcome.state is OutcomeState.UNSENDABLE
            (result,) = outcome.results()
            assert result.is_local
            assert result.reply.enhanced == "5.6.7"
        assert plain.is_delivered
        assert len(peer.messages) == 1


async def test_a_message_over_the_announced_size_is_not_even_offered() -> None:
    async with SmtpPeer(features=("SIZE 50",)) as peer:
        (outcome,) = await deliver(peer, job_for())
        assert outcome.state is OutcomeState.UNSENDABLE
        assert outcome.results()[0].reply.enhanced == "5.3.4"
        assert not any(command.startswith("MAIL") for command in peer.connections[0].commands)


@pytest.mark.parametrize("address", ["b@x\r\nRSET", "b@x\x00", "b@x\nDATA"])
async def test_no_address_can_become_a_command(address: str) -> None:
    async with SmtpPeer() as peer:
        outcomes = await deliver(peer, job_for(address), job_for(sender=address))
        assert [o.state for o in outcomes] == [OutcomeState.UNSENDABLE] * 2
        assert [c.split()[0] for c in peer.connections[0].commands] == ["EHLO"]


@BOTH
async def test_recipients_can_be_asked_about_without_sending(features: tuple[str, ...]) -> None:
    async with SmtpPeer(features=features) as peer:
        peer.on("rcpt", "550 5.1.1 no such user", match="nobody@")
        first, second, third = await deliver(
            peer,
            job_for("b@example.net", "nobody@example.net", sender="", content=None),
            job_for("nobody@example.net", sender="", content=None),
            job_for(),
        )
        assert [(r.reply.code, r.stage) for r in first.results()] == [(250, Stage.RCPT), (550, Stage.RCPT)]
        assert second.results()[0].reply.code == 550
        assert third.is_delivered
        assert len(peer.messages) == 1


# The connection's own life


async def test_after_its_share_of_messages_a_connection_says_quit() -> None:
    async with SmtpPeer() as peer:
        connection = await connector_for().connect(hop_for(peer, limits=Limits(messages_per_connection=2)))
        source = await run_jobs(connection, job_for(), job_for(), job_for())
        assert await asyncio.wait_for(source.closed, 5) is None
        assert len(source.outcomes) == 2
        assert len(source.jobs) == 1
        await peer.wait_for(lambda p: p.connections[0].end == "quit")


async def test_success_is_reported_before_quit_is_answered() -> None:
    async with SmtpPeer() as peer:
        peer.on("quit", HANG)
        connection = await connector_for().connect(hop_for(peer, limits=Limits(messages_per_connection=1)))
        source = await run_jobs(connection, job_for(), seconds=2)
        assert [o.is_delivered for o in source.outcomes] == [True]
        assert not source.closed.done()
        connection.abort()


async def test_a_peer_that_closes_an_idle_connection_is_noticed() -> None:
    async with SmtpPeer() as peer:
        connection = await connector_for().connect(hop_for(peer))
        source = await run_jobs(connection, job_for())
        assert connection.is_idle
        peer.drop_all()
        failure = await asyncio.wait_for(source.closed, 5)
        assert failure is not None
        assert failure.kind is FailureKind.LOST
        assert not connection.is_usable


async def test_unasked_words_on_an_idle_connection_end_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        connecting = asyncio.ensure_future(connector_for().connect(hop_for(listener.getsockname()[1])))
        server, _ = await loop.sock_accept(listener)
        with server:
            await loop.sock_sendall(server, b"220 hi\r\n")
            await loop.sock_recv(server, 100)
            await loop.sock_sendall(server, b"250 hi\r\n")
            connection = await connecting
            source = await run_jobs(connection, seconds=0.1)
            await loop.sock_sendall(server, b"250 something\r\n")
            failure = await asyncio.wait_for(source.closed, 5)
            assert failure is not None
            assert failure.kind is FailureKind.PROTOCOL


async def test_finish_lets_the_present_job_end() -> None:
    async with SmtpPeer() as peer:
        peer.on("dot", Delay(0.2))
        connection = await connector_for().connect(hop_for(peer))
        running = asyncio.ensure_future(run_jobs(connection, job_for(), job_for("never@example.net")))
        await peer.wait_for(lambda p: any(c == "DATA" for c in p.connections[0].commands))
        connection.finish()
        source = await running
        assert await asyncio.wait_for(source.closed, 5) is None
        assert all(outcome.is_delivered for outcome in source.outcomes)
        assert len(source.outcomes) == len(peer.messages)


async def test_a_stalled_upload_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost.relay.delivery.streaming.STALL_SECONDS", 0.3)
    async with SmtpPeer() as peer:
        peer.on("content", HANG)
        content = on_disk(tmp_path, b"Subject: x\r\n\r\n" + (b"x" * 70 + b"\r\n") * 200_000)
        (outcome,) = await deliver(peer, job_for(content=content))
        assert outcome.state is OutcomeState.LOST
        assert outcome.stage is Stage.CONTENT
        assert outcome.failure is not None
        assert outcome.failure.kind is FailureKind.TIMEOUT


async def test_a_dot_that_never_left_is_no_doubt_about_the_message() -> None:
    """The connection breaks in the same turn of the loop in which the peer asked for the content."""
    async with SmtpPeer() as peer:
        peer.on("data", HANG)
        connection = await connector_for().connect(hop_for(peer))
        source = ListSource([job_for()])
        connection.run(source)
        await eventually(lambda: connection._current is not None and connection._current.phase is Stage.DATA)
        connection.data_received(b"354 go on\r\n")
        connection.abort()
        await asyncio.wait([source.closed], timeout=5)
        (outcome,) = source.outcomes
        assert outcome.state is OutcomeState.LOST
        assert peer.messages == []


async def test_a_connection_that_cannot_be_written_to_ends_alone(caplog: pytest.LogCaptureFixture) -> None:
    async with SmtpPeer() as peer:
        connector = connector_for()
        broken, sound = await connector.connect(hop_for(peer)), await connector.connect(hop_for(peer))
        broken._transport = _Failing(broken._transport)  # type: ignore[assignment]
        sources = ListSource([job_for()]), ListSource([job_for()])
        broken.run(sources[0])
        sound.run(sources[1])
        await asyncio.wait([sources[0].closed, sources[1].all_done], timeout=5)
        assert [outcome.state for source in sources for outcome in source.outcomes] == [
            OutcomeState.LOST,
            OutcomeState.COMPLETED,
        ]
        assert "could not be written to" in caplog.text
        sound.abort()
        await asyncio.wait([sources[1].closed], timeout=5)


class _Failing:
    """A transport that finds only when it writes that the other side is gone."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        raise RuntimeError("the handler is closed")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
