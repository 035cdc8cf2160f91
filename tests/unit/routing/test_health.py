from __future__ import annotations

import pytest

from gatepost.relay.common.plan import HealthState, HopHealth
from gatepost.relay.routing import health as health_module
from gatepost.relay.routing.health import Health, RestPolicy

from .support import Time

POLICY = RestPolicy(30.0, 100.0)


class Watched:
    def __init__(self, jitter: float = 0.0) -> None:
        self.time = Time()
        self.changes: list[HopHealth] = []
        self.health = Health(self.time.clock, self.time.monotonic, lambda: jitter, self.changes.append)

    def fail(self, cause: str = "refused", **more: bool) -> None:
        self.health.failure("k", "Label", cause, POLICY, **more)

    def state(self) -> HealthState:
        return self.health.describe("k", "Label").state


def test_a_failure_rests_the_hop_and_says_why_and_until_when() -> None:
    w = Watched()
    w.fail("connection\r\nrefused")
    assert w.state() is HealthState.RESTING
    (told,) = w.changes
    assert (told.cause, told.since, told.next_probe) == ("connection  refused", w.time.wall, w.time.wall + 30)
    assert not w.health.claim("k")
    assert w.health.closed_until("k") == w.time.ticks + 30


def test_rests_double_up_to_the_longest_and_success_starts_over() -> None:
    w = Watched()
    rests = []
    for _ in range(4):
        w.fail()
        until = w.health.closed_until("k")
        assert until is not None
        rests.append(until - w.time.ticks)
        w.time.pass_seconds(rests[-1])
        assert w.health.claim("k")
    assert rests == [30, 60, 100, 100]
    w.health.success("k", "Label")
    assert w.state() is HealthState.HEALTHY
    w.fail()
    assert w.health.closed_until("k") == w.time.ticks + 30


def test_failures_of_attempts_begun_before_the_rest_do_not_lengthen_it() -> None:
    w = Watched()
    for _ in range(5):
        w.fail()
    assert w.health.closed_until("k") == w.time.ticks + 30
    assert len(w.changes) == 1


def test_after_the_rest_one_message_at_a_time_is_let_through() -> None:
    w = Watched()
    w.fail()
    w.time.pass_seconds(30)
    assert w.state() is HealthState.PROBING
    assert [w.health.claim("k") for _ in range(3)] == [True, False, False]
    w.health.give_back("k")
    assert [w.health.claim("k") for _ in range(2)] == [True, False]
    w.health.success("k", "Label")
    assert [w.health.claim("k") for _ in range(3)] == [True, True, True]
    assert [change.state for change in w.changes] == [HealthState.RESTING, HealthState.HEALTHY]


def test_a_probe_that_never_reports_is_given_up() -> None:
    w = Watched()
    w.fail()
    w.time.pass_seconds(30)
    assert w.health.claim("k")
    w.time.pass_seconds(health_module.PROBE_SECONDS - 1)
    assert not w.health.claim("k")
    w.time.pass_seconds(1)
    assert w.health.claim("k")


def test_jitter_lengthens_a_rest_by_at_most_a_tenth() -> None:
    w = Watched(jitter=1.0)
    w.fail()
    assert w.health.closed_until("k") == pytest.approx(w.time.ticks + 33)


@pytest.mark.parametrize("jump", [1e7, -1e7])
def test_a_wall_clock_that_jumps_ends_no_rest_and_lengthens_none(jump: float) -> None:
    w = Watched()
    w.fail()
    w.time.wall += jump
    assert not w.health.claim("k")
    assert w.health.describe("k", "").next_probe == w.time.wall + 30
    w.time.ticks += 30
    assert w.health.claim("k")


def test_mail_under_way_does_not_clear_a_block_but_clears_a_broken_connection() -> None:
    w = Watched()
    w.fail(is_block=True)
    w.health.success("k", "Label")
    assert w.state() is HealthState.RESTING
    w.time.pass_seconds(30)
    w.health.success("k", "Label")
    assert w.state() is HealthState.HEALTHY
    w.fail()
    w.health.success("k", "Label")
    assert w.state() is HealthState.HEALTHY


def test_the_next_change_is_the_soonest_end_of_a_rest() -> None:
    w = Watched()
    assert w.health.next_change() is None
    w.fail()
    w.time.pass_seconds(10)
    w.health.failure("other", "Other", "x", POLICY)
    assert w.health.next_change() == w.time.ticks + 20
    w.time.pass_seconds(20)
    assert w.health.next_change() == w.time.ticks + 10


def test_hops_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, "MAX_HOPS", 5)
    w = Watched()
    for number in range(50):
        w.health.failure(f"k{number}", "L", "x", POLICY)
    assert [item.key for item in w.health.snapshot()] == [f"k{n}" for n in range(45, 50)]
    assert w.health.claim("k0")
