"""Settings → Virus scan: clamd, and what happens to what it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....model.spam import VirusPolicy
from ...cards import Card
from ...i18n import tr
from .fields import seconds, show_when
from .form_section import FormSection

if TYPE_CHECKING:
    from ..page import Page


class VirusSection(FormSection):
    def __init__(self, page: Page) -> None:
        subtitle = tr("Mail that strangers hand in is scanned by ClamAV's clamd before it is accepted.")
        super().__init__(page, tr("Virus scan"), subtitle, VirusPolicy, "virus")

    def build(self) -> None:
        fields = self.fields
        card = Card(tr("Scanner"))
        card.add_fields(fields.switch("enabled", tr("Scan for viruses")))
        self.socket = fields.text(
            "socket",
            tr("Socket of clamd"),
            tr("A path; empty to use the host and port instead."),
            placeholder="/run/clamav/clamd.ctl",
        )
        card.add_fields(self.socket)
        self.network = card.add_fields((fields.text("host", tr("Host")), 3), (fields.number("port", tr("Port")), 1))
        card.add_fields(fields.number("timeout_seconds", tr("Wait at most"), seconds(), decimals=True))
        self.body.add(card)
        found = Card(tr("What happens"))
        self.days = fields.number("quarantine_days", tr("Keep in quarantine for"), tr("days"))
        found.add_fields(
            fields.choice(
                "infected",
                tr("Infected mail"),
                (
                    ("quarantine", tr("Quarantine")),
                    ("delete", tr("Delete")),
                    ("bounce", tr("Refuse")),
                ),
                tr("Deleted mail is accepted and dropped; it stays in Tracking."),
            ),
            self.days,
        )
        found.add_fields(
            fields.choice(
                "scanner_down",
                tr("When the scanner does not answer"),
                (
                    ("defer", tr("Answer 451: the sender tries again")),
                    ("accept-with-header", tr("Accept, and say so in a header")),
                ),
            )
        )
        self.body.add(found)

    def follow(self) -> None:
        show_when(not self.model.get("socket"), self.network)
        show_when(self.model.get("infected") == "quarantine", self.days)
