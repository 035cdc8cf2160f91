"""Fields to type and choose in. None changes by the wheel unless it has the focus."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QLocale, QRegularExpression, Qt, Signal
from PySide6.QtGui import QFocusEvent, QRegularExpressionValidator, QWheelEvent
from PySide6.QtWidgets import QComboBox, QLineEdit, QSizePolicy, QWidget

from ..theme import Role, px
from .layout import line
from .text import label


class TextField(QLineEdit):
    """``left``: the field was left after something was typed, or Enter was pressed."""

    left = Signal()

    def __init__(self, placeholder: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(placeholder)
        self.editingFinished.connect(self.left)


class ChoiceField(QComboBox):
    """One of several values, each with its words."""

    chosen = Signal()
    """By the person, not by the program."""
    left = Signal()

    def __init__(self, choices: Iterable[tuple[object, str]] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        for value, words in choices:
            self.addItem(words, value)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.activated.connect(self._activated)

    def value(self) -> object:
        return self.currentData()

    def set_value(self, value: object) -> None:
        index = self.findData(value)
        self.setCurrentIndex(index)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() is not Qt.FocusReason.PopupFocusReason:
            self.left.emit()

    def _activated(self) -> None:
        self.chosen.emit()


class NumberField(QWidget):
    """A number with its unit beside it. ``optional``: may be empty, and ``placeholder`` says what that means.

    The value is what was typed: an ``int`` or ``float`` where it is one, None where the field is empty, else the text itself,
    so that the model can say what is wrong with it.
    """

    changed = Signal()
    left = Signal()

    def __init__(
        self,
        *,
        unit: str = "",
        decimals: bool = False,
        optional: bool = False,
        placeholder: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._decimals = decimals
        self._optional = optional
        layout = line(self)
        self.edit = QLineEdit()
        self.edit.setPlaceholderText(placeholder)
        pattern = r"-?[0-9]{0,9}([.,][0-9]{0,3})?" if decimals else r"[0-9]{0,12}"
        self.edit.setValidator(QRegularExpressionValidator(QRegularExpression(pattern), self.edit))
        self.edit.setMinimumWidth(px(72))
        self.edit.textEdited.connect(self.changed)
        self.edit.editingFinished.connect(self.left)
        layout.addWidget(self.edit, 1)
        self._unit = unit
        if unit:
            layout.addWidget(label(unit, Role.MUTED))
        self.setFocusProxy(self.edit)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self.edit.setAccessibleName(f"{name} ({self._unit})" if self._unit else name)

    def setAccessibleDescription(self, description: str) -> None:
        super().setAccessibleDescription(description)
        self.edit.setAccessibleDescription(description)

    def value(self) -> object:
        text = self.edit.text().strip()
        if not text:
            return None if self._optional else ""
        try:
            return float(text.replace(",", ".")) if self._decimals else int(text)
        except ValueError:
            return text

    def set_value(self, value: object) -> None:
        if isinstance(value, float):
            shown = f"{value:.3f}".rstrip("0").rstrip(".")
            text = shown.replace(".", QLocale().decimalPoint())
        else:
            text = "" if value is None else str(value)
        if text != self.edit.text():
            self.edit.setText(text)
