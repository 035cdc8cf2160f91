"""What an outcome means: for each recipient, and for the hop. Pure.

==========================================  =====================  ================================
what came back                              the recipients         the hop
==========================================  =====================  ================================
2xx to the final dot                        delivered              works
no session (DNS, connect, TLS, sign-in)     next hop               failed
421 anywhere before acceptance              next hop               failed
4xx to MAIL                                 next hop               failed if it speaks of itself (4.3.x)
4xx to RCPT, DATA, final dot                deferred               works (greylisting is this, no more)
5xx                                         failed                 works
4xx or 5xx that blames our address          next hop               blocked: rests, administrator told
530, 534, 535, 538 (sign in, encrypt)       next hop               failed; at an MX as another 5xx
connection lost before the final dot        next hop               failed
connection lost after it                    deferred, uncertain    failed
“too many recipients” (452, 552)            again on this hop      works
more than the announced RCPTMAX             again on this hop      –
==========================================  =====================  ================================

When no hop is left, those that should go to the next one are deferred: ``attempt`` does that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ...model.reply import Reply
from .values import BEYOND_LIMIT, Addressee, HopFailure, Outcome, OutcomeState, Stage

IsBlockListed = Callable[[Reply], bool]


class Fate(StrEnum):
    DELIVERED = "delivered"
    FAILED = "failed"
    """Final: bounced."""
    DEFERRED = "deferred"
    ELSEWHERE = "elsewhere"
    """This hop could or would not; the next one may."""
    AGAIN = "again"
    """This hop takes so many recipients at once and no more: the rest goes in a transaction of its own."""


class HopVerdict(StrEnum):
    WORKS = "works"
    FAILED = "failed"
    BLOCKED = "blocked"
    """It does not like the address that we come from."""
    UNTRIED = "untried"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One recipient's. ``reply`` is the other side's words, or ours when ``is_local``."""

    recipient: Addressee
    fate: Fate
    reply: Reply
    stage: Stage
    is_local: bool = False
    is_uncertain: bool = False
    """May have been delivered; will perhaps be delivered twice."""
    is_permanent: bool = False
    """With ELSEWHERE: if every hop says so, the recipient has failed."""


@dataclass(frozen=True, slots=True)
class Judgement:
    verdicts: tuple[Verdict, ...]
    hop: HopVerdict
    cause: str = ""
    """Why the hop failed or blocked us, in one line."""


@dataclass(frozen=True, slots=True)
class _Rules:
    is_block_listed: IsBlockListed
    is_strangers: bool

    def wants_sign_in(self, reply: Reply) -> bool:
        return not self.is_strangers and reply.code in _SIGN_IN


_SIGN_IN = (530, 534, 535, 538)
"""RFC 4954 §6, RFC 3207 §4: any command may be answered so. It is how the gateway is set up that is wrong, not the mail."""

LOST_REPLY = Reply(451, "4.4.2", "The connection was lost before the message had been handed over")
UNKNOWN_REPLY = Reply(
    451,
    "4.4.2",
    "The connection was lost after the message had been sent and before it was confirmed; it may arrive twice",
)
CONVERSION_REPLY = Reply(554, "5.6.3", "The message holds 8-bit text, which the next server does not take")
UNANSWERED_REPLY = Reply(451, "4.4.2", "The next server gave no answer for this recipient")

_TOO_MANY = re.compile(r"too many (?:recipients|rcpt|addresses)|recipients? limit|maximum number of recipients", re.IGNORECASE)


