"""The desktop app from its start to its end: one window, one loop, one exit event, one funnel for errors.

The window is painted before the loop, the control client and the models are imported; what is slow to import is imported while
a person reads the first words.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

from PySide6.QtCore import QLocale, QMessageLogContext, QObject, QSocketNotifier, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

from .. import memory
from ..model.errors import GatepostError
from . import i18n
from .bug_report import report_of_text
from .context import AppContext
from .frame import Frame
from .messages import Messages
from .pages.registry import PAGES
from .preferences import Preferences
from .relay_texts import said
from .relay_words import words_for
from .session import RelaySession
from .supervisor import Phase, Status, Supervisor
from .tasks import Tasks
from .theme import icon, theme
from .tray import Tray
from .trouble import TroubleWatch

log = logging.getLogger(__name__)

_PLACE = "relay/chosen"
LOOK_AHEAD_SECONDS = 0.1
"""Between the imports of two pages, so that the window answers in between."""
_QT_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def main(data_folder: Path) -> int:
    """Run the app on a relay's data folder until it is quit. Returns the exit code."""
    qt = QApplication.instance() or QApplication(["gatepost"])
    assert isinstance(qt, QApplication)  # noqa: S101 - nobody else made another kind
    qt.setApplicationName("Gatepost")
    qt.setDesktopFileName("gatepost")
    qt.setQuitOnLastWindowClosed(False)
    app = Application(qt, data_folder, Preferences())
    app.show()
    qt.processEvents()
    try:
        return app.run()
    finally:
        qt.shutdown()  # now, while there still is a Python for the icons and models that are written in it


