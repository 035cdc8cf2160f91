"""What this person likes on this computer: theme, language, widths, where the window stood. Never configuration of a relay."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path

from PySide6.QtCore import QByteArray, QObject, QSettings, Signal

TEXT_SIZES = (0.9, 1.0, 1.15, 1.3, 1.5, 2.0)


class Theme(StrEnum):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Preferences(QObject):
    """Written at once. ``path``: a file of its own (tests); else where the system keeps settings of programs."""

    theme_changed = Signal(object)
    """Theme"""
    text_size_changed = Signal(float)
    language_changed = Signal(str)
    """code, "" for the system's"""

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        if path is not None:
            self._settings = QSettings(str(path), QSettings.Format.IniFormat)
        else:
            self._settings = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "gatepost", "desktop")

    def text(self, key: str, default: str = "") -> str:
        return str(self._settings.value(key, default))

    def set_text(self, key: str, value: str) -> None:
        self._settings.setValue(key, value)

    def flag(self, key: str, default: bool = False) -> bool:
        return self.text(key, str(default).lower()) == "true"

    def set_flag(self, key: str, value: bool) -> None:
        self.set_text(key, str(value).lower())

    @property
    def theme(self) -> Theme:
        kept = self.text("appearance/theme", Theme.SYSTEM)
        return Theme(kept) if kept in set(Theme) else Theme.SYSTEM

    @theme.setter
    def theme(self, value: Theme) -> None:
        if value != self.theme:
            self.set_text("appearance/theme", value)
            self.theme_changed.emit(value)

    @property
    def text_size(self) -> float:
        """One of TEXT_SIZES, in proportion to the system's."""
        try:
            kept = float(self.text("appearance/text-size", "1"))
        except ValueError:
            return 1.0
        return kept if kept in TEXT_SIZES else 1.0

    @text_size.setter
    def text_size(self, value: float) -> None:
        if value != self.text_size:
            self.set_text("appearance/text-size", str(value))
            self.text_size_changed.emit(value)

    @property
    def notifies(self) -> bool:
        """Whether trouble in the background is told as a notification of the desktop."""
        return self.flag("notifications/enabled", True)

    @notifies.setter
    def notifies(self, value: bool) -> None:
        self.set_flag("notifications/enabled", value)

    @property
    def language(self) -> str:
        """A code of i18n.LANGUAGES, "" for the system's."""
        return self.text("appearance/language")

    @language.setter
    def language(self, value: str) -> None:
        if value != self.language:
            self.set_text("appearance/language", value)
            self.language_changed.emit(value)

    def geometry(self, key: str) -> QByteArray:
        """Of a window or splitter, as Qt saved it; empty when it is not known."""
        kept = self._settings.value(f"geometry/{key}")
        return kept if isinstance(kept, QByteArray) else QByteArray()

    def set_geometry(self, key: str, value: QByteArray) -> None:
        self._settings.setValue(f"geometry/{key}", value)

    def widths(self, table: str) -> dict[str, int]:
        """Of a table's columns, by column name; empty when nobody changed one."""
        try:
            kept = json.loads(self.text(f"widths/{table}", "{}"))
            return {str(name): int(width) for name, width in kept.items()}
        except (ValueError, TypeError, AttributeError):
            return {}

    def set_widths(self, table: str, widths: dict[str, int]) -> None:
        self.set_text(f"widths/{table}", json.dumps(widths))

    def sync(self) -> None:
        self._settings.sync()
