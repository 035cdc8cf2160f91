"""The Spool page: the list, its search and chips, the detail pane, and the actions on what is chosen."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from PySide6.QtCore import QTimer
from PySide6.QtGui import QAction

from ....control.schema import EventMessage, Snapshot, SpoolFigures
from ....control.spool_schema import Filter, SpoolRow
from ....model.report import SpoolOperation
from ...cards import ChoiceField, Dialog, FieldRow, FilterChips, PageHeader
from ...context import AppContext
from ...i18n import format_count, ntr, tr
from ...theme import Role
from ..lists.filter_bar import Choice, FilterBar, SearchBox
from ..lists.gateways import Gateways
from ..lists.query_page import QueryPage
from ..lists.saving import ask_where, save
from ..lists.targets import Target
from .columns import SpoolWords
from .detail import SpoolDetail
from .operations import OPERATIONS, Operation, Plan
from .query import SpoolQuery, SpoolSource

MOST_SAVED = 1000
_QUICK_MS = 1000
_SLOW_MS = 20_000


class SpoolPage(QueryPage[SpoolQuery, Filter]):
    key: ClassVar[str] = "spool"

    def __init__(self, context: AppContext) -> None:
        gateways = Gateways()
        words = SpoolWords(gateways)
        super().__init__(context, tr("Spool"), words.columns(), gateways, SpoolQuery())
        self.words = words
        self._figures = SpoolFigures()
        self._clock = QTimer(self)
        self._clock.timeout.connect(self._tick)
        self._build()
        self._connect()
        self._show_figures()
        self._show_selection()

    # --- building ---

    def _build(self) -> None:
        self.header = PageHeader(tr("Spool"))
        self.outer.addWidget(self.header)
        self.search = SearchBox(tr("Search the spool"), tr("Sender, recipient, subject or id"))
        self.where = Choice(
            tr("What is searched"),
            [
                ("", tr("Everywhere")), ("sender", tr("In senders")), ("recipient", tr("In recipients")),
                ("subject", tr("In subjects")), ("reply", tr("In replies")),
            ],
        )  # fmt: skip
        self.gateway = Choice(tr("Gateway"), [("", tr("All gateways"))])
        self.chips = FilterChips(
            tr("State"),
            [("", tr("All")), ("waiting", tr("Waiting")), ("deferred", tr("Deferred")), ("held", tr("Held"))],
        )
        self.outer.addWidget(FilterBar(self.search, [self.where, self.gateway], self.chips))
        self._build_actions()
        self.outer.addWidget(self.splitter, 1)

    def _make_detail(self) -> SpoolDetail:
        made = SpoolDetail(self.context, self.gateways, self.spawn)
        made.tracking_wanted.connect(lambda queue_id: self.context.navigate("tracking", queue_id=queue_id))
        return made

    def _build_actions(self) -> None:
        """Each as a menu entry with its keys; the most wanted ones also as buttons below the list."""
        self.actions_by_kind: dict[SpoolOperation, QAction] = {}
        for found in OPERATIONS:
            if found.kind is SpoolOperation.FAIL:
                self.menu.addSeparator()
                self.save_action = self._action("download", tr("&Save as .eml…"), "Ctrl+S", self._start_saving)
                self.menu.addSeparator()
            self.actions_by_kind[found.kind] = self._action(
                found.icon, tr(found.title), found.shortcut, partial(self._start, found)
            )
        for kind in (SpoolOperation.RETRY, SpoolOperation.HOLD, SpoolOperation.RELEASE):
            self._button(self.actions_by_kind[kind])
        self._more_button()

    def _connect(self) -> None:
        self.search.wanted.connect(lambda text: self._ask(text=text))
        self.where.wanted.connect(lambda where: self._ask(where=where))
        self.gateway.wanted.connect(lambda gateway: self._ask(gateway=gateway))
        self.chips.chosen.connect(lambda state: self._ask(state=state))
        self.model.loaded.connect(self._to_the_top)

    # --- the page ---

    async def enter(self, **arguments: Any) -> None:
        """``state``, ``gateway``, ``text``: what to filter by; without any, as it was left."""
        if snapshot := self.context.session.snapshot:
            self.on_snapshot(snapshot)
        if arguments:
            self._query = replace(self._query.unfiltered(), **arguments)
            self._show_query()
        self.live.set_on(True)
        self._clock.start(_QUICK_MS)
        await self.gateways.load(self.context.session)
        self.gateway.set_choices([("", tr("All gateways")), *((g.id, g.label) for g in self.gateways.all)])
        self.gateway.choose(self._query.gateway)
        await self._enter_list()

    async def leave(self) -> bool:
        self._clock.stop()
        return await super().leave()

    def on_snapshot(self, snapshot: Snapshot) -> None:
        self.words.is_paused = snapshot.status.relay.delivery_paused
        self.words.is_stopped = snapshot.status.relay.mail.value != "running"
        self.gateways.take(snapshot)
        self._figures = snapshot.status.spool
        self._show_figures()

    def on_event(self, event: EventMessage) -> None:
        if event.kind == "figures":
            self._figures = SpoolFigures.model_validate(event.data["spool"])
            self._show_figures()
            self.live.touch()
        elif event.kind.startswith(("message.", "spool.")):
            self.live.touch()
        elif event.kind == "delivery.paused":
            self.words.is_paused = True
            self.table.update_live()
        elif event.kind == "delivery.resumed":
            self.words.is_paused = False
            self.table.update_live()
        elif event.kind == "mail.state":
            self.words.is_stopped = event.data.get("state") != "running"
            self.table.update_live()
        elif event.kind.startswith(("gateway.", "configuration.")):
            self.spawn(self.gateways.load(self.context.session), "load gateways")

    # --- the list ---

    def _source(self, query: SpoolQuery) -> SpoolSource:
        return SpoolSource(self.context.session, query)

    def _show_query(self) -> None:
        self.search.set_quietly(self._query.text)
        self.where.choose(self._query.where)
        self.gateway.choose(self._query.gateway)
        self.chips.choose(self._query.state)

    async def _refresh_list(self) -> None:
        """Also what the open details show."""
        await super()._refresh_list()
        self._refresh_detail()

    def _to_the_top(self) -> None:
        if not self.table.currentIndex().isValid() and len(self.model.ids):
            self.table.verticalScrollBar().setValue(0)

    def _tick(self) -> None:
        """What changes with the clock is painted again: each second while something is that young, else seldom."""
        now = self.words.clock()
        seen = [row for row in self.table.visible_rows() if isinstance(row, SpoolRow)]
        young = any(now - row.received_at < 61 or -2 < row.due_at - now < 61 for row in seen)
        self._clock.setInterval(_QUICK_MS if young else _SLOW_MS)
        self.table.update_live()

    # --- words about the list ---

    def _show_figures(self) -> None:
        figures = self._figures
        for key, count in (("waiting", figures.waiting), ("deferred", figures.deferred), ("held", figures.held)):
            self.chips.set_count(key, count or None)
        if not figures.total:
            self.header.set_subtitle(tr("Mail that Gatepost has accepted and still owes somebody. Nothing waits."))
            return
        moving = figures.waiting + figures.deferred
        parts = [ntr("{n} delivery is on its way.", "{n} deliveries are on their way.", moving)] if moving else []
        if figures.held:
            parts.append(ntr("{n} is held until it is released.", "{n} are held until they are released.", figures.held))
        self.header.set_subtitle(" ".join(parts))

    def _count_text(self, total: int) -> str:
        return ntr("{n} delivery", "{n} deliveries", total)

    def _show_selection(self) -> None:
        super()._show_selection()
        self.actions_by_kind[SpoolOperation.REROUTE].setEnabled(bool(self.table.chosen_count and self.gateways.outbound))

    def _tell_empty(self) -> None:
        self.empty_button.setVisible(self._query.is_filtered)
        if self._query.is_filtered:
            self.empty.tell(tr("Nothing found"), tr("Mail that was delivered is found in Tracking."), sign="search")
        else:
            self.empty.tell(
                tr("Nothing waits"),
                tr("Mail appears here while it is on its way. What was delivered is found in Tracking."),
            )

    # --- actions ---

    def _start(self, found: Operation) -> None:
        if self._can_start:
            self.spawn(self._do(found, self._target()), found.kind.value)

    async def _do(self, found: Operation, target: Target[Filter]) -> None:
        plan, session = await self._complete(found), self.context.session
        if plan is not None and await self.worker.act(
            lambda: plan.count(session, target),
            lambda count: plan.ask(self, count),
            lambda progress: plan.run(session, target, progress),
            plan.told,
            tr("Nothing of it is in the spool any more."),
        ):
            if found.kind in (SpoolOperation.DELETE, SpoolOperation.FAIL):
                self._forget()
            self.live.touch()

    async def _complete(self, found: Operation) -> Plan | None:
        """Ask for the gateway or the priority; None when the person cancelled."""
        if found.kind is SpoolOperation.REROUTE:
            return await self._ask_gateway(found)
        if found.kind is SpoolOperation.PRIORITY:
            return await self._ask_priority(found)
        return Plan(found)

    async def _ask_priority(self, found: Operation) -> Plan | None:
        field = ChoiceField(
            (
                (100, tr("Before everything else")),
                (10, tr("Sooner")),
                (0, tr("Usual")),
                (-10, tr("Later")),
                (-100, tr("After everything else")),
            )
        )
        field.set_value(0)
        if not await self._ask_field(tr("Change priority"), tr("Priority"), field, tr("Change")):
            return None
        return Plan(found, priority=int(str(field.value())), argument=field.currentText())

    async def _ask_gateway(self, found: Operation) -> Plan | None:
        field = ChoiceField([*((g.id, g.label) for g in self.gateways.outbound), ("", tr("As the routes say"))])
        if not await self._ask_field(tr("Send by another gateway"), tr("Gateway"), field, tr("Send")):
            return None
        return Plan(found, gateway=str(field.value()) or None, argument=field.currentText())

    async def _ask_field(self, title: str, caption: str, field: ChoiceField, yes: str) -> bool:
        dialog = Dialog(self, title)
        dialog.add(FieldRow(caption, field))
        dialog.add_button("", tr("Cancel"))
        dialog.add_button("yes", yes, Role.PRIMARY, is_default=True)
        return await dialog.ask() == "yes"

    def _start_saving(self) -> None:
        if self._can_start:
            self.spawn(self._save(), "save messages")

    async def _save(self) -> None:
        numbers = self.table.chosen
        foot = self.card.foot
        if len(numbers) > MOST_SAVED:
            foot.say(tr("Choose at most {n} messages to save.", n=format_count(MOST_SAVED)))
            return
        source = SpoolSource(self.context.session, self._query)
        found = await self.worker.run(tr("Working…"), lambda _: source.rows(numbers))
        queue_ids = list(dict.fromkeys(row.queue_id for row in found))
        if not queue_ids or (where := await ask_where(self, queue_ids)) is None:
            return
        content = self.context.session.client.spool_content
        saved = await self.worker.run(tr("Saving…"), lambda progress: save(content, queue_ids, where, progress))
        foot.say(ntr("{n} message was saved to {where}.", "{n} messages were saved to {where}.", saved, where=where))
