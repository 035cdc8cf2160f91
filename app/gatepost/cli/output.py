"""What commands print: neat tables for people, JSON for programs. Text from outside never reaches the terminal raw."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TextIO

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_JSON_CONTROL = re.compile(r"[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_COLOURS = {"good": "32", "warning": "33", "bad": "31", "quiet": "2", "strong": "1"}
_STATES = {
    "running": "good", "listening": "good", "healthy": "good", "delivered": "good", "passed": "good",
    "usable": "good",
    "resting": "warning", "probing": "warning", "deferred": "warning", "held": "warning", "quarantined": "warning",
    "warning": "warning", "paused": "warning", "stopped": "warning", "captured": "warning",
    "waiting": "quiet", "disabled": "quiet", "skipped": "quiet",
    "failed": "bad", "bounced": "bad", "refused": "bad", "deleted": "quiet", "closed": "quiet",
}  # fmt: skip


def clean(text: str) -> str:
    """On one line and without control characters, so that a subject cannot steer the terminal."""
    return _CONTROL.sub(lambda match: " " if match[0] in "\n\r" else "?", text)


class Out:
    """One command's standard output. ``now``: the clock that relative times are counted from."""

    def __init__(self, *, as_json: bool, stream: TextIO | None = None, now: Callable[[], float] = time.time) -> None:
        self.as_json = as_json
        self.now = now
        self._stream = stream if stream is not None else sys.stdout
        self._is_terminal = self._stream.isatty()
        self._colours = self._is_terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def json(self, value: Any) -> None:
        """Dataclasses, models and plain data alike."""
        from pydantic_core import to_jsonable_python

        text = json.dumps(to_jsonable_python(value), ensure_ascii=False, indent=2 if self._is_terminal else None)
        self._write(_JSON_CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text))

    def line(self, text: str = "") -> None:
        self._write(clean(text))

    def styled(self, *parts: tuple[str, str]) -> None:
        """(text, style) parts on one line."""
        self._write("".join(self.paint(text, style) for text, style in parts))

    def note(self, text: str) -> None:
        """For people only: to standard error, and nothing with --json."""
        if not self.as_json:
            print(clean(text), file=sys.stderr)

    def text(self, text: str) -> None:
        """Of several lines, from outside."""
        for line in text.splitlines():
            self.line(line)

    def raw(self, text: str) -> None:
        """What is ours to the last letter: a file in UTF-8, on every system."""
        if isinstance(self._stream, io.TextIOWrapper) and not self._is_terminal:
            self._stream.reconfigure(encoding="utf-8")
        self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def paint(self, text: str, style: str) -> str:
        text = clean(text)
        return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m" if self._colours and style in _COLOURS else text

    def state(self, text: str) -> str:
        return self.paint(text, _STATES.get(text, ""))

    def when(self, at: float | None) -> str:
        return relative(at, self.now())

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str, states: Iterable[str] = ()) -> None:
        """Left-aligned. On a terminal the last column is cut so that a row stays on one line. ``states``: columns to colour."""
        shown = [[clean(cell) for cell in row] for row in rows]
        if not shown:
            self.note(empty)
            return
        widths = [max(width(row[i]) for row in [list(columns), *shown]) for i in range(len(columns))]
        room = shutil.get_terminal_size().columns - sum(widths[:-1]) - 2 * (len(columns) - 1) if self._is_terminal else None
        coloured = {columns.index(name) for name in states}
        self._row([self.paint(name, "quiet") for name in columns], columns, widths)
        for row in shown:
            if room is not None:
                row[-1] = shorten(row[-1], max(room, 8))
            self._row([self.state(cell) if i in coloured else cell for i, cell in enumerate(row)], row, widths)

    def _row(self, painted: Sequence[str], plain: Sequence[str], widths: Sequence[int]) -> None:
        cells = [cell + " " * (size - width(bare)) for cell, bare, size in zip(painted, plain, widths, strict=True)]
        self._write("  ".join([*cells[:-1], painted[-1]]).rstrip())

    def pairs(self, pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> None:
        """Names and values, one a line."""
        items = list(pairs.items() if isinstance(pairs, Mapping) else pairs)
        size = max((width(name) for name, _ in items), default=0)
        for name, value in items:
            self._write(f"{self.paint(name, 'quiet')}{' ' * (size - width(name))}  {self.state(value)}".rstrip())

    def tree(self, data: Mapping[str, Any], indent: str = "") -> None:
        """An object of the configuration, as ``path: value`` lines by card."""
        for key, value in data.items():
            if isinstance(value, Mapping):
                self._write(f"{indent}{self.paint(key, 'strong')}")
                self.tree(value, indent + "  ")
            else:
                self._write(f"{indent}{key}: {clean(value_text(value))}")

    def _write(self, text: str) -> None:
        self._stream.write(text + "\n")


def value_text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(json.dumps(v, ensure_ascii=False) if isinstance(v, dict) else str(v) for v in value) or "–"
    return str(value) if value != "" else "–"


def width(text: str) -> int:
    """Cells on a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def shorten(text: str, room: int) -> str:
    if width(text) <= room:
        return text
    kept = ""
    for letter in text:
        if width(kept) + width(letter) > room - 1:
            break
        kept += letter
    return kept + "…"


def relative(at: float | None, now: float) -> str:
    """``3 min ago``, ``in 2 h``; the date when it is more than a month away."""
    if at is None:
        return "–"
    gap = at - now
    if abs(gap) > 30 * 86_400:
        return time.strftime("%Y-%m-%d", time.localtime(at))
    words = span(abs(gap))
    if words == "now":
        return words
    return f"in {words}" if gap > 0 else f"{words} ago"


def span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "now"


def size_text(octets: int) -> str:
    amount = float(octets)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError("unreachable")


def plural(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def first_of(names: Sequence[str], count: int) -> str:
    """One name for all: ``ann@example.com (+2)``."""
    return "–" if not names else names[0] + (f" (+{count - 1})" if count > 1 else "")
