"""Rows that were fetched lately. Bounded, so a list takes the same memory with a thousand rows and with a million. No Qt."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Generic, TypeVar

Row = TypeVar("Row")

CAPACITY = 2000
"""Rows: some screens up and down."""


class RowCache(Generic[Row]):
    """By id; what was looked at longest ago goes first. ``age`` makes all rows old: still shown, but to be fetched again."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._rows: OrderedDict[int, tuple[Row, int]] = OrderedDict()
        self._round = 0

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, number: int) -> Row | None:
        found = self._rows.get(number)
        return None if found is None else found[0]

    def is_fresh(self, number: int) -> bool:
        found = self._rows.get(number)
        return found is not None and found[1] == self._round

    def put(self, rows: Iterable[tuple[int, Row]]) -> None:
        for number, row in rows:
            self._rows.pop(number, None)
            self._rows[number] = (row, self._round)
        while len(self._rows) > self._capacity:
            self._rows.popitem(last=False)

    def used(self, numbers: Iterable[int]) -> None:
        """These are on the screen."""
        for number in numbers:
            if number in self._rows:
                self._rows.move_to_end(number)

    def age(self) -> None:
        self._round += 1

    def forget(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._rows.pop(number, None)

    def clear(self) -> None:
        self._rows.clear()
