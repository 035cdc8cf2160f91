"""A sender as mail servers are senders: it keeps every message until somebody has said 250, and tries again until then.

It writes down what no server can know for it: which messages were acknowledged, and for which the connection was lost
after the final dot, so that nobody knows whether they were taken.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from dataclasses import dataclass, field

REPLY_SECONDS = 20.0


class Broken(Exception):
    """The connection ended; ``dot_sent``: after the final dot of a message."""

    def __init__(self, dot_sent: bool) -> None:
        super().__init__()
        self.dot_sent = dot_sent


@dataclass
class Record:
    """By the messages' own numbers."""

    acknowledged: set[int] = field(default_factory=set)
    lost_reply: Counter[int] = field(default_factory=Counter)
    """How many times a message had been sent whole and no reply came."""
    refused: list[str] = field(default_factory=list)


class LoadClient:
    """``sessions`` connections at once that send messages ``0, 1, 2, …`` until ``stop``; ``pause`` seconds between two.

    Each message holds a line ``X-Number: <number>``.
    """

    def __init__(self, port: int, sessions: int, *, pause: float = 0.0, size: int = 2000) -> None:
        self.record = Record()
        self._port = port
        self._sessions = sessions
        self._pause = pause
        self._body = b"".join(b"%05d line of a message that says little\r\n" % n for n in range(size // 45))
        self._next = 0
        self._again: deque[int] = deque()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._session()) for _ in range(self._sessions)]

    async def acknowledges(self, count: int) -> None:
        """Wait for so many more acknowledgements."""
        wanted = len(self.record.acknowledged) + count
        while len(self.record.acknowledged) < wanted:
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Send what nobody has acknowledged yet, begin nothing new, and end."""
        self._stopping = True
        await asyncio.gather(*self._tasks)

    def _take(self) -> int | None:
        if self._again:
            return self._again.popleft()
        if self._stopping:
            return None
        self._next += 1
        return self._next - 1

    async def _session(self) -> None:
        reader: asyncio.StreamReader | None = None
        writer: asyncio.StreamWriter | None = None
        while (number := self._take()) is not None:
            dot_sent = False
            try:
                if reader is None or writer is None:
                    reader, writer = await self._connect()
                writer.write(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n")
                replies = [await self._reply(reader) for _ in range(3)]
                if replies[2][:3] != "354":
                    raise Broken(False)
                dot_sent = True  # from here on it may be taken
                head = f"X-Number: {number}\r\nSubject: number {number}\r\n\r\n".encode()
                writer.write(head + self._body + b".\r\n")
                final = await self._reply(reader)
                if final[:3] == "250":
                    self.record.acknowledged.add(number)
                else:
                    self.record.refused.append(final)
                    dot_sent = False
                    raise Broken(False)
            except (OSError, Broken, TimeoutError):
                if dot_sent:
                    self.record.lost_reply[number] += 1
                self._again.append(number)
                if writer is not None:
                    writer.transport.abort()
                reader = writer = None
                await asyncio.sleep(0.05)
                continue
            await asyncio.sleep(self._pause)
        if writer is not None:
            with contextlib.suppress(OSError):
                writer.write(b"QUIT\r\n")
                writer.close()
                await writer.wait_closed()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        await self._reply(reader)
        writer.write(b"EHLO load.example.org\r\n")
        await self._reply(reader)
        return reader, writer

    async def _reply(self, reader: asyncio.StreamReader) -> str:
        """The last line of one reply. Raises Broken when the connection ends."""
        async with asyncio.timeout(REPLY_SECONDS):
            while True:
                line = await reader.readline()
                if not line.endswith(b"\n"):
                    raise Broken(False)
                if line[3:4] != b"-":
                    return line.decode("ascii", "replace").strip()
