from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gatepost.relay.routing.rotation import Rotation


def test_weights_are_spread_smoothly() -> None:
    rotation = Rotation()
    assert "".join(rotation.next([("a", 1), ("b", 1), ("c", 2)]) for _ in range(8)) == "cabccabc"


def test_peeking_tells_the_next_turn_and_takes_none() -> None:
    rotation = Rotation()
    members = [("a", 3), ("b", 2)]
    for _ in range(10):
        seen = {rotation.peek(members) for _ in range(3)}
        assert seen == {rotation.next(members)}


@given(st.lists(st.integers(1, 100), min_size=1, max_size=6), st.integers(1, 3))
def test_every_cycle_gives_each_member_exactly_its_weight(weights: list[int], cycles: int) -> None:
    members = [(str(index), weight) for index, weight in enumerate(weights)]
    rotation = Rotation()
    turns = Counter(rotation.next(members) for _ in range(sum(weights) * cycles))
    assert turns == {name: weight * cycles for name, weight in members}


@given(st.lists(st.integers(1, 20), min_size=2, max_size=5), st.data())
def test_at_no_moment_is_a_member_far_off_its_share(weights: list[int], data: st.DataObject) -> None:
    members = [(str(index), weight) for index, weight in enumerate(weights)]
    rotation, turns, total = Rotation(), Counter[str](), sum(weights)
    for turn in range(1, data.draw(st.integers(1, 200)) + 1):
        turns[rotation.next(members)] += 1
        for name, weight in members:
            assert abs(turns[name] - turn * weight / total) < len(members)


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3).filter(any), min_size=1, max_size=300))
def test_whoever_comes_and_goes_the_present_are_never_starved(presence: list[list[bool]]) -> None:
    weights = {"a": 1, "b": 2, "c": 3}
    rotation, waited = Rotation(), Counter[str]()
    for present in presence:
        members = [(n, w) for (n, w), is_there in zip(weights.items(), present, strict=True) if is_there]
        chosen = rotation.next(members)
        assert chosen in dict(members)
        waited = Counter({name: waited[name] + 1 for name, _ in members if name != chosen})
        assert all(rounds <= 30 for rounds in waited.values())


def test_a_change_of_weights_gives_nobody_a_burst() -> None:
    rotation = Rotation()
    rotation.next([("a", 100), ("b", 100)])
    assert "".join(rotation.next([("a", 1), ("b", 1)]) for _ in range(6)) == "bababa"


@given(
    heavy=st.integers(20, 100),
    before=st.integers(0, 60),
    weights=st.lists(st.integers(1, 3), min_size=2, max_size=4),
)
def test_those_left_when_a_heavy_member_goes_share_evenly_at_once(heavy: int, before: int, weights: list[int]) -> None:
    left = [(str(number), weight) for number, weight in enumerate(weights)]
    rotation, turns, total = Rotation(), Counter[str](), sum(weights)
    for _ in range(before):
        rotation.next([("heavy", heavy), *left])
    for turn in range(1, 60):
        turns[rotation.next(left)] += 1
        for name, weight in left:
            assert abs(turns[name] - turn * weight / total) <= len(left) + 1
