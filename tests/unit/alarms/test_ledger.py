"""What is told when: once, after it has lasted, again after a while, and when it is over. The time is the test's."""

from __future__ import annotations

import json
import time

import pytest

from gatepost.model.alarms import AlarmSettings
from gatepost.model.report import Problem
from gatepost.relay.alarms.ledger import GAP_SECONDS, GONE_SECONDS, Ledger, is_quiet

LIMITS = AlarmSettings(mail=True, recipients=("admin@example.org",), gateway_minutes=10, reminder_hours=24)
START = 1_800_000_000.0
RESTS = Problem("gateway", "Main rests.", "it does not answer", subject="gateway:gw-1", since=START)
FULL = Problem("waiting", "1,200 deliveries wait.", subject="spool:waiting")
HOUR = 3600.0


def seen(ledger: Ledger, at: float, *problems: Problem, limits: AlarmSettings = LIMITS) -> list[str]:
    """Look once, tell what is due, and answer with its titles: ``+`` new, ``!`` again, ``-`` over."""
    ledger.see(problems, limits, at)
    due = ledger.due(limits, at)
    if due:
        ledger.told(due, at)
    return [
        *(f"+{one.title}" for one in due.raised), *(f"!{one.title}" for one in due.reminded),
        *(f"-{one.title}" for one in due.cleared),
    ]  # fmt: skip


def test_a_resting_gateway_is_told_once_it_has_rested_for_long_enough_and_only_once() -> None:
    ledger = Ledger()
    assert seen(ledger, START + 60, RESTS) == []
    assert seen(ledger, START + 599, RESTS) == []
    assert seen(ledger, START + 600, RESTS) == ["+Main rests."]
    for minute in range(11, 600):
        assert seen(ledger, START + minute * 60, RESTS) == []


def test_it_is_told_again_while_it_lasts_and_when_it_is_over() -> None:
    ledger = Ledger()
    seen(ledger, START + 600, RESTS)
    assert seen(ledger, START + 600 + 24 * HOUR, RESTS) == ["!Main rests."]
    assert seen(ledger, START + 601 + 24 * HOUR) == [], "it may come back"
    assert seen(ledger, START + 600 + 24 * HOUR + GAP_SECONDS) == ["-Main rests."]
    assert seen(ledger, START + 700 + 24 * HOUR + GAP_SECONDS) == []


def test_what_comes_and_goes_is_one_trouble() -> None:
    ledger = Ledger()
    assert seen(ledger, START, FULL) == [f"+{FULL.title}"]
    at = START
    for _ in range(50):
        at += GONE_SECONDS - 1
        assert seen(ledger, at) == []
        at += 0.5
        assert seen(ledger, at, FULL) == []


def test_what_happens_at_the_same_time_is_told_together_and_mails_keep_their_distance() -> None:
    ledger = Ledger()
    assert seen(ledger, START + 600, RESTS, FULL) == ["+Main rests.", f"+{FULL.title}"]
    other = Problem("certificate", "A certificate expires.", subject="listener:ls-1")
    assert seen(ledger, START + 660, RESTS, FULL, other) == []
    assert seen(ledger, START + 600 + GAP_SECONDS, RESTS, FULL, other) == ["+A certificate expires."]


def test_quiet_hours_hold_a_notice_back_and_only_what_is_still_wrong_is_told_afterwards() -> None:
    clock = time.strftime("%H:%M", time.localtime(START))
    later = time.strftime("%H:%M", time.localtime(START + 2 * HOUR))
    limits = LIMITS.model_copy(update={"quiet_from": clock, "quiet_until": later})
    ledger = Ledger()
    short = Problem("oldest", "short", subject="a")
    assert seen(ledger, START + 60, FULL, short, limits=limits) == []
    assert seen(ledger, START + HOUR, FULL, limits=limits) == []
    assert seen(ledger, START + 2 * HOUR + 60, FULL, limits=limits) == [f"+{FULL.title}"]


@pytest.mark.parametrize(
    ("first", "last", "at", "quiet"),
    [("22:00", "06:00", "23:30", True), ("22:00", "06:00", "05:59", True), ("22:00", "06:00", "06:00", False),
     ("12:00", "13:00", "12:30", True), ("12:00", "13:00", "11:59", False)],
)  # fmt: skip
def test_quiet_hours_may_span_midnight(first: str, last: str, at: str, quiet: bool) -> None:
    day = time.localtime(START)
    hour, minute = map(int, at.split(":"))
    now = time.mktime((day.tm_year, day.tm_mon, day.tm_mday, hour, minute, 0, 0, 0, -1))
    assert is_quiet(LIMITS.model_copy(update={"quiet_from": first, "quiet_until": last}), now) is quiet


def test_a_limit_of_zero_switches_its_condition_off() -> None:
    limits = LIMITS.model_copy(update={"gateway_minutes": 0, "other_minutes": 0, "capture_hours": 0})
    ledger = Ledger()
    problems = (RESTS, Problem("disk", "full"), Problem("capture", "captured", subject="listener:a"))
    assert seen(ledger, START + 100 * HOUR, *problems, limits=limits) == []
    assert ledger.active() == []


def test_captured_mail_is_told_of_after_hours_and_a_scanner_after_minutes() -> None:
    ledger = Ledger()
    captured, down = (
        Problem("capture", "captured", subject="listener:a"),
        Problem("inspection", "clamd", subject="source:clamd"),
    )
    assert seen(ledger, START, captured, down) == []
    assert seen(ledger, START + 300, captured, down) == ["+clamd"]
    assert seen(ledger, START + 24 * HOUR, captured, down) == ["+captured"]


def test_a_sign_in_that_fails_is_told_at_once() -> None:
    assert seen(Ledger(), START, Problem("sign-in", "Main is not signed in.", subject="gateway:gw-1")) == [
        "+Main is not signed in."
    ]


def test_nothing_is_told_twice_because_the_relay_was_started_again() -> None:
    ledger = Ledger()
    seen(ledger, START + 600, RESTS)
    kept = json.loads(json.dumps(ledger.export()))
    again = Ledger()
    again.restore(kept, START + 5000)
    assert seen(again, START + 5001, RESTS) == []
    assert seen(again, START + 5001 + GONE_SECONDS) == ["-Main rests."], "it was over when nobody looked"


def test_a_clock_that_jumps_back_does_not_silence_anybody_for_ever() -> None:
    ledger = Ledger()
    seen(ledger, START + 1_000_000, FULL)
    assert seen(ledger, START, FULL, RESTS) == []
    assert seen(ledger, START + 600, FULL, RESTS) == ["+Main rests."]


def test_switched_off_mail_tells_nobody_but_still_knows() -> None:
    ledger = Ledger()
    assert ledger.see([FULL], AlarmSettings(), START) is True
    assert not ledger.due(AlarmSettings(), START)
    assert [one.title for one in ledger.active()] == [FULL.title]
