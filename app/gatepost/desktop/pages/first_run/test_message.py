"""Step 3: send a test message and watch what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QPushButton, QWidget

from ....model.errors import InvalidInput, NotFound
from ...cards import Banner, Card, FieldRow, TextField, Tone, line, rows
from ...context import AppContext
from ...forms.wording import words
from ...i18n import tr
from ...theme import Role, px, set_role
from ..lists.gateways import Gateways
from ..lists.timeline import TimelineView

if TYPE_CHECKING:
    from ....control.tracking_schema import Timeline

LOOK_AGAIN_MS = 400
ENDED = ("delivered", "bounced", "deleted", "captured")
"""States after which nothing more happens by itself."""


class MessageStep(QWidget):
    back_wanted = Signal()
    finished = Signal()

    def __init__(self, context: AppContext, spawn: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._spawn = spawn
        self._gateway: str | None = None
        self._queue_id = ""
        self._state = ""
        layout = rows(self)
        card = Card(tr("Send a test message"), tr("It takes the same way as all mail, and you see each step of it."))
        self.from_row = FieldRow(tr("From"), TextField("me@example.com"))
        self.to_row = FieldRow(tr("To"), TextField("you@example.net"))
        card.add_fields(self.from_row, self.to_row)
        self.send = QPushButton(tr("Send"))
        self.send.clicked.connect(lambda: self._spawn(self._send(), "first run: send a test message"))
        row = line()
        row.addWidget(self.send)
        row.addStretch(1)
        card.body.addLayout(row)
        layout.addWidget(card)
        self.story = Card(tr("What became of it"))
        self.result = Banner(Tone.NEUTRAL)
        self._gateways = Gateways()
        self.timeline = TimelineView(self._gateways)
        self.timeline.setMinimumHeight(px(260))
        self.story.add(self.result)
        self.story.add(self.timeline)
        self.story.hide()
        layout.addWidget(self.story)
        foot = line(gap=10)
        back = QPushButton(tr("Back"))
        back.clicked.connect(self.back_wanted)
        self.finish = QPushButton(tr("Finish"))
        self.finish.clicked.connect(self.finished)
        foot.addWidget(back)
        foot.addStretch(1)
        foot.addWidget(self.finish)
        layout.addLayout(foot)
        layout.addStretch(1)
        self._clock = QTimer(self)
        self._clock.setInterval(LOOK_AGAIN_MS)
        self._clock.timeout.connect(self.look)
        self._looking = False

    def begin(self, gateway: str | None, sender: str = "", recipient: str = "") -> None:
        """``gateway``: the one to send through; None lets the route decide."""
        self._gateway = gateway
        for row, text in ((self.from_row, sender), (self.to_row, recipient)):
            field = row.field
            assert isinstance(field, TextField)  # noqa: S101 - made above
            if text and not field.text():
                field.setText(text)
        set_role(self.send, Role.PRIMARY)
        set_role(self.finish, None)

    def _text(self, row: FieldRow) -> str:
        field = row.field
        return field.text().strip() if isinstance(field, TextField) else ""

    async def _send(self) -> None:
        for row in (self.from_row, self.to_row):
            row.set_error("" if self._text(row) else tr("Type an address."))
        if self.from_row.error or self.to_row.error:
            return
        self.send.setEnabled(False)
        try:
            self._queue_id = await self._context.session.client.send_test(
                self._text(self.from_row), self._text(self.to_row), self._gateway
            )
        except InvalidInput as error:
            for issue in error.issues:
                row = self.from_row if issue.field == "sender" else self.to_row
                row.set_error(words(issue))
            return
        finally:
            self.send.setEnabled(True)
        await self._gateways.load(self._context.session)
        self._state = ""
        self.timeline.clear()
        self.result.tell(Tone.ACCENT, tr("On its way…"))
        self.story.show()
        self._clock.start()
        await self._look()

    def look(self) -> None:
        if self._context.session.is_connected and not self._looking and self.isVisible():
            self._spawn(self._look(), "first run: look at the test message")

    async def _look(self) -> None:
        self._looking = True
        queue_id = self._queue_id
        try:
            story = await self._context.session.client.timeline(queue_id)
        except NotFound:
            return  # it is being written down just now
        finally:
            self._looking = False
        if queue_id == self._queue_id:  # else it is of the message before
            self._show(story)

    def _show(self, story: Timeline) -> None:
        self.timeline.show_story(story)
        state = self._state = story.message.state
        reply = next((one.last_reply for one in story.message.recipients if one.last_reply), "")
        if state == "delivered":
            self.result.tell(Tone.GOOD, tr("Delivered."), reply)
            set_role(self.send, None)
            set_role(self.finish, Role.PRIMARY)
        elif state in ("bounced", "deleted"):
            self.result.tell(Tone.BAD, tr("It could not be delivered."), reply)
        elif state == "deferred":
            self.result.tell(Tone.WARNING, tr("Not delivered yet; it is tried again by itself."), reply)
        elif state == "captured":
            self.result.tell(Tone.WARNING, tr("It was captured: it lies in the test inbox and reaches nobody."), reply)
        elif state == "quarantined":
            self.result.tell(Tone.WARNING, tr("It is held until somebody releases it."), reply)
        if state in ENDED:
            self._clock.stop()

    def showEvent(self, event: QShowEvent) -> None:
        """One goes on looking where one has stopped."""
        super().showEvent(event)
        if self._queue_id and self._state not in ENDED:
            self._clock.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._clock.stop()
