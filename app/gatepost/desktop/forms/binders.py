"""Ties the fields of a page to the dotted paths of a FormModel, both ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QLineEdit, QPlainTextEdit, QScrollArea, QWidget

from ...model.errors import Issue
from ..cards import ChoiceField, Disclosure, FieldRow, ListField, NumberField, SecretField
from .form_model import FormModel
from .wording import words

Sync = Callable[[], None]


@dataclass(slots=True)
class _Bound:
    """``shows`` puts the path's value into the widget. ``errors`` shows what is wrong with what lies at ``errors_at``."""

    path: str
    errors_at: tuple[str, ...]
    widget: QWidget
    shows: Callable[[Any], None]
    errors: Callable[[tuple[Issue, ...]], None]


class Form(QObject):
    """``add(path, row)`` for each field; then ``refresh()`` after the model was loaded.

    The person's typing goes into the model at once, what is wrong is said once the field is left.
    """

    changed = Signal()
    """The draft, or what is said about it."""

    def __init__(self, model: FormModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.model = model
        self._bound: list[_Bound] = []
        self._is_filling = False
        model.listen(self._model_changed)

    # --- binding ---

    def add(self, path: str, row: FieldRow, *, empty_is_none: bool = False) -> FieldRow:
        """Bind a row's field by its kind. ``empty_is_none``: an empty text field means None."""
        field = row.field
        errors = self._row_errors(row)
        if isinstance(field, ListField):
            field.changed.connect(lambda: self._typed(path, list(field.values())))
            field.left.connect(lambda: self.model.touch(path))
            self._bind(
                path,
                field,
                lambda value: field.set_values([str(one) for one in value or ()]),
                self._list_errors(path, row, field),
            )
        elif isinstance(field, NumberField):
            field.changed.connect(lambda: self._typed(path, field.value()))
            field.left.connect(lambda: self.model.touch(path))
            self._bind(path, field, field.set_value, errors)
        elif isinstance(field, ChoiceField):
            field.chosen.connect(lambda: self._chosen(path, field.value()))
            self._bind(path, field, field.set_value, errors)
        elif isinstance(field, QCheckBox):
            field.clicked.connect(lambda: self._chosen(path, field.isChecked()))
            self._bind(path, field, lambda value: field.setChecked(bool(value)), errors)
        elif isinstance(field, QLineEdit):
            self._bind_text(path, field, errors, empty_is_none)
        elif isinstance(field, QPlainTextEdit):
            field.textChanged.connect(lambda: self._typed(path, field.toPlainText()))
            self._bind(path, field, lambda value: _set_box(field, value), errors)
        else:
            raise TypeError(f"no way to bind a {type(field).__name__}")
        return row

    def add_custom(
        self, path: str, row: FieldRow, shows: Callable[[Any], None], *, errors_at: tuple[str, ...] = ()
    ) -> FieldRow:
        """A field that reports to the model itself (``put``); ``shows`` puts a value into it. ``errors_at``: the paths whose
        issues stand under it, where those are others than its own."""
        self._bind(path, row.field, shows, self._row_errors(row), errors_at)
        return row

    def add_secret(self, path: str, row: FieldRow) -> FieldRow:
        """A password, which is no part of the draft; what the relay says of it stands under it until it is typed anew."""
        field = row.field
        assert isinstance(field, SecretField)  # noqa: S101 - what the method is for
        field.changed.connect(lambda: self.model.settle(path))
        field.changed.connect(self.changed)
        self._bind(path, field, lambda _: None, self._row_errors(row))
        return row

    def put(self, path: str, value: Any) -> None:
        """What the person chose in a field bound by ``add_custom``."""
        self._chosen(path, value)

    def _bind_text(self, path: str, field: QLineEdit, errors: Callable[[tuple[Issue, ...]], None], empty_is_none: bool) -> None:
        def typed(text: str) -> None:
            self._typed(path, None if empty_is_none and not text.strip() else text)

        def shows(value: Any) -> None:
            text = "" if value is None else str(value)
            if field.text() != text:
                field.setText(text)

        field.textEdited.connect(typed)
        field.editingFinished.connect(lambda: self.model.touch(path))
        self._bind(path, field, shows, errors)

    def _bind(
        self,
        path: str,
        widget: QWidget,
        shows: Callable[[Any], None],
        errors: Callable[[tuple[Issue, ...]], None],
        errors_at: tuple[str, ...] = (),
    ) -> None:
        self._bound.append(_Bound(path, errors_at or (path,), widget, shows, errors))

    def _said_of(self, bound: _Bound) -> tuple[Issue, ...]:
        return tuple(issue for path in bound.errors_at for issue in self.model.shown_at(path))

    # --- both ways ---

    def refresh(self) -> None:
        """Put the draft into the widgets."""
        self._is_filling = True
        try:
            for bound in self._bound:
                bound.shows(self.model.get(bound.path))
        finally:
            self._is_filling = False
        self._model_changed()

    def _typed(self, path: str, value: Any) -> None:
        if not self._is_filling:
            self.model.set(path, value)

    def _chosen(self, path: str, value: Any) -> None:
        if not self._is_filling:
            self.model.set(path, value)
            self.model.touch(path)

    def _model_changed(self) -> None:
        if self._is_filling:
            return
        for bound in self._bound:
            bound.errors(self._said_of(bound))
        self.changed.emit()

    # --- what is wrong ---

    @staticmethod
    def _row_errors(row: FieldRow) -> Callable[[tuple[Issue, ...]], None]:
        return lambda issues: row.set_error(words(issues[0]) if issues else "")

    @staticmethod
    def _list_errors(path: str, row: FieldRow, field: ListField) -> Callable[[tuple[Issue, ...]], None]:
        def show(issues: tuple[Issue, ...]) -> None:
            single: dict[int, str] = {}
            whole = ""
            for issue in issues:
                number = issue.field.removeprefix(f"{path}.")
                if number.isdigit():
                    single.setdefault(int(number), words(issue))
                else:
                    whole = whole or words(issue)
            field.set_errors(single)
            row.set_error(whole)

        return show

    @property
    def stray_issues(self) -> tuple[Issue, ...]:
        """Shown issues that no visible field can show: about the whole, or about other objects."""
        paths = [path for bound in self._bound if _is_reachable(bound.widget) for path in bound.errors_at]
        return tuple(
            issue
            for issue in self.model.shown_issues
            if not any(issue.field == path or issue.field.startswith(f"{path}.") for path in paths)
        )

    def jump_to_first_issue(self) -> bool:
        """Put the cursor into the first wrong field, opening what hides it. False when no field is to blame."""
        for bound in self._bound:
            issues = self._said_of(bound)
            if issues and _is_reachable(bound.widget):
                _reveal(bound.widget)
                if isinstance(bound.widget, ListField):
                    number = issues[0].field.removeprefix(f"{bound.path}.")
                    bound.widget.focus_value(int(number) if number.isdigit() else 0)
                else:
                    bound.widget.setFocus(Qt.FocusReason.OtherFocusReason)
                return True
        return False

    @property
    def wrong_captions(self) -> tuple[str, ...]:
        """The names of the fields that something is said about, in the order of the page."""
        return tuple(
            bound.widget.accessibleName() for bound in self._bound if self._said_of(bound) and _is_reachable(bound.widget)
        )


def _is_reachable(widget: QWidget) -> bool:
    """Shown, or inside something that the person can open."""
    found: QWidget | None = widget
    while found is not None and not found.isWindow():
        if found.isHidden() and not isinstance(_disclosure_of(found), Disclosure):
            return False
        found = found.parentWidget()
    return True


def _disclosure_of(widget: QWidget) -> QWidget | None:
    """The Disclosure whose content this is."""
    parent = widget.parentWidget()
    return parent if isinstance(parent, Disclosure) and parent.is_content(widget) else None


def _reveal(widget: QWidget) -> None:
    found: QWidget | None = widget
    area: QScrollArea | None = None
    while found is not None:
        if isinstance(found, Disclosure):
            found.open()
        if isinstance(found, QScrollArea):
            area = found
        found = found.parentWidget()
    if area is not None:
        shown = widget.focusProxy() or widget
        area.ensureWidgetVisible(shown, 40, 120)


def _set_box(field: QPlainTextEdit, value: Any) -> None:
    text = "" if value is None else str(value)
    if field.toPlainText() != text:
        field.setPlainText(text)
