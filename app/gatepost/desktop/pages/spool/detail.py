"""One message of the spool beside the list: recipients, timeline, headers, raw, and the route it would take now."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QTabWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from ....control.spool_schema import SpoolMessage
from ....control.tracking_schema import ExplainRequest
from ....model.errors import GatepostError, NotFound
from ....model.report import Explanation
from ...cards import Tone as BadgeTone
from ...context import AppContext
from ...i18n import mark, tr
from ...relay_texts import said
from ...theme import Role, icon, px, set_role
from ..lists.gateways import Gateways
from ..lists.list_page import Detail
from ..lists.raw import RawText, beginning, header_text, raw_text
from ..lists.route import RouteView
from ..lists.timeline import TimelineView
from .columns import facts_text, state_text, state_tone

_RECIPIENT_STATES = {
    "waiting": mark("Waiting"),
    "delivered": mark("Delivered"),
    "relayed": mark("Delivered"),
    "failed": mark("Failed"),
}


class SpoolDetail(Detail):
    """``show_message`` loads what the open tab needs; other tabs load when they are opened."""

    tracking_wanted = Signal(str)
    """queue id"""

    def __init__(
        self, context: AppContext, gateways: Gateways, spawn: Callable[[Coroutine[Any, Any, Any], str], object]
    ) -> None:
        super().__init__()
        self._context = context
        self._gateways = gateways
        self._spawn = spawn
        self._message: SpoolMessage | None = None
        self._loaded: set[int] = set()
        self.head.add("tracking", tr("Open in Tracking"), lambda: self.tracking_wanted.emit(self.queue_id))
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self._recipients = _RecipientTree()
        self._timeline = TimelineView(gateways)
        self._header = RawText(tr("Headers"))
        self._raw = RawText(tr("Raw message"))
        self._route = RouteView()
        self._route.recipient_wanted.connect(lambda _: self._spawn(self._load_route(), "explain the route"))
        for widget, text in (
            (self._recipients, tr("Recipients")),
            (self._timeline, tr("Timeline")),
            (self._header, tr("Headers")),
            (self._raw, tr("Raw")),
            (self._route, tr("Route")),
        ):
            self.tabs.addTab(widget, text)
        self.tabs.currentChanged.connect(lambda _: self._load_tab())
        self.column.addWidget(self.tabs, 1)

    def show_message(self, queue_id: str) -> None:
        """Another one, or the same one anew."""
        is_other = queue_id != self.queue_id
        self.queue_id = queue_id
        if is_other:
            self._message = None
            self._loaded.clear()
            self.head.clear(queue_id)
            self._recipients.clear()
            self._timeline.clear()
            self._header.setPlainText("")
            self._raw.setPlainText("")
            self._route.clear()
        self._spawn(self._load(queue_id), "show a message")

    async def _load(self, queue_id: str) -> None:
        try:
            message = await self._context.session.client.spool_message(queue_id)
        except NotFound:
            if queue_id == self.queue_id:
                facts = tr("{id} · It was delivered or removed. Tracking tells its story.", id=queue_id)
                self.head.tell_state(tr("Left the spool"), BadgeTone.NEUTRAL, facts)
                self._loaded.discard(1)
                self._load_tab()
            return
        if queue_id != self.queue_id:
            return
        self._message = message
        states = [delivery.state for delivery in message.deliveries]
        state = next((s for s in ("held", "deferred", "waiting") if s in states), "waiting")
        tone = BadgeTone(state_tone(state).value)
        facts = facts_text(message.queue_id, message.envelope.sender, message.size, message.received_at)
        self.head.tell(state_text(state), tone, message.subject, facts)
        self._recipients.show_message(message, self._gateways)
        before = self._route.recipient
        self._route.set_recipients([recipient.address for d in message.deliveries for recipient in d.recipients])
        if self._route.recipient != before:
            self._route.clear()
            self._loaded.discard(4)
        self._loaded.discard(1)  # the story may have gone on
        self._load_tab()

    def _load_tab(self) -> None:
        number = self.tabs.currentIndex()
        if not self.queue_id or number in self._loaded:
            return
        work = {1: self._load_timeline, 2: self._load_content, 3: self._load_content, 4: self._load_route}.get(number)
        if work is not None:
            self._spawn(work(), "show a part of a message")

    @contextmanager
    def _again_if_it_fails(self, queue_id: str, *tabs: int) -> Iterator[None]:
        """A tab that could not be loaded is tried again when it is opened the next time, or when the message is shown anew."""
        try:
            yield
        except BaseException:
            if queue_id == self.queue_id:
                self._loaded.difference_update(tabs)
            raise

    async def _load_timeline(self) -> None:
        queue_id = self.queue_id
        self._loaded.add(1)
        try:
            with self._again_if_it_fails(queue_id, 1):
                story = await self._context.session.client.timeline(queue_id)
        except NotFound:
            return
        if queue_id == self.queue_id:
            self._timeline.show_story(story)

    async def _load_content(self) -> None:
        queue_id = self.queue_id
        self._loaded |= {2, 3}
        try:
            with self._again_if_it_fails(queue_id, 2, 3):
                head = await beginning(self._context.session.client.spool_content(queue_id))
        except NotFound:
            return
        if queue_id == self.queue_id:
            size = self._message.size if self._message is not None else len(head)
            self._header.setPlainText(header_text(head))
            self._raw.setPlainText(raw_text(head, size))

    async def _load_route(self) -> None:
        if self._message is None:
            return
        queue_id, envelope = self.queue_id, self._message.envelope
        self._loaded.add(4)
        recipient = self._route.recipient
        if not recipient:
            return
        origin = envelope.origin
        request = ExplainRequest(sender=envelope.sender or "<>", recipient=recipient)
        if origin is not None:
            request = request.model_copy(update={"client": _address(origin.client), "user": origin.user})
        try:
            with self._again_if_it_fails(queue_id, 4):
                found: Explanation = await self._context.session.client.explain(request)
        except GatepostError as error:
            if (queue_id, recipient) == (self.queue_id, self._route.recipient):
                self._route.show_problem(said(str(error)))
            return
        if (queue_id, recipient) == (self.queue_id, self._route.recipient):
            self._route.show_explanation(found)


def _address(client: str) -> str:
    """Clients are recorded as the relay saw them; a route is explained for an address or for nobody."""
    import ipaddress

    try:
        return str(ipaddress.ip_address(client))
    except ValueError:
        return ""


class _RecipientTree(QTreeWidget):
    """A branch for each next hop, below it its recipients."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Recipients"))
        self.setHeaderLabels([tr("Recipient"), tr("State"), tr("Last reply")])
        self.setUniformRowHeights(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setIndentation(px(14))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        set_role(self, Role.EMBEDDED)
        header = self.header()
        header.setMinimumSectionSize(px(40))
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)

    def show_message(self, message: SpoolMessage, gateways: Gateways) -> None:
        self.clear()
        for delivery in message.deliveries:
            reason = said(delivery.hold or delivery.last_reply)
            words = tr("By {way}", way=gateways.lane_text(delivery.lane))
            branch = QTreeWidgetItem([words, state_text(delivery.state), reason])
            branch.setIcon(0, icon("send"))
            branch.setToolTip(2, reason)
            self.addTopLevelItem(branch)
            for recipient in delivery.recipients:
                state = tr(_RECIPIENT_STATES.get(recipient.state, recipient.state))
                item = QTreeWidgetItem([recipient.address, state, said(recipient.last_reply)])
                item.setToolTip(0, recipient.address)
                item.setToolTip(2, said(recipient.last_reply))
                branch.addChild(item)
            branch.setExpanded(True)
