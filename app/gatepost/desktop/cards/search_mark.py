"""The magnifying glass in a search box. One of the system's own stays as small as it is when the text grows."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from ..theme import icon, px

SIDE = 16


class SearchMark(QWidget):
    """Lies in the box before its text, and lets clicks through."""

    def __init__(self, box: QLineEdit) -> None:
        super().__init__(box)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._box = box
        box.installEventFilter(self)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._place()
        return False

    def _place(self) -> None:
        side = px(SIDE)
        self.setGeometry(px(10), (self._box.height() - side) // 2, side, side)
        if self._box.textMargins().left() != side + px(8):
            self._box.setTextMargins(side + px(8), 0, 0, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        icon("search", "muted").paint(painter, self.rect())
