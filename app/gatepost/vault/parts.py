"""Long secrets in keyrings that hold only short ones: Windows' Credential Manager takes 2,560 octets of UTF-16.

A long value is cut into parts, each under an account of its own; the account itself then holds a note of how many there
are. The parts of a new value get new names and are written before the note, so a reader finds the old value or the new
one, never a mixture.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Protocol

_NOTE = "gatepost-parts:1:"


class Ring(Protocol):
    """The calls that a splitter makes."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


class SplittingRing:
    """Puts values into ``ring`` of which none is longer than ``limit`` octets in UTF-16."""

    def __init__(self, ring: Ring, limit: int) -> None:
        self._ring = ring
        self._limit = limit

    def get_password(self, service: str, username: str) -> str | None:
        value = self._ring.get_password(service, username)
        if value is None or not value.startswith(_NOTE):
            return value
        found = [self._ring.get_password(service, part) for part in _parts(username, value)]
        return None if None in found else "".join(part for part in found if part is not None)

    def set_password(self, service: str, username: str, password: str) -> None:
        before = self._ring.get_password(service, username)
        if _octets(password) <= self._limit and not password.startswith(_NOTE):
            self._ring.set_password(service, username, password)
        else:
            pieces = list(_cut(password, self._limit))
            note = f"{_NOTE}{len(pieces)}:{secrets.token_hex(4)}"
            for name, piece in zip(_parts(username, note), pieces, strict=True):
                self._ring.set_password(service, name, piece)
            self._ring.set_password(service, username, note)
        self._drop_parts(service, username, before)

    def delete_password(self, service: str, username: str) -> None:
        before = self._ring.get_password(service, username)
        self._ring.delete_password(service, username)
        self._drop_parts(service, username, before)

    def _drop_parts(self, service: str, username: str, note: str | None) -> None:
        if note is not None and note.startswith(_NOTE):
            for part in _parts(username, note):
                if self._ring.get_password(service, part) is not None:
                    self._ring.delete_password(service, part)


def _parts(username: str, note: str) -> list[str]:
    count, _, generation = note.removeprefix(_NOTE).partition(":")
    return [f"{username}#{generation}.{index}" for index in range(int(count))]


def _octets(text: str) -> int:
    return len(text.encode("utf-16-le"))


def _cut(text: str, limit: int) -> Iterator[str]:
    size = limit // 4  # a character takes two or four octets; whole characters only
    for start in range(0, len(text), size):
        yield text[start : start + size]
