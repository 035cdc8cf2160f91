"""The pool with real peers: limits, reuse, dead kept connections, configuration changes, drain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from gatepost.model.gateway import Encryption, Limits
from gatepost.model.settings import DeliverySettings
from gatepost.relay.common.hop import HopAuth, NextHop
from gatepost.relay.delivery import hop_queue
from gatepost.relay.delivery.pool import Pool
from gatepost.relay.delivery.values import FailureKind, Job, Outcome, OutcomeState

from ...support.smtp_peer import DROP, HANG, Delay, SmtpPeer
from .hops import TRUSTED, FixedSecrets, connector_for, eventually, hop_for, job_for


class Tally:
    """Submits jobs and waits for all their outcomes."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.outcomes: list[Outcome] = []
        self.submitted = 0

    def submit(self, hop: NextHop, count: int = 1, **job: Any) -> None:
        for _ in range(count):
            self.submitted += 1
            self.pool.submit(hop, job_for(**job), self.done)

    def done(self, job: Job, outcome: Outcome) -> None:
        assert outcome.job is job
        self.outcomes.append(outcome)

    async def all(self, seconds: float = 10.0) -> list[Outcome]:
        await eventually(lambda: len(self.outcomes) >= self.submitted, seconds)
        assert len(self.outcomes) == self.submitted
        return self.outcomes


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool(connector_for())
    yield pool
    await pool.drain(0.2)
    assert pool.open_connections == 0


@pytest.fixture
def tally(pool: Pool) -> Tally:
    return Tally(pool)


async def test_a_connection_is_kept_and_used_again(pool: Pool, tally: Tally) -> None:
    async with SmtpPeer() as peer:
        for _ in range(3):
            tally.submit(hop_for(peer))
            await tally.all()
        assert all(o.is_delivered for o in tally.outcomes)
        assert len(peer.connections) == 1
        (status,) = pool.status()
        assert (status.key, status.open, status.idle, status.waiting) == ("gateway:test", 1, 1, 0)


async def test_never_more_connections_than_the_hop_allows(pool: Pool, tally: Tally) -> None:
    async with SmtpPeer() as peer:
        peer.on("dot", Delay(0.05))
        tally.submit(hop_for(peer, limits=Limits(connections=3)), 20)
        await asyncio.sleep(0.15)
        assert peer.open_connections == 3
        await tally.all()
        assert len(peer.connections) == 3
        assert len(peer.messages) == 20


async def test_a_question_about_recipients_goes_ahead_of_the_mail_that_waits(tally: Tally) -> None:
    async with SmtpPeer() as peer:
        peer.on("dot", Delay(0.02))
        hop = hop_for(peer, limits=Limits(connections=1))
        tally.submit(hop, 10)
        tally.submit(hop, 1, content=None)
        outcomes = await tally.all()
        assert [outcome.job.content is None for outcome in outcomes].index(True) <= 2
        assert len(peer.messages) == 10


async def test_a_quick_peer_is_sent_messages_behind_one_another(
    pool: Pool, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hop_queue, "QUICK_SECONDS", 3600.0)  # whatever the machine does meanwhile, the peer is quick
    async with SmtpPeer() as peer:
        hop = hop_for(peer, limits=Limits(connections=3))
        await open_all(peer, tally, hop)
        before = [messages_on(peer, number) for number in connections_of(peer)]
        tally.submit(hop, 5)
        await tally.all()
        used = [messages_on(peer, number) - was for number, was in zip(connections_of(peer), before, strict=True)]
        assert sorted(used) == [0, 0, 5]


async def test_messages_do_not_wait_behind_one_on_which_a_quick_peer_became_slow(pool: Pool, tally: Tally) -> None:
    async with SmtpPeer() as peer:
        hop = hop_for(peer, limits=Limits(connections=3))
        await open_all(peer, tally, hop)
        peer.on("mail", HANG, times=1)
        tally.submit(hop, 5)
        await eventually(lambda: len(tally.outcomes) == tally.submitted - 1, 10.0)


async def open_all(peer: SmtpPeer, tally: Tally, hop: NextHop) -> None:
    """Until every connection that the hop allows is open and idle, and its peer known to be quick."""
    peer.on("dot", Delay(0.05), times=hop.limits.connections)
    tally.submit(hop, 10)
    await tally.all()
    await eventually(lambda: peer.open_connections == hop.limits.connections, 10.0)
    tally.submit(hop)
    await tally.all()


