"""The parts every page is made of: its header, its scrolling body, and what stands there when there is nothing to show."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QPushButton, QScrollArea, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from ..theme import Role, icon, px, set_role
from .layout import LeadLayout, line, rows
from .text import Sign, label

FOCUS_ROOM = 3
"""Around what scrolls in a dialog, at 100 %: else the ring around the focused field is cut."""


class PageHeader(QWidget):
    """Title, one sentence, and the page's actions at the right. ``can_go_back``: a way back to the list."""

    back_requested = Signal()

    def __init__(self, title: str, subtitle: str = "", *, back: str = "", parent: QWidget | None = None) -> None:
        """``back``: where the way back leads, such as “Gateways”; empty where there is none."""
        super().__init__(parent)
        outer = rows(self, gap=5)
        if back:
            button = QPushButton(icon("back", "accent"), back)
            set_role(button, Role.LINK)
            button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
            button.clicked.connect(self.back_requested)
            outer.addWidget(button)
        top = QWidget()
        self._top = LeadLayout(top)
        self._title = label(title, Role.TITLE, wrap=True)
        self._top.addWidget(self._title)
        outer.addWidget(top)
        self._subtitle = label(subtitle, Role.MUTED, wrap=True)
        self._subtitle.setVisible(bool(subtitle))
        outer.addWidget(self._subtitle)

    @property
    def title(self) -> str:
        return self._title.text()

    def set_title(self, text: str) -> None:
        self._title.setText(text)

    def set_subtitle(self, text: str) -> None:
        self._subtitle.setText(text)
        self._subtitle.setVisible(bool(text))

    def add_action(self, widget: QWidget) -> None:
        self._top.addWidget(widget)


class PageBody(QScrollArea):
    """Scrolls up and down, never sideways; ``column`` takes the cards. Keeps the focused field in sight."""

    def __init__(self, parent: QWidget | None = None, *, widest: float = 1080, in_dialog: bool = False) -> None:
        """``widest``: lines longer than this (at 100 %) are hard to read. ``in_dialog``: margins are the dialog's."""
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        holder = Scrolled()
        outer = line(holder, gap=0)
        self._margins = (px(FOCUS_ROOM), 0, px(14), px(FOCUS_ROOM)) if in_dialog else (px(28), px(24), px(28), px(28))
        self._outer = outer
        outer.setContentsMargins(*self._margins)
        inner = QWidget()
        inner.setMaximumWidth(px(widest))
        self.column: QVBoxLayout = rows(inner)
        self.column.setAlignment(Qt.AlignmentFlag.AlignTop)
        outer.addWidget(inner, 1, Qt.AlignmentFlag.AlignTop)
        outer.addStretch(0)
        self.setWidget(holder)
        self.verticalScrollBar().rangeChanged.connect(lambda *_: self._make_room())

    def add(self, widget: QWidget) -> None:
        self.column.addWidget(widget)

    def _make_room(self) -> None:
        """The bar stands in the margin: cards end at the same line whether it is there or not."""
        left, top, right, bottom = self._margins
        bar = self.verticalScrollBar()
        taken = bar.sizeHint().width() if bar.maximum() > bar.minimum() else 0
        self._outer.setContentsMargins(left, top, max(px(2), right - taken), bottom)


class Scrolled(QWidget):
    """What is scrolled, as tall as its width asks for: at its least width, texts would wrap and ask for more than is needed."""

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), 0)


class EmptyState(QWidget):
    """Nothing to show: why, and what to do next."""

    def __init__(self, sign: str, title: str, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        outer = rows(self, gap=8)
        outer.setContentsMargins(px(24), px(16), px(24), px(16))
        outer.addStretch(1)
        self._name = sign
        self._sign = Sign(sign, "muted", 44)
        outer.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignHCenter)
        self._title = label(title, Role.HEADING, wrap=True)
        self._title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        outer.addWidget(self._title)
        self._text = label(text, Role.MUTED, wrap=True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        outer.addWidget(self._text)
        self._buttons = line(gap=10)
        self._buttons.setContentsMargins(0, px(10), 0, 0)
        self._buttons.addStretch(1)
        self._buttons.addStretch(1)
        outer.addLayout(self._buttons)
        outer.addStretch(2)

    def tell(self, title: str, text: str = "", *, sign: str = "") -> None:
        """``sign``: another one than its own, as “search” where a search found nothing."""
        self._sign.set(sign or self._name, "muted")
        self._title.setText(title)
        self._text.setText(text)

    def add_action(self, text: str, act: Callable[[], object], *, is_primary: bool = True) -> QPushButton:
        button = QPushButton(text)
        if is_primary:
            set_role(button, Role.PRIMARY)
        button.clicked.connect(lambda: act())
        self._buttons.insertWidget(self._buttons.count() - 1, button)
        return button


def tool_button(sign: str, name: str, act: Callable[[], object] | None = None, *, tone: str = "") -> QToolButton:
    """A button of a sign alone; ``name`` is its accessible name and tool tip."""
    button = QToolButton()
    button.setIcon(icon(sign, tone))
    button.setAccessibleName(name)
    button.setToolTip(name)
    set_role(button, Role.QUIET)
    if act is not None:
        button.clicked.connect(lambda: act())
    return button
