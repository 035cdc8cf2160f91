"""Step 1: what is this relay for?"""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QPushButton, QRadioButton, QWidget

from ...cards import Card, Sign, label, line, rows
from ...i18n import tr
from ...theme import Role, icon, px, set_role

SEND, RECEIVE, CAPTURE = "send", "receive", "capture"


class PurposeStep(QWidget):
    chosen = Signal(str)
    """SEND, RECEIVE or CAPTURE"""
    import_wanted = Signal()
    """Another server's settings shall be taken over instead."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = rows(self)
        card = Card(tr("What is this relay for?"), tr("You can do all of it; begin with one."))
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QRadioButton] = {}
        self._option(
            card, SEND, "send", tr("Send our mail through a provider"),
            tr("Printers, programs and mail servers hand their mail to Gatepost, which passes it on with your account."),
        )  # fmt: skip
        self._option(
            card, RECEIVE, "server", tr("Stand in front of our mail server"),
            tr("Mail from the internet arrives here and is passed on to your server, and kept while that is down."),
        )  # fmt: skip
        self._option(
            card, CAPTURE, "inbox", tr("Test inbox for developers"),
            tr("What your programs send is captured and can be looked at; none of it reaches anybody."),
        )  # fmt: skip
        self._buttons[SEND].setChecked(True)
        layout.addWidget(card)
        foot = line()
        self.coming = QPushButton(icon("upload", "accent"), tr("Coming from Postfix, hMailServer or IIS?"))
        set_role(self.coming, Role.LINK)
        self.coming.clicked.connect(self.import_wanted)
        foot.addWidget(self.coming)
        foot.addStretch(1)
        self.go_on = QPushButton(tr("Continue"))
        set_role(self.go_on, Role.PRIMARY)
        self.go_on.clicked.connect(self._chosen)
        foot.addWidget(self.go_on)
        layout.addLayout(foot)
        layout.addStretch(1)

    def _option(self, card: Card, key: str, sign: str, title: str, text: str) -> None:
        holder = QWidget()
        outer = line(holder, gap=14)
        outer.addWidget(Sign(sign, "accent", 30), 0, Qt.AlignmentFlag.AlignTop)
        words = rows(gap=3)
        button = QRadioButton(title)
        button.setAccessibleDescription(text)
        button.setIconSize(QSize(px(16), px(16)))
        self._group.addButton(button)
        self._buttons[key] = button
        words.addWidget(button)
        words.addWidget(label(text, Role.MUTED, wrap=True))
        outer.addLayout(words, 1)
        card.add(holder)

    def _chosen(self) -> None:
        self.chosen.emit(next(key for key, button in self._buttons.items() if button.isChecked()))
