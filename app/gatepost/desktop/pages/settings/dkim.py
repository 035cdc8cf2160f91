"""Settings → DKIM keys: mail of our own domains is signed, once the public key is in DNS."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtGui import QGuiApplication, QTextOption
from PySide6.QtWidgets import QPlainTextEdit, QPushButton, QWidget

from ....model.dkim import DkimKey
from ...cards import Banner, Card, Flow, Tone, label, rows
from ...i18n import tr
from ...relay_texts import said
from ...theme import Role, icon, monospace, px, set_role
from ..wording import Plain
from .fields import show_when
from .object_section import Line, ObjectSection, Words, enabled_badge

if TYPE_CHECKING:
    from ....model.report import DkimCheck
    from ..page import Page

_TONES = {"published": Tone.GOOD, "absent": Tone.WARNING, "differs": Tone.BAD, "no-answer": Tone.NEUTRAL}


class DkimSection(ObjectSection):
    collection = "dkim-keys"
    kind = DkimKey
    draft: ClassVar[Plain] = {"domain": "", "selector": "gatepost", "algorithm": "rsa-2048", "enabled": False}
    stays_after_add: ClassVar[bool] = True
    """The record that is to be published is shown next."""

    def __init__(self, page: Page) -> None:
        super().__init__(
            page,
            Words(
                title=tr("DKIM keys"),
                subtitle=tr(
                    "Mail of these domains that leaves through this relay is signed, so that others can tell it is real."
                ),
                add=tr("Add a key"),
                new=tr("New DKIM key"),
                empty=tr("No mail is signed"),
                empty_text=tr("Add a key for a domain; Gatepost makes it and says what to put into DNS."),
                icon="key",
                consequence=tr("Its private key is deleted, and mail of the domain is not signed any more."),
            ),
        )

    def build_editor(self) -> None:
        fields = self.fields
        card = Card(tr("Key"))
        self.algorithm = fields.choice(
            "algorithm",
            tr("Algorithm"),
            (("rsa-2048", "RSA 2048"), ("ed25519", "Ed25519")),
            tr("RSA is understood everywhere; Ed25519 is not yet."),
        )
        card.add_fields(
            fields.text("domain", tr("Domain"), placeholder="example.com"),
            fields.text("selector", tr("Selector"), tr("Names this key among those of the domain.")),
            self.algorithm,
        )
        self.enabled = fields.switch("enabled", tr("Sign mail with this key"), tr("Only once DNS publishes the record below."))
        card.add_fields(self.enabled)
        self.column.addWidget(card)
        self.record = self._build_record()
        self.column.addWidget(self.record)

    def _build_record(self) -> Card:
        card = Card(tr("DNS record"), tr("Publish this TXT record for the domain, then check it."))
        self.record_name = label("", wrap=True, selectable=True, mono=True)
        self.record_text = QPlainTextEdit()
        self.record_text.setReadOnly(True)
        self.record_text.setFont(monospace())
        self.record_text.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)
        self.record_text.setTabChangesFocus(True)
        self.record_text.setFixedHeight(self.record_text.fontMetrics().lineSpacing() * 7 + px(16))
        card.add(self._copied(tr("Name"), self.record_name, self.record_name.text))
        card.add(self._copied(tr("Content"), self.record_text, self.record_text.toPlainText))
        self.check = QPushButton(icon("refresh"), tr("Check DNS"))
        self.check.clicked.connect(lambda: self.spawn(self.look_up(), "check DNS"))
        holder = QWidget()
        flow = Flow(holder)
        flow.addWidget(self.check)
        card.add(holder)
        self.found = Banner()
        self.found.hide()
        card.add(self.found)
        return card

    def _copied(self, caption: str, shown: QWidget, text: Callable[[], str]) -> QWidget:
        holder = QWidget()
        column = rows(holder, gap=4)
        column.addWidget(label(caption, Role.MUTED))
        column.addWidget(shown)
        shown.setAccessibleName(caption)
        button = QPushButton(icon("copy", "accent"), tr("Copy"))
        button.setAccessibleName(tr("Copy: {name}", name=caption))
        set_role(button, Role.LINK)
        button.clicked.connect(lambda: QGuiApplication.clipboard().setText(text()))
        line_of_button = QWidget()
        flow = Flow(line_of_button)
        flow.addWidget(button)
        column.addWidget(line_of_button)
        return holder

    def filled(self) -> None:
        self.found.hide()

    def follow(self) -> None:
        is_new = self.model.is_new
        show_when(not is_new, self.record, self.enabled)
        self.algorithm.field.setEnabled(is_new)
        domain, selector = self.model.get("domain"), self.model.get("selector")
        kind = "rsa" if self.model.get("algorithm") == "rsa-2048" else "ed25519"
        self.record_name.setText(f"{selector}._domainkey.{domain}")
        self.record_text.setPlainText(f"v=DKIM1; k={kind}; p={self.model.get('public_key') or ''}")

    async def look_up(self) -> None:
        """Compare the key with what DNS publishes."""
        self.check.setEnabled(False)
        try:
            self._tell(await self.context.session.client.check_dkim_key(str(self.model.get("id"))))
        finally:
            self.check.setEnabled(True)

    def _tell(self, check: DkimCheck) -> None:
        words = {
            "published": tr("DNS publishes this key."),
            "absent": tr("DNS has no TXT record of this name yet."),
            "differs": tr("DNS publishes something else under this name."),
        }.get(check.state.value) or said(check.text)
        self.found.tell(_TONES.get(check.state.value, Tone.NEUTRAL), words, "\n".join(check.found))
        self.found.show()

    def line(self, one: Plain) -> Line:
        word, tone = enabled_badge(one) if one["enabled"] else (tr("Not signing"), Tone.WARNING)
        algorithm = "RSA 2048" if one["algorithm"] == "rsa-2048" else "Ed25519"
        return Line(str(one["domain"]), f"{one['selector']}._domainkey · {algorithm}", word, tone)
