"""The list of gateways with its search, its filter by mode and its actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QPushButton, QStackedLayout, QWidget

from ....model.report import GatewayReport
from ...cards import EmptyState, FilterChips, FootLine, Framed, PageHeader, TextField, assign_mnemonics, label, rows
from ...cards.search_mark import SearchMark
from ...context import AppContext
from ...i18n import ntr, tr
from ...models.rows import Spawn
from ...theme import Role, icon, px, set_role
from . import words
from .table import GatewayRow, GatewayRows, GatewayTable

_ALL = "all"


class GatewayList(QWidget):
    add_wanted = Signal()
    open_wanted = Signal(str)
    action_wanted = Signal(str, list)
    """``enable``, ``disable``, ``duplicate`` or ``delete``, and the ids"""
    moved = Signal(str, int)

    def __init__(self, context: AppContext, spawn: Spawn, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._everything: list[tuple[dict[str, Any], GatewayReport | None]] = []
        self.model = GatewayRows(spawn, self)
        self.table = GatewayTable(self.model, context.preferences)
        self.table.setObjectName("gateways")
        self.table.setAccessibleName(tr("Gateways"))
        set_role(self.table, Role.EMBEDDED)
        self._build()
        self.table.opened.connect(self._opened)
        self.table.menu_wanted.connect(self._show_menu)
        self.table.selection_changed.connect(self._selection_changed)
        self.table.moved.connect(self.moved)
        self.table.delete_wanted.connect(lambda: self._act("delete"))
        self._selection_changed()

    # --- building ---

    def _build(self) -> None:
        outer = rows(self, gap=12)
        outer.setContentsMargins(px(28), px(24), px(28), px(20))
        header = PageHeader(
            tr("Gateways"), tr("Where mail goes: out through your providers, and in to the mail server behind this one.")
        )
        self.add = QPushButton(icon("add", "on_accent"), tr("Add gateway"))
        self.add.setObjectName("gateway-add")
        set_role(self.add, Role.PRIMARY)
        self.add.clicked.connect(self.add_wanted)
        header.add_action(self.add)
        outer.addWidget(header)
        self._tools = QWidget()
        tools = rows(self._tools, gap=10)
        tools.setContentsMargins(0, px(4), 0, 0)
        self.chips = FilterChips(tr("Mode"), [(_ALL, tr("All")), *words.short_modes()])
        self.chips.chosen.connect(lambda _: self._filter())
        self.search = TextField(tr("Search gateways"))
        self.search.setAccessibleName(tr("Search gateways"))
        SearchMark(self.search)
        self.search.setMinimumWidth(px(230))
        self.search.textChanged.connect(lambda _: self._filter())
        tools.addWidget(self.search)
        tools.addWidget(self.chips)
        outer.addWidget(self._tools)
        outer.addWidget(self._build_card(), 1)

    def _build_card(self) -> QWidget:
        holder = QWidget()
        self._stack = QStackedLayout(holder)
        self._stack.addWidget(self.table)
        self.empty = EmptyState(
            "gateways",
            tr("No gateway yet"),
            tr("A gateway is where mail goes next: your provider’s server, or the mail server behind this one."),
        )
        self.empty.add_action(tr("Add the first gateway"), self.add_wanted.emit)
        self._stack.addWidget(self.empty)
        self.nothing = EmptyState("search", tr("Nothing found"), tr("No gateway matches the search and the chosen mode."))
        self.nothing.add_action(tr("Show all"), self._show_all, is_primary=False)
        self._stack.addWidget(self.nothing)
        return Framed(holder, self._build_foot())

    def _build_foot(self) -> QWidget:
        foot = FootLine()
        self.count = label("", Role.MUTED)
        foot.add(self.count)
        self._buttons: dict[str, QPushButton] = {}
        for key, text in (
            ("enable", tr("Enable")),
            ("disable", tr("Disable")),
            ("duplicate", tr("Duplicate")),
            ("delete", tr("Delete")),
        ):
            button = QPushButton(text)
            button.setObjectName(f"gateways-{key}")
            if key == "delete":
                set_role(button, Role.DANGER)
            button.clicked.connect(lambda _=False, chosen=key: self._act(chosen))
            self._buttons[key] = button
            foot.add(button)
        return foot

    # --- showing ---

    def show_gateways(self, gateways: Sequence[tuple[dict[str, Any], GatewayReport | None]]) -> None:
        self._everything = list(gateways)
        for key, _ in words.modes():
            self.chips.set_count(key, sum(1 for gateway, _report in gateways if gateway["mode"] == key))
        self.chips.set_count(_ALL, len(gateways))
        self._filter()

    def _filter(self) -> None:
        mode = self.chips.current
        needle = self.search.text().strip().casefold()
        shown = [
            (gateway, report)
            for gateway, report in self._everything
            if mode in (_ALL, gateway["mode"]) and (not needle or needle in GatewayRow(0, gateway, report).text)
        ]
        self.table.can_move = len(shown) == len(self._everything)
        self.model.set_rows(shown)
        if shown:
            self._stack.setCurrentWidget(self.table)
        else:
            self._stack.setCurrentWidget(self.nothing if self._everything else self.empty)
        self._tools.setVisible(bool(self._everything))
        self.add.setVisible(bool(self._everything))
        self._selection_changed()

    def _show_all(self) -> None:
        self.chips.choose(_ALL)
        self.search.clear()
        self._filter()

    def _selection_changed(self) -> None:
        chosen = self.table.chosen_rows
        if chosen:
            self.count.setText(ntr("{n} chosen", "{n} chosen", len(chosen)))
        else:
            self.count.setText(ntr("{n} gateway", "{n} gateways", len(self.model.ids)))
        for key, button in self._buttons.items():
            button.setVisible(bool(chosen) and self._is_possible(key, chosen))
        assign_mnemonics(self)

    @staticmethod
    def _is_possible(key: str, chosen: Sequence[GatewayRow]) -> bool:
        if key == "enable":
            return any(not row.gateway["enabled"] for row in chosen)
        if key == "disable":
            return any(row.gateway["enabled"] for row in chosen)
        return True

    # --- acting ---

    def _opened(self, number: int) -> None:
        row = self.model.known(number)
        if row is not None:
            self.open_wanted.emit(row.gateway_id)

    def _act(self, action: str) -> None:
        chosen = [row.gateway_id for row in self.table.chosen_rows]
        if chosen:
            self.action_wanted.emit(action, chosen)

    def _show_menu(self, place: QPoint) -> None:
        chosen = self.table.chosen_rows
        menu = QMenu(self)
        if len(chosen) == 1:
            self._menu_action(menu, tr("Open"), lambda: self.open_wanted.emit(chosen[0].gateway_id))
            menu.addSeparator()
        for key, text in (("enable", tr("Enable")), ("disable", tr("Disable")), ("duplicate", tr("Duplicate"))):
            if self._is_possible(key, chosen):
                self._menu_action(menu, text, lambda chosen_key=key: self._act(chosen_key))
        if self.table.can_move and len(chosen) == 1:
            menu.addSeparator()
            self._menu_action(menu, tr("Move up"), lambda: self.table.move_current(-1), "Alt+Up")
            self._menu_action(menu, tr("Move down"), lambda: self.table.move_current(1), "Alt+Down")
        menu.addSeparator()
        self._menu_action(menu, tr("Delete"), lambda: self._act("delete"), "Del")
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)

    @staticmethod
    def _menu_action(menu: QMenu, text: str, act: Any, keys: str = "") -> QAction:
        action = menu.addAction(text)
        action.triggered.connect(lambda: act())
        if keys:
            action.setShortcut(keys)
            action.setShortcutVisibleInContextMenu(True)
        return action
