"""The view of a list: rows are chosen as a whole, widths are remembered, and neither selection nor place is lost when rows
come and go. Columns that have no room are left out, the least important first, so that nothing has to be scrolled sideways.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from math import ceil

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QFont, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QTableView, QWidget

from ..i18n import tr
from ..preferences import Preferences
from ..theme import px, theme
from .cells import CellPainter, row_height
from .columns import Kind
from .header import ListHeader
from .rows import RowModel

MAX_FOUND_AGAIN = 20_000
"""Chosen rows that are looked for after a list began anew; of more, the first so many stay chosen."""


class ListTable(QTableView):
    """``name`` is where the widths are remembered."""

    order_wanted = Signal(str, bool)
    """A header was clicked: the relay's name of the order, and whether descending."""
    selection_changed = Signal()
    opened = Signal(int)
    """id of a row that was double-clicked or chosen with Enter"""
    menu_wanted = Signal(QPoint)
    """in global coordinates"""

    def __init__(self, model: RowModel, name: str, preferences: Preferences, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = model
        self._name = name
        self._preferences = preferences
        self._painter = CellPainter(model, self)
        self._place: tuple[int, int] | None = None
        self._kept: tuple[array[int], int] | None = None
        self._near = 0
        self._sorted = (-1, False)
        self._is_arranging = False
        self.setItemDelegate(self._painter)
        self.setModel(model)
        self._set_up()
        self._widths = preferences.widths(name)
        self._longest: dict[int, int] = {}
        """The width of the title, and of the longest word where all are known."""
        self._save_widths = QTimer(self)
        self._save_widths.setSingleShot(True)
        self._save_widths.setInterval(400)
        self._save_widths.timeout.connect(lambda: preferences.set_widths(name, self._widths))
        model.about_to_change.connect(self._remember)
        model.modelAboutToBeReset.connect(self._remember_chosen)
        model.modelReset.connect(self._choose_again)
        model.changed.connect(self._return)
        model.rowsRemoved.connect(self.selection_changed)
        self._measured = QFont()
        theme().changed.connect(self._theme_changed)
        self._measure()

    def _set_up(self) -> None:
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setCornerButtonEnabled(False)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        vertical = self.verticalHeader()
        vertical.hide()
        vertical.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = ListHeader(self._rows, self)
        self.setHorizontalHeader(header)
        header.sectionClicked.connect(self._header_clicked)
        header.sectionResized.connect(self._resized)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paints its own ground: an opaque viewport is moved when it is scrolled, and only what comes into view is painted."""
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), self._painter.colour("surface"))
        painter.end()
        super().paintEvent(event)

    # --- sorting ---

    def show_order(self, order: str, descending: bool) -> None:
        """Put the mark where the list is sorted by."""
        for number, column in enumerate(self._rows.columns):
            if column.order == order:
                direction = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
                self.horizontalHeader().setSortIndicator(number, direction)
                self._sorted = (number, descending)

    def _header_clicked(self, number: int) -> None:
        column = self._rows.columns[number]
        was, descending = self._sorted
        if not column.order:
            if was >= 0:  # Qt has moved the mark already
                self.show_order(self._rows.columns[was].order, descending)
            return
        self.order_wanted.emit(column.order, not descending if was == number else column.descending_first)

    # --- widths ---

    def _theme_changed(self) -> None:
        if QApplication.font() != self._measured:
            self._measure()
            self.horizontalHeader().updateGeometry()
        self.viewport().update()

    def _measure(self) -> None:
        """Everything follows the font."""
        self._measured = QApplication.font()
        self._longest.clear()
        self.verticalHeader().setDefaultSectionSize(row_height())
        self.verticalHeader().setMinimumSectionSize(1)
        self.verticalScrollBar().setSingleStep(row_height())
        self._arrange()

    def _width_of(self, number: int) -> int:
        column = self._rows.columns[number]
        kept = self._widths.get(column.key)
        return max(self._least(number), kept if kept is not None else self._characters(column.width))

    def _least(self, number: int) -> int:
        """Its title is never cut, nor are words that are all known."""
        column = self._rows.columns[number]
        if number not in self._longest:
            bold = QFont(self.font())
            bold.setWeight(QFont.Weight.DemiBold)
            width = QFontMetrics(bold).horizontalAdvance
            rim = px(42) if column.kind is Kind.PILL else px(20)
            words = max(map(width, column.words()), default=0) + rim if column.words is not None else 0
            mark = px(16) if column.order else 0  # beside the title while the list is sorted by it
            self._longest[number] = max(words, width(tr(column.title)) + px(20) + mark)
        return max(self._characters(column.least or min(column.width, 6)), self._longest[number])

    def _characters(self, count: int) -> int:
        return round(count * QFontMetrics(self.font()).averageCharWidth() * 1.12) + px(18)

    def _arrange(self) -> None:
        """Give each column its width; where that is too much, narrow the wide ones, then leave out the least important."""
        available = self.viewport().width()
        if available <= 0 or self._is_arranging:
            return
        self._is_arranging = True
        try:
            columns = range(len(self._rows.columns))
            shown = sorted(columns, key=lambda n: self._rows.columns[n].rank)
            while len(shown) > 1 and sum(map(self._least, shown)) > available:
                shown.pop()
            widths = {n: self._width_of(n) for n in shown}
            lacking = sum(widths.values()) - available
            room = {n: widths[n] - self._least(n) for n in shown}
            total = sum(room.values())
            for n in columns:
                self.setColumnHidden(n, n not in widths)
                if n in widths:
                    cut = ceil(lacking * room[n] / total) if lacking > 0 and total else 0
                    self.setColumnWidth(n, widths[n] - cut)
        finally:
            self._is_arranging = False

    def _resized(self, number: int, _before: int, width: int) -> None:
        last = max((n for n in range(len(self._rows.columns)) if not self.isColumnHidden(n)), default=-1)
        if self._is_arranging or number == last or not self.isVisible():
            return  # the last one takes what is left
        self._widths[self._rows.columns[number].key] = width
        self._save_widths.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    # --- what is chosen ---

    def _ranges(self) -> Iterator[tuple[int, int]]:
        chosen = self.selectionModel().selection()
        for number in range(chosen.count()):
            found = chosen.at(number)
            yield found.top(), found.bottom()

    @property
    def chosen_count(self) -> int:
        return sum(bottom - top + 1 for top, bottom in self._ranges())

    @property
    def chosen(self) -> array[int]:
        """ids, in the order shown."""
        found = array("q")
        for top, bottom in sorted(self._ranges()):
            found.extend(self._rows.ids[top : bottom + 1])
        return found

    @property
    def current(self) -> int | None:
        """id of the row with the focus."""
        index = self.currentIndex()
        return self._rows.ids[index.row()] if index.isValid() else None

    def choose(self, number: int) -> bool:
        """Choose one row and show it; whether it is there."""
        position = self._rows.position_of(number)
        if position < 0:
            return False
        index = self._rows.index(position, 0)
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.selectionModel().setCurrentIndex(index, flags)
        self.scrollTo(index)
        return True

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        super().selectionChanged(selected, deselected)
        self.selection_changed.emit()

    # --- place and selection while rows come and go ---

    def _first_position(self) -> int:
        return self.verticalScrollBar().value() // self.verticalHeader().defaultSectionSize()

    def _remember(self) -> None:
        """The row at the top, and how far it is scrolled out. At the very top new rows may push the others down."""
        value = self.verticalScrollBar().value()
        position = self._first_position()
        self._place = None
        if value and position < len(self._rows.ids):
            self._place = (self._rows.ids[position], value - position * self.verticalHeader().defaultSectionSize())
            self._near = position

    def _return(self) -> None:
        place, self._place = self._place, None
        if place is None:
            return
        position = self._rows.position_of(place[0], self._near)
        if position >= 0:
            self.updateGeometries()
            self.verticalScrollBar().setValue(position * self.verticalHeader().defaultSectionSize() + place[1])

    def _remember_chosen(self) -> None:
        current = self.current
        self._kept = (self.chosen[:MAX_FOUND_AGAIN], current if current is not None else -1)

    def _choose_again(self) -> None:
        kept, self._kept = self._kept, None
        if kept is None or not len(self._rows.ids):
            return
        numbers, current = kept
        flags = QItemSelectionModel.SelectionFlag
        selection = QItemSelection()
        last = len(self._rows.columns) - 1
        for first, count in self._runs(numbers):
            selection.select(self._rows.index(first, 0), self._rows.index(first + count - 1, last))
        if not selection.isEmpty():
            self.selectionModel().select(selection, flags.ClearAndSelect)
        if current >= 0 and (position := self._rows.position_of(current, self._near)) >= 0:
            self.selectionModel().setCurrentIndex(self._rows.index(position, 0), flags.NoUpdate)
        self.selection_changed.emit()

    def _runs(self, numbers: array[int]) -> Iterator[tuple[int, int]]:
        """Where these ids stand now, as runs of positions."""
        if len(numbers) <= 3:
            positions = sorted(p for n in numbers if (p := self._rows.position_of(n)) >= 0)
        else:
            wanted = frozenset(numbers)
            positions = [p for p, number in enumerate(self._rows.ids) if number in wanted]
        first = count = 0
        for position in positions:
            if count and position == first + count:
                count += 1
                continue
            if count:
                yield first, count
            first, count = position, 1
        if count:
            yield first, count

    def visible_rows(self) -> Iterator[object]:
        """Rows on the screen that have been fetched."""
        first = self._first_position()
        count = self.viewport().height() // self.verticalHeader().defaultSectionSize() + 2
        for number in self._rows.ids[first : first + count]:
            if (row := self._rows.known(number)) is not None:
                yield row

    def update_live(self) -> None:
        """Paint again what changes with the clock."""
        for number, column in enumerate(self._rows.columns):
            if column.is_live and not self.isColumnHidden(number):
                self.viewport().update(
                    self.columnViewportPosition(number), 0, self.columnWidth(number), self.viewport().height()
                )

    # --- pointer and keys ---

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        self._hover(self.rowAt(event.position().toPoint().y()))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover(-1)

    def _hover(self, position: int) -> None:
        if position == self._painter.hovered:
            return
        for changed in (self._painter.hovered, position):
            if changed >= 0:
                top = self.rowViewportPosition(changed)
                self.viewport().update(0, top, self.viewport().width(), self.rowHeight(changed))
        self._painter.hovered = position

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        super().mouseDoubleClickEvent(event)
        if (current := self.current) is not None and event.button() is Qt.MouseButton.LeftButton:
            self.opened.emit(current)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and (current := self.current) is not None:
            self.opened.emit(current)
            return
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """By the pointer at the pointer, by the keyboard at the current row."""
        place = event.globalPos()
        if event.reason() is QContextMenuEvent.Reason.Keyboard:
            place = self.viewport().mapToGlobal(self.visualRect(self.currentIndex()).bottomLeft())
        if self.chosen_count:
            self.menu_wanted.emit(place)

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        """Left and right do not walk through cells: rows are what is chosen."""
        if action in (QAbstractItemView.CursorAction.MoveLeft, QAbstractItemView.CursorAction.MoveRight):
            return self.currentIndex()
        if action is QAbstractItemView.CursorAction.MoveHome:
            return self._rows.index(0, 0) if self._rows.ids else QModelIndex()
        if action is QAbstractItemView.CursorAction.MoveEnd:
            return self._rows.index(len(self._rows.ids) - 1, 0) if self._rows.ids else QModelIndex()
        return super().moveCursor(action, modifiers)
