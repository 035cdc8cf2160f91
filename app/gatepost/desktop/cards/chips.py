"""Filter chips: which of several kinds a list shows."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QButtonGroup, QPushButton, QSizePolicy, QWidget

from ..i18n import format_count
from ..theme import Role, set_role
from .layout import Flow


class FilterChips(QWidget):
    """One of several, as a group of radio buttons: arrow keys move, the count stands beside the word when it is known."""

    chosen = Signal(str)
    """key, by the person"""

    def __init__(self, name: str, choices: Iterable[tuple[str, str]], parent: QWidget | None = None) -> None:
        """``name``: what the choice is about, for screen readers. ``choices``: key and words; the first one is chosen."""
        super().__init__(parent)
        self.setAccessibleName(name)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._words: dict[str, str] = {}
        self._buttons: dict[str, QPushButton] = {}
        flow = Flow(self, gap=6)
        for key, words in choices:
            button = QPushButton(words)
            button.setCheckable(True)
            button.setAccessibleDescription(name)
            set_role(button, Role.CHIP)
            self._words[key] = words
            self._buttons[key] = button
            self._group.addButton(button)
            button.clicked.connect(lambda _=False, chosen=key: self.chosen.emit(chosen))
            flow.addWidget(button)
        next(iter(self._buttons.values())).setChecked(True)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    @property
    def current(self) -> str:
        return next(key for key, button in self._buttons.items() if button.isChecked())

    def choose(self, key: str) -> None:
        self._buttons[key].setChecked(True)

    def focus_current(self) -> None:
        """The chip that is chosen gets the keyboard."""
        self._buttons[self.current].setFocus(Qt.FocusReason.OtherFocusReason)

    def set_count(self, key: str, count: int | None, *, note: str = "") -> None:
        """``note``: a word behind the count, such as “new”."""
        words = self._words[key]
        text = words if count is None else f"{words}  {format_count(count)}"
        self._buttons[key].setText(f"{text} · {note}" if note else text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1}
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        keys = list(self._buttons)
        key = keys[(keys.index(self.current) + step) % len(keys)]
        self._buttons[key].setFocus(Qt.FocusReason.TabFocusReason)
        self._buttons[key].click()
