"""Labels. Text is always plain, never markup: it may come from outside."""

from __future__ import annotations

import re
from collections.abc import Iterator

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import (
    QClipboard,
    QContextMenuEvent,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QLabel, QMenu, QSizePolicy, QWidget

from ..i18n import tr
from ..theme import Role, monospace, px, set_role
from ..theme.icons import pixmap


def label(
    text: str = "",
    role: Role | None = None,
    *,
    wrap: bool = False,
    selectable: bool = False,
    mono: bool = False,
    parent: QWidget | None = None,
) -> QLabel:
    """A label. ``wrap`` takes as many lines as it needs, ``selectable`` can be copied from by mouse and keyboard."""
    made = WrappedLabel(text, parent) if wrap else QLabel(text, parent)
    made.setTextFormat(Qt.TextFormat.PlainText)
    set_role(made, role)
    if selectable:
        made.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
    if mono:
        made.setFont(monospace())
    return made


_BREAK = "\u200b"
_LONG = re.compile(r"\S{18,}")
"""Addresses, names of files and rules, fingerprints."""
_AFTER_SIGNS = re.compile(r"(?<=[@.=:,;/_+&-])")
_RUN, _PIECE = 30, 15
"""Letters without a sign that are broken, too, and what they are broken into."""


def breakable(text: str) -> str:
    """With zero-width spaces in its long words: behind their signs, and where there is none for long behind some letters."""
    return _LONG.sub(lambda word: _BREAK.join(_parts(word[0])), text)


def unbroken_width(metrics: QFontMetrics, text: str) -> int:
    """Of the widest part of a text that is not broken: what a label of it needs at least."""
    parts = breakable(text).replace(_BREAK, " ").split()
    return max(map(metrics.horizontalAdvance, parts), default=0) + 2


def _parts(word: str) -> Iterator[str]:
    for part in filter(None, _AFTER_SIGNS.split(word)):
        step = _PIECE if len(part) >= _RUN else len(part)
        yield from (part[start : start + step] for start in range(0, len(part), step))


class WrappedLabel(QLabel):
    """Wraps at words, and within long ones; asks for no more width than it gets. ``text``, and what is copied, is the text as
    it was set."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWordWrap(True)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._plain = ""
        self._is_broken = False
        self.setText(text)

    def setText(self, text: str) -> None:
        shown = breakable(text)
        self._plain = text
        self._is_broken = self._is_broken or shown != text
        if self._is_broken:
            self.setAccessibleName(text)  # a screen reader shall not meet the breaks
        super().setText(shown)

    def clear(self) -> None:
        self.setText("")

    def text(self) -> str:
        return self._plain

    def selectedText(self) -> str:
        return super().selectedText().replace(_BREAK, "")

    def minimumSizeHint(self) -> QSize:
        return QSize(px(40), self.fontMetrics().height())

    # What Qt would copy holds the breaks.

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy) and self.hasSelectedText():
            self._copy()
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if self.hasSelectedText() and QGuiApplication.clipboard().supportsSelection():
            self._copy(QClipboard.Mode.Selection)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if not self.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse:
            super().contextMenuEvent(event)
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        copy = menu.addAction(tr("Copy"))
        copy.setEnabled(self.hasSelectedText())
        copy.triggered.connect(lambda: self._copy())
        menu.addAction(tr("Select all")).triggered.connect(self._select_all)
        menu.popup(event.globalPos())

    def _select_all(self) -> None:
        self.setSelection(0, len(super().text()))

    def _copy(self, mode: QClipboard.Mode = QClipboard.Mode.Clipboard) -> None:
        QGuiApplication.clipboard().setText(self.selectedText(), mode)


class ElidedLabel(QLabel):
    """One line that ends in “…” where there is no room; the whole text is its tool tip then, and always its accessible name."""

    def __init__(
        self, text: str = "", mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._mode = mode
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setText(text)

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setAccessibleName(text)
        self._tell()

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + 2, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(px(24), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tell()

    def _tell(self) -> None:
        cut = self.fontMetrics().horizontalAdvance(self.text()) > self.width()
        self.setToolTip(self.text() if cut else "")

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        shown = QFontMetrics(self.font()).elidedText(self.text(), self._mode, self.width())
        painter.drawText(self.rect(), self.alignment() | Qt.TextFlag.TextSingleLine, shown)


class Sign(QWidget):
    """An icon beside words, in the colour of a token of the theme in use. Says nothing to a screen reader: the words do."""

    def __init__(self, name: str, tone: str = "muted", size: float = 18, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._tone = tone
        self._side = px(size)
        self.setFixedSize(self._side, self._side)

    def set(self, name: str, tone: str) -> None:
        if (name, tone) != (self._name, self._tone):
            self._name, self._tone = name, tone
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).drawPixmap(0, 0, pixmap(self._name, self._side, self._tone, self.devicePixelRatioF()))
