"""The Quarantine page: the list, its filters, why each message is there, and what can be done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from PySide6.QtCore import QTimer
from PySide6.QtGui import QAction

from ....control.schema import EventMessage, SpoolFigures
from ....control.spool_schema import QuarantineFilter, QuarantineOperateRequest
from ....model.report import QuarantineOperation
from ...cards import FilterChips, PageHeader, confirm
from ...context import AppContext
from ...i18n import mark, ntr, tr
from ...theme import Role, set_role
from ..lists.filter_bar import Choice, FilterBar, SearchBox
from ..lists.gateways import Gateways
from ..lists.query_page import QueryPage
from ..lists.targets import Target
from .columns import columns
from .detail import QuarantineDetail
from .query import VIRUS, QuarantineQuery, QuarantineSource

_LIVE_MS = 30_000


@dataclass(frozen=True, slots=True)
class Action:
    kind: QuarantineOperation
    title: str
    short: str
    """On the button below the list."""
    icon: str
    shortcut: str
    question: Callable[[int], str]
    button: Callable[[int], str]
    done: Callable[[int], str]
    detail: str = ""
    is_dangerous: bool = False


ACTIONS = (
    Action(
        QuarantineOperation.RELEASE, mark("&Release"), mark("Release"), "play", "Ctrl+L",
        lambda n: ntr("Release {n} message to its recipients?", "Release {n} messages to their recipients?", n),
        lambda n: ntr("Release {n} message", "Release {n} messages", n),
        lambda n: ntr("{n} message was released.", "{n} messages were released.", n),
    ),
    Action(
        QuarantineOperation.RELEASE_AND_ALLOW, mark("Release and &allow sender"), mark("Release and allow"), "good",
        "Ctrl+Shift+L",
        lambda n: ntr("Release {n} message and allow its sender?", "Release {n} messages and allow their senders?", n),
        lambda n: ntr("Release {n} message and allow", "Release {n} messages and allow", n),
        lambda n: ntr(
            "{n} message was released; its sender is allowed.", "{n} messages were released; their senders are allowed.", n
        ),
        detail=mark("From now on, mail from these addresses is not scored for spam."),
    ),
    Action(
        QuarantineOperation.DELETE, mark("&Delete"), mark("Delete"), "delete", "Del",
        lambda n: ntr("Delete {n} message?", "Delete {n} messages?", n),
        lambda n: ntr("Delete {n} message", "Delete {n} messages", n),
        lambda n: ntr("{n} message was deleted.", "{n} messages were deleted.", n),
        detail=mark("Nobody is told, and it cannot be undone."),
        is_dangerous=True,
    ),
)  # fmt: skip


class QuarantinePage(QueryPage[QuarantineQuery, QuarantineFilter]):
    key: ClassVar[str] = "quarantine"

    def __init__(self, context: AppContext) -> None:
        super().__init__(context, tr("Quarantine"), columns(), Gateways(), QuarantineQuery())
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
        self.actions_by_kind: dict[QuarantineOperation, QAction] = {}
        for found in ACTIONS:
            action = self._action(found.icon, tr(found.title), found.shortcut, partial(self._start, found))
            self.actions_by_kind[found.kind] = action
            button = self._button(action, tr(found.short))
            set_role(button, Role.DANGER if found.is_dangerous else None)

    def _connect(self) -> None:
        self.search.wanted.connect(lambda text: self._ask(text=text))
        self.where.wanted.connect(lambda where: self._ask(where=where))
        self.gateway.wanted.connect(lambda gateway: self._ask(gateway=gateway))
        self.chips.chosen.connect(lambda level: self._ask(level=level))

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
        await self._enter_list()

    async def leave(self) -> bool:
        self._clock.stop()
        return await super().leave()

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

    def _source(self, query: QuarantineQuery) -> QuarantineSource:
        return QuarantineSource(self.context.session, query)

    def _show_query(self) -> None:
        self.search.set_quietly(self._query.text)
        self.where.choose(self._query.where)
        self.gateway.choose(self._query.gateway)
        self.chips.choose(self._query.level)

    def _tell_empty(self) -> None:
        self.empty_button.setVisible(self._query.is_filtered)
        if self._query.is_filtered:
            self.empty.tell(
                tr("Nothing found"), tr("No message in quarantine matches the search and the filter."), sign="search"
            )
        else:
            self.empty.tell(
                tr("Nothing is in quarantine"),
                tr("Spam and viruses appear here when a gateway's Spam card or the virus scan says “Quarantine”."),
            )

    # --- actions ---

    def _start(self, found: Action) -> None:
        if self._can_start:
            self.spawn(self._do(found, self._target()), found.kind.value)

    async def _do(self, found: Action, target: Target[QuarantineFilter]) -> None:
        request, session = QuarantineOperateRequest(operation=found.kind), self.context.session

        async def send(one: QuarantineOperateRequest) -> int:
            return await session.client.quarantine_operate(one)

        async def ask(number: int) -> bool:
            if number == 1 and not found.is_dangerous:
                return True
            text = "\n\n".join(filter(None, (found.question(number), tr(found.detail) if found.detail else "")))
            title = tr(found.title).replace("&", "")
            return await confirm(self, title, text, found.button(number), is_dangerous=found.is_dangerous)

        if await self.worker.act(
            lambda: target.count(request, send),
            ask,
            lambda progress: target.carry_out(request, send, progress),
            found.done,
            tr("Nothing of it is in quarantine any more."),
        ):
            self._forget()
            self.live.touch()
