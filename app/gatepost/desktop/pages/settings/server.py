"""Settings → Server: who the relay says it is, and how long it remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....model.fields import Model
from ....model.settings import RetentionSettings, ServerSettings
from ...cards import Card, Facts
from ...i18n import tr
from ...relay_texts import said
from ...words import moment_text
from .form_section import FormSection

if TYPE_CHECKING:
    from ..page import Page


class _Shown(Model):
    server: ServerSettings
    retention: RetentionSettings


class ServerSection(FormSection):
    def __init__(self, page: Page) -> None:
        subtitle = tr("Who the relay says it is, and how long it remembers.")
        super().__init__(page, tr("Server"), subtitle, _Shown, "settings", "server", "retention")

    def build(self) -> None:
        fields = self.fields
        identity = Card(tr("Identity"))
        self.host_name = fields.text(
            "server.host_name",
            tr("Host name"),
            tr("Greets clients and other servers. It should be the name that DNS has for this server's address."),
            empty_is_none=True,
        )
        identity.add_fields(
            self.host_name,
            fields.text(
                "server.postmaster",
                tr("Postmaster"),
                tr("Gets mail for postmaster at this server's own name."),
                placeholder="admin@example.com",
                empty_is_none=True,
            ),
        )
        self.body.add(identity)
        kept = Card(tr("Tracking"))
        kept.add_fields(
            fields.number(
                "retention.journal_days",
                tr("Keep the history of messages for"),
                tr("days"),
                tr("What Tracking can find. Older entries are deleted; mail that still waits is not affected."),
            )
        )
        self.body.add(kept)
        about = Card(tr("This relay"))
        self.facts = Facts()
        about.add(self.facts)
        self.body.add(about)

    async def load(self) -> None:
        await super().load()
        relay = (await self.context.session.client.status()).relay
        field = self.host_name.field
        field.setPlaceholderText(relay.host_name)  # type: ignore[attr-defined]
        self.facts.set(
            (
                (tr("Version"), relay.version),
                (tr("Running since"), moment_text(relay.started_at)),
                (tr("Data folder"), relay.data_folder),
                (tr("Passwords are kept in"), said(relay.vault.label)),
                (tr("Revision of the configuration"), str(relay.revision)),
            )
        )
