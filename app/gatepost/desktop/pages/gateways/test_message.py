"""Send a test message through one gateway, and go and see what became of it."""

from __future__ import annotations

from PySide6.QtWidgets import QPushButton, QWidget

from ....model.errors import GatepostError
from ...cards import Banner, Dialog, FieldRow, TextField, Tone, assign_mnemonics, label
from ...context import AppContext
from ...dialogs import show_dialog
from ...i18n import tr
from ...relay_texts import said, told
from ...tasks import Tasks
from ...theme import Role, set_role

_KEYS = ("test/sender", "test/recipient")


class TestMessageDialog(Dialog):
    """Sender and recipient are remembered."""

    __test__ = False  # pytest takes classes of this name for tests

    def __init__(self, context: AppContext, gateway_id: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, tr("Send test message"), width=480)
        self._context = context
        self._gateway_id = gateway_id
        self._tasks = Tasks(lambda error, _name: self._failed(str(error)))
        self.add(label(tr("Send test message"), Role.HEADING))
        self.add(label(tr("It takes the gateway “{name}”.", name=name), Role.MUTED, wrap=True))
        self.from_field = TextField("you@example.com")
        self.to_field = TextField("you@example.net")
        for field, key in zip((self.from_field, self.to_field), _KEYS, strict=True):
            field.setText(context.preferences.text(key))
        self.add(FieldRow(tr("From"), self.from_field))
        self.add(FieldRow(tr("To"), self.to_field))
        self.outcome = Banner()
        self.outcome.hide()
        self.add(self.outcome)
        self.close_button = QPushButton(tr("Close"))
        self.close_button.setAutoDefault(False)
        self.close_button.clicked.connect(self.reject)
        self._buttons.addWidget(self.close_button)
        self.send = QPushButton(tr("Send"))
        self.send.setDefault(True)
        set_role(self.send, Role.PRIMARY)
        self.send.clicked.connect(lambda: self._tasks.spawn(self._send(), "send a test message"))
        self._buttons.addWidget(self.send)

    async def run(self) -> None:
        assign_mnemonics(self)
        await show_dialog(self, self._tasks.close)

    async def _send(self) -> None:
        sender, recipient = self.from_field.text().strip(), self.to_field.text().strip()
        for key, value in zip(_KEYS, (sender, recipient), strict=True):
            self._context.preferences.set_text(key, value)
        self.send.setEnabled(False)
        try:
            queue_id = await self._context.session.client.send_test(sender, recipient, self._gateway_id)
        except GatepostError as error:
            self._failed(said(error.title), told(error.detail, error.hint))
            return
        finally:
            self.send.setEnabled(True)
        self.outcome.tell(Tone.GOOD, tr("Handed over as {id}.", id=queue_id), tr("Tracking shows what becomes of it."))
        self.outcome.clear_actions()
        self.outcome.add_action(tr("Show it in Tracking"), lambda: self._show(queue_id))
        self.outcome.show()

    def _show(self, queue_id: str) -> None:
        self.accept()
        self._context.navigate("tracking", queue_id=queue_id)

    def _failed(self, title: str, detail: str = "") -> None:
        self.outcome.clear_actions()
        self.outcome.tell(Tone.BAD, title, detail)
        self.outcome.show()
