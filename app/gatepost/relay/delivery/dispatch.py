"""What happens when a job comes back: routing is told, the attempt goes on, what it came to is recorded.

The common case (one recipient, taken by the first hop) runs from acceptance to record without a task. Whose turn it is,
``ring`` decides; how it leaves, ``departures``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from ...model.errors import GatepostError
from ...model.reply import Reply
from ...store.values import Delivery, DeliveryResult, RecipientOutcome, RecipientRow, RecipientState, StoredMessage
from ..common.hop import HopKind, NextHop
from ..common.hop import Lane as LaneName
from ..common.plan import Candidates, HopOutcome, Plan, Reject, Wait
from . import convert
from .attempt import Attempt, Settled
from .classify import Fate, HopVerdict, Judgement, judge
from .conversation import told
from .departures import Departures, client_of
from .lanes import Lane
from .ledger import Told
from .values import Job, Outcome, OutcomeState

log = logging.getLogger(__name__)

T = TypeVar("T")

_NAMED = LaneName.gateway("")
_ONE_WAY = (LaneName.mx(""), LaneName.inbound(""))
"""Lanes whose plan names every way that there is."""
_REPORTS = {
    HopVerdict.WORKS: HopOutcome.SUCCESS,
    HopVerdict.FAILED: HopOutcome.FAILURE,
    HopVerdict.BLOCKED: HopOutcome.ADDRESS_BLOCKED,
    HopVerdict.UNTRIED: HopOutcome.NOT_TRIED,
}


class Dispatcher(Departures):
    """The ring's lanes, served. Owned by the loop's thread."""

    def _done(self, job: Job, outcome: Outcome) -> None:
        """From inside a connection's reading."""
        attempt = job.tag
        assert isinstance(attempt, Attempt)  # noqa: S101 - every job of ours carries one
        hop = attempt.hop
        try:
            self._take_in(attempt, outcome)
        except Exception:
            self._rescue(attempt, _taken(job, outcome, hop))
        waiting = self._parked.get(hop.key)
        if waiting:
            self._unblock(hop, waiting)
        self.schedule()

    def _take_in(self, attempt: Attempt, outcome: Outcome) -> None:
        hop = attempt.hop
        self._room.came_back(hop)
        session = outcome.session
        source = session.source_address if session is not None else ""
        if outcome.is_delivered and len(attempt.delivery.recipients) == 1 and not attempt.is_complex:
            self._works(hop, source)
            self._delivered(attempt, outcome)
        else:
            judgement = self._judge(attempt.hop, outcome)
            self._weigh(attempt, outcome, judgement.hop, judgement.cause, source)
            attempt.absorb(outcome, judgement)
            self._go_on(attempt)

    def _judge(self, hop: NextHop, outcome: Outcome) -> Judgement:
        return judge(outcome, self.around.is_block_listed, is_strangers=hop.kind is HopKind.MX)

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
            attempt.is_over = True
            self._is_back(attempt)
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
        if attempt.ruled_out and self._is_anybody_unasked(attempt):
            attempt.wait_for_others()
        self._serve_others(attempt)

    def _is_anybody_unasked(self, attempt: Attempt) -> bool:
        """Whether one of those that would do as well was left out because it rests, or has had enough for now."""
        lane, delivery = attempt.lane.name, attempt.delivery
        if lane.startswith(_NAMED):
            return False
        asked = frozenset(hop.key if hop.kind is HopKind.GATEWAY else hop.address_key for hop in attempt.used)
        sender, domain = delivery.envelope.sender, attempt.ruled_out[0].domain
        plan = self.around.router.plan_now(lane, sender, domain, None, asked, client=client_of(delivery), commit=False)
        return isinstance(plan, Candidates) or (isinstance(plan, Wait) and plan.until is not None)

    def _look_further(self, attempt: Attempt) -> None:
        """Routing has been told what failed: a gateway that rests now may leave its mail to others."""
        delivery, domain = attempt.delivery, attempt.left[0].domain
        lane, sender, client = attempt.lane.name, delivery.envelope.sender, client_of(delivery)
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
                client=client_of(delivery),
                commit=False,
            )
        finally:
            self._safely(attempt, self._go_further, plan)

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
            self._safely(attempt, self._send_converted, converted)

    def _send_converted(self, attempt: Attempt, converted: bytes | None) -> None:
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
                delivery.lane, delivery.envelope.sender, rest[0].domain, delivery.pinned_gateway, client=client_of(delivery)
            )
        finally:
            self._safely(attempt, self._send_rest, plan)

    def _send_rest(self, attempt: Attempt, plan: Plan) -> None:
        if isinstance(plan, Candidates):
            rows = tuple(r for r in attempt.rest if not plan.only_domain or r.domain == plan.only_domain)
            attempt.extend(plan.hops, rows, plan.why)
        elif isinstance(plan, Reject):
            attempt.settle_rest(Fate.FAILED, plan.reply)
        else:
            attempt.settle_rest(Fate.DEFERRED, plan.reply or Reply(451, "4.4.1", plan.waiting_for), plan.until)
        self._send(attempt)

    def _safely(self, attempt: Attempt, step: Callable[[Attempt, T], None], argument: T) -> None:
        """What a task goes on with: nobody else would look after the attempt."""
        try:
            step(attempt, argument)
        except Exception:
            self._rescue(attempt)

    # Recording

    def _delivered(self, attempt: Attempt, outcome: Outcome) -> None:
        """One recipient, taken by the first hop: nearly everything."""
        delivery, final, session = attempt.delivery, outcome.final, outcome.session
        row = delivery.recipients[0]
        relayed = session is None or not session.features.dsn
        if final is None or (relayed and row.notify):
            attempt.absorb(outcome, self._judge(attempt.hop, outcome))
            self._over(attempt)
            return
        attempt.is_over = True
        self._is_back(attempt)
        state = RecipientState.RELAYED if relayed else RecipientState.DELIVERED
        try:
            dialogue = told(outcome, attempt.hop.label)
            self.ledger.tell_delivered(attempt, row, final, relayed, self.around.clock(), dialogue)
        except Exception:  # it has been taken: whether that can be told or not, it must not be sent again
            log.exception("the delivery of %s cannot be told", delivery.queue_id)
        self.recorder.record(attempt.lane, DeliveryResult(delivery, (RecipientOutcome(row.id, state),)))

    def _conclude(self, attempt: Attempt) -> None:
        settled = attempt.finish()
        delivery = attempt.whole
        told = Told("; then ".join(attempt.ways), attempt.dialogue)
        attempt.is_over = True
        self._is_back(attempt)
        self.recorder.settle(attempt.lane, delivery, settled, attempt.content, counts=attempt.tried > 0, told=told)
        self._count(attempt, settled)

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
        try:
            if report is not None and result.dsn is not None:
                self.ledger.tell_notified(result.delivery, result.dsn, report)
                for part in report.deliveries:
                    self.offer(part, result.dsn.content)
        finally:
            self._rest(lane)
            if self._ring:
                self.schedule()


def _taken(job: Job, outcome: Outcome, hop: NextHop) -> list[Settled]:
    """Who has the message by what was said, and by nothing else: the last word of what could not be taken in as usual."""
    final, session = outcome.final, outcome.session
    if outcome.state is not OutcomeState.COMPLETED or final is None or not final.is_positive or job.content is None:
        return []
    return [
        Settled(row, Fate.DELIVERED, final, hop, hop.host, reports_itself=session is not None and session.features.dsn)
        for row, reply in zip(job.recipients, outcome.recipients, strict=False)
        if isinstance(row, RecipientRow) and reply is not None and reply.is_positive
    ]
