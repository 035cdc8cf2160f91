"""The card of the throughput: messages a minute over the last hour, day or week."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QWidget

from ...cards import Card, FilterChips, Flow, LineChart, Series, label, line
from ...i18n import tr
from ...theme import Role, px, tokens
from .trends import TROUBLE, Range, Sums, round_points
from .words import point_label


class ThroughputCard(Card):
    range_chosen = Signal()
    """Another time is to be shown: its sums are to be read."""

    def __init__(self) -> None:
        super().__init__(tr("Throughput"), " ")
        self.range = Range.DAY
        choices = ((Range.HOUR.value, tr("Hour")), (Range.DAY.value, tr("Day")), (Range.WEEK.value, tr("Week")))
        ranges = FilterChips(tr("Time shown"), choices)
        ranges.choose(self.range.value)
        ranges.chosen.connect(self._choose)
        self.add_to_header(ranges)
        self.chart = LineChart(tr("Throughput"))
        self.chart.setMinimumHeight(px(220))
        self.add(self.chart)
        legend = QWidget()
        flow = Flow(legend, gap=18)
        for colour, words in (("accent", tr("Delivered")), ("second_line", tr("Deferred, bounced or refused"))):
            flow.addWidget(_LegendLine(colour, words))
        self.add(legend)

    def _choose(self, key: str) -> None:
        self.range = Range(key)
        self.range_chosen.emit()

    def show_sums(self, sums: Sums, now: float) -> None:
        subtitle = {
            Range.HOUR: tr("Messages per minute, last hour"),
            Range.DAY: tr("Messages per minute, last 24 hours"),
            Range.WEEK: tr("Messages per minute, last 7 days"),
        }[self.range]
        self.set_subtitle(subtitle)
        if sums.step != self.range.step:
            return  # those of the time chosen are on their way
        points = sums.points(self.range.minutes, now)
        labels = [point_label(point, self.range) for point in points[:-1]] + [tr("now")]
        self.chart.set_data(
            labels if points else (),
            (
                Series(tr("Delivered"), [point.delivered for point in points]),
                Series(tr("Deferred, bounced or refused"), [point.trouble for point in points], "second_line"),
            ),
            nothing=self._nothing_words(sums, now),
            ticks=[round_points(points, between) for between in self.range.round_times],
        )

    @staticmethod
    def _nothing_words(sums: Sums, now: float) -> str:
        """What came a moment ago is no point of the chart yet."""
        begun = int(now // 60) // sums.step * sums.step
        if any(sums.total(name, begun, begun + sums.step) for name in ("delivered", *TROUBLE)):
            return tr("The first point is drawn in a few minutes")
        return tr("No mail in this time")


class _LegendLine(QWidget):
    """A stroke of a series' colour and its name."""

    def __init__(self, colour: str, words: str) -> None:
        super().__init__()
        self._words = words
        layout = line(self)
        layout.addWidget(_Stroke(colour))
        layout.addWidget(label(words, Role.MUTED, wrap=True), 1)

    def sizeHint(self) -> QSize:
        # A label that wraps names no width of its own.
        return QSize(px(18) + px(8) + self.fontMetrics().horizontalAdvance(self._words) + 2, self.fontMetrics().height())


class _Stroke(QWidget):
    def __init__(self, colour: str) -> None:
        super().__init__()
        self._colour = colour
        self.setFixedSize(px(18), px(8))

    def paintEvent(self, event: object) -> None:
        painter = QPainter(self)
        painter.setPen(QPen(QColor(getattr(tokens(), self._colour)), px(2)))
        painter.drawLine(0, self.height() // 2, self.width(), self.height() // 2)