def connections_of(peer: SmtpPeer) -> range:
    return range(len(peer.connections))


def messages_on(peer: SmtpPeer, connection: int) -> int:
    return sum(1 for message in peer.messages if message.connection == connection)


async def test_a_hop_that_has_not_proven_itself_gets_one_connection(tally: Tally) -> None:
    async with SmtpPeer() as peer:
        peer.on("connect", Delay(0.3), times=1)
        tally.submit(hop_for(peer), 10)
        await asyncio.sleep(0.15)
        assert len(peer.connections) == 1
        await tally.all()
        assert all(o.is_delivered for o in tally.outcomes)


async def test_a_wrong_password_counts_once_for_any_number_of_waiting_messages() -> None:
    pool = Pool(connector_for(secrets=FixedSecrets(pw="wrong")))
    tally = Tally(pool)
    async with SmtpPeer(starttls=True, users={"bob": "right"}) as peer:
        hop = hop_for(peer, encryption=Encryption.REQUIRED, certificate=TRUSTED, auth=HopAuth("bob", "pw"))
        tally.submit(hop, 20)
        for outcome in await tally.all():
            assert outcome.state is OutcomeState.HOP_FAILED
            assert outcome.failure is not None
            assert outcome.failure.kind is FailureKind.AUTH
        assert len(peer.auths) == 1
    await pool.drain(1)


async def test_what_is_submitted_again_from_its_own_failure_is_a_new_try(pool: Pool) -> None:
    async with SmtpPeer() as peer:
        peer.on("connect", "421 4.3.2 busy", times=1)
        hop, finished = hop_for(peer), asyncio.get_running_loop().create_future()

        def second(job: Job, outcome: Outcome) -> None:
            finished.set_result(outcome)

        def first(job: Job, outcome: Outcome) -> None:
            assert outcome.state is OutcomeState.HOP_FAILED
            pool.submit(hop, job, second)

        pool.submit(hop, job_for(), first)
        assert (await asyncio.wait_for(finished, 5)).is_delivered


