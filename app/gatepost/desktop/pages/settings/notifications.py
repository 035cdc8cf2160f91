"""Settings → Notifications: what the desktop is told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QPushButton, QSystemTrayIcon

from ...cards import Banner, Card, FieldRow, Switch, Tone, line
from ...i18n import tr
from .section import Section

if TYPE_CHECKING:
    from ..page import Page


class NotificationsSection(Section):
    """Takes effect at once; there is nothing to save."""

    def __init__(self, page: Page) -> None:
        super().__init__(page, tr("Notifications"), tr("Trouble in the background, as a notification of the desktop."))
        if not QSystemTrayIcon.isSystemTrayAvailable():
            text = tr("Notifications go through the icon in the tray. The overview lists what needs attention all the same.")
            self.body.add(Banner(Tone.NEUTRAL, tr("This desktop has no tray."), text))
            return
        preferences = self.context.preferences
        card = Card(tr("Notifications"))
        self.enabled = Switch(tr("Notify me when something needs attention"))
        self.enabled.setChecked(preferences.notifies)
        self.enabled.clicked.connect(self._set)
        card.add_fields(
            FieldRow("", self.enabled, tr("Each trouble is told once; what comes at the same time is told together."))
        )
        foot = line()
        self.test = QPushButton(tr("Show a test notification"))
        self.test.setEnabled(preferences.notifies)
        self.test.clicked.connect(self._try)
        foot.addWidget(self.test)
        foot.addStretch(1)
        card.body.addLayout(foot)
        self.body.add(card)

    def _set(self, wanted: bool) -> None:
        self.context.preferences.notifies = wanted
        self.test.setEnabled(wanted)

    def _try(self) -> None:
        self.context.messages.notify(tr("A test"), tr("Notifications of Gatepost look like this."))
