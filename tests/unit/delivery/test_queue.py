"""The queue against real servers: what becomes of a message when the next hop takes it, refuses, hangs or drops."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from gatepost.model.configuration import parse_configuration
from gatepost.model.envelope import BodyType, Notify, Recipient
from gatepost.relay.common.plan import HealthState
from gatepost.relay.delivery import recorder as recorder_module
from gatepost.relay.delivery.pool import Pool
from gatepost.relay.delivery.queue import Queue
from gatepost.store.errors import SpoolFull, StoreError
from gatepost.store.journal_values import EntryKind
from gatepost.store.values import Content, DeliveryResult, Moved, SpoolFilter, SpoolState, StoredMessage

from ...support.smtp_peer import DROP, HANG, Delay, SayAndDrop, SmtpPeer
from .hops import connector_for
from .queue_rig import CONTENT, START, gateway, named, reports, rig


async def test_accepted_mail_leaves_at_once_and_is_forgotten(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        await r.submit("b@example.net")
        await r.empty()
        (message,) = peer.messages
        assert (message.sender, message.recipients) == ("a@example.org", ("b@example.net",))
        assert r.journal.texts(EntryKind.DELIVERED)[0].startswith("250")
        assert r.counters.total("delivered") == 1
        assert "message.delivered" in r.kinds()


async def test_tracking_keeps_both_sides_of_what_was_delivered(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        await r.submit("b@example.net")
        await r.empty()
        await r.submit("c@example.net")
        await r.empty()
        first, second = (entry.data["dialogue"] for entry in r.journal.entries if entry.kind is EntryKind.DELIVERED)

    said = [line for line in first if not line.startswith("--")]
    assert said[0].startswith("S: 220")
    assert any(line.startswith("C: EHLO") for line in said)
    transaction = said[said.index("C: MAIL FROM:<a@example.org>") :]
    assert [line[:8] for line in transaction[::2]] == ["C: MAIL ", "C: RCPT ", "C: DATA", transaction[-2][:8]]
    assert all(line.startswith("S: ") for line in transaction[1::2])
    assert transaction[2] == "C: RCPT TO:<b@example.net>"
    assert not any("EHLO" in line for line in second), "the kept connection is set up once"
    assert f"message 2 on the connection to 127.0.0.1 port {peer.port}, not encrypted" in second[1]
    assert "C: RCPT TO:<c@example.net>" in second


async def test_mail_found_in_the_spool_at_start_leaves(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer), start=False) as r:
        for number in range(250):
            await r.submit(f"b{number}@example.net", hand_over=False)
        await r.queue.start()
        await r.empty()
        assert len({m.recipients for m in peer.messages}) == len(peer.messages) == 250


async def test_recipients_with_one_next_hop_share_a_transaction_of_at_most_a_hundred(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        await r.submit(*(f"b{n}@example.net" for n in range(250)))
        await r.empty()
        assert sorted(len(m.recipients) for m in peer.messages) == [50, 100, 100]


async def test_a_4xx_to_a_recipient_defers_by_the_schedule_and_then_delivers(tmp_path: Path) -> None:
    async with SmtpPeer(greylist=True) as peer, rig(tmp_path, gateway("one", peer)) as r:
        await r.submit()
        await r.until(lambda: r.counters.total("deferred") == 1)
        await r.settled()
        row = await r.row()
        assert (row.state, row.attempts, row.waiting) == (SpoolState.DEFERRED, 1, "time")
        assert START + 300 <= row.due_at <= START + 300 * 1.06
        assert row.last_reply.startswith("4")
        assert r.router.health()[0].state.value == "healthy"
        await r.advance(200)
        assert not peer.messages
        await r.advance(120)
        await r.empty()
        assert len(peer.messages) == 1


async def test_a_5xx_fails_that_recipient_alone_and_tells_the_sender(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        peer.on("rcpt", "550 5.1.1 no such user", match="nobody@")
        peer.on("rcpt", "451 4.2.1 later", match="later@", times=1)
        await r.submit("nobody@example.net", "later@example.net", "good@example.net")
        await r.until(lambda: len(reports(peer)) == 1)
        await r.settled()
        assert [m.recipients for m in peer.messages if m.sender] == [("good@example.net",)]
        assert reports(peer)[0].recipients == ("a@example.org",)
        assert (await r.row()).recipients == ("later@example.net",)
        await r.advance(400)
        await r.empty()
        assert [m.recipients for m in peer.messages if m.sender] == [("good@example.net",), ("later@example.net",)]


async def test_a_5xx_at_mail_or_data_is_final_for_all(tmp_path: Path) -> None:
    for stage in ("mail", "data", "dot"):
        async with SmtpPeer() as peer, rig(tmp_path / stage, gateway("one", peer)) as r:
            peer.on(stage, "554 5.6.0 not this", times=1)
            await r.submit("b@example.net", "c@example.net")
            await r.until(lambda peer=peer: len(reports(peer)) == 1)
            await r.empty()
            assert reports(peer)[0].content.count(b"Action: failed") == 2


async def test_the_null_sender_is_never_answered(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        peer.on("rcpt", "550 5.1.1 no such user")
        await r.submit(sender="")
        await r.empty()
        assert not peer.messages
        assert r.counters.total("bounced") == 1


async def test_a_report_under_a_real_sender_is_not_answered(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        peer.on("rcpt", "550 5.1.1 no such user", match="b@example.net")
        content = b"From: x@y.example\r\nContent-Type: multipart/report; boundary=q\r\n\r\n--q--\r\n"
        await r.submit(content=content)
        await r.empty()
        assert not peer.messages


async def test_an_unusable_hop_gives_way_to_the_next_in_the_same_attempt(tmp_path: Path) -> None:
    async with SmtpPeer() as dead, SmtpPeer() as peer:
        dead.stop()
        async with rig(tmp_path, gateway("one", dead), gateway("two", peer)) as r:
            for _ in range(4):
                await r.submit()
            await r.empty()
            assert len(peer.messages) == 4
            assert r.counters.total("deferred") == 0
            assert "gateway.resting" in r.kinds()


async def test_421_and_4xx_at_mail_give_way_to_the_next_hop(tmp_path: Path) -> None:
    for stage, answer in (
        ("connect", SayAndDrop("421 4.3.2 busy")), ("mail", SayAndDrop("421 4.3.2 busy")), ("mail", "451 4.3.0 not now"),
        ("data", DROP), ("rcpt", SayAndDrop("421 4.3.2 going")),
    ):  # fmt: skip
        name = f"{stage}-{type(answer).__name__}-{answer if isinstance(answer, str) else ''}".replace(" ", "")
        async with SmtpPeer() as bad, SmtpPeer() as peer, rig(tmp_path / name, gateway("one", bad), gateway("two", peer)) as r:
            bad.on(stage, answer)
            await r.submit()
            await r.empty()
            assert (len(bad.messages), len(peer.messages)) == (0, 1), name


async def test_a_gateway_that_wants_a_sign_in_rests_and_bounces_nothing(tmp_path: Path) -> None:
    async with SmtpPeer(require_auth=True) as peer, rig(tmp_path, gateway("one", peer)) as r:
        await r.submit()
        await r.until(lambda: r.counters.total("deferred") == 1)
        await r.settled()
        assert (await r.row()).last_reply.startswith("530")
        assert r.router.health()[0].state is HealthState.RESTING
        assert "authentication required" in r.router.health()[0].cause


async def test_421_between_two_recipients_gives_way_to_the_next_hop_for_both(tmp_path: Path) -> None:
    for features in (("PIPELINING",), ()):
        async with SmtpPeer(features=features) as one, SmtpPeer() as two:
            one.on("rcpt", SayAndDrop("421 4.3.2 going down"), match="c@")
            folder = tmp_path / str(len(features))
            async with rig(folder, gateway("one", one), gateway("two", two)) as r:
                await r.submit("b@example.net", "c@example.net", "d@example.net")
                await r.empty()
                assert [m.recipients for m in two.messages] == [("b@example.net", "c@example.net", "d@example.net")]
                assert r.counters.total("deferred") == 0


async def test_a_reply_that_blames_our_address_rests_the_gateway_and_tells(tmp_path: Path) -> None:
    async with SmtpPeer() as bad, SmtpPeer() as peer, rig(tmp_path, gateway("one", bad), gateway("two", peer)) as r:
        bad.on("rcpt", "554 5.7.1 Service unavailable; client host blocked using zen.spamhaus.org")
        await r.submit()
        await r.empty()
        assert len(peer.messages) == 1
        (blocked,) = [event for event in r.seen if event.kind == "gateway.blocked"]
        assert blocked.data["gateway_id"] == "one"
        assert "spamhaus" in blocked.data["cause"]
        await r.submit()
        await r.empty()
        assert len(bad.connections) == 1


async def test_when_every_hop_fails_the_message_is_deferred_and_the_lane_sleeps(tmp_path: Path) -> None:
    async with SmtpPeer() as dead, SmtpPeer() as peer:
        dead.stop()
        peer.on("connect", SayAndDrop("421 4.3.2 no"))
        async with rig(tmp_path, gateway("one", dead), gateway("two", peer)) as r:
            await r.submit()
            await r.until(lambda: r.counters.total("deferred") == 1)
            await r.settled()
            row = await r.row()
            assert row.attempts == 1
            await r.submit("c@example.net")
            await r.until(lambda: any(lane.status == "asleep" for lane in r.queue.lane_states()))
            (lane,) = r.queue.lane_states()
            assert lane.until is not None
            assert lane.waiting_for
            assert {row.attempts for row in await r.rows()} == {0, 1}
            peer.clear()
            await r.advance(61)
            await r.until(lambda: len(peer.messages) == 1)
            await r.advance(400)
            await r.empty()


async def test_a_connection_lost_after_the_dot_is_deferred_and_said_to_be_uncertain(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, SmtpPeer() as other, rig(tmp_path, gateway("one", peer), gateway("two", other)) as r:
        peer.on("dot", DROP)
        await r.submit()
        await r.until(lambda: r.counters.total("deferred") == 1)
        await r.settled()
        assert not other.messages, "it may be there already: never at once by another hop"
        row = await r.row()
        assert "may arrive twice" in row.last_reply
        assert "may arrive twice" in r.journal.texts(EntryKind.DEFERRED)[0]


async def test_a_peer_that_hangs_fails_over_after_its_deadline(tmp_path: Path) -> None:
    async with SmtpPeer() as bad, SmtpPeer() as peer, rig(tmp_path, gateway("one", bad), gateway("two", peer)) as r:
        bad.on("mail", HANG)
        await r.submit()
        await r.empty(8.0)
        assert len(peer.messages) == 1


async def test_too_many_recipients_is_a_matter_of_another_transaction(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        peer.on("rcpt", "452 4.5.3 too many recipients", after=3, times=7)
        await r.submit(*(f"b{n}@example.net" for n in range(10)))
        await r.empty()
        assert sorted(len(m.recipients) for m in peer.messages) == [3, 7]
        assert r.counters.total("deferred") == 0


async def test_a_higher_priority_goes_first(tmp_path: Path) -> None:
    one_at_a_time = {"limits": {"connections": 1}}
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer, **one_at_a_time), start=False) as r:
        for number in range(30):
            await r.submit(f"low{number}@example.net", hand_over=False)
        await r.submit("urgent@example.net", hand_over=False, priority=5)
        await r.queue.start()
        await r.empty()
        assert peer.messages[0].recipients[0] == "urgent@example.net"


async def test_a_dead_destination_delays_nobody(tmp_path: Path) -> None:
    async with SmtpPeer() as dead, SmtpPeer() as peer:
        dead.on("any", HANG)
        dead.on("connect", HANG)
        slow, fast = named("slow", dead, "slow.example"), named("fast", peer, "fast.example")
        async with rig(tmp_path, slow, fast, start=False) as r:
            for _ in range(400):
                await r.submit(sender="x@slow.example", hand_over=False)
            await r.queue.start()
            await r.until(lambda: len(dead.connections) >= 1)
            await r.submit(sender="x@fast.example")
            await peer.wait_for(lambda p: len(p.messages) == 1, 1.0)


async def test_a_resting_lane_is_neither_fetched_nor_kept(tmp_path: Path) -> None:
    async with SmtpPeer() as dead:
        dead.stop()
        async with rig(tmp_path, gateway("one", dead)) as r:
            await r.submit()
            await r.until(lambda: r.counters.total("deferred") == 1)
            for _ in range(50):
                await r.submit()
            await r.settled()
            fetched = []
            real = r.spool.fetch_due
            r.spool.fetch_due = lambda *a, **k: fetched.append(a) or real(*a, **k)  # type: ignore[assignment, method-assign, func-returns-value]
            await r.advance(1)
            await r.settled()
            assert not fetched
            assert [lane.in_hand for lane in r.queue.lane_states()] == [0]


async def test_held_mail_stays_and_released_mail_leaves(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        r.queue.pause()
        stored = await r.submit()
        chosen = SpoolFilter(message_ids=(stored.id,))
        assert await r.queue.hold(chosen) == 1
        r.queue.resume()
        await r.submit("free@example.net")
        await r.until(lambda: len(peer.messages) == 1)
        assert peer.messages[0].recipients == ("free@example.net",)
        assert await r.queue.release(chosen) == 1
        await r.empty()
        assert len(peer.messages) == 2


async def test_paused_delivery_starts_nothing(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        r.queue.pause()
        await r.submit()
        await r.advance(60)
        assert not peer.connections
        r.queue.resume()
        await r.empty()
        assert len(peer.messages) == 1


async def test_a_delivery_delay_is_waited_for(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        await r.submit(delay=30)
        await r.advance(20)
        await r.settled()
        assert not peer.messages
        await r.advance(11)
        await r.empty()


async def test_retry_now_does_not_wait_for_the_schedule(tmp_path: Path) -> None:
    async with SmtpPeer(greylist=True) as peer, rig(tmp_path, gateway("one", peer)) as r:
        await r.submit()
        await r.until(lambda: r.counters.total("deferred") == 1)
        await r.settled()
        assert await r.queue.retry_now(SpoolFilter()) == 1
        await r.empty()
        assert len(peer.messages) == 1


async def test_failing_by_hand_sends_a_notification(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        r.queue.pause()
        stored = await r.submit()
        assert await r.queue.fail_now(SpoolFilter(message_ids=(stored.id,)), "the list was sent by mistake") == 1
        r.queue.resume()
        await r.empty()
        (report,) = reports(peer)
        said = b" ".join(report.content.split())
        assert b"administrator of this server stopped trying: the list was sent by mistake" in said


async def test_mail_sent_by_another_gateway_by_hand_goes_there(tmp_path: Path) -> None:
    async with (
        SmtpPeer() as one,
        SmtpPeer() as two,
        rig(tmp_path, named("one", one, "example.org"), named("two", two, "elsewhere.example")) as r,
    ):
        r.queue.pause()
        stored = await r.submit()
        assert await r.queue.reroute(SpoolFilter(message_ids=(stored.id,)), "two") == 1
        r.queue.resume()
        await r.empty()
        assert (len(one.messages), len(two.messages)) == (0, 1)


async def test_stopping_leaves_what_is_unresolved_in_the_spool(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        peer.on("mail", HANG)
        for _ in range(20):
            await r.submit()
        await r.until(lambda: len(peer.connections) >= 1)
        await r.queue.stop(r.pool.drain, 0.2)
        assert r.spool.counts().total == 20
        assert {row.state for row in await r.rows()} <= {SpoolState.WAITING, SpoolState.DEFERRED}


async def test_success_asked_for_is_confirmed_only_when_the_next_hop_will_not(tmp_path: Path) -> None:
    for features, expected in ((("PIPELINING", "DSN"), 0), (("PIPELINING",), 1)):
        async with SmtpPeer(features=features) as peer, rig(tmp_path / str(expected), gateway("one", peer)) as r:
            await r.submit(Recipient("b@example.net", Notify.SUCCESS), Recipient("c@example.net"))
            await r.empty()
            found = reports(peer)
            assert len(found) == expected
            if found:
                assert b"Action: relayed" in found[0].content
                assert b"c@example.net" not in found[0].content


EIGHT_BIT = (
    "From: a@example.org\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n"
).encode()


async def test_eight_bit_mail_is_converted_only_when_no_hop_takes_it_as_it_is(tmp_path: Path) -> None:
    async with SmtpPeer(features=("PIPELINING",)) as seven, SmtpPeer() as eight:
        async with rig(tmp_path / "a", gateway("one", seven), gateway("two", eight)) as r:
            await r.submit(content=EIGHT_BIT, body=BodyType.EIGHT_BIT_MIME)
            await r.empty()
            assert [m.content for m in eight.messages] == [EIGHT_BIT]
        async with rig(tmp_path / "b", gateway("one", seven)) as r:
            await r.submit(content=EIGHT_BIT, body=BodyType.EIGHT_BIT_MIME)
            await r.empty()
            (message,) = seven.messages
            assert b"Gr=C3=BC=C3=9Fe" in message.content


async def test_what_no_hop_can_carry_is_bounced_and_said_so(tmp_path: Path) -> None:
    async with SmtpPeer(features=("PIPELINING",)) as peer, rig(tmp_path, gateway("one", peer)) as r:
        content = "From: a@example.org\r\nSubject: Grüße\r\n\r\nText\r\n".encode()
        await r.submit(content=content, body=BodyType.EIGHT_BIT_MIME)
        await r.empty()
        (report,) = reports(peer)
        assert b"Status: 5.6.3" in report.content


async def test_an_outcome_that_cannot_be_recorded_is_kept_and_nothing_is_sent_twice(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        real = r.spool.record

        def full(result: DeliveryResult) -> asyncio.Future[StoredMessage | None]:
            raise SpoolFull("There is no room for the spool.")

        r.spool.record = full  # type: ignore[method-assign]
        await r.submit()
        await r.until(lambda: len(peer.messages) == 1)
        await r.queue.tick()
        await r.queue.retry_now(SpoolFilter())
        assert r.queue.in_flight == 1
        r.spool.record = real  # type: ignore[method-assign]
        await r.empty()
        assert len(peer.messages) == 1


async def test_a_disk_that_takes_nothing_is_asked_with_one_outcome_at_a_time_and_then_gets_them_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands that fail together, again and again, would cost the loop half its time as long as the disk is full."""
    monkeypatch.setattr(recorder_module, "AGAIN_SECONDS", 0.02)
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        real, asked = r.spool.record, Counter[int]()

        def full(result: DeliveryResult) -> asyncio.Future[StoredMessage | None]:
            asked[result.delivery.id] += 1
            raise SpoolFull("There is no room for the spool.")

        r.spool.record = full  # type: ignore[method-assign]
        for _ in range(30):
            await r.submit()
        await r.until(lambda: len(peer.messages) == 30 and len(asked) == 30)
        before = asked.total()
        waits = [asyncio.create_task(r.queue._dispatcher.recorder.all_recorded(30)) for _ in range(2)]
        await asyncio.sleep(0.2)
        assert 0 < asked.total() - before <= 12
        await r.until(lambda: min(asked.values()) > 1, 10)  # each has its turn: one of them may have a fault of its own
        r.spool.record = real  # type: ignore[method-assign]
        await asyncio.wait_for(asyncio.gather(*waits), 5)
        await r.empty()
        assert len(peer.messages) == 30


