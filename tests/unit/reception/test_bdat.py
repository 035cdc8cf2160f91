"""CHUNKING (RFC 3030) under the same policies as DATA."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepost.store.bodies import BodyFile

from .support import body_of, configuration, site

HEAD = b"Subject: x\r\n\r\n"


async def test_chunks_make_one_message_whatever_their_cuts() -> None:
    content = HEAD + b"one\r\n.\r\n..two\r\n"
    async with site() as here:
        peer = await here.session()
        for cut in range(len(content) + 1):
            await peer.begin()
            peer.send(b"BDAT %d\r\n%s" % (cut, content[:cut]))
            peer.send(b"BDAT %d LAST\r\n%s" % (len(content) - cut, content[cut:]))
            assert await peer.reply() == f"250 2.0.0 {cut} octets received"
            assert (await peer.reply()).startswith("250 2.0.0 Ok: queued as ")
            assert body_of(here.messages[-1]) == content


async def test_an_empty_last_chunk_ends_the_message() -> None:
    async with site() as here:
        peer = await here.session()
        await peer.begin()
        assert (await peer.say(b"BDAT 14\r\n" + HEAD[:-2])).startswith("250 ")  # say adds the CR LF that the count includes
        assert (await peer.say("bdat 0 last")).startswith("250 2.0.0 Ok: queued")
        assert body_of(here.messages[0]) == HEAD


async def test_a_message_without_a_final_line_end_gets_one() -> None:
    async with site() as here:
        peer = await here.session()
        await peer.begin()
        peer.send(b"BDAT 15 LAST\r\n" + HEAD + b"t")
        assert (await peer.reply()).startswith("250 ")
        assert body_of(here.messages[0]) == HEAD + b"t\r\n"


@pytest.mark.parametrize("bad", [b"a\nb", b"a\rb", b"a\x00b", b"\n.\n", b"\r", b"a\r\n\r", b"\n"])
async def test_bare_line_ends_and_nul_are_refused_in_chunks_too(bad: bytes) -> None:
    content = HEAD + bad
    async with site() as here:
        peer = await here.session()
        for cut in range(len(content) + 1):
            await peer.begin()
            peer.send(b"BDAT %d\r\n%sBDAT %d LAST\r\n%s" % (cut, content[:cut], len(content) - cut, content[cut:]))
            replies = [await peer.reply(), await peer.reply()]
            assert any(reply.startswith("554 5.6.0") for reply in replies), (cut, replies)
            await peer.say("RSET")
            session = next(iter(here.endpoint.sessions))
            session._errors = 0
        assert here.messages == []


async def test_a_refused_chunk_is_heard_out_and_never_taken_for_commands() -> None:
    inner = b"MAIL FROM:<evil@example.com>\r\nRCPT TO:<b@example.org>\r\n"
    async with site() as here:
        peer = await here.session()
        for prefix, reply in (
            (b"", "503 5.5.1"),
            (b"MAIL FROM:<a@example.com>\r\n", "503 5.5.1"),
            (b"MAIL FROM:<a@example.com>\r\nRCPT TO:<x@no.example>\r\n", "554 5.5.1"),
        ):
            peer.send(prefix + b"BDAT %d LAST\r\n%sNOOP\r\n" % (len(inner), inner))
            replies = [await peer.reply() for _ in range(prefix.count(b"\r\n") + 2)]
            assert replies[-2].startswith(reply)
            assert replies[-1].startswith("250 ")
            await peer.say("RSET")


async def test_data_and_bdat_do_not_mix_and_no_recipient_comes_after_a_chunk() -> None:
    async with site() as here:
        peer = await here.session()
        await peer.begin()
        peer.send(b"BDAT 14\r\n" + HEAD)
        await peer.reply()
        assert (await peer.say("DATA")).startswith("503 ")
        assert (await peer.say("RCPT TO:<c@example.org>")).startswith("503 ")
        assert (await peer.say("MAIL FROM:<c@example.com>")).startswith("503 ")
        assert (await peer.say("BDAT 0 LAST")).startswith("250 ")
        assert [r.address for r in here.messages[0].envelope.recipients] == ["b@example.org"]


@pytest.mark.parametrize(
    "command", ["BDAT", "BDAT x", "BDAT -1", "BDAT 1 FIRST", "BDAT 1 LAST LAST", "BDAT 1e3", "BDAT ١", "BDAT 0 LAſT"]
)
async def test_a_size_that_cannot_be_read_ends_the_connection(command: str) -> None:
    async with site() as here:
        peer = await here.session()
        await peer.begin()
        assert (await peer.say(command)).startswith("421 4.5.4")
        assert await peer.is_closed()


async def test_binarymime_is_not_offered() -> None:
    async with site() as here:
        peer = await here.session()
        assert (await peer.say("MAIL FROM:<a@example.com> BODY=BINARYMIME")).startswith("555 ")


async def test_chunks_beyond_the_size_limit_are_heard_out_and_refused(tmp_path: Path) -> None:
    settings = {"server": {"host_name": "mx.example"}, "spool": {"max_message_bytes": 65_536}}
    async with site(configuration(settings=settings), tmp_path) as here:
        peer = await here.session()
        await peer.begin()
        peer.send(b"BDAT 60000\r\n" + b"a" * 59_998 + b"\r\n" + b"BDAT 60000 LAST\r\n" + b"b" * 60_000)
        assert (await peer.reply()).startswith("250 ")
        assert (await peer.reply()).startswith("552 5.3.4")
        assert (await peer.say("NOOP")).startswith("250 ")
        assert here.messages == []


async def test_a_large_message_in_chunks_goes_to_a_file(tmp_path: Path) -> None:
    content = HEAD + (b"x" * 998 + b"\r\n") * 1500
    async with site(folder=tmp_path) as here:
        peer = await here.session()
        await peer.begin()
        for start in range(0, len(content), 100_000):
            chunk = content[start : start + 100_000]
            last = b" LAST" if start + 100_000 >= len(content) else b""
            peer.send(b"BDAT %d%s\r\n%s" % (len(chunk), last, chunk))
            assert (await peer.reply()).startswith("250 ")
        assert isinstance(here.messages[0].content, BodyFile)
        assert body_of(here.messages[0]) == content
