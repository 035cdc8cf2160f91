"""Keeping captured mail: which tray it goes to, what is written, and whoever waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from ...model.capture import INBOX, Tray, is_address_match
from ...model.configuration import Configuration
from ...model.envelope import Envelope
from ...model.identifiers import queue_id
from ...store.bodies import BodyFile
from ...store.captured import Captured
from ...store.captured_values import CapturedFilter, CapturedOrder, CapturedRow, NewCaptured
from ..common.clock import Clock
from ..common.events import EventBus
from ..common.metrics import Counters

log = logging.getLogger(__name__)

Content = bytes | BodyFile


class Keeping:
    """Shared by reception, which captures on listeners, and delivery, which captures for gateways."""

    def __init__(
        self,
        store: Captured,
        configuration: Callable[[], Configuration],
        events: EventBus,
        counters: Counters,
        clock: Clock,
    ) -> None:
        self.store = store
        self._configuration = configuration
        self._events = events
        self._counters = counters
        self._clock = clock
        self._waiting: set[asyncio.Future[None]] = set()
        self._is_closed = False

    def tray_for(self, envelope: Envelope, gateway: str = "") -> str:
        """The first tray that it belongs to."""
        trays = self._configuration().trays
        return next((tray.id for tray in trays if _belongs(tray, envelope, gateway)), INBOX)

    async def prepare(
        self,
        message_id: int,
        envelope: Envelope,
        content: Content,
        *,
        gateway: str = "",
        is_copy: bool = False,
        source: str = "",
    ) -> NewCaptured:
        """What is to be written. The content is read into off the loop."""
        from .summary import LOOKED_AT, summary_of  # with the mail parser: most relays capture nothing

        start = await content.read_start(LOOKED_AT) if isinstance(content, BodyFile) else content
        summary = await asyncio.to_thread(summary_of, start)
        tray = self.tray_for(envelope, gateway)
        return NewCaptured(message_id, tray, envelope, content, self._clock(), summary, gateway, is_copy, source)

    def kept(self, new: NewCaptured, number: int | None) -> None:
        """It is on the disk: tell those who wait. ``number`` None: it was there before."""
        if number is None:
            return
        self._counters.add("captured", new.gateway or new.envelope.origin.listener)
        self._events.publish(
            "captured.added", id=number, tray=new.tray, queue_id=queue_id(new.message_id), sender=new.envelope.sender,
            subject=new.summary.subject, listener=new.envelope.origin.listener, gateway_id=new.gateway,
        )  # fmt: skip
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, set()
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, chosen: CapturedFilter, seconds: float) -> tuple[CapturedRow | None, int]:
        """The oldest message that matches and has a number above ``chosen.after``, as soon as there is one; None when none has
        come in time. And the number to go on from."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        after = chosen.after or 0
        while True:
            waiter: asyncio.Future[None] = loop.create_future()
            self._waiting.add(waiter)  # before looking, so that nothing is missed between
            try:
                last = await self.store.last_id()
                found = await self.store.list(
                    replace(chosen, after=after, before=last + 1), CapturedOrder.AGE, descending=False, limit=1
                )
                if found:
                    return found[0], found[0].id
                after = max(after, last)
                left = deadline - loop.time()
                if left <= 0 or self._is_closed:
                    return None, after
                await asyncio.wait([waiter], timeout=left)
            finally:
                self._waiting.discard(waiter)
                waiter.cancel()

    def close(self) -> None:
        """Whoever waits, waits no longer."""
        self._is_closed = True
        self._wake()


def _belongs(tray: Tray, envelope: Envelope, gateway: str) -> bool:
    origin = envelope.origin
    return (
        tray.listener in (None, origin.listener)
        and tray.gateway in (None, gateway)
        and (not tray.user or tray.user.casefold() == origin.user.casefold())
        and (not tray.recipient or any(is_address_match(tray.recipient, one.address) for one in envelope.recipients))
    )
