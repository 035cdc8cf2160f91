"""A password that can be set, replaced and removed, and never seen again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QPushButton, QSizePolicy, QWidget

from ...model.report import SecretReport
from ...model.secret import Secret
from ..i18n import tr
from ..relay_texts import said
from ..theme import Role, set_role
from ..words import day_text
from .layout import LeadLayout, line
from .text import Sign, label


class SecretAction(StrEnum):
    KEEP = "keep"
    REPLACE = "replace"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class SecretChange:
    """What is to be done with the stored secret; ``value`` only with REPLACE."""

    action: SecretAction = SecretAction.KEEP
    value: Secret | None = None


class SecretField(QWidget):
    """Shows that a password is stored, where and since when. What is typed stays in the field until it is saved."""

    changed = Signal()
    left = Signal()

    def __init__(self, what: str = "", parent: QWidget | None = None) -> None:
        """``what``: the words for the buttons' accessible names, such as “Auth Password”."""
        super().__init__(parent)
        self._what = what
        self._stored: SecretReport | None = None
        self._is_replacing = False
        self._is_removed = False
        outer = LeadLayout(self, gap=8)
        self.edit = QLineEdit()
        self.edit.setEchoMode(QLineEdit.EchoMode.Password)
        self.edit.textEdited.connect(self.changed)
        self.edit.editingFinished.connect(self.left)
        words = QWidget()
        said = line(words)
        self._sign = Sign("lock", "muted", 16)
        self._words = label("", wrap=True)
        said.addWidget(self._sign)
        said.addWidget(self._words, 1)
        said.addWidget(self.edit, 1)
        outer.addWidget(words)
        self._replace = self._button(tr("Replace"), self._start_replacing)
        self._remove = self._button(tr("Remove"), self._start_removing, Role.DANGER)
        self._undo = self._button(tr("Keep the stored one"), self._keep)
        for button in (self._replace, self._remove, self._undo):
            outer.addWidget(button)
        self.setFocusProxy(self.edit)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._show()

    def set_stored(self, report: SecretReport | None, sent: SecretChange | None = None) -> None:
        """What the relay's vault holds; forgets what was typed. ``sent``: what was just handed to the vault; what was typed
        since then stays."""
        self._stored = report
        if sent is None or sent == self.change():
            self.reset()
        else:
            self._show()
            self.changed.emit()

    @property
    def is_stored(self) -> bool:
        return self._stored is not None

    def change(self) -> SecretChange:
        if self._is_removed:
            return SecretChange(SecretAction.REMOVE)
        if self.edit.text():
            return SecretChange(SecretAction.REPLACE, Secret(self.edit.text()))
        return SecretChange()

    @property
    def will_be_there(self) -> bool:
        """Whether there is a password once this is saved."""
        action = self.change().action
        return action is SecretAction.REPLACE or (self.is_stored and action is SecretAction.KEEP)

    def reset(self) -> None:
        """As stored: what was typed is forgotten."""
        self._is_replacing = False
        self._is_removed = False
        self.edit.clear()
        self._show()
        self.changed.emit()

    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self.edit.setAccessibleName(name)
        self._replace.setAccessibleName(tr("Replace {field}", field=name))
        self._remove.setAccessibleName(tr("Remove {field}", field=name))

    def setAccessibleDescription(self, description: str) -> None:
        super().setAccessibleDescription(description)
        self.edit.setAccessibleDescription(description)

    def _button(self, text: str, act: object, role: Role | None = None) -> QPushButton:
        button = QPushButton(text)
        set_role(button, role)
        button.clicked.connect(act)
        return button

    def _start_replacing(self) -> None:
        self._is_replacing = True
        self._is_removed = False
        self._show()
        self.edit.setFocus()
        self.changed.emit()

    def _start_removing(self) -> None:
        self._is_removed = True
        self._show()
        self.setFocus()  # the button that had it is gone
        self.changed.emit()

    def _keep(self) -> None:
        self.reset()
        self.setFocus()

    def _show(self) -> None:
        stored = self._stored
        types = stored is None or self._is_replacing
        self.edit.setVisible(types)
        self._words.setVisible(not types)
        self._sign.setVisible(not types)
        self._replace.setVisible(not types and not self._is_removed)
        self._remove.setVisible(not types and not self._is_removed)
        self._undo.setVisible(stored is not None and (self._is_replacing or self._is_removed))
        if self._is_removed:
            self._sign.set("delete", "bad")
            self._words.setText(tr("Will be removed when you save."))
        elif stored is not None:
            self._sign.set("lock", "good")
            self._words.setText(stored_words(stored))
        self.setFocusProxy(self.edit if types else (self._undo if self._is_removed else self._replace))


def stored_words(report: SecretReport) -> str:
    """“Stored in GNOME Keyring (12 Nov)”."""
    day = day_text(datetime.fromtimestamp(report.stored_at))
    return tr("Stored in {place} ({day})", place=said(report.backend), day=day)
