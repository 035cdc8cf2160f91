"""What a request makes of a connection that does not hold: words for people, never an error of the library's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from gatepost.control.connection import Connection, Endpoint
from gatepost.control.place import Local
from gatepost.model.errors import Unavailable


@asynccontextmanager
async def connection(answer: bytes, folder: Path) -> AsyncIterator[Connection]:
    """To a server that says this to each request and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, aiohttp.ClientSession() as session:
        yield Connection(Endpoint("", 0, "", 1, 0.0), session, Local(folder), f"http://127.0.0.1:{port}/")


async def test_who_kept_a_connection_that_was_closed_is_told_that_the_relay_is_away(tmp_path: Path) -> None:
    async with connection(b"HTTP/1.1 204 No Content\r\n\r\n", tmp_path) as kept:
        await kept.call("GET", "v1/status")
        await kept.close()
        with pytest.raises(Unavailable, match="closed"):
            await kept.call("GET", "v1/status")


@pytest.mark.parametrize("status", ["200 OK", "500 Internal Server Error"])
async def test_an_answer_that_is_cut_off_is_told_in_words(tmp_path: Path, status: str) -> None:
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 100\r\n\r\n".encode() + b'{"error"'
    async with connection(answer, tmp_path) as found:
        with pytest.raises(Unavailable, match="closed"):
            await found.call("GET", "v1/status")
