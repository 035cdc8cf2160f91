from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.gateway import Limits
from gatepost.relay.routing.caps import Caps, SlidingWindow

from .support import Time


def test_a_full_minute_opens_when_its_oldest_message_is_a_minute_old() -> None:
    time = Time()
    caps, limits = Caps(time.monotonic), Limits(messages_per_minute=2)
    for _ in range(2):
        assert caps.full_until("g", limits) is None
        caps.count("g", limits)
        time.pass_seconds(10)
    full = caps.full_until("g", limits)
    assert full is not None
    until, words = full
    assert words == "has taken 2 messages, its cap is 2 a minute"
    time.ticks = until - 0.01
    assert caps.full_until("g", limits) is not None
    time.ticks = until
    assert caps.full_until("g", limits) is None
    assert 60 <= until - 1000 <= 61


def test_the_day_rolls_and_both_caps_must_have_room() -> None:
    time = Time()
    caps, limits = Caps(time.monotonic), Limits(messages_per_minute=100, messages_per_day=3)
    for _ in range(3):
        caps.count("g", limits)
    full = caps.full_until("g", limits)
    assert full is not None
    assert full[1].endswith("cap is 3 a day")
    time.pass_seconds(86_400 + 600)
    assert caps.full_until("g", limits) is None


def test_a_message_that_did_not_go_is_given_back() -> None:
    time = Time()
    caps, limits = Caps(time.monotonic), Limits(messages_per_minute=1, messages_per_day=1)
    caps.count("g", limits)
    caps.take_back("g")
    assert caps.full_until("g", limits) is None
    assert caps.used("g") == (0, 0)


def test_the_day_survives_a_restart() -> None:
    time, limits = Time(), Limits(messages_per_day=2)
    caps = Caps(time.monotonic)
    caps.count("g", limits)
    caps.count("g", limits)
    exported = caps.export(time.wall)
    after = Time()
    after.ticks = 5.0
    after.wall = time.wall + 3600
    restored = Caps(after.monotonic)
    restored.restore(exported, after.wall)
    assert restored.full_until("g", limits) is not None
    after.pass_seconds(86_400 - 3600 + 1300)
    assert restored.full_until("g", limits) is None


def test_counters_from_the_future_count_as_just_sent_and_damaged_ones_change_nothing() -> None:
    time, limits = Time(), Limits(messages_per_day=1)
    caps = Caps(time.monotonic)
    caps.restore({"g": [[time.wall + 1e6, 1]]}, time.wall)
    assert caps.full_until("g", limits) is not None
    with pytest.raises(ValueError, match="damaged"):
        caps.restore({"h": [[1.0, 1]], "g": "rubbish"}, time.wall)
    assert caps.full_until("g", limits) is not None


@given(st.lists(st.floats(0, 30), min_size=1, max_size=80), st.integers(1, 6))
def test_no_sliding_minute_ever_exceeds_the_cap(pauses: list[float], cap: int) -> None:
    window, now, sent = SlidingWindow(60.0, 1.0), 0.0, list[float]()
    for pause in pauses:
        now += pause
        if window.count(now) < cap:
            window.add(now)
            sent.append(now)
    for at in sent:
        assert sum(1 for other in sent if at <= other < at + 60) <= cap
