"""What a person would stumble over in a window, found by looking at its widgets and its pixels.

Each fault is a line that names the widget and what is wrong with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QAccessible, QFontMetrics, QImage
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QCheckBox,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QTabBar,
    QTextEdit,
    QToolButton,
    QWidget,
)

from gatepost.desktop.cards import ElidedLabel, Switch
from gatepost.desktop.cards.mnemonics import mnemonic_of
from gatepost.desktop.models.header import ListHeader, medium_font
from gatepost.desktop.theme import contrast, px

FIELDS = (QLineEdit, QComboBox, QCheckBox, QRadioButton, QPlainTextEdit, QTextEdit, QAbstractItemView, QPushButton, QToolButton)
LEAST_CONTRAST = 4.5
_SLACK = 2
"""Pixels: rounding of fonts."""


def faults(window: QWidget, *, measure_contrast: bool = False, whole_tabs: bool = True) -> Iterator[str]:
    """Of a window or dialog; what lies in another one is not looked at. ``whole_tabs``: tabs that are scrolled are one, too."""
    seen = _seen(window)
    yield from _clipped(seen)
    yield from _sideways(seen)
    yield from _cut_titles(seen)
    yield from _for_nothing(seen)
    if whole_tabs:
        yield from _cut_tabs(seen)
    yield from _nameless(seen)
    yield from _mnemonics(seen)
    if measure_contrast:
        yield from _pale(window, seen)


def pale(window: QWidget) -> Iterator[str]:
    """Only the contrast: for another theme on widgets whose places are the same."""
    yield from _pale(window, _seen(window))


def _seen(window: QWidget) -> list[QWidget]:
    return [
        widget
        for widget in window.findChildren(QWidget)
        if widget.isVisible() and widget.window() is window and not widget.visibleRegion().isEmpty()
    ]


def name_of(widget: QWidget) -> str:
    """The way to a widget: classes and object names, with the text that it shows."""
    parts: list[str] = []
    found: QWidget | None = widget
    while found is not None and not found.isWindow():
        name = found.objectName() if not found.objectName().startswith("qt_") else ""
        if name or type(found).__module__.startswith("gatepost"):
            parts.append(f"{type(found).__name__}{f'#{name}' if name else ''}")
        found = found.parentWidget()
    text = getattr(widget, "text", None)
    shown = f" “{text()[:40]}”" if callable(text) and isinstance(text(), str) else ""
    return f"{'/'.join(reversed(parts[:4]))} {type(widget).__name__}{shown}"


def _plain(text: str) -> str:
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&")


# --- clipped ---


def _clipped(seen: Iterable[QWidget]) -> Iterator[str]:
    for widget in seen:
        lacking = _lacks(widget)
        if lacking is not None and (lacking.x() > _SLACK or lacking.y() > _SLACK):
            yield f"clipped: {name_of(widget)} lacks {max(0, lacking.x())} × {max(0, lacking.y())} px"


def _lacks(widget: QWidget) -> QPoint | None:
    """How much more room its text needs, across and down."""
    if isinstance(widget, ElidedLabel):  # its tool tip tells the rest
        return None
    if isinstance(widget, QLabel):
        return _label_lacks(widget)
    if isinstance(widget, Switch):
        return QPoint(0, widget.heightForWidth(widget.width()) - widget.height())
    if isinstance(widget, QAbstractButton) and widget.text():
        wanted = widget.sizeHint()
        return QPoint(wanted.width() - widget.width(), wanted.height() - widget.height())
    if isinstance(widget, QComboBox):
        wanted_width = widget.fontMetrics().horizontalAdvance(widget.currentText()) + widget.fontMetrics().height() * 2
        return QPoint(wanted_width - widget.width(), widget.minimumSizeHint().height() - widget.height())
    if isinstance(widget, QLineEdit) and widget.placeholderText() and not widget.text():
        inside = widget.width() - widget.fontMetrics().height()
        return QPoint(widget.fontMetrics().horizontalAdvance(widget.placeholderText()) - inside, 0)
    return None


def _cut_titles(seen: Iterable[QWidget]) -> Iterator[str]:
    for widget in seen:
        if not isinstance(widget, QHeaderView) or widget.orientation() is not Qt.Orientation.Horizontal:
            continue
        metrics = QFontMetrics(medium_font())
        for number in range(widget.count()):
            title = str(widget.model().headerData(number, Qt.Orientation.Horizontal, Qt.ItemDataRole.DisplayRole))
            room = widget.sectionSize(number) - px(18 if isinstance(widget, ListHeader) else 16)
            if not widget.isSectionHidden(number) and metrics.horizontalAdvance(title) > room + _SLACK:
                yield f"cut title: {name_of(widget)} has {room} px for “{title}”"


def _label_lacks(label: QLabel) -> QPoint | None:
    if not label.text() or not label.pixmap().isNull():
        return None
    metrics = label.fontMetrics()
    inside = label.contentsRect()
    if label.wordWrap():
        return QPoint(0, label.heightForWidth(label.width()) - label.height())
    lines = _plain(label.text()).split("\n")
    width = max(metrics.horizontalAdvance(line) for line in lines)
    return QPoint(width - inside.width(), metrics.height() * len(lines) - inside.height() - metrics.descent())


def _sideways(seen: Iterable[QWidget]) -> Iterator[str]:
    for widget in seen:
        if isinstance(widget, QAbstractScrollArea) and not isinstance(widget, QPlainTextEdit | QTextEdit):
            bar = widget.horizontalScrollBar()
            if bar.maximum() > bar.minimum():
                yield f"scrolls sideways: {name_of(widget)} by {bar.maximum()} px"
        if isinstance(widget, QScrollArea) and widget.widget() is not None:
            beyond = widget.widget().width() - widget.viewport().width()
            if beyond > _SLACK:
                yield f"wider than its view: {name_of(widget)} by {beyond} px"


def _for_nothing(seen: Iterable[QWidget]) -> Iterator[str]:
    """A scroll bar beside what would fit."""
    for widget in seen:
        content = widget.widget() if isinstance(widget, QScrollArea) else None
        if not isinstance(widget, QScrollArea) or content is None or not content.hasHeightForWidth():
            continue
        needed, room = content.heightForWidth(content.width()), widget.viewport().height()
        if widget.verticalScrollBar().maximum() > 0 and needed <= room:
            yield f"scrolls for nothing: {name_of(widget)} needs {needed} of {room} px"


def _cut_tabs(seen: Iterable[QWidget]) -> Iterator[str]:
    for widget in seen:
        if not isinstance(widget, QTabBar):
            continue
        shown = [number for number in range(widget.count()) if widget.isTabVisible(number)]
        if shown and sum(widget.tabRect(number).width() for number in shown) > widget.width() + _SLACK:
            yield f"cut tabs: {name_of(widget)} has no room for “{widget.tabText(shown[-1])}”"


# --- names and letters ---


def _nameless(seen: Iterable[QWidget]) -> Iterator[str]:
    for widget in seen:
        if not isinstance(widget, FIELDS) or widget.focusPolicy() == Qt.FocusPolicy.NoFocus:
            continue
        interface = QAccessible.queryAccessibleInterface(widget)
        if interface is None or not interface.text(QAccessible.Text.Name).strip():
            yield f"without a name: {name_of(widget)}"


def _mnemonics(seen: Iterable[QWidget]) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for widget in seen:
        has_letter = isinstance(widget, QAbstractButton) or (isinstance(widget, QLabel) and widget.buddy() is not None)
        if has_letter and widget.isEnabled() and (letter := mnemonic_of(widget.text())):  # type: ignore[attr-defined]
            found.setdefault(letter, []).append(name_of(widget))
    for letter, names in found.items():
        if len(names) > 1:
            yield f"Alt+{letter} twice: {' and '.join(names)}"


# --- contrast ---


def _pale(window: QWidget, seen: Iterable[QWidget]) -> Iterator[str]:
    """Of the picture itself: the ground is the colour that covers most, the text the one that differs most from it."""
    image = window.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    for widget in seen:
        text = widget.text() if isinstance(widget, QLabel | QAbstractButton) else ""
        if not text.strip() or not widget.isEnabled():
            continue
        place = QRect(widget.mapTo(window, QPoint(0, 0)), widget.size()).intersected(image.rect())
        hidden = widget.visibleRegion().boundingRect().size()
        if place.width() < 8 or place.height() < 8 or hidden != widget.size():
            continue
        measured = _contrast_in(image.copy(place))
        if measured < LEAST_CONTRAST:
            yield f"contrast {measured:.1f}:1: {name_of(widget)}"


def _contrast_in(part: QImage) -> float:
    counted = Counter(memoryview(part.constBits()).cast("B").cast("I"))
    ground = counted.most_common(1)[0][0] & 0xFFFFFF
    return max(_contrast(ground, colour & 0xFFFFFF) for colour in counted)


@lru_cache(maxsize=100_000)
def _contrast(one: int, other: int) -> float:
    return contrast(f"#{one:06x}", f"#{other:06x}")
