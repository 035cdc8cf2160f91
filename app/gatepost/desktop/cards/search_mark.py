"""The magnifying glass in a search box, and what clears it. The system's own would stay small when the text grows."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from ..i18n import tr
from ..theme import icon, px
from .page_parts import tool_button

SIDE = 16


class SearchMark(QWidget):
    """Lies in the box before its text, and lets clicks through; behind the text a button that clears it, while there is one."""

    def __init__(self, box: QLineEdit) -> None:
        super().__init__(box)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._box = box
        self.clear = tool_button("close", tr("Clear the search"), self._clear)
        self.clear.setParent(box)
        self.clear.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # who types takes the text back by keys
        self.clear.setCursor(Qt.CursorShape.ArrowCursor)
        box.installEventFilter(self)
        box.textChanged.connect(lambda text: self.clear.setVisible(bool(text)))
        self.clear.setVisible(bool(box.text()))
        self._place()

    def _clear(self) -> None:
        self._box.clear()
        self._box.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._place()
        return False

    def _place(self) -> None:
        side = px(SIDE)
        self.setGeometry(px(10), (self._box.height() - side) // 2, side, side)
        wide = side + px(8)
        self.clear.setGeometry(self._box.width() - wide - px(4), (self._box.height() - wide) // 2, wide, wide)
        if self._box.textMargins().left() != wide:
            self._box.setTextMargins(wide, 0, wide, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        icon("search", "muted").paint(painter, self.rect())
