"""The parts of a message as a tree, or its attachments as a list; each can be saved, none is opened."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QPushButton, QTreeWidget, QTreeWidgetItem, QWidget

from ....control.capture_schema import CapturedPart
from ...cards import LeadLayout, label, rows
from ...i18n import ntr, tr
from ...theme import Role, icon, px
from ...words import size_text

_NAME, _TYPE, _SIZE, _MORE = range(4)
_PART = Qt.ItemDataRole.UserRole
_ROOM_FOR_MORE = 560
"""Narrower, and the names would not be read."""


class PartsView(QWidget):
    save_wanted = Signal(object)
    """CapturedPart…: the chosen ones, in a tuple"""

    def __init__(self, name: str, *, says_more: bool) -> None:
        """``name``: what the list is about, for screen readers. ``says_more``: how each part is encoded and meant, too."""
        super().__init__()
        outer = rows(self, gap=8)
        outer.setContentsMargins(0, px(8), 0, 0)
        self.tree = QTreeWidget()
        self.tree.setAccessibleName(name)
        self.tree.setColumnCount(4)
        self.tree.setHeaderLabels([tr("Name"), tr("Type"), tr("Size"), tr("More")])
        self.tree.setFrameShape(QFrame.Shape.NoFrame)
        self.tree.setUniformRowHeights(True)
        self.tree.setAllColumnsShowFocus(True)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tree.header().setStretchLastSection(False)
        self.tree.header().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for column in (_TYPE, _SIZE):
            self.tree.header().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self._says_more = says_more
        self.tree.setColumnHidden(_MORE, not says_more)
        self.tree.itemSelectionChanged.connect(self._follow)
        self.tree.itemActivated.connect(lambda item, _column: self._save_items([item]))
        outer.addWidget(self.tree, 1)
        foot = QWidget()
        line = LeadLayout(foot, gap=8)
        self._said = label("", Role.MUTED, wrap=True)
        line.addWidget(self._said)
        self.save = QPushButton(icon("download"), tr("Save…"))
        self.save.clicked.connect(lambda: self._save_items(self.tree.selectedItems()))
        self.save_all = QPushButton(tr("Save all…"))
        self.save_all.clicked.connect(lambda: self.save_wanted.emit(self._parts))
        line.addWidget(self.save)
        line.addWidget(self.save_all)
        outer.addWidget(foot)
        self._parts: tuple[CapturedPart, ...] = ()
        self.show_parts(())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.tree.setColumnHidden(_MORE, not self._says_more or self.width() < px(_ROOM_FOR_MORE))

    def show_parts(self, parts: Sequence[CapturedPart]) -> None:
        self.tree.clear()
        self.tree.setRootIsDecorated(any(part.parts for part in parts))
        for part in parts:
            self.tree.addTopLevelItem(self._item(part))
        self.tree.expandAll()
        self._parts = tuple(leaves(parts))
        self._said.setText(ntr("{n} part", "{n} parts", len(self._parts)))
        self.save_all.setVisible(len(self._parts) > 1)
        if (first := self._first_leaf()) is not None:
            self.tree.setCurrentItem(first)
        self._follow()

    def _item(self, part: CapturedPart) -> QTreeWidgetItem:
        """Texts are drawn as they are, never as markup."""
        more = " · ".join(
            filter(None, (part.charset, part.encoding, part.disposition, part.content_id and f"cid:{part.content_id}"))
        )
        named = part.filename or (tr("part {number}", number=part.number) if part.number else tr("message"))
        item = QTreeWidgetItem([named, part.content_type, "" if part.parts else size_text(part.size), more])
        item.setTextAlignment(_SIZE, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setData(_NAME, _PART, part)
        for inner in part.parts:
            item.addChild(self._item(inner))
        return item

    def _first_leaf(self) -> QTreeWidgetItem | None:
        item = self.tree.topLevelItem(0)
        while item is not None and item.childCount():
            item = item.child(0)
        return item

    def _follow(self) -> None:
        self.save.setEnabled(any(not item.childCount() for item in self.tree.selectedItems()))

    def _save_items(self, items: Sequence[QTreeWidgetItem]) -> None:
        chosen = tuple(item.data(_NAME, _PART) for item in items if not item.childCount())
        if chosen:
            self.save_wanted.emit(chosen)


def leaves(parts: Sequence[CapturedPart]) -> list[CapturedPart]:
    """Those that hold no others, from the top down."""
    found: list[CapturedPart] = []
    for part in parts:
        found += leaves(part.parts) if part.parts else [part]
    return found
