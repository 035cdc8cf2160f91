"""Step 2 for receiving: the mail server behind this relay, its domains, and the port that the internet reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from ....model.errors import GatepostError
from ....model.fields import new_id
from ....model.gateway import DomainForwardGateway
from ....model.listener import Listener, ListenerMode, ListenerTls
from ...cards import AddressListField, Card, FieldRow, ListField, NumberField, rows
from ...context import AppContext
from ...i18n import tr
from ...models.rows import Spawn
from ...relay_texts import said
from .gateway_step import GatewayStep

if TYPE_CHECKING:
    from ....control.client import Client

Plain = dict[str, Any]
SMTP_PORT = 25


class PrimaryStep(GatewayStep):
    """``saved`` comes with one of the domains."""

    def __init__(self, context: AppContext, spawn: Spawn, parent: QWidget | None = None) -> None:
        super().__init__(context, spawn, DomainForwardGateway, parent)
        self._listener_id = new_id("ls")
        layout = rows(self)
        card = Card(tr("Your mail server"), tr("Where Gatepost passes the mail on to."))
        self.addresses = self.form.add("addresses", FieldRow(tr("IP Addresses"), AddressListField()))
        self.port = self.form.add("port", FieldRow(tr("Port"), NumberField()))
        card.add_fields((self.addresses, 3), (self.port, 1))
        self.domains = self.form.add(
            "domains", FieldRow(tr("Domains"), ListField(), tr("Mail for these is accepted; mail for others is refused."))
        )
        card.add(self.domains)
        layout.addWidget(card)
        incoming = Card(tr("Mail from the internet"), tr("Your domains' MX records must point to this computer."))
        self.listen_port = NumberField()
        self.listen_port.set_value(SMTP_PORT)
        self.listen = FieldRow(
            tr("Listen on port"), self.listen_port,
            tr("Other servers always use port 25. Choose another one only behind a firewall that translates it."),
        )  # fmt: skip
        incoming.add_fields(self.listen)
        layout.addWidget(incoming)
        layout.addLayout(self._foot())
        layout.addStretch(1)
        gateway = DomainForwardGateway.model_construct(id=new_id("gw"), addresses=(), domains=())
        self.model.load(gateway.model_dump(mode="json", warnings=False), None, is_new=True)
        self.form.refresh()

    def _is_complete(self) -> bool:
        self.model.show_all()
        port = self.listen_port.value()
        in_range = isinstance(port, int) and 0 < port < 65536
        self.listen.set_error("" if in_range else tr("Write a number from 1 to 65535."))
        if not self.model.is_valid:
            self.form.jump_to_first_issue()
        elif not in_range:
            self.listen_port.setFocus()
        return self.model.is_valid and in_range

    async def _verify_and_save(self) -> None:
        if self._is_complete() and await self._verify(None):
            await self._save()

    async def _save(self) -> None:
        client = self._context.session.client
        gateway = self.model.candidate()
        if self._is_stored:
            saved = await client.replace("gateways", str(gateway["id"]), gateway)
        else:
            saved = await client.add("gateways", gateway)
        self._is_stored = True
        self.model.load(saved.object, saved.revision)
        self.form.refresh()
        await self._listen_for_the_internet()
        self.saved.emit(str(self.model.get("domains")[0]).removeprefix("*."))

    async def _listen_for_the_internet(self) -> None:
        """A listener for strangers on that port, unless there is one. Raises GatepostError where it cannot be opened."""
        client = self._context.session.client
        port = self.listen_port.value()
        assert isinstance(port, int)  # noqa: S101 - _is_complete has looked
        listeners = (await client.objects("listeners")).value
        mine = next((one for one in listeners if one["id"] == self._listener_id), None)
        if mine is not None and mine["port"] != port:
            await client.patch("listeners", self._listener_id, {"port": port})
        elif mine is None and not any(one["port"] == port and one["mode"] == ListenerMode.MX for one in listeners):
            listener = Listener(
                id=self._listener_id, description=tr("Mail from the internet"), address="0.0.0.0", port=port,  # noqa: S104 - meant
                mode=ListenerMode.MX, tls=ListenerTls.STARTTLS,
            )  # fmt: skip
            await client.add("listeners", listener.model_dump(mode="json"))
        await fail_where_it_cannot_listen(client, self._listener_id)


async def fail_where_it_cannot_listen(client: Client, listener: str) -> None:
    """Raises GatepostError in words where the listener's port is not open."""
    for report in (await client.status()).relay.listeners:
        if report.id == listener and report.state == "failed":
            raise GatepostError(
                tr("The port cannot be opened."),
                said(report.problem),
                tr("Ports below 1024 need special rights on this computer, and another program may be using the port."),
            )