class Application(QObject):
    def __init__(self, qt: QApplication, data_folder: Path, preferences: Preferences) -> None:
        super().__init__()
        memory.keep_together()
        memory.map_large()
        self._qt = qt
        self.messages = Messages(self)
        self._funnel = Funnel(self.messages)
        self._funnel.install()
        self._set_language(preferences.language)
        theme().apply(preferences.theme, preferences.text_size)
        qt.setWindowIcon(icon("gatepost", "accent"))
        self.tasks = Tasks(self._task_failed)
        self.session = RelaySession(data_folder, self)
        self.supervisor = Supervisor(self.session, self.tasks, self)
        self.preferences = preferences
        self.context = AppContext(self.session, self.messages, self.tasks, preferences)
        self._exit = asyncio.Event()
        self._quitting = False
        self._changing = asyncio.Lock()
        """Another relay or another window takes the place of this one: one change at a time."""
        self.frame = self._make_frame()
        self.tray: Tray | None = None
        self.supervisor.status_changed.connect(self._tell_trouble)
        self._trouble = TroubleWatch(self.session, self.messages, self)
        self.messages.notified.connect(self._notify)
        preferences.theme_changed.connect(lambda choice: theme().apply(choice, preferences.text_size))
        preferences.text_size_changed.connect(lambda _size: self._renew("change the text size"))
        preferences.language_changed.connect(lambda _code: self._renew("change the language"))

    def _make_frame(self) -> Frame:
        frame = Frame(self.context, self.supervisor)
        frame.close_wanted.connect(self.ask_to_quit)
        frame.place_wanted.connect(lambda key: self.tasks.spawn(self.switch(key), "administer another relay"))
        return frame

    def show(self) -> None:
        self.frame.show()
        self.frame.activateWindow()

    def _tell_trouble(self, status: Status) -> None:
        """Also to somebody who does not look at the window: as a notification, once for each time of trouble."""
        if status.phase is Phase.CRASHED and status.problem is not None:
            self.messages.attention("relay", said(status.problem.title), said(status.problem.hint))
        elif status.phase is Phase.RUNNING:
            self.messages.settled("relay")

    def _task_failed(self, error: BaseException, name: str) -> None:
        """Nobody awaited it: what was to be expected is a banner, the rest a bug."""
        if isinstance(error, GatepostError):
            current = self.frame.current
            self.messages.banner(current.key if current is not None else "", error)
        else:
            self.messages.bug(error, name)

    def run(self) -> int:
        import qasync

        loop = qasync.QEventLoop(self._qt)
        loop.set_exception_handler(self._funnel.from_loop)
        with loop:
            asyncio.set_event_loop(loop)
            return int(loop.run_until_complete(self._live()))

    async def _live(self) -> int:
        signals = Signals(self.quit_now)
        try:
            # In a thread: the window answers while the client and the models are imported.
            await asyncio.to_thread(import_module, "gatepost.control.client")
            await self._start_at_last_place()
            self._make_tray()
            await self._first_page()
            settle_memory()
            self.tasks.spawn(self._look_ahead(), "look ahead")
            await self._exit.wait()
        finally:
            await self._end()
            signals.close()
            self._funnel.uninstall()
        return 0

    # --- which relay ---

    async def switch(self, key: str) -> None:
        """Administer another relay: ``key`` as in ``relay_chooser``. Drafts are asked about first."""
        async with self._changing:
            await self._switch(key)

    async def _switch(self, key: str) -> None:
        if key == self.context.place_key:
            return
        from .relay_chooser import place_of

        try:
            place = await place_of(key)  # before drafts are asked about: it may not be there to go to
        except GatepostError as error:
            current = self.frame.current
            self.messages.banner(current.key if current is not None else "", error)
            return
        if not await self.frame.may_close():
            return
        self._remember_place(key)
        await self.supervisor.switch(place)
        await self._rebuild("")

    async def _start_at_last_place(self) -> None:
        key = self.preferences.text(_PLACE) if self._has_default_folder() else ""
        if key:
            from .relay_chooser import place_of

            try:
                self.session.go_to(await place_of(key))
            except GatepostError as error:  # its token cannot be read, or it was forgotten
                self.messages.banner("", error)
                key = ""
        if key:
            self.context.place_key = key
            await self._rebuild("")
        self.supervisor.start()

    def _remember_place(self, key: str) -> None:
        self.context.place_key = key
        if self._has_default_folder():
            self.preferences.set_text(_PLACE, key)

    def _has_default_folder(self) -> bool:
        """A window on another data folder begins with that one, always."""
        from ..model.locations import default_data_folder

        return self.session.data_folder == default_data_folder().expanduser().absolute()

    async def _first_page(self) -> None:
        """Returns once there is a relay to look at, or the app ends before."""
        both: list[asyncio.Task[Any]] = [
            self.tasks.spawn(self.session.wait_connected(), "first page"),
            self.tasks.spawn(self._exit.wait(), "exit"),
        ]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in both:
            task.cancel()

    async def _look_ahead(self) -> None:
        """Import the other pages one by one while nobody waits for them, so that a first visit need not."""
        for entry in PAGES:
            await asyncio.sleep(LOOK_AHEAD_SECONDS)
            await asyncio.to_thread(entry.load)
        settle_memory()
        memory.give_back()

    async def _end(self) -> None:
        """In the order in which the parts depend on each other."""
        self.frame.save_geometry()
        self.preferences.sync()
        self.frame.hide()
        if self.tray is not None:
            self.tray.hide()
        await self.frame.close_pages()
        await self.session.close()
        await self.supervisor.stop()
        await self.tasks.close()

    # --- the tray ---

    def _make_tray(self) -> None:
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        self.tray = Tray(self.frame)
        self._follow_tray()
        self.tray.show()

    def _follow_tray(self) -> None:
        assert self.tray is not None  # noqa: S101 - just made
        self.tray.open_wanted.connect(self._open_window)
        self.tray.quit_wanted.connect(self._quit_from_tray)
        self.tray.pause_wanted.connect(lambda pause: self.tasks.spawn(self._pause(pause), "tray: pause"))
        self.frame.relay_shown.connect(self._show_in_tray)
        self._show_in_tray()

    def _show_in_tray(self) -> None:
        if self.tray is not None:
            relay = self.frame.relay
            words = words_for(self.supervisor.status, self.session.state, relay)
            is_running = self.session.is_connected and relay is not None and relay.mail.value == "running"
            self.tray.show_state(words.state, is_running=is_running, is_paused=relay is not None and relay.delivery_paused)

    def _notify(self, title: str, text: str) -> None:
        if self.tray is not None and self.preferences.notifies:
            self.tray.notify(title, text)

    def _open_window(self) -> None:
        self.frame.show()
        self.frame.raise_()
        self.frame.activateWindow()

    async def _pause(self, pause: bool) -> None:
        client = self.session.client
        await (client.pause() if pause else client.resume())

    # --- language and text size ---

    def _renew(self, why: str) -> None:
        self.tasks.spawn(self._renew_window(), why)

    @staticmethod
    def _set_language(code: str) -> None:
        """Words, and with them dates and numbers; the system's own variety of the language where it speaks it."""
        chosen, system = i18n.set_language(code), QLocale.system()
        QLocale.setDefault(system if system.name().startswith(f"{chosen}_") else QLocale(chosen))

    async def _renew_window(self) -> None:
        """The window is built anew, so drafts are asked about first."""
        async with self._changing:
            if not await self.frame.may_close():
                return
            self._set_language(self.preferences.language)
            theme().apply(self.preferences.theme, self.preferences.text_size)
            await self._rebuild(self.frame.current.key if self.frame.current is not None else "")

    async def _rebuild(self, key: str) -> None:
        """A new window in the place of the old one, on the page ``key``."""
        old = self.frame
        old.save_geometry()
        self.frame = self._make_frame()
        self.frame.show()
        self.frame.activateWindow()
        if key:
            self.frame.navigate(key)
        if self.tray is not None:
            self.tray.hide()
            self._make_tray()
        old.detach()
        await old.close_pages()
        old.deleteLater()

    # --- the end ---

    def ask_to_quit(self) -> None:
        """The window is being closed: the person may have drafts, and may want the relay to go on."""
        self._quit_after(self._goes_on)

    def _quit_from_tray(self) -> None:
        """Somebody who wants to quit there knows what becomes of the relay, but may have forgotten a draft."""
        if self.frame.has_draft:
            self._open_window()
        self._quit_after(None)

    def _quit_after(self, goes_on: Callable[[], Awaitable[bool]] | None) -> None:
        if not self._quitting:
            self._quitting = True
            self.tasks.spawn(self._ask_to_quit(goes_on), "quit")

    async def _ask_to_quit(self, goes_on: Callable[[], Awaitable[bool]] | None) -> None:
        """Drafts last: whoever stays after all has lost none."""
        try:
            if (goes_on is None or not await goes_on()) and await self.frame.may_close():
                self._exit.set()
        finally:
            self._quitting = False

    async def _goes_on(self) -> bool:
        """Whether the app does: because the person stays, or in the tray, where drafts stay with the window."""
        if self.tray is None or not self.supervisor.owns_relay:
            return False
        from .dialogs import ask_whether_relay_goes_on

        answer = await ask_whether_relay_goes_on(self.frame)
        if answer == "stay":
            self.frame.save_geometry()
            self.frame.hide()
        return answer != "stop"

    def quit_now(self) -> None:
        """Without a question: the system asked. Mail is safe, drafts are not."""
        self._exit.set()


