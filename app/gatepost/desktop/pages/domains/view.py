"""The Domains page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QLineEdit, QMenu, QPushButton, QStackedWidget, QWidget

from ....model.errors import GatepostError, InvalidInput
from ...cards import (
    Banner,
    Disclosure,
    EmptyState,
    FootLine,
    Framed,
    PageHeader,
    SaveBar,
    Tone,
    assign_mnemonics,
    label,
    rows,
)
from ...cards.search_mark import SearchMark
from ...context import AppContext
from ...dialogs import ask_about_draft
from ...forms import FormModel, Outcome, save
from ...i18n import ntr, tr
from ...relay_texts import said
from ...theme import Role, icon, px, set_role
from ..page import Page
from ..wording import Plain, route_words
from .draft import DomainRows, Mark, Shown, shown_rows
from .editor import RuleDialog
from .table import RuleModel, RuleTable

if TYPE_CHECKING:
    from ....control.client import Tagged
    from ....control.schema import EventMessage, Saved
    from ....model.report import LaneMove

PREVIEW_MS = 300
SHOWN_MOVES = 4


class DomainsPage(Page):
    key: ClassVar[str] = "domains"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        set_role(self, Role.PAGE)
        self.model = FormModel(DomainRows)
        self.model.listen(self._draft_changed)
        self._gateways: Sequence[Plain] = ()
        self._default: Plain = {"via": "round-robin"}
        self._preview = QTimer(self)
        self._preview.setSingleShot(True)
        self._preview.setInterval(PREVIEW_MS)
        self._preview.timeout.connect(lambda: self.spawn(self._look_ahead(), "preview"))
        self._looked_at: Plain | None = None
        """The draft whose consequences were asked for last."""
        self._saving = asyncio.Lock()
        self._build()

    # --- building ---

    def _build(self) -> None:
        outer = rows(self, gap=0)
        column = rows()
        column.setContentsMargins(px(28), px(24), px(28), px(20))
        outer.addLayout(column, 1)
        header = PageHeader(tr("Domains"), tr("Which mail leaves by which outbound gateway."))
        self.add = QPushButton(icon("add", "on_accent"), tr("Add domains"))
        set_role(self.add, Role.PRIMARY)
        self.add.clicked.connect(lambda: self.spawn(self._add(), "add"))
        header.add_action(self.add)
        column.addWidget(header)
        column.addWidget(self._build_search())
        column.addWidget(self._build_precedence())
        self.rules = RuleModel(self)
        self.table = RuleTable(self.rules)
        self.table.chosen.connect(self._show_tools)
        self.table.opened.connect(lambda: self.spawn(self._edit(), "edit"))
        self.table.delete_wanted.connect(self._delete)
        self.table.menu_wanted.connect(self._menu)
        self.empty = EmptyState("domains", tr("No domain has a row"), "")
        self.empty.add_action(tr("Add domains"), lambda: self.spawn(self._add(), "add"))
        self.nothing = EmptyState("search", tr("Nothing found"), tr("Search for a part of a domain or of a gateway's name."))
        self.stack = QStackedWidget()
        for widget in (self.table, self.empty, self.nothing):
            self.stack.addWidget(widget)
        column.addWidget(Framed(self.stack, self._build_foot()), 1)
        self.moves = Banner(Tone.ACCENT)
        self.moves.hide()
        column.addWidget(self.moves)
        self.bar = SaveBar()
        self.bar.save_requested.connect(lambda: self.spawn(self.save(), "save"))
        self.bar.revert_requested.connect(self._revert)
        outer.addWidget(self.bar)
        QShortcut(QKeySequence.StandardKey.Save, self, self._save_by_key)

    def _build_precedence(self) -> Disclosure:
        found = Disclosure(tr("Which row counts when several match?"))
        self._precedence = label("", wrap=True)
        found.add(self._precedence)
        return found

    def _build_search(self) -> QWidget:
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search domains and gateways"))
        self.search.setAccessibleName(tr("Search"))
        SearchMark(self.search)
        self.search.textChanged.connect(self._search)
        return self.search

    def _build_foot(self) -> QWidget:
        foot = FootLine()
        self.count = label("", Role.MUTED)
        foot.add(self.count)
        self.edit = self._tool(tr("Edit"), lambda: self.spawn(self._edit(), "edit"))
        self.toggle = self._tool(tr("Disable"), self._toggle)
        self.delete = self._tool(tr("Delete"), self._delete, Role.DANGER)
        self.explain = self._tool(tr("Explain route"), self._explain)
        for button in (self.edit, self.toggle, self.delete, self.explain):
            foot.add(button)
        return foot

    def _tool(self, text: str, act: Callable[[], object], role: Role | None = None) -> QPushButton:
        button = QPushButton(text)
        set_role(button, role)
        button.clicked.connect(lambda: act())
        return button

    # --- life ---

    @property
    def has_draft(self) -> bool:
        return self.model.is_dirty

    async def enter(self, **arguments: Any) -> None:
        await self._load()
        assign_mnemonics(self)
        if "text" in arguments:
            self.search.setText(str(arguments["text"]))

    async def leave(self) -> bool:
        async with self._saving:
            pass  # what is being saved is no draft that one would be asked about
        if not self.has_draft:
            return True
        answer = await ask_about_draft(self, tr("Domains"))
        if answer == "save":
            return await self.save()
        if answer == "discard":
            self._revert()
            return True
        return False

    async def refresh(self) -> None:
        await self._load()

    def on_connected(self) -> None:
        self.spawn(self._load(), "load")

    def on_event(self, event: EventMessage) -> None:
        if event.kind == "configuration.changed":
            self.spawn(self._load(), "load")

    def focus_search(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    async def _load(self) -> None:
        """Gateways and rows; rows that are being edited stay as they are."""
        configuration = await self.context.session.client.configuration()
        self._gateways = configuration.value["gateways"]
        self._default = configuration.value["settings"]["delivery"]["default_route"]
        if not self.has_draft:
            self.model.load({"domains": configuration.value["domains"]}, configuration.revision)
        else:
            self._show()
        self._say_precedence()

    # --- edits: all of the draft, until it is saved ---

    @property
    def draft(self) -> list[dict[str, Any]]:
        return list(self.model.get("domains") or [])

    def _put(self, rules: Sequence[Plain]) -> None:
        self.model.set("domains", list(rules))

    async def _add(self) -> None:
        dialog = RuleDialog(self, self.draft, self._gateways)
        if await dialog.ask() == "done":
            self._put([*self.draft, *dialog.rules])
            self.table.choose({rule["id"] for rule in dialog.rules})

    async def _edit(self) -> None:
        chosen = self._chosen
        if not chosen:
            self._open_gateway()
            return
        dialog = RuleDialog(self, self.draft, self._gateways, [row.rule for row in chosen])
        if await dialog.ask() == "done":
            made = {rule["id"]: rule for rule in dialog.rules}
            self._put([made.get(rule["id"], rule) for rule in self.draft])
            self.table.choose(set(made))

    def _open_gateway(self) -> None:
        fixed = [row for row in self.table.chosen_rows if row.mark is Mark.FIXED]
        if fixed:
            self.context.navigate("gateways", gateway=fixed[0].rule["route"]["gateway"])

    def _toggle(self) -> None:
        chosen = {row.id for row in self._chosen}
        enabled = not any(row.rule["enabled"] for row in self._chosen)
        self._put([{**rule, "enabled": enabled} if rule["id"] in chosen else rule for rule in self.draft])
        self.table.choose(chosen)

    def _delete(self) -> None:
        chosen = {row.id for row in self._chosen}
        if chosen:
            self._put([rule for rule in self.draft if rule["id"] not in chosen])

    def _explain(self) -> None:
        for row in self.table.chosen_rows[:1]:
            domain = str(row.rule["domain"]).removeprefix("*.").replace("*", "example.com")
            other = "sender" if row.rule["match"] == "recipient" else "recipient"
            example = {row.rule["match"]: f"postmaster@{domain}", other: "somebody@example.net"}
            self.context.navigate("explain", **example)

    def _menu(self, position: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for button in (self.edit, self.toggle, self.explain, self.delete):
            action = menu.addAction(button.text())
            action.setEnabled(button.isEnabled())
            action.triggered.connect(button.click)
        menu.popup(position)

    @property
    def _chosen(self) -> list[Shown]:
        """Without the domains on gateways' cards, which are edited there."""
        return [row for row in self.table.chosen_rows if row.mark is not Mark.FIXED]

    def _search(self, text: str) -> None:
        self.rules.search(text)
        self._show_stack()
        self._show_tools()

    # --- saving ---

    def _save_by_key(self) -> None:
        if self.has_draft:
            self.spawn(self.save(), "save")

    async def save(self) -> bool:
        """Whether the draft is saved now."""
        async with self._saving:
            if not self.has_draft:
                return True
            self.bar.set_busy(True, tr("Saving…"))
            try:
                outcome = await save(self, self.model, self._send, self._read)
            finally:
                self.bar.set_busy(False)
        if outcome is Outcome.REFUSED:
            self._say_refusal()
            return False
        self._draft_changed()
        return not self.has_draft

    async def _send(self, candidate: dict[str, Any], revision: int | None) -> Saved:
        return await self.context.session.client.patch_configuration(candidate, revision=revision)

    async def _read(self) -> Tagged:
        from ....control.client import Tagged

        found = await self.context.session.client.objects("domains")
        return Tagged({"domains": found.value}, found.revision)

    def _say_refusal(self) -> None:
        from ...forms.wording import words

        issues = self.model.shown_issues
        if issues:
            self.bar.set_text(words(issues[0]), is_wrong=True)
            number = issues[0].field.split(".")[1] if issues[0].field.startswith("domains.") else ""
            if number.isdigit() and int(number) < len(self.draft):
                self.search.clear()
                self.table.choose({self.draft[int(number)]["id"]})

    def _revert(self) -> None:
        self.model.revert()

    async def _look_ahead(self) -> None:
        """Where queued mail would go after a save."""
        if not self.has_draft:
            return
        candidate = self._looked_at = self.model.candidate()
        try:
            found = await self.context.session.client.patch_configuration(candidate, dry_run=True)
        except InvalidInput as error:
            if candidate == self.model.candidate():
                self.model.merge(error.issues)
                self._say_refusal()
            return
        except GatepostError:
            self._looked_at = None
            return  # saving says what is wrong; a preview that does not come is no trouble of its own
        if candidate == self.model.candidate():
            self._show_moves(found.moves)

    def _show_moves(self, moves: Sequence[LaneMove]) -> None:
        self.moves.setVisible(bool(moves))
        if not moves:
            return
        total = sum(move.count for move in moves)
        lines = [
            ntr(
                "{n} message: {after} (now: {before})",
                "{n} messages: {after} (now: {before})",
                move.count,
                before=said(move.before),
                after=said(move.after),
            )
            for move in moves[:SHOWN_MOVES]
        ]
        if len(moves) > SHOWN_MOVES:
            lines.append(ntr("{n} more way", "{n} more ways", len(moves) - SHOWN_MOVES))
        title = ntr("Saving sends {n} waiting message another way", "Saving sends {n} waiting messages another way", total)
        self.moves.tell(Tone.ACCENT, title, "\n".join(lines))

    # --- what is shown ---

    def _draft_changed(self) -> None:
        self._show()
        dirty = self.model.is_dirty
        self.bar.setVisible(dirty)
        if dirty:
            self.bar.set_text(ntr("{n} change is not saved.", "{n} changes are not saved.", self._changes()))
            if self.model.candidate() != self._looked_at:  # what is said of it is no other draft
                self._preview.start()
        else:
            self._looked_at = None
            self._preview.stop()
            self.moves.hide()

    def _changes(self) -> int:
        before = {rule["id"]: rule for rule in self.model.original.get("domains", ())}
        after = {rule["id"]: rule for rule in self.draft}
        return sum(before.get(key) != after.get(key) for key in before.keys() | after.keys())

    def _show(self) -> None:
        if not hasattr(self, "table"):
            return
        chosen, place = {row.id for row in self.table.chosen_rows}, self.table.place
        self.rules.show(shown_rows(self.draft, self.model.original.get("domains", ()), self._gateways), self._gateways)
        self.table.choose(chosen, place)
        self._show_stack()
        self._show_tools()

    def _show_stack(self) -> None:
        if self.rules.rows:
            self.stack.setCurrentWidget(self.table)
        elif self.search.text().strip():
            self.stack.setCurrentIndex(2)
        else:
            self.empty.tell(
                tr("No domain has a row"),
                tr("All mail uses the default: {route}.", route=route_words(self._default, self._gateways)),
            )
            self.stack.setCurrentIndex(1)

    def _show_tools(self) -> None:
        chosen, everything = self._chosen, self.table.chosen_rows
        if everything:
            self.count.setText(ntr("{n} chosen", "{n} chosen", len(everything)))
        else:
            self.count.setText(ntr("{n} row", "{n} rows", len(self.rules.rows)))
        self.edit.setEnabled(bool(everything))
        self.toggle.setEnabled(bool(chosen))
        self.delete.setEnabled(bool(chosen))
        self.explain.setEnabled(len(everything) == 1)
        self.toggle.setText(tr("Disable") if any(row.rule["enabled"] for row in chosen) else tr("Enable"))

    def _say_precedence(self) -> None:
        lines = (
            tr("1. Mail to a domain of an inbound gateway goes to its primary mail server, whatever stands here."),
            tr("2. A row for exactly the recipient's domain."),
            tr("3. A row with * for the recipient's domain, the longest first."),
            tr("4. A row for exactly the sender's domain; a row here comes before one on a gateway's card."),
            tr("5. A row with * for the sender's domain, the longest first."),
            tr("6. The default of Settings → Delivery: {route}.", route=route_words(self._default, self._gateways)),
        )
        self._precedence.setText("\n".join(lines))

    async def close_page(self) -> None:
        self._preview.stop()
        await super().close_page()
        await asyncio.sleep(0)
