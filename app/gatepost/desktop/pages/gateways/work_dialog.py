"""A dialog that works while it is shown, on its own tasks: a body that scrolls, and buttons at its foot. Closing it ends the
work."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QPushButton, QWidget

from ...cards import LeadLayout, PageBody, rows
from ...dialogs import fit, show_dialog
from ...i18n import tr
from ...tasks import Tasks
from ...theme import Role, px, set_role

COPIED_MS = 2000
"""“Copied” stands on the button for this long."""


class WorkDialog(QDialog):
    """``width`` and ``height`` at 100 %; it takes no more than the window has."""

    def __init__(self, title: str, name: str, width: float, height: float, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setWindowTitle(title)
        self._tasks = Tasks(self._unexpected)
        outer = rows(self, gap=0)
        self.body = PageBody()
        outer.addWidget(self.body, 1)
        foot = QWidget()
        set_role(foot, Role.BAR)
        holder = rows(foot, gap=0)
        holder.setContentsMargins(px(20), px(12), px(20), px(12))
        buttons = QWidget()
        self._buttons = LeadLayout(buttons, gap=10)
        self._buttons.addWidget(QWidget())
        holder.addWidget(buttons)
        outer.addWidget(foot)
        fit(self, px(width), px(height))

    def _unexpected(self, error: BaseException, name: str) -> None:
        """The work ended with an error that nobody expected. A subclass says it."""
        raise NotImplementedError

    def _button(self, text: str, act: Callable[[], object], name: str = "") -> QPushButton:
        button = QPushButton(text)
        button.clicked.connect(lambda: act())
        self._add(button, name)
        return button

    def _copy_button(self, text: str, what: Callable[[], str], name: str = "") -> CopyButton:
        button = CopyButton(text, what)
        self._add(button, name)
        return button

    def _add(self, button: QPushButton, name: str) -> None:
        button.setObjectName(name)
        button.setAutoDefault(False)
        self._buttons.addWidget(button)

    async def shown(self) -> None:
        """Show it, and return once it is closed and its work has ended."""
        await show_dialog(self, self._tasks.close)


class CopyButton(QPushButton):
    """Puts a text on the clipboard, and says so for a moment."""

    def __init__(self, text: str, what: Callable[[], str]) -> None:
        super().__init__(text)
        self._what = what
        self._words = ""
        self.said = QTimer(self)
        self.said.setSingleShot(True)
        self.said.setInterval(COPIED_MS)
        self.said.timeout.connect(self.reset)
        self.clicked.connect(self._copy)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._what())
        self.reset()
        self._words = self.text()
        self.setText(tr("Copied"))
        self.said.start()

    def reset(self) -> None:
        """What it would copy is another text by now."""
        self.said.stop()
        if self._words:
            self.setText(self._words)
            self._words = ""
