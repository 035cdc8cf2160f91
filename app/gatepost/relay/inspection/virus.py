"""Virus scanning by clamd's INSTREAM command: the message is streamed, never copied as a whole.

Protocol of clamd(8): ``zINSTREAM\\0``, then chunks led by their length in four octets (network order), ended by a zero
length. Answers: ``stream: OK``, ``stream: NAME FOUND``, ``… ERROR``.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from dataclasses import dataclass
from enum import StrEnum

from ...model.spam import VirusPolicy
from ..common.printable import printable
from .message import Specimen

MAX_ANSWER = 4096
_LIMITS = "Limits.Exceeded"
"""In the name of what clamd reports (with its AlertExceedsMax) of a message that unpacks beyond its limits."""


class ScanState(StrEnum):
    CLEAN = "clean"
    INFECTED = "infected"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ScanVerdict:
    """``text`` is the virus's name or the reason of the failure."""

    state: ScanState
    text: str = ""
    is_down: bool = False
    """It did not answer at all, rather than giving up on this message."""
    is_too_large: bool = False
    """The scanner takes no message of this size, now or later."""

    def __str__(self) -> str:
        if self.state is ScanState.INFECTED:
            if _LIMITS in self.text:
                return f"packed too deep or too large to be scanned: {self.text}"
            return f"virus found: {self.text}"
        return "no virus found" if self.state is ScanState.CLEAN else f"virus scanner failed: {self.text}"


async def scan(specimen: Specimen, policy: VirusPolicy) -> ScanVerdict:
    """Ask clamd. A scanner that is down, too slow, or gives up on the message is FAILED with its reason."""
    try:
        async with asyncio.timeout(policy.timeout_seconds):
            try:
                reader, writer = await _connect(policy)
            except OSError as error:
                return ScanVerdict(ScanState.FAILED, printable(f"clamd cannot be reached: {error}", 200), True)
            try:
                return _verdict(await _converse(reader, writer, specimen))
            finally:
                writer.close()
    except TimeoutError:
        return ScanVerdict(ScanState.FAILED, f"no answer from clamd within {policy.timeout_seconds:g} seconds", True)
    except OSError as error:
        return ScanVerdict(ScanState.FAILED, printable(f"clamd broke off: {error}", 200))


async def _connect(policy: VirusPolicy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if policy.socket:
        return await asyncio.open_unix_connection(policy.socket)
    return await asyncio.open_connection(policy.host, policy.port)


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, specimen: Specimen) -> bytes:
    # clamd answers and closes while we still send when its own limits are passed: its answer counts, not our broken pipe.
    # WORKAROUND uvloop 0.23: writing to a transport that the other side has closed is a RuntimeError there.
    with contextlib.suppress(ConnectionError, RuntimeError):
        writer.write(b"zINSTREAM\0")
        async with contextlib.aclosing(specimen.chunks()) as chunks:
            async for chunk in chunks:
                writer.write(struct.pack(">I", len(chunk)) + chunk)
                await writer.drain()
        writer.write(struct.pack(">I", 0))
        await writer.drain()
    return await reader.read(MAX_ANSWER)


def _verdict(answer: bytes) -> ScanVerdict:
    text = printable(answer.rstrip(b"\0\n"), 300)
    outcome = text.removeprefix("stream: ")
    if outcome == "OK":
        return ScanVerdict(ScanState.CLEAN)
    if outcome.endswith(" FOUND"):
        return ScanVerdict(ScanState.INFECTED, outcome.removesuffix(" FOUND"))
    if "size limit exceeded" in outcome:
        return ScanVerdict(ScanState.FAILED, "the message is larger than clamd's StreamMaxLength", is_too_large=True)
    return ScanVerdict(ScanState.FAILED, outcome or "clamd closed the connection without an answer")
