"""The queue: what the rest of the relay sees of delivery.

Reception hands over what it has stored (``accepted``), routing says when a way has opened (``wake``), the control API
holds, releases, re-routes. Inside: ``ring`` decides whose turn it is, ``expiry`` looks after what grows old.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from ... import __version__
from ...model.configuration import Configuration
from ...model.errors import GatepostError
from ...model.reply import Reply
from ...store.values import Content, Delivery, RecipientRow, SpoolFilter, SpoolOrder, StoredMessage
from . import expiry, schedule
from .attempt import Settled
from .classify import Fate
from .dispatch import Dispatcher
from .lanes import LaneStatus
from .surroundings import Surroundings

log = logging.getLogger(__name__)

SCAN_PAGE = 200
NEAREST = 0.05
"""Seconds: wake-ups closer together than this are one."""
FARTHEST = 30.0
"""Seconds: the wall clock is looked at so often, since no timer survives its jumps."""
GAVE_UP = Reply(554, "5.0.0", "The administrator of this server stopped trying")


@dataclass(frozen=True, slots=True)
class LaneView:
    """A lane that is in memory, for people. ``until``: seconds since the epoch."""

    lane: str
    status: str
    in_hand: int
    waiting_for: str = ""
    until: float | None = None


class Queue:
    """See the module. Everything here runs on the loop's thread."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._dispatcher = Dispatcher(around, self._due)
        around.spool.set_apart = self._dispatcher.set_apart
        self._ageing: expiry.Ageing | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._scanning = False
        self._scan_again = False
        self._wake_all = False
        self._ask_again = False
        self._ticker: asyncio.TimerHandle | None = None
        self._ticking = False
        self._stopped = True
        self._ruled_by: Configuration | None = None
        self._rules: dict[str | None, schedule.RetryPolicy] = {}
        """By gateway, as of ``_ruled_by``."""
        self._lanes_are_old = False
        """Mail may lie in lanes of former rules."""
        self._left: set[int] = set()
        """Deliveries that were on their way when the others were put into new lanes, or just came back."""
        self._passes = 0
        """Times that mail began to be put into new lanes."""
        self._passes_now = 0

    # Life

    async def start(self, *, paused: bool = False) -> None:
        self._stopped = False
        self._ageing = expiry.Ageing(self._dispatcher, self._look)
        await self._ageing.check_clock(at_start=True)
        # A process may end between saving new rules and the last of the mail that they move.
        self._lanes_are_old = await self._around.spool.lanes_mark() != _mark(self._around.configuration())
        if self._lanes_are_old:
            self._dispatcher.tasks.spawn(self._catch_up(), "put mail into its lanes")
        self._ticker = asyncio.get_running_loop().call_later(expiry.SECONDS, self._tick)
        if not paused:
            self.resume()

    async def stop(self, drain: Callable[[float], Awaitable[None]], seconds: float = 20.0) -> None:
        """Start nothing new, let ``drain`` (the pool's) end what is out, and see every outcome recorded.

        What is unresolved stays in the spool, as if it had never been touched.
        """
        self._stopped = True
        self.pause()
        for handle in (self._timer, self._ticker):
            if handle is not None:
                handle.cancel()
        self._timer = self._ticker = None
        await drain(seconds)
        await self._dispatcher.recorder.all_recorded(seconds)
        if self._dispatcher.recorder.pending:
            log.error(
                "%d outcomes could not be recorded: their messages may be delivered twice", self._dispatcher.recorder.pending
            )
        await self._dispatcher.tasks.close()

    def pause(self) -> None:
        """Begin no new attempt. What is under way ends as it ends."""
        self._dispatcher.running = False
        self._dispatcher.forget_pending()

    def resume(self) -> None:
        self._dispatcher.running = True
        self._dispatcher.schedule()
        self._look()

    @property
    def is_running(self) -> bool:
        return self._dispatcher.running

    async def apply(self) -> int:
        """After routing has taken a new configuration: put what waits into its new lanes. Returns how many moved.

        What is on its way follows when it is back.
        """
        router = self._around.router

        def lane_of(delivery: Delivery, recipient: RecipientRow) -> str:
            envelope = delivery.envelope
            return router.lane_again(delivery.lane, envelope.sender_domain, recipient.domain, envelope.origin.client)

        left: set[int] = set()
        self._lanes_are_old = True
        self._passes += 1
        self._passes_now += 1
        number, mark = self._passes, _mark(self._around.configuration())
        try:
            moved = await self._around.spool.relane(lane_of, self._around.moved, left.update)
            if number == self._passes:  # one that began later sees to everything
                self._left = left
                if not left:
                    await self._around.spool.mark_lanes(mark)
                    self._lanes_are_old = number != self._passes or mark != _mark(self._around.configuration())
            return moved
        finally:
            self._passes_now -= 1
            self.changed()
            self.wake(asking_again=True)

    async def _catch_up(self) -> None:
        """What ``apply`` could not finish."""
        if self._lanes_are_old and not self._passes_now and self._left.isdisjoint(self._dispatcher.flying):
            try:
                await self.apply()
            except GatepostError as error:
                log.error("mail cannot be put into its lanes: %s", error)

    # What happens elsewhere

    def accepted(self, stored: StoredMessage, content: Content) -> None:
        """Just committed. Leaves from memory, while there is room, without being read back."""
        now = self._around.clock()
        for delivery in stored.deliveries:
            if delivery.hold:
                continue
            if delivery.due_at > now:
                self._due(delivery.due_at)
            else:
                self._dispatcher.offer(delivery, content)

    def wake(self, *, asking_again: bool = False) -> None:
        """A way out has opened, or may have: sleeping lanes look again; ``asking_again``: also those that the DNS, which
        gave no answer, put to sleep."""
        self._wake_all = True
        self._ask_again = self._ask_again or asking_again
        self._due(self._around.clock())

    async def lane_recovered(self, lane: str) -> None:
        """The primary answers again (or asked by ETRN): its mail is due now, whatever its schedule says."""
        await self._operate(self._around.spool.retry_now(SpoolFilter(lane=lane)))
        self.wake()

    def changed(self, ids: frozenset[int] | None = None) -> None:
        """Deliveries (all: None) were changed in the spool: believe it rather than memory."""
        self._dispatcher.forget_pending(ids)
        self._look()

    # What people do

    async def retry_now(self, chosen: SpoolFilter) -> int:
        count = await self._operate(self._around.spool.retry_now(chosen))
        self.wake(asking_again=True)
        return count

    async def hold(self, chosen: SpoolFilter, reason: str = "held") -> int:
        return await self._operate(self._around.spool.hold(chosen, reason))

    async def release(self, chosen: SpoolFilter) -> int:
        return await self._operate(self._around.spool.release(chosen))

    async def reroute(self, chosen: SpoolFilter, gateway: str | None) -> int:
        """Send by this gateway, whatever the rules say; None: by the rules again."""
        count = await self._operate(self._around.spool.reroute(chosen, gateway))
        if gateway is None and count:
            await self.apply()
        return count

    async def set_priority(self, chosen: SpoolFilter, priority: int) -> int:
        return await self._operate(self._around.spool.set_priority(chosen, priority))

    async def delete(self, chosen: SpoolFilter) -> int:
        return await self._operate(self._around.spool.delete(chosen))

    async def _operate(self, work: Awaitable[int]) -> int:
        try:
            return await work
        finally:
            self.changed()

    async def fail_now(self, chosen: SpoolFilter, reason: str = "") -> int:
        """Give up on the selection and tell the senders, with the reason. What is being sent now is left alone."""
        reply = replace(GAVE_UP, text=f"{GAVE_UP.text}: {reason}") if reason else GAVE_UP
        spool, dispatcher, failed, skipped = self._around.spool, self._dispatcher, 0, 0
        while True:
            rows = await spool.list(chosen, SpoolOrder.AGE, offset=skipped, limit=100)
            for row in rows:
                is_settled = row.id in dispatcher.flying or row.id in spool.unrecorded
                delivery = None if is_settled else await spool.fetch(row.id)
                if delivery is None or delivery.id in dispatcher.flying:
                    skipped += 1
                    continue
                dispatcher.forget_pending(frozenset((delivery.id,)))
                lane = dispatcher.lane(delivery.lane)
                if lane is None:
                    skipped += 1
                    continue
                settled = [Settled(r, Fate.FAILED, reply, None) for r in delivery.recipients]
                dispatcher.settle(lane, delivery, settled)
                failed += 1
            await dispatcher.recorder.all_recorded(60.0)
            if len(rows) < 100:
                return failed

    # What people see

    def lane_states(self) -> list[LaneView]:
        """Lanes in memory. For those asleep: what they wait for and when they look again."""
        return [
            LaneView(
                lane.name, lane.status.value, len(lane.in_hand),
                lane.reason, lane.until if lane.status is LaneStatus.ASLEEP else None,
            )
            for lane in self._dispatcher.lanes.values()
        ]  # fmt: skip

    @property
    def in_flight(self) -> int:
        return len(self._dispatcher.flying)

    def deadlines(self, lane: str, received_at: float) -> tuple[float, float | None]:
        """(end of the lifetime, time of the delay notice) of mail accepted into a lane now."""
        configuration = self._around.configuration()
        if configuration is not self._ruled_by:
            self._ruled_by, self._rules = configuration, {}
        gateway = schedule.gateway_of_lane(lane)
        rule = self._rules.get(gateway)
        if rule is None:
            rule = self._rules[gateway] = schedule.policy_for(configuration, gateway)
        return schedule.deadlines(received_at, rule)

    # Time

    def _due(self, at: float) -> None:
        """Something becomes due then."""
        if self._stopped:
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + min(max(at - self._around.clock(), NEAREST), FARTHEST)
        if self._timer is not None:
            if self._timer_at <= when:
                return
            self._timer.cancel()
        self._timer_at = when
        self._timer = loop.call_at(when, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._look()

    def _look(self) -> None:
        """Find out which lanes have something due."""
        if self._stopped:
            return
        if self._scanning:
            self._scan_again = True
            return
        self._scanning = True
        self._dispatcher.tasks.spawn(self._scan(), "look for due mail")

    async def _scan(self) -> None:
        next_due: float | None = None
        try:
            while True:
                self._scan_again = False
                everyone, again = self._wake_all, self._ask_again
                self._wake_all = self._ask_again = False
                earliest = self._dispatcher.wake(self._around.monotonic(), all_of_them=everyone, asking_again=again)
                if earliest is not None:
                    self._due(self._around.clock() + earliest - self._around.monotonic())
                next_due = await self._scan_spool()
                if not self._scan_again:
                    break
        except GatepostError as error:
            log.error("the spool cannot be read: %s", error)
            next_due = self._around.clock() + FARTHEST
        finally:
            self._scanning = False
        if next_due is not None:
            self._due(next_due)

    async def _scan_spool(self) -> float | None:
        now, after, spool = self._around.clock(), "", self._around.spool
        while self._dispatcher.running:
            page = await spool.due_lanes(now, after, SCAN_PAGE)
            for summary in page:
                if not self._dispatcher.found(summary.lane):
                    return now + 1.0  # more lanes than fit: the rest follows
            if len(page) < SCAN_PAGE:
                break
            after = page[-1].lane
        return await spool.next_due(now)

    def _tick(self) -> None:
        self._ticker = asyncio.get_running_loop().call_later(expiry.SECONDS, self._tick)
        self._dispatcher.tasks.spawn(self.tick(), "look after what grows old")

    async def tick(self) -> None:
        """What the slow timer does: see whether the clock has jumped, look after what grows old, look for due mail.

        And for mail that still lies in a lane of former rules.
        """
        if self._ageing is None or self._ticking:
            return  # the last one takes long: a second beside it would give the same notices
        self._ticking = True
        try:
            await self._ageing.tick()
        except GatepostError as error:
            log.error("the spool cannot be read: %s", error)
        finally:
            self._ticking = False
        await self._catch_up()
        self._look()


def _mark(configuration: Configuration) -> int:
    """Tells one configuration's lanes from another's; also from those that another version would make of it."""
    return zlib.crc32(f"{__version__} {configuration.model_dump_json()}".encode())
