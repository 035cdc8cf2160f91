"""What a column of a list shows of a row. No Qt: texts and tones; ``cells`` paints them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Tone(StrEnum):
    """How a word is meant, by the theme's token for it. A tone only supports what the word says already."""

    PLAIN = "text"
    QUIET = "muted"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    NEUTRAL = "neutral"
    ACCENT = "accent"


class Kind(StrEnum):
    TEXT = "text"
    PILL = "pill"
    """A word on a tinted ground."""
    NUMBER = "number"
    """To the right, figures of one width."""


@dataclass(frozen=True, slots=True)
class Column:
    """``title`` is marked for translation; ``width`` and ``least`` are in characters of the font.

    ``order`` is the relay's name for sorting by it, empty where it cannot. Columns with the highest ``rank`` go first when
    there is not room for all. ``is_live``: its text changes with the clock.
    """

    key: str
    title: str
    text: Callable[[Any], str]
    width: int
    least: int = 0
    order: str = ""
    rank: int = 0
    kind: Kind = Kind.TEXT
    tone: Callable[[Any], Tone] | None = None
    is_live: bool = False
    tooltip: Callable[[Any], str] | None = None
    words: Callable[[], Iterable[str]] | None = None
    """All that it can say: the column is never narrower than the longest of them."""
    descending_first: bool = False
    """A first click on its header sorts the largest to the top."""