def judge(outcome: Outcome, is_block_listed: IsBlockListed, *, is_strangers: bool = False) -> Judgement:
    """The verdicts on a job's recipients, in their order, and the one on its hop.

    ``is_strangers``: the hop is a mail host that the DNS named. Nobody signs in there, so that its wish for it is final.
    """
    rules = _Rules(is_block_listed, is_strangers)
    state = outcome.state
    recipients = outcome.job.recipients
    if state is OutcomeState.COMPLETED:
        return _completed(outcome, rules)
    if state is OutcomeState.HOP_FAILED:
        return _hop_failed(outcome, rules)
    if state is OutcomeState.NOT_STARTED:
        reply = Reply(451, "4.3.2", "Nothing was tried")
        return Judgement(tuple(_local(r, Fate.ELSEWHERE, reply, outcome.stage) for r in recipients), HopVerdict.UNTRIED)
    if state is OutcomeState.UNKNOWN:
        return Judgement(
            tuple(_uncertain(outcome, i, rules) for i in range(len(recipients))),
            HopVerdict.FAILED,
            UNKNOWN_REPLY.text,
        )
    if state is OutcomeState.LOST:
        cause = f"{LOST_REPLY.text} (during {outcome.stage})"
        return Judgement(tuple(_before_loss(outcome, i, rules) for i in range(len(recipients))), HopVerdict.FAILED, cause)
    reply = outcome.final or CONVERSION_REPLY
    return Judgement(
        tuple(_local(r, Fate.ELSEWHERE, reply, outcome.stage, is_permanent=True) for r in recipients), HopVerdict.WORKS
    )


def failure_reply(failure: HopFailure) -> Reply:
    """What the waiting message shows when its hop could not be used: the other side's reply, else our words."""
    if failure.reply is not None and failure.reply.code >= 400:
        return failure.reply
    enhanced = {"auth": "4.7.0", "tls": "4.7.5", "certificate": "4.7.5", "dns": "4.4.3", "secret": "4.7.0"}
    return Reply(451, enhanced.get(failure.kind.value, "4.4.1"), failure.text)


def _local(recipient: Addressee, fate: Fate, reply: Reply, stage: Stage, *, is_permanent: bool = False) -> Verdict:
    return Verdict(recipient, fate, reply, stage, is_local=True, is_permanent=is_permanent)


def _hop_failed(outcome: Outcome, rules: _Rules) -> Judgement:
    failure = outcome.failure
    if failure is None:
        reply, cause, blocked = LOST_REPLY, LOST_REPLY.text, False
    else:
        reply, cause = failure_reply(failure), failure.text
        blocked = failure.reply is not None and rules.is_block_listed(failure.reply)
    return Judgement(
        tuple(
            Verdict(r, Fate.ELSEWHERE, reply, outcome.stage, is_local=failure is None or failure.reply is None)
            for r in outcome.job.recipients
        ),
        HopVerdict.BLOCKED if blocked else HopVerdict.FAILED,
        cause,
    )


def _completed(outcome: Outcome, rules: _Rules) -> Judgement:
    recipients = outcome.job.recipients
    mail = outcome.mail
    if mail is not None and not mail.is_positive:
        return _refused_for_all(outcome, mail, rules)
    if outcome.is_delivered:
        final = outcome.final
        assert final is not None  # noqa: S101 - is_delivered says so
        return Judgement(tuple(Verdict(r, Fate.DELIVERED, final, Stage.FINAL_DOT) for r in recipients), HopVerdict.WORKS)

    end, stage = (outcome.data, Stage.DATA)
    if end is None or end.is_positive:
        end, stage = outcome.final, Stage.FINAL_DOT
    replies = outcome.recipients
    accepted = sum(1 for reply in replies if reply is not None and reply.is_positive)
    delivered = stage is Stage.FINAL_DOT and end is not None and end.is_positive and accepted > 0
    # A server that goes away among the recipients has not taken those that it had accepted.
    going = next((reply for reply in replies if reply is not None and reply.code == 421), None)
    hop, cause = HopVerdict.WORKS, ""
    verdicts: list[Verdict] = []
    for index, recipient in enumerate(recipients):
        reply = replies[index] if index < len(replies) else None
        if reply is not None and not reply.is_positive:
            fate, permanent = _fate_of(reply, rules)
            if reply is BEYOND_LIMIT:
                fate = Fate.AGAIN  # whatever became of those before it
            elif is_too_many(reply, accepted):
                fate = Fate.AGAIN if delivered else Fate.DEFERRED
            verdict = Verdict(recipient, fate, reply, Stage.RCPT, is_permanent=permanent)
        elif end is None and going is not None:
            verdict = Verdict(recipient, Fate.ELSEWHERE, going, Stage.RCPT)
        elif reply is None or end is None:
            verdict = _local(recipient, Fate.DEFERRED, UNANSWERED_REPLY, Stage.RCPT)
        elif end.is_positive:
            verdict = Verdict(recipient, Fate.DELIVERED, end, stage)
        else:
            fate, permanent = _fate_of(end, rules)
            verdict = Verdict(recipient, fate, end, stage, is_permanent=permanent)
        verdicts.append(verdict)
        if verdict.fate is Fate.ELSEWHERE and hop is HopVerdict.WORKS:
            hop = HopVerdict.BLOCKED if rules.is_block_listed(verdict.reply) else HopVerdict.FAILED
            cause = str(verdict.reply)
    return Judgement(tuple(verdicts), hop, cause)


