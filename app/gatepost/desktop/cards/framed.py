"""A list in its frame, with a line below it that counts and acts: every list of the app has the same."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QSizePolicy, QVBoxLayout, QWidget

from ..theme import Role, px, set_role
from .layout import LeadLayout, divider, rows


class Framed(QFrame):
    """``content`` fills it; ``foot`` stands below a line."""

    def __init__(self, content: QWidget, foot: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, Role.CARD)
        outer = QVBoxLayout(self)
        outer.setSpacing(0)
        outer.setContentsMargins(1, px(4), 1, 1)  # above it: a header with square corners would cover the round ones
        outer.addWidget(content, 1)
        outer.addWidget(divider())
        outer.addWidget(foot)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)


class FootLine(QWidget):
    """The first takes what room is left, such as a count, the others their own width at its right. Its height stays when
    buttons come and go."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        outer = rows(self, gap=0)
        outer.setContentsMargins(px(12), px(6), px(8), px(6))
        holder = QWidget()
        outer.addStretch(1)
        outer.addWidget(holder)
        outer.addStretch(1)
        self._layout = LeadLayout(holder, gap=8)
        for widget in (holder, self):
            policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
            policy.setHeightForWidth(True)
            widget.setSizePolicy(policy)
        self.setMinimumHeight(px(46))

    def add(self, widget: QWidget) -> None:
        self._layout.addWidget(widget)
