"""Settings → Delivery: the default way out, direct delivery, timeouts, name servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....model.fields import Model
from ....model.settings import DeliverySettings
from ...cards import Card, Disclosure
from ...i18n import tr
from .fields import seconds
from .form_section import FormSection

if TYPE_CHECKING:
    from ..page import Page


class _Shown(Model):
    delivery: DeliverySettings


class DeliverySection(FormSection):
    def __init__(self, page: Page) -> None:
        subtitle = tr("How mail leaves when no domain's row says otherwise.")
        super().__init__(page, tr("Delivery"), subtitle, _Shown, "settings", "delivery")

    def build(self) -> None:
        self._build_default()
        self._build_direct()
        self._build_rest()
        self._build_timeouts()

    def _build_default(self) -> None:
        card = Card(tr("Default route"), tr("For domains that have no row on the Domains page."))
        self.route = self.fields.route("delivery.default_route", tr("Outbound gateway"))
        card.add(self.route.holder)
        card.add_fields(
            self.fields.number(
                "delivery.total_connections", tr("Connections at once, all together"), "", tr("To all servers, in both ways.")
            )
        )
        self.body.add(card)

    def _build_direct(self) -> None:
        fields = self.fields
        card = Card(tr("Direct delivery"), tr("To the mail hosts that DNS names for the recipient's domain."))
        card.add_fields(
            fields.number("delivery.direct_connections", tr("Connections at once to one domain")),
            fields.number("delivery.direct_port", tr("Port"), "", tr("25, except for tests.")),
        )
        card.add_fields(fields.switch("delivery.ipv6", tr("Also use IPv6")))
        card.add_fields(
            fields.texts(
                "delivery.name_servers",
                tr("Name servers"),
                tr("Asked instead of the system's. Leave empty for the system's."),
                placeholder="192.0.2.53",
                add_text=tr("Add a name server"),
            ),
            fields.number("delivery.name_server_port", tr("Their port")),
        )
        self.body.add(card)

    def _build_rest(self) -> None:
        fields = self.fields
        card = Card(tr("Rest of a failing gateway"), tr("A gateway that fails is left alone for a while, then tried again."))
        card.add_fields(
            fields.number("delivery.rest_seconds", tr("First rest"), seconds(), decimals=True),
            fields.number(
                "delivery.rest_max_seconds", tr("Longest rest"), seconds(), tr("Each rest is twice as long as the last."),
                decimals=True,
            ),
        )  # fmt: skip
        self.body.add(card)

    def _build_timeouts(self) -> None:
        fields = self.fields
        card = Card(tr("Patience"))
        more = Disclosure(tr("How long to wait for another server"))
        more.add_fields(
            fields.number("delivery.connect_seconds", tr("To connect"), seconds(), tr("And to agree on TLS."), decimals=True),
            fields.number("delivery.command_seconds", tr("For each reply"), seconds(), decimals=True),
            fields.number(
                "delivery.data_done_seconds", tr("For the last reply"), seconds(), tr("After the whole message was sent."),
                decimals=True,
            ),
        )  # fmt: skip
        card.add(more)
        self.body.add(card)

    async def load(self) -> None:
        gateways = await self.context.session.client.objects("gateways")
        self.route.set_gateways(gateways.value)
        await super().load()
