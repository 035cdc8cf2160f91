"""Settings → Alarms: who is told of trouble by mail, and from when on something is trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QPushButton

from ....model.alarms import AlarmSettings
from ....model.fields import Model
from ...cards import Banner, Card, Tone, line
from ...i18n import ntr, tr
from ...theme import icon
from .fields import show_when
from .form_section import FormSection

if TYPE_CHECKING:
    from ..page import Page


class _Shown(Model):
    alarms: AlarmSettings


class AlarmsSection(FormSection):
    def __init__(self, page: Page) -> None:
        subtitle = tr("Who is told of trouble by mail, and from when on something counts as trouble.")
        super().__init__(page, tr("Alarms"), subtitle, _Shown, "settings", "alarms")

    def build(self) -> None:
        self._build_mail()
        self._build_limits()

    def _build_mail(self) -> None:
        fields = self.fields
        card = Card(tr("Notices by mail"))
        card.add_fields(
            fields.switch(
                "alarms.mail",
                tr("Tell of trouble by mail"),
                tr("Each trouble is told once; what comes at the same time is told together. The mail takes the usual routes."),
            )
        )
        card.add_fields(
            fields.texts("alarms.recipients", tr("Who is told"), placeholder="admin@example.com", add_text=tr("Add an address"))
        )
        self.details = (
            card.add_fields(
                fields.text(
                    "alarms.sender",
                    tr("Sender"),
                    tr("Choose an address that your provider accepts. Empty: gatepost at this server's name."),
                    placeholder="gatepost@example.com",
                    empty_is_none=True,
                ),
                fields.number(
                    "alarms.reminder_hours", tr("Remind after"), tr("hours"), tr("While the trouble lasts. 0: do not remind.")
                ),
            ),
            card.add_fields(
                fields.text(
                    "alarms.quiet_from",
                    tr("Quiet from"),
                    tr("A time of day of the relay's computer."),
                    placeholder="22:00",
                    empty_is_none=True,
                ),
                fields.text(
                    "alarms.quiet_until",
                    tr("Quiet until"),
                    tr("What is still wrong then is told then."),
                    placeholder="06:00",
                    empty_is_none=True,
                ),
            ),
            card.add_fields(fields.switch("alarms.tell_cleared", tr("Also tell when it is over"))),
        )
        foot = line()
        self.test = QPushButton(icon("send"), tr("Send a test notice"))
        self.test.clicked.connect(lambda: self.spawn(self.send_test(), "test notice"))
        foot.addWidget(self.test)
        foot.addStretch(1)
        card.body.addLayout(foot)
        self.said = Banner(Tone.GOOD, can_close=True)
        self.said.dismissed.connect(self.said.hide)
        self.said.hide()
        card.add(self.said)
        self.body.add(card)

    def _build_limits(self) -> None:
        fields = self.fields
        card = Card(
            tr("What counts as trouble"),
            tr("The overview and the notifications of the desktop go by these limits, too. 0 switches a limit off."),
        )
        card.add_fields(
            fields.number("alarms.gateway_minutes", tr("A gateway rests for longer than"), tr("minutes")),
            fields.number(
                "alarms.certificate_days",
                tr("A certificate expires within"),
                tr("days"),
                tr("Of the listeners, and those that gateways are accepted by."),
            ),
        )
        card.add_fields(
            fields.number("alarms.waiting_messages", tr("More deliveries wait than")),
            fields.number("alarms.oldest_hours", tr("The oldest message waits for longer than"), tr("hours")),
        )
        card.add_fields(
            fields.number("alarms.refusals_per_hour", tr("More refusals within an hour than")),
            fields.number(
                "alarms.capture_hours",
                tr("Mail has been captured for longer than"),
                tr("hours"),
                tr("Instead of being delivered, for a test that was forgotten."),
            ),
        )
        card.add_fields(
            fields.number(
                "alarms.other_minutes",
                tr("Any other trouble lasts for longer than"),
                tr("minutes"),
                tr("A scanner that gives no answer, a listener that cannot be opened, a full disk and the like."),
            )
        )
        self.body.add(card)

    async def send_test(self) -> None:
        """To whom the saved settings name."""
        sent = await self.context.session.client.test_alarm()
        title = ntr("{n} test notice is on its way.", "{n} test notices are on their way.", len(sent))
        self.said.tell(Tone.GOOD, title, tr("Tracking shows what becomes of it: {ids}.", ids=", ".join(sent)))
        self.said.show()

    def follow(self) -> None:
        show_when(bool(self.model.get("alarms.mail")), *self.details)
        self.test.setEnabled(bool(self.model.get("alarms.recipients")) and not self.has_draft)
        self.test.setToolTip(tr("Save first.") if self.has_draft else "")
