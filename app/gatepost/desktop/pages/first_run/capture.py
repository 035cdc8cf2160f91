"""For developers: step 2, the listener that captures what their programs send; step 3, the first message in the test inbox."""

from __future__ import annotations

import asyncio
import smtplib
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from ....model.errors import GatepostError
from ....model.fields import new_id
from ....model.listener import Listener
from ...cards import Banner, Card, FieldRow, NumberField, Tone, line, rows
from ...context import AppContext
from ...i18n import tr
from ...theme import Role, set_role
from ..handling import CAPTURE
from ..inbox.empty import Place, Snippets, place_of
from .primary import Plain, fail_where_it_cannot_listen

if TYPE_CHECKING:
    from ....control.schema import EventMessage

USUAL_PORT = 1025
"""Where programs for developers usually listen."""
LOCAL = "127.0.0.1"
_LOCAL = (LOCAL, "0.0.0.0")  # noqa: S104 - what listeners are compared with
SEND_SECONDS = 15.0


class InboxStep(QWidget):
    """``saved`` comes once a listener on that port captures: its id, and where programs reach it."""

    back_wanted = Signal()
    saved = Signal(str, object)
    """id, Place"""

    def __init__(self, context: AppContext, spawn: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._spawn = spawn
        self._new = new_id("ls")
        layout = rows(self)
        card = Card(
            tr("Where your programs send"),
            tr("What comes in there is captured: it lies in the test inbox and reaches nobody until you release it."),
        )
        self.port = NumberField()
        self.port.set_value(USUAL_PORT)
        self._is_typed = False
        self.port.changed.connect(self._typed)
        self.row = FieldRow(
            tr("Port on this computer"),
            self.port,
            tr("A listener that has this port is switched to capturing; where there is none, one is added."),
        )
        card.add_fields(self.row)
        layout.addWidget(card)
        foot = line(gap=10)
        self.back = QPushButton(tr("Back"))
        self.back.clicked.connect(self.back_wanted)
        self.go_on = QPushButton(tr("Capture there"))
        set_role(self.go_on, Role.PRIMARY)
        self.go_on.clicked.connect(lambda: self._spawn(self._save(), "first run: test inbox"))
        foot.addWidget(self.back)
        foot.addStretch(1)
        foot.addWidget(self.go_on)
        layout.addLayout(foot)
        layout.addStretch(1)

    async def begin(self) -> None:
        """Propose the listener that is there already, unless the person has chosen a port."""
        if self._is_typed:
            return
        listeners = (await self._context.session.client.objects("listeners")).value
        mine = next((one for one in listeners if one["address"] in _LOCAL and one["enabled"] and one["port"]), None)
        if mine is not None and not self._is_typed:
            self.port.set_value(mine["port"])

    def _typed(self) -> None:
        self._is_typed = True

    async def _save(self) -> None:
        port = self.port.value()
        in_range = isinstance(port, int) and 0 < port < 65536
        self.row.set_error("" if in_range else tr("Write a number from 1 to 65535."))
        if not isinstance(port, int) or not in_range:
            self.port.setFocus()
            return
        for button in (self.go_on, self.back):
            button.setEnabled(False)
        try:
            listener = await self._capture_at(port)
            await fail_where_it_cannot_listen(self._context.session.client, listener["id"])
        finally:
            for button in (self.go_on, self.back):
                button.setEnabled(True)
        self.saved.emit(listener["id"], place_of(listener["address"], port, listener["mode"]))

    async def _capture_at(self, port: int) -> Plain:
        client = self._context.session.client
        listeners = (await client.objects("listeners")).value
        known: Plain | None = next((one for one in listeners if one["port"] == port and one["address"] in _LOCAL), None)
        if known is not None:
            change = {"enabled": True, "handling": {"action": CAPTURE}}
            await client.patch("listeners", known["id"], change)
            return known
        mine: Plain | None = next((one for one in listeners if one["id"] == self._new), None)
        if mine is not None:  # coming back with another port
            await client.patch("listeners", self._new, {"port": port})
            return mine
        listener = Listener(id=self._new, description=tr("Test inbox"), address=LOCAL, port=port)
        made = listener.model_dump(mode="json") | {"handling": {"action": CAPTURE}}
        await client.add("listeners", made)
        return made


class CapturedStep(QWidget):
    """Where to send to, a button that sends, and what arrived: by the button or by the person's own program."""

    back_wanted = Signal()
    finished = Signal()
    inbox_wanted = Signal()

    def __init__(self, spawn: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._spawn = spawn
        self._listener = ""
        self._place: Place | None = None
        layout = rows(self)
        card = Card(tr("Send a test message"), tr("From your own program, in a shell, or from here."))
        self.snippets = Snippets()
        card.add(self.snippets)
        self.send = QPushButton(tr("Send"))
        self.send.clicked.connect(lambda: self._spawn(self._send(), "first run: send a test message"))
        row = line()
        row.addWidget(self.send)
        row.addStretch(1)
        card.body.addLayout(row)
        layout.addWidget(card)
        self.result = Banner(Tone.NEUTRAL)
        layout.addWidget(self.result)
        foot = line(gap=10)
        back = QPushButton(tr("Back"))
        back.clicked.connect(self.back_wanted)
        self.show_inbox = QPushButton(tr("Show the test inbox"))
        self.show_inbox.clicked.connect(self.inbox_wanted)
        self.finish = QPushButton(tr("Finish"))
        self.finish.clicked.connect(self.finished)
        foot.addWidget(back)
        foot.addStretch(1)
        foot.addWidget(self.finish)
        foot.addWidget(self.show_inbox)
        layout.addLayout(foot)
        layout.addStretch(1)

    def begin(self, listener: str, place: Place) -> None:
        self._listener, self._place = listener, place
        self.snippets.show_place(place)
        self.send.setVisible(not place.signs_in)
        set_role(self.send, Role.PRIMARY)
        set_role(self.show_inbox, None)
        self.result.tell(Tone.NEUTRAL, tr("Waiting for the first message…"))

    def on_event(self, event: EventMessage) -> None:
        if event.kind == "captured.added" and self._listener and event.data.get("listener") == self._listener:
            subject = str(event.data.get("subject") or tr("(no subject)"))
            self.result.tell(Tone.GOOD, tr("It arrived in the test inbox."), subject)
            set_role(self.send, None)
            set_role(self.show_inbox, Role.PRIMARY)

    async def _send(self) -> None:
        place = self._place
        if place is None:
            return
        self.send.setEnabled(False)
        self.result.tell(Tone.ACCENT, tr("On its way…"))
        try:
            await asyncio.to_thread(_hand_in, place)
        except (OSError, smtplib.SMTPException) as error:
            raise GatepostError(
                tr("The test message could not be handed in."),
                f"{place.host}:{place.port}: {error}",
                tr("A relay on another computer is reached by its own address: send from a program there."),
            ) from None
        finally:
            self.send.setEnabled(True)


def _hand_in(place: Place) -> None:
    """As any program would. Raises OSError or SMTPException."""
    message = EmailMessage()
    message["From"], message["To"] = "test@example.com", "you@example.com"
    message["Subject"] = tr("Hello from Gatepost")
    message.set_content(tr("This message was captured: it reached nobody but you."))
    with smtplib.SMTP(place.host, place.port, timeout=SEND_SECONDS) as client:
        client.send_message(message)
