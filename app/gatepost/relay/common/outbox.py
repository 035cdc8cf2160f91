"""What many connections have to say, written in a row at the end of the loop's turn.

A peer that serves several of our connections (a client with many sessions, a next hop with many of ours) is woken once for
a row of writes, where writes that are spread over the turn wake it for each. On few processors that decides: the peer would
take the processor from us between any two of them.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

log = logging.getLogger(__name__)


class Sender(Protocol):
    """One connection."""

    def flush(self) -> None:
        """Write what is ready."""
        ...

    def abort(self) -> None:
        """Drop the connection, because its ``flush`` failed."""
        ...


class Outbox:
    """Senders of one loop that have something to write."""

    def __init__(self) -> None:
        self._owing: list[Sender] = []

    def owe(self, sender: Sender) -> None:
        """``sender.flush()`` is called once everyone has been heard who has something to say in this turn of the loop."""
        if not self._owing:
            asyncio.get_running_loop().call_soon(self.flush)
        self._owing.append(sender)

    def flush(self) -> None:
        owing, self._owing = self._owing, []
        for sender in owing:
            try:
                sender.flush()
            except Exception:  # one connection's trouble must not cost the others what they have to say
                log.exception("a connection could not be written to")
                sender.abort()
