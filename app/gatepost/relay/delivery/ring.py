"""Whose turn it is: the lanes that may start something, those that wait for room, those that sleep.

Fairness is in the structure. Lanes that may start something stand in a ring and are served in turn, a few deliveries
each. A lane whose hop has no room steps out of the ring until it has; a lane whose way out rests sleeps, holds nothing and
is asked nothing. So what waits for a dead destination costs the others neither time nor memory, however much it is.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Sequence, Set
from contextlib import AbstractContextManager

from ...model.errors import GatepostError
from ...model.reply import Reply
from ...store.values import Content, Delivery
from ..common.tasks import Tasks
from .fetching import Fetching
from .lanes import MAX_PENDING, Lane, LaneStatus, weight_of
from .surroundings import Surroundings

log = logging.getLogger(__name__)

MAX_BYTES = 16 * 1024 * 1024
"""Content in memory that waits or is on its way; beyond it, content is read back from the spool."""
MAX_LANES = 20_000
WAIT_FIRST, WAIT_LONGEST = 30.0, 900.0
"""Seconds that a lane sleeps when nobody knows for how long: doubling from the one to the other."""


class Ring(ABC):
    """``due_again`` is told of times at which something becomes due."""

    def __init__(self, around: Surroundings, due_again: Callable[[float], None]) -> None:
        self.around = around
        self.lanes: dict[str, Lane] = {}
        self.flying: set[int] = set()
        """Deliveries on their way, not yet recorded, or set apart: nothing else may begin with them."""
        self._apart: Counter[int] = Counter()
        """How many changes of its row keep a delivery apart."""
        self.running = False
        self.tasks = Tasks("delivery queue")
        self._due_again = due_again
        self._fetching = Fetching(around.spool, around.clock, self.flying)
        self._ring: deque[Lane] = deque()
        self._bytes = 0
        self._is_scheduled = False

    @abstractmethod
    def _serve(self, lane: Lane) -> None:
        """Start a few deliveries of a lane that was taken out of the ring; put it back if it has more."""

    @abstractmethod
    def _has_space(self) -> bool:
        """Whether anything may start at all."""

    @abstractmethod
    def _unpark(self, lane: Lane) -> None:
        """Give up what was planned and waits for room; the spool has it."""

    # What becomes known

    def offer(self, delivery: Delivery, content: Content | None) -> None:
        """Mail that has just been stored. Kept in memory as far as there is room; the spool has it in any case."""
        lane = self.lanes.get(delivery.lane)
        if lane is None:
            lane = self.lane(delivery.lane)
            if lane is None:
                self._due_again(delivery.due_at)
                return
        if delivery.id in lane.in_hand or delivery.id in self.flying:
            return  # a page of the spool was read, or the row changed, between its commit and this call
        if (
            lane.behind  # what waits longer goes first
            or lane.status is LaneStatus.ASLEEP
            or len(lane.heap) >= MAX_PENDING
            or not self.running
            or (weight := weight_of(content)) + self._bytes > MAX_BYTES
        ):
            lane.behind = True
        else:
            self._bytes += weight
            lane.push(delivery, content)
        self.ready(lane)

    def lane(self, name: str) -> Lane | None:
        """The lane's object, made if there is room for one more."""
        lane = self.lanes.get(name)
        if lane is None:
            if len(self.lanes) >= MAX_LANES and not self._evict():
                return None
            lane = self.lanes[name] = Lane(name)
            state = self.around.router.lane_state(name)
            if not state.is_open:
                self._sleep(lane, state.until, state.reason, None)
        return lane

    def found(self, name: str) -> bool:
        """The spool holds due mail of this lane. False when no more lanes fit into memory."""
        lane = self.lane(name)
        if lane is None:
            return False
        lane.behind = True
        self.ready(lane)
        return True

    def ready(self, lane: Lane) -> None:
        if lane.status is LaneStatus.IDLE:
            lane.status = LaneStatus.READY
            self._ring.append(lane)
        self.schedule()

    def schedule(self) -> None:
        """Serve the ring soon: once for all that arrives in this turn of the loop."""
        if not self._is_scheduled and self.running and self._ring:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def wake(self, now: float, *, all_of_them: bool = False, asking_again: bool = False) -> float | None:
        """Let sleeping lanes look again; returns the monotonic time at which the next one wants to.

        ``asking_again``: lanes that sleep because of the DNS, too.
        """
        earliest: float | None = None
        for lane in [lane for lane in self.lanes.values() if lane.status is LaneStatus.ASLEEP]:
            is_time = now >= lane.wake_at
            if is_time or (all_of_them and (asking_again or lane.reply is None)):
                state = self.around.router.lane_state(lane.name)
                if state.is_open:
                    lane.status = LaneStatus.IDLE
                    if lane.is_over:
                        self._forget(lane)
                    else:
                        self.ready(lane)
                    continue
                self._sleep(lane, state.until, state.reason, None)
            earliest = lane.wake_at if earliest is None else min(earliest, lane.wake_at)
        return earliest

    def forget_pending(self, ids: frozenset[int] | None = None) -> None:
        """Somebody changed deliveries in the spool: what is in memory may no longer be true."""
        self._fetching.spool_changed(ids)
        for lane in list(self.lanes.values()):
            if lane.parked is not None and (ids is None or lane.parked.delivery.id in ids):
                self._unpark(lane)
            self._bytes -= lane.drop(ids)
            if lane.behind:
                self.ready(lane)

    def set_apart(self, ids: Sequence[int]) -> tuple[Set[int], Callable[[], None]]:
        """Begin nothing with these while their rows are changed: those that are not on their way, and what ends it."""
        self.forget_pending(frozenset(ids))
        apart = {number for number in ids if number in self._apart or number not in self.flying}
        self._apart.update(apart)
        self.flying.update(apart)

        def let_go() -> None:
            self._apart.subtract(apart)
            free = [number for number in apart if not self._apart[number]]
            self.flying.difference_update(free)
            for number in free:
                del self._apart[number]
            self._fetching.spool_changed(ids)

        return apart, let_go

    def reading(self) -> AbstractContextManager[Callable[[int], bool]]:
        """See ``Fetching.reading``."""
        return self._fetching.reading()

    # The round

    def _turn(self) -> None:
        self._is_scheduled = False
        ring = self._ring
        while ring and self.running and self._has_space():
            lane = ring.popleft()
            lane.status = LaneStatus.IDLE
            self._serve(lane)

    async def _fetch(self, lane: Lane) -> None:
        try:
            if self.running and not lane.is_asleep:
                page = await self._fetching.page(lane, (MAX_BYTES - self._bytes) // 2)
                if lane.is_asleep:
                    lane.behind = True
                    return
                for delivery, content in page:
                    self._bytes += weight_of(content)
                    lane.push(delivery, content)
        except GatepostError as error:
            log.error("the queue %s cannot be read: %s", lane.name, error)
            self._sleep(lane, None, str(error), Reply(451, "4.3.0", str(error)))
        finally:
            lane.fetching = False
            self._rest(lane)

    def _rest(self, lane: Lane) -> None:
        """Something of the lane has ended: is there more, or is it over?"""
        if lane.status is LaneStatus.IDLE:
            if lane.heap or lane.behind:
                self.ready(lane)
            elif lane.is_over:
                self._forget(lane)

    # Sleep

    def _sleep(self, lane: Lane, until: float | None, reason: str, reply: Reply | None) -> None:
        self._unpark(lane)
        self._bytes -= lane.drop(None)
        if lane.status is LaneStatus.READY:
            self._ring.remove(lane)
        if lane.status is not LaneStatus.PLANNING:
            lane.status = LaneStatus.ASLEEP
        lane.until, lane.reason, lane.reply = until, reason, reply
        if until is None:
            seconds = min(WAIT_FIRST * 2.0 ** min(lane.backoff, 6), WAIT_LONGEST)
            lane.backoff += 1
            lane.until = self.around.clock() + seconds
        else:
            seconds = max(0.05, until - self.around.clock())
        if reply is not None:
            lane.failed_at = self.around.clock()
        lane.wake_at = self.around.monotonic() + min(seconds, WAIT_LONGEST)
        self._due_again(self.around.clock() + min(seconds, WAIT_LONGEST))

    def _forget(self, lane: Lane) -> None:
        if self.lanes.get(lane.name) is lane and lane.parked is None and lane.status is LaneStatus.IDLE:
            del self.lanes[lane.name]

    def _evict(self) -> bool:
        """Make room for other lanes: sleeping ones are found again by a later look into the spool."""
        names = [lane.name for lane in self.lanes.values() if lane.status is LaneStatus.ASLEEP and not lane.in_hand][:1000]
        for name in names:
            del self.lanes[name]
        return bool(names)
