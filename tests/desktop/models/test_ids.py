"""Two lists of ids and the steps between them."""

from __future__ import annotations

import time
from array import array

from hypothesis import given
from hypothesis import strategies as st

from gatepost.desktop.models.ids import Inserted, Removed, steps


def applied(old: array[int], new: array[int], found: list[Removed | Inserted]) -> array[int]:
    result = array("q", old)
    for step in found:
        if isinstance(step, Removed):
            del result[step.first : step.first + step.count]
        else:
            result[step.first : step.first] = new[step.first : step.first + step.count]
    return result


UNIQUE = st.lists(st.integers(0, 40), unique=True, max_size=30)


@given(old=UNIQUE, new=UNIQUE)
def test_the_steps_lead_from_one_list_to_the_other(old: list[int], new: list[int]) -> None:
    before, after = array("q", old), array("q", new)

    found = steps(before, after)

    kept = set(old) & set(new)
    if found is None:
        assert [n for n in old if n in kept] != [n for n in new if n in kept], "only another order begins anew"
    else:
        assert applied(before, after, found) == after


@given(old=UNIQUE, gone=st.sets(st.integers(0, 40)), come=st.sets(st.integers(41, 60)))
def test_sorted_lists_never_begin_anew(old: list[int], gone: set[int], come: set[int]) -> None:
    before = array("q", sorted(old))
    after = array("q", sorted((set(old) - gone) | come))

    found = steps(before, after)

    assert found is not None
    assert applied(before, after, found) == after


def test_a_run_of_rows_is_one_step() -> None:
    old, new = array("q", [1, 2, 3, 4, 5, 6]), array("q", [0, 1, 5, 6, 7, 8])

    assert steps(old, new) == [Removed(1, 3), Inserted(0, 1), Inserted(4, 2)]


def test_the_rest_of_a_long_list_is_one_step() -> None:
    everything = array("q", range(1_000_000))

    assert steps(everything[:500], everything) == [Inserted(500, 999_500)]


def test_a_few_changes_among_a_million_are_found_in_a_moment() -> None:
    old = array("q", range(1_000_000, 0, -1))
    new = array("q", [1_000_002, 1_000_001, *old[:500], *old[503:]])
    began = time.process_time()

    found = steps(old, new)

    assert found is not None
    assert applied(old, new, found) == new
    assert time.process_time() - began < 0.5


def test_too_many_runs_begin_anew() -> None:
    assert steps(array("q", range(0, 2000, 2)), array("q", range(2000))) is None