def settle_memory() -> None:
    """What was imported and made by now stays: the collector need not look through it again, which would take a tenth of a
    second now and then, long enough to be felt at the keyboard."""
    gc.freeze()


class Funnel:
    """Everything that nobody caught comes together here and becomes one report."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._before = (sys.excepthook, threading.excepthook)

    def install(self) -> None:
        sys.excepthook = self._from_slot
        threading.excepthook = self._from_thread
        qInstallMessageHandler(self._from_qt)

    def uninstall(self) -> None:
        sys.excepthook, threading.excepthook = self._before
        qInstallMessageHandler(None)

    def _from_slot(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        self._messages.bug(error.with_traceback(trace), "the window")

    def _from_thread(self, args: Any) -> None:
        if args.exc_value is not None:
            log.error("a thread failed", exc_info=args.exc_value)

    def from_loop(self, _loop: object, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException):
            self._messages.bug(error, str(context.get("message", "the loop")))
        else:
            log.error("the loop: %s", context.get("message"))

    def _from_qt(self, kind: QtMsgType, _context: QMessageLogContext, text: str) -> None:
        log.log(_QT_LEVELS.get(kind, logging.WARNING), "Qt: %s", text)
        if kind is QtMsgType.QtCriticalMsg:
            self._messages.bug_found.emit(report_of_text(text, "Qt"))


class Signals:
    """SIGINT and SIGTERM end the app. Python runs handlers only when it runs, so a byte in a socket wakes Qt's loop."""

    def __init__(self, end: Any) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._previous_fd = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read)
        self._notifier.activated.connect(self._read)
        self._previous = {number: signal.signal(number, lambda *_: end()) for number in self._numbers()}

    @staticmethod
    def _numbers() -> Sequence[signal.Signals]:
        return (signal.SIGINT, signal.SIGTERM)

    def _read(self) -> None:
        self._reader.recv(64)  # the handlers run as soon as Python does, which is now

    def close(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_fd)
        self._notifier.setEnabled(False)
        self._reader.close()
        self._writer.close()
