"""Settings → Pickup folder: messages that programs put down as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....model.fields import Model
from ....model.pickup import PickupSettings
from ...cards import Banner, Card, Tone
from ...i18n import tr
from ...relay_texts import said
from .fields import show_when
from .form_section import FormSection

if TYPE_CHECKING:
    from ..page import Page


class _Shown(Model):
    pickup: PickupSettings


class PickupSection(FormSection):
    def __init__(self, page: Page) -> None:
        subtitle = tr("Programs that cannot speak SMTP put their messages down as files.")
        super().__init__(page, tr("Pickup folder"), subtitle, _Shown, "settings", "pickup")

    def build(self) -> None:
        fields = self.fields
        card = Card(tr("Pickup folder"))
        self.problem = Banner(Tone.BAD)
        self.problem.hide()
        card.add(self.problem)
        card.add_fields(
            fields.switch(
                "pickup.enabled",
                tr("Send files of a folder"),
                tr(
                    "Files that end in .eml are sent like the mail of a trusted program and deleted once they are in the "
                    "spool. A program should write under another name and rename the file when it is complete."
                ),
            )
        )
        self.details = (
            card.add_fields(
                fields.text(
                    "pickup.folder",
                    tr("Folder"),
                    tr(
                        "On the relay's computer. X-Sender and X-Receiver at the head of a file, else its From, To, Cc and "
                        "Bcc, say who sends to whom."
                    ),
                    placeholder="/var/spool/gatepost-pickup",
                ),
                fields.text(
                    "pickup.rejected_folder",
                    tr("For what cannot be sent"),
                    tr("Such files are moved there, each with its reason beside it. Empty: a folder “Rejected” within."),
                ),
            ),
            card.add_fields(
                fields.switch(
                    "pickup.allow_shared",
                    tr("Everybody on that computer may write to the folder"),
                    tr("Whoever may put a file there sends mail without a password."),
                )
            ),
        )
        self.body.add(card)

    async def load(self) -> None:
        await super().load()
        relay = (await self.context.session.client.status()).relay
        problem = next((one for one in relay.problems if one.kind == "pickup"), None)
        self.problem.setVisible(problem is not None)
        if problem is not None:
            self.problem.tell(Tone.BAD, tr("The pickup folder cannot be used."), said(problem.detail))

    def follow(self) -> None:
        show_when(bool(self.model.get("pickup.enabled")), *self.details)
