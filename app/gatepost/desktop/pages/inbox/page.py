"""The Test inbox page: trays, the list, its search, one message beside it, and what can be done with many."""

from __future__ import annotations

from array import array
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from ....control.capture_schema import CapturedFilter, CapturedRow
from ....control.schema import EventMessage
from ...cards import Banner, PageHeader, Tone
from ...context import AppContext
from ...i18n import ntr, tr
from ...theme import icon
from ..fault_words import rule_name
from ..handling import CAPTURE, COPY, action_of
from ..lists.filter_bar import Choice, FilterBar, SearchBox
from ..lists.gateways import Gateways
from ..lists.query_page import QueryPage
from ..lists.targets import Target
from ..wording import Plain, listener_name
from .columns import columns
from .detail import CapturedDetail
from .empty import InboxEmpty, Place, place_of
from .query import InboxQuery, InboxSource
from .trays import TrayChips, tray_name
from .work import Work

FAULTS_NAMED = 3


class InboxPage(QueryPage[InboxQuery, CapturedFilter]):
    key: ClassVar[str] = "inbox"

    def __init__(self, context: AppContext) -> None:
        self._names: dict[str, str] = {}
        super().__init__(context, tr("Test inbox"), columns(lambda: self._names), Gateways(), InboxQuery())
        self._places: list[Place] = []
        self._captures = False
        self.work = Work(self, self.worker, self.card.foot, self.gateways, self._changed)
        self._build()
        self._connect()
        self._show_selection()

    # --- building ---

    def _build(self) -> None:
        self.header = PageHeader(tr("Test inbox"), tr("Mail that was captured instead of being delivered, and copies of mail."))
        self.clear = QPushButton(icon("delete"), tr("Clear the tray…"))
        self.clear.clicked.connect(self._start_clearing)
        self.header.add_action(self.clear)
        self.settings = QPushButton(icon("settings"), tr("Set up"))
        self.settings.setProperty("menu", "true")
        self.settings.setMenu(self._settings_menu())
        self.header.add_action(self.settings)
        self.outer.addWidget(self.header)
        self.search = SearchBox(tr("Search the test inbox"), tr("Sender, recipient, subject, text, attachment or id"))
        self.where = Choice(
            tr("What is searched"),
            [
                ("", tr("Everywhere")), ("sender", tr("In senders")), ("recipient", tr("In recipients")),
                ("subject", tr("In subjects")), ("user", tr("Sent by user")),
            ],
        )  # fmt: skip
        self.trays = TrayChips(self.context.preferences)
        self.outer.addWidget(FilterBar(self.search, [self.where], self.trays))
        self.card.replace_empty(QWidget())  # takes no room; what is said instead is made when it is needed
        self._build_actions()
        self.outer.addWidget(self.splitter, 1)

    @cached_property
    def nothing(self) -> InboxEmpty:
        """Made when there is nothing to list for the first time."""
        made = InboxEmpty()
        self.show_all = made.add_action(tr("Show all"), self._show_all, is_primary=False)
        self.begin = made.add_action(tr("Capture at a listener"), lambda: self._set_up("listeners"))
        self.card.replace_empty(made)
        return made

    @cached_property
    def faults(self) -> Banner:
        """Made when one is switched on for the first time."""
        made = Banner(Tone.WARNING)
        made.hide()
        made.add_action(tr("Show the faults"), lambda: self._set_up("faults"))
        self.outer.insertWidget(1, made)
        return made

    def _settings_menu(self) -> QMenu:
        menu = QMenu(self)
        for section, text in (
            ("trays", tr("Trays…")),
            ("faults", tr("Faults…")),
            ("inbox", tr("How long mail is kept…")),
            ("listeners", tr("What listeners do with mail…")),
        ):
            menu.addAction(text).triggered.connect(lambda _=False, section=section: self._set_up(section))
        return menu

    def _build_actions(self) -> None:
        self.release = self._action("send", tr("&Release…"), "Ctrl+L", self._start_releasing)
        self.save = self._action("download", tr("&Save as .eml…"), "Ctrl+S", self._start_saving)
        self.delete = self._action("delete", tr("&Delete"), "Del", self._start_deleting)
        self._button(self.release)
        self._more_button()

    def _make_detail(self) -> CapturedDetail:
        made = CapturedDetail(self.context, self.spawn, lambda: self._names)
        made.tracking_wanted.connect(lambda queue_id: self.context.navigate("tracking", queue_id=queue_id))
        made.release_wanted.connect(self._release_shown)
        made.delete_wanted.connect(self._delete_shown)
        made.said.connect(self.card.foot.say)
        return made

    def _connect(self) -> None:
        self.search.wanted.connect(lambda text: self._ask(text=text))
        self.where.wanted.connect(lambda where: self._ask(where=where))
        self.trays.chosen.connect(lambda tray: self._ask(tray=tray))

    # --- the page ---

    async def enter(self, **arguments: Any) -> None:
        """``text``, ``tray``: what to filter by; without any, as it was left."""
        if arguments:
            self._query = replace(self._query.unfiltered(), **arguments)
            self._show_query()
        self.live.set_on(True)
        await self._load_around()
        self._show_tray()
        await self._enter_list()

    def on_event(self, event: EventMessage) -> None:
        if event.kind.startswith("captured."):
            self.live.touch()
        elif event.kind in ("configuration.changed", "mail.state"):
            self.spawn(self._load_around(), "load trays")

    def _set_up(self, section: str) -> None:
        self.context.navigate("settings", section=section)

    async def _load_around(self) -> None:
        """What stands around the list: trays, names, where mail is captured, faults."""
        client = self.context.session.client
        status = (await client.status()).relay
        listeners = (await client.objects("listeners")).value
        await self.gateways.load(self.context.session)
        self.trays.set_relay(status.host_name)
        self._captures = any(one.handling in (CAPTURE, COPY) for one in status.not_delivering)
        ports = {report.id: report.port for report in status.listeners}
        self._places = [
            place_of(one["address"], ports.get(one["id"], one["port"]), one["mode"])
            for one in listeners
            if one["enabled"] and action_of(one) in (CAPTURE, COPY)
        ]
        self._names = {one["id"]: listener_name(one) for one in listeners} | {one.id: one.label for one in self.gateways.all}
        await self._load_trays()
        self._show_faults((await client.objects("faults")).value if status.faults else ())
        self._show_selection()

    async def _load_trays(self) -> None:
        reports = await self.context.session.client.trays()
        self._names.update({report.id: tray_name(report) for report in reports})
        self.trays.show_trays(reports)
        if self.isVisible():
            self.trays.see()

    def _show_faults(self, rules: Any) -> None:
        """Loud while one is switched on."""
        enabled: list[Plain] = [rule for rule in rules if rule["enabled"]]
        if not enabled and "faults" not in self.__dict__:
            return
        self.faults.setVisible(bool(enabled))
        if enabled:
            named = [rule_name(rule) for rule in enabled[:FAULTS_NAMED]] + (["…"] if len(enabled) > FAULTS_NAMED else [])
            title = ntr("{n} fault happens to senders on purpose.", "{n} faults happen to senders on purpose.", len(enabled))
            self.faults.tell(Tone.WARNING, title, "\n".join(named))

    # --- the list ---

    def _source(self, query: InboxQuery) -> InboxSource:
        return InboxSource(self.context.session, query)

    def _show_query(self) -> None:
        self.search.set_quietly(self._query.text)
        self.where.choose(self._query.where)
        self._show_tray()

    def _show_tray(self) -> None:
        self.trays.choose(self._query.tray)
        if self.trays.current != self._query.tray:  # it is not there any more
            self._query = replace(self._query, tray=self.trays.current)

    async def _refresh_list(self) -> None:
        await self._load_trays()
        await super()._refresh_list()

    def _show_selection(self) -> None:
        super()._show_selection()
        self.clear.setEnabled(bool(self.model.ids) and not self._query.text)

    def _tell_empty(self) -> None:
        nothing = self.nothing
        self.show_all.setVisible(self._query.is_filtered)
        self.begin.setVisible(not self._query.is_filtered and not self._captures)
        if self._query.is_filtered:
            nothing.tell(tr("Nothing found"), tr("No captured message matches the search and the tray."), sign="search")
        elif self._places:
            place = self._places[0]
            where = tr(
                "Let your program send to {host}, port {port}: each message appears here.", host=place.host, port=place.port
            )
            nothing.tell(tr("Nothing was captured yet"), where, self._places)
        elif self._captures:
            nothing.tell(tr("Nothing was captured yet"), tr("What would leave by the gateway that captures appears here."))
        else:
            nothing.tell(
                tr("Nothing is captured"),
                tr("All mail is delivered. Let a listener capture what your programs send, and it appears here instead."),
            )

    # --- details ---

    def _id_of(self, row: CapturedRow) -> str:
        return str(row.id)

    def _shown_target(self) -> Target[CapturedFilter] | None:
        """The message that the details show, whatever the list holds and has chosen; None while there is other work."""
        identifier = self.detail.queue_id
        if not identifier or self.worker.is_busy:
            return None
        return Target(CapturedFilter(), array("q", [int(identifier)]))

    def _release_shown(self) -> None:
        if (target := self._shown_target()) is not None:
            message = self.detail.message if isinstance(self.detail, CapturedDetail) else None
            self.spawn(self.work.release(target, message.row if message is not None else None), "release")

    def _delete_shown(self) -> None:
        if (target := self._shown_target()) is not None:
            self.spawn(self.work.delete(target), "delete")

    # --- actions ---

    def _start_deleting(self) -> None:
        if self._can_start:
            self.spawn(self.work.delete(self._target()), "delete")

    def _start_releasing(self) -> None:
        if self._can_start:
            target = self._target()
            self.spawn(self.work.release(target, self._only_row(target)), "release")

    def _only_row(self, target: Target[CapturedFilter]) -> CapturedRow | None:
        if target.ids is None or len(target.ids) != 1:
            return None
        found: CapturedRow | None = self.model.known(target.ids[0])
        return found

    def _start_clearing(self) -> None:
        tray = self._query.tray
        if not self.worker.is_busy:
            name = self._names.get(tray, tray) if tray else tr("All")
            self.spawn(self.work.clear(tray, name), "clear the tray")

    def _start_saving(self) -> None:
        if self._can_start:
            self.spawn(self.work.save(self.table.chosen), "save messages")

    def _changed(self) -> None:
        self._forget()
        self.live.touch()
