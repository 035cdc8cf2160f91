"""The Gateways page: the list, and the form of the one that is opened."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QStackedWidget

from ....model.gateway import GatewayMode
from ....model.report import GatewayReport
from ...cards import confirm, rows
from ...context import AppContext
from ...dialogs import ask_about_draft
from ...i18n import ntr, tr
from ...theme import theme
from ..page import Page
from . import words
from .draft import defaults, duplicate_of
from .form import GatewayForm
from .list_view import GatewayList
from .test_message import TestMessageDialog

if TYPE_CHECKING:
    from ....control.schema import EventMessage, Snapshot

_REFRESH_MS = 1000
"""Reports are read anew at most this often while things happen."""


class GatewaysPage(Page):
    """``enter(gateway=id)`` opens one, ``enter(new=mode)`` begins one; ``enter()`` shows what was shown before."""

    key = "gateways"
    is_one_part = False

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self._gateways: list[dict[str, Any]] = []
        self._reports: dict[str, GatewayReport] = {}
        self._opening = 0
        """Counts what was asked for: only the last one is shown."""
        outer = rows(self, gap=0)
        self.stack = QStackedWidget()
        outer.addWidget(self.stack)
        self.list = GatewayList(context, self.spawn)
        theme().style(self.list)
        self.stack.addWidget(self.list)
        self._connect()
        self._refresh_soon = QTimer(self)
        self._refresh_soon.setSingleShot(True)
        self._refresh_soon.setInterval(_REFRESH_MS)
        self._refresh_soon.timeout.connect(lambda: self.spawn(self._read_reports(), "read reports"))
        self._reload_soon = QTimer(self)
        self._reload_soon.setSingleShot(True)
        self._reload_soon.setInterval(100)
        self._reload_soon.timeout.connect(lambda: self.spawn(self._load(), "load"))

    def _connect(self) -> None:
        self.list.add_wanted.connect(lambda: self.spawn(self._begin(GatewayMode.ROUND_ROBIN.value), "new gateway"))
        self.list.open_wanted.connect(lambda identifier: self.spawn(self.open(identifier), "open"))
        self.list.action_wanted.connect(lambda action, ids: self.spawn(self._act(action, ids), action))
        self.list.moved.connect(lambda identifier, place: self.spawn(self._move(identifier, place), "move"))

    @cached_property
    def form(self) -> GatewayForm:
        """Made when it is needed: it has many fields, and the list shall not wait for them."""
        made = GatewayForm(self.context, self.spawn)
        theme().style(made)
        self.stack.addWidget(made)
        made.back_requested.connect(lambda: self.spawn(self._back(), "back"))
        made.saved.connect(self._reload)
        made.duplicate_requested.connect(lambda: self.spawn(self._act("duplicate", [made.gateway_id]), "duplicate"))
        made.delete_requested.connect(lambda: self.spawn(self._act("delete", [made.gateway_id]), "delete"))
        made.test_requested.connect(lambda: self.spawn(self._send_test(), "send test"))
        return made

    # --- entering and leaving ---

    async def enter(self, gateway: str = "", new: str = "", **_arguments: Any) -> None:
        if gateway or new:
            if not await self._may_replace_draft():
                return
            await (self.open(gateway) if gateway else self._begin(new))
            await self._load()
            return
        await self._load()

    async def leave(self) -> bool:
        return await self._may_replace_draft()

    async def refresh(self) -> None:
        await self._load()

    @property
    def has_draft(self) -> bool:
        return self._shows_form and self.form.is_dirty

    @property
    def _shows_form(self) -> bool:
        return self.stack.currentWidget() is not self.list

    async def _may_replace_draft(self) -> bool:
        """Ask what becomes of what was typed. True when nothing is lost that the person wants to keep."""
        if self._shows_form:
            await self.form.settled()
        if not self.has_draft:
            return True
        answer = await ask_about_draft(self, self.form.header.title)
        if answer == "save":
            return await self.form.save()
        if answer == "discard":
            if self.form.draft.is_new:
                self._show_list()
            self.form.revert()
            return True
        return False

    async def _back(self) -> None:
        if await self._may_replace_draft():
            self._show_list()

    def _show_list(self) -> None:
        self._opening += 1
        self.stack.setCurrentWidget(self.list)
        self.list.table.setFocus()

    def focus_search(self) -> None:
        if not self._shows_form:
            self.list.search.setFocus()

    # --- loading ---

    async def _load(self) -> None:
        client = self.context.session.client
        gateways, reports = await asyncio.gather(client.objects("gateways"), client.gateway_reports())
        self._gateways = gateways.value
        if self._shows_form and not self.form.follow_relay(gateways.value, gateways.revision):
            self._show_list()
        self._take(reports)

    async def _read_reports(self) -> None:
        if self.context.session.is_connected:
            self._take(await self.context.session.client.gateway_reports())

    def _take(self, reports: Sequence[GatewayReport]) -> None:
        self._reports = {report.id: report for report in reports}
        self.list.show_gateways([(gateway, self._reports.get(gateway["id"])) for gateway in self._gateways])
        if self._shows_form:
            self.form.show_reports(self._reports)

    def _reload(self) -> None:
        self._reload_soon.start()

    def on_snapshot(self, snapshot: Snapshot) -> None:
        self._take(snapshot.gateways)

    def on_connected(self) -> None:
        self._reload()

    def on_event(self, event: EventMessage) -> None:
        if event.kind in ("configuration.changed", "secret.changed"):
            self._reload()
        elif event.kind == "sign-in.changed":
            if self._shows_form and event.data.get("gateway") == self.form.gateway_id:
                self.spawn(self.form.read_sign_in(), "read the sign-in")
        elif (event.kind == "figures" or event.kind.startswith("gateway.")) and not self._refresh_soon.isActive():
            self._refresh_soon.start()

    # --- one gateway ---

    def _next_opening(self) -> int:
        self._opening += 1
        return self._opening

    async def open(self, identifier: str) -> None:
        client, number = self.context.session.client, self._next_opening()
        found, secrets, vault = await asyncio.gather(client.object("gateways", identifier), client.secrets(), client.vault())
        if number != self._opening:
            return
        self._show_form(found.value, found.revision, is_new=False, secrets=secrets, vault=vault)

    async def _begin(self, mode: str, gateway: dict[str, Any] | None = None) -> None:
        client, number = self.context.session.client, self._next_opening()
        secrets, vault = await asyncio.gather(client.secrets(), client.vault())
        if number != self._opening:
            return
        self._show_form(gateway or defaults(mode), None, is_new=True, secrets=secrets, vault=vault)

    def _show_form(self, gateway: dict[str, Any], revision: int | None, *, is_new: bool, secrets: Any, vault: Any) -> None:
        by_name = {report.name: report for report in secrets}
        self.form.show_gateway(gateway, revision, is_new=is_new, secrets=by_name, vault=vault)
        self.form.show_reports(self._reports)
        self.stack.setCurrentWidget(self.form)
        self.form.focus_first()

    async def _send_test(self) -> None:
        dialog = TestMessageDialog(self.context, self.form.gateway_id, words.name_of(self.form.draft.original), self)
        await dialog.run()

    # --- several ---

    async def _act(self, action: str, identifiers: Sequence[str]) -> None:
        client = self.context.session.client
        chosen = [gateway for gateway in self._gateways if gateway["id"] in identifiers]
        if not chosen or (self._shows_form and not await self._may_replace_draft()):
            return
        if action in ("enable", "disable"):
            is_on = action == "enable"
            await client.patch_many("gateways", {gateway["id"]: {"enabled": is_on} for gateway in chosen})
        elif action == "duplicate":
            if len(chosen) == 1:
                await self._begin("", duplicate_of(chosen[0]))
                return
            for gateway in chosen:
                await client.add("gateways", duplicate_of(gateway))
        elif action == "delete":
            if not await self._agrees_to_delete(chosen):
                return
            await client.patch_many("gateways", {gateway["id"]: None for gateway in chosen})
            self._show_list()
        await self._load()

    async def _agrees_to_delete(self, chosen: Sequence[dict[str, Any]]) -> bool:
        names = [words.name_of(gateway) for gateway in chosen]
        waiting = sum(self._reports[gateway["id"]].spooled for gateway in chosen if gateway["id"] in self._reports)
        detail = ntr(
            "{n} message waits for it and will be routed anew.", "{n} messages wait for it and will be routed anew.", waiting
        )
        question = (
            tr("Delete the gateway “{name}”?", name=names[0])
            if len(names) == 1
            else ntr("Delete {n} gateway?", "Delete {n} gateways?", len(names))
        )
        listed = "\n".join(names) if len(names) > 1 else ""
        words_said = "\n\n".join(part for part in (question, listed, detail if waiting else "") if part)
        return await confirm(self, tr("Delete gateway"), words_said, tr("Delete"), is_dangerous=True)

    async def _move(self, identifier: str, place: int) -> None:
        await self.context.session.client.move("gateways", identifier, place)
        await self._load()
        self.list.table.choose(self.list.model.number_of(identifier))
