"""Settings → Trusted networks: who may send through the relay without signing in."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ....model.access import TrustedNetwork
from ....model.network import parse_address_range
from ...cards import Banner, Card, Tone
from ...cards.list_field import understood_addresses
from ...i18n import tr
from ..wording import Plain
from .object_section import Line, ObjectSection, Words

if TYPE_CHECKING:
    from ..page import Page


class NetworksSection(ObjectSection):
    collection = "trusted-networks"
    kind = TrustedNetwork
    draft: ClassVar[Plain] = {"network": "", "description": "", "confirmed_world": False}

    def __init__(self, page: Page) -> None:
        super().__init__(
            page,
            Words(
                title=tr("Trusted networks"),
                subtitle=tr("Clients in these networks may send mail to anywhere without signing in."),
                add=tr("Add a network"),
                new=tr("New trusted network"),
                empty=tr("No network is trusted"),
                empty_text=tr("Then only relay users who sign in, and primary mail servers, may send mail to anywhere."),
                icon="domains",
                consequence=tr("Clients in it may then send to anywhere only if they sign in."),
            ),
        )

    def build_editor(self) -> None:
        card = Card()
        self.network = self.fields.text(
            "network", tr("Network"), tr("One address, a range such as 192.168.1.10-192.168.1.20, or 192.168.1.0/24."),
            placeholder="192.168.1.0/24",
        )  # fmt: skip
        card.add_fields(self.network, self.fields.text("description", tr("Description")))
        self.world = Banner(
            Tone.BAD,
            tr("This is (nearly) the whole internet."),
            tr("Everybody in it could send through this relay, and your server would soon be on block lists."),
        )
        card.add(self.world)
        self.confirmed = self.fields.switch("confirmed_world", tr("I know, and want an open relay"))
        card.add(self.confirmed)
        self.column.addWidget(card)

    def line(self, one: Plain) -> Line:
        name = one["description"] or one["network"]
        text = f"{one['network']} · {_understood(one['network'])}" if one["description"] else _understood(one["network"])
        world = _is_world(one["network"])
        return Line(name, text, tr("Open to the world") if world else "", Tone.BAD)

    def follow(self) -> None:
        text = str(self.model.get("network") or "")
        world = _is_world(text)
        self.world.setVisible(world)
        self.confirmed.setVisible(world or bool(self.model.get("confirmed_world")))
        hint = tr("One address, a range such as 192.168.1.10-192.168.1.20, or 192.168.1.0/24.")
        self.network.set_help(_understood(text) or hint)


def _is_world(text: str) -> bool:
    try:
        return parse_address_range(text).is_world
    except ValueError:
        return False


def _understood(text: str) -> str:
    try:
        return understood_addresses(text) if text else ""
    except ValueError:
        return ""
