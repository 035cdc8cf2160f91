"""Several DNS block lists, each with its zone, return codes and weight."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from ...cards import FieldRow, NumberField, Switch, TextField, divider, field_line, rows, tool_button
from ...i18n import tr
from ...theme import Role, icon, set_role
from ..wording import Plain

NEW = {"enabled": True, "zone": "", "return_codes": ["127.0.0.2-127.0.0.254"], "weight": 10.0}


class BlockListsField(QWidget):
    changed = Signal()
    """by the person"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lists: list[_List] = []
        outer = rows(self)
        self._rows = rows()
        outer.addLayout(self._rows)
        self.add_button = QPushButton(icon("add", "accent"), tr("Add a block list"))
        set_role(self.add_button, Role.LINK)
        self.add_button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.add_button.clicked.connect(self._add)
        outer.addWidget(self.add_button)
        self.setFocusProxy(self.add_button)

    def value(self) -> list[dict[str, Any]]:
        return [one.value() for one in self._lists]

    def set_value(self, value: Any) -> None:
        wanted = list(value or ())
        if wanted == self.value():
            return
        for one in self._lists:
            one.hide()
            one.deleteLater()
        self._lists.clear()
        for one in wanted:
            self._show(one)

    def _show(self, plain: Plain) -> _List:
        made = _List(plain, is_first=not self._lists)
        made.changed.connect(self.changed)
        made.removed.connect(lambda: self._remove(made))
        self._lists.append(made)
        self._rows.addWidget(made)
        return made

    def _add(self) -> None:
        self._show(NEW).zone.field.setFocus()
        self.changed.emit()

    def _remove(self, one: _List) -> None:
        self._lists.remove(one)
        one.hide()
        one.deleteLater()
        self.add_button.setFocus()
        self.changed.emit()


class _List(QWidget):
    changed = Signal()
    removed = Signal()

    def __init__(self, plain: Plain, *, is_first: bool) -> None:
        super().__init__()
        outer = rows(self)
        if not is_first:
            outer.addWidget(divider())
        self.enabled = Switch(tr("Enabled"))
        self.enabled.setChecked(plain["enabled"])
        self.zone = FieldRow(tr("Zone"), TextField("zen.example.net"))
        self.codes = FieldRow(tr("Return codes"), TextField(), tr("Addresses or ranges, with commas between them."))
        self.weight = FieldRow(tr("Weight"), NumberField(decimals=True))
        zone: Any = self.zone.field
        codes: Any = self.codes.field
        weight: Any = self.weight.field
        zone.setText(plain["zone"])
        codes.setText(", ".join(plain["return_codes"]))
        weight.set_value(float(plain["weight"]))
        outer.addWidget(field_line((self.zone, 3), (self.codes, 3), (self.weight, 1)))
        remove = tool_button(
            "delete", tr("Remove {name}", name=plain["zone"] or tr("this list")), self.removed.emit, tone="bad"
        )
        foot = field_line((self.enabled, 3), (remove, 1))
        outer.addWidget(foot)
        for signal in (zone.textEdited, codes.textEdited, weight.changed, self.enabled.clicked):
            signal.connect(lambda *_: self.changed.emit())

    def value(self) -> dict[str, Any]:
        zone: Any = self.zone.field
        codes: Any = self.codes.field
        weight: Any = self.weight.field
        return {
            "enabled": self.enabled.isChecked(),
            "zone": zone.text().strip(),
            "return_codes": [part.strip() for part in codes.text().split(",") if part.strip()],
            "weight": weight.value(),
        }
