"""One attempt: a delivery's recipients on their way through the next hops of one plan. Pure bookkeeping.

A job is one transaction; an attempt makes one after the other until every recipient has been settled or no hop is left:
recipients in chunks, the rest of a chunk when a server takes only so many at once, the next hop when one failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...model.envelope import BodyType
from ...model.reply import Reply
from ...store.values import Content, Delivery, RecipientRow
from ..common.hop import NextHop
from .classify import Fate, HopVerdict, Judgement, Verdict
from .conversation import told
from .values import Job, Outcome, Stage

if TYPE_CHECKING:
    from .lanes import Lane

MAX_RECIPIENTS = 100
"""In one transaction: what every server must take (RFC 5321 §4.5.3.1.8)."""
MAX_TIMES_FURTHER = 8
"""Times that another way is looked for when a plan's hops are used up."""
MAX_DIALOGUE = 60
"""Lines kept of an attempt's conversation, over all its hops."""

NO_HOP_REPLY = Reply(451, "4.4.1", "No next hop could be used")


@dataclass(frozen=True, slots=True)
class Settled:
    """What the attempt came to for one recipient; ``fate`` is DELIVERED, FAILED or DEFERRED."""

    row: RecipientRow
    fate: Fate
    reply: Reply
    hop: NextHop | None
    remote: str = ""
    """Host that gave ``reply``; empty when the words are ours."""
    stage: Stage = Stage.FINAL_DOT
    is_uncertain: bool = False
    reports_itself: bool = False
    """The next hop announced DSN: it owes the sender further reports (RFC 3461 §5.2.2)."""
    until: float | None = None
    """With DEFERRED: when its way out may be open again, if that is sooner than the schedule's next time."""


