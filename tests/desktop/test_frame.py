"""The window: visits pages, asks before it leaves one, says what the relay does, keeps drafts while it is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from PySide6.QtCore import QProcess, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QLineEdit, QPushButton, QVBoxLayout

from gatepost.desktop.about import shortcuts
from gatepost.desktop.context import AppContext
from gatepost.desktop.frame import MINIMUM, Frame
from gatepost.desktop.pages.page import Page
from gatepost.desktop.pages.registry import PageEntry
from gatepost.desktop.preferences import Preferences, Theme
from gatepost.desktop.supervisor import Supervisor
from gatepost.desktop.theme import theme
from gatepost.model.errors import GatepostError

from ..support.relay_process import RelayProcess
from .waiting import until


class Recorded(Page):
    """Remembers what it was told."""

    built: ClassVar[list[str]] = []

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self.built.append(self.key)
        self.told: list[Any] = []
        self.may_leave = True
        self.never_loads = False
        self.fails: Exception | None = None
        self.field = QLineEdit(self)
        self.field.setAccessibleName("Draft")
        QVBoxLayout(self).addWidget(self.field)

    @property
    def has_draft(self) -> bool:
        return bool(self.field.text())

    async def enter(self, **arguments: Any) -> None:
        if self.never_loads:
            await asyncio.get_running_loop().create_future()
        if self.fails is not None:
            raise self.fails
        self.told.append(("enter", arguments))

    async def leave(self) -> bool:
        self.told.append("leave")
        return self.may_leave

    def on_connected(self) -> None:
        self.told.append("connected")

    def on_lost(self) -> None:
        self.told.append("lost")

    def focus_search(self) -> None:
        self.field.setFocus()


class First(Recorded):
    key = "overview"


class Second(Recorded):
    key = "spool"


class Entry(PageEntry):
    @property
    def build(self) -> Callable[[AppContext], Page]:
        return {"overview": First, "spool": Second}[self.key]


ENTRIES = [Entry("overview", "Overview", "overview", "page", ""), Entry("spool", "Spool", "spool", "page", "")]

MakeFrame = Callable[[AppContext], Frame]


@pytest.fixture
def make_frame(on_loop: Callable[..., Any]) -> Iterator[MakeFrame]:
    made: list[Frame] = []
    Recorded.built.clear()

    def make(context: AppContext) -> Frame:
        supervisor = Supervisor(context.session, context.tasks, grace=0.1, backoff=(0.05,))
        # It attaches to the relay that the test runs, and finds it again.
        supervisor._task = context.tasks.spawn(supervisor._supervise(), "supervisor")
        frame = Frame(context, supervisor, ENTRIES)
        made.append(frame)
        theme().apply("light")
        frame.show()
        return frame

    yield make
    for frame in made:
        on_loop(frame._context.session.close())
        on_loop(frame._supervisor.stop())
        on_loop(frame.close_pages())


async def shown(frame: Frame, key: str) -> Recorded:
    await until(lambda: frame.current is not None and frame.current.key == key and frame._entered_well, f"{key} is shown")
    assert isinstance(frame.current, Recorded)
    return frame.current


async def test_a_page_is_built_on_its_first_visit_and_kept(connected_context: AppContext, make_frame: MakeFrame) -> None:
    frame = make_frame(connected_context)
    connected_context.navigate("overview")
    first = await shown(frame, "overview")
    assert Recorded.built == ["overview"]
    connected_context.navigate("spool", queue_id="7")
    second = await shown(frame, "spool")
    assert second.told == [("enter", {"queue_id": "7"})]
    assert frame.windowTitle() == "Spool – Gatepost"
    connected_context.navigate("overview")
    assert await shown(frame, "overview") is first
    assert Recorded.built == ["overview", "spool"]


async def test_a_page_with_a_draft_may_refuse_to_be_left(connected_context: AppContext, make_frame: MakeFrame) -> None:
    frame = make_frame(connected_context)
    connected_context.navigate("overview")
    first = await shown(frame, "overview")
    first.may_leave = False
    frame.sidebar._buttons["spool"].click()
    await until(lambda: "leave" in first.told, "it was asked")
    await until(lambda: frame.sidebar._buttons["overview"].isChecked(), "the sidebar shows where one is")
    assert frame.current is first
    first.field.setText("typed")
    assert not await frame.may_close()


async def test_a_page_that_loads_for_long_keeps_nobody(connected_context: AppContext, make_frame: MakeFrame) -> None:
    frame = make_frame(connected_context)
    connected_context.navigate("overview")
    first = await shown(frame, "overview")
    first.never_loads = True
    connected_context.navigate("overview")
    await until(lambda: not frame._entered_well, "it loads again")
    connected_context.navigate("spool")
    await shown(frame, "spool")


async def test_of_two_pages_wanted_at_once_the_last_one_is_shown(connected_context: AppContext, make_frame: MakeFrame) -> None:
    frame = make_frame(connected_context)
    connected_context.navigate("overview")
    await shown(frame, "overview")
    connected_context.navigate("overview", again=True)
    frame.sidebar._buttons["spool"].click()
    second = await shown(frame, "spool")
    assert second.told == [("enter", {})]
    assert frame.sidebar._buttons["spool"].isChecked()
    assert frame.windowTitle() == "Spool – Gatepost"
    await until(lambda: not any(name.startswith("visit") for name in connected_context.tasks.names), "all visits ended")
    assert frame.current is second


async def test_a_failed_visit_is_a_banner_with_a_way_to_try_again(connected_context: AppContext, make_frame: MakeFrame) -> None:
    frame = make_frame(connected_context)
    connected_context.navigate("overview")
    first = await shown(frame, "overview")
    first.fails = GatepostError("The list cannot be read.", "<b>Because</b>.", "Do something.")
    connected_context.navigate("overview")
    await until(lambda: frame.notice.isVisible(), "the banner")
    assert frame.notice.text == "The list cannot be read. <b>Because</b>. Do something."
    first.fails = None
    frame.notice.retry_button.click()
    await until(lambda: not frame.notice.isVisible() and frame._entered_well, "it worked the second time")


async def test_a_killed_relay_is_said_and_what_was_typed_is_still_there_when_it_is_back(
    start_relay: Callable[..., RelayProcess],
    monkeypatch: pytest.MonkeyPatch,
    context: AppContext,
    make_frame: MakeFrame,
) -> None:
    relay = start_relay(name="killed")
    monkeypatch.setenv("XDG_RUNTIME_DIR", relay.environment["XDG_RUNTIME_DIR"])
    context.session.data_folder = relay.data
    context.session._pauses = (0.05,)
    frame = make_frame(context)
    frame._supervisor._grace = 60.0  # it is a service that comes back, not one to be replaced
    context.session.start(context.tasks)
    context.navigate("spool")
    page = await shown(frame, "spool")
    page.field.setText("an unsaved draft")
    relay.kill()
    await until(lambda: frame.relay_notice.isVisible(), "the window says so")
    assert "not" in frame.relay_notice.text
    assert page.told[-1] == "lost"
    assert page.isVisible()
    relay.start()
    await until(lambda: page.told[-1] == "connected", "the page is live again")
    await until(lambda: not frame.relay_notice.isVisible(), "the strip is gone")
    assert page.field.text() == "an unsaved draft"
    assert not frame.notice.isVisible()


async def test_mail_is_stopped_and_started_from_the_foot(connected_context: AppContext, make_frame: MakeFrame) -> None:
    frame = make_frame(connected_context)
    foot = frame.sidebar.foot
    await until(lambda: foot.button.text() == "Stop" and foot.button.isVisible(), "mail runs")
    foot.button.click()
    await until(lambda: foot._state.text() == "Stopped, no mail moves", "mail is stopped")
    assert foot.button.text() == "Start"
    await until(lambda: foot.button.isEnabled(), "it can be pressed")
    foot.button.click()
    await until(lambda: foot.button.text() == "Stop", "mail runs again")


async def test_keys_reach_pages_search_and_overview_of_keys(connected_context: AppContext, make_frame: MakeFrame) -> None:
    frame = make_frame(connected_context)
    frame.activateWindow()
    connected_context.navigate("overview")
    await shown(frame, "overview")
    QTest.keyClick(frame, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    page = await shown(frame, "spool")
    QTest.keyClick(frame, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    await until(page.field.hasFocus, "the search box has the focus")
    told = len(page.told)
    QTest.keyClick(frame, Qt.Key.Key_F5)
    await until(lambda: len(page.told) > told, "it was refreshed")
    QTest.keyClick(frame, Qt.Key.Key_Question, Qt.KeyboardModifier.ControlModifier)
    dialog = await until(lambda: QApplication.activeModalWidget(), "the overview of keys")
    assert isinstance(dialog, QDialog)
    assert dialog.objectName() == "shortcuts"
    assert ("Ctrl+S", "Save") in shortcuts(ENTRIES)
    dialog.reject()


async def test_the_arrow_keys_move_through_the_sidebar(connected_context: AppContext, make_frame: MakeFrame) -> None:
    frame = make_frame(connected_context)
    frame.activateWindow()
    first, second = frame.sidebar._buttons.values()
    first.setFocus()
    QTest.keyClick(first, Qt.Key.Key_Down)
    await until(second.hasFocus, "the next page has the focus")
    QTest.keyClick(second, Qt.Key.Key_Return)
    await shown(frame, "spool")


async def test_before_the_first_connection_the_window_says_what_it_does(context: AppContext, make_frame: MakeFrame) -> None:
    frame = make_frame(context)
    assert frame.waiting.isVisible()
    assert frame.waiting.notice.text.startswith("Looking for the relay")
    assert not frame.relay_notice.isVisible()


async def test_a_bug_is_shown_with_its_report(connected_context: AppContext, make_frame: MakeFrame) -> None:
    frame = make_frame(connected_context)
    connected_context.messages.bug(ValueError("of jo@example.com"), "here")
    assert frame.bug_strip.isVisible()
    button = frame.bug_strip.findChild(QPushButton, "bug-report")
    assert button is not None
    button.click()
    dialog = await until(lambda: QApplication.activeModalWidget(), "the report")
    assert dialog.objectName() == "bug-report-dialog"
    next(button for button in dialog.findChildren(QPushButton) if button.text().replace("&", "") == "Copy").click()
    assert "ValueError" in QApplication.clipboard().text()
    assert "jo@example.com" not in QApplication.clipboard().text()


async def test_the_window_opens_where_it_was(context: AppContext, make_frame: MakeFrame, preferences: Preferences) -> None:
    frame = make_frame(context)
    frame.resize(frame.width(), 703)
    frame.save_geometry()
    assert make_frame(context).height() == 703
    assert frame.minimumSize() == MINIMUM


async def test_a_theme_is_chosen_in_the_menu(context: AppContext, make_frame: MakeFrame) -> None:
    frame = make_frame(context)
    action = next(
        action for menu in frame.menu.menu.actions() if menu.menu() for action in menu.menu().actions()  # type: ignore[attr-defined]
        if action.objectName() == "menu-theme-dark"
    )  # fmt: skip
    action.trigger()
    assert context.preferences.theme is Theme.DARK


async def test_another_data_folder_is_opened_in_a_window_of_its_own(
    context: AppContext, make_frame: MakeFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(QProcess, "startDetached", lambda program, arguments: started.append((program, arguments)))
    other = tmp_path / "other"
    other.mkdir()
    frame = make_frame(context)
    action = frame.findChild(QAction, "menu-another")
    assert action is not None
    action.trigger()
    dialog = await until(lambda: frame.findChild(QFileDialog), "the folder is asked for")
    assert isinstance(dialog, QFileDialog)
    dialog.setDirectory(str(other))
    dialog.selectFile("")
    dialog.accept()
    await until(lambda: started, "a window is opened")
    assert started[0][1][-2:] == ["--data", str(other)]
