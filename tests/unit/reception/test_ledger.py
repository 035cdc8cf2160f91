"""A connection that is lost at any octet before 250 leaves nothing; after the commit the message is ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gatepost.model.envelope import Envelope
from gatepost.relay.reception import Inspected, Share
from gatepost.store.folder import DataFolder
from gatepost.store.spool import Spool
from gatepost.store.values import Content

from .support import Peer, Site, site

BODY = b"Subject: ledger\r\n\r\n" + b"text\r\n" * 3
DIALOGUE = (
    b"EHLO c.example\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n" + BODY + b".\r\n"
)  # fmt: skip


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    opened = Spool.open(DataFolder(tmp_path / "data"))
    yield opened
    await opened.aclose()


async def drop_after(here: Site, sent: bytes, reset: bool) -> None:
    peer = await here.connect()
    await peer.reply()
    peer.send(sent)
    await peer.writer.drain()
    if reset:
        await asyncio.sleep(0.002)
        peer.reset()
    else:
        await peer.close()


@pytest.mark.parametrize("reset", [False, True])
async def test_a_hang_up_at_any_octet_leaves_nothing_or_one_whole_message(spool: Spool, reset: bool) -> None:
    async with site(spool=spool) as here:
        for length in range(len(DIALOGUE)):
            await drop_after(here, DIALOGUE[:length], reset)
        await here.settle()
        assert spool.counts().total == 0
        assert here.taken == []
        assert list(spool.folder.bodies.iterdir()) == []
        await drop_after(here, DIALOGUE, reset=False)
        await here.settle()
        async with asyncio.timeout(5):
            while not here.taken:
                await asyncio.sleep(0.002)
        assert spool.counts().total == 1


async def test_a_hang_up_within_a_large_message_leaves_no_file(spool: Spool) -> None:
    content = b"Subject: large\r\n\r\n" + b"x" * 70 + b"\r\n" + (b"y" * 78 + b"\r\n") * 20_000
    head = DIALOGUE.partition(b"Subject")[0]
    async with site(spool=spool) as here:
        for length in (100, 262_000, 262_144, 262_160, 400_000, 1_000_000, len(content)):
            await drop_after(here, head + content[:length] + (b".\r" if length == len(content) else b""), reset=length % 2 == 0)
            await here.settle()
            async with asyncio.timeout(5):
                while any(spool.folder.bodies.iterdir()):
                    await asyncio.sleep(0.005)
        assert spool.counts().total == 0
        peer = await here.session()
        await peer.begin()
        assert (await peer.data(content + b".\r\n")).startswith("250 ")
        assert spool.counts().total == 1
        assert [path.stat().st_size > len(content) for path in spool.folder.bodies.iterdir()] == [True]


async def test_a_hang_up_while_the_commit_is_under_way_does_not_cancel_it() -> None:
    async with site() as here:
        here.spool.is_holding = True
        peer = await here.session()
        await peer.begin()
        await peer.say("DATA")
        peer.send(BODY + b".\r\n")
        async with asyncio.timeout(5):
            while not here.spool.held:
                await asyncio.sleep(0.002)
        peer.reset()
        await here.settle()
        future, stored = here.spool.held.pop()
        assert not future.cancelled()
        future.set_result(stored)
        await asyncio.sleep(0.01)
        assert [kept for kept, _ in here.taken] == [stored]


async def test_every_250_has_its_message_on_the_disk_and_the_other_way_round(spool: Spool) -> None:
    async with site(spool=spool) as here:
        answered = 0

        async def send(peer: Peer) -> None:
            nonlocal answered
            for _ in range(25):
                await peer.begin()
                reply = await peer.data(BODY + b".\r\n")
                answered += reply.startswith("250 ")

        peers = [await here.session() for _ in range(10)]
        await asyncio.gather(*(send(peer) for peer in peers))
        assert answered == spool.counts().total == len(here.taken) == 250


async def test_a_recipient_verdict_that_comes_after_the_client_left_changes_nothing() -> None:
    verdict: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with site(recipient_policy=lambda question: verdict) as here:
        peer = await here.session()
        await peer.say("MAIL FROM:<a@example.com>")
        peer.send(b"RCPT TO:<b@example.org>\r\nDATA\r\n")
        await asyncio.sleep(0.02)
        peer.reset()
        await here.settle()
        verdict.set_result(None)
        await asyncio.sleep(0.01)
        assert here.reception._gate.open == 0


@pytest.mark.parametrize("size", [10, 400_000])
async def test_a_hang_up_during_inspection_leaves_nothing(spool: Spool, size: int) -> None:
    go_on = asyncio.Event()
    seen: list[Content] = []

    async def inspect(envelope: Envelope, content: Content, is_local: bool) -> Inspected:
        seen.append(content)
        await go_on.wait()
        return Inspected((Share(envelope, content),))

    async with site(spool=spool, inspect=inspect) as here:
        peer = await here.session()
        await peer.begin()
        await peer.say("DATA")
        peer.send(b"Subject: x\r\n\r\n" + b"y\r\n" * size + b".\r\n")
        async with asyncio.timeout(5):
            while not seen:
                await asyncio.sleep(0.002)
        peer.reset()
        await here.settle()
        go_on.set()
        await asyncio.sleep(0.05)
        assert spool.counts().total == 0
        assert list(spool.folder.bodies.iterdir()) == []
        assert here.taken == []
