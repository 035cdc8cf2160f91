"""The sidebar: the pages, and at its foot the relay that is being administered."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from .i18n import tr
from .pages.registry import PageEntry
from .relay_chooser import RelayChooser
from .relay_words import Offer, Tone, Words, label_of
from .theme import Role, icon, px, set_role, theme

_MARKS = {Tone.GOOD: "good", Tone.BUSY: "refresh", Tone.CAREFUL: "warning", Tone.BAD: "bad", Tone.NEUTRAL: "pause"}
"""A shape for each tone: colour is never the only sign."""
_COLOURS = {Tone.GOOD: "good", Tone.BUSY: "accent", Tone.CAREFUL: "warning", Tone.BAD: "bad", Tone.NEUTRAL: "muted"}


class NavigationButton(QToolButton):
    """One page. The arrow keys move between them."""

    focused = Signal()

    def __init__(self, entry: PageEntry, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.key = entry.key
        self.setObjectName(f"navigate-{entry.key}")
        self.setProperty("role", "navigation")
        self.setText(f" {tr(entry.title)}")  # the style leaves too little room after the icon
        self.setAccessibleName(tr(entry.title))
        self.setIcon(icon(entry.icon))
        self.setIconSize(QSize(px(18), px(18)))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setCheckable(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setToolTip(tr("Ctrl+{number}", number=number) if number <= 9 else "")

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.focused.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self.focusNextPrevChild(event.key() == Qt.Key.Key_Down)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)


class RelayFoot(QWidget):
    """Which relay, its state in words, and the one thing that can be done about it."""

    offered = Signal(object)
    """Offer"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("relay-foot")
        self._offer = Offer.NOTHING
        self.where = RelayChooser(self)
        self._mark = QLabel(self)
        self._state = QLabel(self)
        self._state.setObjectName("relay-state")
        self._state.setTextFormat(Qt.TextFormat.PlainText)
        self._state.setWordWrap(True)
        set_role(self._state, Role.STRONG)
        self.button = QPushButton(self)
        self.button.setObjectName("relay-action")
        self.button.clicked.connect(lambda: self.offered.emit(self._offer))
        state = QHBoxLayout()
        state.setSpacing(px(8))
        state.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        state.addWidget(self._state, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, px(6), 0, px(12))
        outer.setSpacing(px(4))
        outer.addWidget(self.where)
        layout = QVBoxLayout()
        layout.setContentsMargins(px(12), 0, px(12), 0)
        layout.setSpacing(px(6))
        outer.addLayout(layout)
        layout.addLayout(state)
        layout.addWidget(self.button)
        self._words: Words | None = None

    def show_relay(self, where: str, at: str, words: Words) -> None:
        """``where`` names the relay, ``at`` says where that is."""
        self._words = words
        self.where.show_place(where, at)
        self._state.setText(words.state)
        self._state.setToolTip(words.detail)
        self._state.setAccessibleName(tr("State of the relay: {state}", state=words.state))
        self._offer = words.offer
        label = label_of(words.offer)
        self.button.setText(label)
        self.button.setVisible(bool(label))
        self.recolour()

    def recolour(self) -> None:
        """After a change of theme."""
        self.where.recolour()
        if self._words is not None:
            side = px(16)
            picture = icon(_MARKS[self._words.tone], _COLOURS[self._words.tone]).pixmap(
                QSize(side, side), self.devicePixelRatioF()
            )
            self._mark.setPixmap(picture)


class _PagesArea(QScrollArea):
    """Scrolls up and down; as wide as the names of the pages, whatever stands below it."""

    def minimumSizeHint(self) -> QSize:
        inner = self.widget()
        width = inner.minimumSizeHint().width() if inner is not None else 0
        return QSize(width + self.verticalScrollBar().sizeHint().width(), super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        return super().sizeHint().expandedTo(self.minimumSizeHint())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.widget() and event.type() is QEvent.Type.LayoutRequest:
            self.updateGeometry()  # names in another font or language
        return super().eventFilter(watched, event)


class Sidebar(QFrame):
    wanted = Signal(str)
    """key of a page"""

    def __init__(self, entries: Iterable[PageEntry], menu: QMenu, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidebar")
        set_role(self, Role.SIDEBAR)
        theme().style(self)
        self._buttons: dict[str, NavigationButton] = {}
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self.foot = RelayFoot(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(px(8), px(12), px(8), px(8))
        layout.setSpacing(px(2))
        self.menu_button = QToolButton(self)
        self.menu_button.setObjectName("application-menu")
        self.menu_button.setProperty("role", "application")
        self.menu_button.setText("Gatepost")
        self.menu_button.setAccessibleName(tr("Menu"))
        self.menu_button.setIcon(icon("gatepost", "accent"))
        self.menu_button.setIconSize(QSize(px(22), px(22)))
        self.menu_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu_button.setMenu(menu)
        self.menu_button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        layout.addWidget(self.menu_button)
        layout.addSpacing(px(8))
        # With large text the pages may need more height than a small window has.
        scrolled = _PagesArea(self)
        scrolled.setWidgetResizable(True)
        scrolled.setFrameShape(QFrame.Shape.NoFrame)
        scrolled.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scrolled.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        holder = QWidget()
        scrolled.setWidget(holder)
        listed = QVBoxLayout(holder)
        listed.setContentsMargins(0, 0, 0, 0)
        listed.setSpacing(px(2))
        for number, entry in enumerate(entries, 1):
            button = NavigationButton(entry, number, self)
            button.clicked.connect(lambda _=False, key=entry.key: self.wanted.emit(key))
            self._group.addButton(button)
            self._buttons[entry.key] = button
            button.focused.connect(lambda button=button: scrolled.ensureWidgetVisible(button))
            listed.addWidget(button)
        listed.addStretch(1)
        self._scrolled = scrolled
        layout.addWidget(scrolled, 1)
        self.help_button = self._make_help_button()
        layout.addWidget(self.help_button)
        line = QFrame(self)
        set_role(line, Role.DIVIDER)
        layout.addWidget(line)
        layout.addWidget(self.foot)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setMinimumWidth(min(px(208), 300))  # large text shall not take the page's room

    def _make_help_button(self) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName("help")
        button.setProperty("role", "navigation")
        button.setText(f" {tr('Help')}")
        button.setAccessibleName(tr("Help"))
        button.setIcon(icon("help"))
        button.setIconSize(QSize(px(18), px(18)))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setCheckable(True)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setToolTip("F1")
        return button

    def choose(self, key: str) -> None:
        """Mark the page that is shown."""
        if key in self._buttons:
            self._buttons[key].setChecked(True)
            # Once the list has its size: at the start it has none yet.
            QTimer.singleShot(0, self, lambda: self._scrolled.ensureWidgetVisible(self._buttons[key]))
        elif (checked := self._group.checkedButton()) is not None:  # a page that is not listed here
            self._group.setExclusive(False)
            checked.setChecked(False)
            self._group.setExclusive(True)

    def recolour(self) -> None:
        self.foot.recolour()
