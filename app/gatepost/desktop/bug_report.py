"""What a person may pass on about a bug: where it happened, and nothing about whose mail it was.

A traceback names lines of code, never values. Messages of exceptions do hold values, so addresses, host names, numbers of the
network, paths of the home folder and whatever stands in quotation marks are taken out.
"""

from __future__ import annotations

import platform
import re
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from .. import __version__

_REDACTIONS = (
    (re.compile(r"""(["'“‘«])(?:(?!["'”’»]).){1,2000}(["'”’»])""", re.DOTALL), r"\1…\2"),
    (re.compile(r"(?i)\b(pass\w*|secret|token|authorization|key)\b(\s*[:=]\s*)\S+"), r"\1\2…"),
    (re.compile(r"[^\s@<>]+@[^\s@<>]+"), "…@…"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"), "[address]"),
    (re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])"), "[address]"),
    (re.compile(r"\b(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.){2,}[A-Za-z]{2,}\b"), "[host]"),
    (re.compile(r"\b[A-Za-z0-9+/_=-]{32,}"), "…"),
)
_CODE_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class BugReport:
    """``identity`` is equal for the same bug at the same place; ``text`` is what is shown and copied."""

    identity: str
    summary: str
    text: str


def redacted(text: str) -> str:
    """``text`` without what could name a person, a machine or a secret."""
    home = str(Path.home())
    if len(home) > 1:
        text = text.replace(home, "~")
    for pattern, replacement in _REDACTIONS:
        text = pattern.sub(replacement, text)
    return text


def report_of(error: BaseException, where: str) -> BugReport:
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{_short(frames[-1].filename)}:{frames[-1].lineno}" if frames else "no traceback"
    kind = type(error).__name__
    return BugReport(f"{kind} {place}", f"{kind} ({where})", "\n".join([*_header(where), *_chain(error)]))


def report_of_text(text: str, where: str) -> BugReport:
    """For trouble that comes as words only: Qt's own complaints."""
    words = redacted(text)
    return BugReport(words, where, "\n".join([*_header(where), words]))


def _header(where: str) -> list[str]:
    system = f"{platform.system()} {platform.release()}"
    return [
        f"Gatepost {__version__}, Python {platform.python_version()}, {_qt_version()}, {system}",
        f"in: {redacted(where)}, at {time.strftime('%Y-%m-%d %H:%M:%S')}",
        "",
    ]


def _chain(error: BaseException) -> list[str]:
    lines: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        if lines:
            lines += ["", "caused by:"]
        lines += [
            f"  {_short(frame.filename)}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(current.__traceback__)
        ]
        lines.append(f"{type(current).__name__}: {redacted(str(current))}")
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return lines


def _short(filename: str) -> str:
    """The file below the package, or below site-packages: folders of this machine tell nothing about a bug."""
    path = Path(filename)
    if path.is_relative_to(_CODE_ROOT):
        return path.relative_to(_CODE_ROOT).as_posix()
    return "/".join(path.parts[-3:])


def _qt_version() -> str:
    core = sys.modules.get("PySide6.QtCore")
    return f"Qt {core.qVersion()}" if core is not None else "no Qt"
