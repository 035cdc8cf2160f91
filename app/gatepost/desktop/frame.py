"""The main window: sidebar, pages, and what stands above them.

Pages are built on their first visit. One visit happens at a time: the page that is shown may refuse to be left, then the new
one is entered. ``Frame`` knows no page but by ``pages.registry``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QCloseEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from .application_menu import ApplicationMenu
from .bug_dialog import BugStrip
from .context import AppContext
from .delivery_mark import DeliveryMark, mark_of
from .help_place import HelpPlace
from .i18n import tr
from .page_notice import PageNotice
from .pages.page import Page
from .pages.registry import PAGES, PageEntry
from .places import Places
from .relay_notice import RelayNotice, WaitingView
from .relay_words import Offer, at, where, words_for
from .sidebar import Sidebar
from .strips import StripArea
from .supervisor import Supervisor
from .theme import Role, set_role, theme

if TYPE_CHECKING:
    from ..control.schema import EventMessage, Snapshot
    from ..model.report import RelayReport

MINIMUM = QSize(960, 640)
USUAL = QSize(1180, 800)


class Frame(QMainWindow):
    close_wanted = Signal()
    """The person wants the window, and the app with it, to end."""
    place_wanted = Signal(str)
    """Another relay is to be administered: its key in ``relay_chooser``."""
    relay_shown = Signal()
    """The relay's state in the foot may have changed."""

    def __init__(self, context: AppContext, supervisor: Supervisor, entries: Sequence[PageEntry] | None = None) -> None:
        super().__init__()
        self.setObjectName("frame")
        self.setWindowTitle("Gatepost")
        self.setMinimumSize(MINIMUM)
        self._context = context
        self._supervisor = supervisor
        self._entries = tuple(entries if entries is not None else PAGES)
        self._pages: dict[str, Page] = {}
        self._current: Page | None = None
        self._wanted: tuple[str, dict[str, Any]] | None = None
        self._entered_well = False
        self._is_replaced = False
        self._visiting = asyncio.Lock()
        self._entering: asyncio.Task[None] | None = None
        self._relay: RelayReport | None = context.session.snapshot.status.relay if context.session.snapshot else None
        self._listed = tuple(entry for entry in self._entries if entry.in_sidebar)
        self.menu = ApplicationMenu(self, context, self._entries)
        self._build()
        self._connect()
        context.navigate = self.navigate
        self._restore_geometry()
        self._show_relay()

    # --- building ---

    def _build(self) -> None:
        centre = QWidget(self)
        set_role(centre, Role.PAGE)
        self.sidebar = Sidebar(self._listed, self.menu.menu, centre)
        self.waiting = WaitingView(self._supervisor.try_again, centre)
        above = StripArea(centre)
        self.relay_notice = RelayNotice(self._supervisor.try_again, "relay-notice", above)
        self.relay_notice.hide()
        self.notice = PageNotice(above)
        self.bug_strip = BugStrip(above)
        for strip in (self.relay_notice, self.bug_strip, self.notice):
            above.add(strip)
        self._above = above
        self.mark: DeliveryMark | None = None
        self.stack = QStackedWidget(centre)
        self.stack.addWidget(self.waiting)
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(above)
        column.addWidget(self.stack, 1)
        row = QHBoxLayout(centre)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.sidebar)
        row.addLayout(column, 1)
        self.help = HelpPlace(centre, self.sidebar.help_button, lambda: self._current)
        row.addWidget(self.help.room)
        self.setCentralWidget(centre)

    def _connect(self) -> None:
        context, session = self._context, self._context.session
        self.sidebar.wanted.connect(self.navigate)
        self.sidebar.foot.offered.connect(self._do)
        self._places = Places(self, context, self._supervisor, self.may_close)
        self._places.wanted.connect(self.place_wanted)
        self._places.follow(self.sidebar.foot.where)
        self.menu.page_wanted.connect(self.navigate)
        self.menu.refresh_wanted.connect(self.refresh)
        self.menu.help_wanted.connect(self.help.toggle)
        self.sidebar.help_button.clicked.connect(self.help.toggle)
        self.menu.search_wanted.connect(self.focus_search)
        self.menu.quit_wanted.connect(self.close_wanted)
        context.messages.banner_raised.connect(self.notice.raise_notice)
        context.messages.banner_cleared.connect(self.notice.clear)
        context.messages.bug_found.connect(self.bug_strip.show_report)
        self._supervisor.status_changed.connect(self._show_relay)
        session.state_changed.connect(self._show_relay)
        session.snapshot_arrived.connect(self._on_snapshot)
        session.connected.connect(self._on_connected)
        session.lost.connect(self._on_lost)
        session.happened.connect(self._on_event)
        theme().changed.connect(self._recolour)

    def _restore_geometry(self) -> None:
        kept = self._context.preferences.geometry("window")
        if kept.isEmpty() or not self.restoreGeometry(kept):
            self.resize(USUAL)

    def save_geometry(self) -> None:
        self._context.preferences.set_geometry("window", self.saveGeometry())

    # --- pages ---

    @property
    def current(self) -> Page | None:
        return self._current

    def navigate(self, key: str, **arguments: Any) -> None:
        """Show a page and hand it ``enter(**arguments)``; nothing happens when the page that is shown refuses to be left."""
        if all(entry.key != key for entry in self._entries):
            raise ValueError(f"no such page: {key}")
        self._wanted = (key, arguments)
        if self._context.session.snapshot is None:
            self.sidebar.choose(key)  # it is visited once the relay is there
            return
        self._context.tasks.spawn(self.visit(key, **arguments), f"visit {key}")

    async def visit(self, key: str, **arguments: Any) -> bool:
        """Whether the page is shown now."""
        async with self._visiting:
            current = self._current
            if current is not None and current.key != key and not await self._may_leave(current):
                self.sidebar.choose(current.key)
                return False
            if not (entry := self._entry(key)).is_loaded:
                await asyncio.to_thread(entry.load)  # the window answers meanwhile
            if self._is_replaced:
                return False
            page = self._page(key)
            self._current = page
            self.stack.setCurrentWidget(page)
            self.sidebar.choose(key)
            self.setWindowTitle(f"{tr(self._entry(key).title)} – Gatepost")
            self.notice.clear(key)
            self.notice.show_page(key)
            self.help.follow()
            if self._entering is not None:
                self._entering.cancel()  # whoever goes on need not wait for what a page is still loading
            self._entering = entering = self._context.tasks.spawn(self._enter(page, arguments), f"enter {key}")
        await asyncio.wait([entering])
        return True

    async def _may_leave(self, page: Page) -> bool:
        try:
            return await page.leave()
        except Exception as error:
            self._context.messages.banner(page.key, error)
            return False

    @property
    def has_draft(self) -> bool:
        return any(page.has_draft for page in self._pages.values())

    async def may_close(self) -> bool:
        """Every page with a draft is asked, not only the one that is shown."""
        for page in list(self._pages.values()):
            if page.has_draft:
                if page is not self._current and not await self.visit(page.key):
                    return False
                if not await self._may_leave(page):
                    return False
        return True

    async def _enter(self, page: Page, arguments: dict[str, Any]) -> None:
        self._wanted = (page.key, arguments)
        self._entered_well = False
        try:
            await page.enter(**arguments)
            self._entered_well = True
        except Exception as error:
            # While the relay is away the strip says so, and the page is entered again once it is back.
            if self._context.session.is_connected or getattr(error, "status", 0) != 503:
                self._context.messages.banner(page.key, error, lambda: self.navigate(page.key, **arguments))

    def _entry(self, key: str) -> PageEntry:
        return next(entry for entry in self._entries if entry.key == key)

    def _page(self, key: str) -> Page:
        page = self._pages.get(key)
        if page is None:
            page = self._pages[key] = self._entry(key).build(self._context)
            self.stack.addWidget(page)
        return page

    def refresh(self) -> None:
        if self._current is not None and self._context.session.is_connected:
            self._current.spawn(self._current.refresh(), "refresh")
        else:
            self._supervisor.try_again()

    def focus_search(self) -> None:
        if self._current is not None:
            self._current.focus_search()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.help.arrange()

    # --- the relay ---

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        self._relay = snapshot.status.relay
        self._show_relay()
        self._tell("on_snapshot", snapshot)

    def _on_connected(self) -> None:
        if self._current is not None and self._entered_well:
            self._tell("on_connected")
            return
        key, arguments = self._wanted or (self._first_page(), {})
        if key:
            self._context.tasks.spawn(self.visit(key, **arguments), f"visit {key}")

    def _first_page(self) -> str:
        """The first steps where nobody has taken or skipped them and there is no gateway yet."""
        snapshot, preferences = self._context.session.snapshot, self._context.preferences
        is_empty = snapshot is not None and not snapshot.gateways
        if is_empty and not preferences.flag("first-run/done") and any(e.key == "first-run" for e in self._entries):
            return "first-run"
        return self._listed[0].key if self._listed else ""

    def _on_event(self, event: EventMessage) -> None:
        if event.kind in ("mail.state", "delivery.paused", "delivery.resumed", "configuration.changed"):
            self._context.tasks.spawn(self._read_status(), "read the relay's state")
        self._tell("on_event", event)

    def _on_lost(self, _reason: str) -> None:
        self._tell("on_lost")

    async def _read_status(self) -> None:
        from ..model.errors import Unavailable

        try:
            self._relay = (await self._context.session.client.status()).relay
        except Unavailable:
            return  # it was lost meanwhile, which is shown anyway
        self._show_relay()

    def _tell(self, hook: str, *arguments: object) -> None:
        """Call a hook of the page that is shown; what it raises becomes its banner."""
        if self._current is not None:
            try:
                getattr(self._current, hook)(*arguments)
            except Exception as error:
                self._context.messages.banner(self._current.key, error)

    def _show_relay(self) -> None:
        status, session = self._supervisor.status, self._context.session
        elsewhere = session.elsewhere
        words = words_for(status, session.state, self._relay)
        self.sidebar.foot.show_relay(where(elsewhere), at(session.place, str(session.data_folder), status), words)
        for notice in (self.waiting.notice, self.relay_notice):
            notice.show_state(status, session.state)
        was_there = session.snapshot is not None
        self.relay_notice.setVisible(was_there and self.relay_notice.is_needed)
        self.notice.hold_back(not self.relay_notice.isHidden())
        self._show_mark()
        self.relay_shown.emit()

    def _show_mark(self) -> None:
        """Made when it is needed for the first time: most relays deliver all their mail."""
        found = mark_of(self._relay)
        if found is not None:
            if self.mark is None:
                self.mark = DeliveryMark(self.navigate, self._above)
                self._above.add(self.mark)
            self.mark.show_mark(found)
        if self.mark is not None:
            self.mark.setVisible(found is not None and self.relay_notice.isHidden())

    @property
    def relay(self) -> RelayReport | None:
        """The newest report; None before the first."""
        return self._relay

    def _do(self, offer: Offer) -> None:
        if offer is Offer.START_RELAY:
            self._supervisor.try_again()
        elif offer is Offer.START_SERVICE:
            self._context.tasks.spawn(self._places.start_service(self.sidebar.foot.button), "start the service")
        elif offer is not Offer.NOTHING:
            self._context.tasks.spawn(self._call(offer), f"relay: {offer}")

    async def _call(self, offer: Offer) -> None:
        foot = self.sidebar.foot
        foot.button.setEnabled(False)
        try:
            client = self._context.session.client
            calls = {Offer.START_MAIL: client.start, Offer.STOP_MAIL: client.stop, Offer.RESUME: client.resume}
            await calls[offer]()
            await self._read_status()
        except Exception as error:
            self._context.messages.banner(self._current.key if self._current else "", error, lambda: self._do(offer))
        finally:
            foot.button.setEnabled(True)

    # --- the end ---

    def _recolour(self) -> None:
        self.sidebar.recolour()
        for strip in (self.waiting.notice, self.relay_notice, self.notice, self.bug_strip, self.mark):
            if strip is not None:
                strip.recolour()

    def closeEvent(self, event: QCloseEvent) -> None:
        """The application decides: drafts are asked about, the relay may go on in the tray."""
        event.ignore()
        self.close_wanted.emit()

    def detach(self) -> None:
        """Hear nothing more, and show no page any more: another window has taken this one's place."""
        self._is_replaced = True
        session = self._context.session
        for signal, slot in (
            (self._supervisor.status_changed, self._show_relay),
            (session.state_changed, self._show_relay),
            (session.snapshot_arrived, self._on_snapshot),
            (session.connected, self._on_connected),
            (session.lost, self._on_lost),
            (session.happened, self._on_event),
            (theme().changed, self._recolour),
            (self._context.messages.banner_raised, self.notice.raise_notice),
            (self._context.messages.banner_cleared, self.notice.clear),
            (self._context.messages.bug_found, self.bug_strip.show_report),
        ):
            signal.disconnect(slot)
        self.hide()

    async def close_pages(self) -> None:
        if self._entering is not None:
            self._entering.cancel()
        pages_to_close, self._pages, self._current = list(self._pages.values()), {}, None
        self.notice.show_page("")
        self.stack.setCurrentWidget(self.waiting)
        for page in pages_to_close:
            await page.close_page()
            self.stack.removeWidget(page)
            page.deleteLater()
