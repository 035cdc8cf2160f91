"""The whole app on its loop: starts fast and light, shows what nobody caught, asks before it ends, ends what it started."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PySide6.QtCore import QMessageLogContext, QtMsgType
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton, QWidget

from gatepost.desktop.application import Application
from gatepost.desktop.bug_report import BugReport
from gatepost.desktop.pages.spool import SpoolPage
from gatepost.desktop.supervisor import Phase
from gatepost.desktop.theme.fonts import scale as theme_scale
from gatepost.desktop.tray import Tray

from ..support.relay_process import ROOT
from .living import live, sealed_app
from .waiting import until


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_loop: Callable[..., Any]) -> Iterator[Application]:
    with sealed_app(tmp_path, monkeypatch, on_loop) as found:
        yield found


def test_an_app_that_a_failed_test_leaves_alive_is_ended_with_its_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_loop: Callable[..., Any], complaints: list[str]
) -> None:
    async def fail(app: Application) -> None:
        live(app)
        await until(lambda: app.frame.current, "the first page is shown")
        raise LookupError

    with pytest.raises(LookupError), sealed_app(tmp_path, monkeypatch, on_loop) as app:
        on_loop(fail(app))
    assert app.supervisor.status.phase is Phase.ENDED
    del app
    gc.unfreeze()
    gc.collect()
    assert not complaints


def shown_field(page: QWidget, name: str) -> QLineEdit | None:
    return next((one for one in page.findChildren(QLineEdit) if one.accessibleName() == name and one.isVisible()), None)


def press(text: str) -> None:
    dialog = QApplication.activeModalWidget()
    assert dialog is not None
    next(one for one in dialog.findChildren(QPushButton) if one.text().replace("&", "") == text).click()


def test_the_window_is_painted_before_anything_slow_is_imported(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from PySide6.QtWidgets import QApplication\n"
        "from gatepost.desktop.application import Application, Preferences\n"
        "qt = QApplication([])\n"
        "app = Application(qt, Path(sys.argv[1]), Preferences(Path(sys.argv[1]) / 'p.ini'))\n"
        "app.show()\n"
        "qt.processEvents()\n"
        "print([name for name in ('pydantic', 'aiohttp', 'qasync', 'gatepost.control.client') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr


async def test_it_starts_a_relay_and_ends_it(app: Application) -> None:
    living = live(app)
    await until(lambda: app.supervisor.status.phase is Phase.RUNNING, "the relay runs")
    await until(lambda: app.frame.current, "the first page is shown")
    app.frame.close()
    await asyncio.wait_for(living, 30)
    assert app.supervisor.status.phase is Phase.ENDED
    assert not app.supervisor.owns_relay


async def test_with_a_tray_closing_asks_and_the_relay_may_go_on(app: Application) -> None:
    living = live(app)
    await until(lambda: app.supervisor.status.phase is Phase.RUNNING, "the relay runs")
    app.tray = Tray(app.frame)
    app.frame.close()
    await until(lambda: QApplication.activeModalWidget() is not None, "it asks")
    press("Keep running in the tray")
    await until(lambda: not app.frame.isVisible(), "the window is gone")
    assert app.supervisor.owns_relay
    app._open_window()
    assert app.frame.isVisible()
    app.frame.close()
    await until(lambda: QApplication.activeModalWidget() is not None, "it asks again")
    press("Cancel")
    await until(lambda: not app._quitting, "it goes on")
    assert app.frame.isVisible()
    app.frame.close()
    await until(lambda: QApplication.activeModalWidget() is not None, "it asks again")
    press("Stop it and quit")
    await asyncio.wait_for(living, 30)
    assert not app.supervisor.owns_relay


async def typed(app: Application) -> Any:
    """Something is typed into the settings: the section that holds the draft."""
    await until(lambda: app.frame.current, "the first page is shown")
    await app.frame.visit("settings", section="spool")
    page: Any = app.frame.current
    page.section.form.put("spool.lifetime_hours", 71)
    return page.section


async def test_who_cancels_at_the_question_about_the_relay_has_lost_no_draft(app: Application) -> None:
    living = live(app)
    section = await typed(app)
    app.tray = Tray(app.frame)
    for answer, is_visible in (("Cancel", True), ("Keep running in the tray", False)):
        app.frame.close()
        await until(lambda: QApplication.activeModalWidget() is not None, "it asks")
        press(answer)
        await until(lambda: not app._quitting, "it goes on")
        assert app.frame.isVisible() is is_visible
        assert section.has_draft
    section.revert()
    app.quit_now()
    await asyncio.wait_for(living, 30)


async def test_quitting_in_the_tray_asks_about_a_draft_and_about_nothing_else(app: Application) -> None:
    living = live(app)
    section = await typed(app)
    app.tray = Tray(app.frame)
    app._follow_tray()
    app.frame.hide()
    app.tray.quit_wanted.emit()
    await until(lambda: QApplication.activeModalWidget() is not None, "it asks")
    assert app.frame.isVisible()
    press("Cancel")
    await until(lambda: not app._quitting, "it goes on")
    assert section.has_draft
    section.revert()
    app.frame.hide()
    app.tray.quit_wanted.emit()
    await asyncio.wait_for(living, 30)


async def test_a_window_that_another_one_has_replaced_builds_no_page_any_more(app: Application) -> None:
    living = live(app)
    await until(lambda: app.frame.current, "the first page is shown")
    old, may_go = app.frame, asyncio.Event()
    assert old.current is not None

    async def leave() -> bool:
        return await may_go.wait()

    old.current.leave = leave  # type: ignore[method-assign]
    visiting = asyncio.ensure_future(old.visit("spool"))
    await asyncio.sleep(0)
    await app._rebuild("overview")
    may_go.set()
    assert not await visiting
    assert old._pages == {}
    app.quit_now()
    await asyncio.wait_for(living, 30)


async def test_another_language_is_spoken_at_once(app: Application) -> None:
    app.preferences.language = "de"
    await until(
        lambda: "Übersicht" in [b.accessibleName() for b in app.frame.sidebar._buttons.values()], "the sidebar is German"
    )
    assert app.frame.isVisible()


async def test_another_size_of_text_is_taken_at_once_and_notifications_can_be_switched_off(app: Application) -> None:
    before, scale = app.frame, theme_scale()
    app.preferences.text_size = 1.5
    await until(lambda: app.frame is not before and app.frame.isVisible(), "the window is built anew")
    assert theme_scale() == pytest.approx(scale * 1.5, rel=0.1)
    told: list[str] = []
    app.tray = cast(Any, SimpleNamespace(notify=lambda title, _text: told.append(title), hide=lambda: None))
    app.preferences.notifies = False
    app.messages.notify("not this")
    app.preferences.notifies = True
    app.messages.notify("this")
    assert told == ["this"]
    app.tray = None
    app.preferences.text_size = 1.0
    after = app.frame
    await until(lambda: app.frame is not after, "the window is as before")


async def test_whatever_nobody_caught_becomes_one_report(app: Application, complaints: list[str]) -> None:
    bugs: list[BugReport] = []
    app.messages.bug_found.connect(bugs.append)

    async def fail() -> None:
        raise LookupError("in a task")

    app.tasks.spawn(fail(), "a task")
    await until(lambda: len(bugs) == 1, "the task's error")
    try:
        raise KeyError("in a slot")
    except KeyError as error:
        sys.excepthook(KeyError, error, error.__traceback__)
    app._funnel.from_loop(None, {"message": "the loop", "exception": OSError("in the loop")})
    app._funnel._from_qt(QtMsgType.QtCriticalMsg, QMessageLogContext(), "broken at 192.0.2.1")
    assert [bug.summary for bug in bugs] == ["LookupError (a task)", "KeyError (the window)", "OSError (the loop)", "Qt"]
    assert "192.0.2.1" not in bugs[3].text
    assert app.frame.bug_strip.isVisible()
    complaints.clear()


def test_a_thread_that_fails_is_logged_and_ends_nothing(app: Application, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ValueError("in a thread")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert "a thread failed" in caplog.text


async def test_a_gateway_that_is_being_typed_survives_the_relay(app: Application) -> None:
    app.supervisor._backoff = (0.3,)
    living = live(app)
    await until(lambda: app.frame.current, "the first page is shown")
    app.frame.navigate("gateways", new="round-robin")
    await until(lambda: app.frame.current is not None and app.frame.current.key == "gateways", "the gateways are shown")
    page = app.frame.current
    assert page is not None
    field = await until(lambda: shown_field(page, "Server Address"), "the form is shown")
    field.setFocus()
    QTest.keyClicks(field, "smtp.example.com")
    assert page.has_draft
    assert app.session.snapshot is not None
    os.kill(app.session.snapshot.status.relay.pid, signal.SIGKILL)
    await until(lambda: app.frame.relay_notice.isVisible(), "the window says so")
    assert app.messages.attention_list[0].key == "relay"
    await until(lambda: app.session.is_connected and not app.frame.relay_notice.isVisible(), "the relay is back")
    assert app.messages.attention_list == ()
    assert page.has_draft
    assert field.isVisible()
    assert field.text() == "smtp.example.com"
    app.frame.navigate("overview")
    await until(lambda: QApplication.activeModalWidget() is not None, "leaving the draft is asked about")
    press("Cancel")
    await until(lambda: app.frame.sidebar._buttons["gateways"].isChecked(), "one stays")
    app.quit_now()
    await asyncio.wait_for(living, 30)


async def test_a_relay_killed_under_the_spool_page_comes_back_and_the_page_is_live_again(app: Application) -> None:
    app.supervisor._backoff = (0.3,)
    living = live(app)
    await until(lambda: app.frame.current, "the first page is shown")
    app.frame.navigate("spool")
    await until(lambda: app.frame.current is not None and app.frame.current.key == "spool", "the spool page is shown")
    page = app.frame.current
    assert isinstance(page, SpoolPage)
    await app.session.client.send_test("a@example.com", "before@example.net")
    await until(lambda: page.table.model().rowCount() == 1, "the list is live")
    page.search.setText("example.net")
    assert app.session.snapshot is not None
    os.kill(app.session.snapshot.status.relay.pid, signal.SIGKILL)
    await until(lambda: app.frame.relay_notice.isVisible(), "the window says so")
    assert page.isVisible()
    assert page.table.model().rowCount() == 1, "what was shown stays"
    await until(lambda: app.session.is_connected, "the relay is back")
    await until(lambda: not app.frame.relay_notice.isVisible(), "the window is content")
    await app.session.client.send_test("a@example.com", "after@example.net")
    await until(lambda: page.table.model().rowCount() == 2, "the list is live again")
    assert page.search.text() == "example.net", "what was typed is still there"
    assert not app.frame.notice.isVisible()
    app.quit_now()
    await asyncio.wait_for(living, 30)
