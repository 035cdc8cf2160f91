"""The list of gateways: rows held whole (there are few), in the order that mail takes them, moved by dragging or by keys."""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QMimeData, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QDragMoveEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QWidget

from ....model.report import GatewayReport
from ...cards import Tone as CardTone
from ...i18n import format_count, mark
from ...models.columns import Column, Kind, Tone
from ...models.rows import RowModel, Spawn
from ...models.table import ListTable
from ...preferences import Preferences
from ...relay_texts import said
from . import words

Index = QModelIndex | QPersistentModelIndex

_TONES = {
    CardTone.GOOD: Tone.GOOD,
    CardTone.WARNING: Tone.WARNING,
    CardTone.BAD: Tone.BAD,
    CardTone.NEUTRAL: Tone.NEUTRAL,
    CardTone.ACCENT: Tone.ACCENT,
}


@dataclass(frozen=True, slots=True)
class GatewayRow:
    """``id`` is the row's number in this window; ``gateway`` as the relay has it."""

    id: int
    gateway: dict[str, Any]
    report: GatewayReport | None

    @property
    def gateway_id(self) -> str:
        return str(self.gateway["id"])

    @property
    def health(self) -> tuple[str, CardTone]:
        return words.health_of(self.gateway, self.report)

    @property
    def text(self) -> str:
        """Everything that a search looks at."""
        parts = (
            words.name_of(self.gateway),
            words.address_of(self.gateway),
            words.mode_name(self.gateway["mode"]),
            said(self.report.last_error) if self.report is not None else "",
            *self.gateway.get("domains", ()),
        )
        return " ".join(parts).casefold()


def _spooled(row: GatewayRow) -> str:
    if row.report is None:
        return ""
    own = format_count(row.report.spooled)
    remote = row.report.remote_spool
    return f"{own} / {format_count(remote.get('total', sum(remote.values())))}" if remote else own


def _last_error(row: GatewayRow) -> str:
    return said(row.report.last_error or row.report.cause) if row.report is not None else ""


COLUMNS = (
    Column(
        "status", mark("Status"), lambda row: row.health[0], 9, least=8, rank=0, kind=Kind.PILL,
        tone=lambda row: _TONES[row.health[1]], words=words.health_words,
    ),
    Column(
        "mode", mark("Mode"), lambda row: words.short_mode_name(row.gateway["mode"]), 15, least=13, rank=2,
        tooltip=lambda row: words.mode_name(row.gateway["mode"]), words=lambda: (name for _, name in words.short_modes()),
    ),
    Column("address", mark("Address"), lambda row: words.address_of(row.gateway), 24, least=18, rank=1),
    Column(
        "description", mark("Description"), lambda row: row.gateway.get("description", ""), 22, least=14, rank=3,
    ),
    Column(
        "encryption", mark("Encryption"), lambda row: words.encryption_name(row.gateway["encryption"]), 20, least=14, rank=7,
        tone=lambda row: Tone.QUIET,
    ),
    Column("spooled", mark("Spool count"), _spooled, 9, least=9, rank=4, kind=Kind.NUMBER),
    Column(
        "last-delivery", mark("Last delivery"),
        lambda row: words.ago(row.report.last_delivery if row.report else None, time.time()), 12, least=11, rank=5,
        tone=lambda row: Tone.QUIET, is_live=True,
    ),
    Column("last-error", mark("Last error"), _last_error, 30, least=8, rank=6, tone=lambda row: Tone.QUIET),
)  # fmt: skip


class GatewayRows(RowModel):
    def __init__(self, spawn: Spawn, parent: Any = None) -> None:
        super().__init__(COLUMNS, spawn, parent)
        self._numbers: dict[str, int] = {}
        self._all: dict[int, GatewayRow] = {}

    def number_of(self, gateway_id: str) -> int:
        """A row's number: the same as long as the window lives, so that selections survive."""
        return self._numbers.setdefault(gateway_id, len(self._numbers) + 1)

    def set_rows(self, gateways: Sequence[tuple[dict[str, Any], GatewayReport | None]]) -> None:
        rows = [GatewayRow(self.number_of(gateway["id"]), gateway, report) for gateway, report in gateways]
        self._all = {row.id: row for row in rows}
        self._become(array("q", (row.id for row in rows)))
        self._tell_all()

    def row_at(self, position: int) -> GatewayRow | None:
        return self._all.get(self.ids[position])

    def known(self, number: int) -> GatewayRow | None:
        return self._all.get(number)

    # --- dragging ---

    def flags(self, index: Index) -> Qt.ItemFlag:
        found = super().flags(index)
        return found | (Qt.ItemFlag.ItemIsDragEnabled if index.isValid() else Qt.ItemFlag.ItemIsDropEnabled)

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return ["application/x-gatepost-gateway"]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        data = QMimeData()
        row = self.row_at(indexes[0].row()) if indexes else None
        data.setData(self.mimeTypes()[0], (row.gateway_id if row is not None else "").encode())
        return data


class GatewayTable(ListTable):
    """``can_move``: the whole list is shown in its own order, so that a place in it means something."""

    moved = Signal(str, int)
    """gateway id, its new place"""
    delete_wanted = Signal()

    def __init__(self, model: GatewayRows, preferences: Preferences, parent: QWidget | None = None) -> None:
        super().__init__(model, "gateways", preferences, parent)
        self._model = model
        self.can_move = True
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDragDropOverwriteMode(False)
        self.setDropIndicatorShown(True)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)

    @property
    def chosen_rows(self) -> list[GatewayRow]:
        return [row for number in self.chosen if (row := self._model.known(number)) is not None]

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if not self.can_move:
            event.ignore()
            return
        super().dragMoveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        event.setDropAction(Qt.DropAction.IgnoreAction)  # the relay moves it, and the list follows
        event.accept()
        if not self.can_move:
            return
        gateway_id = bytes(event.mimeData().data(self._model.mimeTypes()[0]).data()).decode()
        here = self._position_of(gateway_id)
        target = self._target(event.position().toPoint().y())
        if here >= 0:
            place = target - 1 if target > here else target
            if place != here:
                self.moved.emit(gateway_id, place)

    def _target(self, y: int) -> int:
        position = self.rowAt(y)
        if position < 0:
            return len(self._model.ids)
        middle = self.rowViewportPosition(position) + self.rowHeight(position) / 2
        return position + 1 if y > middle else position

    def _position_of(self, gateway_id: str) -> int:
        return self._model.position_of(self._model.number_of(gateway_id))

    def move_current(self, steps: int) -> None:
        """By keys: one place up or down."""
        current = self.current
        row = self._model.known(current) if current is not None else None
        if row is None or not self.can_move:
            return
        place = self._position_of(row.gateway_id) + steps
        if 0 <= place < len(self._model.ids):
            self.moved.emit(row.gateway_id, place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.AltModifier and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.move_current(-1 if event.key() == Qt.Key.Key_Up else 1)
            return
        if event.key() == Qt.Key.Key_Delete and self.chosen_count:
            self.delete_wanted.emit()
            return
        super().keyPressEvent(event)