async def test_mail_that_is_stopped_and_started_while_an_outcome_waits_for_the_disk_is_not_sent_again(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        real = r.spool.record

        def full(result: DeliveryResult) -> asyncio.Future[StoredMessage | None]:
            raise SpoolFull("There is no room for the spool.")

        r.spool.record = full  # type: ignore[method-assign]
        await r.submit(lifetime=60.0)
        await r.until(lambda: len(peer.messages) == 1 and r.spool.unrecorded)
        await r.queue.stop(r.pool.drain, 0.1)
        r.pool = r.around.pool = Pool(connector_for())
        r.queue = Queue(r.around)
        await r.queue.start()
        await r.advance(120)
        await r.submit("next@example.net")
        await r.until(lambda: len(peer.messages) == 2)
        await r.advance(120)
        r.spool.record = real  # type: ignore[method-assign]
        await r.empty()
        assert [m.recipients for m in peer.messages] == [("b@example.net",), ("next@example.net",)]
        assert not r.spool.unrecorded


async def test_a_row_that_cannot_be_read_holds_up_no_other(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer), start=False) as r:
        await r.submit("broken@example.net", hand_over=False, lifetime=60.0)
        await r.submit("whole@example.net", hand_over=False)
        with closing(sqlite3.connect(r.spool.folder.spool)) as file, file:
            file.execute("UPDATE delivery SET recipients = '[[0,' WHERE recipients = 'broken@example.net'")
        await r.queue.start()
        await r.until(lambda: peer.messages)
        await r.settled()
        await r.advance(120)
        assert [m.recipients for m in peer.messages] == [("whole@example.net",)]
        assert r.spool.counts().total == 1


