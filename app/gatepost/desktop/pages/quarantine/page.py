"""The Quarantine page: the list, its filters, why each message is there, and what can be done."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QPushButton

from ....control.schema import EventMessage, SpoolFigures
from ....control.spool_schema import QuarantineFilter, QuarantineOperateRequest
from ....model.report import QuarantineOperation
from ...cards import FilterChips, PageHeader, confirm
from ...context import AppContext
from ...i18n import format_count, mark, ntr, tr
from ...theme import Role, icon, set_role
from ..lists.filter_bar import Choice, FilterBar, SearchBox
from ..lists.gateways import Gateways
from ..lists.list_page import ListPage
from ..lists.loading import soon
from ..lists.worker import Progress
from .columns import columns
from .detail import QuarantineDetail
from .query import VIRUS, QuarantineQuery, QuarantineSource

AT_ONCE = 20_000
BY_FILTER = 10_000
"""When all rows are chosen and there are more than this, the filter itself is sent."""
_LIVE_MS = 30_000


@dataclass(frozen=True, slots=True)
class Action:
    kind: QuarantineOperation
    title: str
    icon: str
    shortcut: str
    question: Callable[[int], str]
    button: Callable[[int], str]
    done: Callable[[int], str]
    detail: str = ""
    is_dangerous: bool = False


ACTIONS = (
    Action(
        QuarantineOperation.RELEASE, mark("&Release"), "play", "Ctrl+L",
        lambda n: ntr("Release {n} message to its recipients?", "Release {n} messages to their recipients?", n),
        lambda n: ntr("Release {n} message", "Release {n} messages", n),
        lambda n: ntr("{n} message was released.", "{n} messages were released.", n),
    ),
    Action(
        QuarantineOperation.RELEASE_AND_ALLOW, mark("Release and &allow sender"), "good", "Ctrl+Shift+L",
        lambda n: ntr("Release {n} message and allow its sender?", "Release {n} messages and allow their senders?", n),
        lambda n: ntr("Release {n} message and allow", "Release {n} messages and allow", n),
        lambda n: ntr(
            "{n} message was released; its sender is allowed.", "{n} messages were released; their senders are allowed.", n
        ),
        detail=mark("From now on, mail from these addresses is not scored for spam."),
    ),
    Action(
        QuarantineOperation.DELETE, mark("&Delete"), "delete", "Del",
        lambda n: ntr("Delete {n} message?", "Delete {n} messages?", n),
        lambda n: ntr("Delete {n} message", "Delete {n} messages", n),
        lambda n: ntr("{n} message was deleted.", "{n} messages were deleted.", n),
        detail=mark("Nobody is told, and it cannot be undone."),
        is_dangerous=True,
    ),
)  # fmt: skip


class QuarantinePage(ListPage):
    key: ClassVar[str] = "quarantine"

    def __init__(self, context: AppContext) -> None:
        super().__init__(context, tr("Quarantine"), columns(), Gateways())
        self._query = QuarantineQuery()
        self._shown: QuarantineQuery | None = None
        self._clock = QTimer(self)
        self._clock.setInterval(_LIVE_MS)
        self._clock.timeout.connect(self.table.update_live)
        self._build()
        self._connect()
        self._show_selection()

    # --- building ---

    def _build(self) -> None:
        self.header = PageHeader(tr("Quarantine"), tr("Mail that inspection held back until somebody decides."))
        self.outer.addWidget(self.header)
        self.search = SearchBox(tr("Search the quarantine"), tr("Sender, recipient, subject, reason or id"))
        self.where = Choice(
            tr("What is searched"),
            [
                ("", tr("Everywhere")), ("sender", tr("In senders")), ("recipient", tr("In recipients")),
                ("subject", tr("In subjects")),
            ],
        )  # fmt: skip
        self.gateway = Choice(tr("Gateway"), [("", tr("All gateways"))])
        self.chips = FilterChips(
            tr("Why"),
            [
                ("", tr("All")), ("high", tr("High")), ("medium", tr("Medium")), ("low", tr("Low")), (VIRUS, tr("Virus")),
            ],
        )  # fmt: skip
        self.outer.addWidget(FilterBar(self.search, [self.where, self.gateway], self.chips))
        self._build_actions()
        self.outer.addWidget(self.splitter, 1)

    def _make_detail(self) -> QuarantineDetail:
        made = QuarantineDetail(self.context, self.gateways, self.spawn)
        made.tracking_wanted.connect(lambda queue_id: self.context.navigate("tracking", queue_id=queue_id))
        return made

    def _build_actions(self) -> None:
        self.menu = QMenu(self)
        self.actions_by_kind: dict[QuarantineOperation, QAction] = {}
        self._buttons: list[QPushButton] = []
        self.all_button = QPushButton(tr("Choose all"))
        set_role(self.all_button, Role.LINK)
        self.all_button.clicked.connect(self.table.selectAll)
        self.card.foot.add(self.all_button)
        for found in ACTIONS:
            action = QAction(icon(found.icon), tr(found.title), self)
            action.setShortcut(QKeySequence(found.shortcut))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(lambda _checked=False, found=found: self._start(found))
            self.actions_by_kind[found.kind] = action
            self.menu.addAction(action)
            button = QPushButton(icon(found.icon), tr(found.title).replace("&", ""))
            set_role(button, Role.DANGER if found.is_dangerous else None)
            button.clicked.connect(action.trigger)
            self.card.foot.add(button)
            self._buttons.append(button)
        self.table.addActions(list(self.actions_by_kind.values()))

    def _connect(self) -> None:
        self.search.wanted.connect(lambda text: self._ask(text=text))
        self.where.wanted.connect(lambda where: self._ask(where=where))
        self.gateway.wanted.connect(lambda gateway: self._ask(gateway=gateway))
        self.chips.chosen.connect(lambda level: self._ask(level=level))
        self.table.order_wanted.connect(lambda order, descending: self._ask(order=order, descending=descending))
        self.table.selection_changed.connect(self._show_selection)
        self.table.clicked.connect(lambda _: self._open_current())
        self.table.menu_wanted.connect(self._show_menu)
        self.model.loaded.connect(self._show_selection)
        self.model.changed.connect(self._show_selection)

    # --- the page ---

    async def enter(self, **arguments: Any) -> None:
        """``text``, ``level``, ``gateway``: what to filter by; without any, as it was left."""
        if arguments:
            self._query = replace(self._query.unfiltered(), **arguments)
            self._show_query()
        self.live.set_on(True)
        self._clock.start()
        await self.gateways.load(self.context.session)
        self.gateway.set_choices([("", tr("All gateways")), *((g.id, g.label) for g in self.gateways.inbound)])
        self.gateway.choose(self._query.gateway)
        await soon(self.spawn(self._refresh_list() if self._shown == self._query else self._load(), "load the list"))

    async def leave(self) -> bool:
        self.live.set_on(False)
        self._clock.stop()
        return True

    def on_connected(self) -> None:
        self._shown = None
        self.spawn(self.enter(), "load again")

    def on_event(self, event: EventMessage) -> None:
        if event.kind == "figures":
            figures = SpoolFigures.model_validate(event.data["spool"])
            if self._shown is not None and figures.quarantined != len(self.model.ids):
                self.live.touch()
        elif event.kind.startswith(("quarantine.", "spool.")):
            self.live.touch()
        elif event.kind.startswith("configuration."):
            self.spawn(self.gateways.load(self.context.session), "load gateways")

    # --- the list ---

    def _ask(self, **changes: Any) -> None:
        self._query = replace(self._query, **changes)
        if self._query.text or "where" not in changes:
            self.spawn(self._load(), "filter the list")

    def _show_all(self) -> None:
        self._query = self._query.unfiltered()
        self._show_query()
        self.spawn(self._load(), "show all")

    def _show_query(self) -> None:
        self.search.set_quietly(self._query.text)
        self.where.choose(self._query.where)
        self.gateway.choose(self._query.gateway)
        self.chips.choose(self._query.level)

    async def _load(self) -> None:
        query = self._query
        source = QuarantineSource(self.context.session, query)
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

    def _show_selection(self) -> None:
        total, chosen = len(self.model.ids), self.table.chosen_count
        is_empty = total == 0 and not self.model.is_loading and self._shown is not None
        if is_empty:
            self._tell_empty()
        self.card.show_empty(is_empty)
        if chosen:
            self.card.foot.set_count(tr("{n} of {m} chosen", n=format_count(chosen), m=format_count(total)))
        else:
            self.card.foot.set_count(ntr("{n} message", "{n} messages", total))
        self.all_button.setVisible(0 < chosen < total)
        for button in self._buttons:
            button.setEnabled(bool(chosen))
        for action in self.actions_by_kind.values():
            action.setEnabled(bool(chosen))

    def _tell_empty(self) -> None:
        self.empty_button.setVisible(self._query.is_filtered)
        if self._query.is_filtered:
            self.empty.tell(tr("Nothing in quarantine matches"))
        else:
            self.empty.tell(
                tr("Nothing is in quarantine"),
                tr("Spam and viruses appear here when a gateway's Spam card or the virus scan says “Quarantine”."),
            )

    # --- details ---

    def _close_detail(self) -> None:
        super()._close_detail()
        self._forget()

    def _forget(self) -> None:
        """What the details show may have left the quarantine: they load it anew when it is opened again."""
        if self.splitter.is_made:
            self.detail.forget()

    # --- actions ---

    def _show_menu(self, place: QPoint) -> None:
        self.menu.popup(place)

    def _start(self, found: Action) -> None:
        if self.table.chosen_count and not self.worker.is_busy:
            chosen = self.table.chosen
            whole = len(chosen) == len(self.model.ids) and len(chosen) > BY_FILTER
            self.spawn(self._do(found, None if whole else chosen), found.kind.value)

    async def _do(self, found: Action, chosen: array[int] | None) -> None:
        requests = self._requests(found, chosen)
        client = self.context.session.client

        async def count() -> int:
            return sum([await client.quarantine_operate(r.model_copy(update={"dry_run": True})) for r in requests])

        async def ask(number: int) -> bool:
            if number == 1 and not found.is_dangerous:
                return True
            text = "\n\n".join(filter(None, (found.question(number), tr(found.detail) if found.detail else "")))
            title = tr(found.title).replace("&", "")
            return await confirm(self, title, text, found.button(number), is_dangerous=found.is_dangerous)

        async def work(progress: Progress) -> int:
            done = 0
            for number, request in enumerate(requests):
                done += await client.quarantine_operate(request)
                progress(number + 1, len(requests))
            return done

        if await self.worker.act(count, ask, work, found.done, tr("Nothing of it is in quarantine any more.")):
            self._forget()
            self.live.touch()

    def _requests(self, found: Action, chosen: array[int] | None) -> list[QuarantineOperateRequest]:
        if chosen is None:
            whole = self._query.filter
            return [QuarantineOperateRequest(operation=found.kind, filter=whole, everything=whole.is_everything)]
        parts = [chosen[start : start + AT_ONCE] for start in range(0, len(chosen), AT_ONCE)]
        return [QuarantineOperateRequest(operation=found.kind, filter=QuarantineFilter(ids=tuple(part))) for part in parts]
