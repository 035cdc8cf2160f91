"""What replies mean for each recipient and for the hop."""

from __future__ import annotations

from typing import Any

import pytest

from gatepost.model.envelope import Recipient
from gatepost.model.reply import Reply
from gatepost.relay.delivery.classify import Fate, HopVerdict, judge
from gatepost.relay.delivery.values import FailureKind, HopFailure, Job, Outcome, OutcomeState, Stage

OK = Reply(250, "2.0.0", "ok")
GO = Reply(354, "", "go")


def outcome(state: OutcomeState = OutcomeState.COMPLETED, rcpt: tuple[Reply | None, ...] = (OK, OK), **fields: Any) -> Outcome:
    job = Job("a@x.example", [Recipient(f"r{n}@y.example") for n in range(len(rcpt))], b"")
    values: dict[str, Any] = {"mail": OK, "recipients": rcpt, "data": GO, "final": OK, **fields}
    return Outcome(state, job, **values)


def fates(found: Outcome, *, listed: bool = False) -> tuple[list[Fate], HopVerdict]:
    judgement = judge(found, lambda reply: listed and "list" in reply.text)
    return [verdict.fate for verdict in judgement.verdicts], judgement.hop


def refused(code: int, enhanced: str = "", text: str = "no") -> Reply:
    return Reply(code, enhanced, text)


D, F, L, E, A = Fate.DELIVERED, Fate.FAILED, Fate.DEFERRED, Fate.ELSEWHERE, Fate.AGAIN
WORKS, FAILED, BLOCKED = HopVerdict.WORKS, HopVerdict.FAILED, HopVerdict.BLOCKED


@pytest.mark.parametrize(
    ("found", "expected", "hop"),
    [
        (outcome(), [D, D], WORKS),
        (outcome(rcpt=(OK, refused(550, "5.1.1"))), [D, F], WORKS),
        (outcome(rcpt=(OK, refused(451, "4.7.1", "greylisted"))), [D, L], WORKS),
        (outcome(rcpt=(OK, None)), [D, L], WORKS),
        (outcome(final=refused(554)), [F, F], WORKS),
        (outcome(final=refused(451)), [L, L], WORKS),
        (outcome(final=refused(421)), [E, E], FAILED),
        (outcome(data=refused(451), final=None), [L, L], WORKS),
        (outcome(data=refused(554), final=None), [F, F], WORKS),
        (outcome(mail=refused(550), rcpt=(None, None), data=None, final=None), [F, F], WORKS),
        (outcome(mail=refused(451), rcpt=(None, None), data=None, final=None), [E, E], WORKS),
        (outcome(mail=refused(451, "4.3.1"), rcpt=(None, None), data=None, final=None), [E, E], FAILED),
        (outcome(mail=refused(421), rcpt=(None, None), data=None, final=None), [E, E], FAILED),
        (outcome(rcpt=(OK, refused(421)), data=None, final=None), [E, E], FAILED),
        (outcome(rcpt=(OK, refused(550), refused(421)), data=None, final=None), [E, F, E], FAILED),
        (outcome(OutcomeState.LOST, stage=Stage.CONTENT, final=None), [E, E], FAILED),
        (outcome(OutcomeState.LOST, rcpt=(refused(550), OK), final=None), [F, E], FAILED),
        (outcome(OutcomeState.UNKNOWN, rcpt=(OK, refused(550)), final=None), [L, F], FAILED),
        (outcome(OutcomeState.NOT_STARTED), [E, E], HopVerdict.UNTRIED),
        (outcome(OutcomeState.NEEDS_CONVERSION, final=None), [E, E], WORKS),
        (outcome(OutcomeState.UNSENDABLE, final=refused(552, "5.3.4")), [E, E], WORKS),
    ],
)
def test_verdicts(found: Outcome, expected: list[Fate], hop: HopVerdict) -> None:
    assert fates(found) == (expected, hop)


@pytest.mark.parametrize("code", [452, 552])
def test_too_many_recipients_is_never_final(code: int) -> None:
    assert fates(outcome(rcpt=(OK, refused(code)))) == ([D, A], WORKS)
    assert fates(outcome(rcpt=(OK, refused(code)), final=refused(451))) == ([L, L], WORKS)


