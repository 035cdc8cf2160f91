"""A field that names a listener or a gateway, or any of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...cards import ChoiceField, FieldRow
from ...forms import Form
from ...i18n import tr

Choices = Iterable[tuple[str, str]]


class ObjectChoice:
    """``row`` goes into a card; ``set_choices`` names what there is. None in the model is the choice of all."""

    def __init__(self, form: Form, path: str, caption: str, every: str, help_text: str = "") -> None:
        """``every``: what the choice of all is called."""
        self._form, self._path, self._every = form, path, every
        self._field = ChoiceField()
        self.row = FieldRow(caption, self._field, help_text)
        form.add_custom(path, self.row, self._show)
        self._field.chosen.connect(lambda: form.put(path, self._field.value() or None))
        self.set_choices(())

    def set_choices(self, choices: Choices) -> None:
        self._field.clear()
        self._field.addItem(self._every, "")
        for identifier, name in choices:
            self._field.addItem(name, identifier)
        self._show(self._form.model.get(self._path))

    def _show(self, value: Any) -> None:
        wanted = str(value or "")
        if self._field.findData(wanted) < 0:  # it is gone: say so instead of choosing another
            self._field.addItem(tr("{name} (not there)", name=wanted), wanted)
        self._field.set_value(wanted)
