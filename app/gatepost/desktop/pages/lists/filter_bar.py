"""A search box and chips above a list. Typing waits for a pause; everything else tells at once."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QLineEdit, QSizePolicy, QWidget

from ...cards import LeadLayout, rows
from ...cards.search_mark import SearchMark
from ...theme import px

PAUSE_MS = 250
"""Typing is over after this long."""


class SearchBox(QLineEdit):
    """``wanted`` comes when a person has stopped typing, or pressed Enter."""

    wanted = Signal(str)

    def __init__(self, name: str, placeholder: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self.setMaxLength(200)
        SearchMark(self)
        self.setMinimumWidth(px(200))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._told = ""
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._tell)
        self.textChanged.connect(lambda _: self._pause.start())
        self.returnPressed.connect(self._tell)

    def set_quietly(self, text: str) -> None:
        """Put a text there without asking for it."""
        self.setText(text)
        self._told = text.strip()
        self._pause.stop()

    def _tell(self) -> None:
        self._pause.stop()
        text = self.text().strip()
        if text != self._told:
            self._told = text
            self.wanted.emit(text)


class FilterBar(QWidget):
    """Search box and further fields on one line, chips below; both fold where there is no room."""

    def __init__(self, search: SearchBox, fields: Sequence[QWidget], chips: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        outer = rows(self, gap=10)
        outer.setContentsMargins(0, px(4), 0, 0)  # below the header it stands where other pages' cards begin
        holder = QWidget()
        line = LeadLayout(holder, gap=8)
        line.addWidget(search)
        for field in fields:
            line.addWidget(field)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        holder.setSizePolicy(policy)
        outer.addWidget(holder)
        outer.addWidget(chips)


class Choice(QComboBox):
    """A drop-down of keys and texts."""

    wanted = Signal(str)

    def __init__(self, name: str, choices: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.set_choices(choices)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.activated.connect(lambda _: self.wanted.emit(self.chosen))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Not by the way, while the pointer passes over it."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    @property
    def chosen(self) -> str:
        return str(self.currentData() or "")

    def choose(self, key: str) -> None:
        self.setCurrentIndex(max(0, self.findData(key)))

    def set_choices(self, choices: Sequence[tuple[str, str]]) -> None:
        """What was chosen stays chosen where it is still there."""
        kept = self.chosen
        self.clear()
        for key, text in choices:
            self.addItem(text, key)
        self.choose(kept)
