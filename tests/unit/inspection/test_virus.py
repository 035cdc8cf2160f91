"""clamd's protocol against sockets that behave and misbehave; the real clamd is met in the system tests."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.spam import VirusPolicy
from gatepost.relay.inspection.message import Specimen
from gatepost.relay.inspection.virus import ScanState, scan

Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ENVELOPE = Envelope("a@example.com", (Recipient("b@example.org"),))


@asynccontextmanager
async def scanner(conversation: Conversation, **options: float):
    server = await asyncio.start_server(conversation, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield VirusPolicy(enabled=True, host="127.0.0.1", port=port, **options)
    finally:
        server.close()


async def read_stream(reader: asyncio.StreamReader) -> bytes:
    assert await reader.readexactly(10) == b"zINSTREAM\0"
    content = b""
    while size := struct.unpack(">I", await reader.readexactly(4))[0]:
        content += await reader.readexactly(size)
    return content


@pytest.mark.parametrize(
    ("answer", "state", "text"),
    [
        (b"stream: OK\0", ScanState.CLEAN, ""),
        (b"stream: Eicar-Test-Signature FOUND\0", ScanState.INFECTED, "Eicar-Test-Signature"),
        (b"INSTREAM size limit exceeded. ERROR\0", ScanState.FAILED, "the message is larger than clamd's StreamMaxLength"),
        (b"", ScanState.FAILED, "clamd closed the connection without an answer"),
        (b"\xff\r\nOK", ScanState.FAILED, "\N{REPLACEMENT CHARACTER}  OK"),
    ],
)
async def test_every_answer_becomes_a_verdict(answer: bytes, state: ScanState, text: str) -> None:
    received: list[bytes] = []

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await read_stream(reader))
        writer.write(answer)
        writer.close()

    content = bytes(range(256)) * 1000
    async with scanner(conversation) as policy:
        verdict = await scan(Specimen(ENVELOPE, content), policy)
    assert (verdict.state, verdict.text) == (state, text)
    assert received == [content]


async def test_a_large_file_is_streamed(tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(b"0123456789" * 100_000)
    sizes: list[int] = []

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sizes.append(len(await read_stream(reader)))
        writer.write(b"stream: OK\0")
        writer.close()

    class File:
        def __init__(self) -> None:
            self.path = path
            self.size = 1_000_000

    async with scanner(conversation) as policy:
        assert (await scan(Specimen(ENVELOPE, File()), policy)).state is ScanState.CLEAN
    assert sizes == [1_000_000]


async def test_a_scanner_that_hangs_has_failed() -> None:
    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with scanner(conversation, timeout_seconds=1) as policy:
        verdict = await scan(Specimen(ENVELOPE, b"x"), policy)
    assert verdict.state is ScanState.FAILED
    assert "within 1 seconds" in verdict.text


async def test_a_scanner_that_dies_in_mid_scan_has_failed() -> None:
    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(10)
        writer.transport.abort()

    async with scanner(conversation) as policy:
        assert (await scan(Specimen(ENVELOPE, b"x" * 5_000_000), policy)).state is ScanState.FAILED


async def test_nobody_listening_has_failed() -> None:
    verdict = await scan(Specimen(ENVELOPE, b"x"), VirusPolicy(enabled=True, host="127.0.0.1", port=1))
    assert verdict.state is ScanState.FAILED
    assert "cannot be reached" in verdict.text
