"""A list as a Qt model: what it fetches, when, and how it follows what happens."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from PySide6.QtTest import QAbstractItemModelTester

from gatepost.desktop.models.cache import CAPACITY
from gatepost.desktop.models.columns import Column
from gatepost.desktop.models.rows import FIRST, RowModel
from gatepost.desktop.tasks import Tasks
from gatepost.model.errors import Unavailable

from ..waiting import until


@dataclass
class Row:
    id: int
    text: str


@dataclass
class Source:
    """Answers from a list in memory, as the relay would from its tables."""

    numbers: list[int]
    word: str = "row"
    asked: list[list[int]] = field(default_factory=list)
    limits: list[int | None] = field(default_factory=list)
    is_away: bool = False

    async def ids(self, limit: int | None) -> array[int]:
        self.limits.append(limit)
        await asyncio.sleep(0)
        return array("q", self.numbers[:limit])

    async def rows(self, ids: Sequence[int]) -> Sequence[Row]:
        self.asked.append(list(ids))
        await asyncio.sleep(0)
        if self.is_away:
            raise Unavailable("The relay does not answer.")
        there = set(self.numbers)
        return [Row(number, f"{self.word} {number}") for number in ids if number in there]


COLUMNS = (Column("text", "Text", lambda row: row.text, 20),)


@pytest.fixture
def model(tasks: Tasks) -> RowModel:
    return RowModel(COLUMNS, tasks.spawn)


@pytest.fixture
def checked(model: RowModel) -> Iterator[RowModel]:
    """Qt looks at each change and complains of what no model may do; a complaint fails the test."""
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning)
    yield model
    tester.deleteLater()


async def shown(model: RowModel, position: int) -> str:
    return str((await until(lambda: model.row_at(position), f"row {position} is there")).text)


async def test_rows_are_fetched_when_somebody_looks_and_only_those_around(model: RowModel) -> None:
    source = Source(list(range(100_000)))
    await model.show(source)

    assert model.rowCount() == 100_000
    assert not source.asked, "nobody looked yet"
    assert model.row_at(50_000) is None
    assert await shown(model, 50_000) == "row 50000"
    assert len(source.asked) == 1
    assert 50_000 in source.asked[0]
    assert len(source.asked[0]) < 200


async def test_the_first_rows_come_before_all_ids(model: RowModel) -> None:
    source = Source(list(range(FIRST * 3)))
    await model.show(source)

    assert source.limits == [FIRST, None]
    assert model.rowCount() == FIRST * 3


async def test_memory_is_bounded_however_far_one_scrolls(model: RowModel) -> None:
    source = Source(list(range(20_000)))
    await model.show(source)
    for position in range(0, 20_000, 100):
        await shown(model, position)

    assert len(model._cache) <= CAPACITY


async def test_rows_that_came_and_went_are_told_step_by_step(checked: RowModel) -> None:
    source = Source([9, 8, 7, 6, 5])
    await checked.show(source)
    told: list[str] = []
    checked.rowsInserted.connect(lambda _parent, first, last: told.append(f"+{first}-{last}"))
    checked.rowsRemoved.connect(lambda _parent, first, last: told.append(f"-{first}-{last}"))
    checked.modelReset.connect(lambda: told.append("anew"))

    source.numbers = [10, 9, 8, 5]
    await checked.refresh()

    assert told == ["-2-3", "+0-0"]
    assert list(checked.ids) == [10, 9, 8, 5]


async def test_another_order_begins_anew(checked: RowModel) -> None:
    source = Source([1, 2, 3])
    await checked.show(source)
    told: list[bool] = []
    checked.modelReset.connect(lambda: told.append(True))

    source.numbers = [3, 1, 2]
    await checked.refresh()

    assert told == [True]
    assert list(checked.ids) == [3, 1, 2]


async def test_old_rows_stay_until_the_new_ones_are_there(model: RowModel) -> None:
    source = Source([1, 2, 3])
    await model.show(source)
    assert await shown(model, 0) == "row 1"

    source.word = "newer"
    await model.refresh()

    assert model.row_at(0).text == "row 1", "never a skeleton where something was shown"
    await until(lambda: model.row_at(0).text == "newer 1", "the row as it is now")


async def test_a_row_that_left_while_it_was_fetched_leaves_the_list(checked: RowModel) -> None:
    source = Source(list(range(10)))
    await checked.show(source)
    source.numbers.remove(4)

    assert checked.row_at(0) is None
    await until(lambda: checked.rowCount() == 9, "the row has left")
    assert 4 not in checked.ids


async def test_answers_for_an_earlier_filter_are_not_shown(model: RowModel) -> None:
    slow, quick = Source([1, 2]), Source([2, 3], word="other")
    first = asyncio.ensure_future(model.show(slow))
    await asyncio.sleep(0)
    await model.show(quick)
    await first

    assert list(model.ids) == [2, 3]
    assert await shown(model, 0) == "other 2"


async def test_a_failure_is_told_and_the_next_refresh_brings_the_rows(model: RowModel) -> None:
    source = Source([1, 2], is_away=True)
    await model.show(source)
    failures: list[Unavailable] = []
    model.failed.connect(failures.append)

    assert model.row_at(0) is None
    await until(lambda: failures, "the failure is told")

    source.is_away = False
    assert await shown(model, 0) == "row 1"


@pytest.mark.parametrize("arrange", [sorted, lambda numbers: sorted(numbers, reverse=True), list])
async def test_a_row_is_found_wherever_it_stands(model: RowModel, arrange: Callable[[list[int]], list[int]]) -> None:
    numbers = arrange([n * 7919 % 10_007 for n in range(10_007)])
    by_id = 1 if numbers[0] < numbers[1] < numbers[2] else -1 if numbers[0] > numbers[1] > numbers[2] else 0
    await model.show(Source(numbers), by_id=by_id)

    assert [model.position_of(numbers[p]) for p in (0, 5000, 10_006)] == [0, 5000, 10_006]
    assert model.position_of(20_000) == -1


async def test_a_list_read_page_by_page_grows(checked: RowModel) -> None:
    checked.extend([Row(3, "three"), Row(2, "two")])
    checked.extend([Row(1, "one")])

    assert list(checked.ids) == [3, 2, 1]
    assert checked.row_at(2).text == "one"
