"""A transport that was taken over from aiosmtplib: writes gathered in the outbox, one deadline, one reason for its end."""

from __future__ import annotations

import asyncio

from ..common.outbox import Outbox
from . import failures
from .deadline import DeadlineTimer
from .streaming import Flow
from .values import HopFailure, Session, Stage

QUIT_SECONDS = 5.0
"""How long a courteous end may take; nobody waits for it."""


class Link(asyncio.Protocol):
    """The lower half of a connection."""

    def __init__(self, session: Session, transport: asyncio.Transport, outbox: Outbox) -> None:
        self.session = session
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._outbox = outbox
        self._unwritten = b""
        """Goes out with the outbox."""
        self._deadline = DeadlineTimer(self._loop, self._overdue)
        self._flow = Flow()
        self._quitting = False
        self._closed = False
        self._failure: HopFailure | None = None
        """Why it ends; what was wrong first stands."""

    # What the layer above makes of it

    @property
    def _stage(self) -> Stage:
        """Where a failure of this moment happens."""
        raise NotImplementedError

    def _lost(self, error: Exception | None) -> None:
        """The connection is gone. Called once."""
        raise NotImplementedError

    # Output

    def _write(self, octets: bytes) -> None:
        if not self._unwritten:
            self._outbox.owe(self)
        self._unwritten += octets

    def flush(self) -> None:
        """For the outbox."""
        # WORKAROUND uvloop 0.23: writing to a transport that the other side has closed is a RuntimeError there.
        if not self._transport.is_closing():
            self._transport.write(self._unwritten)
            self._unwritten = b""

    def pause_writing(self) -> None:
        self._flow.pause()

    def resume_writing(self) -> None:
        self._flow.resume()

    # Ends

    def abort(self, failure: HopFailure | None = None) -> None:
        """Close at once; the present job ends as LOST or UNKNOWN."""
        if not self._closed:
            self._failure = self._failure or failure or failures.closed_here(self.session)
            self._transport.abort()

    def _end(self, failure: HopFailure) -> None:
        """Close at once, because of ``failure`` or of what was wrong before it."""
        if self._failure is None:
            self._failure = failure
        self._transport.abort()

    def _quit(self) -> None:
        if self._quitting or self._closed:
            return
        self._quitting = True
        self._deadline.set(QUIT_SECONDS)
        self._write(b"QUIT\r\n")

    def _overdue(self) -> None:
        if self._closed:
            return
        if self._quitting:
            self._transport.abort()
            return
        self._end(failures.overdue(self.session, self._stage))

    def eof_received(self) -> None:
        return None

    def connection_lost(self, error: Exception | None) -> None:
        if self._closed:
            return
        self._closed = True
        self._deadline.close()
        self._flow.resume()
        self._lost(error)
