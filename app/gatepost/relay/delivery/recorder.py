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
from ...store.values import Content, Delivery, DeliveryResult, RecipientOutcome, RecipientState, StoredMessage
from ..common.printable import printable
from ..common.tasks import Tasks
from .attempt import Settled
from .classify import Fate
from .lanes import Lane
from .ledger import NOTHING_TOLD, Ledger, Told, state_of
from .surroundings import Surroundings

log = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0
BARE_WAIT = 900.0
"""Seconds until the next attempt where the schedule could not be asked."""
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
        """Tell and record what an attempt came to, with the notification that is owed.

        Raises nothing: whatever cannot be told or composed, who was taken is recorded, and the others come again.
        """
        now = self._around.clock()
        try:
            self._ledger.tell(delivery, settled, now, told)
        except Exception:
            log.exception("the outcome of %s cannot be told", delivery.queue_id)
        try:
            is_owed = self._ledger.needs_content(delivery, settled, now)
        except Exception:
            log.exception("the outcome of %s cannot be weighed", delivery.queue_id)
            self.record(lane, _bare(delivery, settled, now))
            return
        if not is_owed or isinstance(content, bytes):
            self.record(lane, self._result(delivery, settled, now, counts, content if is_owed else None))
        else:
            self.pending += 1
            self._tasks.spawn(self._quote(lane, delivery, settled, content, now, counts), f"notify about {delivery.queue_id}")

    def _result(
        self, delivery: Delivery, settled: Sequence[Settled], now: float, counts: bool, content: Content | None
    ) -> DeliveryResult:
        quoted = content if isinstance(content, bytes) else None
        try:
            return self._ledger.result(delivery, settled, now, counts=counts, content=quoted)
        except Exception:
            log.exception("the outcome of %s cannot be put together", delivery.queue_id)
            return _bare(delivery, settled, now)

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
            self.record(lane, self._result(delivery, settled, now, counts, quoted))

    def record(self, lane: Lane, result: DeliveryResult) -> None:
        self.pending += 1
        try:
            future = self._around.spool.record(result)
        except Exception as error:
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
        try:
            self._committed(lane, result, future.result())
        except Exception:
            log.exception("what follows the outcome of %s met an error that nobody foresaw", result.delivery.queue_id)
        if self._lost:
            self._record_lost(len(self._lost))  # the spool takes outcomes again
        elif not self.pending:
            for waiter in self._waiters:
                waiter.set()

    def _keep(self, lane: Lane, result: DeliveryResult, error: BaseException) -> None:
        if not self._is_failing:
            trace = None if isinstance(error, GatepostError) else error
            log.error("an outcome cannot be recorded and is kept in memory: %s", error, exc_info=trace)
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


def _bare(delivery: Delivery, settled: Sequence[Settled], now: float) -> DeliveryResult:
    """Without schedule and notification: who was taken is through, and everybody else comes again, to be told of then."""
    outcomes = tuple(
        RecipientOutcome(
            one.row.id,
            state_of(one, False) if one.fate is Fate.DELIVERED else RecipientState.WAITING,
            printable(str(one.reply), 500),
        )
        for one in settled
    )
    waiting = [one for one in outcomes if one.state is RecipientState.WAITING]
    if not waiting:
        return DeliveryResult(delivery, outcomes)
    return DeliveryResult(delivery, outcomes, now + BARE_WAIT, waiting[-1].reply, "time")
