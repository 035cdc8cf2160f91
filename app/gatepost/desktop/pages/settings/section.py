"""What a section of the settings is."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from ...cards import PageBody, PageHeader, rows
from ...context import AppContext
from ...theme import theme

if TYPE_CHECKING:
    from ....control.schema import EventMessage
    from ..page import Page

WIDEST = 880
"""Of a form, at 100 %."""


class Section(QWidget):
    """A subclass builds its cards into ``body`` and overrides what it needs. ``page`` is the settings page around it.

    ``body`` has the theme's look; what a subclass puts beside it is given it there."""

    draft_changed = Signal()
    """The draft, or what is said about it: the save bar is to be shown anew."""

    def __init__(self, page: Page, title: str, subtitle: str = "") -> None:
        super().__init__()
        self.page = page
        self.context: AppContext = page.context
        self.title = title
        self.saving = asyncio.Lock()
        """Held while a save is under way."""
        self.outer = rows(self, gap=0)
        self.body = PageBody(widest=WIDEST)
        self.outer.addWidget(self.body)
        theme().style(self.body)
        self.header = PageHeader(title, subtitle)
        self.body.add(self.header)

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        self.page.spawn(work, name)

    @property
    def has_draft(self) -> bool:
        return False

    @property
    def refusal(self) -> str:
        """Why the last save was refused, in words; empty when it was not."""
        return ""

    async def load(self) -> None:
        """Read what is shown; a draft stays as it is."""

    async def open(self, **arguments: Any) -> None:
        """Shown, or shown again for something in particular."""
        await self.load()

    async def save(self) -> bool:
        """Whether there is no draft any more."""
        return True

    async def settled(self) -> None:
        """Returns once no save is under way: what is being saved is no draft that one would be asked about."""
        async with self.saving:
            pass

    def revert(self) -> None:
        pass

    def on_event(self, event: EventMessage) -> None:
        if event.kind == "configuration.changed":
            self.spawn(self.load(), "load")
