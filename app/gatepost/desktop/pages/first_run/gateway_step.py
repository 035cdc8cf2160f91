"""What the second steps share, whichever way mail goes: a form over a new gateway, a foot that verifies and saves it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from ....model.errors import InvalidInput
from ....model.secret import Secret
from ...cards import line
from ...context import AppContext
from ...forms import Form, FormModel
from ...i18n import tr
from ...models.rows import Spawn
from ...theme import Role, set_role
from ..gateways.verify_dialog import Verdict, VerifyDialog

Plain = dict[str, Any]


class GatewayStep(QWidget):
    """A subclass builds its cards and says in ``_verify_and_save`` what its button does."""

    back_wanted = Signal()
    saved = Signal(str)
    """what the next step begins with"""

    def __init__(self, context: AppContext, spawn: Spawn, kind: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._spawn = spawn
        self._is_stored = False
        self.model = FormModel(kind)
        self.form = Form(self.model, self)
        self.back = QPushButton(tr("Back"))
        self.back.clicked.connect(self.back_wanted)
        self.go_on = QPushButton(tr("Verify and save"))
        set_role(self.go_on, Role.PRIMARY)
        self.go_on.clicked.connect(lambda: self._start(self._verify_and_save))

    async def _verify_and_save(self) -> None:
        raise NotImplementedError

    def _foot(self) -> QHBoxLayout:
        foot = line(gap=10)
        foot.addWidget(self.back)
        foot.addStretch(1)
        foot.addWidget(self.go_on)
        return foot

    def _start(self, action: Callable[[], Awaitable[object]]) -> None:
        self._spawn(self._guarded(action), "first run: gateway")

    async def _guarded(self, action: Callable[[], Awaitable[object]]) -> None:
        """What the relay refuses is said at its field, else above the page."""
        for button in (self.go_on, self.back):
            button.setEnabled(False)
        try:
            await action()
        except InvalidInput as error:
            self.model.merge(error.issues)
            if not self.form.jump_to_first_issue():
                raise
        finally:
            for button in (self.go_on, self.back):
                button.setEnabled(True)

    async def _verify(self, password: Secret | None) -> bool:
        """Try the connection as it stands; whether the gateway may be saved. Where the person accepts the certificate that was
        seen, it is tried again with that one. Raises InvalidInput with what the relay does not like about the gateway."""
        while True:
            client = self._context.session.client
            dialog = VerifyDialog(client, self.model.candidate(), password, for_saving=True, parent=self)
            verdict = await dialog.run()
            if dialog.refused:
                raise InvalidInput(dialog.refused)
            if verdict is not Verdict.PIN or dialog.certificate is None:
                return verdict in (Verdict.PASSED, Verdict.SAVE_ANYWAY)
            self.model.set("certificate", {"check": "fingerprint", "fingerprint": dialog.certificate.fingerprint})
            self.form.refresh()
