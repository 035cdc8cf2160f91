"""Where help stands in the window: beside the page where there is room for both, else over its right edge."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QAbstractButton, QWidget

from .help_panel import WIDTH, HelpPanel
from .pages.page import Page
from .theme import px

ROOM_FOR_HELP = 1180
"""Width of the window from which on, at 100 %, help stands beside the page."""


class HelpPlace:
    """``room`` belongs right of the page; the panel lies above it. ``button`` says whether help is shown."""

    def __init__(self, centre: QWidget, button: QAbstractButton, current: Callable[[], Page | None]) -> None:
        self._centre = centre
        self._button = button
        self._current = current
        self._panel: HelpPanel | None = None
        self.room = QWidget(centre)
        self.room.setFixedWidth(px(WIDTH))
        self.room.hide()

    def toggle(self) -> None:
        if self._panel is None:
            self._panel = HelpPanel(self._centre)
            self._panel.closed.connect(self.toggle)
            self._panel.hide()
        wanted = self._panel.isHidden()
        self._panel.setVisible(wanted)
        self._button.setChecked(wanted)
        self.arrange()
        page = self._current()
        if wanted:
            self.follow()
            self._panel.text.setFocus()
        elif page is not None:
            page.setFocus()

    def follow(self) -> None:
        """Show the help of the page that is shown."""
        if self._panel is not None and not self._panel.isHidden():
            page = self._current()
            self._panel.show_page(page.key if page is not None else "overview")

    def arrange(self) -> None:
        """The window has another size, or help came or went."""
        if self._panel is None:
            return
        shown = not self._panel.isHidden()
        self.room.setVisible(shown and self._centre.window().width() >= px(ROOM_FOR_HELP))
        area = self._centre.rect()
        self._panel.setGeometry(area.width() - self._panel.width(), 0, self._panel.width(), area.height())
        self._panel.raise_()
