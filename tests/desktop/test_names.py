"""Whatever takes the focus says what it is, also on parts of a page that are not seen at first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractItemView, QAbstractScrollArea, QComboBox, QLabel, QLineEdit, QWidget

from gatepost.desktop.context import AppContext
from gatepost.desktop.pages.registry import PAGES
from gatepost.desktop.pages.settings import SettingsPage

from .gallery.faults import FIELDS, name_of


def _made(root: object) -> None:
    """Have made what a page or a part of it makes only when it is needed."""
    for kind in type(root).__mro__:
        for name, value in vars(kind).items():
            if isinstance(value, cached_property):
                getattr(root, name)


def _nameless(root: QWidget) -> Iterator[str]:
    labelled = {label.buddy() for label in root.findChildren(QLabel) if label.buddy() is not None and label.text()}
    for widget in root.findChildren(QWidget):
        if not isinstance(widget, FIELDS) or widget.focusPolicy() == Qt.FocusPolicy.NoFocus or _is_inside(widget):
            continue
        interface = QAccessible.queryAccessibleInterface(widget)
        named = interface is not None and interface.text(QAccessible.Text.Name).strip()
        if not named and not widget.accessibleName() and widget not in labelled:
            yield name_of(widget)


def _is_inside(widget: QWidget) -> bool:
    """A part that Qt makes itself: the list of a combo box, what an area scrolls."""
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, QComboBox | QAbstractItemView):
            return True
        parent = parent.parentWidget()
    return widget.objectName().startswith("qt_") and isinstance(widget, QAbstractScrollArea)


def test_every_field_of_every_page_has_a_name_or_a_label(connected_context: AppContext, on_loop: Callable[..., Any]) -> None:
    counted, nameless = 0, []
    for entry in PAGES:
        page = entry.build(connected_context)
        if isinstance(page, SettingsPage):
            for section in page._entries:
                on_loop(page.show_section(section))
        for part in [page, *page.findChildren(QWidget)]:
            _made(part)
        counted += sum(isinstance(widget, FIELDS) for widget in page.findChildren(QWidget))
        nameless += _nameless(page)
        on_loop(page.close_page())
    assert counted > 400
    assert nameless == []


def test_a_field_without_a_name_is_found(show: Callable[..., Any]) -> None:
    window = QWidget()
    named, nameless, labelled = QComboBox(window), QComboBox(window), QLineEdit(window)
    named.setAccessibleName("State")
    nameless.setObjectName("nameless")
    QLabel("Name", window).setBuddy(labelled)
    show(window)
    (found,) = _nameless(window)
    assert "nameless" in found
