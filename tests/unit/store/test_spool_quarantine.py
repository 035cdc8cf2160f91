"""Quarantine: found by itself, looked at when its time is over, and delivered like new mail when it is released."""

from __future__ import annotations

from pathlib import Path

from gatepost.store.folder import DataFolder
from gatepost.store.spool import Spool
from gatepost.store.values import SpoolFilter

from .spool_support import DAY, NOW, Clock, message


async def test_quarantined_mail_ends_after_its_days_and_never_by_its_lifetime(tmp_path: Path) -> None:
    clock = Clock()
    spool = Spool.open(DataFolder(tmp_path), clock=clock)
    try:
        stored = await spool.submit(message(hold="quarantine: spam level high", hold_until=NOW + 30 * DAY))
        await spool.submit(message(hold="held by a person"))
        assert [row.hold_until for row in await spool.list()] == [NOW + 30 * DAY, None]
        assert [row.message_id for row in await spool.list(SpoolFilter(quarantined=True))] == [stored.id]
        # Neither given up nor announced as late while it is held, however long that is.
        assert await spool.fetch_expired(NOW + 40 * DAY, 10) == []
        assert await spool.fetch_delay_due(NOW + 1 * DAY, 10) == []
        assert await spool.fetch_hold_ended(NOW + 29 * DAY, 10) == []
        (ended,) = await spool.fetch_hold_ended(NOW + 30 * DAY, 10)
        assert (ended.message_id, ended.hold_until) == (stored.id, NOW + 30 * DAY)
    finally:
        spool.close()


async def test_released_mail_has_the_lifetime_that_it_would_have_had(tmp_path: Path) -> None:
    clock = Clock()
    spool = Spool.open(DataFolder(tmp_path), clock=clock)
    try:
        await spool.submit(message(hold="quarantine: spam", hold_until=NOW + 30 * DAY, delay_notice_at=None))
        clock.now = NOW + 20 * DAY
        assert await spool.release(SpoolFilter(quarantined=True)) == 1
        assert await spool.fetch_hold_ended(NOW + 31 * DAY, 10) == []
        assert await spool.fetch_expired(NOW + 24 * DAY, 10) == []
        assert len(await spool.fetch_expired(NOW + 25 * DAY, 10)) == 1
    finally:
        spool.close()
