"""A message in quarantine as it may be looked at: who it is from, its text or its HTML made harmless, what is attached."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from ...cards import Facts, FilterChips, label, line, rows
from ...i18n import tr
from ...theme import Role, px
from ...words import size_text
from ..lists.mail_reader import MailReader, Spawn
from .mail_parts import Preview


class PreviewView(QWidget):
    def __init__(self, spawn: Spawn) -> None:
        super().__init__()
        self._preview = Preview()
        outer = rows(self, gap=8)
        outer.setContentsMargins(0, px(12), 0, px(4))
        self._facts = Facts()
        outer.addWidget(self._facts)
        bar = line(gap=8)
        self._kinds = FilterChips(tr("Shown as"), [("text", tr("Text")), ("html", tr("Formatted"))])
        self._kinds.chosen.connect(lambda _: self._show())
        bar.addWidget(self._kinds)
        bar.addStretch(1)
        outer.addLayout(bar)
        self.reader = MailReader(spawn, tr("The message is in quarantine; its links may do harm."))
        self.browser = self.reader.browser
        outer.addWidget(self.reader, 1)
        self._attachments = label("", Role.MUTED, wrap=True, selectable=True)
        outer.addWidget(self._attachments)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low pane the message itself has the room: who it is from stands above it anyway."""
        super().resizeEvent(event)
        self._facts.setVisible(event.size().height() >= self.fontMetrics().height() * 14)

    def clear(self) -> None:
        """Of the next message nothing is known yet."""
        self.show_preview(Preview())
        self.reader.show_text("")

    def show_preview(self, preview: Preview) -> None:
        self._preview = preview
        self._facts.set(preview.headers)
        both = bool(preview.text and preview.html)
        self._kinds.setVisible(both)
        self._kinds.choose("text" if preview.text else "html")
        named = [
            tr("{name} ({kind}, {size})", name=found.name or tr("without a name"), kind=found.kind, size=size_text(found.size))
            for found in preview.attachments
        ]
        self._attachments.setText(tr("Attachments: {names}", names=", ".join(named)) if named else "")
        self._attachments.setVisible(bool(named))
        self._show()

    def _show(self) -> None:
        preview = self._preview
        if preview.problem:
            self.reader.show_text(tr("This message cannot be taken apart. Its raw text is beside, under Raw."))
        elif preview.html and (self._kinds.current == "html" or not preview.text):
            self.reader.show_html(preview.html, preview.pictures)
        else:
            self.reader.show_text(preview.text or tr("There is no text in this message."))
