"""What the pages of Spool, Quarantine and Test inbox share: a list that the relay filters and sorts, and actions on what is
chosen in it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Generic

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QMenu, QPushButton

from ...context import AppContext
from ...i18n import format_count, ntr, tr
from ...models.columns import Column
from ...theme import Role, icon, set_role
from .gateways import Gateways
from .list_page import ListPage
from .loading import soon
from .query_source import Q, QuerySource
from .targets import F, Target, target_of


class QueryPage(ListPage, Generic[Q, F]):
    """A subclass says where the rows of a query come from, what is said where there are none, and puts its query into its
    fields."""

    def __init__(self, context: AppContext, title: str, columns: Sequence[Column], gateways: Gateways, query: Q) -> None:
        super().__init__(context, title, columns, gateways)
        self._query = query
        self._shown: Q | None = None
        self.menu = QMenu(self)
        self._actions: list[QAction] = []
        self._buttons: list[QAbstractButton] = []
        self.all_button = QPushButton(tr("Choose all"))
        set_role(self.all_button, Role.LINK)
        self.all_button.clicked.connect(self.table.selectAll)
        self.card.foot.add_to_count(self.all_button)
        self.table.order_wanted.connect(lambda order, descending: self._ask(order=order, descending=descending))
        self.table.selection_changed.connect(self._show_selection)
        self.table.clicked.connect(lambda _: self._open_current())
        self.table.menu_wanted.connect(self._show_menu)
        self.model.loaded.connect(self._show_selection)
        self.model.changed.connect(self._show_selection)

    # --- what a subclass says ---

    @abstractmethod
    def _source(self, query: Q) -> QuerySource[Q]:
        """Where the rows come from."""

    @abstractmethod
    def _show_query(self) -> None:
        """Put the query into the fields above the list, without asking for it."""

    @abstractmethod
    def _tell_empty(self) -> None:
        """Say why there is nothing."""

    def _count_text(self, total: int) -> str:
        return ntr("{n} message", "{n} messages", total)

    # --- building ---

    def _action(self, sign: str, text: str, keys: str, act: Callable[[], object]) -> QAction:
        """One for the menu, that works by its keys while the list has the focus; only while something is chosen."""
        action = QAction(icon(sign), text, self)
        if keys:
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(lambda: act())
        self._actions.append(action)
        self.menu.addAction(action)
        self.table.addAction(action)
        return action

    def _button(self, action: QAction, text: str = "") -> QPushButton:
        """The same as a button below the list."""
        button = QPushButton(action.icon(), text or action.text().replace("&", ""))
        button.clicked.connect(action.trigger)
        return self._add_button(button)

    def _more_button(self) -> QPushButton:
        more = QPushButton(tr("More"))
        more.setProperty("menu", "true")
        more.setMenu(self.menu)
        return self._add_button(more)

    def _add_button(self, button: QPushButton) -> QPushButton:
        self.card.foot.add(button)
        self._buttons.append(button)
        return button

    # --- the page ---

    async def _enter_list(self) -> None:
        await soon(self.spawn(self._refresh_list() if self._shown == self._query else self._load(), "load the list"))

    async def leave(self) -> bool:
        self.live.set_on(False)
        return True

    def on_connected(self) -> None:
        self._shown = None
        self.spawn(self.enter(), "load again")

    # --- the list ---

    def _ask(self, **changes: Any) -> None:
        """Where something is searched matters only while something is."""
        self._query = replace(self._query, **changes)  # type: ignore[type-var]
        if self._query.text or "where" not in changes:
            self.spawn(self._load(), "filter the list")

    def _show_all(self) -> None:
        self._query = self._query.unfiltered()
        self._show_query()
        self.spawn(self._load(), "show all")

    async def _load(self) -> None:
        query = self._query
        source = self._source(query)
        self.table.show_order(query.order, query.descending)
        await self.model.show(source, by_id=source.by_id)
        if query == self._query:
            self._shown = query
            self.context.messages.clear_banner(self.key)
            self._show_selection()

    async def _refresh_list(self) -> None:
        if self._shown is None:
            await self._load()
        else:
            await self.model.refresh()

    # --- what is chosen ---

    def _show_selection(self) -> None:
        total, chosen = len(self.model.ids), self.table.chosen_count
        is_empty = total == 0 and not self.model.is_loading and self._shown is not None
        if is_empty:
            self._tell_empty()
        self.card.show_empty(is_empty)
        if chosen:
            self.card.foot.set_count(tr("{n} of {m} chosen", n=format_count(chosen), m=format_count(total)))
        else:
            self.card.foot.set_count(self._count_text(total))
        self.all_button.setVisible(0 < chosen < total)
        for button in self._buttons:
            button.setEnabled(bool(chosen))
        for action in self._actions:
            action.setEnabled(bool(chosen))

    def _show_menu(self, place: QPoint) -> None:
        self.menu.popup(place)

    @property
    def _can_start(self) -> bool:
        return bool(self.table.chosen_count) and not self.worker.is_busy

    def _target(self) -> Target[F]:
        """By the filter only where the list shows what it finds: what was asked for last may still be on its way."""
        whole, shown = self._query.filter, self._shown
        if shown is None or shown.filter != whole or self.model.is_loading:
            return Target(whole, self.table.chosen)
        return target_of(self.table.chosen, len(self.model.ids), whole)

    # --- details ---

    def _close_detail(self) -> None:
        super()._close_detail()
        self._forget()

    def _forget(self) -> None:
        """What the details show may be gone: they load it anew when it is opened again."""
        if self.splitter.is_made:
            self.detail.forget()
