"""A section that is a list of objects of one kind, each edited in a form of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QBoxLayout, QPushButton, QSizePolicy, QWidget

from ...cards import (
    Badge,
    Banner,
    Card,
    ElidedLabel,
    EmptyState,
    LeadLayout,
    PageBody,
    PageHeader,
    Tone,
    assign_mnemonics,
    confirm,
    divider,
    line,
    rows,
    tool_button,
)
from ...dialogs import ask_about_draft
from ...forms import Form, FormModel, Outcome, save
from ...forms.wording import words
from ...i18n import tr
from ...theme import Role, icon, set_role, theme
from ..wording import Plain
from .fields import Fields
from .form_section import refusal_words
from .section import WIDEST, Section

if TYPE_CHECKING:
    from ....control.client import Tagged
    from ....control.schema import Saved
    from ..page import Page


@dataclass(frozen=True, slots=True)
class Words:
    """Of one kind of object. ``delete`` asks about one: “Delete the listener {name}?”."""

    title: str
    subtitle: str
    add: str
    new: str
    empty: str
    empty_text: str
    icon: str
    consequence: str = ""
    """Of deleting one."""


@dataclass(frozen=True, slots=True)
class Line:
    """How one object is shown in the list."""

    name: str
    text: str
    word: str
    tone: Tone


class ObjectSection(Section):
    """``collection`` is the API's name of the list, ``kind`` validates one object."""

    collection: str
    kind: Any
    draft: ClassVar[Plain]
    """A new object, before anything is typed."""
    stays_after_add: ClassVar[bool] = False
    """Whether a new object is shown, not the list, once it is saved."""
    is_ordered: ClassVar[bool] = False
    """The first of the list that fits is taken: each can be moved up and down."""

    def __init__(self, page: Page, said: Words) -> None:
        super().__init__(page, said.title, said.subtitle)
        self.said = said
        self._objects: Sequence[Plain] = ()
        self.model = FormModel(self.kind)
        self.form = Form(self.model, self)
        self.fields = Fields(self.form)
        self._refusal = ""
        self._editing = ""
        self._opening = 0
        """Counts what was asked for: only the last one is shown."""
        self.add = QPushButton(icon("add", "on_accent"), said.add)
        set_role(self.add, Role.PRIMARY)
        self.add.clicked.connect(self.new)
        self.header.add_action(self.add)
        self.list = Card()
        self.body.add(self.list)
        self.editor = PageBody(widest=WIDEST)
        theme().style(self.editor)
        self.column = self.editor.column
        self.editor_header = PageHeader("", back=said.title)
        self.editor_header.back_requested.connect(lambda: self.spawn(self._back(), "back"))
        self.delete = QPushButton(tr("Delete"))
        set_role(self.delete, Role.DANGER)
        self.delete.clicked.connect(lambda: self.spawn(self._delete(), "delete"))
        self.editor_header.add_action(self.delete)
        self.column.addWidget(self.editor_header)
        self.build_editor()
        self.stray = Banner(Tone.BAD)
        self.stray.hide()
        self.column.addWidget(self.stray)
        self.editor.hide()
        self.outer.addWidget(self.editor)
        self.form.changed.connect(self._changed)

    # --- what a subclass says ---

    def build_editor(self) -> None:
        """Cards into ``column``, with rows of ``fields``."""
        raise NotImplementedError

    def line(self, one: Plain) -> Line:
        raise NotImplementedError

    def follow(self) -> None:
        """Show and hide what depends on other fields."""

    async def load_more(self) -> None:
        """Read what stands beside the objects."""

    def filled(self) -> None:
        """An object was put into the editor."""

    # --- the section ---

    @property
    def is_editing(self) -> bool:
        return not self.editor.isHidden()

    @property
    def has_draft(self) -> bool:
        return self.is_editing and (self.model.is_new or self.model.is_dirty)

    @property
    def refusal(self) -> str:
        return self._refusal if self.model.shown_issues else ""

    async def load(self) -> None:
        found = await self.context.session.client.objects(self.collection)
        self._objects = found.value
        await self.load_more()
        if self.is_editing and not self.has_draft:
            known = next((one for one in self._objects if one["id"] == self._editing), None)
            if known is None:
                self._show_list()
            else:
                self._fill(known, found.revision)
        if not self.is_editing:
            self._fill_list()

    async def open(self, **arguments: Any) -> None:
        await self.load()
        wanted = str(arguments.get("id", ""))
        if wanted and any(one["id"] == wanted for one in self._objects) and not self.has_draft:
            await self.edit(wanted)

    async def edit(self, identifier: str) -> None:
        self._opening += 1
        number = self._opening
        found = await self.context.session.client.object(self.collection, identifier)
        if number != self._opening:
            return
        self._editing = identifier
        self._show_editor()
        self._fill(found.value, found.revision)

    def new(self) -> None:
        self._opening += 1
        self._editing = ""
        self._show_editor()
        self._refusal = ""
        self.model.load(dict(self.draft), None, is_new=True)
        self.form.refresh()
        self.filled()
        self._changed()

    def _fill(self, one: Plain, revision: int) -> None:
        self._refusal = ""
        self.model.load(dict(one), revision)
        self.form.refresh()
        self.filled()
        self._changed()

    def _show_editor(self) -> None:
        self.body.hide()
        self.editor.show()
        self.editor.verticalScrollBar().setValue(0)
        assign_mnemonics(self)

    def _show_list(self) -> None:
        self._opening += 1
        self.editor.hide()
        self.body.show()
        self._refusal = ""
        self._fill_list()
        self.draft_changed.emit()

    def revert(self) -> None:
        self._refusal = ""
        if self.model.is_new:
            self._show_list()
            return
        self.model.revert()
        self.form.refresh()
        self.filled()

    async def save(self) -> bool:
        was_new = self.model.is_new
        outcome = await save(self, self.model, self._send, None if self.model.is_new else self._read)
        self._refusal = ""
        if outcome is Outcome.REFUSED:
            self.form.jump_to_first_issue()
            self._refusal = refusal_words(self.form)
            self.draft_changed.emit()
            return False
        if outcome is Outcome.CANCELLED:
            return False
        if outcome is Outcome.LEFT:
            return True
        if outcome is Outcome.RELOADED:
            self.form.refresh()
            self.filled()
            self._changed()
            return True
        identifier = self._editing = str(self.model.get("id"))
        await self.saved(identifier)
        if self.has_draft:  # typed while it was being saved
            self.form.refresh()
            self._changed()
            return False
        if was_new and self.stays_after_add:
            await self.edit(identifier)
            return True
        self._editing = ""
        self._show_list()
        await self.load()
        return True

    async def saved(self, identifier: str) -> None:
        """The object is saved: what is kept beside it comes now."""

    async def _read(self) -> Tagged:
        return await self.context.session.client.object(self.collection, self._editing)

    async def _send(self, candidate: dict[str, Any], revision: int | None) -> Saved:
        client = self.context.session.client
        if self.model.is_new:
            return await client.add(self.collection, candidate, revision=revision)
        return await client.replace(self.collection, self._editing, candidate, revision=revision)

    async def _back(self) -> None:
        await self.settled()
        if not self.is_editing:
            return
        if self.has_draft:
            answer = await ask_about_draft(self, self.line(self.model.draft).name or self.said.title)
            if answer == "save":
                await self.save()
                return
            if answer is None:
                return
        self._show_list()
        await self.load()

    async def _delete(self) -> None:
        await self.settled()
        name, identifier = self.line(self.model.original).name, self._editing
        if not self.is_editing:
            return
        if await confirm(self, tr("Delete {name}?", name=name), self.said.consequence, tr("Delete"), is_dangerous=True):
            await self.context.session.client.remove(self.collection, identifier)
            self._show_list()
            await self.load()

    def _changed(self) -> None:
        self.delete.setVisible(not self.model.is_new)
        self.editor_header.set_title(self.said.new if self.model.is_new else self.line(self.model.original).name)
        stray = self.form.stray_issues
        self.stray.setVisible(bool(stray))
        if stray:
            self.stray.tell(Tone.BAD, tr("This cannot be saved."), "\n".join(words(issue) for issue in stray))
        self.follow()
        self.draft_changed.emit()

    # --- the list ---

    def _fill_list(self) -> None:
        body = self.list.body
        while (item := body.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for number, one in enumerate(self._objects):
            if number:
                body.addWidget(divider())
            body.addWidget(self._row(one, number))
        if not self._objects:
            empty = EmptyState(self.said.icon, self.said.empty, self.said.empty_text)
            empty.add_action(self.said.add, self.new)
            body.addWidget(empty)

    def _row(self, one: Plain, number: int) -> QWidget:
        shown = self.line(one)
        row = QWidget()
        layout = LeadLayout(row)
        said = QWidget()
        column = rows(said, gap=1)
        column.addWidget(ElidedLabel(shown.name))
        text = ElidedLabel(shown.text)
        set_role(text, Role.MUTED)
        text.setVisible(bool(shown.text))
        column.addWidget(text)
        layout.addWidget(said)
        right = QWidget()
        beside = line(right, gap=6)
        if shown.word:
            beside.addWidget(Badge(shown.word, shown.tone), 0, Qt.AlignmentFlag.AlignVCenter)
        if self.is_ordered:
            self._add_moves(beside, shown.name, one, number)
        button = tool_button(
            "edit",
            tr("Edit {name}", name=shown.name),
            lambda identifier=one["id"]: self.spawn(self.edit(identifier), "edit"),  # type: ignore[misc]
        )
        beside.addWidget(button)
        layout.addWidget(right)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        row.setSizePolicy(policy)
        return row

    def _add_moves(self, beside: QBoxLayout, name: str, one: Plain, number: int) -> None:
        moves = (("up", tr("Move {name} up", name=name), number - 1), ("down", tr("Move {name} down", name=name), number + 1))
        for sign, said, place in moves:
            button = tool_button(sign, said, lambda to=place: self.spawn(self._move(one["id"], to), "move"))  # type: ignore[misc]
            button.setEnabled(0 <= place < len(self._objects))
            beside.addWidget(button)

    async def _move(self, identifier: str, place: int) -> None:
        await self.context.session.client.move(self.collection, identifier, place)
        await self.load()


def enabled_badge(one: Plain) -> tuple[str, Tone]:
    return (tr("Enabled"), Tone.GOOD) if one["enabled"] else (tr("Disabled"), Tone.NEUTRAL)
