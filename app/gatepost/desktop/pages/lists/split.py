"""A list and, when a row was opened, its details: beside it where there is room, else below."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QWidget

from ...theme import px

BESIDE = 940
"""From this width on (at 100 %) details stand beside the list."""
SHARE = 57
"""Percent for the list."""


class ListAndDetail(QSplitter):
    def __init__(self, card: QWidget, detail: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._detail = detail
        self.setChildrenCollapsible(False)
        self.setHandleWidth(px(12))
        self.addWidget(card)
        self.addWidget(detail)
        detail.hide()

    def open(self) -> None:
        if not self._detail.isVisible():
            self._detail.show()
            self._place(anew=True)

    def close_detail(self) -> None:
        self._detail.hide()

    def _place(self, *, anew: bool) -> None:
        is_wide = self.width() >= px(BESIDE)
        wanted = Qt.Orientation.Horizontal if is_wide else Qt.Orientation.Vertical
        if self.orientation() is not wanted:
            self.setOrientation(wanted)
            anew = True
        if anew:
            length, share = (self.width(), SHARE) if is_wide else (self.height(), 50)
            self.setSizes([length * share // 100, length * (100 - share) // 100])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._detail.isVisible():
            self._place(anew=False)