def test_a_full_mailbox_is_not_too_many_recipients() -> None:
    assert fates(outcome(rcpt=(OK, refused(552, "5.2.2", "mailbox full")))) == ([D, F], WORKS)
    assert fates(outcome(rcpt=(refused(552),), data=None, final=None)) == ([F], WORKS)
    assert fates(outcome(rcpt=(refused(552, "", "too many recipients"),), data=None, final=None)) == ([L], WORKS)


@pytest.mark.parametrize(("code", "enhanced", "else_fate"), [(554, "5.7.1", F), (451, "4.7.650", L), (421, "4.7.0", E)])
@pytest.mark.parametrize("where", ["mail", "rcpt", "data", "final"])
def test_a_block_listed_address_is_the_hops_trouble(where: str, code: int, enhanced: str, else_fate: Fate) -> None:
    blocked = refused(code, enhanced, "listed")
    fields: dict[str, Any] = {
        "mail": {"mail": blocked, "data": None, "final": None},
        "data": {"data": blocked, "final": None},
    }.get(where, {})
    if where == "final":
        fields = {"final": blocked}
    found = outcome(rcpt=(blocked,), data=None, final=None) if where == "rcpt" else outcome(rcpt=(OK,), **fields)
    assert fates(found, listed=True) == ([E], BLOCKED)
    assert not judge(found, lambda _: True).verdicts[0].is_permanent
    if where != "mail" or code == 554:
        assert fates(found) == ([else_fate], FAILED if code == 421 else WORKS)


@pytest.mark.parametrize("code", [530, 534, 535, 538])
@pytest.mark.parametrize("where", ["mail", "rcpt", "data"])
def test_a_hop_that_wants_us_to_sign_in_has_not_judged_the_message(where: str, code: int) -> None:
    """RFC 4954 §6: any command may be answered so. It is how the gateway is set up that is wrong."""
    wants = refused(code, "5.7.0", "authentication required")
    fields: dict[str, Any] = {"data": None, "final": None}
    if where != "rcpt":
        fields[where] = wants
    found = outcome(rcpt=(wants,) if where == "rcpt" else (OK,), **fields)
    assert fates(found) == ([E], FAILED)
    assert not judge(found, lambda _: False).verdicts[0].is_permanent
    assert [verdict.fate for verdict in judge(found, lambda _: False, is_strangers=True).verdicts] == [F]


def test_who_was_refused_for_our_address_before_the_connection_broke_is_tried_elsewhere() -> None:
    found = outcome(OutcomeState.LOST, rcpt=(refused(550, "5.7.1", "listed"), OK), final=None)
    assert fates(found, listed=True)[0] == [E, E]


def test_a_hop_without_session_fails_and_its_reply_is_kept() -> None:
    failure = HopFailure(Stage.BANNER, FailureKind.REFUSED, "Refused.", reply=refused(554, "5.7.1", "go away"))
    judgement = judge(outcome(OutcomeState.HOP_FAILED, failure=failure), lambda _: False)
    assert {v.fate for v in judgement.verdicts} == {E}
    assert judgement.hop is FAILED
    assert judgement.verdicts[0].reply == failure.reply
    assert judge(outcome(OutcomeState.HOP_FAILED, failure=failure), lambda _: True).hop is BLOCKED


def test_what_every_hop_rules_out_is_final_and_what_one_might_take_is_not() -> None:
    assert judge(outcome(OutcomeState.NEEDS_CONVERSION, final=None), lambda _: False).verdicts[0].is_permanent
    assert not judge(outcome(OutcomeState.LOST, final=None), lambda _: False).verdicts[0].is_permanent


def test_an_unknown_outcome_says_so() -> None:
    (verdict,) = judge(outcome(OutcomeState.UNKNOWN, rcpt=(OK,), final=None), lambda _: False).verdicts
    assert verdict.is_uncertain
    assert "may arrive twice" in verdict.reply.text