def _refused_for_all(outcome: Outcome, mail: Reply, rules: _Rules) -> Judgement:
    fate, permanent = _fate_of(mail, rules)
    hop, cause = HopVerdict.WORKS, ""
    if mail.is_transient:
        fate = Fate.ELSEWHERE
        if rules.is_block_listed(mail):
            hop, cause = HopVerdict.BLOCKED, str(mail)
        elif mail.code == 421 or mail.enhanced.startswith("4.3."):
            hop, cause = HopVerdict.FAILED, str(mail)
    elif fate is Fate.ELSEWHERE:
        hop, cause = (HopVerdict.BLOCKED if rules.is_block_listed(mail) else HopVerdict.FAILED), str(mail)
    return Judgement(
        tuple(Verdict(r, fate, mail, Stage.MAIL, is_permanent=permanent) for r in outcome.job.recipients), hop, cause
    )


def _fate_of(reply: Reply, rules: _Rules) -> tuple[Fate, bool]:
    """(fate, permanent). A block-list refusal is the hop's trouble with us: never final for the recipient."""
    if reply.code == 421 or rules.is_block_listed(reply) or rules.wants_sign_in(reply):
        return Fate.ELSEWHERE, False
    return (Fate.FAILED, True) if reply.is_permanent else (Fate.DEFERRED, False)


def is_too_many(reply: Reply, accepted: int) -> bool:
    """RFC 5321 §4.5.3.1.10: 552 to RCPT once meant what 452 means now.

    A 552 that says that the mailbox is full (5.2.x), or that came though no recipient had been taken, is none.
    """
    if _TOO_MANY.search(reply.text) and reply.code in (451, 452, 552):
        return True
    if accepted and reply.code == 452:
        return reply.enhanced in ("", "4.5.3")
    return bool(accepted) and reply.code == 552 and reply.enhanced in ("", "5.5.3")


def _before_loss(outcome: Outcome, index: int, rules: _Rules) -> Verdict:
    """A recipient that had been refused for good before the connection broke stays refused."""
    recipient = outcome.job.recipients[index]
    reply = outcome.recipients[index] if index < len(outcome.recipients) else None
    if reply is not None and reply.is_permanent and not is_too_many(reply, 1):
        fate, permanent = _fate_of(reply, rules)
        return Verdict(recipient, fate, reply, Stage.RCPT, is_permanent=permanent)
    return _local(recipient, Fate.ELSEWHERE, LOST_REPLY, outcome.stage)


def _uncertain(outcome: Outcome, index: int, rules: _Rules) -> Verdict:
    """Only recipients that had been taken can have been delivered."""
    recipient = outcome.job.recipients[index]
    reply = outcome.recipients[index] if index < len(outcome.recipients) else None
    if reply is not None and not reply.is_positive:
        fate, permanent = _fate_of(reply, rules)
        if is_too_many(reply, 1):
            fate = Fate.DEFERRED
        return Verdict(recipient, fate, reply, Stage.RCPT, is_permanent=permanent)
    return Verdict(recipient, Fate.DEFERRED, UNKNOWN_REPLY, outcome.stage, is_local=True, is_uncertain=True)
