"""What leaves by which hop, and what happens when it comes back. Whose turn it is, ``ring`` decides.

The common case (one recipient, taken by the first hop) runs from acceptance to record without a task.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from ...model.errors import GatepostError, NotFound
from ...model.reply import Reply
from ...store.values import (
    Content,
    Delivery,
    DeliveryResult,
    RecipientOutcome,
    RecipientRow,
    RecipientState,
    StoredMessage,
)
from ..common.hop import Lane as LaneName
from ..common.hop import NextHop
from ..common.plan import Candidates, HopOutcome, Plan, Reject, Wait
from . import convert
from .attempt import Attempt, Settled
from .classify import Fate, HopVerdict, judge
from .conversation import told
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

_DIRECT = LaneName.mx("")
_ONE_WAY = (_DIRECT, LaneName.inbound(""))
"""Lanes whose plan names every way that there is."""
_REPORTS = {
    HopVerdict.WORKS: HopOutcome.SUCCESS,
    HopVerdict.FAILED: HopOutcome.FAILURE,
    HopVerdict.BLOCKED: HopOutcome.ADDRESS_BLOCKED,
    HopVerdict.UNTRIED: HopOutcome.NOT_TRIED,
}


class Dispatcher(Ring):
    """The ring's lanes, served. Owned by the loop's thread."""

    def __init__(self, around: Surroundings, due_again: Callable[[float], None]) -> None:
        super().__init__(around, due_again)
        self.ledger = Ledger(around)
        self.recorder = Recorder(around, self.ledger, self.tasks, self._committed)
        self._room = Room(around.pool, around.monotonic)
        self._parked: dict[str, set[Lane]] = {}
        self._out = 0

    # The round

    def _has_space(self) -> bool:
        return self._out < MAX_OUT and self.recorder.pending < MAX_UNRECORDED

    def _serve(self, lane: Lane) -> None:
        for _ in range(QUANTUM):
            if not lane.heap:
                break
            delivery, content = lane.pop()
            self.flying.add(delivery.id)
            if not delivery.recipients:  # nobody is left of it: it is forgotten
                self.recorder.record(lane, DeliveryResult(delivery, ()))
                continue
            first = _first(delivery)
            try:
                plan = self.around.router.plan_now(
                    lane.name, delivery.envelope.sender, first.domain, delivery.pinned_gateway, client=_client(delivery)
                )
            except GatepostError as error:
                plan = Wait(None, str(error))
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
        plan: Plan = Wait(None, "routing failed")
        try:
            plan = await self.around.router.plan(
                lane.name,
                delivery.envelope.sender,
                _first(delivery).domain,
                delivery.pinned_gateway,
                client=_client(delivery),
            )
        except GatepostError as error:
            plan = Wait(None, str(error))
        finally:
            lane.status = LaneStatus.IDLE
            self._follow(lane, delivery, content, plan)
            self.ready(lane)

    def _follow(self, lane: Lane, delivery: Delivery, content: Content | None, plan: Plan) -> None:
        if isinstance(plan, Candidates):
            lane.backoff = 0
            chosen = delivery
            if plan.only_domain and any(row.domain != plan.only_domain for row in delivery.recipients):
                chosen = replace(delivery, recipients=tuple(r for r in delivery.recipients if r.domain == plan.only_domain))
            attempt = Attempt(chosen, plan.hops, content if content is not None else b"")
            attempt.weight, attempt.why = weight_of(content), plan.why
            attempt.rest = (
                tuple(row for row in delivery.recipients if row.domain != plan.only_domain) if plan.only_domain else ()
            )
            if content is None:
                self.tasks.spawn(self._load(lane, attempt), f"read {delivery.queue_id}")
            else:
                self._launch(lane, attempt)
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
        self._bytes -= weight_of(content)
        self.recorder.settle(lane, delivery, settled, content, counts=True)

    async def _load(self, lane: Lane, attempt: Attempt) -> None:
        try:
            attempt.content = await self.around.spool.load_content(attempt.delivery.message_id)
        except NotFound:
            log.info("%s is gone from the spool", attempt.delivery.queue_id)
            self._not_tried(lane, attempt)
        except GatepostError as error:
            log.error("%s cannot be read: %s", attempt.delivery.queue_id, error)
            self._unreadable(lane, attempt, Reply(451, "4.3.0", str(error)))
        except BaseException:
            self._not_tried(lane, attempt)
            raise
        else:
            attempt.weight = weight_of(attempt.content)
            self._bytes += attempt.weight
            self._launch(lane, attempt)

    def _not_tried(self, lane: Lane, attempt: Attempt) -> None:
        self.around.router.report(attempt.hop, HopOutcome.NOT_TRIED)
        self._put_back(lane, attempt.delivery.id, attempt.weight)
        self.ready(lane)

    def _unreadable(self, lane: Lane, attempt: Attempt, reply: Reply) -> None:
        """An attempt like another: later ones may find that the disk is back, and some day the sender is told."""
        self.around.router.report(attempt.hop, HopOutcome.NOT_TRIED)
        rows = (*attempt.delivery.recipients, *attempt.rest)
        settled = [Settled(row, Fate.DEFERRED, reply, None) for row in rows]
        self.recorder.settle(lane, replace(attempt.delivery, recipients=rows), settled, None, counts=True)

    def _launch(self, lane: Lane, attempt: Attempt) -> None:
        hops = attempt.hops
        if self._room.has_room(hops[0]):
            self._send(attempt, lane)
            return
        if lane.name == LaneName.POOL:  # what exceeds a gateway's connections goes to the next one
            for index in range(1, len(hops)):
                if self._room.has_room(hops[index]) and self.around.router.claim(hops[index]):
                    self.around.router.report(hops[0], HopOutcome.NOT_TRIED)
                    attempt.prefer(index)
                    self._send(attempt, lane)
                    return
        if lane.parked is not None:  # a second one, whose content came late
            self.around.router.report(hops[0], HopOutcome.NOT_TRIED)
            self._put_back(lane, attempt.delivery.id, attempt.weight)
            return
        lane.parked = attempt
        if lane.status is LaneStatus.IDLE:
            lane.status = LaneStatus.PARKED
        for hop in hops if lane.name == LaneName.POOL else hops[:1]:
            self._parked.setdefault(hop.key, set()).add(lane)

    def _send(self, attempt: Attempt, lane: Lane | None = None) -> None:
        if lane is not None:
            attempt.lane = lane
            self._out += 1
        job = attempt.next_job()
        if job is None:
            self._over(attempt)
            return
        self._room.went_out(attempt.hop)
        self.around.pool.submit(attempt.hop, job, self._done)

    def _unpark(self, lane: Lane) -> None:
        attempt, lane.parked = lane.parked, None
        if attempt is None:
            return
        self._leave_parking(lane, attempt)
        self.around.router.report(attempt.hop, HopOutcome.NOT_TRIED)
        self._put_back(lane, attempt.delivery.id, attempt.weight)

    def _leave_parking(self, lane: Lane, attempt: Attempt) -> None:
        for hop in attempt.hops:
            waiting = self._parked.get(hop.key)
            if waiting is not None:
                waiting.discard(lane)
                if not waiting:
                    del self._parked[hop.key]
        if lane.status is LaneStatus.PARKED:
            lane.status = LaneStatus.IDLE

    def _put_back(self, lane: Lane, delivery_id: int, weight: int) -> None:
        """It was no attempt: the spool has it, and it is found there again."""
        self._bytes -= weight
        self.flying.discard(delivery_id)
        lane.in_hand.discard(delivery_id)
        lane.behind = True

    # What comes back

    def _done(self, job: Job, outcome: Outcome) -> None:
        """From inside a connection's reading."""
        attempt = job.tag
        assert isinstance(attempt, Attempt)  # noqa: S101 - every job of ours carries one
        hop = attempt.hop
        self._room.came_back(hop)
        session = outcome.session
        source = session.source_address if session is not None else ""
        if outcome.is_delivered and len(attempt.delivery.recipients) == 1 and not attempt.is_complex:
            self._works(hop, source)
            self._delivered(attempt, outcome)
        else:
            judgement = judge(outcome, self.around.is_block_listed)
            self._weigh(attempt, outcome, judgement.hop, judgement.cause, source)
            attempt.absorb(outcome, judgement)
            self._go_on(attempt)
        waiting = self._parked.get(hop.key)
        if waiting:
            self._unblock(hop, waiting)
        self.schedule()

    def _works(self, hop: NextHop, source: str) -> None:
        self.around.router.report(hop, HopOutcome.SUCCESS, "", source)
        self._room.works(hop)

    def _weigh(self, attempt: Attempt, outcome: Outcome, verdict: HopVerdict, cause: str, source: str) -> None:
        """Tell routing what this says about the hop."""
        hop = attempt.hop
        if verdict is HopVerdict.WORKS or self._room.is_the_messages_fault(hop, outcome):
            self._works(hop, source)
            return
        router, failure = self.around.router, outcome.failure
        if failure is not None and failure.source_address:
            source = failure.source_address
        router.report(hop, _REPORTS[verdict], cause, source)
        if verdict is HopVerdict.UNTRIED:
            return
        self._room.failed(hop)
        if verdict is HopVerdict.BLOCKED:
            log.warning("%s refuses us: %s", hop.label, cause)
            self.around.events.publish(
                "gateway.blocked", key=hop.key, gateway_id=hop.gateway_id, label=hop.label, cause=cause, source_address=source
            )
        lane = attempt.lane
        lane.failed_at = self.around.clock()
        for parked in list(self._parked.get(hop.key, ())):
            self._unpark(parked)  # plan it again: this hop may rest now
            self.ready(parked)

    def _unblock(self, hop: NextHop, waiting: set[Lane]) -> None:
        for lane in list(waiting):
            attempt = lane.parked
            if attempt is None or not self._room.has_room(hop):
                continue
            self._leave_parking(lane, attempt)
            lane.parked = None
            self._launch(lane, attempt)
            if lane.parked is None and lane.status is LaneStatus.IDLE:
                self.ready(lane)

    def _go_on(self, attempt: Attempt) -> None:
        """The next transaction of the attempt, if there is one."""
        if self.running:
            while attempt.moves_on:
                if self.around.router.claim(attempt.following):
                    break
                attempt.skip_hop()
        elif attempt.moves_on:
            attempt.skip_hops()
        self._send(attempt)

    def _over(self, attempt: Attempt) -> None:
        lane, delivery = attempt.lane, attempt.delivery
        if attempt.tried == 0 and not attempt.settled:
            self._out -= 1
            self._put_back(lane, delivery.id, attempt.weight)
            if self.running:
                self.ready(lane)
            return
        if self.running and attempt.needs_conversion():
            self.tasks.spawn(self._convert(attempt), f"convert {delivery.queue_id}")
            return
        if self.running and attempt.may_go_further and not lane.name.startswith(_ONE_WAY):
            self._look_further(attempt)
            return
        self._serve_others(attempt)

    def _look_further(self, attempt: Attempt) -> None:
        """Routing has been told what failed: a gateway that rests now may leave its mail to others."""
        delivery, domain = attempt.delivery, attempt.left[0].domain
        lane, sender, client = attempt.lane.name, delivery.envelope.sender, _client(delivery)
        try:
            plan = self.around.router.plan_now(lane, sender, domain, delivery.pinned_gateway, client=client, commit=False)
        except GatepostError as error:
            plan = Wait(None, str(error))
        if plan is None:
            self.tasks.spawn(self._look_further_later(attempt, domain), f"route {delivery.queue_id}")
        else:
            self._go_further(attempt, plan)

    async def _look_further_later(self, attempt: Attempt, domain: str) -> None:
        plan: Plan = Wait(None, "routing failed")
        delivery = attempt.delivery
        try:
            plan = await self.around.router.plan(
                attempt.lane.name,
                delivery.envelope.sender,
                domain,
                delivery.pinned_gateway,
                client=_client(delivery),
                commit=False,
            )
        finally:
            self._go_further(attempt, plan)

    def _go_further(self, attempt: Attempt, plan: Plan) -> None:
        hops = [hop for hop in plan.hops if hop not in attempt.used] if isinstance(plan, Candidates) and self.running else []
        while hops and not self.around.router.claim(hops[0]):
            del hops[0]
        if isinstance(plan, Candidates) and hops:
            attempt.go_further(tuple(hops), plan.only_domain, plan.why)
            self._send(attempt)
        else:
            self._serve_others(attempt)

    def _serve_others(self, attempt: Attempt) -> None:
        delivery = attempt.delivery
        if self.running and attempt.rest:
            self.tasks.spawn(self._serve_rest(attempt), f"route the rest of {delivery.queue_id}")
            return
        self._out -= 1
        self._conclude(attempt)

    async def _convert(self, attempt: Attempt) -> None:
        converted: bytes | None = None
        try:
            content = attempt.content
            if not isinstance(content, bytes) and content.size <= convert.MAX_CONVERSION:
                content = await asyncio.to_thread(content.path.read_bytes)
            if isinstance(content, bytes):
                envelope = attempt.delivery.envelope
                converted = await self.around.signed_again(envelope, content, convert.to_seven_bit)
        finally:
            if converted is not None:
                attempt.convert(converted)
            else:
                attempt.cannot_convert()
            self._send(attempt)

    async def _serve_rest(self, attempt: Attempt) -> None:
        """Recipients at other domains, which this plan's hops do not serve."""
        plan: Plan = Wait(None, "routing failed")
        delivery, rest = attempt.delivery, attempt.rest
        try:
            plan = await self.around.router.plan(
                delivery.lane, delivery.envelope.sender, rest[0].domain, delivery.pinned_gateway, client=_client(delivery)
            )
        finally:
            if isinstance(plan, Candidates):
                rows = tuple(r for r in rest if not plan.only_domain or r.domain == plan.only_domain)
                attempt.extend(plan.hops, rows, plan.why)
            elif isinstance(plan, Reject):
                attempt.settle_rest(Fate.FAILED, plan.reply)
            else:
                attempt.settle_rest(Fate.DEFERRED, plan.reply or Reply(451, "4.4.1", plan.waiting_for))
            self._send(attempt)

    # Recording

    def _delivered(self, attempt: Attempt, outcome: Outcome) -> None:
        """One recipient, taken by the first hop: nearly everything."""
        delivery, final, session = attempt.delivery, outcome.final, outcome.session
        row = delivery.recipients[0]
        relayed = session is None or not session.features.dsn
        if final is None or (relayed and row.notify):
            attempt.absorb(outcome, judge(outcome, self.around.is_block_listed))
            self._over(attempt)
            return
        self._out -= 1
        state = RecipientState.RELAYED if relayed else RecipientState.DELIVERED
        dialogue = told(outcome, attempt.hop.label)
        self.ledger.tell_delivered(attempt, row, final, relayed, self.around.clock(), dialogue)
        self._bytes -= attempt.weight
        self.recorder.record(attempt.lane, DeliveryResult(delivery, (RecipientOutcome(row.id, state),)))

    def _conclude(self, attempt: Attempt) -> None:
        settled = attempt.finish()
        delivery = attempt.whole
        self._count(attempt, settled)
        self._bytes -= attempt.weight
        told = Told("; then ".join(attempt.ways), attempt.dialogue)
        self.recorder.settle(attempt.lane, delivery, settled, attempt.content, counts=attempt.tried > 0, told=told)

    def _count(self, attempt: Attempt, settled: list[Settled]) -> None:
        if all(one.fate is Fate.DEFERRED for one in settled):
            attempt.lane.reason = str(settled[-1].reply) if settled else ""
        self.around.counters.add("attempts", settled[0].fate.value if settled else "")

    def settle(self, lane: Lane, delivery: Delivery, settled: list[Settled]) -> None:
        """An outcome without an attempt (given up by age or by hand). Call it for what is not ``flying``."""
        self.flying.add(delivery.id)
        lane.in_hand.add(delivery.id)
        self.recorder.settle(lane, delivery, settled, None, counts=False)

    def _committed(self, lane: Lane, result: DeliveryResult, report: StoredMessage | None) -> None:
        number = result.delivery.id
        self.flying.discard(number)
        lane.in_hand.discard(number)
        self._fetching.settled(number)
        if result.due_at is not None:
            self._due_again(result.due_at)
        elif len(result.outcomes) < len(result.delivery.recipients):
            lane.behind = True  # those of whom nothing was said are due as before
        if report is not None and result.dsn is not None:
            self.ledger.tell_notified(result.delivery, result.dsn, report)
            for part in report.deliveries:
                self.offer(part, result.dsn.content)
        self._rest(lane)
        if self._ring:
            self.schedule()


def _client(delivery: Delivery) -> str:
    return delivery.envelope.origin.client


def _first(delivery: Delivery) -> RecipientRow:
    """Whose domain the plan is asked for: another one at each attempt, so that none holds up the rest."""
    return delivery.recipients[delivery.attempts % len(delivery.recipients)]
