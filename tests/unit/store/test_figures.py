"""Figures by minute: adding up, steps, forgetting, reopening."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatepost.store.errors import StoreError
from gatepost.store.figures import Figures
from gatepost.store.folder import DataFolder

from .spool_support import Clock, disk_takes_nothing


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


def test_a_minute_that_is_told_twice_is_added_up_and_outlives_the_process(folder: DataFolder) -> None:
    figures = Figures.open(folder, Clock())
    figures.add([(100, {"delivered": 3, "refused": 1}), (101, {"delivered": 1})], forget_before=0)
    figures.close()
    figures = Figures.open(folder, Clock())
    figures.add([(100, {"delivered": 2})], forget_before=0)
    assert figures.sums(0) == {100: {"delivered": 5, "refused": 1}, 101: {"delivered": 1}}
    figures.close()


def test_minutes_are_summed_up_in_steps_and_old_ones_forgotten(folder: DataFolder) -> None:
    figures = Figures.open(folder, Clock())
    figures.add([(minute, {"delivered": 1}) for minute in range(95, 130)], forget_before=97)
    assert figures.sums(0, step=10) == {90: {"delivered": 3}, 100: {"delivered": 10}, 110: {"delivered": 10},
                                        120: {"delivered": 10}}  # fmt: skip
    assert figures.sums(125, step=10) == {120: {"delivered": 5}}
    figures.close()


def test_what_the_disk_does_not_take_is_an_error_in_words(folder: DataFolder) -> None:
    figures = Figures.open(folder, Clock())
    figures._database.connection().execute("PRAGMA query_only = 1")
    with pytest.raises(StoreError):
        figures.add([(1, {"delivered": 1})], forget_before=0)
    figures.close()


def test_a_disk_that_fails_within_a_transaction_is_an_error_in_words_and_over_when_it_works_again(folder: DataFolder) -> None:
    figures = Figures.open(folder, Clock())
    with disk_takes_nothing(), pytest.raises(StoreError):
        figures.add([(1, {f"name-{number}": 1 for number in range(2000)})], forget_before=0)
    figures.add([(2, {"delivered": 1})], forget_before=0)
    assert figures.sums(0) == {2: {"delivered": 1}}
    figures.close()
