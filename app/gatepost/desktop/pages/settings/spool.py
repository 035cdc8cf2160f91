"""Settings → Spool: how long mail is kept, how often it is tried, how much is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....model.fields import Model
from ....model.settings import SpoolSettings
from ...cards import Card, Facts, FieldRow
from ...i18n import tr
from ...words import span_text
from .fields import seconds
from .form_section import FormSection

if TYPE_CHECKING:
    from ..page import Page

MEBIBYTE = 1_048_576
MEGABYTE = 1_000_000


class _Shown(Model):
    spool: SpoolSettings


class SpoolSection(FormSection):
    def __init__(self, page: Page) -> None:
        subtitle = tr("How long mail is kept and how often it is tried. A gateway may have its own schedule.")
        super().__init__(page, tr("Spool"), subtitle, _Shown, "settings", "spool")

    def build(self) -> None:
        fields = self.fields
        tries = Card(tr("Attempts"))
        self.schedule: FieldRow = fields.numbers("spool.schedule_minutes", tr("Minutes between attempts"))
        tries.add_fields(
            self.schedule,
            fields.number(
                "spool.delivery_delay_seconds",
                tr("Delivery delay"),
                seconds(),
                tr("Before the first attempt. Gives time to hold a message that was sent by mistake."),
            ),
        )
        tries.add_fields(
            fields.number(
                "spool.lifetime_hours",
                tr("Give up after"),
                tr("hours"),
                tr("The sender then gets a notice of non-delivery."),
            ),
            fields.number(
                "spool.delay_notice_hours",
                tr("Tell the sender of a delay after"),
                tr("hours"),
                tr("0: never."),
            ),
        )
        self.body.add(tries)
        limits = Card(tr("Limits"))
        limits.add_fields(
            fields.scaled("spool.max_message_bytes", tr("Largest message"), "MiB", MEBIBYTE, tr("Larger ones are refused.")),
            fields.scaled(
                "spool.min_free_bytes",
                tr("Free disk to keep"),
                "MB",
                MEGABYTE,
                tr("With less, new mail is answered 452: the sender tries again later."),
            ),
            fields.number(
                "spool.max_received_headers",
                tr("Received lines"),
                "",
                tr("A message with more goes round in circles and is refused."),
            ),
        )
        self.body.add(limits)
        place = Card(tr("Folder"))
        self.facts = Facts()
        place.add(self.facts)
        self.body.add(place)

    def follow(self) -> None:
        self.schedule.set_help(schedule_words(self.model.get("spool.schedule_minutes") or ()))

    async def load(self) -> None:
        await super().load()
        relay = (await self.context.session.client.status()).relay
        self.facts.set(((tr("Spool and configuration lie in"), relay.data_folder),))


def schedule_words(minutes: Any) -> str:
    """When the first attempts come, counted from the arrival."""
    if not minutes or not all(isinstance(one, int) and one > 0 for one in minutes):
        return tr("Whole numbers with commas between them; the last one repeats.")
    at, found = 0, []
    for one in minutes[:4]:
        at += one
        found.append(span_text(at * 60))
    return tr(
        "Tried again {times} after arrival, at last every {last}.", times=", ".join(found), last=span_text(minutes[-1] * 60)
    )
