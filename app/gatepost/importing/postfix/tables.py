"""Lookup tables that were given as text: ``hash:/etc/postfix/transport`` stands for the file that postmap(1) reads."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..draft import Draft
from ..proposal import Place, SourceFile
from .main_cf import Line, items, logical_lines

FROM_TEXT = frozenset({"hash", "texthash", "lmdb", "btree", "cdb", "dbm", "sdbm"})


class Entry(NamedTuple):
    key: str
    value: str
    place: Place


class Files:
    """The files that were given, found by their whole name or else by its last part."""

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self._by_name = {_slashed(file.name): file for file in files}
        self._by_base: dict[str, SourceFile] = {}
        for file in files:
            self._by_base.setdefault(posixpath.basename(_slashed(file.name)), file)

    def find(self, name: str) -> SourceFile | None:
        name = _slashed(name)
        return self._by_name.get(name) or self._by_base.get(posixpath.basename(name))


def _slashed(name: str) -> str:
    return name.replace("\\", "/")


class Tables:
    def __init__(self, files: Files, draft: Draft) -> None:
        self._files = files
        self._draft = draft
        self.used: set[str] = set()
        """Names of the files that were read."""

    def entries(self, value: str, place: Place, what: str) -> list[Entry]:
        """All entries of the tables of a parameter, first table first. ``what`` names them in a line for a person."""
        found: list[Entry] = []
        for table in items(value):
            kind, colon, argument = table.partition(":")
            if kind == "proxy":
                kind, colon, argument = argument.partition(":")
            if not colon:
                kind, argument = ("file", table) if table.startswith("/") else ("", table)
            if kind == "inline":
                found.extend(_inline(argument, place))
            elif kind in FROM_TEXT or kind == "file":
                found.extend(self._from_file(argument, place, what))
            elif kind == "static":
                self._draft.decide(place, f"{what}: a static table gives the same answer to all; it is not taken over.")
            else:
                where = f" ({argument})" if argument.startswith("/") else ""  # else it may hold the entries themselves
                self._draft.decide(place, f"{what} stand in a {kind or 'list'} table{where}, which cannot be read here.")
        return found

    def words(self, value: str, place: Place, what: str) -> list[tuple[str, Place]]:
        """A match list such as ``mynetworks`` or ``relay_domains``: its own elements, and those of tables and files."""
        found: list[tuple[str, Place]] = []
        for element in items(value):
            plain = element.lstrip("!")
            is_table = ":" in plain and plain.partition(":")[0].isalpha() and not plain.startswith("[")
            if plain.startswith("/") or (is_table and "/" in plain.partition(":")[2]):
                kind = plain.partition(":")[0]
                if element.startswith("!"):
                    self._draft.left_out(place, f"{what}: the exception {element} is not taken over.")
                elif is_table and kind == "cidr":
                    found.extend(self._cidr(plain.partition(":")[2], place, what))
                elif is_table:
                    found.extend((entry.key, entry.place) for entry in self.entries(plain, place, what))
                else:
                    found.extend((word, at) for line, at in self._lines(plain, place, what) for word in items(line.text))
            else:
                found.append((element, place))
        return found

    def _cidr(self, name: str, place: Place, what: str) -> list[tuple[str, Place]]:
        found: list[tuple[str, Place]] = []
        for line, at in self._lines(name, place, what):
            network, _, action = line.text.partition(" ")
            if action.strip().casefold() in ("permit", "ok", "allow", "yes"):
                found.append((network, at))
            else:
                self._draft.left_out(at, f"{what}: {line.text} is not taken over.")
        return found

    def _from_file(self, name: str, place: Place, what: str) -> list[Entry]:
        return [_entry(line.text, at) for line, at in self._lines(name, place, what)]

    def _lines(self, name: str, place: Place, what: str) -> list[tuple[Line, Place]]:
        file = self._files.find(name)
        if file is None:
            self._draft.want(place, name, what)
            return []
        self.used.add(file.name)
        return [(line, Place(file.name, line.number)) for line in logical_lines(file.text)]


def _entry(text: str, place: Place) -> Entry:
    if text.startswith('"') and (end := text.find('"', 1)) > 0:
        return Entry(text[1:end], text[end + 1 :].strip(), place)
    key, _, value = text.partition(" ") if "\t" not in text.partition(" ")[0] else text.partition("\t")
    return Entry(key, value.strip(), place)


def _inline(argument: str, place: Place) -> list[Entry]:
    found: list[Entry] = []
    for item in items(argument.strip().removeprefix("{").removesuffix("}")):
        key, _, value = item.strip().removeprefix("{").removesuffix("}").partition("=")
        found.append(Entry(key.strip(), value.strip(), place))
    return found


def lookup(entries: Sequence[Entry], *keys: str) -> Entry | None:
    """The entry of the first key that there is; keys are the same in capitals (postmap(1) folds them)."""
    by_key: Mapping[str, Entry] = {entry.key.casefold(): entry for entry in reversed(entries)}
    return next((by_key[key.casefold()] for key in keys if key.casefold() in by_key), None)
