"""Outcomes on their way to the disk: told, recorded, and kept in memory until that has succeeded.

What a next hop has taken must never be sent again because the disk was full: an outcome that cannot be recorded stays
here, its delivery stays in hand, and it is tried again until the spool takes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from ...model.errors import GatepostError
from ...store.values import Content, Delivery, DeliveryResult, StoredMessage
from ..common.tasks import Tasks
from .attempt import Settled
from .lanes import Lane
from .ledger import NOTHING_TOLD, Ledger, Told
from .surroundings import Surroundings

log = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0
COMPOSING = 8
"""Messages read at once for the notifications about them."""

Committed = Callable[[Lane, DeliveryResult, StoredMessage | None], None]


class Recorder:
    """``committed`` is called for each outcome once it is on the disk."""

    def __init__(self, around: Surroundings, ledger: Ledger, tasks: Tasks, committed: Committed) -> None:
        self._around = around
        self._ledger = ledger
        self._tasks = tasks
        self._committed = committed
        self._composing = asyncio.Semaphore(COMPOSING)
        self._lost: deque[tuple[Lane, DeliveryResult]] = deque()
        self._is_failing = False
        self._timer: asyncio.TimerHandle | None = None
        self._waiters: list[asyncio.Event] = []
        self.pending = 0
        """Outcomes known and not yet committed."""

    def settle(
        self,
        lane: Lane,
        delivery: Delivery,
        settled: Sequence[Settled],
        content: Content | None,
        *,
        counts: bool,
        told: Told = NOTHING_TOLD,
    ) -> None:
        """Tell and record what an attempt came to, with the notification that is owed."""
        now = self._around.clock()
        self._ledger.tell(delivery, settled, now, told)
        if not self._ledger.needs_content(delivery, settled, now):
            self.record(lane, self._ledger.result(delivery, settled, now, counts=counts, content=None))
        elif isinstance(content, bytes):
            self.record(lane, self._ledger.result(delivery, settled, now, counts=counts, content=content))
        else:
            self.pending += 1
            self._tasks.spawn(self._quote(lane, delivery, settled, content, now, counts), f"notify about {delivery.queue_id}")

    async def _quote(
        self, lane: Lane, delivery: Delivery, settled: Sequence[Settled], content: Content | None, now: float, counts: bool
    ) -> None:
        quoted = b""
        try:
            async with self._composing:
                quoted = await self._ledger.quote(delivery, content)
        except GatepostError as error:
            log.error("the notification about %s quotes nothing: %s", delivery.queue_id, error)
        finally:
            self.pending -= 1  # counted again at once
            self.record(lane, self._ledger.result(delivery, settled, now, counts=counts, content=quoted))

    def record(self, lane: Lane, result: DeliveryResult) -> None:
        self.pending += 1
        try:
            future = self._around.spool.record(result)
        except GatepostError as error:
            self._keep(lane, result, error)
            return
        future.add_done_callback(partial(self._recorded, lane, result))

    def _recorded(self, lane: Lane, result: DeliveryResult, future: asyncio.Future[StoredMessage | None]) -> None:
        error = future.exception()
        if error is not None:
            self._keep(lane, result, error)
            return
        self.pending -= 1
        self._is_failing = False
        self._around.spool.unrecorded.discard(result.delivery.id)
        self._committed(lane, result, future.result())
        if self._lost:
            self._record_lost(len(self._lost))  # the spool takes outcomes again
        elif not self.pending:
            for waiter in self._waiters:
                waiter.set()

    def _keep(self, lane: Lane, result: DeliveryResult, error: BaseException) -> None:
        if not self._is_failing:
            log.error("an outcome cannot be recorded and is kept in memory: %s", error)
        self._is_failing = True
        self._lost.append((lane, result))
        self._around.spool.unrecorded.add(result.delivery.id)
        self._try_later()

    def _try_later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._again)

    def _again(self) -> None:
        """Try one of them, each time the next: thousands that fail together would cost the disk and the loop a lot."""
        self._timer = None
        if self._lost:
            self._record_lost(1)
        if self._lost:
            self._try_later()

    def _record_lost(self, number: int) -> None:
        for _ in range(number):
            lane, result = self._lost.popleft()
            self.pending -= 1  # counted again at once
            self.record(lane, result)

    async def all_recorded(self, seconds: float) -> None:
        """Until every outcome that is known has been committed, or the time is over."""
        if not self.pending:
            return
        waiter = asyncio.Event()
        self._waiters.append(waiter)
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(waiter.wait(), seconds)
        finally:
            self._waiters.remove(waiter)
