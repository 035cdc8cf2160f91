"""How one list of ids became another: the few rows that came and went, so that a view need not begin anew. No Qt."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MAX_STEPS = 200
"""More runs of rows than this, and beginning anew is cheaper."""
_MAX_COMPARED = 20_000
"""Ids on either side that are compared one by one."""


@dataclass(frozen=True, slots=True)
class Removed:
    """``count`` rows from ``first`` on, counted when the step is made."""

    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Inserted:
    """``count`` rows that stand at ``first`` afterwards, as in the new list."""

    first: int
    count: int


Step = Removed | Inserted


def steps(old: array[int], new: array[int]) -> list[Step] | None:
    """What makes ``new`` of ``old``, step by step; None where rows changed their order or too much changed."""
    start = _common_start(old, new)
    end = _common_end(old, new, start)
    before, after = old[start : len(old) - end], new[start : len(new) - end]
    if not before or not after:
        return [*_single(Removed, start, len(before)), *_single(Inserted, start, len(after))]
    if max(len(before), len(after)) > _MAX_COMPARED:
        return None
    stay, came = set(before), set(after)
    if [number for number in before if number in came] != [number for number in after if number in stay]:
        return None
    gone = list(_runs(before, came))
    new_runs = list(_runs(after, stay))
    if len(gone) + len(new_runs) > MAX_STEPS:
        return None
    return [
        *(Removed(start + first, count) for first, count in reversed(gone)),
        *(Inserted(start + first, count) for first, count in new_runs),
    ]


def _single(kind: type[Removed] | type[Inserted], first: int, count: int) -> Iterator[Step]:
    if count:
        yield kind(first, count)


def _runs(numbers: Sequence[int], known: set[int]) -> Iterator[tuple[int, int]]:
    """Runs of numbers that are not known: where they begin, and how long they are."""
    first: int | None = None
    for position, number in enumerate(numbers):
        if number in known:
            if first is not None:
                yield first, position - first
            first = None
        elif first is None:
            first = position
    if first is not None:
        yield first, len(numbers) - first


def _common_start(old: array[int], new: array[int]) -> int:
    """How many ids both begin with. Slices are compared whole, so a million ids take about a millisecond."""
    low, high = 0, min(len(old), len(new))
    if old[:high] == new[:high]:
        return high
    while high - low > 1:  # old[:low] is common, old[:high] is not
        middle = (low + high) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _common_end(old: array[int], new: array[int], start: int) -> int:
    low, high = 0, min(len(old), len(new)) - start
    old_end, new_end = len(old), len(new)
    if old[old_end - high :] == new[new_end - high :]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if old[old_end - middle : old_end - low] == new[new_end - middle : new_end - low]:
            low = middle
        else:
            high = middle
    return low
