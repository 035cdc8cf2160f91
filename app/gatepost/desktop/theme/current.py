"""The theme in use: which tokens, and how to change them.

A style sheet costs about 0.1 ms for each widget that it is set on, a hundred times that of a palette. So it is set on the parts
of a window (``style``), not on the application: only the parts that are seen pay at once, the others when they are shown.
"""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QApplication, QStyleFactory, QWidget

from . import fonts
from .palette import palette_of
from .stylesheet import stylesheet_of
from .tokens import DARK, LIGHT, Tokens


class Choice(StrEnum):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Theme(QObject):
    """One for the application. ``changed``: own painters draw anew (a repaint comes by itself), caches of colours end."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.tokens: Tokens = LIGHT
        self.choice = Choice.SYSTEM
        self.sheet = ""
        self._shown: tuple[Tokens, float] | None = None
        self._follows = False

    def apply(self, choice: str, text_scale: float = 1.0) -> None:
        application = QApplication.instance()
        assert isinstance(application, QApplication)  # noqa: S101 - a theme needs an application
        self.choice = Choice(choice)
        hints = application.styleHints()
        if not self._follows:
            self._follows = True
            application.setStyle(QStyleFactory.create("Fusion"))
            hints.colorSchemeChanged.connect(self._system_changed)
        # Asked for title bars and the system's own dialogs; it does nothing on some platforms, so the colours are our own.
        schemes = {Choice.LIGHT: Qt.ColorScheme.Light, Choice.DARK: Qt.ColorScheme.Dark}
        hints.setColorScheme(schemes.get(self.choice, Qt.ColorScheme.Unknown))
        self._show(application, text_scale)

    def style(self, part: QWidget) -> None:
        """Give a part of a window the look, now and whenever it changes: the sidebar, a page, a dialog without a parent.

        What lies inside inherits it (menus, tool tips and dialogs with a parent too); a part must not lie inside another."""
        _Part(part, self)

    def style_dialog(self, dialog: QWidget) -> None:
        """Give a dialog the look, where none of those that it belongs to hands it down."""
        parent = dialog.parentWidget()
        while parent is not None:
            if parent.styleSheet():
                return
            parent = parent.parentWidget()
        self.style(dialog)

    def _system_changed(self) -> None:
        application = QApplication.instance()
        if self.choice is Choice.SYSTEM and isinstance(application, QApplication) and self._shown is not None:
            self._show(application, self._shown[1])

    def _show(self, application: QApplication, text_scale: float) -> None:
        wanted = (self._wanted(application), text_scale)
        if wanted == self._shown:
            return
        if self._shown is None or self._shown[1] != text_scale:
            fonts.apply_font(application, text_scale)
        self._shown = wanted
        self.tokens = wanted[0]
        application.setPalette(palette_of(self.tokens))
        self.sheet = stylesheet_of(self.tokens)
        self.changed.emit()

    def _wanted(self, application: QApplication) -> Tokens:
        if self.choice is Choice.SYSTEM:
            return DARK if application.styleHints().colorScheme() is Qt.ColorScheme.Dark else LIGHT
        return DARK if self.choice is Choice.DARK else LIGHT


_BEFORE_IT_IS_SEEN = (QEvent.Type.Polish, QEvent.Type.Show)


class _Part(QObject):
    """Keeps one part's style sheet: set when the part is shown for the first time, with all that was put into it by then; set
    anew when the part is seen, else when it is shown next."""

    def __init__(self, widget: QWidget, theme: Theme) -> None:
        super().__init__(widget)
        self._widget = widget
        self._theme = theme
        self._sheet = ""
        widget.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        widget.installEventFilter(self)
        theme.changed.connect(self._changed)
        if widget.testAttribute(Qt.WidgetAttribute.WA_WState_Polished):
            self._set()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _BEFORE_IT_IS_SEEN:
            self._set()
        return False

    def _changed(self) -> None:
        if self._widget.isVisible():
            self._set()

    def _set(self) -> None:
        if self._sheet != self._theme.sheet:
            self._sheet = self._theme.sheet
            self._widget.setStyleSheet(self._sheet)


_theme: Theme | None = None


def theme() -> Theme:
    global _theme
    if _theme is None:
        _theme = Theme()
    return _theme


def tokens() -> Tokens:
    """Those of the theme in use."""
    return theme().tokens
