"""The card of what needs attention: the worst first, each with the button that mends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from ...cards import Card, LeadLayout, Sign, divider, label, line, rows
from ...i18n import ntr, tr
from ...theme import Role
from .needs import Need, Weight
from .parts import clear, link

MAX_NEEDS = 3
_SIGNS = {Weight.BAD: ("bad", "bad"), Weight.WARNING: ("warning", "warning"), Weight.HINT: ("info", "accent")}


class AttentionCard(Card):
    """Hidden while nothing needs attention."""

    mend_wanted = Signal(object)
    """Need: its button was pressed."""

    def __init__(self) -> None:
        super().__init__(tr("Needs attention"))
        self._shown: Sequence[Need] | None = None
        self._shows_all = False
        self._rows = rows(gap=10)
        self.body.addLayout(self._rows)
        self.hide()

    def show_needs(self, found: Sequence[Need]) -> None:
        if found == self._shown:
            return
        self._shown = found
        self._fill(found if self._shows_all else found[:MAX_NEEDS])
        if len(found) > MAX_NEEDS:
            more = ntr("Show {n} more", "Show {n} more", len(found) - MAX_NEEDS)
            self._rows.addWidget(link(tr("Show fewer") if self._shows_all else more, self._toggle))
        self.setVisible(bool(found))

    def _fill(self, found: Sequence[Need]) -> None:
        clear(self._rows)
        for number, need in enumerate(found):
            if number:
                self._rows.addWidget(divider())
            self._rows.addWidget(_NeedRow(need, self.mend_wanted.emit))

    def _toggle(self) -> None:
        self._shows_all = not self._shows_all
        found, self._shown = self._shown, None
        if found is not None:
            self.show_needs(found)


class _NeedRow(QWidget):
    """What is wrong, and the button that mends it."""

    def __init__(self, need: Need, mend: Callable[[Need], None]) -> None:
        super().__init__()
        layout = LeadLayout(self)
        said = QWidget()
        beside = line(said, gap=12)
        sign, tone = _SIGNS[need.weight]
        beside.addWidget(Sign(sign, tone, 20), 0, Qt.AlignmentFlag.AlignTop)
        words = rows(gap=2)
        words.addWidget(label(need.title, Role.STRONG, wrap=True))
        if need.detail:
            words.addWidget(label(need.detail, Role.MUTED, wrap=True, selectable=True))
        beside.addLayout(words, 1)
        layout.addWidget(said)
        button = QPushButton(need.button)
        button.setAccessibleDescription(need.title)
        button.clicked.connect(lambda: mend(need))
        layout.addWidget(button)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
