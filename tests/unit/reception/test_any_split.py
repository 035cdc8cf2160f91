"""However the octets of a session are cut into packets, its replies and what is kept are the same, and well formed."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.smtp_scripts import SCRIPTS, cut, well_formed

from .support import Peer, Site, body_of, configuration, sender_and_recipients, site
from .test_auth import USER

Heard = tuple[list[str], list[tuple[Any, ...]]]

_QUEUED = re.compile(r"queued as \w+")


async def say(here: Site, pieces: Sequence[bytes]) -> Heard:
    """What a client hears that sends each piece as a packet of its own, and what is kept of it."""
    here.messages.clear()
    here.endpoint.authenticator._by_address._entries.clear()
    peer = await here.connect()
    session = await here.arrived()
    for piece in pieces:
        while session._is_reading_paused:
            await asyncio.sleep(0)
        if session.transport is None or session.transport.is_closing():
            break
        session.data_received(piece)
        await asyncio.sleep(0)
    await at_rest(session)
    if session.transport is not None:
        session.transport.close()
    lines = (await read_all(peer)).split(b"\r\n")
    await here.settle()
    assert lines.pop() == b"", "every line is ended"
    here._peers.remove(peer)
    await peer.close()
    kept = [(*sender_and_recipients(one.envelope), one.envelope, body_of(one)) for one in here.messages]
    return [_QUEUED.sub("queued", line.decode("ascii")) for line in lines], kept


async def at_rest(session: Any) -> None:
    def is_busy() -> bool:
        return session._coroutine is not None and (session._line_waiter is None or b"\n" in session._buffer)

    async with asyncio.timeout(10):
        for _ in range(5):
            await asyncio.sleep(0)
            while is_busy():
                await asyncio.sleep(0)


async def read_all(peer: Peer) -> bytes:
    async with asyncio.timeout(10):
        return await peer.reader.read()


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@example(script=b"EHLO x\r\nAUTH PLAIN\r\n" + b"Q" * 30_000 + b"\r\nNOOP\r\n", places=[15_000], each=False)
@example(script=b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.org>\r\nBDAT 3\r\n.\n\x00BDAT 0 LAST\r\n", places=[], each=True)
@example(script=b"EHLO x\r\n" + b"AUTH LOGIN\r\nQQ==\r\n*\r\n" * 3, places=[], each=True)
@given(script=SCRIPTS, places=st.lists(st.integers(0, 100_000), max_size=12), each=st.booleans())
def test_any_cut_into_packets_gives_the_same_replies_and_the_same_messages(
    script: bytes, places: list[int], each: bool, tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()

    async def run() -> tuple[Heard, Heard]:
        config = configuration({"limits": {"errors": 8}}, users=[USER])
        async with site(config, Path(tmp_path_factory.getbasetemp())) as here:
            pieces = [script[at : at + 1] for at in range(len(script))] if each and len(script) < 400 else cut(script, places)
            return await say(here, [script]), await say(here, pieces)

    whole, parts = asyncio.run(run())
    well_formed(whole[0])
    well_formed(parts[0])
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]
    if not any(line.startswith("421 4.5.0 ") for line in whole[0] + parts[0]):
        # But what follows a refused DATA in one packet: that client did not wait, and its data must not be obeyed.
        assert parts == whole
