"""The Tracking page: search, the messages found, and the story of the one that was opened."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from PySide6.QtWidgets import QScrollBar

from ....control.schema import EventMessage
from ...cards import FilterChips, PageHeader
from ...context import AppContext
from ...i18n import format_count, ntr, tr
from ..lists.filter_bar import Choice, FilterBar, SearchBox
from ..lists.gateways import Gateways
from ..lists.list_page import ListPage
from ..lists.loading import soon
from .columns import columns
from .detail import TrackingDetail
from .query import TrackingQuery, TrackingSource

ENOUGH = 60
"""Messages that a search looks for before it waits to be asked for more."""


class TrackingPage(ListPage):
    key: ClassVar[str] = "tracking"

    def __init__(self, context: AppContext) -> None:
        super().__init__(context, tr("Tracking"), columns(), Gateways())
        self._query = TrackingQuery()
        self._source: TrackingSource | None = None
        self._build()
        self._connect()

    def _build(self) -> None:
        self.outer.addWidget(PageHeader(tr("Tracking"), tr("What became of each message that Gatepost has taken.")))
        self.search = SearchBox(tr("Search the journal"), tr("Address, subject, id, Message-ID or reply"))
        self.where = Choice(
            tr("What is searched"),
            [
                ("", tr("Everywhere")), ("sender", tr("In senders")), ("recipient", tr("In recipients")),
                ("subject", tr("In subjects")), ("reply", tr("In replies")),
            ],
        )  # fmt: skip
        self.span = Choice(
            tr("When"),
            [
                ("", tr("Any time")), ("hour", tr("Last hour")), ("day", tr("Last 24 hours")), ("week", tr("Last 7 days")),
                ("month", tr("Last 30 days")),
            ],
        )  # fmt: skip
        self.chips = FilterChips(
            tr("State"),
            [
                ("", tr("All")), ("delivered", tr("Delivered")), ("deferred", tr("Deferred")), ("waiting", tr("Waiting")),
                ("bounced", tr("Not delivered")), ("quarantined", tr("Held")), ("deleted", tr("Deleted")),
            ],
        )  # fmt: skip
        self.outer.addWidget(FilterBar(self.search, [self.where, self.span], self.chips))
        self.outer.addWidget(self.splitter, 1)

    def _make_detail(self) -> TrackingDetail:
        made = TrackingDetail(self.context, self.gateways, self.spawn)
        made.spool_wanted.connect(lambda queue_id: self.context.navigate("spool", text=queue_id))
        return made

    def _connect(self) -> None:
        self.search.wanted.connect(lambda text: self._ask(text=text))
        self.where.wanted.connect(lambda where: self._ask(where=where))
        self.span.wanted.connect(lambda span: self._ask(span=span))
        self.chips.chosen.connect(lambda state: self._ask(state=state))
        self.table.clicked.connect(lambda _: self._open_current())
        self.table.verticalScrollBar().valueChanged.connect(lambda _: self._near_end())
        self.model.changed.connect(self._show_count)

    # --- the page ---

    async def enter(self, **arguments: Any) -> None:
        """``queue_id`` opens the story of one message; ``text``, ``state``, ``span``, ``where`` filter; else as it was left."""
        self.live.set_on(True)
        await self.gateways.load(self.context.session)
        queue_id = arguments.pop("queue_id", "")
        if queue_id:
            arguments["text"] = queue_id
        if arguments:
            self._query = replace(self._query.unfiltered(), **arguments)
            self._show_query()
        if queue_id:
            self._show_detail(queue_id)
        await soon(self.spawn(self._show_list(queue_id), "search"))

    async def _show_list(self, queue_id: str) -> None:
        if self._source is not None and self._source.query == self._query:
            await self._refresh_list()
        else:
            await self._load()
        for number in self.model.ids if queue_id else ():
            row = self.model.known(number)
            if row is not None and row.queue_id == queue_id:  # reports about it are found by its id, too
                self.table.choose(number)

    async def leave(self) -> bool:
        self.live.set_on(False)
        self.worker.stop(quietly=True)
        return True

    def on_connected(self) -> None:
        self._source = None
        self.spawn(self.enter(), "search again")

    def on_event(self, event: EventMessage) -> None:
        if event.kind.startswith(("message.", "spool.")):
            self.live.touch()
        elif event.kind.startswith("configuration."):
            self.spawn(self.gateways.load(self.context.session), "load gateways")

    # --- searching ---

    def _ask(self, **changes: Any) -> None:
        was, self._query = self._query, replace(self._query, **changes)
        if self._query.request(limit=1, before=None, now=0) != was.request(limit=1, before=None, now=0):
            self.spawn(self._load(), "search")

    def _show_all(self) -> None:
        self._query = self._query.unfiltered()
        self._show_query()
        self.spawn(self._load(), "show all")

    def _show_query(self) -> None:
        self.search.set_quietly(self._query.text)
        self.where.choose(self._query.where)
        self.span.choose(self._query.span)
        self.chips.choose(self._query.state)

    async def _load(self) -> None:
        self.worker.stop(quietly=True)
        source = TrackingSource(self.context.session, self._query, self.model.keep)
        self._source = source
        await self.model.show(source, by_id=-1)
        if source is not self._source:
            return
        self.table.verticalScrollBar().setValue(0)
        self.context.messages.clear_banner(self.key)
        self._show_count()
        if source.has_more and len(self.model.ids) < ENOUGH:
            self.spawn(self._search_on(len(self.model.ids) + ENOUGH), "search on")

    def _near_end(self) -> None:
        """Older messages are read before one comes to them."""
        bar: QScrollBar = self.table.verticalScrollBar()
        if bar.maximum() - bar.value() < 2 * self.table.viewport().height() and not self.worker.is_busy:
            source = self._source
            if source is not None and source.has_more and self.model.ids:
                self.spawn(self._search_on(len(self.model.ids) + ENOUGH), "search on")

    async def _search_on(self, wanted: int) -> None:
        """Read pages until so many messages are there, nothing is left, or the person stops it."""
        source = self._source
        if source is None or self.worker.is_busy:
            return

        async def read(_progress: object) -> None:
            while source is self._source and source.has_more and len(self.model.ids) < wanted:
                found = await source.more()
                if source is self._source:
                    self.model.extend(found)
                    self._show_count()

        await self.worker.run(tr("Searching older messages…"), read)

    async def _refresh_list(self) -> None:
        if self._source is None:
            await self._load()
        elif not self.worker.is_busy:
            await self.model.refresh()
            self._show_count()
        self._refresh_detail()

    def _show_count(self) -> None:
        count, source = len(self.model.ids), self._source
        is_empty = not count and source is not None and not source.has_more
        if is_empty:
            self._tell_empty()
        self.card.show_empty(is_empty)
        if source is not None and source.has_more and count:
            text = tr("The newest {n} messages; scroll down for older ones", n=format_count(count))
        else:
            text = ntr("{n} message", "{n} messages", count)
        self.card.foot.set_count(text)

    def _tell_empty(self) -> None:
        self.empty_button.setVisible(self._query.is_filtered)
        if self._query.is_filtered:
            self.empty.tell(
                tr("Nothing found"),
                tr("Whole addresses are found at once. A star at the end finds what begins so: anna@*"),
                sign="search",
            )
        else:
            self.empty.tell(tr("No message yet"), tr("Each message that Gatepost takes appears here, with its whole story."))
