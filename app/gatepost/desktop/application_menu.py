"""The menu behind the name in the sidebar, and the keys of the whole window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from .context import AppContext
from .i18n import LANGUAGES, tr
from .pages.registry import PageEntry
from .preferences import Theme
from .theme import theme


class ApplicationMenu(QObject):
    page_wanted = Signal(str)
    help_wanted = Signal()
    refresh_wanted = Signal()
    search_wanted = Signal()
    quit_wanted = Signal()

    def __init__(self, window: QWidget, context: AppContext, entries: Sequence[PageEntry]) -> None:
        super().__init__(window)
        self._window = window
        self._context = context
        self.menu = QMenu(window)
        self.menu.setObjectName("application-menu-items")
        theme().style(self.menu)
        self._add(tr("&Refresh"), self.refresh_wanted.emit, "F5", "refresh")
        self._add(tr("&Find"), self.search_wanted.emit, "Ctrl+F", "find")
        self.menu.addSeparator()
        another = lambda: context.tasks.spawn(self._open_another(), "open another data folder")  # noqa: E731 - one use
        self._add(tr("Open another &data folder…"), another, "Ctrl+O", "another")
        self.menu.addSeparator()
        self._add_theme()
        self._add_language()
        self.menu.addSeparator()
        listed = [entry for entry in entries if entry.in_sidebar]
        if any(entry.key == "first-run" for entry in entries):
            self._add(tr("First &steps"), lambda: self.page_wanted.emit("first-run"), "", "first-steps")
        self._add(tr("&Help"), self.help_wanted.emit, "F1", "help")
        self._add(tr("&Keyboard shortcuts"), lambda: self._open_shortcuts(listed), "Ctrl+?", "shortcuts")
        self._add(tr("&About Gatepost"), self._open_about, "", "about")
        self.menu.addSeparator()
        self._add(tr("&Quit"), self.quit_wanted.emit, "Ctrl+Q", "quit")
        for number, entry in enumerate(listed[:9], 1):
            action = QAction(tr(entry.title), window)
            action.setShortcut(QKeySequence(f"Ctrl+{number}"))
            action.triggered.connect(lambda _=False, key=entry.key: self.page_wanted.emit(key))
            window.addAction(action)

    async def _open_another(self) -> None:
        """A window of its own for another relay of this computer: each data folder has one."""
        from PySide6.QtWidgets import QFileDialog

        from .dialogs import show_dialog
        from .relay_child import app_command

        dialog = QFileDialog(self._window, tr("Open another data folder"), str(self._context.session.data_folder.parent))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        if await show_dialog(dialog):
            program, *arguments = app_command(Path(dialog.selectedFiles()[0]))
            QProcess.startDetached(program, arguments)

    def _open_about(self) -> None:
        from .about import open_about

        open_about(self._context, self._window)

    def _open_shortcuts(self, entries: Sequence[PageEntry]) -> None:
        from .about import open_shortcuts

        open_shortcuts(entries, self._window)

    def _add(self, text: str, action: Callable[[], object], keys: str, name: str) -> None:
        added = QAction(text, self._window)
        added.setObjectName(f"menu-{name}")
        if keys:
            added.setShortcut(QKeySequence(keys))
        added.triggered.connect(lambda: action())
        self.menu.addAction(added)
        self._window.addAction(added)  # so that its keys work while the menu is closed

    def _add_theme(self) -> None:
        names = {Theme.SYSTEM: tr("Like the &system"), Theme.LIGHT: tr("&Light"), Theme.DARK: tr("&Dark")}
        chosen = self._context.preferences.theme
        self._choices(tr("A&ppearance"), names, chosen, self._set_theme, "theme")

    def _set_theme(self, choice: str) -> None:
        self._context.preferences.theme = Theme(choice)

    def _add_language(self) -> None:
        names = {"": tr("Like the &system"), **LANGUAGES}
        self._choices(tr("&Language"), names, self._context.preferences.language, self._set_language, "language")

    def _set_language(self, choice: str) -> None:
        self._context.preferences.language = choice

    def _choices(
        self, title: str, names: dict[str, str] | dict[Theme, str], chosen: str, choose: Callable[[str], None], name: str
    ) -> None:
        menu = self.menu.addMenu(title)
        menu.setObjectName(f"menu-{name}")
        group = QActionGroup(menu)
        for key, text in names.items():
            action = menu.addAction(text)
            action.setObjectName(f"menu-{name}-{key or 'system'}")
            action.setCheckable(True)
            action.setChecked(key == chosen)
            action.triggered.connect(lambda _=False, value=str(key): choose(value))
            group.addAction(action)
