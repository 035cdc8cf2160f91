"""What the pages of Spool, Quarantine and Tracking share: a list, and beside it the details of the row that was opened."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout

from ....model.errors import GatepostError, NotFound
from ...cards import EmptyState, rows
from ...context import AppContext
from ...i18n import tr
from ...models.columns import Column
from ...models.rows import RowModel
from ...models.table import ListTable
from ...theme import Role, px, set_role
from ..page import Page
from .detail_head import DetailHead
from .filter_bar import SearchBox
from .gateways import Gateways
from .list_card import ListCard
from .live import Live
from .split import ListAndDetail
from .worker import Worker


class Detail(QFrame):
    """One message, beside the list."""

    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.queue_id = ""
        set_role(self, Role.CARD)
        self.column: QVBoxLayout = rows(self, gap=8)
        self.column.setContentsMargins(px(16), px(12), px(12), px(12))
        self.head = DetailHead()
        self.head.closed.connect(self.closed)
        self.column.addWidget(self.head)
        self.setMinimumSize(px(320), px(180))

    @abstractmethod
    def show_message(self, queue_id: str) -> None:
        """Another one, or the same one anew."""

    def forget(self) -> None:
        """The message may be another one by now, or could not be read: it is loaded anew when it is shown again."""
        self.queue_id = ""

    @contextmanager
    def _loading(self, queue_id: str) -> Iterator[None]:
        """What fails in here has not been shown: the message can be asked for again. One that is gone stays gone."""
        try:
            yield
        except NotFound:
            raise
        except BaseException:
            if queue_id == self.queue_id:
                self.forget()
            raise


class ListPage(Page):
    """A subclass puts its ``search`` and ``splitter`` into ``outer``, makes in ``_make_detail`` what a row opens, and loads."""

    search: SearchBox

    def __init__(self, context: AppContext, title: str, columns: Sequence[Column], gateways: Gateways) -> None:
        super().__init__(context)
        self.gateways = gateways
        self.model = RowModel(columns, self.spawn, self)
        self.table = ListTable(self.model, self.key, context.preferences)
        self.table.setAccessibleName(title)
        self.live = Live(self._refresh_list, self.spawn, self)
        self.outer = rows(self, gap=12)
        self.outer.setContentsMargins(px(28), px(24), px(28), px(20))
        self.empty = EmptyState(self.key, "")
        self.empty_button = self.empty.add_action(tr("Show all"), self._show_all, is_primary=False)
        self.card = ListCard(self.table, self.empty)
        self.worker = Worker(self.card.foot)
        self.splitter = ListAndDetail(self.card, lambda: self.detail)
        self._is_changing = False
        self._awaited: int | None = None
        """The row that was opened before it was there."""
        self.table.opened.connect(self._open)
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._follow_current())
        self.model.about_to_change.connect(self._hold)
        self.model.changed.connect(self._let_go)
        self.model.rows_arrived.connect(self._catch_up)
        self.model.failed.connect(self._failed)

    @cached_property
    def detail(self) -> Detail:
        """Made when the first row is opened: it has many parts, and the list shall not wait for them."""
        made = self._make_detail()
        made.closed.connect(self._close_detail)
        return made

    @abstractmethod
    def _make_detail(self) -> Detail:
        """What shows a message that was opened."""

    @abstractmethod
    async def _refresh_list(self) -> None:
        """Load what is shown anew, without losing the place."""

    @abstractmethod
    def _show_all(self) -> None:
        """Take back the filter."""

    async def refresh(self) -> None:
        await self._refresh_list()

    def focus_search(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    def _failed(self, error: GatepostError) -> None:
        if self.context.session.is_connected:
            self.context.messages.banner(self.key, error, lambda: self.spawn(self._refresh_list(), "try again"))

    # --- details ---

    def _show_detail(self, queue_id: str) -> None:
        self.splitter.open()
        self.detail.show_message(queue_id)

    def _id_of(self, row: Any) -> str:
        """What the details know a row by."""
        return str(row.queue_id)

    def _open(self, number: int) -> None:
        """Show its details, as soon as it is there."""
        row = self.model.known(number)
        self._awaited = number if row is None else None
        if row is not None:
            self._show_detail(self._id_of(row))
        elif (position := self.model.position_of(number)) >= 0:
            self.model.row_at(position)  # asks for it

    def _catch_up(self) -> None:
        if (awaited := self._awaited) is not None:
            self._awaited = None
            if awaited == self.table.current:
                self._open(awaited)

    def _open_current(self) -> None:
        """The row that was clicked, unless others are chosen with it."""
        if (current := self.table.current) is not None and self.table.chosen_count == 1:
            self._open(current)

    def _follow_current(self) -> None:
        """Where a person goes, not where the row before goes when it leaves the list: somebody reads its details."""
        current = self.table.current
        if self.splitter.is_open and not self._is_changing and current is not None:
            self._open(current)

    def _hold(self) -> None:
        self._is_changing = True

    def _let_go(self) -> None:
        self._is_changing = False
        if self.splitter.is_open and not self.detail.queue_id:  # what they showed was acted upon, or could not be read
            self._follow_current()

    def _refresh_detail(self) -> None:
        if self.splitter.is_open and self.detail.queue_id:
            self.detail.show_message(self.detail.queue_id)

    def _close_detail(self) -> None:
        self._awaited = None
        self.splitter.close_detail()
        self.table.setFocus()
