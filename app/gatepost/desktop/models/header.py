"""The header of a list: words where the cells' words are, and a mark beside the one that the list is sorted by."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QApplication, QHeaderView, QWidget

from ..theme import px, theme, tokens
from .columns import Kind
from .rows import RowModel


def medium_font() -> QFont:
    """What titles are written in."""
    font = QFont(QApplication.font())
    font.setWeight(QFont.Weight.Medium)
    return font


class ListHeader(QHeaderView):
    """Painted from the tokens, so that text and figures stand exactly above those of the rows."""

    def __init__(self, model: RowModel, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._rows = model
        self._hovered = -1
        self.setMouseTracking(True)
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setStretchLastSection(True)
        self.setSortIndicatorShown(True)
        self.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.sectionEntered.connect(self._enter)
        theme().changed.connect(self._theme_changed)

    def _theme_changed(self) -> None:
        self.viewport().update()

    def _enter(self, section: int) -> None:
        self._hovered = section
        self.viewport().update()

    def leaveEvent(self, event: object) -> None:
        super().leaveEvent(event)  # type: ignore[arg-type]
        self._enter(-1)

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), QFontMetrics(QApplication.font()).height() + px(18))

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        colours = tokens()
        column = self._rows.columns[section]
        painter.save()
        painter.fillRect(rect, QColor(colours.surface))
        painter.fillRect(rect.left(), rect.bottom(), rect.width(), 1, QColor(colours.border))
        font = medium_font()
        painter.setFont(font)
        metrics = QFontMetrics(font)
        is_sorted = self.sortIndicatorSection() == section
        lively = is_sorted or (section == self._hovered and bool(column.order))
        painter.setPen(QColor(colours.text if lively else colours.muted))
        inner = rect.adjusted(px(10), 0, -px(8), -1)
        mark = px(16) if is_sorted else 0
        text = self.model().headerData(section, Qt.Orientation.Horizontal, Qt.ItemDataRole.DisplayRole)
        text = metrics.elidedText(str(text), Qt.TextElideMode.ElideRight, inner.width() - mark)
        width = metrics.horizontalAdvance(text)
        left = inner.right() - width + 1 if column.kind is Kind.NUMBER else inner.left()
        painter.drawText(QRect(left, inner.top(), width + 2, inner.height()), int(Qt.AlignmentFlag.AlignVCenter), text)
        if is_sorted:
            middle = left - px(9) if column.kind is Kind.NUMBER else left + width + px(9)
            self._mark(painter, QPointF(middle, inner.center().y() + 0.5), QColor(colours.text))
        painter.restore()

    def _mark(self, painter: QPainter, middle: QPointF, colour: QColor) -> None:
        size = px(4)
        way = 1 if self.sortIndicatorOrder() is Qt.SortOrder.DescendingOrder else -1
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour, px(1.5), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        dip = way * size / 2
        painter.drawPolyline(QPolygonF([middle + QPointF(-size, -dip), middle + QPointF(0, dip), middle + QPointF(size, -dip)]))
