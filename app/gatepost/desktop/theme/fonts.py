"""The font: the desktop's own where it names one, else Inter; and lengths that follow it.

Lengths are written as they are at 100 % (a 10 pt font at 96 dpi) and multiplied with ``scale()``.
"""

from __future__ import annotations

import sys

from PySide6.QtGui import QFont, QFontDatabase, QFontInfo
from PySide6.QtWidgets import QApplication

from .. import resources

PREFERRED = "Inter"
POINTS = 10.0
_REFERENCE_PIXELS = POINTS * 96 / 72
_NAMELESS = {"", "sans", "sans serif", "sans-serif", "dejavu sans", "bitstream vera sans", "helvetica"}
"""What Qt reports when the desktop has named no font."""

_base: QFont | None = None
"""The application's font before any scaling."""
_scale: float | None = None
"""As ``apply_font`` left it. Lengths are asked for thousands of times while a page is made, and Qt takes its time to answer."""


def apply_font(application: QApplication, scale: float = 1.0) -> None:
    """Set the application's font; ``scale`` makes text (and with it everything else) larger."""
    global _base, _scale
    if _base is None:
        _base = _chosen(application.font())
    font = QFont(_base)
    font.setPointSizeF(_base.pointSizeF() * scale)
    application.setFont(font)
    _scale = QFontInfo(font).pixelSize() / _REFERENCE_PIXELS


def _chosen(desktop: QFont) -> QFont:
    font = QFont(desktop)
    if font.pointSizeF() <= 0:  # given in pixels
        font.setPointSizeF(QFontInfo(font).pointSizeF())
    if sys.platform.startswith("linux") and desktop.family().casefold() in _NAMELESS:
        if PREFERRED in QFontDatabase.families() or PREFERRED in carried_families():
            font.setFamily(PREFERRED)
        font.setPointSizeF(POINTS)
    return font


def carried_families() -> set[str]:
    """Load the fonts that a bundle brings along, for systems that do not have them."""
    loaded = [QFontDatabase.addApplicationFont(str(path)) for path in sorted(resources.path("fonts").glob("*.otf"))]
    return {family for number in loaded if number >= 0 for family in QFontDatabase.applicationFontFamilies(number)}


def scale() -> float:
    """The size of the application's font, 1.0 at 100 %."""
    if _scale is not None:
        return _scale
    return QFontInfo(QApplication.font()).pixelSize() / _REFERENCE_PIXELS


def px(length: float) -> int:
    """A length that is ``length`` pixels at 100 %, at least 1."""
    return max(1, round(length * scale()))


def monospace(factor: float = 0.95) -> QFont:
    """For dialogues, headers, fingerprints."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPointSizeF(QApplication.font().pointSizeF() * factor)
    return font
