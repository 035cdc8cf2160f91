"""What a widget is for, as far as the style sheet draws it another way."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


class Role(StrEnum):
    # buttons
    PRIMARY = "primary"
    DANGER = "danger"
    QUIET = "quiet"
    """No frame until the pointer is over it."""
    LINK = "link"
    CHIP = "chip"
    """One of several filters; checkable."""
    # labels
    TITLE = "title"
    """The name of a page."""
    HEADING = "heading"
    """The name of a card."""
    SUBHEADING = "subheading"
    MUTED = "muted"
    ERROR = "error"
    STRONG = "strong"
    # containers
    CARD = "card"
    SIDEBAR = "sidebar"
    PAGE = "page"
    """The ground that cards lie on."""
    INSET = "inset"
    """A part of a card set apart by its ground."""
    DIVIDER = "divider"
    CONTENTS = "contents"
    """A list of what can be chosen to be shown beside it, without a frame, on the page's ground."""
    EMBEDDED = "embedded"
    """A list that fills a card: the card has the frame."""
    BAR = "bar"
    """The save bar at the foot of a page."""
    # fields
    WRONG = "wrong"
    """Its value was refused."""


def set_role(widget: QWidget, role: Role | None) -> None:
    """Also when the widget is shown already."""
    wanted = role.value if role is not None else None
    if widget.property("role") == wanted:
        return
    widget.setProperty("role", wanted)
    if not widget.testAttribute(Qt.WidgetAttribute.WA_WState_Polished):
        return  # it gets its look when it is shown, and only then
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)