async def test_a_bounced_large_message_returns_its_header(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        peer.on("rcpt", "550 5.1.1 no such user", match="b@")
        writer = r.spool.bodies.open_body()
        await writer.write(b"From: a@example.org\r\nSubject: large one\r\n\r\n" + b"y" * 70 + b"\r\n")
        for _ in range(40):
            await writer.write((b"x" * 70 + b"\r\n") * 200)
        await r.submit(content=await writer.finish())
        await r.empty()
        (report,) = reports(peer)
        assert b"Subject: large one" in report.content
        assert b"text/rfc822-headers" in report.content
        assert b"xxxx" not in report.content


async def test_a_message_that_makes_a_working_server_hang_up_does_not_rest_it(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        peer.on("rcpt", DROP, match="poison@")
        await r.submit("good@example.net")
        await r.empty()
        await r.submit("poison@example.net")
        await r.until(lambda: r.counters.total("deferred") == 1)
        await r.settled()
        assert r.router.health()[0].state.value == "healthy"
        await r.submit("next@example.net")
        await r.until(lambda: len(peer.messages) == 2)


async def test_a_configuration_change_puts_waiting_mail_into_its_new_lane(tmp_path: Path) -> None:
    async with SmtpPeer() as dead, SmtpPeer() as peer:
        dead.stop()
        before, after = named("one", dead, "example.org"), named("two", peer, "example.org")
        async with rig(tmp_path, before) as r:
            await r.submit()
            await r.until(lambda: r.counters.total("deferred") == 1)
            await r.submit("c@example.net")
            await r.until(lambda: not r.queue.in_flight and [lane.status for lane in r.queue.lane_states()] == ["asleep"])
            r.configuration = parse_configuration({"gateways": [after]})
            r.router.apply(r.configuration)
            assert await r.queue.apply() == 2
            await r.empty()
            assert {m.recipients[0] for m in peer.messages} == {"b@example.net", "c@example.net"}


async def test_mail_that_was_found_in_the_spool_before_it_was_handed_over_is_sent_once(tmp_path: Path) -> None:
    """Others can read a row a moment before its commit is known here."""
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer, limits={"connections": 1})) as r:
        peer.on("dot", Delay(0.2), times=1)
        stored = await r.submit(hand_over=False)
        r.queue.wake()
        await r.until(lambda: r.queue.in_flight == 1)
        r.queue.accepted(stored, CONTENT)
        await r.empty()
        await r.submit("c@example.net")
        await r.empty()
        assert [m.recipients[0] for m in peer.messages] == ["b@example.net", "c@example.net"]


