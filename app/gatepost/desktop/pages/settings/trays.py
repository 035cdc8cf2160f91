"""Settings → Trays: where captured mail is put, the first tray that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ....model.capture import Tray
from ...cards import Card, Tone
from ...i18n import format_count, ntr, tr
from ..wording import OUTBOUND, Plain, gateway_name, listener_name, name_by_id
from .object_choice import ObjectChoice
from .object_section import Line, ObjectSection, Words

if TYPE_CHECKING:
    from ..page import Page


class TraysSection(ObjectSection):
    collection = "trays"
    kind = Tray
    is_ordered = True
    draft: ClassVar[Plain] = Tray(id="new", name="x").model_dump(mode="json", exclude={"id"}) | {"name": ""}

    def __init__(self, page: Page) -> None:
        self._named: list[Plain] = []
        super().__init__(
            page,
            Words(
                title=tr("Trays"),
                subtitle=tr(
                    "Captured mail goes to the first tray whose conditions it meets, and to the inbox where it meets none."
                ),
                add=tr("Add a tray"),
                new=tr("New tray"),
                empty=tr("One tray for all: the inbox"),
                empty_text=tr("Add trays to keep the mail of each program, user or team apart."),
                icon="inbox",
                consequence=tr("What lies in it can still be read in the test inbox; new mail goes to another tray."),
            ),
        )

    def build_editor(self) -> None:
        fields = self.fields
        card = Card(tr("Tray"), tr("Of the conditions, all that are set must be met."))
        card.add_fields(fields.text("name", tr("Name")))
        self.listener = ObjectChoice(self.form, "listener", tr("Came in by"), tr("Any listener"))
        self.gateway = ObjectChoice(self.form, "gateway", tr("Would have left by"), tr("Any gateway, or none"))
        card.add_fields(self.listener.row, self.gateway.row)
        card.add_fields(
            fields.text("user", tr("Sent by user"), tr("The name that the program signed in with. Empty: anybody.")),
            fields.text(
                "recipient", tr("A recipient like"), tr("“*” stands for anything. Empty: any."), placeholder="*@example.org"
            ),
        )
        self.column.addWidget(card)
        keep = Card(tr("Kept"), tr("Where a field is empty, as in Settings → Kept mail."))
        keep.add_fields(
            fields.optional_number("keep_days", tr("Days"), tr("as in Settings")),
            fields.optional_number("keep_messages", tr("Messages at most"), tr("as in Settings")),
        )
        self.column.addWidget(keep)

    async def load_more(self) -> None:
        client = self.context.session.client
        listeners = (await client.objects("listeners")).value
        gateways = [one for one in (await client.objects("gateways")).value if one["mode"] in OUTBOUND]
        self._named = [*listeners, *gateways]
        self.listener.set_choices((one["id"], listener_name(one)) for one in listeners)
        self.gateway.set_choices((one["id"], gateway_name(one)) for one in gateways)

    def line(self, one: Plain) -> Line:
        return Line(str(one["name"]), conditions(one, self._named), kept(one), Tone.NEUTRAL)


def conditions(tray: Plain, named: list[Plain]) -> str:
    """What must hold, in words."""
    found = []
    if tray["listener"]:
        found.append(tr("came in by {name}", name=name_by_id(named, tray["listener"])))
    if tray["gateway"]:
        found.append(tr("would have left by {name}", name=name_by_id(named, tray["gateway"])))
    if tray["user"]:
        found.append(tr("sent by {name}", name=tray["user"]))
    if tray["recipient"]:
        found.append(tr("to {pattern}", pattern=tray["recipient"]))
    return " · ".join(found) or tr("all that comes so far")


def kept(tray: Plain) -> str:
    if tray["keep_days"]:
        return ntr("{n} day", "{n} days", tray["keep_days"])
    if tray["keep_messages"]:
        return tr("{n} at most", n=format_count(tray["keep_messages"]))
    return ""
