"""A chart of a few lines over time, with its own painter."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QLinearGradient, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ..i18n import format_count
from ..theme import px, tokens


@dataclass(frozen=True, slots=True)
class Series:
    """``colour`` names a token. All series of a chart have as many values as it has labels."""

    name: str
    values: Sequence[float]
    colour: str = "accent"
    is_filled: bool = True


class LineChart(QWidget):
    """``labels`` name the points along the x axis; as many of them are written as there is room for, the newest one always."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._series: tuple[Series, ...] = ()
        self._labels: Sequence[str] = ()
        self._ticks: Sequence[Sequence[int]] = ()
        self._format: Callable[[float], str] = lambda value: format_count(round(value))
        self._hovered: int | None = None
        self._nothing = ""
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_data(
        self, labels: Sequence[str], series: Sequence[Series], *, nothing: str = "", ticks: Sequence[Sequence[int]] = ()
    ) -> None:
        """``nothing``: what is said instead of lines where every value is 0.

        ``ticks``: which points are worth a label, from the closest choice to the widest; the first that has room is taken.
        Without any, every so many points get one.
        """
        self._labels = labels
        self._ticks = ticks
        self._series = tuple(series)
        self._nothing = nothing
        parts = [f"{one.name}: {self._format(one.values[-1])}" for one in self._series if one.values]
        self.setAccessibleDescription(", ".join(parts))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(px(480), px(240))

    def minimumSizeHint(self) -> QSize:
        return QSize(px(200), px(150))

    @property
    def _is_empty(self) -> bool:
        return not self._labels or not any(any(one.values) for one in self._series)

    def _top(self) -> float:
        highest = max((max(one.values, default=0) for one in self._series), default=0)
        return nice_top(highest)

    def _plot(self) -> QRectF:
        metrics = self.fontMetrics()
        left = metrics.horizontalAdvance(self._format(self._top())) + px(10)
        below = metrics.height() + px(8)
        last = metrics.horizontalAdvance(self._labels[-1]) / 2 if self._labels else 0
        return QRectF(
            left, metrics.height() / 2 + 1, self.width() - left - max(px(6), last), self.height() - below - metrics.height()
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plot = self._plot()
        top = self._top()
        self._paint_grid(painter, plot, top)
        if self._is_empty:
            self._paint_nothing(painter, plot)
            return
        for series in self._series:
            points = self._points(plot, series, top)
            if len(points) < 2:
                continue
            if series.is_filled:
                self._paint_area(painter, plot, points, series)
            pen = QPen(QColor(getattr(colours, series.colour)), px(2))
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolyline(QPolygonF(points))
        self._paint_hover(painter, plot, top)

    def _paint_nothing(self, painter: QPainter, plot: QRectF) -> None:
        """In words, with no line of the grid through them."""
        flags = int(Qt.AlignmentFlag.AlignCenter.value | Qt.TextFlag.TextWordWrap.value)
        taken = painter.boundingRect(plot, flags, self._nothing)
        painter.fillRect(taken.adjusted(-px(10), -px(4), px(10), px(4)), QColor(tokens().surface))
        painter.setPen(QColor(tokens().muted))
        painter.drawText(plot, flags, self._nothing)

    def _points(self, plot: QRectF, series: Series, top: float) -> list[QPointF]:
        steps = max(1, len(series.values) - 1)
        return [
            QPointF(plot.left() + plot.width() * index / steps, plot.bottom() - plot.height() * value / top)
            for index, value in enumerate(series.values)
        ]

    def _paint_grid(self, painter: QPainter, plot: QRectF, top: float) -> None:
        colours = tokens()
        metrics = self.fontMetrics()
        steps = 4 if plot.height() > metrics.height() * 6 else 2
        if top <= 4:
            steps = min(steps, max(1, int(top)))
        for step in range(steps + 1):
            y = plot.bottom() - plot.height() * step / steps
            painter.setPen(QPen(QColor(colours.border), 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(QColor(colours.muted))
            text = self._format(top * step / steps)
            box = QRectF(0, y - metrics.height() / 2, plot.left() - px(8), metrics.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        self._paint_labels(painter, plot)

    def _paint_labels(self, painter: QPainter, plot: QRectF) -> None:
        if not self._labels:
            return
        metrics = self.fontMetrics()
        count = len(self._labels)
        painter.setPen(QColor(tokens().muted))
        for index in self.labelled(plot.width()):
            x = plot.left() + plot.width() * index / max(1, count - 1)
            width = metrics.horizontalAdvance(self._labels[index]) + 2
            left = max(0.0, min(x - width / 2, self.width() - width))
            box = QRectF(left, plot.bottom() + px(6), width, metrics.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._labels[index])

    def labelled(self, width: float) -> list[int]:
        """The points that get their label where the axis is so wide."""
        metrics = self.fontMetrics()
        count = len(self._labels)
        widest = max(metrics.horizontalAdvance(text) for text in self._labels) + px(20)
        apart = widest * max(1, count - 1) / max(1.0, width)
        """Points between two labels, at least."""
        newest = count - 1
        for ticks in self._ticks:
            if all(later - earlier >= apart for earlier, later in itertools.pairwise(ticks)):
                return [*(index for index in ticks if newest - index >= apart), newest]
        return list(range(newest, -1, -max(1, math.ceil(apart))))

    def _paint_area(self, painter: QPainter, plot: QRectF, points: list[QPointF], series: Series) -> None:
        path = QPainterPath(QPointF(points[0].x(), plot.bottom()))
        for point in points:
            path.lineTo(point)
        path.lineTo(QPointF(points[-1].x(), plot.bottom()))
        colour = QColor(getattr(tokens(), series.colour))
        shade = QLinearGradient(plot.topLeft(), plot.bottomLeft())
        colour.setAlphaF(0.24)
        shade.setColorAt(0, colour)
        colour.setAlphaF(0.02)
        shade.setColorAt(1, colour)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(shade)
        painter.drawPath(path)

    def _paint_hover(self, painter: QPainter, plot: QRectF, top: float) -> None:
        if self._hovered is None or self._hovered >= len(self._labels):
            return
        colours = tokens()
        x = plot.left() + plot.width() * self._hovered / max(1, len(self._labels) - 1)
        painter.setPen(QPen(QColor(colours.disabled), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
        for series in self._series:
            if self._hovered < len(series.values):
                y = plot.bottom() - plot.height() * series.values[self._hovered] / top
                painter.setPen(QPen(QColor(colours.surface), px(2)))
                painter.setBrush(QColor(getattr(colours, series.colour)))
                painter.drawEllipse(QPointF(x, y), px(4), px(4))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        plot = self._plot()
        if self._is_empty or not plot.adjusted(-px(6), 0, px(6), 0).contains(event.position()):
            self._hover(None)
            return
        count = len(self._labels)
        index = round((event.position().x() - plot.left()) / plot.width() * (count - 1))
        self._hover(max(0, min(count - 1, index)))
        lines = [self._labels[self._hovered or 0]]
        lines += [f"{one.name}: {self._format(one.values[self._hovered or 0])}" for one in self._series]
        QToolTip.showText(event.globalPosition().toPoint(), "\n".join(lines), self)

    def leaveEvent(self, event: object) -> None:
        self._hover(None)

    def _hover(self, index: int | None) -> None:
        if index != self._hovered:
            self._hovered = index
            self.update()


def nice_top(highest: float) -> float:
    """The end of the scale: at or above ``highest``, and its quarters are round numbers where it is large enough."""
    if highest <= 0:
        return 4.0
    if highest <= 4:
        return float(math.ceil(highest))
    magnitude = 10.0 ** math.floor(math.log10(highest / 4))
    for step in (1, 2, 2.5, 5, 10):
        if step * magnitude * 4 >= highest and (step * magnitude).is_integer():
            return step * magnitude * 4
    return 40.0 * magnitude
