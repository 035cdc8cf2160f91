"""One message in quarantine: why it is there, a safe preview, headers, raw."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QTabWidget, QWidget

from ....control.spool_schema import QuarantineEntry
from ....model.errors import NotFound
from ...cards import Banner, Facts, Scrolled, Tone, rows
from ...context import AppContext
from ...i18n import tr
from ...theme import px
from ..lists.gateways import Gateways
from ..lists.list_page import Detail
from ..lists.raw import RawText, beginning, header_text, raw_text
from ..lists.timeline import Arithmetic
from ..spool.columns import facts_text, sender_text
from .columns import kept_text, reason_text, why_text, why_tone
from .mail_parts import MAX_OCTETS, preview_of
from .preview import PreviewView

_WHY = 0


class QuarantineDetail(Detail):
    tracking_wanted = Signal(str)
    """queue id"""

    def __init__(
        self, context: AppContext, gateways: Gateways, spawn: Callable[[Coroutine[Any, Any, Any], str], object]
    ) -> None:
        super().__init__()
        self._context = context
        self._gateways = gateways
        self._spawn = spawn
        self._entry: QuarantineEntry | None = None
        self._has_content = False
        self.head.add("tracking", tr("Open in Tracking"), lambda: self.tracking_wanted.emit(self.queue_id))
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self._why = _Why()
        self.preview = PreviewView(spawn)
        self._header = RawText(tr("Headers"))
        self._raw = RawText(tr("Raw message"))
        for widget, text in (
            (self._why, tr("Why")),
            (self.preview, tr("Preview")),
            (self._header, tr("Headers")),
            (self._raw, tr("Raw")),
        ):
            self.tabs.addTab(widget, text)
        self.tabs.currentChanged.connect(lambda _: self._load_tab())
        self.column.addWidget(self.tabs, 1)

    def show_message(self, queue_id: str) -> None:
        if queue_id == self.queue_id:
            return
        self.queue_id, self._entry, self._has_content = queue_id, None, False
        self.head.clear(queue_id)
        self._clear()
        self._spawn(self._load(queue_id), "show a message")

    def _clear(self) -> None:
        """Nothing of the message before stands below the name of the next one."""
        self._why.clear()
        self.preview.clear()
        self._header.clear()
        self._raw.clear()

    async def _load(self, queue_id: str) -> None:
        try:
            with self._loading(queue_id):
                entry = await self._context.session.client.quarantine_entry(queue_id)
        except NotFound:
            if queue_id == self.queue_id:
                words = tr("{id} · It was released or deleted.", id=queue_id)
                self.head.tell_state(tr("Left the quarantine"), Tone.NEUTRAL, words)
            return
        if queue_id != self.queue_id:
            return
        self._entry = entry
        row = entry.row
        facts = facts_text(row.queue_id, row.sender, row.size, row.received_at)
        self.head.tell(why_text(row), Tone(why_tone(row).value), row.subject, facts)
        self._why.show_entry(entry, self._gateways)
        self._load_tab()

    def _load_tab(self) -> None:
        if self.tabs.currentIndex() != _WHY and self._entry is not None and not self._has_content:
            self._has_content = True
            self._spawn(self._load_content(self._entry), "preview a message")

    async def _load_content(self, entry: QuarantineEntry) -> None:
        queue_id = entry.row.queue_id
        try:
            with self._loading(queue_id):
                head = await beginning(self._context.session.client.quarantine_content(queue_id), MAX_OCTETS)
        except NotFound:
            return
        preview = await asyncio.to_thread(preview_of, head)
        if queue_id == self.queue_id:
            self.preview.show_preview(preview)
            self._header.setPlainText(header_text(head))
            self._raw.setPlainText(raw_text(head, entry.row.size))


class _Why(QScrollArea):
    """In one sentence, then the sum, then who and where."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(tr("Why"))
        holder = Scrolled()
        self._column = rows(holder, gap=14)
        self._column.setContentsMargins(0, px(12), px(12), px(12))
        self._banner = Banner(Tone.WARNING, "…")
        self._column.addWidget(self._banner)
        self._sum: Arithmetic | None = None
        self._facts = Facts()
        self._column.addWidget(self._facts)
        self._column.addStretch(1)
        self.setWidget(holder)

    def clear(self) -> None:
        self._facts.set(())
        self._banner.hide()
        if self._sum is not None:
            self._column.removeWidget(self._sum)
            self._sum.hide()
            self._sum.deleteLater()
            self._sum = None

    def show_entry(self, entry: QuarantineEntry, gateways: Gateways) -> None:
        self.clear()
        row = entry.row
        self._banner.tell(Tone.BAD if row.kind == "virus" else Tone.WARNING, why_text(row), reason_text(row))
        self._banner.show()
        if entry.parts:
            self._sum = Arithmetic(entry.parts)
            self._column.insertWidget(1, self._sum)
        gateway = gateways[row.gateway]
        self._facts.set(
            (
                (tr("From"), sender_text(row.sender)),
                (tr("To"), ", ".join(entry.recipients)),
                (tr("Client"), " ".join(filter(None, (entry.client, f"({entry.helo})" if entry.helo else "")))),
                (tr("Message-ID"), entry.message_id_header),
                (tr("Gateway"), gateway.label if gateway is not None else row.gateway),
                (tr("Kept for"), kept_text(row)),
            )
        )
