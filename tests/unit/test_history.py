"""The week behind the counters: memory and disk as one, over a restart, with a disk that fails."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from gatepost.relay.common.metrics import Counters
from gatepost.relay.history import History
from gatepost.store.figures import Figures
from gatepost.store.folder import DataFolder

START = 1_790_000_040.0
"""The beginning of a minute."""
MINUTE = int(START // 60)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Rig:
    def __init__(self, folder: Path, clock: Clock) -> None:
        self.counters = Counters(clock)
        self.kept = Figures.open(DataFolder(folder), clock)
        self.history = History(self.counters, self.kept, clock)


async def test_the_history_goes_on_after_a_restart_within_the_same_minute(tmp_path: Path) -> None:
    clock = Clock()
    before = Rig(tmp_path, clock)
    before.counters.add("delivered", count=3)
    clock.now += 60
    before.counters.add("delivered")
    await before.history.close()
    after = Rig(tmp_path, clock)
    after.counters.add("delivered", count=2)
    assert await after.history.sums(60) == [(MINUTE, {"delivered": 3}), (MINUTE + 1, {"delivered": 3})]
    assert await after.history.sums(1) == [(MINUTE + 1, {"delivered": 3})]
    await after.history.close()


async def test_kept_minutes_are_counted_once_and_leave_memory(tmp_path: Path) -> None:
    clock = Clock()
    rig = Rig(tmp_path, clock)
    rig.counters.add("delivered")
    clock.now += 60
    rig.counters.add("delivered")
    await rig.history._keep(rig.counters.finished)
    assert rig.counters.finished() == []
    assert await rig.history.sums(60, step=60 * 24) == [(MINUTE // 1440 * 1440, {"delivered": 2})]
    await rig.history.close()


async def test_a_disk_that_fails_is_said_once_and_loses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    rig = Rig(tmp_path, clock)
    connection = rig.kept._database.connection()
    connection.execute("PRAGMA query_only = 1")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            rig.counters.add("refused")
            clock.now += 60
            await rig.history._keep(rig.counters.finished)
    assert len(caplog.records) == 1
    connection.execute("PRAGMA query_only = 0")
    await rig.history._keep(rig.counters.finished)
    assert rig.kept.sums(0) == {MINUTE: {"refused": 1}, MINUTE + 1: {"refused": 1}}
    await rig.history.close()
