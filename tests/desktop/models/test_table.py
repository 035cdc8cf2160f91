"""The view of a list: selection and place survive what happens to the rows; widths are remembered; columns find room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from gatepost.desktop.i18n import set_language, tr
from gatepost.desktop.models.columns import Column, Kind
from gatepost.desktop.models.rows import RowModel
from gatepost.desktop.models.table import ListTable
from gatepost.desktop.pages.gateways.table import COLUMNS as GATEWAY_COLUMNS
from gatepost.desktop.pages.inbox.columns import columns as inbox_columns
from gatepost.desktop.pages.lists.gateways import Gateways
from gatepost.desktop.pages.quarantine.columns import columns as quarantine_columns
from gatepost.desktop.pages.spool.columns import SpoolWords
from gatepost.desktop.pages.tracking.columns import columns as tracking_columns
from gatepost.desktop.preferences import Preferences
from gatepost.desktop.tasks import Tasks
from gatepost.desktop.theme import px

from ..waiting import until
from .test_rows import Source

COLUMNS = (
    Column("state", "State", lambda row: "waiting", 9, kind=Kind.PILL),
    Column("text", "Text", lambda row: row.text, 20, 10, order="text"),
    Column("size", "Size", lambda row: str(row.id), 8, order="size", kind=Kind.NUMBER, descending_first=True),
    Column("more", "More", lambda row: "…", 30, 30, rank=5),
)


@pytest.fixture
def model(tasks: Tasks) -> RowModel:
    return RowModel(COLUMNS, tasks.spawn)


@pytest.fixture
def table(model: RowModel, preferences: Preferences, show: Callable[..., Any]) -> ListTable:
    made = ListTable(model, "test", preferences)
    show(made, 900, 400)
    return made


def top(table: ListTable) -> int:
    return table._rows.ids[table._first_position()]


async def test_the_place_is_kept_when_rows_come_above_it(table: ListTable, model: RowModel) -> None:
    source = Source(list(range(1000, 0, -1)))
    await model.show(source)
    QApplication.processEvents()
    table.verticalScrollBar().setValue(table.verticalHeader().defaultSectionSize() * 500 + 7)
    before = top(table)

    source.numbers = [1003, 1002, 1001, *source.numbers]
    await model.refresh()

    assert top(table) == before
    assert table.verticalScrollBar().value() % table.verticalHeader().defaultSectionSize() == 7


async def test_at_the_top_new_rows_are_seen(table: ListTable, model: RowModel) -> None:
    source = Source(list(range(1000, 0, -1)))
    await model.show(source)

    source.numbers.insert(0, 1001)
    await model.refresh()

    assert top(table) == 1001


@pytest.mark.parametrize("shuffled", [False, True])
async def test_chosen_rows_stay_chosen(table: ListTable, model: RowModel, shuffled: bool) -> None:
    source = Source(list(range(50)))
    await model.show(source)
    table.choose(20)
    QTest.keyClick(table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(table, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert list(table.chosen) == [20, 21, 22]

    source.numbers = [n for n in range(-5, 50) if n != 21]
    if shuffled:
        source.numbers.reverse()
    await model.refresh()

    assert sorted(table.chosen) == [20, 22]
    assert table.current == 22 or not shuffled


async def test_all_rows_are_chosen_without_looking_at_each(table: ListTable, model: RowModel) -> None:
    await model.show(Source(list(range(300_000))))
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)

    assert table.chosen_count == 300_000
    assert len(table.chosen) == 300_000


async def test_a_header_asks_for_its_order_and_then_for_the_other_direction(table: ListTable) -> None:
    wanted: list[tuple[str, bool]] = []
    table.order_wanted.connect(lambda order, descending: wanted.append((order, descending)))
    table.order_wanted.connect(table.show_order)
    header = table.horizontalHeader()
    for number in (2, 2, 1, 0):
        header.sectionClicked.emit(number)

    assert wanted == [("size", True), ("size", False), ("text", False)], "the first column cannot be sorted by"
    assert header.sortIndicatorSection() == 1


async def test_widths_are_remembered(table: ListTable, model: RowModel, preferences: Preferences) -> None:
    table.horizontalHeader().resizeSection(1, 333)
    await until(lambda: preferences.widths("test") == {"text": 333}, "the width is written down")

    again = ListTable(model, "test", preferences)
    again.resize(1200, 400)
    again.show()
    QApplication.processEvents()
    assert again.columnWidth(1) == 333
    again.close()


async def test_columns_without_room_are_left_out_and_nothing_is_scrolled_sideways(table: ListTable) -> None:
    for width in (1200, 900, 500, 320, 200):
        table.resize(width, 400)
        QApplication.processEvents()
        shown = [c.key for n, c in enumerate(COLUMNS) if not table.isColumnHidden(n)]
        assert table.horizontalScrollBar().maximum() == 0, width
        assert shown
    assert "more" not in shown


LISTS = {
    "spool": SpoolWords(Gateways()).columns(),
    "quarantine": quarantine_columns(),
    "tracking": tracking_columns(),
    "inbox": inbox_columns(dict),
    "gateways": GATEWAY_COLUMNS,
}


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", LISTS)
async def test_no_header_is_cut(name: str, language: str, tasks: Tasks, preferences: Preferences, show: Any) -> None:
    set_language(language)
    table = ListTable(RowModel(LISTS[name], tasks.spawn), name, preferences)
    font = QFont(QApplication.font())
    font.setWeight(QFont.Weight.Medium)
    for width in (700, 900, 1200):
        show(table, width, 400)
        shown = [n for n in range(len(LISTS[name])) if not table.isColumnHidden(n)]
        assert len(shown) > 2
        for number in shown[:-1]:
            column = LISTS[name][number]
            if column.order:
                table.show_order(column.order, True)
            title = QFontMetrics(font).horizontalAdvance(tr(column.title)) + px(18) + (px(16) if column.order else 0)
            assert table.columnWidth(number) >= title, (width, column.key)
    table.close()


async def test_enter_opens_the_current_row(table: ListTable, model: RowModel) -> None:
    await model.show(Source([3, 2, 1]))
    opened: list[int] = []
    table.opened.connect(opened.append)
    table.choose(2)
    QTest.keyClick(table, Qt.Key.Key_Return)

    assert opened == [2]


async def test_an_empty_list_can_be_walked_through(table: ListTable) -> None:
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Return):
        QTest.keyClick(table, key)

    assert table.current is None
    assert not table.chosen
