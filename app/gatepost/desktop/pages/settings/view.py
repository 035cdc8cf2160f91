"""The settings page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QStackedWidget, QWidget

from ...cards import SaveBar, assign_mnemonics, line, rows
from ...context import AppContext
from ...dialogs import ask_about_draft
from ...i18n import tr
from ...theme import Role, px, set_role, theme
from ..page import Page
from .section import Section
from .section_list import SectionChoice, SectionList
from .sections import sections

if TYPE_CHECKING:
    from ....control.schema import EventMessage

NARROW = 760
"""Below this width, at 100 %, the list of sections is a choice above the section."""


class SettingsPage(Page):
    key: ClassVar[str] = "settings"
    is_one_part: ClassVar[bool] = False

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        set_role(self, Role.PAGE)
        self._entries = {entry.key: entry for entry in sections()}
        self._sections: dict[str, Section] = {}
        self._current = ""
        self.list = SectionList(tuple(self._entries.values()))
        self.list.wanted.connect(self._wanted)
        self.choice = SectionChoice(tuple(self._entries.values()))
        self.choice.wanted.connect(self._wanted)
        self.stack = QStackedWidget()
        outer = rows(self, gap=0)
        self._above = QWidget()
        above = line(self._above)
        above.setContentsMargins(px(28), px(16), px(28), 0)
        above.addWidget(self.choice, 1)
        outer.addWidget(self._above)
        beside = line(gap=0)
        self._left = QWidget()
        left = rows(self._left)
        left.setContentsMargins(px(12), px(18), 0, px(12))
        left.addWidget(self.list)
        for part in (self._above, self._left):
            theme().style(part)
        beside.addWidget(self._left)
        beside.addWidget(self.stack, 1)
        outer.addLayout(beside, 1)
        self.bar = SaveBar()
        theme().style(self.bar)
        self.bar.save_requested.connect(lambda: self.spawn(self._save(), "save"))
        self.bar.revert_requested.connect(self._revert)
        outer.addWidget(self.bar)
        QShortcut(QKeySequence.StandardKey.Save, self, self._save_by_key)

    # --- sections ---

    @property
    def section(self) -> Section | None:
        """The one that is shown."""
        return self._sections.get(self._current)

    @property
    def has_draft(self) -> bool:
        return self.section is not None and self.section.has_draft

    async def enter(self, **arguments: Any) -> None:
        kept = self.context.preferences.text("settings/section")
        key = str(arguments.pop("section", "") or self._current or kept)
        await self.show_section(key if key in self._entries else next(iter(self._entries)), **arguments)

    async def show_section(self, key: str, **arguments: Any) -> bool:
        """False when the person chose to stay with the draft of another one."""
        if key != self._current and not await self._may_leave():
            self._choose(self._current)
            return False
        section = self._sections.get(key)
        if section is None:
            section = self._sections[key] = self._entries[key].build(self)
            section.draft_changed.connect(self._show_bar)
            self.stack.addWidget(section)
        self._current = key
        self.context.preferences.set_text("settings/section", key)
        self._choose(key)
        self.stack.setCurrentWidget(section)
        self._show_bar()
        await section.open(**arguments)
        assign_mnemonics(section)
        return True

    def _wanted(self, key: str) -> None:
        if key != self._current:
            self.spawn(self.show_section(key), f"show {key}")

    def _choose(self, key: str) -> None:
        self.list.choose(key)
        self.choice.choose(key)

    async def leave(self) -> bool:
        return await self._may_leave()

    async def _may_leave(self) -> bool:
        section = self.section
        if section is not None:
            await section.settled()
        if section is None or not section.has_draft:
            return True
        answer = await ask_about_draft(self, section.title)
        if answer == "save":
            return await self._save()
        if answer == "discard":
            section.revert()
            return True
        return False

    async def refresh(self) -> None:
        if self.section is not None:
            await self.section.load()

    def on_connected(self) -> None:
        if self.section is not None:
            self.spawn(self.section.load(), "load")

    def on_event(self, event: EventMessage) -> None:
        if self.section is not None:
            self.section.on_event(event)

    # --- saving ---

    def _show_bar(self) -> None:
        section = self.section
        shown = section is not None and section.has_draft
        self.bar.setVisible(shown)
        if section is not None and shown:
            refusal = section.refusal
            self.bar.set_text(refusal or tr("Changes are not saved."), is_wrong=bool(refusal))

    async def _save(self) -> bool:
        """Whether nothing is left to save. A second time while the first is under way would add a new object twice."""
        section = self.section
        if section is None:
            return True
        async with section.saving:
            if not section.has_draft:
                return True
            self.bar.set_busy(True, tr("Saving…"))
            try:
                return await section.save()
            finally:
                self.bar.set_busy(False)
                self._show_bar()

    def _save_by_key(self) -> None:
        if self.has_draft:
            self.spawn(self._save(), "save")

    def _revert(self) -> None:
        if self.section is not None:
            self.section.revert()
            self._show_bar()

    # --- room ---

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = event.size().width() < px(NARROW)
        self._above.setVisible(narrow)
        self._left.setVisible(not narrow)
