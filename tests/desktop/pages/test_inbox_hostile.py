"""Hostile HTML in the test inbox reaches nobody: a real server counts requests, the system says which files were opened."""

from __future__ import annotations

import asyncio
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QMouseEvent
from PySide6.QtWidgets import QApplication, QTextBrowser

from gatepost.control.capture_schema import CapturedListRequest
from gatepost.desktop.cards import Dialog
from gatepost.desktop.context import AppContext
from gatepost.desktop.pages.inbox import InboxPage
from gatepost.desktop.pages.inbox.detail import CapturedDetail
from gatepost.desktop.pages.lists.mail_reader import MailReader

from ..captured import Developers, developers, hostile_html, rich
from ..file_watch import FileWatch
from ..mail import picture
from ..waiting import closed, until

LONG_ENOUGH = 0.5
"""Seconds in which whatever was going to be loaded would have been asked for: the server is on this computer."""


@dataclass
class Outside:
    base: str
    folder: Path
    watch: FileWatch
    requests: list[str] = field(default_factory=list)

    @property
    def reached(self) -> set[str]:
        return {*self.requests, *self.watch.seen()}


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    folder = tmp_path / "canary"
    folder.mkdir()
    (folder / "canary.png").write_bytes(picture())
    (folder / "canary.css").write_text("p { color: red }")
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def do_POST(self) -> None:
            self.do_GET()

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_arguments: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    watch = FileWatch(folder)
    yield Outside(f"http://127.0.0.1:{server.server_port}", folder, watch, asked)
    watch.close()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Developers]:
    with developers(tmp_path_factory.mktemp("hostile") / "relay") as found:
        yield found


@pytest.fixture
def page(
    office: Developers, connect: Callable[[Any], AppContext], show: Callable[..., Any], on_loop: Callable[..., Any]
) -> Iterator[InboxPage]:
    context = connect(office.relay)
    made = InboxPage(context)
    show(made, 1250, 820)
    yield made
    on_loop(closed(made))


async def looked_at(widget: Any) -> None:
    """Painted in several sizes, given time, the pointer moved over all of it, everything in it chosen and copied."""
    for width in (1250, 900, 1250):
        widget.window().resize(width, 820)
        await asyncio.sleep(0.02)
        widget.window().grab()
    for browser in widget.findChildren(QTextBrowser):
        if browser.isVisible():
            for y in range(0, browser.viewport().height(), 16):
                for x in range(0, browser.viewport().width(), 120):
                    place = QPointF(x, y)
                    kind, button = QEvent.Type.MouseMove, Qt.MouseButton.NoButton
                    moved = QMouseEvent(kind, place, place, button, button, Qt.KeyboardModifier.NoModifier)
                    QApplication.sendEvent(browser.viewport(), moved)
            browser.selectAll()
            browser.copy()
            browser.reload()


async def test_a_captured_message_with_hostile_html_reaches_neither_network_nor_files(
    page: InboxPage, office: Developers, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    monkeypatch.chdir(outside.folder)
    office.send(rich("Hostile", hostile_html(outside.base, outside.folder)))
    await page.enter()
    await until(lambda: page.model.ids and page.model.row_at(0), "it is in the list")
    (row,) = await page.context.session.client.captured_list(CapturedListRequest())
    page.table.choose(row.id)
    page.table.opened.emit(row.id)
    detail = page.detail
    assert isinstance(detail, CapturedDetail)
    browser = detail.html.reader.browser
    await until(lambda: "logo@shop" in browser.pictures, "it is shown with its own picture")
    assert "Words that may be read." in browser.toPlainText()
    await looked_at(page)
    for number in range(detail.tabs.count()):
        detail.tabs.setCurrentIndex(number)
        await looked_at(detail)
    detail.tabs.setCurrentWidget(detail.html)
    for target in (
        f"javascript:fetch('{outside.base}/js')",
        (outside.folder / "canary.png").as_uri(),
        "qrc:/x",
        "data:text/html,x",
    ):
        browser.anchorClicked.emit(QUrl(target))
    await asyncio.sleep(LONG_ENOUGH)

    assert not [dialog for dialog in page.findChildren(Dialog) if dialog.isVisible()], "these links lead nowhere"
    assert opened == []
    assert outside.reached == set()
    said = detail.html.blocked.button.text()
    assert said.endswith("things from elsewhere were not loaded")
    assert detail.html.blocked.isVisible()


async def test_even_html_that_nobody_cleaned_loads_nothing_in_the_reader(outside: Outside, show: Callable[..., Any]) -> None:
    """The second wall, without the first."""
    made = MailReader(lambda coroutine, _name: coroutine.close(), "")
    show(made, 900, 700)
    made.show_html(hostile_html(outside.base, outside.folder), {"logo@shop": picture()})
    await looked_at(made)
    await asyncio.sleep(LONG_ENOUGH)
    assert "Words that may be read." in made.browser.toPlainText()
    assert outside.reached == set()


async def test_the_watch_would_notice(outside: Outside, show: Callable[..., Any]) -> None:
    """An ordinary browser widget reads the file, and the server counts whoever asks."""
    plain = QTextBrowser()
    show(plain, 400, 300)
    plain.setHtml(f'<p>x</p><img src="{(outside.folder / "canary.png").as_uri()}">')
    plain.grab()
    await asyncio.to_thread(lambda: urllib.request.urlopen(f"{outside.base}/pixel.png", timeout=10).close())
    assert outside.reached == {"canary.png", "/pixel.png"}
    assert Qt.TextInteractionFlag.LinksAccessibleByMouse in plain.textInteractionFlags()
