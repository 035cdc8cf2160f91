"""One captured message: HTML that does nothing, text, headers, source, parts, attachments. What it has not got has no tab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QTabWidget, QWidget

from ....control.capture_schema import CapturedMessage, CapturedPart
from ....model.errors import NotFound
from ....model.mail import cleaned
from ...cards import Banner, Disclosure, Tone, label, rows
from ...context import AppContext
from ...i18n import ntr, tr
from ...relay_texts import said
from ...theme import Role, px
from ...words import moment_text, size_text
from ..lists.file_names import safe_name, unused
from ..lists.list_page import Detail
from ..lists.mail_reader import MailReader, Spawn
from ..lists.raw import RawText, beginning, raw_text, shown
from ..lists.saving import ask_file, ask_folder, write
from ..quarantine.mail_parts import MAX_PICTURE, MAX_PICTURES, PICTURES
from ..spool.columns import sender_text
from .columns import captured_by, recipients_text, state_text, state_tip, state_tone
from .parts_view import PartsView, leaves

if TYPE_CHECKING:
    from collections.abc import Callable

_ENDINGS = {
    "text/plain": ".txt", "text/html": ".html", "message/rfc822": ".eml", "image/png": ".png", "image/jpeg": ".jpg",
    "image/gif": ".gif", "image/webp": ".webp", "application/pdf": ".pdf",
}  # fmt: skip
MOST_NAMED = 20
"""Addresses of what was not loaded."""
MOST_REMOTE = 50
"""The relay counts no further."""


class CapturedDetail(Detail):
    """``queue_id`` is the id of the captured message, as text."""

    tracking_wanted = Signal(str)
    """queue id"""
    release_wanted = Signal()
    delete_wanted = Signal()
    said = Signal(str)
    """what was done, for the foot of the list"""

    def __init__(self, context: AppContext, spawn: Spawn, names: Callable[[], Mapping[str, str]]) -> None:
        super().__init__()
        self._context = context
        self._spawn = spawn
        self._names = names
        self.message: CapturedMessage | None = None
        self._has_source = False
        self.head.add("send", tr("Release…"), self.release_wanted.emit)
        self.head.add("tracking", tr("Open in Tracking"), self._track)
        self.head.add("delete", tr("Delete"), self.delete_wanted.emit)
        self.trouble = Banner(Tone.WARNING)
        self.trouble.hide()
        self.column.addWidget(self.trouble)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.html = _HtmlView(spawn)
        self.text = RawText(tr("Text"))
        self.headers = RawText(tr("Headers"))
        self.source = RawText(tr("Source"))
        self.parts = PartsView(tr("Parts"), says_more=True)
        self.attachments = PartsView(tr("Attachments"), says_more=False)
        for view in (self.parts, self.attachments):
            view.save_wanted.connect(lambda chosen: self._spawn(self._save(chosen), "save parts"))
        for widget, title in (
            (self.html, tr("HTML")),
            (self.text, tr("Text")),
            (self.headers, tr("Headers")),
            (self.source, tr("Source")),
            (self.parts, tr("Parts")),
            (self.attachments, tr("Attachments")),
        ):
            self.tabs.addTab(widget, title)
        self.tabs.currentChanged.connect(lambda _: self._load_source())
        self.column.addWidget(self.tabs, 1)
        self.setMinimumSize(px(320), px(170))  # above it stand trays, search and buttons, also with text of 200 %

    def _track(self) -> None:
        if self.message is not None:
            self.tracking_wanted.emit(self.message.row.queue_id)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low pane the message itself has the room."""
        super().resizeEvent(event)
        self.head.show_facts(event.size().height() >= self.fontMetrics().height() * 18)

    # --- showing ---

    def show_message(self, queue_id: str) -> None:
        if queue_id == self.queue_id:
            return
        self.queue_id, self.message, self._has_source = queue_id, None, False
        self.head.clear("")
        self._clear()
        self._spawn(self._load(queue_id), "show a message")

    def _clear(self) -> None:
        """Nothing of the message before stands below the name of the next one."""
        self.trouble.hide()
        self.html.show_message("", ())
        for view in (self.text, self.headers, self.source):
            view.clear()
        for parts in (self.parts, self.attachments):
            parts.show_parts(())

    async def _load(self, queue_id: str) -> None:
        try:
            with self._loading(queue_id):
                message = await self._context.session.client.captured_message(int(queue_id))
        except NotFound:
            if queue_id == self.queue_id:
                self.head.tell_state(tr("Gone"), Tone.NEUTRAL, tr("It was deleted, or its time was over."))
            return
        if queue_id == self.queue_id:
            self._show(message)

    def _show(self, message: CapturedMessage) -> None:
        self.message = message
        row = message.row
        facts = tr(
            "From {sender} to {recipients} · {size} · captured {moment} by {where}",
            sender=sender_text(row.sender),
            recipients=recipients_text(row),
            size=size_text(row.size),
            moment=moment_text(row.received_at),
            where=captured_by(row, self._names()),
        )
        self.head.tell(state_text(row), Tone(state_tone(row).value), row.subject, facts)
        self.head.badge.setToolTip(state_tip(row))
        self._tell_trouble(message)
        html = cleaned(message.clean_html) if message.clean_html else ""  # once more: the relay may be another one
        self.html.show_message(html, message.remote)
        self.text.setPlainText(visible(message.text))
        self.headers.setPlainText("\n".join(f"{one.name}: {visible(one.value)}" for one in message.headers))
        self.source.clear()
        structure = (message.structure,) if message.structure is not None else ()
        self.parts.show_parts(structure)
        self.attachments.show_parts(message.attachments)
        self._show_tabs(
            {
                self.html: bool(html),
                self.text: bool(message.text),
                self.headers: bool(message.headers),
                self.source: True,
                self.parts: bool(structure and structure[0].parts),
                self.attachments: bool(message.attachments),
            }
        )
        self._load_source()
        wanted = pictures_of(structure, html)
        if wanted:
            self._spawn(self._load_pictures(self.queue_id, html, wanted), "load pictures")

    def _show_tabs(self, has: Mapping[QWidget, bool]) -> None:
        """The one that was looked at stays where this message has it, too."""
        kept = self.tabs.currentWidget()
        for widget, is_there in has.items():
            self.tabs.setTabVisible(self.tabs.indexOf(widget), is_there)
        if not has.get(kept, False):
            self.tabs.setCurrentWidget(next(widget for widget, is_there in has.items() if is_there))

    def _tell_trouble(self, message: CapturedMessage) -> None:
        self.trouble.setVisible(bool(message.problem or message.truncated))
        if message.problem:
            self.trouble.tell(Tone.WARNING, tr("This message cannot be taken apart."), said(message.problem))
        elif message.truncated:
            detail = tr("Its source, saved as .eml, has all of it.")
            self.trouble.tell(Tone.WARNING, tr("Only the beginning of this message is shown."), detail)

    def _load_source(self) -> None:
        if self.tabs.currentWidget() is self.source and self.message is not None and not self._has_source:
            self._has_source = True
            self._spawn(self._fetch_source(self.message), "load the source")

    async def _fetch_source(self, message: CapturedMessage) -> None:
        try:
            with self._loading(str(message.row.id)):
                head = await beginning(self._context.session.client.captured_content(message.row.id))
        except NotFound:
            return
        if message is self.message:
            self.source.setPlainText(raw_text(head, message.row.size))

    async def _load_pictures(self, queue_id: str, html: str, wanted: Sequence[CapturedPart]) -> None:
        client, pictures = self._context.session.client, dict[str, bytes]()
        for part in wanted:
            try:
                pictures[part.content_id] = await beginning(client.captured_part(int(queue_id), part.number), MAX_PICTURE)
            except NotFound:
                return
        if queue_id == self.queue_id:
            self.html.reader.show_html(html, pictures)

    # --- saving ---

    async def _save(self, chosen: Sequence[CapturedPart]) -> None:
        """One by a name that is proposed, several into a folder, where nothing is overwritten."""
        if self.message is None:
            return
        identifier, client = self.message.row.id, self._context.session.client
        if len(chosen) == 1:
            path = await ask_file(self, tr("Save a part"), part_name(chosen[0]))
            if path is not None:
                await write(client.captured_part(identifier, chosen[0].number), path)
                self.said.emit(tr("Saved to {where}.", where=path))
            return
        folder = await ask_folder(self, tr("Choose a folder for the parts"))
        if folder is not None:
            await self._save_into(folder, identifier, chosen)

    async def _save_into(self, folder: Path, identifier: int, chosen: Sequence[CapturedPart]) -> None:
        client = self._context.session.client
        for part in chosen:
            await write(client.captured_part(identifier, part.number), unused(folder, part_name(part)))
        self.said.emit(ntr("{n} part was saved to {where}.", "{n} parts were saved to {where}.", len(chosen), where=folder))


