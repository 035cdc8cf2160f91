"""The Spam card: what is done with each level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QWidget

from ....model.spam import SpamLevel
from ...cards import Card, ChoiceField, FieldRow, NumberField, Switch, TextField, label
from ...cards.layout import Columns
from ...forms import Form
from ...i18n import mark, tr
from ...theme import Role
from . import words
from .draft import GatewayDraft

_LEVELS: Mapping[str, str] = {
    SpamLevel.NONE: mark("None"),
    SpamLevel.LOW: mark("Low"),
    SpamLevel.MEDIUM: mark("Medium"),
    SpamLevel.HIGH: mark("High"),
}
_ARGUMENTS: Mapping[str, tuple[str, str]] = {
    "bounce": ("text", mark("Reply text")),
    "prefix-subject": ("text", mark("Prefix")),
    "add-header": ("header", mark("Header")),
    "redirect": ("address", mark("To address")),
    "forward-copy": ("address", mark("To address")),
    "quarantine": ("days", mark("Keep for")),
}
"""The argument's field of the model, and what it is called."""
_BEGINNINGS: Mapping[str, object] = {
    "bounce": "Message refused: it looks like spam",
    "prefix-subject": "SPAM:",
    "add-header": "X-Spam: yes",
    "redirect": "",
    "forward-copy": "",
    "quarantine": 30,
}


class SpamGatewayCard(Card):
    def __init__(self, form: Form, draft: GatewayDraft) -> None:
        super().__init__(
            tr("Spam"), tr("What is done with a message of each level. Settings say how the level of a message is found.")
        )
        self._draft = draft
        self.enabled = form.add("spam.enabled", FieldRow("", Switch(tr("Filter spam"))))
        self.add(self.enabled)
        self.levels: list[QWidget] = []
        for level, caption in _LEVELS.items():
            row = _LevelRow(form, f"spam.{level}", tr(caption))
            self.levels.append(row)
            self.add(row)

    def follow(self) -> None:
        is_on = bool(self._draft.get("spam.enabled"))
        for row in self.levels:
            row.setVisible(is_on)


class _LevelRow(QWidget):
    """One level: its action, and the argument that the action needs. Arguments of other actions are kept while it is edited."""

    def __init__(self, form: Form, path: str, caption: str) -> None:
        super().__init__()
        self._form = form
        self._path = path
        self._kept: dict[str, object] = {}
        self._action = "no-action"
        columns = Columns(self)
        choice = ChoiceField(words.spam_actions())
        self.action = FieldRow(tr("Level {level}", level=caption), choice)
        self._choice = choice
        choice.chosen.connect(self._chosen)
        columns.add(self.action, 3)
        self._text = TextField()
        self.text = FieldRow(tr("Argument"), self._text)
        self._text.textEdited.connect(lambda _: self._typed())
        self._text.left.connect(lambda: form.model.touch(path))
        columns.add(self.text, 2)
        self._days = NumberField(unit=tr("days"))
        self.days = FieldRow(tr("Keep for"), self._days)
        self._days.changed.connect(self._typed)
        self._days.left.connect(lambda: form.model.touch(path))
        columns.add(self.days, 2)
        self.nothing = label("", Role.MUTED, wrap=True)
        columns.add(self.nothing, 2)
        form.add_custom(path, self.action, self._show, errors_at=(f"{path}.action",))
        typed = tuple(f"{path}.{name}" for name in ("text", "header", "address"))
        form.add_custom(path, self.text, lambda _value: None, errors_at=typed)
        form.add_custom(path, self.days, lambda _value: None, errors_at=(f"{path}.days",))
        self._level = caption

    def _show(self, value: Any) -> None:
        """A level's action as the model has it."""
        action = str((value or {}).get("action", "no-action"))
        self._choice.set_value(action)
        self._action = action
        if action in _ARGUMENTS:
            self._put_argument((value or {}).get(_ARGUMENTS[action][0]))
        self._follow()

    def _put_argument(self, argument: object) -> None:
        if self._action == "quarantine":
            self._days.set_value(argument)
        elif self._text.text() != str(argument or ""):
            self._text.setText(str(argument or ""))

    def _argument(self) -> object:
        return self._days.value() if self._action == "quarantine" else self._text.text()

    def _chosen(self) -> None:
        if self._action in _ARGUMENTS:
            self._kept[self._action] = self._argument()
        self._action = str(self._choice.value())
        if self._action in _ARGUMENTS:
            self._put_argument(self._kept.get(self._action, _BEGINNINGS[self._action]))
        self._follow()
        self._typed()

    def _typed(self) -> None:
        value: dict[str, object] = {"action": self._action}
        if self._action in _ARGUMENTS:
            value[_ARGUMENTS[self._action][0]] = self._argument()
        self._form.model.set(self._path, value)

    def _follow(self) -> None:
        needs = _ARGUMENTS.get(self._action)
        self.text.setVisible(needs is not None and self._action != "quarantine")
        self.days.setVisible(self._action == "quarantine")
        self.nothing.setVisible(needs is None)
        if needs is not None:
            row = self.days if self._action == "quarantine" else self.text
            row.set_caption(tr(needs[1]))
            row.field.setAccessibleName(
                tr("{level}: {argument}", level=self.action.field.accessibleName(), argument=tr(needs[1]))
            )
