"""A card: a titled group of fields; and the row of one field with its label, help and error."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from ..theme import Role, icon, set_role
from .inputs import NumberField
from .layout import Columns, LeadLayout, line, rows
from .text import Sign, label


class Card(QFrame):
    """``body`` takes widgets below each other; ``add_fields`` puts fields side by side where there is room."""

    def __init__(self, title: str = "", subtitle: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, Role.CARD)
        outer = rows(self, gap=14, margins=20)
        self._header = QWidget()
        self._header_line = LeadLayout(self._header)
        self._title = label(title, Role.HEADING)
        self._subtitle = label(subtitle, Role.MUTED, wrap=True)
        self._subtitle.setVisible(bool(subtitle))
        words = QWidget()
        stacked = rows(words, gap=3)
        stacked.addWidget(self._title)
        stacked.addWidget(self._subtitle)
        self._header_line.addWidget(words)
        self._header.setVisible(bool(title))
        outer.addWidget(self._header)
        self.setAccessibleName(title)
        self.body: QVBoxLayout = rows()
        outer.addLayout(self.body)

    @property
    def title(self) -> str:
        return self._title.text()

    def set_title(self, text: str) -> None:
        self._title.setText(text)
        self._header.setVisible(bool(text))
        self.setAccessibleName(text)

    def set_subtitle(self, text: str) -> None:
        self._subtitle.setText(text)
        self._subtitle.setVisible(bool(text))

    def add_to_header(self, widget: QWidget) -> None:
        """At the right of the title: a badge, a switch, a button."""
        self._header_line.addWidget(widget)

    def add(self, widget: QWidget) -> None:
        self.body.addWidget(widget)

    def add_fields(self, *fields: QWidget | tuple[QWidget, int]) -> QWidget:
        """Fields on one line, each with its weight (2 unless said). Returns what holds them, to be hidden as a whole."""
        holder = field_line(*fields)
        self.body.addWidget(holder)
        return holder


def field_line(*fields: QWidget | tuple[QWidget, int]) -> QWidget:
    """See ``Card.add_fields``."""
    holder = QWidget()
    columns = Columns(holder)
    for field in fields:
        widget, weight = field if isinstance(field, tuple) else (field, 2)
        columns.add(widget, weight)
    policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    policy.setHeightForWidth(True)
    holder.setSizePolicy(policy)
    return holder


class FieldRow(QWidget):
    """One field: its label above, what is wrong with it and help below.

    ``caption`` empty: the field says itself what it is (a switch); give it text or an accessible name then.
    """

    def __init__(self, caption: str, field: QWidget, help_text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field
        self._help_text = help_text
        layout = rows(self, gap=5)
        self.caption: QLabel | None = None
        if caption:
            self.caption = label(caption, Role.MUTED, wrap=True)
            self.caption.setBuddy(field)
            field.setAccessibleName(caption.replace("&", ""))
            layout.addWidget(self.caption)
        layout.addWidget(field)
        # Made when there is something to say: a form has many fields, and each widget costs time whenever the theme changes.
        self._help: QLabel | None = None
        self._error: _ErrorLine | None = None
        layout.addStretch(1)
        self._lines = layout
        self._show_help()
        self._describe("")

    @property
    def caption_width(self) -> int:
        """What the label needs to stand on one line."""
        if self.caption is None:
            return 0
        return self.caption.fontMetrics().horizontalAdvance(self.caption.text().replace("&", "")) + 2

    @property
    def is_short(self) -> bool:
        """What is typed there is never long."""
        return isinstance(self.field, NumberField)

    @property
    def error(self) -> str:
        return self._error.text if self._error is not None else ""

    def set_error(self, text: str) -> None:
        """What is wrong, in words; empty when nothing is."""
        if text == self.error:
            return
        if self._error is None:
            self._error = _ErrorLine()
            place = getattr(self.field, "error_place", None)  # of a list: below its values, above what adds one
            if place is not None:
                place.addWidget(self._error)
            else:
                self._lines.insertWidget(self._lines.indexOf(self.field) + 1, self._error)
        self._error.show_text(text)
        self._error.setVisible(bool(text))
        target = self.field.focusProxy() or self.field
        set_role(target, Role.WRONG if text else None)
        self._describe(text)

    def set_help(self, text: str) -> None:
        self._help_text = text
        self._show_help()
        self._describe(self.error)

    def _show_help(self) -> None:
        if self._help is None:
            if not self._help_text:
                return
            self._help = label("", Role.MUTED, wrap=True)
            self._lines.insertWidget(self._lines.count() - 1, self._help)
        self._help.setText(self._help_text)
        self._help.setVisible(bool(self._help_text))

    def set_caption(self, text: str) -> None:
        if self.caption is not None:
            self.caption.setText(text)
            self.field.setAccessibleName(text.replace("&", ""))

    def _describe(self, error: str) -> None:
        self.field.setAccessibleDescription(" ".join(part for part in (error, self._help_text) if part))


class _ErrorLine(QWidget):
    """A sign and words: the colour is not the only hint."""

    def __init__(self) -> None:
        super().__init__()
        layout = line(self, gap=6)
        self._words = label("", Role.ERROR, wrap=True)
        layout.addWidget(Sign("warning", "bad", 15), 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self._words, 1)

    @property
    def text(self) -> str:
        return self._words.text()

    def show_text(self, text: str) -> None:
        self._words.setText(text)


class Disclosure(QWidget):
    """Fields that few people need, behind a button that shows them."""

    toggled = Signal(bool)

    def __init__(self, caption: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        outer = rows(self, gap=10)
        self.button = QPushButton(icon("chevron-right", "accent"), caption)
        self.button.setCheckable(True)
        set_role(self.button, Role.LINK)
        self.button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.button.toggled.connect(self._toggled)
        outer.addWidget(self.button)
        self._content = QWidget()
        self.body = rows(self._content)
        self._content.hide()
        outer.addWidget(self._content)

    @property
    def is_open(self) -> bool:
        return self.button.isChecked()

    def open(self, is_open: bool = True) -> None:
        self.button.setChecked(is_open)

    def is_content(self, widget: QWidget) -> bool:
        """Whether this is what is shown when it is open."""
        return widget is self._content

    def add(self, widget: QWidget) -> None:
        self.body.addWidget(widget)

    def add_fields(self, *fields: QWidget | tuple[QWidget, int]) -> QWidget:
        holder = field_line(*fields)
        self.body.addWidget(holder)
        return holder

    def _toggled(self, is_open: bool) -> None:
        self.button.setIcon(icon("chevron-down" if is_open else "chevron-right", "accent"))
        self._content.setVisible(is_open)
        self.toggled.emit(is_open)
