"""Paints the cells of a list: text, pills, figures, and skeletons of rows that are not there yet.

A frame paints some hundred cells, so this draws straight from the row and keeps pens and fonts from frame to frame; the style
sheet is not asked. What a cell says comes from its ``Column``.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ..theme import px, theme
from .columns import Column, Kind, Tone
from .rows import RowModel

_MIDDLE = Qt.AlignmentFlag.AlignVCenter
_FLAGS = int(Qt.TextFlag.TextSingleLine)
_SELECTED = QStyle.StateFlag.State_Selected
_FOCUS = QStyle.StateFlag.State_HasFocus


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
        self._pill_font = QFont()
        self._pill_metrics = QFontMetrics(self._pill_font)
        self._padding = self._gap = 0
        self._prepare()
        theme().changed.connect(self._prepare)

    def _prepare(self) -> None:
        self._colours = {}
        self._pill_font = QFont(QApplication.font())
        self._pill_font.setWeight(QFont.Weight.DemiBold)
        self._pill_font.setPointSizeF(self._pill_font.pointSizeF() * 0.92)
        self._pill_metrics = QFontMetrics(self._pill_font)
        self._padding, self._gap = px(10), px(8)

    def colour(self, token: str) -> QColor:
        found = self._colours.get(token)
        if found is None:
            found = self._colours[token] = QColor(getattr(theme().tokens, token))
        return found

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        position = index.row()
        if state & _SELECTED:
            painter.fillRect(rect, self.colour("accent_soft"))
        elif position == self.hovered:
            painter.fillRect(rect, self.colour("hover"))
        painter.fillRect(rect.left(), rect.bottom(), rect.width(), 1, self.colour("border"))
        column = self._model.columns[index.column()]
        row = self._model.row_at(position)
        inner = rect.adjusted(self._padding, 0, -self._gap, -1)
        if row is None:
            self._skeleton(painter, inner, position, index.column())
        elif column.kind is Kind.PILL:
            self._pill(painter, inner, column.text(row), self._tone(column, row), bool(state & _SELECTED))
        else:
            self._text(painter, inner, column, row)
        if state & _FOCUS and option.widget is not None and option.widget.hasFocus():
            self._focus(painter, rect, index)

    def _tone(self, column: Column, row: Any) -> Tone:
        return column.tone(row) if column.tone is not None else Tone.PLAIN

    def _text(self, painter: QPainter, inner: QRect, column: Column, row: Any) -> None:
        text = column.text(row)
        if not text:
            return
        painter.setPen(self.colour(self._tone(column, row)))
        if column.kind is Kind.NUMBER:
            painter.drawText(inner, _FLAGS | int(_MIDDLE | Qt.AlignmentFlag.AlignRight), text)
            return
        metrics = painter.fontMetrics()
        if len(text) * metrics.averageCharWidth() * 2 > inner.width():
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, _FLAGS | int(_MIDDLE | Qt.AlignmentFlag.AlignLeft), text)

    def _pill(self, painter: QPainter, inner: QRect, text: str, tone: Tone, is_chosen: bool) -> None:
        if not text:
            return
        metrics = self._pill_metrics
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, inner.width() - 2 * self._padding)
        height = metrics.height() + px(4)
        width = min(inner.width(), metrics.horizontalAdvance(text) + 2 * self._padding)
        ground = QRectF(inner.left(), inner.top() + (inner.height() - height) / 2, width, height)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        soft = {Tone.PLAIN: "neutral_soft", Tone.QUIET: "neutral_soft"}.get(tone, f"{tone}_soft")
        painter.setBrush(self.colour("surface" if is_chosen else soft))  # a chosen row has a tone's ground itself
        painter.drawRoundedRect(ground, height / 2, height / 2)
        painter.setPen(self.colour(tone))
        painter.setFont(self._pill_font)
        painter.drawText(ground, _FLAGS | int(Qt.AlignmentFlag.AlignCenter), text)
        painter.restore()

    def _skeleton(self, painter: QPainter, inner: QRect, position: int, column: int) -> None:
        """A quiet bar, of another length from row to row, so that it looks like text to come."""
        share = 0.45 + 0.4 * ((position * 7 + column * 13) % 10) / 10
        height = max(2, inner.height() // 5)
        bar = QRectF(inner.left(), inner.center().y() - height / 2, inner.width() * share, height)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.colour("neutral_soft"))
        painter.drawRoundedRect(bar, height / 2, height / 2)
        painter.restore()

    def _focus(self, painter: QPainter, rect: QRect, index: QModelIndex | QPersistentModelIndex) -> None:
        """A line at the left edge of the current row: drawn with its first column only."""
        if index.column() == 0:
            painter.fillRect(rect.left(), rect.top(), px(3), rect.height() - 1, self.colour("focus"))

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(px(80), row_height())
