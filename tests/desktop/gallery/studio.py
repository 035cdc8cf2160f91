"""A real window on a running relay, in which scenes are set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QDialog, QScrollArea, QWidget

from gatepost.desktop.context import AppContext
from gatepost.desktop.frame import Frame
from gatepost.desktop.messages import Messages
from gatepost.desktop.preferences import Preferences
from gatepost.desktop.session import RelaySession
from gatepost.desktop.supervisor import Supervisor
from gatepost.desktop.tasks import Tasks
from gatepost.desktop.theme import theme

from .scenes import Act, Scene

USUAL = QSize(1180, 800)
LARGE = QSize(1475, 1000)
"""For text of 200 %."""
SETTLED_SECONDS = 0.25
"""What a page fetches after it was entered is there by then; what is slower shows itself as not there yet."""


class Studio:
    """``show`` sets a scene; the window then looks as a person sees it."""

    def __init__(self, context: AppContext, frame: Frame, size: QSize) -> None:
        self.context = context
        self.frame = frame
        self._size = size
        self._undo: Act | None = None

    async def show(self, scene: Scene) -> QWidget:
        """The page. Whatever the scene before it typed is forgotten."""
        frame = self.frame
        await self.take_back()
        for dialog in self.dialogs:
            dialog.reject()
        await frame.close_pages()
        frame.resize(self._size)
        assert await frame.visit(scene.page, **scene.arguments)
        page = frame.current
        assert page is not None
        await self._settle()
        if scene.act is not None:
            self._undo = scene.undo
            await scene.act(page)
            await self._settle()
        if scene.is_tall:
            self._grow(page)
            await self._settle()
        return page

    async def take_back(self) -> None:
        undo, self._undo = self._undo, None
        if undo is not None and self.frame.current is not None:
            await undo(self.frame.current)
            await self._settle()

    @property
    def dialogs(self) -> list[QDialog]:
        return [dialog for dialog in self.frame.findChildren(QDialog) if dialog.isVisible()]

    @property
    def windows(self) -> list[QWidget]:
        """The window and the dialogs over it."""
        return [self.frame, *self.dialogs]

    def picture(self) -> QPixmap:
        """The window, with its dialogs in its middle."""
        drawn = self.frame.grab()
        for dialog in self.dialogs:
            painter = QPainter(drawn)
            painter.fillRect(drawn.rect(), QColor(0, 0, 0, 90))
            place = QRect(QPoint(0, 0), dialog.size())
            place.moveCenter(drawn.rect().center())
            painter.drawPixmap(place.topLeft(), dialog.grab())
            painter.end()
        return drawn

    def _grow(self, page: QWidget) -> None:
        """As tall as what is scrolled, so that all of it is seen at once."""
        missing = [area.verticalScrollBar().maximum() for area in page.findChildren(QScrollArea) if area.isVisible()]
        self.frame.resize(self.frame.width(), self.frame.height() + max(missing, default=0))

    @staticmethod
    async def _settle() -> None:
        """Wait for quiet: layouts and answers of the relay. Never by ``processEvents``, which would run other tasks inside
        this one."""
        await asyncio.sleep(SETTLED_SECONDS)


@asynccontextmanager
async def studio(
    data: Path, settings: Path, *, choice: str = "light", text_scale: float = 1.0, size: QSize | None = None
) -> AsyncIterator[Studio]:
    """A window on the relay of ``data``. XDG_RUNTIME_DIR must already be the relay's."""
    theme().apply(choice, text_scale)
    messages = Messages()
    tasks = Tasks(messages.bug)
    session = RelaySession(data)
    context = AppContext(session=session, messages=messages, tasks=tasks, preferences=Preferences(settings))
    supervisor = Supervisor(session, tasks)
    supervisor.start()
    await asyncio.wait_for(session.wait_connected(), 30)
    frame = Frame(context, supervisor)
    if size is None:
        size = USUAL if text_scale == 1.0 else LARGE
    frame.show()
    opened = Studio(context, frame, size)
    try:
        yield opened
    finally:
        await opened.take_back()
        await frame.close_pages()
        frame.detach()
        await session.close()
        await supervisor.stop()
        await tasks.close()
        frame.deleteLater()
        theme().apply("light")