async def test_fewer_connections_than_our_limit_are_no_failure_of_the_hop(
    tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatepost.relay.delivery.hop_queue.PAUSE_SECONDS", 0.1)
    async with SmtpPeer(max_connections=2) as peer:
        peer.on("dot", Delay(0.02))
        tally.submit(hop_for(peer, limits=Limits(connections=5)), 30)
        assert all(o.is_delivered for o in await tally.all())


async def test_after_its_share_of_messages_another_connection_takes_over(tally: Tally) -> None:
    async with SmtpPeer() as peer:
        tally.submit(hop_for(peer, limits=Limits(connections=1, messages_per_connection=4)), 10)
        await tally.all()
        assert [c.messages for c in peer.connections] == [4, 4, 2]


async def test_a_peer_that_wants_a_new_connection_each_time_loses_nothing(tally: Tally) -> None:
    async with SmtpPeer(max_messages=1) as peer:
        tally.submit(hop_for(peer, limits=Limits(connections=2)), 12)
        assert [o.state for o in await tally.all()] == [OutcomeState.COMPLETED] * 12
        assert all(o.is_delivered for o in tally.outcomes)
        assert len(peer.messages) == 12


async def test_a_kept_connection_that_died_is_replaced_without_a_failure(pool: Pool, tally: Tally) -> None:
    async with SmtpPeer() as peer:
        hop = hop_for(peer)
        tally.submit(hop)
        await tally.all()
        peer.on("mail", DROP, times=1)
        tally.submit(hop)
        assert all(o.is_delivered for o in await tally.all())
        assert len(peer.connections) == 2


async def test_a_kept_connection_that_the_peer_closed_is_not_used(pool: Pool, tally: Tally) -> None:
    async with SmtpPeer() as peer:
        hop = hop_for(peer)
        tally.submit(hop)
        await tally.all()
        peer.drop_all()
        await peer.wait_for(lambda p: p.open_connections == 0)
        await eventually(lambda: not pool.open_connections)
        assert pool.status() == []
        tally.submit(hop)
        assert all(o.is_delivered for o in await tally.all())


async def test_a_job_does_not_wander_over_dying_connections_for_ever(tally: Tally) -> None:
    async with SmtpPeer() as peer:
        hop = hop_for(peer, limits=Limits(connections=1))
        peer.on("mail", DROP, match="poison")
        for _ in range(3):
            tally.submit(hop)
        tally.submit(hop, sender="poison@example.org")
        outcomes = await tally.all()
        assert [o.state for o in outcomes if o.job.sender.startswith("poison")] == [OutcomeState.LOST]


async def test_a_job_that_kills_kept_connections_does_not_kill_them_all(pool: Pool, tally: Tally) -> None:
    async with SmtpPeer() as peer:
        hop = hop_for(peer, limits=Limits(connections=6))
        peer.on("dot", Delay(0.1), times=12)
        tally.submit(hop, 12)
        await tally.all()
        assert pool.status()[0].idle == 6
        peer.on("mail", DROP, match="poison")
        tally.submit(hop, sender="poison@example.org")
        assert (await tally.all())[-1].state is OutcomeState.LOST
        assert sum(c.commands[-1].startswith("MAIL FROM:<poison") for c in peer.connections) == 2
        assert pool.status()[0].idle == 5


async def test_an_unknown_outcome_is_never_tried_again_by_the_pool(tally: Tally) -> None:
    async with SmtpPeer() as peer:
        hop = hop_for(peer)
        tally.submit(hop)
        await tally.all()
        peer.on("dot", DROP, times=1)
        tally.submit(hop)
        await tally.all()
        assert [o.state for o in tally.outcomes] == [OutcomeState.COMPLETED, OutcomeState.UNKNOWN]
        assert len(peer.messages) == 2


async def test_idle_connections_are_closed_with_quit_by_one_sweep() -> None:
    pool = Pool(connector_for(), idle_seconds=0.2)
    tally = Tally(pool)
    async with SmtpPeer() as peer:
        tally.submit(hop_for(peer))
        await tally.all()
        await peer.wait_for(lambda p: p.connections[0].end == "quit")
        await eventually(lambda: not pool.status())
    await pool.drain(1)


async def test_two_configurations_of_a_gateway_share_its_limit(pool: Pool, tally: Tally) -> None:
    async with SmtpPeer() as peer:
        old = hop_for(peer, limits=Limits(connections=1))
        new = replace(old, ehlo_name="new.test")
        for hop in (old, new, old):
            tally.submit(hop)
            await tally.all()
        assert all(o.is_delivered for o in tally.outcomes)
        assert [c.ehlo for c in peer.connections] == [["relay.test"], ["new.test"], ["relay.test"]]


async def test_an_equal_hop_shares_connections(tally: Tally) -> None:
    async with SmtpPeer() as peer:
        for _ in range(3):
            tally.submit(hop_for(peer))
            await tally.all()
        assert len(peer.connections) == 1


async def test_the_total_cap_makes_idle_connections_give_way() -> None:
    settings = DeliverySettings(total_connections=1, connect_seconds=1, command_seconds=1)
    pool = Pool(connector_for(settings))
    tally = Tally(pool)
    async with SmtpPeer() as one, SmtpPeer() as two:
        for _ in range(2):
            tally.submit(hop_for(one, key="gateway:one"), 3)
            tally.submit(hop_for(two, key="gateway:two"), 3)
        assert all(o.is_delivered for o in await tally.all())
        assert pool.open_connections <= 1
        assert len(one.messages) == len(two.messages) == 6
    await pool.drain(1)


async def test_an_idle_connection_gives_way_at_once_when_the_total_cap_is_reached() -> None:
    pool = Pool(connector_for(DeliverySettings(total_connections=1)))
    tally = Tally(pool)
    async with SmtpPeer() as one, SmtpPeer() as two:
        tally.submit(hop_for(one, key="gateway:one"))
        await tally.all()
        tally.submit(hop_for(two, key="gateway:two"))
        await tally.all(seconds=2)
        await one.wait_for(lambda p: p.connections[0].end == "quit")
    await pool.drain(1)


async def test_a_changed_hop_closes_and_its_waiting_mail_comes_back(pool: Pool, tally: Tally) -> None:
    async with SmtpPeer() as peer:
        peer.on("dot", Delay(0.3))
        hop = hop_for(peer, limits=Limits(connections=1))
        tally.submit(hop, 5)
        await peer.wait_for(lambda p: bool(p.connections) and "DATA" in p.connections[0].commands)
        pool.retire(lambda h: False)
        outcomes = await tally.all()
        states = [o.state for o in outcomes]
        assert states.count(OutcomeState.COMPLETED) in (1, 2)  # the present one, and one that was sent ahead
        assert states.count(OutcomeState.NOT_STARTED) == 5 - states.count(OutcomeState.COMPLETED)
        await peer.wait_for(lambda p: p.connections[0].end == "quit")
        assert len(peer.messages) == states.count(OutcomeState.COMPLETED)


async def test_drain_also_ends_what_an_earlier_change_left_behind() -> None:
    pool = Pool(connector_for())
    tally = Tally(pool)
    async with SmtpPeer() as peer:
        peer.on("dot", HANG, times=1)
        hop = hop_for(peer)
        tally.submit(hop)
        await peer.wait_for(lambda p: bool(p.messages))
        pool.retire(lambda h: False)
        tally.submit(hop)
        await eventually(lambda: len(tally.outcomes) == 1)
        assert pool.open_connections == 2
        await pool.drain(0.1)
        assert [o.state for o in tally.outcomes] == [OutcomeState.COMPLETED, OutcomeState.UNKNOWN]
        assert pool.open_connections == 0


async def test_an_unchanged_hop_keeps_its_connections(pool: Pool, tally: Tally) -> None:
    async with SmtpPeer() as peer:
        hop = hop_for(peer)
        tally.submit(hop)
        await tally.all()
        pool.retire(lambda h: True)
        tally.submit(hop)
        await tally.all()
        assert len(peer.connections) == 1


async def test_drain_lets_the_present_finish_and_gives_the_rest_back() -> None:
    pool = Pool(connector_for())
    tally = Tally(pool)
    async with SmtpPeer() as peer:
        peer.on("dot", Delay(0.2))
        hop = hop_for(peer, limits=Limits(connections=1))
        tally.submit(hop, 4)
        await peer.wait_for(lambda p: bool(p.connections) and "DATA" in p.connections[0].commands)
        await pool.drain(5)
        assert len(tally.outcomes) == 4
        delivered = [o for o in tally.outcomes if o.is_delivered]
        assert len(delivered) == len(peer.messages) >= 1
        assert all(o.is_delivered or o.state is OutcomeState.NOT_STARTED for o in tally.outcomes)
        assert pool.open_connections == 0
        tally.submit(hop)
        await tally.all()
        assert tally.outcomes[-1].state is OutcomeState.NOT_STARTED


async def test_drain_does_not_wait_longer_than_it_was_told() -> None:
    pool = Pool(connector_for())
    tally = Tally(pool)
    async with SmtpPeer() as peer:
        peer.on("dot", HANG)
        tally.submit(hop_for(peer))
        await peer.wait_for(lambda p: bool(p.messages))
        began = asyncio.get_running_loop().time()
        await pool.drain(0.2)
        assert asyncio.get_running_loop().time() - began < 2
        assert [o.state for o in tally.outcomes] == [OutcomeState.UNKNOWN]


async def test_drain_while_connecting_gives_the_mail_back() -> None:
    pool = Pool(connector_for())
    tally = Tally(pool)
    async with SmtpPeer() as peer:
        peer.on("connect", HANG)
        tally.submit(hop_for(peer), 3)
        await peer.wait_for(lambda p: bool(p.connections))
        await pool.drain(1)
        assert [o.state for o in tally.outcomes] == [OutcomeState.NOT_STARTED] * 3
        assert pool.open_connections == 0


async def test_capacity_ends_when_enough_waits(pool: Pool, tally: Tally) -> None:
    async with SmtpPeer() as peer:
        peer.on("dot", Delay(0.1))
        hop = hop_for(peer, limits=Limits(connections=2))
        assert pool.has_capacity(hop)
        tally.submit(hop, 10)
        assert not pool.has_capacity(hop)
        await tally.all()
        assert pool.has_capacity(hop)


async def test_asking_for_capacity_leaves_nothing_behind(pool: Pool) -> None:
    async with SmtpPeer() as peer:
        assert pool.has_capacity(hop_for(peer))
        assert pool.status() == []


async def test_a_report_that_raises_does_not_stop_the_others(
    pool: Pool, tally: Tally, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(job: Job, outcome: Outcome) -> None:
        raise RuntimeError("the submitter's mistake")

    async with SmtpPeer() as peer:
        hop = hop_for(peer, limits=Limits(connections=1))
        pool.submit(hop, job_for(), broken)
        tally.submit(hop)
        assert (await tally.all())[0].is_delivered
    assert "report of a delivery job failed" in caplog.text
