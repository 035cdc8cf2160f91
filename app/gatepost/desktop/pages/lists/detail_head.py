"""The top of a detail pane: state, subject, facts on one line, and signs for what can be done."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QToolButton, QWidget

from ...cards import Badge, ElidedLabel, Tone, label, line, rows, tool_button
from ...i18n import tr
from ...theme import Role, px, set_role

WIDE = 480
"""From this width on (at 100 %) the subject stands beside the state."""


class DetailHead(QWidget):
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        outer = rows(self, gap=6)
        self._outer = outer
        self._line = line(gap=2)
        self.badge = Badge()
        self._line.addWidget(self.badge)
        self._line.addSpacing(px(6))
        self._line.addStretch(1)
        self._line.addWidget(tool_button("close", tr("Close the details"), self.closed.emit))
        outer.addLayout(self._line)
        self._subject = ElidedLabel()
        set_role(self._subject, Role.SUBHEADING)
        outer.addWidget(self._subject)
        self._is_wide = False
        self._facts = label("", Role.MUTED, wrap=True, selectable=True)
        outer.addWidget(self._facts)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow pane the subject has a line of its own: it shall not be cut for the sake of signs."""
        super().resizeEvent(event)
        if (is_wide := event.size().width() >= px(WIDE)) != self._is_wide:
            self._is_wide = is_wide
            if is_wide:
                self._outer.removeWidget(self._subject)
                self._line.insertWidget(2, self._subject, 1000)
            else:
                self._line.removeWidget(self._subject)
                self._outer.insertWidget(1, self._subject)

    def add(self, sign: str, name: str, act: Callable[[], object]) -> QToolButton:
        """A sign before the one that closes."""
        button = tool_button(sign, name, act)
        self._line.insertWidget(self._line.count() - 1, button)
        return button

    def show_facts(self, are_shown: bool) -> None:
        """Beside a list they stand in its columns, too."""
        self._facts.setVisible(are_shown)

    def clear(self, facts: str) -> None:
        self.badge.set("…", Tone.NEUTRAL)
        self._subject.setText("")
        self._facts.setText(facts)

    def tell(self, state: str, tone: Tone, subject: str, facts: str) -> None:
        self.badge.set(state, tone)
        self._subject.setText(subject or tr("(no subject)"))
        self._facts.setText(facts)

    def tell_state(self, state: str, tone: Tone, facts: str) -> None:
        self.badge.set(state, tone)
        self._facts.setText(facts)
