"""Settings → Kept mail: how long the test inbox keeps what was captured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QPushButton

from ....model.capture import InboxSettings
from ...cards import Card
from ...i18n import tr
from .form_section import FormSection

if TYPE_CHECKING:
    from ..page import Page


class InboxSection(FormSection):
    def __init__(self, page: Page) -> None:
        subtitle = tr("Captured mail is for tests: it goes by itself. A tray may have its own limits.")
        super().__init__(page, tr("Kept mail"), subtitle, InboxSettings, "inbox")

    def build(self) -> None:
        card = Card(tr("In every tray"), tr("What is older, or too much, goes within a minute or two: the oldest first."))
        card.add_fields(
            self.fields.number("keep_days", tr("Days")),
            self.fields.number("keep_messages", tr("Messages at most")),
        )
        self.body.add(card)
        self.show_inbox = QPushButton(tr("Show the test inbox"))
        self.show_inbox.clicked.connect(lambda: self.context.navigate("inbox"))
        self.header.add_action(self.show_inbox)
