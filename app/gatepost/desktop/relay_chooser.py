"""Which relay is administered: the button at the foot of the sidebar, and its menu of those that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QResizeEvent
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolButton, QWidget

from .i18n import tr
from .theme import icon, px, theme

if TYPE_CHECKING:
    from ..control.place import Place

LOCAL, SERVICE = "", "service"
"""Keys of places that are on this computer; others are names in the account's book of relays."""


class RelayChooser(QToolButton):
    chosen = Signal(str)
    """key of a place"""
    add_wanted = Signal()
    forget_wanted = Signal(str)
    move_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("relay-chooser")
        self.setProperty("role", "navigation")
        self.setIconSize(QSize(px(18), px(18)))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.key = LOCAL
        self._where = ""
        self._menu = QMenu(self)
        self._menu.setObjectName("relay-menu")
        theme().style(self._menu)
        self._menu.aboutToShow.connect(self.fill)
        self.setMenu(self._menu)
        self.recolour()

    @property
    def relay_menu(self) -> QMenu:
        return self._menu

    def show_place(self, where: str, at: str) -> None:
        self._where = where
        self.setToolTip(at)
        self.setAccessibleName(tr("Relay: {name}. Choose another one", name=where))
        self._elide()

    def fill(self) -> None:
        """The relays that there are now."""
        self._menu.clear()
        names, problem = known_names()
        group = QActionGroup(self._menu)
        places = [(LOCAL, tr("This computer"))]
        if has_service():
            places.append((SERVICE, tr("Installed service")))
        places += [(name, name) for name in names]
        for key, text in places:
            action = self._add(text.replace("&", "&&"), f"relay-{key or 'local'}")
            action.setCheckable(True)
            action.setChecked(key.casefold() == self.key.casefold())
            action.triggered.connect(lambda _=False, key=key: self.chosen.emit(key))
            group.addAction(action)
        if problem:
            self._add(problem.replace("&", "&&"), "relay-problem").setEnabled(False)
        self._menu.addSeparator()
        self._add(tr("Add a relay on another &machine…"), "relay-add").triggered.connect(lambda: self.add_wanted.emit())
        if self.key not in (LOCAL, SERVICE):
            forget = self._add(tr("&Forget this relay…"), "relay-forget")
            forget.triggered.connect(lambda: self.forget_wanted.emit(self.key))
        if self.key == LOCAL and has_service():
            move = self._add(tr("Move this relay into the &service…"), "relay-move")
            move.triggered.connect(lambda: self.move_wanted.emit())

    def _add(self, text: str, name: str) -> QAction:
        action = QAction(text, self._menu)
        action.setObjectName(name)
        self._menu.addAction(action)
        return action

    def recolour(self) -> None:
        self.setIcon(icon("server" if self.key else "computer", "muted"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        """As much of the name as there is room for, beside what the style takes for icon, arrow and padding."""
        metrics = self.fontMetrics()
        self.setText(f" {self._where}")
        room = self.width() - (self.sizeHint().width() - metrics.horizontalAdvance(self.text()))
        elided = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, max(room, 0))
        self.setText(elided)


def has_service() -> bool:
    from ..control.connection import has_service as found

    return found()


def known_names() -> tuple[list[str], str]:
    """Of relays on other machines, and why they cannot be told."""
    from ..model.errors import GatepostError
    from ..relays.book import RelayBook

    try:
        return [known.name for known in RelayBook().all()], ""
    except GatepostError as error:
        return [], error.title


async def place_of(key: str) -> Place | None:
    """None for this computer. Raises GatepostError, also when a token cannot be read."""
    if key == LOCAL:
        return None
    from ..relays.book import RelayBook

    return await RelayBook().place(key)
