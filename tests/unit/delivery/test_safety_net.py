"""An error that nobody foresaw costs one delivery one attempt: it is logged, what is known is recorded, all else goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatepost.model.envelope import BodyType
from gatepost.relay.delivery import departures
from gatepost.relay.delivery.attempt import Attempt
from gatepost.relay.delivery.hop_queue import HopQueue
from gatepost.relay.delivery.ledger import Ledger
from gatepost.store.values import LARGE_BODY, Content

from ...support.smtp_peer import SmtpPeer
from ..routing.support import row
from .queue_rig import CONTENT, Rig, gateway, named, rig
from .test_recipients_apart import falling_back_to_direct

BUG = "a mistake in the program"


def breaks(owner: Any, name: str, monkeypatch: pytest.MonkeyPatch, *, after: bool = False) -> list[None]:
    """Let the next call of a function fail, before or after its work. Returns what grows with each failure."""
    real: Callable[..., Any] = getattr(owner, name)
    failed: list[None] = []

    def broken(*arguments: Any, **more: Any) -> Any:
        if failed:
            return real(*arguments, **more)
        failed.append(None)
        if after:
            real(*arguments, **more)
        raise RuntimeError(BUG)

    monkeypatch.setattr(owner, name, broken)
    return failed


def taken(*peers: SmtpPeer) -> Counter[str]:
    return Counter(person for peer in peers for message in peer.messages for person in message.recipients)


async def comes_right(r: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """It was logged with its traceback, nothing is on its way any more, and nothing is counted for ever."""
    await r.settled()
    traces = [record.exc_info for record in caplog.records if record.exc_info]
    assert [str(trace[1]) for trace in traces] == [BUG], caplog.text
    dispatcher = r.queue._dispatcher
    await r.until(lambda: not dispatcher.recorder.pending)
    assert (dispatcher._out, dispatcher._bytes, dispatcher._room._out) == (0, 0, {})
    assert all(not lane.in_hand for lane in dispatcher.lanes.values())


async def comes_again(r: Rig, *people: str) -> None:
    """By the schedule, and not before."""
    (waiting,) = await r.rows()
    assert set(waiting.recipients) == set(people)
    assert (waiting.last_reply[:9], waiting.attempts) == ("451 4.3.0", 1)
    assert waiting.due_at > r.time.wall
    await r.advance(3700)
    await r.empty()


@pytest.mark.parametrize("broken", ["router.report", "counters.add", "journal.note"])
async def test_what_was_taken_is_recorded_and_never_sent_again(
    tmp_path: Path, broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        owner, _, name = broken.partition(".")
        failed = breaks(getattr(r, owner), name, monkeypatch)
        await r.submit()
        await r.until(lambda: failed)
        await comes_right(r, caplog)
        await r.submit("c@example.net")
        await r.empty()
        await r.advance(3700)
        await r.settled()
        assert taken(peer) == {"b@example.net": 1, "c@example.net": 1}
        assert r.counters.total("delivered") == 2 - (broken != "router.report"), "told in part, and not twice"


@pytest.mark.parametrize(
    ("owner", "name", "after"),
    [(Attempt, "absorb", False), (Attempt, "absorb", True), (Attempt, "next_job", False), (Attempt, "finish", True)],
)
async def test_who_was_taken_stays_taken_and_all_others_come_again(
    tmp_path: Path, owner: Any, name: str, after: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        peer.on("rcpt", "451 4.2.1 later", match="c@example.net", times=1)
        if name == "next_job":
            job, calls = Attempt.next_job, []

            def second(attempt: Attempt) -> Any:
                calls.append(attempt)
                if len(calls) == 2:
                    raise RuntimeError(BUG)
                return job(attempt)

            monkeypatch.setattr(Attempt, "next_job", second)
        else:
            breaks(owner, name, monkeypatch, after=after)
        await r.submit("b@example.net", "c@example.net")
        await peer.wait_for(lambda p: p.messages)
        await comes_right(r, caplog)
        await comes_again(r, "c@example.net")
        assert taken(peer) == {"b@example.net": 1, "c@example.net": 1}


@pytest.mark.parametrize(("name", "later"), [("_serve_others", False), ("_go_further", False), ("_go_further", True)])
async def test_another_way_that_cannot_be_looked_for_costs_one_attempt(
    tmp_path: Path, name: str, later: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with SmtpPeer() as bad, SmtpPeer() as good:
        bad.on("mail", "421 4.3.2 going down", times=1)
        rules = [row("example.org", "named", when_resting="round-robin")]
        async with rig(tmp_path, named("named", bad), gateway("pool", good), domains=rules) as r:
            failed = breaks(type(r.queue._dispatcher), name, monkeypatch)
            if later:  # as where the DNS has to be asked
                real = r.router.plan_now
                monkeypatch.setattr(r.router, "plan_now", lambda *a, **k: real(*a, **k) if k.get("commit", True) else None)
            await r.submit()
            await r.until(lambda: failed)
            await comes_right(r, caplog)
            if name == "_go_further":
                await comes_again(r, "b@example.net")
            else:
                await r.empty()  # the other way had been found, and had taken it
            assert taken(bad, good) == {"b@example.net": 1}


@pytest.mark.parametrize("name", ["extend", "settle_rest"])
async def test_the_next_domain_of_a_message_that_cannot_be_gone_on_with_comes_again(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with falling_back_to_direct(tmp_path) as (r, peer, dns):
        if name == "settle_rest":
            dns.servfail("d2.example")
        failed = breaks(Attempt, name, monkeypatch)
        await r.submit("b@d1.example", "c@d2.example", sender="a@n.example")
        await r.until(lambda: failed)
        await comes_right(r, caplog)
        assert taken(peer) == {"b@d1.example": 1}
        (waiting,) = await r.rows()
        assert (waiting.recipients, waiting.last_reply[:9], waiting.attempts) == (("c@d2.example",), "451 4.3.0", 1)


@pytest.mark.parametrize("name", ["convert", "cannot_convert"])
async def test_a_conversion_that_fails_costs_one_attempt(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with SmtpPeer(features=()) as peer, rig(tmp_path, gateway("one", peer)) as r:
        if name == "cannot_convert":
            monkeypatch.setattr("gatepost.relay.delivery.convert.to_seven_bit", lambda content: None)
        failed = breaks(Attempt, name, monkeypatch)
        await r.submit(content=CONTENT + "Grüße\r\n".encode(), body=BodyType.EIGHT_BIT_MIME)
        await r.until(lambda: failed)
        await comes_right(r, caplog)
        (waiting,) = await r.rows()
        assert waiting.last_reply.startswith("451 4.3.0")


@pytest.mark.parametrize("error", ["load", "Attempt", "plan_now", "plan", "submit", "serve"])
async def test_what_cannot_be_begun_comes_again_and_its_lane_goes_on(
    tmp_path: Path, error: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    large = CONTENT + (b"x" * 70 + b"\r\n") * (LARGE_BODY // 72 + 1)
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer), start=False) as r:
        owner: Any
        owner, name = {
            "load": (r.spool, "load_content"), "Attempt": (departures, "Attempt"), "plan_now": (r.router, "plan_now"),
            "plan": (r.router, "plan"), "submit": (r.pool, "submit"), "serve": (HopQueue, "serve"),
        }[error]  # fmt: skip
        body = r.spool.bodies.open_body()
        await body.write(large)
        await r.submit(content=await body.finish(), hand_over=False)
        failed = breaks(owner, name, monkeypatch)
        if error == "plan":  # as where the DNS has to be asked
            real = r.router.plan_now
            monkeypatch.setattr(r.router, "plan_now", lambda *a, **k: real(*a, **k) if failed else None)
        await r.queue.start()
        await r.until(lambda: failed)
        await comes_right(r, caplog)
        await r.submit("c@example.net")
        await r.until(lambda: taken(peer)["c@example.net"])
        await r.settled()
        await comes_again(r, "b@example.net")
        assert taken(peer) == {"b@example.net": 1, "c@example.net": 1}


@pytest.mark.parametrize("name", ["tell", "needs_content", "result", "quote", "tell_notified"])
async def test_an_outcome_that_cannot_be_told_is_recorded_all_the_same(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        peer.on("rcpt", "550 5.1.1 no such user", match="c@example.net")
        failed = breaks(Ledger, name, monkeypatch)
        content: Content = CONTENT
        if name == "quote":
            body = r.spool.bodies.open_body()
            await body.write(CONTENT + (b"x" * 70 + b"\r\n") * (LARGE_BODY // 72 + 1))
            content = await body.finish()
        await r.submit("b@example.net", "c@example.net", content=content)
        await r.until(lambda: failed)
        await r.settled()
        await r.until(lambda: not r.queue._dispatcher.recorder.pending)
        for _ in range(3):
            await r.advance(3700)
            await r.settled()
        await r.empty()
        assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == [BUG] * len(failed)
        assert taken(peer)["b@example.net"] == 1
        assert taken(peer)["a@example.org"] == 1, "the sender has been told"


async def test_an_outcome_that_the_spool_cannot_take_for_a_reason_unforeseen_is_kept_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gatepost.relay.delivery.recorder.AGAIN_SECONDS", 0.01)
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        breaks(r.spool, "record", monkeypatch)
        await r.submit()
        await r.empty()
        await comes_right(r, caplog)
        assert taken(peer) == {"b@example.net": 1}