class _HtmlView(QWidget):
    """The HTML, and above it what it would have loaded from elsewhere."""

    def __init__(self, spawn: Spawn) -> None:
        super().__init__()
        outer = rows(self, gap=6)
        outer.setContentsMargins(0, px(8), 0, 0)
        self.blocked = Disclosure("")
        self._named = label("", Role.MUTED, wrap=True, selectable=True)
        self.blocked.add(self._named)
        outer.addWidget(self.blocked)
        self.reader = MailReader(spawn, tr("The message was captured; whoever sent it chose its links."))
        outer.addWidget(self.reader, 1)

    def show_message(self, html: str, remote: Sequence[str]) -> None:
        self.blocked.setVisible(bool(remote))
        self.blocked.open(False)
        if len(remote) >= MOST_REMOTE:
            text = tr("At least {n} things from elsewhere were not loaded", n=len(remote))
        else:
            text = ntr("{n} thing from elsewhere was not loaded", "{n} things from elsewhere were not loaded", len(remote))
        self.blocked.button.setText(text)
        more = ["…"] if len(remote) > MOST_NAMED else []
        self._named.setText("\n".join([*(visible(one) for one in remote[:MOST_NAMED]), *more]))
        self.reader.show_html(html, {})


def visible(text: str) -> str:
    """Controls as their pictures."""
    return shown(text.encode("utf-8", "replace"))


def part_name(part: CapturedPart) -> str:
    """What a file of it is proposed to be called."""
    return safe_name(part.filename, f"part-{part.number}{_ENDINGS.get(part.content_type, '.bin')}")


def pictures_of(structure: Sequence[CapturedPart], html: str) -> list[CapturedPart]:
    """Pictures inside the message that its HTML shows, as many and as large as is reasonable."""
    text = unquote(html)
    found = [
        part
        for part in leaves(structure)
        if part.content_type in PICTURES
        and 0 < part.size <= MAX_PICTURE
        and part.content_id
        and f"cid:{part.content_id}" in text
    ]
    return found[:MAX_PICTURES]
