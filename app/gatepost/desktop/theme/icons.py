"""Gatepost's own icons (resources/icons, strokes on a 24 px grid), drawn in the colours of the theme in use.

``icon("spool")`` gives a QIcon that draws itself anew in another theme; nobody has to set it again.
"""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from .. import resources
from . import current

_MAX_PIXMAPS = 512
_pixmaps: dict[tuple[str, int, int, str], QPixmap] = {}


def icon(name: str, tone: str = "") -> QIcon:
    """``name`` of a file in resources/icons. ``tone`` names a token; without it the colour follows the icon's state: muted,
    in the accent where it is chosen, pale where it is disabled."""
    _source(name)  # an unknown name fails here, not when it is painted
    return QIcon(_Engine(name, tone))


def pixmap(name: str, size: int, tone: str, ratio: float = 1.0) -> QPixmap:
    """``size`` in device-independent pixels; ``tone`` names a token."""
    return _rendered(name, QSize(size, size), getattr(current.tokens(), tone), ratio)


class _Engine(QIconEngine):
    def __init__(self, name: str, tone: str) -> None:
        super().__init__()
        self._name = name
        self._tone = tone

    def _colour(self, mode: QIcon.Mode, state: QIcon.State) -> str:
        tokens = current.tokens()
        if mode is QIcon.Mode.Disabled:
            return tokens.disabled
        if self._tone:
            return str(getattr(tokens, self._tone))
        return tokens.accent if mode is QIcon.Mode.Selected or state is QIcon.State.On else tokens.muted

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        ratio = painter.device().devicePixelRatioF()
        side = min(rect.width(), rect.height())
        drawn = _rendered(self._name, QSize(side, side), self._colour(mode, state), ratio)
        left = rect.left() + (rect.width() - side) // 2
        painter.drawPixmap(QPoint(left, rect.top() + (rect.height() - side) // 2), drawn)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return _rendered(self._name, size, self._colour(mode, state), 1.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        return _rendered(self._name, size / scale, self._colour(mode, state), scale)

    def clone(self) -> QIconEngine:
        return _Engine(self._name, self._tone)


def _rendered(name: str, size: QSize, colour: str, ratio: float) -> QPixmap:
    side = max(1, min(size.width(), size.height()))
    key = (name, side, round(ratio * 100), colour)
    found = _pixmaps.get(key)
    if found is not None:
        return found
    if len(_pixmaps) >= _MAX_PIXMAPS:
        _pixmaps.clear()
    real = max(1, round(side * ratio))
    drawn = QPixmap(real, real)
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    QSvgRenderer(QByteArray(_source(name).replace("currentColor", colour).encode())).render(painter, QRectF(0, 0, real, real))
    painter.end()
    drawn.setDevicePixelRatio(ratio)
    _pixmaps[key] = drawn
    return drawn


@cache
def _source(name: str) -> str:
    return resources.path("icons", f"{name}.svg").read_text(encoding="utf-8")
