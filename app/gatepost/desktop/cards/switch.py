"""A switch: a check box that looks like what it does."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox, QSizePolicy, QWidget

from ..theme import px, tokens


class Switch(QCheckBox):
    """``text`` beside it says what is on; without one, set an accessible name. Long texts take several lines."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def _track(self) -> QSize:
        return QSize(px(36), px(20))

    def _text_rect(self, width: int) -> QRect:
        left = px(2) + self._track().width() + px(10)
        bound = self.fontMetrics().boundingRect(QRect(0, 0, max(1, width - left), 10_000), self._flags(), self.text())
        return QRect(left, 0, max(1, width - left), bound.height())

    @staticmethod
    def _flags() -> int:
        return int(
            Qt.TextFlag.TextWordWrap.value
            | Qt.TextFlag.TextShowMnemonic.value
            | Qt.AlignmentFlag.AlignLeft.value
            | Qt.AlignmentFlag.AlignVCenter.value
        )

    def sizeHint(self) -> QSize:
        track = self._track()
        text = self.fontMetrics().size(Qt.TextFlag.TextShowMnemonic.value, self.text())
        width = px(4) + track.width() + (px(10) + text.width() + 2 if self.text() else 0)
        return QSize(width, self._least_height())

    def minimumSizeHint(self) -> QSize:
        track = self._track()
        width = px(4) + track.width() + (px(10) + px(60) if self.text() else 0)
        return QSize(min(width, self.sizeHint().width()), self._least_height())

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        text = self._text_rect(width).height() if self.text() else 0
        return max(self._least_height(), text + px(8))

    def _least_height(self) -> int:
        """That of a text field, so that both stand well beside each other."""
        return max(self._track().height() + px(8), self.fontMetrics().height() + px(14))

    def hitButton(self, position: QPoint) -> bool:
        return self.rect().contains(position)

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        size = self._track()
        text = self._text_rect(self.width())
        first_line = min(text.height(), self.fontMetrics().height()) if self.text() else 0
        several = text.height() > self.fontMetrics().height() * 1.5
        middle = px(5) + first_line / 2 if several else self.height() / 2
        track = QRectF(px(2), middle - size.height() / 2, size.width(), size.height())
        radius = track.height() / 2
        on = self.isChecked()
        painter.setPen(Qt.PenStyle.NoPen)
        ground = colours.accent if on else colours.track
        if not self.isEnabled():
            ground = colours.neutral_soft
        painter.setBrush(QColor(ground))
        painter.drawRoundedRect(track, radius, radius)
        knob = track.height() - px(6)
        left = track.right() - knob - px(3) if on else track.left() + px(3)
        knob_colour = colours.on_accent if on else (colours.text if colours.is_dark else colours.surface)
        painter.setBrush(QColor(knob_colour if self.isEnabled() else colours.disabled))
        painter.drawEllipse(QRectF(left, track.top() + px(3), knob, knob))
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colours.focus), px(1.5)))
            ring = track.adjusted(-2, -2, 2, 2)
            painter.drawRoundedRect(ring, radius + 2, radius + 2)
        if self.text():
            painter.setPen(QColor(colours.text if self.isEnabled() else colours.disabled))
            area = text.adjusted(0, px(5), 0, px(5)) if several else QRect(text.left(), 0, text.width(), self.height())
            painter.drawText(area, self._flags(), self.text())
