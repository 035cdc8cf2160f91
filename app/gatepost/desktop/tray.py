"""The icon in the system's tray, where there is one: state, pause, open, quit; and notifications, gathered to a few."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QSystemTrayIcon, QWidget

from .i18n import ntr, tr
from .theme import icon

GATHER_MS = 1500
"""Notifications that come this close together are shown as one."""


class Tray(QObject):
    open_wanted = Signal()
    pause_wanted = Signal(bool)
    """True: pause delivery, False: go on"""
    quit_wanted = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._icon = QSystemTrayIcon(icon("gatepost", "accent"), self)
        self._menu = QMenu(window)
        self._state = QAction(self._menu)
        self._state.setEnabled(False)
        self._pause = QAction(self._menu)
        self._is_paused = False
        self._pause.triggered.connect(self._toggle)
        self._menu.addAction(self._state)
        self._menu.addSeparator()
        self._menu.addAction(self._pause)
        self._menu.addAction(tr("Open Gatepost")).triggered.connect(self.open_wanted)
        self._menu.addSeparator()
        self._menu.addAction(tr("Quit")).triggered.connect(self.quit_wanted)
        self._icon.setContextMenu(self._menu)
        self._icon.activated.connect(self._activated)
        self._icon.messageClicked.connect(self.open_wanted)
        self._gathered = Gathered(self._show_message, self)

    def show(self) -> None:
        self._icon.show()

    def hide(self) -> None:
        self._icon.hide()

    def show_state(self, words: str, *, is_running: bool, is_paused: bool) -> None:
        self._is_paused = is_paused
        self._state.setText(words)
        self._icon.setToolTip(tr("Gatepost: {state}", state=words))
        self._pause.setText(tr("Resume delivery") if is_paused else tr("Pause delivery"))
        self._pause.setVisible(is_running)

    def notify(self, title: str, text: str) -> None:
        self._gathered.add(title, text)

    def _show_message(self, title: str, text: str) -> None:
        self._icon.showMessage(title, text, icon("gatepost", "accent"))

    def _toggle(self) -> None:
        self.pause_wanted.emit(not self._is_paused)

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            self.open_wanted.emit()


class Gathered(QObject):
    """Hands on a notification after a moment; several that came meanwhile become one that counts them."""

    shown = Signal(str, str)
    """title, text"""

    def __init__(self, show: object, parent: QObject | None = None, gather_ms: int = GATHER_MS) -> None:
        super().__init__(parent)
        self.shown.connect(show)
        self._waiting: list[tuple[str, str]] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(gather_ms)
        self._timer.timeout.connect(self._flush)

    def add(self, title: str, text: str) -> None:
        if (title, text) not in self._waiting:
            self._waiting.append((title, text))
        if not self._timer.isActive():
            self._timer.start()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if len(waiting) == 1:
            self.shown.emit(*waiting[0])
        elif waiting:
            titles = list(dict.fromkeys(title for title, _ in waiting))
            title = titles[0] if len(titles) == 1 else ntr("{n} notice", "{n} notices", len(waiting))
            self.shown.emit(title, "\n".join([text or title for title, text in waiting[:4]]))
