"""When mail is tried again, and when it is given up."""

from __future__ import annotations

import pytest

from gatepost.model.configuration import parse_configuration
from gatepost.model.gateway import RetryOverride
from gatepost.model.settings import SpoolSettings
from gatepost.relay.delivery import schedule

RULE = schedule.policy(SpoolSettings())
FAR = 1e12


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (6, 60), (500, 60)])
def test_the_last_step_repeats(attempts: int, minutes: int) -> None:
    due = schedule.next_attempt(1000.0, attempts, RULE, FAR, 7)
    assert minutes * 60 <= due - 1000.0 <= minutes * 60 * (1 + schedule.JITTER)


def test_jitter_is_the_same_each_time_and_spreads_neighbours() -> None:
    times = [schedule.next_attempt(0.0, 5, RULE, FAR, key) for key in range(100)]
    assert times == [schedule.next_attempt(0.0, 5, RULE, FAR, key) for key in range(100)]
    assert len({round(t) for t in times}) > 60


def test_the_last_attempt_is_made_when_the_lifetime_ends() -> None:
    assert schedule.next_attempt(1000.0, 5, RULE, 1500.0, 1) == 1500.0
    assert not schedule.is_over(1500.0, 1499.9)
    assert schedule.is_over(1500.0, 1500.0)


def test_after_the_deadline_the_schedule_goes_on_if_it_must() -> None:
    assert schedule.next_attempt(2000.0, 1, RULE, 1500.0, 1) >= 2300.0


def test_a_gateway_may_have_its_own_schedule_lifetime_and_notice() -> None:
    rule = schedule.policy(SpoolSettings(), RetryOverride(schedule_minutes=(1,), lifetime_hours=2, delay_notice_hours=1))
    assert rule == schedule.RetryPolicy((60.0,), 7200.0, 3600.0)
    assert schedule.deadlines(100.0, rule) == (7300.0, 3700.0)


def test_no_notice_is_due_when_it_is_off_or_would_come_after_the_end() -> None:
    assert schedule.deadlines(0.0, schedule.RetryPolicy((60.0,), 7200.0, 0.0))[1] is None
    assert schedule.deadlines(0.0, schedule.RetryPolicy((60.0,), 7200.0, 7200.0))[1] is None


def test_a_backup_mx_keeps_mail_as_long_as_its_holding_card_says() -> None:
    made = parse_configuration(
        {"gateways": [{"mode": "backup-mx", "id": "mx", "addresses": ["192.0.2.1"], "holding": {"keep_days": 9}}]}
    )
    assert schedule.policy_for(made, "mx").lifetime == 9 * 86_400
    assert schedule.policy_for(made, None).lifetime == 120 * 3600


def test_a_clock_that_went_back_puts_nothing_off_by_more_than_a_step() -> None:
    assert schedule.latest_due(0.0, (RULE,), 0) == 3600 * (1 + schedule.JITTER)
    assert schedule.latest_due(0.0, (schedule.RetryPolicy((10.0,), 1.0, 0),), 300.0) == 300.0


@pytest.mark.parametrize(("lane", "gateway"), [("pool", None), ("mx:a.example", None), ("gateway:g", "g"), ("inbound:i", "i")])
def test_overrides_are_those_of_the_lanes_gateway(lane: str, gateway: str | None) -> None:
    assert schedule.gateway_of_lane(lane) == gateway
