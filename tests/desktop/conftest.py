"""Tests of the desktop app: offscreen, one QApplication and one qasync loop for the session.

An ``async def`` test below this folder runs on that loop (pytest-asyncio never sees it). Fixtures are synchronous; one that
must await something does it with ``on_loop(coroutine)``. A test fails on what it leaves behind: a running task, a complaint
of Qt's, an error that only the loop saw.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ["QT_QPA_PLATFORM"] = "offscreen"
for _name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES"):
    os.environ.pop(_name, None)
os.environ["LANG"] = "C.UTF-8"

import qasync  # noqa: E402
from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler  # noqa: E402
from PySide6.QtWidgets import QApplication, QWidget  # noqa: E402

from gatepost.desktop import i18n  # noqa: E402
from gatepost.desktop.context import AppContext  # noqa: E402
from gatepost.desktop.messages import Messages  # noqa: E402
from gatepost.desktop.preferences import Preferences  # noqa: E402
from gatepost.desktop.session import RelaySession  # noqa: E402
from gatepost.desktop.tasks import Tasks  # noqa: E402

from ..support.relay_process import configure_first  # noqa: E402

TIMEOUT = 60.0
"""Seconds for one test's coroutine: generous, the machine may be busy."""

_application: QApplication | None = None
_loop: Any = None
_complaints: list[str] = []


def _qt_says(kind: QtMsgType, _context: QMessageLogContext, text: str) -> None:
    if "propagateSizeHints" in text:  # the offscreen platform says it of every window
        return
    if text.startswith("This plugin does not support propagateSizeHints"):
        return  # nothing of ours: the offscreen platform says so of every dialog
    if kind in (QtMsgType.QtWarningMsg, QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg):
        _complaints.append(f"Qt: {text}")


def _loop_says(_loop: object, context: dict[str, Any]) -> None:
    _complaints.append(f"loop: {context.get('message')} {context.get('exception')!r}")


def qt_loop() -> Any:
    """The session's loop, made with its QApplication on first use."""
    global _application, _loop
    if _loop is None:
        existing = QApplication.instance()
        _application = existing if isinstance(existing, QApplication) else QApplication(["gatepost-tests"])
        _application.setQuitOnLastWindowClosed(False)
        qInstallMessageHandler(_qt_says)
        _loop = qasync.QEventLoop(_application)
        _loop.set_exception_handler(_loop_says)
    asyncio.set_event_loop(_loop)
    return _loop


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    async def limited() -> Any:
        async with asyncio.timeout(TIMEOUT):
            return await coroutine

    # WORKAROUND: qasync 0.28. Its run_until_complete handles events once more after the loop has ended; tasks that wake up
    # then find no running loop.
    loop = qt_loop()
    task = loop.create_task(limited(), name="test")
    task.add_done_callback(lambda _: loop.stop())
    loop.run_forever()
    return task.result()


def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> None:
    """Make ``async def`` tests ordinary ones that run on the Qt loop, before pytest-asyncio looks at them."""
    if isinstance(collector, pytest.Module) and name.startswith("test") and inspect.iscoroutinefunction(obj):

        @functools.wraps(obj)
        def on_the_loop(**arguments: Any) -> None:
            _run(obj(**arguments))

        setattr(collector.obj, name, on_the_loop)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/desktop/" in item.path.as_posix() and inspect.iscoroutinefunction(getattr(item, "obj", None)):
            raise pytest.UsageError(f"{item.nodeid}: async tests of the desktop app are functions of a module")


def pytest_unconfigure() -> None:
    """End the loop's threads, then Qt, while there still is a Python for icons and models that are written in it."""
    if _loop is not None and _application is not None:
        _loop.close()
        _application.shutdown()


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """The checks of this module's docstring. ``@pytest.mark.usefixtures('complaints')`` and clearing them allows some."""
    loop = qt_loop()
    _complaints.clear()
    i18n.set_language("en")
    yield
    for widget in QApplication.topLevelWidgets():
        widget.close()
        widget.deleteLater()
    _run(asyncio.sleep(0))
    left = [task.get_name() for task in asyncio.all_tasks(loop) if not task.done()]
    if left:
        _run(_end_all())
    assert not left, f"tasks still run: {left} {_complaints}"
    assert not _complaints, _complaints


async def _end_all() -> None:
    """And hear how each ended, so that no later test is blamed for it."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    ended, _ = await asyncio.wait(others, timeout=5)
    for task in ended:
        if not task.cancelled() and (error := task.exception()) is not None:
            _complaints.append(f"task: {task.get_name()} ended with {error!r}")


@pytest.fixture
def complaints() -> list[str]:
    """What Qt and the loop complained about in this test; a test that expects some checks and clears them."""
    return _complaints


@pytest.fixture
def on_loop() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine from a synchronous fixture or test."""
    return _run


@pytest.fixture
def unlimited() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine that takes longer than the usual test; its test sets its own limit."""
    return lambda coroutine: qt_loop().run_until_complete(coroutine)


@pytest.fixture
def preferences(tmp_path: Path) -> Preferences:
    return Preferences(tmp_path / "preferences.ini")


@pytest.fixture
def messages() -> Messages:
    return Messages()


@pytest.fixture
def tasks(messages: Messages) -> Iterator[Tasks]:
    found = Tasks(messages.bug)
    yield found
    _run(found.close())


@pytest.fixture
def context(tmp_path: Path, preferences: Preferences, messages: Messages, tasks: Tasks) -> Iterator[AppContext]:
    """For pages that need no relay; its session is not started."""
    session = RelaySession(tmp_path / "no-relay")
    yield AppContext(session=session, messages=messages, tasks=tasks, preferences=preferences)
    _run(session.close())


@pytest.fixture
def connect(
    monkeypatch: pytest.MonkeyPatch, preferences: Preferences, messages: Messages, tasks: Tasks
) -> Iterator[Callable[[Any], AppContext]]:
    """``connect(relay)``: a context with a session that is connected to this relay process."""
    sessions: list[RelaySession] = []

    def connected(relay: Any) -> AppContext:
        monkeypatch.setenv("XDG_RUNTIME_DIR", relay.environment["XDG_RUNTIME_DIR"])
        session = RelaySession(relay.data)
        sessions.append(session)
        session.start(tasks)
        _run(session.wait_connected())
        return AppContext(session=session, messages=messages, tasks=tasks, preferences=preferences)

    yield connected
    for session in sessions:
        _run(session.close())


@pytest.fixture
def connected_context(tmp_path: Path, start_relay: Callable[..., Any], connect: Callable[[Any], AppContext]) -> AppContext:
    """With a session that is connected to a real relay process, which starts with the configuration of a first start."""
    configure_first(tmp_path / "relay" / "data")
    return connect(start_relay())


@pytest.fixture
def show() -> Callable[..., Any]:
    """``show(widget, width=1120, height=780)``: show a widget offscreen and let it settle."""

    def shown(widget: QWidget, width: int = 1120, height: int = 780) -> QWidget:
        widget.resize(width, height)
        widget.show()
        if qt_loop().is_running():
            QApplication.processEvents()
        else:
            _run(asyncio.sleep(0))
        return widget

    return shown


@pytest.fixture(scope="module")
def filled_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real relay with mail in every state, shared by the tests of a module. See ``mail``."""
    from .mail import office

    with office(tmp_path_factory.mktemp("office") / "relay", quarantined=12) as found:
        found.fill()
        found.wait(delivered=8)
        yield found


@pytest.fixture
def office_context(filled_office: Any, connect: Callable[[Any], AppContext]) -> AppContext:
    return connect(filled_office.relay)
