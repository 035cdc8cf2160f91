"""Rows of a form over the settings: each is made, bound to its path, and returned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtWidgets import QWidget

from ...cards import AddressListField, ChoiceField, FieldRow, ListField, NumberField, Switch, TextField
from ...forms import Form
from ...i18n import tr
from ..route_field import RouteField
from ..wording import Plain


class Fields:
    """Makes rows for one form."""

    def __init__(self, form: Form) -> None:
        self._form = form

    def text(
        self, path: str, caption: str, help_text: str = "", *, placeholder: str = "", empty_is_none: bool = False
    ) -> FieldRow:
        return self._form.add(path, FieldRow(caption, TextField(placeholder), help_text), empty_is_none=empty_is_none)

    def number(self, path: str, caption: str, unit: str = "", help_text: str = "", *, decimals: bool = False) -> FieldRow:
        return self._form.add(path, FieldRow(caption, NumberField(unit=unit, decimals=decimals), help_text))

    def optional_number(self, path: str, caption: str, placeholder: str, help_text: str = "") -> FieldRow:
        """Empty is None, and ``placeholder`` says what that means."""
        field = NumberField(optional=True, placeholder=placeholder)
        return self._form.add(path, FieldRow(caption, field, help_text))

    def scaled(self, path: str, caption: str, unit: str, factor: int, help_text: str = "") -> FieldRow:
        """A number of octets, shown in a larger ``unit`` of ``factor`` octets."""
        field = NumberField(unit=unit, decimals=True)
        row = FieldRow(caption, field, help_text)

        def typed() -> None:
            value = field.value()
            self._form.model.set(path, round(value * factor) if isinstance(value, int | float) else value)

        def shows(value: Any) -> None:
            field.set_value(value / factor if isinstance(value, int | float) else value)

        field.changed.connect(typed)
        field.left.connect(lambda: self._form.model.touch(path))
        return self._form.add_custom(path, row, shows)

    def numbers(self, path: str, caption: str, help_text: str = "") -> FieldRow:
        """Whole numbers on one line, with commas between them."""
        field = TextField()
        row = FieldRow(caption, field, help_text)

        def typed(text: str) -> None:
            parts = [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]
            self._form.model.set(path, [int(part) if part.isdigit() else part for part in parts])

        def shows(value: Any) -> None:
            text = ", ".join(str(part) for part in value or ())
            if text != field.text():
                field.setText(text)

        field.textEdited.connect(typed)
        field.left.connect(lambda: self._form.model.touch(path))
        return self._form.add_custom(path, row, shows)

    def choice(self, path: str, caption: str, choices: Iterable[tuple[object, str]], help_text: str = "") -> FieldRow:
        return self._form.add(path, FieldRow(caption, ChoiceField(choices), help_text))

    def switch(self, path: str, text: str, help_text: str = "") -> FieldRow:
        return self._form.add(path, FieldRow("", Switch(text), help_text))

    def texts(self, path: str, caption: str, help_text: str = "", *, placeholder: str = "", add_text: str = "") -> FieldRow:
        """One value per field; a paste of many lines makes many."""
        field = ListField(placeholder=placeholder, add_text=add_text)
        return self._form.add(path, FieldRow(caption, field, help_text))

    def addresses(self, path: str, caption: str, help_text: str = "", *, add_text: str = "") -> FieldRow:
        """Addresses, ranges and networks, which say what was understood."""
        return self._form.add(path, FieldRow(caption, AddressListField(add_text=add_text), help_text))

    def route(self, path: str, caption: str) -> RouteField:
        """Put its ``holder`` into a card, and give it the gateways."""
        route = RouteField(caption, self._form)
        route.changed.connect(lambda: self._form.put(path, route.value()))
        self._form.add_custom(path, route.outbound, lambda value: route.set_value(value))
        return route


def show_when(wanted: bool, *widgets: QWidget) -> None:
    for widget in widgets:
        widget.setVisible(wanted)


def seconds() -> str:
    return tr("seconds")


def part_of(whole: Plain, names: Iterable[str]) -> dict[str, Any]:
    return {name: whole[name] for name in names}
