"""How mail leaves a lane: planned, read, held back while its hop has no room, given to a connection.

Whose turn it is, ``ring`` decides; what happens when it comes back, ``dispatch``.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace

from ...model.errors import GatepostError, NotFound
from ...model.reply import Reply
from ...store.values import Content, Delivery, DeliveryResult, RecipientRow, StoredMessage
from ..common.hop import HopKind, NextHop
from ..common.hop import Lane as LaneName
from ..common.plan import Candidates, HopOutcome, Plan, Reject, Wait
from .attempt import Attempt, Settled
from .classify import Fate
from .lanes import LOW_WATER, Lane, LaneStatus, weight_of
from .ledger import Ledger, Told
from .recorder import Recorder
from .ring import Ring
from .room import Room
from .surroundings import Surroundings
from .values import Job, Outcome

log = logging.getLogger(__name__)

QUANTUM = 16
MAX_OUT = 2000
"""Deliveries given to connections and not yet answered."""
MAX_UNRECORDED = 4000
"""Deliveries answered and not yet committed; beyond it nothing new starts."""

UNFORESEEN = Reply(451, "4.3.0", "An error within this server; it tries again")

_DIRECT = LaneName.mx("")


class Departures(Ring):
    """Plans each delivery when its lane has its turn; what must wait for room is parked with its lane."""

    def __init__(self, around: Surroundings, due_again: Callable[[float], None]) -> None:
        super().__init__(around, due_again)
        self.ledger = Ledger(around)
        self.recorder = Recorder(around, self.ledger, self.tasks, self._committed)
        self._room = Room(around.pool, around.monotonic)
        self._parked: dict[str, set[Lane]] = {}
        """By the key of the hop that has no room for them."""
        self._out = 0

    @abstractmethod
    def _done(self, job: Job, outcome: Outcome) -> None:
        """A job has come back. Called from inside a connection's reading."""

    @abstractmethod
    def _over(self, attempt: Attempt) -> None:
        """There is nothing left to send of it."""

    @abstractmethod
    def _committed(self, lane: Lane, result: DeliveryResult, report: StoredMessage | None) -> None:
        """An outcome is on the disk."""

    def _has_space(self) -> bool:
        return self._out < MAX_OUT and self.recorder.pending < MAX_UNRECORDED

    # Plans

    def _serve(self, lane: Lane) -> None:
        for _ in range(QUANTUM):
            if not lane.heap:
                break
            delivery, content = lane.pop()
            self.flying.add(delivery.id)
            if not delivery.recipients:  # nobody is left of it: it is forgotten
                self._bytes -= weight_of(content)
                self.recorder.record(lane, DeliveryResult(delivery, ()))
                continue
            first = _first(delivery)
            try:
                plan = self.around.router.plan_now(
                    lane.name, delivery.envelope.sender, first.domain, delivery.pinned_gateway, client=client_of(delivery)
                )
            except GatepostError as error:
                plan = Wait(None, str(error))
            except Exception:
                self._rescue_unplanned(lane, delivery, content)
                continue
            if plan is None:
                lane.status = LaneStatus.PLANNING
                self.tasks.spawn(self._plan(lane, delivery, content), f"route {lane.name}")
                return
            self._follow(lane, delivery, content, plan)
            if lane.status is not LaneStatus.IDLE:
                return
        if lane.behind and not lane.fetching and len(lane.heap) < LOW_WATER:
            lane.fetching = True
            self.tasks.spawn(self._fetch(lane), f"fetch {lane.name}")
        if lane.heap:
            lane.status = LaneStatus.READY
            self._ring.append(lane)
        elif lane.is_over:
            self._forget(lane)

    async def _plan(self, lane: Lane, delivery: Delivery, content: Content | None) -> None:
        plan: Plan | None = Wait(None, "routing failed")
        try:
            plan = await self.around.router.plan(
                lane.name,
                delivery.envelope.sender,
                _first(delivery).domain,
                delivery.pinned_gateway,
                client=client_of(delivery),
            )
        except GatepostError as error:
            plan = Wait(None, str(error))
        except Exception:
            plan = None
            self._rescue_unplanned(lane, delivery, content)
        finally:
            lane.status = LaneStatus.IDLE
            if plan is not None:
                self._follow(lane, delivery, content, plan)
            self.ready(lane)

    def _follow(self, lane: Lane, delivery: Delivery, content: Content | None, plan: Plan) -> None:
        try:
            self._act_on(lane, delivery, content, plan)
        except Exception:
            self._rescue_unplanned(lane, delivery, content)
            if isinstance(plan, Candidates):
                self._unclaim(plan.hops[0])

    def _act_on(self, lane: Lane, delivery: Delivery, content: Content | None, plan: Plan) -> None:
        if isinstance(plan, Candidates):
            lane.backoff = 0
            chosen = delivery
            if plan.only_domain and any(row.domain != plan.only_domain for row in delivery.recipients):
                chosen = replace(delivery, recipients=tuple(r for r in delivery.recipients if r.domain == plan.only_domain))
            attempt = Attempt(chosen, plan.hops, content if content is not None else b"")
            attempt.lane, attempt.weight, attempt.why = lane, weight_of(content), plan.why
            attempt.rest = (
                tuple(row for row in delivery.recipients if row.domain != plan.only_domain) if plan.only_domain else ()
            )
            if content is None:
                self.tasks.spawn(self._load(lane, attempt), f"read {delivery.queue_id}")
            else:
                self._launch_safely(lane, attempt)
        elif isinstance(plan, Reject):
            self._settle_domain(lane, delivery, content, Fate.FAILED, plan.reply)
        elif plan.is_alone or (plan.reply is not None and not lane.name.startswith(_DIRECT)):
            reply = plan.reply or Reply(451, "4.4.1", plan.waiting_for)
            self._settle_domain(lane, delivery, content, Fate.DEFERRED, reply, plan.until)
        else:
            self._put_back(lane, delivery.id, weight_of(content))
            self._sleep(lane, plan.until, plan.waiting_for, plan.reply)

    def _settle_domain(
        self,
        lane: Lane,
        delivery: Delivery,
        content: Content | None,
        fate: Fate,
        reply: Reply,
        until: float | None = None,
    ) -> None:
        """The DNS, or a row that waits, decides for the domain that was asked for, and for no other that the lane may hold."""
        domain = _first(delivery).domain
        settled = [Settled(row, fate, reply, None, until=until) for row in delivery.recipients if row.domain == domain]
        if fate is Fate.FAILED or len(settled) == len(delivery.recipients):  # whoever is left after failures is due as before
            self._bytes -= weight_of(content)
            self.recorder.settle(lane, delivery, settled, content, counts=True)
            return
        attempt = Attempt(replace(delivery, recipients=()), (), content if content is not None else b"")
        attempt.lane, attempt.weight = lane, weight_of(content)
        attempt.rest = tuple(row for row in delivery.recipients if row.domain != domain)
        attempt.begin_with(settled)
        if content is None:
            self.tasks.spawn(self._load(lane, attempt), f"read {delivery.queue_id}")
        else:
            self._launch_safely(lane, attempt)

    async def _load(self, lane: Lane, attempt: Attempt) -> None:
        try:
            attempt.content = await self.around.spool.load_content(attempt.delivery.message_id)
        except NotFound:
            log.info("%s is gone from the spool", attempt.delivery.queue_id)
            self._not_tried(lane, attempt)
        except GatepostError as error:
            log.error("%s cannot be read: %s", attempt.delivery.queue_id, error)
            self._unreadable(lane, attempt, Reply(451, "4.3.0", str(error)))
        except Exception:
            self._rescue(attempt)
        except BaseException:
            self._not_tried(lane, attempt)
            raise
        else:
            attempt.weight = weight_of(attempt.content)
            self._bytes += attempt.weight
            self._launch_safely(lane, attempt)

    def _not_tried(self, lane: Lane, attempt: Attempt) -> None:
        self._give_back(attempt)
        self._put_back(lane, attempt.delivery.id, attempt.weight)
        self.ready(lane)

    def _unreadable(self, lane: Lane, attempt: Attempt, reply: Reply) -> None:
        """An attempt like another: later ones may find that the disk is back, and some day the sender is told."""
        self._give_back(attempt)
        rows = (*attempt.delivery.recipients, *attempt.rest)
        settled = [Settled(row, Fate.DEFERRED, reply, None) for row in rows]
        self.recorder.settle(lane, replace(attempt.delivery, recipients=rows), settled, None, counts=True)

    def _give_back(self, attempt: Attempt) -> None:
        if attempt.hops:
            self.around.router.report(attempt.hop, HopOutcome.NOT_TRIED)

    def _put_back(self, lane: Lane, delivery_id: int, weight: int) -> None:
        """It was no attempt: the spool has it, and it is found there again."""
        self._bytes -= weight
        self.flying.discard(delivery_id)
        lane.in_hand.discard(delivery_id)
        lane.behind = True

    # Room

    def _launch_safely(self, lane: Lane, attempt: Attempt) -> None:
        try:
            self._launch(lane, attempt)
        except Exception:
            self._rescue(attempt)

    def _launch(self, lane: Lane, attempt: Attempt) -> None:
        hops = attempt.hops
        if not hops or self._room.has_room(hops[0]):
            self._send(attempt)
            return
        if _is_shared(hops):  # what exceeds a gateway's connections goes to the next one
            for index in range(1, len(hops)):
                if hops[index].is_standby and not hops[0].is_standby:
                    continue  # being busy is no reason to wake it
                if self._room.has_room(hops[index]) and self.around.router.claim(hops[index]):
                    self.around.router.report(hops[0], HopOutcome.NOT_TRIED)
                    attempt.prefer(index)
                    self._send(attempt)
                    return
        if lane.parked is not None:  # a second one, whose content came late
            attempt.is_over = True
            self._put_back(lane, attempt.delivery.id, attempt.weight)
            self.around.router.report(hops[0], HopOutcome.NOT_TRIED)
            return
        lane.parked = attempt
        if lane.status is LaneStatus.IDLE:
            lane.status = LaneStatus.PARKED
        for hop in hops if _is_shared(hops) else hops[:1]:
            self._parked.setdefault(hop.key, set()).add(lane)

    def _send(self, attempt: Attempt) -> None:
        """Give its next job away, or go on with what follows. Handles every error: its caller needs no net of its own."""
        if not attempt.is_out:
            attempt.is_out = True
            self._out += 1
        try:
            job = attempt.next_job()
            if job is None:
                self._over(attempt)
            else:
                self._submit(attempt.hop, job)
        except Exception:
            self._rescue(attempt)

    def _submit(self, hop: NextHop, job: Job) -> None:
        self._room.went_out(hop)
        try:
            self.around.pool.submit(hop, job, self._done)
        except BaseException:
            self._room.came_back(hop)
            self._unclaim(hop)
            raise

    def _is_back(self, attempt: Attempt) -> None:
        """Neither at a connection any more nor in memory. May be called twice."""
        if attempt.is_out:
            attempt.is_out = False
            self._out -= 1
        self._bytes -= attempt.weight
        attempt.weight = 0

    # What nobody foresaw

    def _rescue(self, attempt: Attempt, taken: Sequence[Settled] = ()) -> None:
        """To be called in an ``except``: the delivery must neither stay on its way for ever nor be sent again to those who
        have it. Whatever was not said to have been taken comes again by the schedule."""
        delivery = attempt.delivery
        log.exception("the delivery of %s met an error that nobody foresaw", delivery.queue_id)
        if attempt.is_over:
            return
        attempt.is_over = True
        if not attempt.is_out and attempt.hops:
            self._unclaim(attempt.hop)
        self._is_back(attempt)
        settled = attempt.break_off(UNFORESEEN, taken)
        told = Told("; then ".join(attempt.ways), attempt.dialogue)
        self.recorder.settle(attempt.lane, attempt.whole, settled, attempt.content or None, counts=True, told=told)

    def _unclaim(self, hop: NextHop) -> None:
        try:
            self.around.router.report(hop, HopOutcome.NOT_TRIED)
        except Exception:
            log.exception("%s cannot be given back to routing", hop.label)

    def _rescue_unplanned(self, lane: Lane, delivery: Delivery, content: Content | None) -> None:
        """The same for what is no attempt yet."""
        log.exception("the planning of %s met an error that nobody foresaw", delivery.queue_id)
        if delivery.id not in self.flying:
            return  # it has been put back already
        self._bytes -= weight_of(content)
        settled = [Settled(row, Fate.DEFERRED, UNFORESEEN, None) for row in delivery.recipients]
        self.recorder.settle(lane, delivery, settled, content, counts=True)

    def _unpark(self, lane: Lane) -> None:
        attempt, lane.parked = lane.parked, None
        if attempt is None:
            return
        self._leave_parking(lane, attempt)
        self._put_back(lane, attempt.delivery.id, attempt.weight)
        self.around.router.report(attempt.hop, HopOutcome.NOT_TRIED)

    def _leave_parking(self, lane: Lane, attempt: Attempt) -> None:
        for hop in attempt.hops:
            waiting = self._parked.get(hop.key)
            if waiting is not None:
                waiting.discard(lane)
                if not waiting:
                    del self._parked[hop.key]
        if lane.status is LaneStatus.PARKED:
            lane.status = LaneStatus.IDLE

    def _unblock(self, hop: NextHop, waiting: set[Lane]) -> None:
        for lane in list(waiting):
            attempt = lane.parked
            if attempt is None or not self._room.has_room(hop):
                continue
            self._leave_parking(lane, attempt)
            lane.parked = None
            self._launch_safely(lane, attempt)
            if lane.parked is None and lane.status is LaneStatus.IDLE:
                self.ready(lane)


def client_of(delivery: Delivery) -> str:
    return delivery.envelope.origin.client


def _first(delivery: Delivery) -> RecipientRow:
    """Whose domain the plan is asked for: another one at each attempt, so that none holds up the rest."""
    return delivery.recipients[delivery.attempts % len(delivery.recipients)]


def _is_shared(hops: Sequence[NextHop]) -> bool:
    """Whether any of them will do as well as the first: gateways of Round Robin, not the addresses of one server."""
    return len(hops) > 1 and hops[0].kind is HopKind.GATEWAY
