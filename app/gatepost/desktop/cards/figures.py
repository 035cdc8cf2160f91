"""Numbers at a glance: a figure with its trend, and facts in two columns."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QFrame, QGridLayout, QWidget

from ..theme import Role, px, set_role
from .badge import Badge, Tone
from .layout import LeadLayout, rows
from .text import ElidedLabel, label


class Figure(QFrame):
    """A big number, what it counts, and a word beside it."""

    def __init__(self, caption: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, Role.CARD)
        outer = rows(self, gap=8, margins=20)
        outer.setContentsMargins(px(20), px(16), px(20), px(16))
        self._caption = label(caption, Role.MUTED, wrap=True)
        outer.addWidget(self._caption)
        bottom = QWidget()
        holder = LeadLayout(bottom, gap=8)
        self._number = label("–")
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.95)
        font.setWeight(QFont.Weight.Bold)
        self._number.setFont(font)
        holder.addWidget(self._number)
        self._badge = Badge()
        self._badge.hide()
        holder.addWidget(self._badge)
        outer.addWidget(bottom)
        outer.addStretch(1)
        self._tell()

    def set(self, number: str, note: str = "", tone: Tone = Tone.NEUTRAL) -> None:
        if number != self._number.text():
            self._number.setText(number)
        if note != self._badge.text() or tone is not self._badge.tone:
            self._badge.set(note, tone)
            self._badge.setVisible(bool(note))
        self._tell()

    def _tell(self) -> None:
        self.setAccessibleName(" ".join(filter(None, (self._caption.text(), self._number.text(), self._badge.text()))))


class Facts(QWidget):
    """Names and values in two columns; values can be selected and copied, and wrap."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(px(16))
        self._grid.setVerticalSpacing(px(6))
        self._grid.setColumnStretch(1, 1)

    def set(self, facts: Iterable[tuple[str, str]]) -> None:
        """Empty values are left out."""
        while (item := self._grid.takeAt(0)) is not None:
            found = item.widget()
            if found is not None:
                found.hide()
                found.deleteLater()
        for row, (name, value) in enumerate((n, v) for n, v in facts if v):
            name_label = label(name, Role.MUTED)
            value_label = label(value, wrap=True, selectable=True)
            value_label.setAccessibleName(f"{name}: {value}")
            self._grid.addWidget(name_label, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(value_label, row, 1, Qt.AlignmentFlag.AlignTop)


class HealthLine(QWidget):
    """One thing and how it does: name, where it is, a badge."""

    def __init__(self, name: str, where: str, word: str, tone: Tone, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        outer = LeadLayout(self)
        words = QWidget()
        stacked = rows(words, gap=1)
        stacked.addWidget(ElidedLabel(name))
        place = ElidedLabel(where)
        set_role(place, Role.MUTED)
        stacked.addWidget(place)
        outer.addWidget(words)
        outer.addWidget(Badge(word, tone))
        self.setAccessibleName(f"{name}, {where}: {word}")
