"""The rows as a table."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QPersistentModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFont, QFontMetrics, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from ...i18n import tr
from ...models.cells import row_height
from ...models.header import medium_font
from ...theme import Role, px, set_role, tokens
from ..wording import Plain, route_words, when_resting_words
from .draft import Mark, Shown

Index = QModelIndex | QPersistentModelIndex


class Column(IntEnum):
    DOMAIN = 0
    MATCH = 1
    ROUTE = 2
    RESTING = 3
    STATE = 4


class RuleModel(QAbstractTableModel):
    """What ``show`` was given, as far as it holds the text that is looked for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._all: Sequence[Shown] = ()
        self._shown: list[Shown] = []
        self._gateways: Sequence[Plain] = ()
        self._text = ""

    def show(self, rows: Sequence[Shown], gateways: Sequence[Plain]) -> None:
        self._all, self._gateways = rows, gateways
        self._choose()

    def search(self, text: str) -> None:
        self._text = text.strip().casefold()
        self._choose()

    def _choose(self) -> None:
        self.beginResetModel()
        self._shown = [row for row in self._all if not self._text or self._text in self._words(row)]
        self.endResetModel()

    def _words(self, row: Shown) -> str:
        return " ".join(self.text(row, column) for column in (Column.DOMAIN, Column.MATCH, Column.ROUTE)).casefold()

    def row(self, number: int) -> Shown:
        return self._shown[number]

    @property
    def rows(self) -> Sequence[Shown]:
        return self._shown

    def text(self, row: Shown, column: Column) -> str:
        rule = row.rule
        match column:
            case Column.DOMAIN:
                return str(rule["domain"])
            case Column.MATCH:
                return tr("Recipient") if rule["match"] == "recipient" else tr("Sender")
            case Column.ROUTE:
                return route_words(rule["route"], self._gateways)
            case Column.RESTING:
                return when_resting_words(rule["route"]["when_resting"]) if rule["route"]["via"] == "gateway" else "–"
            case Column.STATE:
                return state_words(row)

    # --- Qt ---

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index | None = None) -> int:
        return len(Column)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._shown[index.row()]
        column = Column(index.column())
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tr("Set on the gateway's card") if row.mark is Mark.FIXED else self.text(row, column)
        if role == Qt.ItemDataRole.FontRole and row.mark in (Mark.NEW, Mark.CHANGED) and column is Column.DOMAIN:
            font = QFont()
            font.setWeight(QFont.Weight.DemiBold)
            return font
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(row, column)
        return None

    @staticmethod
    def _colour(row: Shown, column: Column) -> Any:
        from PySide6.QtGui import QColor

        if column is Column.STATE and row.mark in (Mark.NEW, Mark.CHANGED):
            return QColor(tokens().accent)
        if row.mark is Mark.FIXED or not row.rule["enabled"]:
            return QColor(tokens().muted)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return {
            Column.DOMAIN: tr("Domain"),
            Column.MATCH: tr("Matches"),
            Column.ROUTE: tr("Outbound gateway"),
            Column.RESTING: tr("When it rests"),
            Column.STATE: tr("State"),
        }[Column(section)]


def state_words(row: Shown) -> str:
    if row.mark is Mark.NEW:
        return tr("New")
    if row.mark is Mark.CHANGED:
        return tr("Changed")
    if row.mark is Mark.FIXED:
        return tr("On the gateway")
    return tr("Enabled") if row.rule["enabled"] else tr("Disabled")


class RuleTable(QTableView):
    opened = Signal()
    """Enter or a double click."""
    delete_wanted = Signal()
    menu_wanted = Signal(QPoint)
    """in global coordinates"""
    chosen = Signal()

    def __init__(self, model: RuleModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rules = model
        self.setModel(model)
        self.setAccessibleName(tr("Domains"))
        set_role(self, Role.EMBEDDED)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setStretchLastSection(True)
        self.selectionModel().selectionChanged.connect(lambda *_: self.chosen.emit())
        self._measure()

    @property
    def chosen_rows(self) -> list[Shown]:
        return [self._rules.row(index.row()) for index in sorted(self.selectionModel().selectedRows())]

    @property
    def place(self) -> tuple[str, int]:
        """Where the keys are: the row's id, and where it stands."""
        number = self.currentIndex().row()
        return (self._rules.row(number).id, number) if number >= 0 else ("", -1)

    def choose(self, identifiers: set[str], place: tuple[str, int] = ("", -1)) -> None:
        """Select these rows again, as far as they are shown. The keys go on from ``place``, or from what stands there now;
        without one from the first of the rows."""
        from PySide6.QtCore import QItemSelectionModel

        flag = QItemSelectionModel.SelectionFlag
        self.clearSelection()
        found = [number for number, row in enumerate(self._rules.rows) if row.id in identifiers]
        for number in found:
            self.selectionModel().select(self._rules.index(number, 0), flag.Select | flag.Rows)
        identifier, before = place
        current = next((number for number, row in enumerate(self._rules.rows) if row.id == identifier), before)
        if current < 0 and found:
            current = found[0]
        if current >= 0 and self._rules.rows:
            current = min(current, len(self._rules.rows) - 1)
            self.selectionModel().setCurrentIndex(self._rules.index(current, 0), flag.NoUpdate)

    def _measure(self) -> None:
        self.verticalHeader().setDefaultSectionSize(row_height())
        self.horizontalHeader().setFixedHeight(self.fontMetrics().height() + px(18))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        width = self.viewport().width()
        shares = {Column.DOMAIN: 30, Column.MATCH: 12, Column.ROUTE: 26, Column.RESTING: 15, Column.STATE: 17}
        narrow = width < px(620)
        self.setColumnHidden(Column.RESTING, narrow)
        if narrow:
            shares |= {Column.RESTING: 0, Column.MATCH: 18, Column.STATE: 20}
        total = sum(shares.values())
        widths = {column: max(self._least(column), width * share // total) for column, share in shares.items() if share}
        widths[Column.DOMAIN] -= max(0, sum(widths.values()) - width)
        for column, found in widths.items():
            self.setColumnWidth(column, found)

    def _least(self, column: Column) -> int:
        """Neither a title nor a state is cut."""
        title = self._rules.headerData(column, Qt.Orientation.Horizontal)
        words = (title, tr("On the gateway")) if column is Column.STATE else (title,)
        return max(map(QFontMetrics(medium_font()).horizontalAdvance, words)) + px(24)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self.delete_wanted.emit()
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.indexAt(event.position().toPoint()).isValid():
            self.opened.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_wanted.emit(event.globalPos())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._measure()
