"""Sizes, ages and moments in words, short enough for a column. Languages differ in more than the words: see ``i18n``."""

from __future__ import annotations

import time
from datetime import datetime

from PySide6.QtCore import QDate, QDateTime, QLocale

from .i18n import language, tr

_DAY = 86_400


def size_text(octets: int) -> str:
    """“640 B”, “3.2 KB”, “14 MB”: powers of 1,000."""
    if octets < 1000:
        return tr("{n} B", n=octets)
    value, units = octets / 1000, ["KB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop(0)
    digits = 1 if value < 9.95 else 0
    return f"{QLocale(language()).toString(value, 'f', digits)} {units[0]}"


def span_text(seconds: float) -> str:
    """“12 s”, “4 min”, “3 h”, “2 d”; never less than nothing."""
    seconds = max(0.0, seconds)
    if seconds < 60:
        return tr("{n} s", n=int(seconds))
    if seconds < 3600:
        return tr("{n} min", n=int(seconds // 60))
    if seconds < 2 * _DAY:
        return tr("{n} h", n=int(seconds // 3600))
    return tr("{n} d", n=int(seconds // _DAY))


def age_text(since: float, now: float | None = None) -> str:
    return span_text((time.time() if now is None else now) - since)


def moment_text(at: float, *, seconds: bool = False, now: float | None = None) -> str:
    """“14:05” for today, “12 Nov 14:05”, “12 Nov 2025 14:05”; by this computer's clock."""
    locale = QLocale(language())
    moment = QDateTime.fromMSecsSinceEpoch(round(at * 1000))
    today = QDateTime.fromMSecsSinceEpoch(round((time.time() if now is None else now) * 1000)).date()
    clock = locale.toString(moment.time(), "HH:mm:ss" if seconds else "HH:mm")
    if moment.date() == today:
        return clock
    return f"{_day(moment.date(), today.year())} {clock}"


def day_text(at: datetime) -> str:
    """“12 Nov”, and the year where it is another one."""
    return _day(QDate(at.year, at.month, at.day), QDate.currentDate().year())


def _day(day: QDate, this_year: int) -> str:
    pattern = "d. MMM" if language() == "de" else "d MMM"
    return QLocale(language()).toString(day, pattern if day.year() == this_year else f"{pattern} yyyy")


def number_text(value: float, digits: int = 2) -> str:
    """“2.5”, “30”: no more digits than it needs."""
    text = QLocale(language()).toString(round(float(value), digits), "f", digits)
    return text.rstrip("0").rstrip(".,") if digits else text
