"""Small parts that the cards of the overview share."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QLayout, QPushButton, QSizePolicy

from ...theme import Role, set_role


def link(text: str, act: Callable[[], object]) -> QPushButton:
    made = QPushButton(text)
    set_role(made, Role.LINK)
    made.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
    made.clicked.connect(lambda: act())
    return made


def clear(layout: QLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
