"""A badge: a word on a coloured ground."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from ..theme import Tokens, px, tokens


class Tone(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    NEUTRAL = "neutral"
    ACCENT = "accent"

    def colours(self, table: Tokens) -> tuple[str, str]:
        """For text and strokes, and for the ground."""
        return getattr(table, self.value), getattr(table, f"{self.value}_soft")


class Badge(QLabel):
    """The word carries the meaning, the tone only helps to find it."""

    def __init__(self, text: str = "", tone: Tone = Tone.NEUTRAL, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.tone = tone
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def set(self, text: str, tone: Tone) -> None:
        self.tone = tone
        self.setText(text)
        self.update()

    def _bold(self) -> QFont:
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold)
        return font

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self._bold())
        return QSize(metrics.horizontalAdvance(self.text()) + px(22), metrics.height() + px(4))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        text, ground = self.tone.colours(tokens())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(ground))
        height = min(self.height(), self.sizeHint().height())
        pill = QRectF(0, (self.height() - height) / 2, self.width(), height)
        painter.drawRoundedRect(pill, height / 2, height / 2)
        painter.setFont(self._bold())
        painter.setPen(QColor(text))
        painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, self.text())
