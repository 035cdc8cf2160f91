"""A real window on a running relay, in which scenes are set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QSize, QTimer
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QDialog, QScrollArea, QWidget

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
"""Whatever is still under way then is waited for no longer: a dialog that asks never ends by itself."""
TURNS = 3
"""So many turns of the loop without anything under way are quiet: layouts follow each other."""
TURN_SECONDS = 0.01


class Studio:
    """``show`` sets a scene; the window then looks as a person sees it."""

    def __init__(self, context: AppContext, frame: Frame, size: QSize, text_scale: float) -> None:
        self.context = context
        self.frame = frame
        self._size = size
        self._text_scale = text_scale
        self._undo: Act | None = None
        self._before: Scene | None = None
        self._always = asyncio.all_tasks()

    async def show(self, scene: Scene) -> QWidget:
        """The page. Whatever the scene before it typed is forgotten; one that did nothing is gone on from."""
        page = self.frame.current if self._goes_on(scene) else await self._enter(scene)
        assert page is not None
        self._before = scene
        if scene.act is not None:
            self._undo = scene.undo
            await scene.act(page)
            await self._settle()
        if scene.is_tall:
            self._grow(page)
            await self._settle()
        return page

    def _goes_on(self, scene: Scene) -> bool:
        before = self._before
        return before is not None and before.act is None and (before.page, before.arguments) == (scene.page, scene.arguments)

    async def _enter(self, scene: Scene) -> QWidget | None:
        frame = self.frame
        await self.take_back()
        for dialog in self.dialogs:
            dialog.reject()
        await frame.close_pages()
        frame._is_closed = False  # its pages were closed to be made anew, not for good
        frame.resize(self._size)
        assert await frame.visit(scene.page, **scene.arguments)
        await self._settle()
        return frame.current

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

    def switch_theme(self) -> None:
        """From light to dark or back, with the same widgets, as a person does it in the menu."""
        theme().apply("light" if theme().choice == "dark" else "dark", self._text_scale)
        QApplication.sendPostedEvents()  # Qt tells grounds of a new palette this way, always before it paints

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

    async def _settle(self) -> None:
        """Wait for quiet: layouts and answers of the relay. Never by ``processEvents``, which would run other tasks inside
        this one."""
        loop = asyncio.get_running_loop()
        ends, turns = loop.time() + SETTLED_SECONDS, 0
        while turns < TURNS and loop.time() < ends:
            await asyncio.sleep(TURN_SECONDS)
            turns = 0 if self._is_busy() else turns + 1

    def _is_busy(self) -> bool:
        """A task runs that has not run from the beginning, or something waits for a moment before it is done."""
        if asyncio.all_tasks() - self._always:
            return True
        return any(
            timer.isSingleShot() and timer.isActive() and timer.interval() < SETTLED_SECONDS * 1000
            for timer in self.frame.findChildren(QTimer)
        )


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
    opened = Studio(context, frame, size, text_scale)
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
