"""What grows old: delay notices, and mail past its lifetime that no attempt would settle.

An ordinary deferral needs nothing from here: its last attempt is made when its lifetime ends, and gives up. This is for
mail in lanes that do not move. It is given up when its way out was seen to fail after the deadline; where nothing is
ever tried (no gateway, a disabled one), after it has waited one more step past the deadline under a clock that held
still. Anything else past its deadline gets its last attempt now.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ...model.errors import GatepostError
from ...model.reply import Reply
from ...store.journal_values import EntryKind
from ...store.values import Delivery, DeliveryResult, SpoolFilter, SpoolOrder, SpoolState
from . import dsn, schedule
from .attempt import Settled
from .classify import Fate
from .dispatch import Dispatcher
from .lanes import Lane, LaneStatus
from .recorder import COMPOSING

log = logging.getLogger(__name__)

CHUNK = 200
SECONDS = 30.0
JUMP = 60.0
"""Seconds by which wall clock and monotonic clock may part before it counts as a jump."""


class Ageing:
    """``tick`` is called every ``SECONDS``."""

    def __init__(self, dispatcher: Dispatcher, moved: Callable[[], None]) -> None:
        self._dispatcher = dispatcher
        self._around = dispatcher.around
        self._composing = asyncio.Semaphore(COMPOSING)
        self._moved = moved
        """Called when due times were changed in the spool."""
        self._wall = self._around.clock()
        self._steady = self._around.monotonic()
        self._steady_since = self._wall
        """Wall time from which on the clock has held still."""

    async def tick(self) -> None:
        await self.check_clock()
        await self.give_up()
        await self.send_notices()

    async def check_clock(self, *, at_start: bool = False) -> None:
        """See whether the wall clock has jumped; pull back what lies too far ahead."""
        wall, steady = self._around.clock(), self._around.monotonic()
        jump = (wall - self._wall) - (steady - self._steady)
        self._wall, self._steady = wall, steady
        if abs(jump) > JUMP:
            log.warning("the clock moved by %.0f s beside the time that passed", jump)
            self._steady_since = wall
            self._moved()
        if jump < -JUMP or at_start:
            await self._pull_back(wall)

    async def _pull_back(self, now: float) -> None:
        configuration = self._around.configuration()
        rules = (
            schedule.policy(configuration.settings.spool),
            *(schedule.policy_for(configuration, gateway.id) for gateway in configuration.gateways),
        )
        latest = schedule.latest_due(now, rules, configuration.settings.spool.delivery_delay_seconds) + JUMP
        spool, pulled = self._around.spool, 0
        for state in (SpoolState.WAITING, SpoolState.DEFERRED):
            while True:
                rows = await spool.list(SpoolFilter(state=state), SpoolOrder.NEXT_ATTEMPT, descending=True, limit=CHUNK)
                ids = tuple(row.id for row in rows if row.due_at > latest)
                if not ids or not await spool.retry_now(SpoolFilter(ids=ids)):
                    break
                pulled += len(ids)
        if pulled:
            log.warning("%d messages were to wait until times that a wrong clock had set; they are due now", pulled)
            self._moved()

    async def give_up(self) -> None:
        now = self._around.clock()
        seen: set[int] = set(self._dispatcher.flying)
        for _ in range(10):
            with self._dispatcher.reading() as is_outdated:
                page = await self._around.spool.fetch_expired(now, CHUNK, seen)
                current = [delivery for delivery in page if not is_outdated(delivery.id)]
                for delivery in current:
                    seen.add(delivery.id)
                    self._expire(delivery, now)
            if len(page) < CHUNK and len(current) == len(page):
                return  # else what has changed meanwhile is read again

    def _expire(self, delivery: Delivery, now: float) -> None:
        dispatcher = self._dispatcher
        if delivery.id in dispatcher.flying:
            return
        lane = dispatcher.lane(delivery.lane)
        if lane is None:
            return
        if lane.status is not LaneStatus.ASLEEP:
            if delivery.due_at > now and delivery.id not in lane.in_hand and dispatcher.running:
                lane.push(delivery, None)
            else:
                lane.behind = True
            dispatcher.ready(lane)
            return
        if not self._was_tried_since(lane, delivery, now):
            return
        reply = lane.reply or Reply(451, "4.4.1", lane.reason or delivery.last_reply or "No way out could be used")
        settled = [Settled(row, Fate.DEFERRED, reply, None) for row in delivery.recipients]
        dispatcher.settle(lane, delivery, settled)

    def _was_tried_since(self, lane: Lane, delivery: Delivery, now: float) -> bool:
        if lane.failed_at is not None and lane.failed_at >= delivery.expires_at:
            return True
        step = self._dispatcher.ledger.rule(delivery).step(max(1, delivery.attempts))
        return now >= max(delivery.expires_at, self._steady_since) + step

    async def send_notices(self) -> None:
        now = self._around.clock()
        seen: set[int] = set(self._dispatcher.flying)
        for _ in range(10):
            page = await self._around.spool.fetch_delay_due(now, CHUNK, seen)
            seen.update(delivery.id for delivery in page)
            # Together, because each waits for its commit; all of them, because one that fails says nothing of the others.
            done = await asyncio.gather(*(self._notify(delivery, now) for delivery in page), return_exceptions=True)
            errors = [error for error in done if error is not None]
            for error in errors[1:]:
                trace = None if isinstance(error, GatepostError) else error
                log.error("a delay notice could not be given: %s", error, exc_info=trace)
            if errors:
                raise errors[0]
            if len(page) < CHUNK:
                return

    async def _notify(self, delivery: Delivery, now: float) -> None:
        """One notice for the recipients that still wait; only once they have been tried, or their way out is closed."""
        dispatcher = self._dispatcher
        if delivery.id in dispatcher.flying:
            return
        lane = dispatcher.lanes.get(delivery.lane)
        asleep = lane is not None and lane.status is LaneStatus.ASLEEP
        if not delivery.attempts and not asleep:
            return
        text = delivery.last_reply or (lane.reason if lane is not None else "")
        reports = [
            dsn.Report(row, dsn.Action.DELAYED, said(row.last_reply or text), "", now, delivery.expires_at)
            for row in delivery.recipients
        ]
        owed = dsn.owed(delivery.envelope.sender, reports)
        notification = None
        if owed:
            quoted = await self._quoted(delivery)
            notification = dispatcher.ledger.notification(delivery, owed, now, quoted)
        if delivery.id in dispatcher.flying:
            return  # an attempt began while its header was read: the next tick tells
        stored = await self._around.spool.record(DeliveryResult(delivery, counts=False, delay_noticed=True, dsn=notification))
        if stored is not None and notification is not None:
            dispatcher.ledger.tell_notified(delivery, notification, stored, EntryKind.DELAYED)
            for part in stored.deliveries:
                dispatcher.offer(part, notification.content)

    async def _quoted(self, delivery: Delivery) -> bytes:
        """What the notice quotes. What cannot be read is not quoted: the sender is told all the same, and others are."""
        try:
            async with self._composing:
                return await self._dispatcher.ledger.quote(delivery, None)
        except GatepostError as error:
            log.error("the notice about %s quotes nothing: %s", delivery.queue_id, error)
            return b""


def said(text: str) -> Reply:
    """A recorded last reply (``451 4.7.1 words``) as a value again."""
    code, _, rest = text.partition(" ")
    if not (len(code) == 3 and code.isdigit() and code[0] in "45"):
        return Reply(451, "4.4.1", text or "It could not be delivered yet")
    enhanced, _, words = rest.partition(" ")
    if enhanced[:2] in ("4.", "5.") and enhanced.replace(".", "").isdigit():
        return Reply(int(code), enhanced, words)
    return Reply(int(code), "", rest)
