"""What a page is: a widget that is built on its first visit, entered and left, and told what the relay says."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtWidgets import QWidget

from ..context import AppContext
from ..theme import Role, set_role, theme

if TYPE_CHECKING:
    from ...control.schema import EventMessage, Snapshot


class Page(QWidget):
    """A subclass sets ``key`` and builds its widgets in ``__init__``; it loads in ``enter``. Everything here may be overridden.

    ``enter`` and the hooks may fail: a GatepostError becomes the page's banner, with ``enter`` as the way to try again.
    While the page is hidden, the hooks are not called; ``enter`` always finds the newest ``context.session.snapshot``.
    """

    key: ClassVar[str]
    is_one_part: ClassVar[bool] = True
    """Whether it has the theme's look as a whole. A page that keeps much hidden says no, and gives it to its parts
    (``theme().style``): one that is not seen costs nothing then when the theme changes."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.tasks = context.tasks.child()
        self.setObjectName(f"page-{self.key}")
        set_role(self, Role.PAGE)
        if self.is_one_part:
            theme().style(self)

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[None]:
        """Run it as long as the page lives; errors become the page's banner."""
        task = self.tasks.spawn(self._guarded(coroutine), f"{self.key}: {name}")
        # Where the page is closed before the task's first step, nobody has come to await the coroutine, nor ever will.
        task.add_done_callback(lambda _task: coroutine.close())
        return task

    async def _guarded(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            await coroutine
        except Exception as error:
            self.context.messages.banner(self.key, error)

    @property
    def has_draft(self) -> bool:
        """Something was typed that is not saved."""
        return False

    async def enter(self, **arguments: Any) -> None:
        """The page is shown, or shown again with other arguments."""

    async def leave(self) -> bool:
        """Another page is wanted. False keeps this one: there is a draft and the person chose to stay."""
        return True

    async def refresh(self) -> None:
        """F5. Loads anew what is shown; never touches a draft."""
        await self.enter()

    def on_connected(self) -> None:
        """The relay is back (or there for the first time) while the page is shown: load again, keep drafts."""

    def on_lost(self) -> None:
        """The relay does not answer. The window says so; a page only needs this when it shows something live."""

    def on_snapshot(self, snapshot: Snapshot) -> None:
        """The whole state, after each connection. Comes before ``on_connected``."""

    def on_event(self, event: EventMessage) -> None:
        """Something happened; at most about 20 times a second for each kind and subject."""

    def focus_search(self) -> None:
        """Ctrl+F: put the focus into the search box, where there is one."""

    async def close_page(self) -> None:
        """The window ends, or the language changes: end what runs."""
        await self.tasks.close()
