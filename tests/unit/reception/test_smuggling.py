"""SMTP smuggling: one message stays one message, and what holds a bare line end is refused."""

from __future__ import annotations

import itertools

import pytest

from .support import LOOPBACK, Site, body_of, configuration, site

INJECTED = b"MAIL FROM:<evil@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n"
PIECES = (b"", b"\r", b"\n", b"\r\n", b"\x00", b"\r\r", b"\n\r", b"\r\n\x00", b"\x00\r\n")
ENDS = [
    before + b"." + after
    for before, after in itertools.product(PIECES, PIECES)
    if not (before.endswith(b"\r\n") and after.startswith(b"\r\n"))
]


async def deliver(here: Site, body: bytes) -> str:
    peer = await here.session()
    await peer.begin()
    reply = await peer.data(b"Subject: honest\r\n\r\ntext" + body + b"\r\n.\r\n")
    assert await peer.say("NOOP") == "250 2.0.0 OK"
    await peer.close()
    return reply


async def test_no_mix_of_cr_lf_and_nul_around_the_dot_ends_the_message() -> None:
    async with site() as here:
        for end in ENDS:
            here.messages.clear()
            reply = await deliver(here, end + INJECTED)
            senders = [message.envelope.sender for message in here.messages]
            assert senders in ([], ["a@example.com"]), end
            bare = end.replace(b"\r\n", b"")
            if b"\r" in bare or b"\n" in bare or b"\x00" in bare:
                assert reply.startswith("554 5.6.0 "), end
                assert senders == [], end
            else:
                assert reply.startswith("250 "), end


@pytest.mark.parametrize("end", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n\x00.\r\n"])
async def test_the_same_holds_when_the_packets_are_cut_anywhere(end: bytes) -> None:
    stream = b"S: h\r\n\r\nt" + end + b"MAIL FROM:<evil@example.com>\r\n" + b"\r\n.\r\n"
    async with site() as here:
        for cut in range(1, len(stream)):
            peer = await here.session()
            await peer.begin()
            assert (await peer.say("DATA")).startswith("354 ")
            session = next(s for s in here.endpoint.sessions if s.envelope is not None)
            session.data_received(stream[:cut])  # the cut itself, which a socket might undo
            session.data_received(stream[cut:])
            assert (await peer.reply()).startswith("554 5.6.0 "), cut
            assert await peer.say("NOOP") == "250 2.0.0 OK"
            await peer.close()
        assert here.messages == []


async def test_what_was_refused_is_counted_and_journalled() -> None:
    async with site() as here:
        await deliver(here, b"\nbare")
        assert here.refused("bare-line-end") == 1
        assert [(r.stage, r.reason, r.client) for r in here.journal.refusals] == [("data", "bare-line-end", "127.0.0.1")]


async def test_a_tolerant_listener_repairs_and_counts_and_still_ends_only_at_the_true_end() -> None:
    config = configuration({"line_ends": "repair", "id": "old"}, trusted_networks=LOOPBACK)
    async with site(config) as here:
        reply = await deliver(here, b"\n.\nMAIL FROM:<evil@example.com>\rx\x00y")
        assert reply.startswith("250 ")
        (message,) = here.messages
        assert b"text\r\n.\r\nMAIL FROM:<evil@example.com> x y\r\n" in body_of(message)
        assert here.counters.totals["tolerated_line_ends", "old"] == 4


async def test_bare_line_feeds_in_commands_are_refused_unless_tolerated() -> None:
    async with site() as here:
        peer = await here.session()
        peer.send(b"NOOP\n")
        assert (await peer.reply()).startswith("500 5.5.2 ")
    async with site(configuration({"line_ends": "repair"})) as here:
        peer = await here.session()
        peer.send(b"NOOP\n")
        assert (await peer.reply()).startswith("250 ")


async def test_data_sent_before_a_refused_data_command_was_answered_is_not_taken_for_commands() -> None:
    async with site() as here:
        peer = await here.session()
        peer.send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@elsewhere.example>\r\nDATA\r\n" + INJECTED + b".\r\n")
        assert (await peer.reply()).startswith("250 ")
        assert (await peer.reply()).startswith("550 5.7.1 ")
        assert (await peer.reply()).startswith("554 5.5.1 ")
        assert (await peer.reply()).startswith("421 4.5.0 ")
        assert await peer.is_closed()
        assert here.messages == []
