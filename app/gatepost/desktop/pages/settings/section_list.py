"""The list of sections: beside the section where there is room, else a choice above it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from ...cards import ChoiceField
from ...i18n import tr
from ...theme import Role, icon, px, set_role
from .sections import Entry

_KEY = Qt.ItemDataRole.UserRole


class SectionList(QListWidget):
    """Groups are headings between the entries, which cannot be chosen."""

    wanted = Signal(str)
    """key, by the person"""

    def __init__(self, entries: Sequence[Entry], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Sections of the settings"))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QListWidget.Shape.NoFrame)
        set_role(self, Role.CONTENTS)
        self.setIconSize(QSize(px(18), px(18)))
        group = ""
        for entry in entries:
            if entry.group != group:
                group = entry.group
                self._add_heading(tr(group))
            item = QListWidgetItem(icon(entry.icon), tr(entry.title), self)
            item.setData(_KEY, entry.key)
        self.setMinimumWidth(px(180))
        self.setMaximumWidth(px(230))
        self.currentItemChanged.connect(self._changed)
        self._is_silent = False

    def _add_heading(self, text: str) -> None:
        item = QListWidgetItem(text, self)
        item.setFlags(Qt.ItemFlag.NoItemFlags)
        font = item.font()
        font.setPointSizeF(font.pointSizeF() * 0.9)
        item.setFont(font)

    def choose(self, key: str) -> None:
        """Without asking for it."""
        self._is_silent = True
        for number in range(self.count()):
            if self.item(number).data(_KEY) == key:
                self.setCurrentRow(number)
        self._is_silent = False

    def _changed(self, item: QListWidgetItem | None) -> None:
        if item is not None and not self._is_silent and item.data(_KEY):
            self.wanted.emit(item.data(_KEY))

    def sizeHint(self) -> QSize:
        widest = max((self.sizeHintForColumn(0), px(180)))
        return QSize(widest + px(16), px(300))


class SectionChoice(ChoiceField):
    """The same for narrow windows."""

    wanted = Signal(str)

    def __init__(self, entries: Sequence[Entry], parent: QWidget | None = None) -> None:
        super().__init__(((entry.key, tr(entry.title)) for entry in entries), parent)
        self.setAccessibleName(tr("Sections of the settings"))
        self.chosen.connect(lambda: self.wanted.emit(str(self.value())))

    def choose(self, key: str) -> None:
        self.set_value(key)
