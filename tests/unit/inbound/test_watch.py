"""Primaries that go and come back, on a clock that the test holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from gatepost.relay.common.events import EventBus
from gatepost.relay.common.hop import NextHop
from gatepost.relay.common.plan import HopOutcome
from gatepost.relay.inbound.watch import PrimaryWatch
from tests.unit.routing.support import Bench, backup, configuration

ADDRESSES = ("192.0.2.1", "192.0.2.2")


class Queue:
    def __init__(self) -> None:
        self.recovered: list[str] = []

    async def lane_recovered(self, lane: str) -> None:
        self.recovered.append(lane)


class Watched:
    """A router with a Backup MX of two addresses, and the watch over it. ``up`` holds the addresses that answer."""

    def __init__(self) -> None:
        config = configuration(backup("b", *ADDRESSES, domains=["r.test"], holding={"probe_seconds": 60}))
        self.bench = Bench(config)
        self.up: set[str] = set()
        self.probed: list[str] = []
        self.queue = Queue()
        self.watch = PrimaryWatch(lambda: self.bench.router, lambda: self.queue, self._probe, self.bench.time.monotonic)
        bus: EventBus = self.bench.router._events
        bus.subscribe(self.watch.note_event)
        self.watch.apply(config)
        self.watch.start()

    async def _probe(self, hop: NextHop) -> str:
        self.probed.append(hop.host)
        return "" if hop.host in self.up else "connection refused"

    def fail(self) -> None:
        for hop in self.bench.router.outlets.hops_of("b"):
            self.bench.router.report(hop, HopOutcome.FAILURE, "connection refused")


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    made = Watched()
    yield made
    await made.watch.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


async def test_a_primary_that_failed_is_down_and_one_that_took_something_is_up(watched: Watched) -> None:
    assert watched.watch.is_down_now("b") is None, "nobody has heard of it"
    first, _ = watched.bench.router.outlets.hops_of("b")
    watched.bench.router.report(first, HopOutcome.SUCCESS)
    assert watched.watch.is_down_now("b") is False
    watched.bench.time.pass_seconds(11)
    assert watched.watch.is_down_now("b") is None, "that was a while ago"
    watched.fail()
    assert watched.watch.is_down_now("b") is True


async def test_who_needs_to_know_has_the_primary_asked_once_however_many_they_are(watched: Watched) -> None:
    watched.up = {ADDRESSES[1]}
    found = await asyncio.gather(*(watched.watch.is_down("b", 5) for _ in range(20)))
    assert found == [False] * 20
    assert watched.probed == list(ADDRESSES), "the second address was asked because the first did not answer"


async def test_a_primary_that_hangs_counts_as_down(watched: Watched) -> None:
    async def hang(_hop: NextHop) -> str:
        await asyncio.sleep(3600)
        return ""

    watched.watch._probe = hang
    assert await watched.watch.is_down("b", 0.02) is True


async def test_no_message_is_spent_on_a_resting_primary(watched: Watched) -> None:
    watched.fail()
    watched.bench.time.pass_seconds(61)
    state = watched.bench.router.lane_state("inbound:b")
    assert not state.is_open
    assert "connection refused" in state.reason


async def test_it_is_probed_when_its_rest_is_over_and_its_mail_is_released_when_it_answers(watched: Watched) -> None:
    watched.fail()
    await asyncio.sleep(0)
    watched.bench.time.pass_seconds(61)
    await watched.watch.release("b")  # the nudge makes it look at the clock, which the test has moved
    await until(lambda: len(watched.probed) >= 2)
    await until(lambda: all(not at <= watched.bench.time.ticks for _, at in watched.bench.router.outlets.resting("b")))
    assert watched.queue.recovered == ["inbound:b"], "by the nudge alone"
    watched.up = set(ADDRESSES)
    await watched.watch.release("b")
    await until(lambda: not watched.bench.router.outlets.resting("b"))
    await until(lambda: watched.queue.recovered == ["inbound:b"] * 3)
    assert watched.bench.router.lane_state("inbound:b").is_open
    assert watched.watch.is_down_now("b") is False


async def test_a_shorter_time_between_probes_counts_at_once(watched: Watched) -> None:
    rare = configuration(backup("b", *ADDRESSES, domains=["r.test"], holding={"probe_seconds": 3600}))
    watched.bench.router.apply(rare)
    watched.watch.apply(rare)
    watched.fail()
    await until(lambda: "b" in watched.watch._nudges)
    often = configuration(backup("b", *ADDRESSES, domains=["r.test"], holding={"probe_seconds": 5}))
    watched.bench.router.apply(often)
    watched.watch.apply(often)
    watched.up = {ADDRESSES[0]}
    watched.bench.time.pass_seconds(5)
    watched.watch.apply(often)  # the watch sleeps by the loop's clock, which the test does not hold
    await until(lambda: watched.queue.recovered == ["inbound:b"])


async def test_a_probe_that_fails_in_an_unforeseen_way_does_not_end_the_watch(watched: Watched) -> None:
    good = watched.watch._probe

    async def broken(_hop: NextHop) -> str:
        raise RuntimeError("unforeseen")

    watched.watch._probe = broken
    watched.fail()
    await watched.watch.release("b")
    await until(lambda: all(at > watched.bench.time.ticks for _, at in watched.bench.router.outlets.resting("b")))
    watched.watch._probe = good
    watched.up = set(ADDRESSES)
    await watched.watch.release("b")
    await until(lambda: not watched.bench.router.outlets.resting("b"))
