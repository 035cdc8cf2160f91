"""Queue ids: the short name of a message in logs, replies, trace fields and on the command line."""

from __future__ import annotations

_ALPHABET = "0123456789BCDFGHJKLMNPQRSTVWXYZ"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_BASE = len(_ALPHABET)


def queue_id(row_id: int) -> str:
    """The public id of a message's row: digits and consonants only, so that it spells nothing."""
    if row_id < 0:
        raise ValueError("row ids are not negative")
    letters: list[str] = []
    while True:
        row_id, remainder = divmod(row_id, _BASE)
        letters.append(_ALPHABET[remainder])
        if not row_id:
            return "".join(reversed(letters)).rjust(6, "0")


def row_id(text: str) -> int:
    """The row id behind a queue id. Raises ValueError for what is none."""
    value = 0
    if not text:
        raise ValueError("an empty queue id")
    if not text.isascii():  # upper-casing turns some letters of other scripts into ASCII
        raise ValueError(f"“{text}” is not a queue id")
    for letter in text.upper():
        if letter not in _VALUES:
            raise ValueError(f"“{text}” is not a queue id")
        value = value * _BASE + _VALUES[letter]
    return value