async def test_delivery_is_not_stopped_by_a_full_turn(tmp_path: Path) -> None:
    """Many lanes at once: each is served."""
    async with SmtpPeer() as peer:
        lanes = [named(f"g{n}", peer, f"d{n}.example", limits={"connections": 1}) for n in range(20)]
        async with rig(tmp_path, *lanes) as r:
            for round_ in range(5):
                for n in range(20):
                    await r.submit(f"b{round_}@example.net", sender=f"a@d{n}.example")
            await r.empty(10)
            assert len(peer.messages) == 100


async def test_a_message_that_cannot_be_read_now_is_deferred_and_read_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer), start=False) as r:
        await r.submit("b@example.net", hand_over=False)
        load = r.spool.load_content

        async def fail(message_id: int) -> Content:
            raise StoreError("The spool cannot be read.", "disk I/O error")

        monkeypatch.setattr(r.spool, "load_content", fail)
        await r.queue.start()
        await r.until(lambda: r.journal.texts(EntryKind.DEFERRED))
        await r.settled()
        row = await r.row()
        assert row.state is SpoolState.DEFERRED
        assert row.last_reply.startswith("451 4.3.0")
        assert "disk I/O error" in row.last_reply
        assert not peer.messages
        monkeypatch.setattr(r.spool, "load_content", load)
        await r.advance(row.due_at - START + 1)
        await r.empty()
        assert len(peer.messages) == 1


