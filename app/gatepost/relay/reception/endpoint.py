"""One listening socket: its sessions, and the one clock that checks all their deadlines."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ..common.outbox import Outbox
from ..common.printable import printable
from . import deadlines
from .authentication import Authenticator
from .context import ReceptionContext, Refused
from .gate import Gate
from .replies import Refusal
from .terms import Terms

if TYPE_CHECKING:
    from .connection import Connection
    from .wire import Wire

log = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0
NOTES_PER_SWEEP = 50
"""Refusals journalled and logged in one sweep; the rest is only counted, so that an attack does not fill the disk."""


class Endpoint:
    """``now`` is the loop's time as of the last sweep: exact enough for deadlines, and free to read."""

    def __init__(
        self,
        context: ReceptionContext,
        terms: Terms,
        gate: Gate,
        authenticator: Authenticator,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.context = context
        self.terms = terms
        self.gate = gate
        self.authenticator = authenticator
        self.loop = loop
        self.id = terms.listener.id
        self.sessions: set[Connection] = set()
        self.now = loop.time()
        self.is_closing = False
        self.server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.outbox = Outbox()
        self._notes_left = NOTES_PER_SWEEP
        self._unnoted = 0

    # --- deadlines ---------------------------------------------------------------------------------------------------

    def start_sweeping(self) -> None:
        self.now = self.loop.time()
        self._timer = self.loop.call_later(SWEEP_SECONDS, self._tick)

    def _tick(self) -> None:
        try:
            self.sweep(self.loop.time())
        finally:
            self._timer = self.loop.call_later(SWEEP_SECONDS, self._tick)

    def sweep(self, now: float) -> None:
        """Ends whatever is over its time at ``now`` (the loop's clock)."""
        self.now = now
        if self._unnoted:
            log.warning("listener %s: %d more refusals were only counted", self.id, self._unnoted)
            self._unnoted = 0
        self._notes_left = NOTES_PER_SWEEP
        for session in tuple(self.sessions):
            deadlines.check(session, now)

    def stop_sweeping(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- refusals ----------------------------------------------------------------------------------------------------

    def note_refusal(self, session: Wire, stage: str, refusal: Refusal, recipient: str = "") -> None:
        """Counts a refusal; journals and logs it while there are not too many."""
        self.context.counters.add("refused", refusal.reason)
        if self._notes_left <= 0:
            self._unnoted += 1
            return
        self._notes_left -= 1
        client = session.client.address if session.client is not None else ""
        refused = Refused(
            self.context.clock(),
            self.id,
            client,
            printable(session.helo, 255),
            printable(session.sender, 300),
            printable(recipient, 300),
            stage,
            refusal.reason,
            printable(str(refusal.reply), 500),
        )
        log.info(
            "refused %s at %s from=%s to=%s: %s", client, stage, refused.sender or "-", refused.recipient or "-", refused.reply
        )
        if self.context.journal is not None:
            self.context.journal.refused(refused)
