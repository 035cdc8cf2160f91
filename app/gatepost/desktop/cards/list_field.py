"""Several values, each in a field of its own: domains, addresses, mailboxes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QMimeData, QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QLabel, QLineEdit, QPlainTextEdit, QPushButton, QSizePolicy, QToolButton, QWidget

from ...model.network import parse_address_range
from ..i18n import ntr, tr
from ..theme import Role, icon, px, set_role
from .layout import line, rows
from .page_parts import tool_button
from .text import Sign, label

MANY = 40
"""From so many values on, they are lines of one text box: fields for each would be slow to build and tedious to read."""

_SEPARATORS = re.compile(r"[\s,;]+")

Understanding = Callable[[str], str]
"""What one value means, in words; raises ValueError with words for the person where it is wrong."""


class ListField(QWidget):
    """``values()`` in order. Enter goes on to the next field, Backspace in an empty one removes it, and a paste of many
    lines (or a list with commas) makes many fields."""

    changed = Signal()
    left = Signal()

    def __init__(
        self,
        *,
        add_text: str = "",
        placeholder: str = "",
        understand: Understanding | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._placeholder = placeholder
        self._understand = understand
        self._errors: dict[int, str] = {}
        self._fields: list[_Entry] = []
        outer = rows(self, gap=6)
        self._entries = rows(gap=6)
        outer.addLayout(self._entries)
        self.box = QPlainTextEdit()
        self.box.setPlaceholderText(placeholder)
        self.box.setTabChangesFocus(True)
        self.box.setMinimumHeight(px(200))
        self.box.textChanged.connect(self._box_changed)
        self.box.installEventFilter(self)
        self.box.hide()
        outer.addWidget(self.box)
        self._said = label("", Role.MUTED, wrap=True)
        self._said.hide()
        outer.addWidget(self._said)
        self.error_place = rows(gap=0)
        outer.addLayout(self.error_place)
        self.add_button = QPushButton(icon("add", "accent"), add_text or tr("Add another"))
        set_role(self.add_button, Role.LINK)
        self.add_button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.add_button.clicked.connect(self._add_clicked)
        outer.addWidget(self.add_button)
        self.set_values(())

    # --- values ---

    def values(self) -> tuple[str, ...]:
        texts = self.box.toPlainText().splitlines() if self._is_box else [entry.text for entry in self._fields]
        return tuple(text.strip() for text in texts if text.strip())

    def set_values(self, values: Sequence[str]) -> None:
        if tuple(values) == self.values() and (self._fields or self._is_box):
            return
        self._errors.clear()
        self._fill(values)

    def set_errors(self, errors: dict[int, str]) -> None:
        """What is wrong with single values, by their number among ``values()``."""
        self._errors = dict(errors)
        if self._is_box:
            self._tell_box()
            return
        number = 0
        for entry in self._fields:
            if entry.text:
                entry.set_error(errors.get(number, ""))
                number += 1
            else:
                entry.set_error("")

    def focus_value(self, number: int) -> None:
        """Put the cursor into one value."""
        if self._is_box:
            self.box.setFocus()
        elif self._fields:
            self._fields[min(number, len(self._fields) - 1)].edit.setFocus()

    @property
    def _is_box(self) -> bool:
        return not self.box.isHidden()

    def _fill(self, values: Sequence[str]) -> None:
        as_box = len(values) >= MANY
        self.box.setVisible(as_box)
        self.add_button.setVisible(not as_box)
        for entry in self._fields:
            self._drop(entry)
        self._fields.clear()
        blocked = self.box.blockSignals(True)
        self.box.setPlainText("\n".join(values) if as_box else "")
        self.box.blockSignals(blocked)
        if as_box:
            self.setFocusProxy(self.box)
            self._tell_box()
        else:
            self._said.hide()
            for value in values or ("",):
                self._insert(len(self._fields), value)
        self._renumber()

    # --- fields ---

    def _insert(self, index: int, text: str = "") -> _Entry:
        entry = _Entry(text, self._placeholder, self._understand)
        entry.edit.installEventFilter(self)
        entry.edit.textEdited.connect(self.changed)
        entry.edit.editingFinished.connect(self.left)
        entry.removed.connect(lambda: self._remove(entry))
        self._fields.insert(index, entry)
        self._entries.insertWidget(index, entry)
        return entry

    def _add_clicked(self) -> None:
        self._insert(len(self._fields)).edit.setFocus()
        self._renumber()

    def _remove(self, entry: _Entry) -> None:
        index = self._fields.index(entry)
        had_text = bool(entry.text)
        if len(self._fields) == 1:
            entry.edit.clear()
            entry.tell()
        else:
            self._fields.remove(entry)
            self._drop(entry)
        self._renumber()
        self._fields[max(0, index - 1)].edit.setFocus()
        if had_text:
            self.changed.emit()

    def _drop(self, entry: _Entry) -> None:
        entry.edit.removeEventFilter(self)
        self._entries.removeWidget(entry)
        entry.hide()
        entry.setParent(None)
        entry.deleteLater()

    def _renumber(self) -> None:
        name = self.accessibleName()
        only = len(self._fields) == 1
        for number, entry in enumerate(self._fields, start=1):
            entry.set_name(name if only else f"{name} {number}", can_remove=not only or bool(entry.text))
        if self._fields:
            self.setFocusProxy(self._fields[0].edit)

    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self.box.setAccessibleName(name)
        self.add_button.setAccessibleDescription(name)
        self._renumber()

    def setAccessibleDescription(self, description: str) -> None:
        super().setAccessibleDescription(description)
        for entry in self._fields:
            entry.edit.setAccessibleDescription(description)

    # --- keys and pasting ---

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.FocusOut and watched is self.box:
            self.left.emit()
        if event.type() is not QEvent.Type.KeyPress or not isinstance(event, QKeyEvent) or watched is self.box:
            return False
        entry = next((one for one in self._fields if one.edit is watched), None)
        if entry is None:
            return False
        if event.matches(QKeySequence.StandardKey.Paste):
            return self._paste(entry, QGuiApplication.clipboard().mimeData())
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and entry.text:
            self._go_on(entry)
            return True
        if event.key() == Qt.Key.Key_Backspace and not entry.edit.text() and len(self._fields) > 1:
            self._remove(entry)
            return True
        return False

    def _go_on(self, entry: _Entry) -> None:
        index = self._fields.index(entry) + 1
        if index == len(self._fields):
            self._insert(index)
            self._renumber()
        self._fields[index].edit.setFocus()

    def _paste(self, entry: _Entry, data: QMimeData) -> bool:
        found = [part for part in _SEPARATORS.split(data.text()) if part]
        if len(found) < 2:
            return False
        self.insert_many(self._fields.index(entry), found)
        return True

    def insert_many(self, index: int, found: Sequence[str]) -> None:
        """Put values in at a field: into it where it is empty, else below it."""
        before = [entry.text for entry in self._fields]
        at = index if not before[index] else index + 1
        merged = [*before[:at], *found, *before[at:]]
        self._fill([text for text in merged if text])
        if not self._is_box:
            self._fields[min(at + len(found), len(self._fields)) - 1].edit.setFocus()
        self.changed.emit()

    # --- many lines ---

    def _box_changed(self) -> None:
        self._errors.clear()
        self._tell_box()
        self.changed.emit()

    def _tell_box(self) -> None:
        values = self.values()
        wrong = self._errors or self._misunderstood(values)
        if wrong:
            number, text = min(wrong.items())
            self._said.setText(tr("Line {number}: {problem}", number=number + 1, problem=text))
        else:
            self._said.setText(ntr("{n} entry, one a line", "{n} entries, one a line", len(values)))
        set_role(self._said, Role.ERROR if wrong else Role.MUTED)
        set_role(self.box, Role.WRONG if wrong else None)
        self._said.show()

    def _misunderstood(self, values: Sequence[str]) -> dict[int, str]:
        if self._understand is None:
            return {}
        for number, value in enumerate(values):
            try:
                self._understand(value)
            except ValueError as error:
                return {number: str(error)}
        return {}


class _Entry(QWidget):
    """One value: its field, what was understood, what is wrong, a way to remove it."""

    removed = Signal()

    def __init__(self, text: str, placeholder: str, understand: Understanding | None) -> None:
        super().__init__()
        self._understand = understand
        outer = rows(self, gap=3)
        self.edit = QLineEdit(text)
        self.edit.setPlaceholderText(placeholder)
        self.edit.textEdited.connect(self._edited)
        # Inside the field: so all fields of a form end at one line, and none moves while something is typed.
        inside = line(self.edit, gap=4)
        inside.setContentsMargins(0, 0, px(4), 0)
        inside.addStretch(1)
        self._note: QLabel = label("", Role.MUTED)
        inside.addWidget(self._note)
        self._remove: QToolButton = tool_button("close", "", self.removed.emit)
        self._remove.setCursor(Qt.CursorShape.ArrowCursor)
        inside.addWidget(self._remove)
        outer.addWidget(self.edit)
        self._wrong = QWidget()
        wrong = line(self._wrong, gap=6)
        wrong.addWidget(Sign("warning", "bad", 15), 0, Qt.AlignmentFlag.AlignTop)
        self._words = label("", Role.ERROR, wrap=True)
        wrong.addWidget(self._words, 1)
        self._wrong.hide()
        outer.addWidget(self._wrong)
        self.tell()

    @property
    def text(self) -> str:
        return self.edit.text().strip()

    def set_name(self, name: str, *, can_remove: bool) -> None:
        self.edit.setAccessibleName(name)
        words = tr("Remove {field}", field=name)
        self._remove.setAccessibleName(words)
        self._remove.setToolTip(words)
        self._remove.setVisible(can_remove)
        self._make_room()

    def set_error(self, text: str) -> None:
        self._words.setText(text)
        self._wrong.setVisible(bool(text))
        set_role(self.edit, Role.WRONG if text else None)

    def _edited(self) -> None:
        self.set_error("")
        self._remove.setVisible(True)
        self.tell()

    def tell(self) -> None:
        """Say what was understood; what is wrong with it is said when the field is left."""
        understood = ""
        if self._understand is not None and self.text:
            try:
                understood = self._understand(self.text)
            except ValueError:
                understood = ""
        self._note.setText(understood)
        self._note.setVisible(bool(understood))
        self.edit.setAccessibleDescription(understood)
        self._make_room()

    def _make_room(self) -> None:
        """What is typed ends before what stands in the field."""
        shown = [widget.sizeHint().width() for widget in (self._note, self._remove) if not widget.isHidden()]
        wanted = sum(shown) + px(4) * len(shown)
        if self.edit.textMargins().right() != wanted:
            self.edit.setTextMargins(0, 0, wanted, 0)

    def event(self, event: QEvent) -> bool:
        """Qt asks for a layout when the font or the look of a part has changed."""
        if event.type() is QEvent.Type.LayoutRequest:
            self._make_room()
        return super().event(event)


class AddressListField(ListField):
    """IP addresses, ranges and networks; says how many addresses each one means."""

    def __init__(self, *, add_text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(
            add_text=add_text or tr("Add an address"),
            placeholder="192.0.2.10-20",
            understand=understood_addresses,
            parent=parent,
        )


def understood_addresses(text: str) -> str:
    """“1 address”, “256 addresses”. Raises ValueError where the text is none."""
    count = parse_address_range(text).count
    if count > 10**15:
        return tr("2^{bits} addresses", bits=count.bit_length() - 1)
    return ntr("{n} address", "{n} addresses", count)