async def test_a_message_whose_file_is_gone_is_deferred_and_in_the_end_bounced(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer), start=False) as r:
        writer = r.spool.bodies.open_body()
        await writer.write(CONTENT + b"large\r\n" * 100_000)
        body = await writer.finish()
        await r.submit("b@example.net", content=body, hand_over=False, lifetime=1000.0)
        body.path.unlink()
        await r.queue.start()
        await r.until(lambda: r.journal.texts(EntryKind.DEFERRED))
        await r.settled()
        assert (await r.row()).attempts == 1
        assert r.router.health()[0].state is HealthState.HEALTHY
        await r.advance(1001)
        await r.empty()
        assert len(reports(peer)) == 1
        assert len(peer.messages) == 1


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
async def test_no_more_recipients_are_offered_at_once_than_the_server_announced(tmp_path: Path, pipelining: bool) -> None:
    features = ("LIMITS MAILMAX=50 RCPTMAX=3", *(["PIPELINING"] if pipelining else []))
    async with SmtpPeer(features=features) as peer, rig(tmp_path, gateway("one", peer)) as r:
        peer.on("rcpt", "550 5.1.1 no such user", match="b4@")
        peer.on("rcpt", "550 5.1.1 no such user", match="b5@")
        peer.on("rcpt", "550 5.1.1 no such user", match="b6@")
        await r.submit(*(f"b{number}@example.net" for number in range(1, 9)))
        await r.empty()
    taken = [message.recipients for message in peer.messages if message.sender]
    assert [len(recipients) for recipients in taken] == [3, 2]
    assert {address for recipients in taken for address in recipients} == {f"b{n}@example.net" for n in (1, 2, 3, 7, 8)}
    offered = 0
    for command in peer.connections[0].commands:
        offered = offered + 1 if command.startswith("RCPT") else 0 if command.startswith("MAIL") else offered
        assert offered <= 3
    assert len(r.journal.texts(EntryKind.DEFERRED)) == 0
    assert len(r.journal.texts(EntryKind.BOUNCED)) == 3


