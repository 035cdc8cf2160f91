"""What stands in the place of the list while nothing was captured: where to send to, and with what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFrame, QLabel, QPushButton, QScrollArea, QWidget

from ...cards import Scrolled, Sign, label, line, rows
from ...i18n import tr
from ...theme import Role, icon, monospace, px, set_role

WIDEST = 640
"""Of what is typed, at 100 %."""


@dataclass(frozen=True, slots=True)
class Place:
    """A listener that captures, as a program on this computer reaches it."""

    host: str
    port: int
    signs_in: bool = False
    """Only who signs in may send there."""


def place_of(address: str, port: int, mode: str) -> Place:
    """A listener on all addresses is reached by that of this computer."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - what is listened on, not by us
    return Place(host, port, mode == "submission")


def swaks(place: Place) -> str:
    server = f"[{place.host}]:{place.port}" if ":" in place.host else f"{place.host}:{place.port}"
    return f"swaks --server {server} --from me@example.com --to you@example.com"


def python(place: Place) -> str:
    return (
        "import smtplib\n"
        f'with smtplib.SMTP("{place.host}", {place.port}) as smtp:\n'
        '    smtp.sendmail("me@example.com", ["you@example.com"],\n'
        '                  "Subject: Hello\\r\\n\\r\\nIt works.\\r\\n")'
    )


class InboxEmpty(QScrollArea):
    """``add_action`` as of EmptyState."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(tr("Test inbox"))
        holder = Scrolled()
        set_role(holder, Role.EMBEDDED)
        outer = rows(holder, gap=8)
        outer.setContentsMargins(px(24), px(16), px(24), px(16))
        outer.addStretch(1)
        self._sign = Sign("inbox", "muted", 44)
        outer.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignHCenter)
        self._title = self._centred(Role.HEADING)
        self._text = self._centred(Role.MUTED)
        outer.addWidget(self._title)
        outer.addWidget(self._text)
        self.snippets = Snippets()
        self.snippets.setMaximumWidth(px(WIDEST))
        beside = line(gap=0)
        beside.setContentsMargins(0, px(10), 0, 0)
        beside.addStretch(1)
        beside.addWidget(self.snippets, 1000)
        beside.addStretch(1)
        outer.addLayout(beside)
        self._buttons = line(gap=10)
        self._buttons.setContentsMargins(0, px(10), 0, 0)
        self._buttons.addStretch(1)
        self._buttons.addStretch(1)
        outer.addLayout(self._buttons)
        outer.addStretch(2)
        self.setWidget(holder)

    @staticmethod
    def _centred(role: Role) -> QLabel:
        made = label("", role, wrap=True)
        made.setAlignment(Qt.AlignmentFlag.AlignCenter)
        return made

    def tell(self, title: str, text: str = "", places: Sequence[Place] = (), *, sign: str = "inbox") -> None:
        self._sign.set(sign, "muted")
        self._title.setText(title)
        self._text.setText(text)
        self.snippets.show_place(places[0] if places else None)

    @property
    def text(self) -> str:
        return f"{self._title.text()} {self._text.text()}".strip()

    def add_action(self, text: str, act: Callable[[], object], *, is_primary: bool = True) -> QPushButton:
        button = QPushButton(text)
        if is_primary:
            set_role(button, Role.PRIMARY)
        button.clicked.connect(lambda: act())
        self._buttons.insertWidget(self._buttons.count() - 1, button)
        return button


class Snippets(QWidget):
    """What to type to send something there, ready to be copied."""

    def __init__(self) -> None:
        super().__init__()
        outer = rows(self, gap=8)
        self.shell = _Snippet(tr("In a shell"))
        self.program = _Snippet(tr("In a Python program"))
        self.note = label("", Role.MUTED, wrap=True)
        for widget in (self.shell, self.program, self.note):
            outer.addWidget(widget)
        self.hide()

    def show_place(self, place: Place | None) -> None:
        self.setVisible(place is not None)
        if place is not None:
            self.shell.set_text(swaks(place))
            self.program.set_text(python(place))
            self.note.setText(tr("This listener wants a relay user's name and password.") if place.signs_in else "")
            self.note.setVisible(place.signs_in)


class _Snippet(QFrame):
    def __init__(self, caption: str) -> None:
        super().__init__()
        set_role(self, Role.INSET)
        self.text = ""
        outer = rows(self, gap=4)
        outer.setContentsMargins(px(12), px(8), px(8), px(10))
        head = line()
        head.addWidget(label(caption, Role.MUTED), 1)
        self.copy = QPushButton(icon("copy", "accent"), tr("Copy"))
        self.copy.setAccessibleDescription(caption)
        set_role(self.copy, Role.LINK)
        self.copy.clicked.connect(lambda: QApplication.clipboard().setText(self.text))
        head.addWidget(self.copy)
        outer.addLayout(head)
        self._label = label("", wrap=True, selectable=True)
        self._label.setFont(monospace())
        outer.addWidget(self._label)

    def set_text(self, text: str) -> None:
        self.text = text
        self._label.setText(text)
