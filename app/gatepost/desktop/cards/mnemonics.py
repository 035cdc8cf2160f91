"""Mnemonics (Alt and a letter), given out so that no two controls on the screen share one, in every language."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QAbstractButton, QLabel, QPushButton, QWidget

from ..theme import Role

_WITHOUT = (Role.CHIP.value, Role.LINK.value)


def assign_mnemonics(root: QWidget) -> None:
    """Give the labels of fields and the buttons that are seen below ``root`` a letter each, as far as letters go.

    Letters that the rest of the window uses are left alone, and so are texts that name their own by “&”: call it again after
    something was shown or hidden. Chips, links and buttons without text get none.
    """
    taken = set(_letters_elsewhere(root))
    waiting: list[QLabel | QAbstractButton] = []
    # Buttons first: they are what keys are wanted for most.
    for widget in sorted(_candidates(root), key=lambda found: not isinstance(found, QPushButton)):
        if widget.property("mnemonic") is None and _letter(widget.text()):
            taken.add(_letter(widget.text()))
        else:
            waiting.append(widget)
    for widget in waiting:
        text: str = _plain(widget)
        wanted = text.replace("&", "&&")
        position = _free_position(text, taken)
        if position is not None:
            taken.add(text[position].upper())
            wanted = text[:position].replace("&", "&&") + "&" + text[position:].replace("&", "&&")
        widget.setProperty("mnemonic", True)
        if widget.text() != wanted:
            widget.setText(wanted)


def mnemonic_of(text: str) -> str:
    """The letter that a text names, upper case; empty where it names none."""
    return _letter(text)


def _candidates(root: QWidget) -> Iterable[QLabel | QAbstractButton]:
    for widget in root.findChildren(QWidget):
        if not widget.isVisibleTo(root) or widget.window() is not root.window():
            continue
        if isinstance(widget, QLabel):
            if widget.buddy() is not None and widget.text():
                yield widget
        elif isinstance(widget, QAbstractButton) and widget.text() and widget.property("role") not in _WITHOUT:
            yield widget


def _letters_elsewhere(root: QWidget) -> Iterable[str]:
    for widget in root.window().findChildren(QWidget):
        if isinstance(widget, QLabel | QAbstractButton) and widget.isVisible() and not root.isAncestorOf(widget):
            if isinstance(widget, QLabel) and widget.buddy() is None:
                continue
            if letter := _letter(widget.text()):
                yield letter


def _plain(widget: QLabel | QAbstractButton) -> str:
    text: str = widget.text()
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&")


def _letter(text: str) -> str:
    found = QKeySequence.mnemonic(text).toString()
    return found.rpartition("+")[2].upper()


def _free_position(text: str, taken: set[str]) -> int | None:
    """First letters of words, then any letter."""
    positions: list[int] = [i for i in range(len(text)) if i == 0 or not text[i - 1].isalnum()]
    positions.extend(range(len(text)))
    for position in positions:
        letter = text[position]
        if letter.isascii() and letter.isalnum() and letter.upper() not in taken:
            return position
    return None