async def test_the_story_says_by_which_gateway_and_why(tmp_path: Path) -> None:
    async with SmtpPeer() as dead, SmtpPeer() as peer:
        dead.on("connect", "421 4.3.2 closed")
        async with rig(tmp_path, gateway("one", dead), gateway("two", peer)) as r:
            await r.submit()
            await r.empty()
            await r.submit()
            await r.empty()
            (over,) = r.journal.texts(EntryKind.ATTEMPT)
            second = r.journal.entries[-1]
    one, two = f"127.0.0.1:{dead.port} (one)", f"127.0.0.1:{peer.port} (two)"
    assert over == f"{one}: its turn in Round Robin; then {two}: {one} failed"
    assert second.data is not None
    assert second.data["way"] == f"{two}: its turn in Round Robin"


async def test_what_moves_to_another_way_with_the_rules_is_told(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer), named("two", peer), start=False) as r:
        stored = await r.submit(hand_over=False)
        moved: list[Moved] = []

        async def tell(some: Sequence[Moved]) -> None:
            moved.extend(some)

        r.around.moved = tell
        row = {"domain": "example.net", "match": "recipient", "route": {"via": "gateway", "gateway": "two"}}
        cards = [gateway("one", peer), named("two", peer)]
        r.router.apply(parse_configuration({"gateways": cards, "domains": [row]}))
        assert await r.queue.apply() == 1
    assert moved == [Moved(stored.id, "pool", ("gateway:two",))]
