"""Step 2 for receiving: the mail server behind this relay, its domains, and the port that the internet reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from ....model.errors import GatepostError, InvalidInput
from ....model.fields import new_id
from ....model.gateway import DomainForwardGateway
from ....model.listener import Listener, ListenerMode, ListenerTls
from ...cards import AddressListField, Card, FieldRow, ListField, NumberField, line, rows
from ...context import AppContext
from ...forms import Form, FormModel
from ...i18n import tr
from ...relay_texts import said
from ...theme import Role, set_role
from ..gateways.verify_dialog import Verdict, VerifyDialog

if TYPE_CHECKING:
    from ....control.client import Client

Plain = dict[str, Any]
SMTP_PORT = 25


class PrimaryStep(QWidget):
    back_wanted = Signal()
    saved = Signal(str)
    """one of the domains"""

    def __init__(self, context: AppContext, spawn: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._spawn = spawn
        self._is_stored = False
        self._listener_id = new_id("ls")
        self.model = FormModel(DomainForwardGateway)
        self.form = Form(self.model, self)
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
        foot = line(gap=10)
        self.back = QPushButton(tr("Back"))
        self.back.clicked.connect(self.back_wanted)
        self.go_on = QPushButton(tr("Verify and save"))
        set_role(self.go_on, Role.PRIMARY)
        self.go_on.clicked.connect(lambda: self._start(self._verify_and_save))
        foot.addWidget(self.back)
        foot.addStretch(1)
        foot.addWidget(self.go_on)
        layout.addLayout(foot)
        layout.addStretch(1)
        gateway = DomainForwardGateway.model_construct(id=new_id("gw"), addresses=(), domains=())
        self.model.load(gateway.model_dump(mode="json", warnings=False), None, is_new=True)
        self.form.refresh()

    def _start(self, action: Any) -> None:
        self._spawn(self._guarded(action), "first run: mail server")

    async def _guarded(self, action: Any) -> None:
        buttons = (self.go_on, self.back)
        for button in buttons:
            button.setEnabled(False)
        try:
            await action()
        except InvalidInput as error:
            self.model.merge(error.issues)
            if not self.form.jump_to_first_issue():
                raise
        finally:
            for button in buttons:
                button.setEnabled(True)

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
        while self._is_complete():
            dialog = VerifyDialog(self._context.session.client, self.model.candidate(), None, for_saving=True, parent=self)
            verdict = await dialog.run()
            if dialog.refused:
                raise InvalidInput(dialog.refused)
            if verdict in (Verdict.PASSED, Verdict.SAVE_ANYWAY):
                await self._save()
            if verdict is not Verdict.PIN or dialog.certificate is None:
                return
            self.model.set("certificate", {"check": "fingerprint", "fingerprint": dialog.certificate.fingerprint})

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
