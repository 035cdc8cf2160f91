"""The parameters of ``main.cf`` with their lines, and ``$name`` expanded as postconf(5) says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ..proposal import Place, SourceFile

_NAME = re.compile(r"[A-Za-z0-9_]+")
_DEEPEST = 20
"""Expansions within expansions; what goes deeper refers to itself."""
_MOST = 10_000
"""Expansions for one value."""
LONGEST = 100_000
"""Letters of an expanded value."""


class Setting(NamedTuple):
    value: str
    place: Place


class Line(NamedTuple):
    number: int
    text: str


class MainCf:
    """``get`` gives expanded values. A parameter that was set twice has its last value, as Postfix sees it."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file.name
        self.unreadable: list[Line] = []
        self._settings: dict[str, Setting] = {}
        self._seen: set[str] = set()
        self._budget = _MOST
        for line in logical_lines(file.text):
            name, equals, value = line.text.partition("=")
            name = name.strip()
            if equals and _NAME.fullmatch(name):
                self._settings[name] = Setting(value.strip(), Place(file.name, line.number))
            else:
                self.unreadable.append(line)

    def get(self, name: str) -> Setting | None:
        """The expanded value; asking marks the parameter as one that is understood. None when it is not set."""
        self._seen.add(name)
        found = self._settings.get(name)
        self._budget = _MOST
        return None if found is None else Setting(self.expand(found.value), found.place)

    def text(self, name: str, default: str = "") -> str:
        found = self.get(name)
        return default if found is None else found.value

    def is_on(self, name: str, *, default: bool = False) -> bool:
        found = self.get(name)
        return default if found is None else found.value.casefold() == "yes"

    def place(self, name: str) -> Place:
        found = self._settings.get(name)
        return found.place if found is not None else Place(self.file)

    def unasked(self) -> Iterator[tuple[str, Setting]]:
        """Parameters that nobody asked for."""
        return ((name, found) for name, found in self._settings.items() if name not in self._seen)

    # --- expansion ---

    def expand(self, value: str, depth: int = 0) -> str:
        self._budget -= 1
        if "$" not in value or depth > _DEEPEST or self._budget < 0:
            return value
        result: list[str] = []
        position = 0
        while position < len(value):
            at = value.find("$", position)
            if at < 0 or at + 1 >= len(value):
                result.append(value[position:])
                break
            result.append(value[position:at])
            following = value[at + 1]
            if following == "$":
                result.append("$")
                position = at + 2
            elif following in "{(":
                inner, position = _bracketed(value, at + 1)
                result.append(self._choose(inner, depth))
            elif found := _NAME.match(value, at + 1):
                result.append(self._value_of(found.group(), depth))
                position = found.end()
            else:
                result.append("$")
                position = at + 1
        return "".join(result)[:LONGEST]

    def _choose(self, inner: str, depth: int) -> str:
        """``name``, ``name?then``, ``name:else`` and ``name?{then}:{else}``."""
        found = re.match(r"\s*([A-Za-z0-9_]+)\s*([?:]?)", inner)
        if found is None:
            return ""
        value, kind, rest = self._value_of(found[1], depth), found[2], inner[found.end() :].strip()
        if not kind:
            return value
        first, second = rest, ""
        if rest.startswith("{"):
            first, end = _bracketed(rest, 0)
            tail = rest[end:].lstrip()
            if tail.startswith(":"):
                second = tail[1:].strip()
                second = _bracketed(second, 0)[0] if second.startswith("{") else second
        chosen = (first if value else second) if kind == "?" else (value or first)
        return self.expand(chosen.strip(), depth + 1)

    def _value_of(self, name: str, depth: int) -> str:
        found = self._settings.get(name)
        if found is not None:
            return self.expand(found.value, depth + 1)
        if name == "mydomain":
            host = self._settings.get("myhostname")
            return self.expand(host.value, depth + 1).partition(".")[2] if host is not None else ""
        if name == "myorigin":
            return self._value_of("myhostname", depth + 1)
        return {"config_directory": "/etc/postfix", "default_database_type": "hash"}.get(name, "")


def _bracketed(text: str, start: int) -> tuple[str, int]:
    """What stands between the bracket at ``start`` and its partner, and where it goes on."""
    opening = text[start]
    closing = {"{": "}", "(": ")"}[opening]
    depth = 0
    for index in range(start, len(text)):
        depth += (text[index] == opening) - (text[index] == closing)
        if depth == 0:
            return text[start + 1 : index], index + 1
    return text[start + 1 :], len(text)


def logical_lines(text: str) -> Iterator[Line]:
    """A line that begins with a space goes on with the one before; comments and empty lines do not count, also in between."""
    current: list[str] = []
    number = 0
    for at, raw in enumerate(text.splitlines(), start=1):
        bare = raw.strip()
        if not bare or bare.startswith("#"):
            continue
        if raw[0].isspace() and current:
            current.append(bare)
            continue
        if current:
            yield Line(number, " ".join(current))
        current, number = [bare], at
    if current:
        yield Line(number, " ".join(current))


def items(value: str) -> list[str]:
    """A list's elements, parted by commas and spaces; what stands in braces stays whole."""
    found: list[str] = []
    depth, word = 0, ""
    for letter in value:
        depth += (letter == "{") - (letter == "}")
        if depth == 0 and (letter == "," or letter.isspace()):
            found.append(word)
            word = ""
        else:
            word += letter
    return [one for one in [*found, word] if one]


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def seconds(value: str, unit: str) -> int | None:
    """A time such as ``5d`` or ``300``; ``unit`` is the parameter's own."""
    found = re.fullmatch(r"(\d{1,9})\s*([smhdw]?)", value.strip())
    return int(found[1]) * _UNITS[found[2] or unit] if found else None
