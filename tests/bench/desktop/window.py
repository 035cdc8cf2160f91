"""The app's side of the measurements, in a process of its own: ``python -m tests.bench.desktop.window MODE DATA [ROWS]``.

Every mode runs the app itself, offscreen. ``start`` ends at the first paint; ``use`` opens pages and lists, scrolls and
changes the theme; ``rest`` shows the spool and does nothing more until it is told to end; ``flood`` counts events and how long
input had to wait meanwhile. Results are printed, one JSON object a line.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from gatepost.desktop.application import Application
from gatepost.desktop.preferences import Preferences

TIMEOUT = 30.0
FRAMES = 200
THEMES = 12
FLOOD_EVENTS = 50_000
INPUT_EVERY = 0.01


def told(name: str, value: float) -> None:
    print(json.dumps({"name": name, "value": value}), flush=True)


def made(data: Path) -> Application:
    qt = QApplication.instance() or QApplication(["gatepost"])
    assert isinstance(qt, QApplication)
    qt.setQuitOnLastWindowClosed(False)
    return Application(qt, data, Preferences(Path(tempfile.mkdtemp()) / "preferences.ini"))


class Paints(QObject):
    """When something inside a widget was painted for the first time since ``watch``."""

    def __init__(self) -> None:
        super().__init__()
        self._wanted: Callable[[QWidget], bool] | None = None
        self.at: float | None = None

    @contextmanager
    def watch(self, wanted: Callable[[QWidget], bool]) -> Iterator[None]:
        self._wanted, self.at = wanted, None
        application = QCoreApplication.instance()
        assert application is not None
        application.installEventFilter(self)
        try:
            yield
        finally:
            application.removeEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Paint and self.at is None and isinstance(watched, QWidget):
            assert self._wanted is not None
            if self._wanted(watched):
                self.at = time.monotonic()
        return False


async def until(condition: Callable[[], object]) -> None:
    ends = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > ends:
            raise TimeoutError
        await asyncio.sleep(0.001)


def start(data: Path) -> int:
    """Prints the moment of the first paint, by the clock that the parent has too."""
    paints = Paints()
    app = made(data)
    with paints.watch(lambda widget: widget.window() is app.frame):
        app.show()
        QApplication.processEvents()
    assert paints.at is not None, "nothing was painted"
    told("first paint at", paints.at)
    return 0


def run(data: Path, work: Callable[[Application], Awaitable[None]]) -> int:
    """The whole app, with some work in it, then its end."""
    app = made(data)
    failed: list[BaseException] = []
    app.messages.bug_found.connect(lambda report: failed.append(RuntimeError(report.text)))

    async def measured() -> None:
        try:
            await app.session.wait_connected()
            await work(app)
        except BaseException as error:
            failed.append(error)
        finally:
            app.quit_now()

    app.show()
    QApplication.processEvents()
    QTimer.singleShot(0, lambda: app.tasks.spawn(measured(), "measure"))  # once there is a loop
    app.run()
    for error in failed:
        print(f"failed: {error!r}", file=sys.stderr)
    return 1 if failed else 0


async def use(app: Application, rows: int) -> None:
    frame = app.frame
    await until(lambda: frame.current is not None)
    await asyncio.sleep(3.0)  # the first page has loaded, and the others are imported
    await open_list(app, rows)
    await scroll(app)
    await theme_switch(app)
    await refresh(app)
    await show_pages(app)


async def open_list(app: Application, rows: int) -> None:
    """From the click in the sidebar to rows that can be read, and to the whole list."""
    began = time.monotonic()
    app.frame.navigate("spool")
    await until(lambda: app.frame.current is not None and app.frame.current.key == "spool")
    page: Any = app.frame.current

    def is_readable() -> bool:
        seen = list(page.table.visible_rows())
        room = page.table.viewport().height() // page.table.rowHeight(0)
        return bool(len(seen) >= min(rows, room) > 0)

    await until(lambda: len(page.model.ids) and is_readable())
    told("list readable", time.monotonic() - began)
    await until(lambda: len(page.model.ids) >= rows)
    told("list whole", time.monotonic() - began)


async def scroll(app: Application) -> None:
    """Wheel steps, then jumps all over the list, as a dragged scroll bar makes them; rows are fetched meanwhile."""
    page: Any = app.frame.current
    bar = page.table.verticalScrollBar()
    steps = [number * 60 for number in range(FRAMES)]
    jumps = [(number * 7_919_317) % bar.maximum() for number in range(FRAMES)]
    for name, places in (("scroll", steps), ("jump", jumps)):
        frames: list[float] = []
        for place in places:
            began = time.monotonic()
            bar.setValue(place)
            QCoreApplication.sendPostedEvents(None, QEvent.Type.UpdateRequest.value)
            frames.append(time.monotonic() - began)
            await asyncio.sleep(0.004)
        frames.sort()
        told(f"{name} median", statistics.median(frames))
        told(f"{name} 95 %", frames[len(frames) * 95 // 100])
    bar.setValue(0)


async def theme_switch(app: Application) -> None:
    """From the choice to a window that is painted anew."""
    times: list[float] = []
    paints = Paints()
    for number in range(THEMES):
        await asyncio.sleep(0.1)
        began = time.monotonic()
        with paints.watch(lambda widget: widget is app.frame.current):
            app.preferences.theme = type(app.preferences.theme)("dark" if number % 2 == 0 else "light")
            # As the loop goes on: what has to be laid out is, then everything is painted, once. An explicit repaint would come
            # before the layout, and paint twice more than a person sees.
            QApplication.sendPostedEvents()
        assert paints.at is not None, "the window was not painted"
        times.append(time.monotonic() - began)
    told("theme switch", statistics.median(times))


async def refresh(app: Application) -> None:
    """The longest time for which the window does not answer while it takes in the whole list anew."""
    page: Any = app.frame.current
    longest, last, ended = 0.0, time.monotonic(), False

    async def beat() -> None:
        nonlocal longest, last
        while not ended:
            await asyncio.sleep(0)
            now = time.monotonic()
            longest, last = max(longest, now - last), now

    beating = asyncio.ensure_future(beat())
    for _ in range(3):
        await page.refresh()
    ended = True
    await beating
    told("refresh pause", longest)


async def show_pages(app: Application) -> None:
    """From the click to something of the page on the screen: the first visit builds it, later ones only show it."""
    frame, paints = app.frame, Paints()
    first: list[tuple[float, str]] = []
    again: list[tuple[float, str]] = []
    keys = [entry.key for entry in frame._entries]
    visited = set(frame._pages)
    for times, wanted in ((first, [key for key in keys if key not in visited]), (again, keys)):
        for key in wanted:
            await asyncio.sleep(0.3)
            if frame.current is not None and frame.current.key == key:
                continue

            def is_there(widget: QWidget, key: str = key) -> bool:
                page = frame.current
                return page is not None and page.key == key and (widget is page or bool(page.isAncestorOf(widget)))

            with paints.watch(is_there):
                began = time.monotonic()
                frame.navigate(key)
                await until(lambda: paints.at is not None)
            assert paints.at is not None
            times.append((paints.at - began, key))
    for name, times in (("page first shown", first), ("page shown again", again)):
        slowest, key = max(times)
        print(f"{name}: {', '.join(f'{k} {t * 1000:.0f} ms' for t, k in times)}", file=sys.stderr, flush=True)
        told(name, slowest)


async def rest(app: Application, rows: int) -> None:
    await until(lambda: app.frame.current is not None)
    await asyncio.sleep(3.0)
    app.frame.navigate("spool")
    await until(lambda: app.frame.current is not None and app.frame.current.key == "spool")
    page: Any = app.frame.current
    await until(lambda: len(page.model.ids) >= rows)
    told("at rest", time.monotonic())
    await asyncio.Event().wait()


class Input(QObject):
    """Events posted from outside the window's thread, as a keyboard's are, and how long each waited."""

    KIND = QEvent.Type(QEvent.registerEventType())

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._sent: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._type, daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _type(self) -> None:
        while not self._ended.wait(INPUT_EVERY):
            self._sent.append(time.monotonic())
            QCoreApplication.postEvent(self, QEvent(self.KIND))

    def customEvent(self, event: QEvent) -> None:
        self.waits.append(time.monotonic() - self._sent[len(self.waits)])


async def flood(app: Application) -> None:
    counted = 0

    def count(message: Any) -> None:
        nonlocal counted
        counted += message.count

    app.session.happened.connect(count)
    keyboard = Input()
    keyboard.begin()
    await until(lambda: counted >= FLOOD_EVENTS)
    keyboard.end()
    keyboard.waits.sort()
    told("input 99.9 %", keyboard.waits[len(keyboard.waits) * 999 // 1000])
    told("input longest", keyboard.waits[-1])


def main(mode: str, data: Path, rows: int) -> int:
    match mode:
        case "start":
            return start(data)
        case "use":
            return run(data, lambda app: use(app, rows))
        case "rest":
            return run(data, lambda app: rest(app, rows))
        case "flood":
            return run(data, flood)
        case _:
            raise SystemExit(f"no such mode: {mode}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0))