class Attempt:
    """See the module. ``hop`` is the one whose job is out or comes next."""

    __slots__ = (
        "_chunk",
        "_elsewhere",
        "_index",
        "_last",
        "_queue",
        "_soft",
        "_times_further",
        "content",
        "converted",
        "delivery",
        "dialogue",
        "hops",
        "is_out",
        "is_over",
        "lane",
        "rest",
        "settled",
        "tried",
        "used",
        "ways",
        "weight",
        "why",
    )

    def __init__(self, delivery: Delivery, hops: Sequence[NextHop], content: Content) -> None:
        self.delivery = delivery
        self.content = content
        self.converted = False
        self.settled: list[Settled] = []
        self.tried = 0
        """Transactions that were really made or whose hop failed, or what was decided without one; 0: this was no attempt."""
        self.dialogue: list[str] = []
        self.weight = 0
        """Octets of content that it holds in memory."""
        self.rest: tuple[RecipientRow, ...] = ()
        """Recipients that these hops do not serve; planned for when the others are settled."""
        self.why = ""
        """Why the first hop is the first."""
        self.ways: list[str] = []
        """The hops that were used, each with why, in words."""
        self.lane: Lane
        self.is_out = False
        """Counted among what was given to connections."""
        self.is_over = False
        """Handed on: its outcome to be recorded, or itself back to the spool."""
        self.hops = hops
        self._index = 0
        self._queue: list[RecipientRow] = list(delivery.recipients)
        self._chunk: list[RecipientRow] = []
        self._elsewhere: list[RecipientRow] = []
        self._last: dict[int, tuple[Verdict, NextHop, str]] = {}
        self._soft: set[int] = set()
        self.used: set[NextHop] = set()
        """Hops that were tried or failed."""
        self._times_further = 0

    @property
    def hop(self) -> NextHop:
        return self.hops[self._index]

    @property
    def is_complex(self) -> bool:
        """Something has happened already, or is still to happen, beside the job that is out."""
        return bool(self.tried or self.rest or self.settled)

    def begin_with(self, settled: Sequence[Settled]) -> None:
        """Before the first job: some recipients are settled by the DNS or by a row, without a hop. ``rest`` has the others."""
        self.settled += settled
        self.tried += 1

    @property
    def whole(self) -> Delivery:
        """The delivery with all its recipients: those that the attempt has settled, and ``rest``, who still wait."""
        if not self.rest and len(self.settled) == len(self.delivery.recipients):
            return self.delivery
        return replace(self.delivery, recipients=(*(one.row for one in self.settled), *self.rest))

    @property
    def moves_on(self) -> bool:
        """The next job goes to the next hop, ``following``."""
        return not self._queue and bool(self._elsewhere) and self._index + 1 < len(self.hops)

    @property
    def following(self) -> NextHop:
        return self.hops[self._index + 1]

    def skip_hop(self) -> None:
        """``following`` may not be used now."""
        self.hops = (*self.hops[: self._index + 1], *self.hops[self._index + 2 :])

    def skip_hops(self) -> None:
        self.hops = self.hops[: self._index + 1]

    def prefer(self, index: int) -> None:
        """Before the first job: begin with that hop, because those before it have as many connections as they may."""
        self.why = f"taken because {self.hops[0].label} has as many connections as it may"
        self.hops = (self.hops[index], *self.hops[:index], *self.hops[index + 1 :])

    def next_job(self) -> Job | None:
        """The transaction to make now, at ``hop``; None: the attempt is over."""
        if not self._queue:
            if not self._elsewhere or self._index + 1 >= len(self.hops):
                return None
            self._queue, self._elsewhere = self._elsewhere, []
            self._index += 1
        rows = self._queue
        self._chunk, self._queue = (rows, []) if len(rows) <= MAX_RECIPIENTS else (rows[:MAX_RECIPIENTS], rows[MAX_RECIPIENTS:])
        envelope = self.delivery.envelope
        return Job(
            sender=envelope.sender,
            recipients=self._chunk,
            content=self.content,
            body=BodyType.SEVEN_BIT if self.converted else envelope.body,
            smtputf8=envelope.smtputf8,
            ret=envelope.ret,
            envid=envelope.envid,
            tag=self,
        )

    def absorb(self, outcome: Outcome, judgement: Judgement) -> None:
        """Take in what became of the job that ``next_job`` gave."""
        hop, session = self.hop, outcome.session
        if judgement.hop is not HopVerdict.UNTRIED:
            self.tried += 1
            self.used.add(hop)
        host = _host(hop, outcome)
        again: list[RecipientRow] = []
        for row, verdict in zip(self._chunk, judgement.verdicts, strict=True):
            if verdict.fate is Fate.AGAIN:
                again.append(row)
            elif verdict.fate is Fate.ELSEWHERE:
                self._elsewhere.append(row)
                self._last[row.id] = (verdict, hop, host)
                if not verdict.is_permanent:
                    self._soft.add(row.id)
            else:
                self.settled.append(
                    Settled(
                        row,
                        verdict.fate,
                        verdict.reply,
                        hop,
                        "" if verdict.is_local else host,
                        verdict.stage,
                        verdict.is_uncertain,
                        session is not None and session.features.dsn,
                    )
                )
        self._queue = again + self._queue
        self._chunk = []
        if judgement.hop in (HopVerdict.FAILED, HopVerdict.BLOCKED):
            self._give_up_hop(hop, host, judgement)
        self._note(outcome, hop)

    def _give_up_hop(self, hop: NextHop, host: str, judgement: Judgement) -> None:
        """Chunks that have not been sent yet do not go to a hop that has just failed."""
        if not self._queue:
            return
        moved = next((v for v in judgement.verdicts if v.fate is Fate.ELSEWHERE), None)
        reply = moved.reply if moved is not None else Reply(451, "4.4.1", judgement.cause or NO_HOP_REPLY.text)
        for row in self._queue:
            self._last[row.id] = (Verdict(row, Fate.ELSEWHERE, reply, Stage.CONNECT, is_local=True), hop, host)
            self._soft.add(row.id)
        self._elsewhere += self._queue
        self._queue = []

    def finish(self) -> list[Settled]:
        """Settle those for whom no hop was left: failed if every hop ruled the message out, deferred otherwise."""
        for row in (*self._elsewhere, *self._queue):
            known = self._last.get(row.id)
            if known is None:
                self.settled.append(Settled(row, Fate.DEFERRED, NO_HOP_REPLY, None))
                continue
            verdict, hop, host = known
            fate = Fate.DEFERRED if row.id in self._soft else Fate.FAILED
            self.settled.append(Settled(row, fate, verdict.reply, hop, "" if verdict.is_local else host, verdict.stage))
        self._elsewhere, self._queue = [], []
        return self.settled

    def break_off(self, reply: Reply, taken: Sequence[Settled]) -> list[Settled]:
        """Settle everybody: taken for those who were (``taken``: found out by the job that is out), deferred for all others.

        To be called in any state, also in the middle of another method.
        """
        known = {one.row.id: one for one in (*taken, *self.settled) if one.fate is Fate.DELIVERED}
        rows = (*(one.row for one in self.settled), *self._chunk, *self._queue, *self._elsewhere, *self.rest)
        everybody = {row.id: row for row in (*self.delivery.recipients, *rows)}
        self.settled = [known.get(row.id) or Settled(row, Fate.DEFERRED, reply, None) for row in everybody.values()]
        self._chunk, self._queue, self._elsewhere, self.rest = [], [], [], ()
        return self.settled

    def convert(self, content: bytes) -> None:
        """Begin again at the first hop with content that every server takes."""
        self.content = content
        self.converted = True
        self._queue, self._elsewhere = [*self._elsewhere, *self._queue], []
        for row in self._queue:
            self._soft.discard(row.id)
            self._last.pop(row.id, None)
        self._index = 0

    def cannot_convert(self) -> None:
        self.converted = True

    @property
    def way(self) -> str:
        """``hop`` and why it is used, in words."""
        hop = self.hops[self._index]
        why = f"{self.hops[self._index - 1].label} failed" if self._index else self.why
        return f"{hop.label}: {why}" if why else hop.label

    def extend(self, hops: Sequence[NextHop], rows: Sequence[RecipientRow], why: str) -> None:
        """Go on with some of ``rest``, by hops of their own; what is left of the others is settled."""
        self.finish()
        chosen = {row.id for row in rows}
        self.rest = tuple(row for row in self.rest if row.id not in chosen)
        self.hops, self._index, self._queue, self.why = hops, 0, list(rows), why

    @property
    def left(self) -> list[RecipientRow]:
        """Recipients for whom the plan's hops are used up, not all of them for good."""
        return [row for row in self._elsewhere if row.id in self._soft]

    @property
    def ruled_out(self) -> list[RecipientRow]:
        """Recipients to whom every hop of the plan says that it can never carry the message; nobody, while one is ``left``."""
        return [] if self.left else self._elsewhere

    def wait_for_others(self) -> None:
        """Hops that were not in the plan may carry it."""
        self._soft.update(row.id for row in self._elsewhere)

    @property
    def may_go_further(self) -> bool:
        return bool(self.tried and not self._queue and self.left) and self._times_further < MAX_TIMES_FURTHER

    def go_further(self, hops: Sequence[NextHop], only_domain: str, why: str) -> None:
        """The recipients that are left go by other hops; those whom these do not serve go with ``rest``."""
        rows, self._elsewhere = self._elsewhere, []
        if only_domain:
            self.rest = (*self.rest, *(row for row in rows if row.domain != only_domain))
            rows = [row for row in rows if row.domain == only_domain]
        self._times_further += 1
        self.hops, self._index, self._queue, self.why = hops, 0, rows, why

    def settle_rest(self, fate: Fate, reply: Reply, until: float | None = None) -> None:
        """Nothing serves the next domain of ``rest`` now."""
        self.finish()
        domain = self.rest[0].domain
        self.settled += [Settled(row, fate, reply, None, until=until) for row in self.rest if row.domain == domain]
        self.rest = tuple(row for row in self.rest if row.domain != domain)

    def needs_conversion(self) -> bool:
        """Everything that is left was refused only for its 8-bit content."""
        return (
            not self.converted
            and bool(self._elsewhere)
            and not self._queue
            and any(known[0].reply.enhanced == "5.6.3" and known[0].is_local for known in self._last.values())
        )

    def _note(self, outcome: Outcome, hop: NextHop) -> None:
        if (way := self.way) not in self.ways:
            self.ways.append(way)
        if len(self.dialogue) < MAX_DIALOGUE:
            self.dialogue += told(outcome, hop.label)
            del self.dialogue[MAX_DIALOGUE:]


def _host(hop: NextHop, outcome: Outcome) -> str:
    """The name by which a report calls the server that spoke."""
    if outcome.failure is not None and outcome.failure.reply is None:
        return ""
    if hop.host:
        return hop.host
    return outcome.session.address if outcome.session is not None else (hop.address or "")
