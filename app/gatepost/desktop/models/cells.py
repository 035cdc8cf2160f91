"""Paints the cells of a list: text, pills, figures, and skeletons of rows that are not there yet.

A frame paints some hundred cells, so this draws straight from the row, keeps texts as they were laid out, and asks neither the
style sheet nor Qt's flags, which are slow in Python. What a cell says comes from its ``Column``.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QStaticText
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ..theme import px, theme
from .columns import Column, Kind, Tone
from .rows import RowModel

MAX_TEXTS = 4000
"""Texts kept as they were laid out: some screens."""

_SELECTED = QStyle.StateFlag.State_Selected.value
_FOCUS = QStyle.StateFlag.State_HasFocus.value


def row_height() -> int:
    """Of every row: it follows the font."""
    return QFontMetrics(QApplication.font()).height() + px(16)


class CellPainter(QStyledItemDelegate):
    """``hovered`` is the row under the pointer, -1 for none; the view keeps it."""

    def __init__(self, model: RowModel, parent: Any = None) -> None:
        super().__init__(parent)
        self._model = model
        self.hovered = -1
        self._colours: dict[str, QColor] = {}
        self._measure(QApplication.font())
        theme().changed.connect(self._theme_changed)

    def _theme_changed(self) -> None:
        """Texts stay as they were laid out, unless the font is another one now."""
        self._colours.clear()
        if QApplication.font() != self._font:
            self._measure(QApplication.font())

    def _measure(self, font: QFont) -> None:
        self._texts: dict[tuple[str, int, bool], QStaticText] = {}
        self._font = QFont(font)
        self._metrics = QFontMetrics(self._font)
        self._pill_font = QFont(self._font)
        self._pill_font.setWeight(QFont.Weight.DemiBold)
        self._pill_font.setPointSizeF(self._font.pointSizeF() * 0.92)
        self._pill_metrics = QFontMetrics(self._pill_font)
        self._padding, self._gap, self._pill_rim = px(10), px(8), px(4)
        self._height = self._metrics.height()
        self._pill_height = self._pill_metrics.height()

    def colour(self, token: str) -> QColor:
        found = self._colours.get(token)
        if found is None:
            found = self._colours[token] = QColor(getattr(theme().tokens, token))
        return found

    def _laid_out(self, text: str, width: int, is_pill: bool) -> QStaticText:
        """Cut to the width, with “…” where it is cut."""
        key = (text, width, is_pill)
        found = self._texts.get(key)
        if found is None:
            if len(self._texts) >= MAX_TEXTS:
                self._texts.clear()
            metrics = self._pill_metrics if is_pill else self._metrics
            found = QStaticText(metrics.elidedText(text[:1000], Qt.TextElideMode.ElideRight, width))
            found.setTextFormat(Qt.TextFormat.PlainText)
            found.setPerformanceHint(QStaticText.PerformanceHint.AggressiveCaching)
            found.prepare(font=self._pill_font if is_pill else self._font)
            self._texts[key] = found
        return found

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        rect: QRect = option.rect
        state = option.state.value
        position, number = index.row(), index.column()
        is_chosen = bool(state & _SELECTED)
        if is_chosen:
            painter.fillRect(rect, self.colour("accent_soft"))
        elif position == self.hovered:
            painter.fillRect(rect, self.colour("hover"))
        left, top, width, height = rect.left(), rect.top(), rect.width(), rect.height()
        painter.fillRect(left, top + height - 1, width, 1, self.colour("border"))
        column = self._model.columns[number]
        row = self._model.row_at(position)
        room = width - self._padding - self._gap
        if row is None:
            self._skeleton(painter, left + self._padding, top, room, height, position + number)
        elif column.kind is Kind.PILL:
            self._pill(painter, left + self._padding, top, room, height, column, row, is_chosen)
        elif text := column.text(row):
            laid_out = self._laid_out(text, room, False)
            painter.setPen(self.colour(self._tone(column, row)))
            x = left + self._padding
            if column.kind is Kind.NUMBER:
                x += max(0, room - round(laid_out.size().width()))
            painter.drawStaticText(x, top + (height - 1 - self._height) // 2, laid_out)
        if number == 0 and state & _FOCUS and option.widget is not None and option.widget.hasFocus():
            # A line at the left edge of the current row.
            painter.fillRect(left, top, px(3), height - 1, self.colour("focus"))

    @staticmethod
    def _tone(column: Column, row: Any) -> Tone:
        return column.tone(row) if column.tone is not None else Tone.PLAIN

    def _pill(
        self, painter: QPainter, left: int, top: int, room: int, height: int, column: Column, row: Any, is_chosen: bool
    ) -> None:
        text, tone = column.text(row), self._tone(column, row)
        if not text:
            return
        laid_out = self._laid_out(text, room - 2 * self._padding, True)
        tall = self._pill_height + self._pill_rim
        wide = min(room, round(laid_out.size().width()) + 2 * self._padding)
        ground = QRectF(left, top + (height - 1 - tall) / 2, wide, tall)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(Qt.PenStyle.NoPen)
        # A chosen row has a tone's ground itself.
        soft = "surface" if is_chosen else "neutral_soft" if tone in (Tone.PLAIN, Tone.QUIET) else f"{tone}_soft"
        painter.setBrush(self.colour(soft))
        painter.drawRoundedRect(ground, tall / 2, tall / 2)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(self.colour(tone))
        painter.setFont(self._pill_font)
        painter.drawStaticText(left + self._padding, round(ground.top() + (tall - self._pill_height) / 2), laid_out)
        painter.setFont(self._font)

    def _skeleton(self, painter: QPainter, left: int, top: int, room: int, height: int, number: int) -> None:
        """A quiet bar, of another length from cell to cell, so that it looks like text to come."""
        share = 0.45 + 0.4 * ((number * 7) % 10) / 10
        tall = max(2, height // 6)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.colour("neutral_soft"))
        painter.drawRoundedRect(QRectF(left, top + (height - tall) / 2, room * share, tall), tall / 2, tall / 2)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(px(80), row_height())
