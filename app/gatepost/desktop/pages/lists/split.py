"""A list and, when a row was opened, its details: beside it where there is room, else below, else in its place."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QWidget

from ...theme import px

BESIDE = 940
"""From this width on (at 100 %) details stand beside the list."""
BOTH = 340
"""Lower than this (at 100 %), a list and details below it would both be cut: the list waits until they are closed."""
SHARE = 54
"""Percent for the list."""


class ListAndDetail(QSplitter):
    """``make_detail`` is called when details are opened for the first time."""

    def __init__(self, card: QWidget, make_detail: Callable[[], QWidget], parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._make_detail = make_detail
        self._detail: QWidget | None = None
        self._card = card
        self.setChildrenCollapsible(False)
        self.setHandleWidth(px(12))
        self.addWidget(card)

    @property
    def is_made(self) -> bool:
        return self._detail is not None

    @property
    def is_open(self) -> bool:
        return self._detail is not None and self._detail.isVisible()

    def open(self) -> None:
        if self._detail is None:
            self._detail = self._make_detail()
            self._detail.hide()
            self.addWidget(self._detail)
        if not self._detail.isVisible():
            self._detail.show()
            self._place(anew=True)

    def close_detail(self) -> None:
        if self._detail is not None:
            self._detail.hide()
        self._card.show()

    def _place(self, *, anew: bool) -> None:
        is_wide = self.width() >= px(BESIDE)
        wanted = Qt.Orientation.Horizontal if is_wide else Qt.Orientation.Vertical
        if self.orientation() is not wanted:
            self.setOrientation(wanted)
            anew = True
        has_room = is_wide or self.height() >= px(BOTH)
        if has_room == self._card.isHidden():
            self._card.setVisible(has_room)
            anew = True
        if anew:
            length, share = (self.width(), SHARE) if is_wide else (self.height(), 50)
            self.setSizes([length * share // 100, length * (100 - share) // 100])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.is_open:
            self._place(anew=False)
