"""Settings → TLS certificates: which listener uses which, whose it is and how long it is valid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QPushButton

from ...cards import Card, EmptyState
from ...i18n import tr
from ..wording import Plain, listener_name
from .certificate_fields import CertificateView
from .section import Section

if TYPE_CHECKING:
    from ....model.report import CertificateReport
    from ..page import Page


class CertificatesSection(Section):
    def __init__(self, page: Page) -> None:
        subtitle = tr(
            "What each listener shows to its clients. Files that were renewed are read when the listener is saved again."
        )
        super().__init__(page, tr("TLS certificates"), subtitle)
        self._cards: list[Card] = []
        self._shown: object = None

    async def load(self) -> None:
        client = self.context.session.client
        found = await client.certificates()
        listeners = (await client.objects("listeners")).value
        ports = {report.id: report.port for report in (await client.status()).relay.listeners}
        listeners = [one | {"port": ports.get(one["id"], one["port"])} for one in listeners]
        if (found, listeners) != self._shown:
            self._shown = (found, listeners)
            self._show(found, {one["id"]: one for one in listeners})

    def _show(self, found: Sequence[CertificateReport], listeners: dict[str, Plain]) -> None:
        for card in self._cards:
            card.hide()
            card.deleteLater()
        self._cards = [self._card(report, listeners[report.listener]) for report in found if report.listener in listeners]
        if not self._cards:
            card = Card()
            text = tr("Switch encryption on for a listener to give it a certificate.")
            empty = EmptyState("lock", tr("No listener is encrypted"), text)
            empty.add_action(tr("Open listeners"), lambda: self.context.navigate("settings", section="listeners"))
            card.add(empty)
            self._cards = [card]
        for card in self._cards:
            self.body.add(card)

    def _card(self, report: CertificateReport, listener: Plain) -> Card:
        card = Card(listener_name(listener))
        button = QPushButton(tr("Choose other files"))
        button.setAccessibleDescription(listener_name(listener))
        button.clicked.connect(lambda: self.context.navigate("settings", section="listeners", id=report.listener))
        card.add_to_header(button)
        view = CertificateView()
        view.tell(report)
        card.add(view)
        return card

    async def open(self, **arguments: Any) -> None:
        await self.load()
