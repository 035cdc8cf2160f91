"""Delay notices, the end of a lifetime, and clocks that jump."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gatepost.model.envelope import Notify, Recipient
from gatepost.store.errors import StoreError
from gatepost.store.journal_values import EntryKind
from gatepost.store.values import SpoolFilter

from ...support.smtp_peer import SmtpPeer
from .queue_rig import CONTENT, START, gateway, named, reports, rig

HOUR = 3600.0
DAY = 24 * HOUR


async def test_the_last_attempt_is_made_at_the_deadline_and_then_the_sender_is_told(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        peer.on("rcpt", "451 4.2.1 mailbox busy", match="b@example.net")
        await r.submit(lifetime=400.0)
        await r.until(lambda: r.counters.total("deferred") == 1)
        await r.settled()
        await r.advance(330)
        await r.until(lambda: r.counters.total("deferred") == 2)
        await r.settled()
        assert (await r.row()).due_at == START + 400
        await r.advance(71)
        await r.empty()
        (report,) = reports(peer)
        assert b"Status: 4.4.7" in report.content
        assert b"Action: failed" in report.content
        assert b"451 4.2.1 mailbox busy" in report.content
        assert r.journal.texts(EntryKind.EXPIRED)


async def test_a_long_sleep_expires_nothing_without_an_attempt(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer), start=False) as r:
        await r.submit(lifetime=DAY, hand_over=False)
        r.time.wall += 9 * DAY  # a laptop that slept: only the wall clock went on
        await r.queue.start()
        await r.empty()
        assert [m.recipients for m in peer.messages] == [("b@example.net",)]
        assert r.counters.total("bounced") == 0


async def test_mail_in_a_resting_lane_expires_once_its_way_out_failed_after_the_deadline(tmp_path: Path) -> None:
    async with SmtpPeer() as dead, SmtpPeer() as home:
        dead.stop()
        dying, homeward = named("dying", dead, "example.org"), gateway("home", home)
        async with rig(tmp_path, dying, homeward) as r:
            await r.submit()
            await r.until(lambda: r.counters.total("deferred") == 1)
            await r.settled()
            await r.submit("c@example.net", lifetime=100.0)
            await r.advance(50)
            await r.settled()
            r.time.wall += 60  # past its deadline, yet nothing was tried since
            await r.queue._ageing.give_up()  # type: ignore[union-attr]
            await r.settled()
            assert r.counters.total("bounced") == 0
            await r.advance(700)
            await r.until(lambda: r.counters.total("bounced") == 1)
            await r.settled()
            await r.advance(1)
            await r.until(lambda: any(b"c@example.net" in m.content for m in reports(home)), 5)


async def test_mail_that_no_gateway_can_take_expires_all_the_same(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        await r.submit(lifetime=HOUR, sender="")
        await r.advance(HOUR + 60)
        await r.settled()
        assert r.spool.counts().total == 1
        await r.advance(600)
        await r.empty()
        assert r.counters.total("bounced") == 1


@pytest.mark.parametrize("operation", ["hold", "delete"])
async def test_mail_that_somebody_holds_or_deletes_while_its_age_is_looked_at_is_left_alone(
    tmp_path: Path, operation: str
) -> None:
    async with rig(tmp_path) as r:  # no gateway: it would be given up
        await r.submit(lifetime=HOUR)
        await r.until(lambda: any(lane.status == "asleep" for lane in r.queue.lane_states()))
        real, looks = r.spool.fetch_expired, []

        async def changed_meanwhile(*arguments: Any) -> Any:
            found = await real(*arguments)
            looks.append(len(found))
            await getattr(r.queue, operation)(SpoolFilter())
            return found

        r.spool.fetch_expired = changed_meanwhile  # type: ignore[method-assign]
        await r.advance(2 * HOUR)
        await r.settled()
        assert looks[0] == 1
        assert r.spool.counts().total == r.spool.counts().held == (operation == "hold")


async def test_a_delay_notice_is_sent_once_and_says_until_when_we_try(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        peer.on("rcpt", "451 4.2.1 busy", match="example.net")
        await r.submit(Recipient("b@example.net"), Recipient("quiet@example.net", Notify.FAILURE), notice=4 * HOUR)
        await r.until(lambda: r.counters.total("deferred") == 1)
        await r.settled()
        await r.advance(3 * HOUR)
        await r.settled()
        assert not reports(peer)
        for _ in range(3):
            await r.advance(1.5 * HOUR)
            await r.settled()
        await r.until(lambda: len(reports(peer)) == 1)
        (report,) = reports(peer)
        (story,) = [entry for entry in r.journal.entries if entry.kind is EntryKind.DELAYED]
        assert (story.recipient, EntryKind.DSN in {e.kind for e in r.journal.entries}) == ("a@example.org", False)
        assert b"Action: delayed" in report.content
        assert b"Will-Retry-Until:" in report.content
        assert b"quiet@example.net" not in report.content


async def test_a_delay_notice_is_sent_once_even_where_one_look_takes_longer_than_the_time_to_the_next(tmp_path: Path) -> None:
    async with SmtpPeer() as dead, SmtpPeer() as peer:
        dead.stop()
        async with rig(tmp_path, named("away", dead, "example.org"), gateway("pool", peer)) as r:
            for _ in range(3):
                await r.submit(notice=HOUR)
            await r.until(lambda: "gateway.resting" in r.kinds())
            await r.settled()
            r.time.wall += HOUR + 1
            for _ in range(20):  # one look tells nothing of what is being tried just then
                await asyncio.gather(r.queue.tick(), r.queue.tick())
                await r.settled()
            await r.until(lambda: len(reports(peer)) >= 3)
            assert len(reports(peer)) == 3


async def test_mail_that_cannot_be_read_keeps_no_other_mail_from_its_notice(tmp_path: Path) -> None:
    async with SmtpPeer() as dead, SmtpPeer() as peer:
        dead.stop()
        async with rig(tmp_path, named("away", dead, "example.org"), gateway("pool", peer)) as r:
            writer = r.spool.bodies.open_body()
            await writer.write(CONTENT)
            body = await writer.finish()
            await r.submit("lost@example.net", content=body, notice=HOUR)
            await r.submit("kept@example.net", notice=HOUR)
            await r.until(lambda: "gateway.resting" in r.kinds())
            await r.settled()
            body.discard()
            await r.advance(HOUR + 1)
            for _ in range(20):  # one look tells nothing of what is being tried just then
                await r.settled()
                await r.advance(1)
            await r.until(lambda: len(reports(peer)) == 2)
            told = b"".join(report.content for report in reports(peer))
            assert b"lost@example.net" in told
            assert b"kept@example.net" in told


async def test_of_several_notices_that_fail_at_once_each_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with SmtpPeer() as dead, rig(tmp_path, gateway("one", dead)) as r:
        dead.stop()
        for number in range(3):
            await r.submit(f"b{number}@example.net", notice=HOUR)
        await r.until(lambda: not r.queue.in_flight and any(lane.status == "asleep" for lane in r.queue.lane_states()))
        r.time.wall += HOUR + 1
        failing = iter((StoreError("The disk is full."), RuntimeError("no such thing"), StoreError("The disk is gone.")))

        def full(result: Any) -> Any:
            raise next(failing)

        real, r.spool.record = r.spool.record, full  # type: ignore[method-assign]
        with pytest.raises(StoreError, match="full"):
            await r.queue._ageing.send_notices()  # type: ignore[union-attr]
        r.spool.record = real  # type: ignore[method-assign]
        errors = [record for record in caplog.records if record.levelname == "ERROR"]
        assert [record.message.partition(": ")[2] for record in errors] == ["no such thing", "The disk is gone."]
        assert [record.exc_info is not None for record in errors] == [True, False], "nobody foresaw the one"


async def test_nobody_is_told_of_the_delay_of_a_notification(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer)) as r:
        peer.on("rcpt", "451 4.2.1 busy", match="example.net")
        await r.submit(sender="", notice=HOUR)
        await r.until(lambda: r.counters.total("deferred") == 1)
        await r.settled()
        await r.advance(2 * HOUR)
        await r.settled()
        assert not peer.messages


async def test_a_clock_set_back_puts_nothing_off(tmp_path: Path) -> None:
    async with SmtpPeer(greylist=True) as peer, rig(tmp_path, gateway("one", peer)) as r:
        await r.submit()
        await r.until(lambda: r.counters.total("deferred") == 1)
        await r.settled()
        r.time.wall -= 3 * DAY
        await r.queue.tick()
        await r.empty()
        assert len(peer.messages) == 1


async def test_a_start_under_an_earlier_clock_puts_nothing_off(tmp_path: Path) -> None:
    async with SmtpPeer() as peer, rig(tmp_path, gateway("one", peer), start=False) as r:
        await r.submit(hand_over=False, delay=10 * DAY)
        await r.queue.start()
        await r.empty()
        assert len(peer.messages) == 1
