"""Handing over to a writer's thread: together while the loop is busy, at once when it rests, never late."""

from __future__ import annotations

import asyncio
import collections
from collections.abc import Callable
from typing import cast

import pytest

from gatepost.store import gathering
from gatepost.store.gathering import Gathering


class Loop:
    """``turn`` runs what was put off, as a loop does when it goes round; ``seconds`` are what that takes."""

    def __init__(self) -> None:
        self.now = 100.0
        self.soon: list[Callable[[], None]] = []

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.soon.append(callback)

    def turn(self, seconds: float) -> None:
        self.now += seconds
        soon, self.soon = self.soon, []
        for callback in soon:
            callback()


BUSY = gathering.AT_REST * 10
IDLE = gathering.AT_REST / 10


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def handed() -> list[list[int]]:
    return []


@pytest.fixture
def numbers(loop: Loop, handed: list[list[int]]) -> Gathering[int]:
    return Gathering(cast(asyncio.AbstractEventLoop, loop), handed.append, 4, lambda: loop.now)


def test_what_comes_alone_waits_for_one_turn_of_the_loop(loop: Loop, numbers: Gathering[int], handed: list[list[int]]) -> None:
    numbers.add(1)
    loop.turn(BUSY)  # the turn that it came in: no telling what else there is
    assert handed == []
    loop.turn(IDLE)
    assert handed == [[1]]
    assert loop.soon == [], "an idle loop is left alone"


def test_what_comes_while_the_loop_is_busy_goes_together(loop: Loop, numbers: Gathering[int], handed: list[list[int]]) -> None:
    numbers.add(1)
    loop.turn(IDLE)
    numbers.add(2)
    loop.turn(BUSY)
    numbers.add(3)
    loop.turn(BUSY)
    assert handed == []
    loop.turn(IDLE)
    assert handed == [[1, 2, 3]]
    assert len(numbers) == 0


def test_a_loop_that_never_rests_is_not_waited_for_long(loop: Loop, numbers: Gathering[int], handed: list[list[int]]) -> None:
    numbers.add(1)
    began = loop.now
    while not handed:
        loop.turn(BUSY)
    assert loop.now - began <= gathering.LONGEST + BUSY


def test_enough_for_a_commit_waits_for_nothing(loop: Loop, numbers: Gathering[int], handed: list[list[int]]) -> None:
    for number in range(6):
        numbers.add(number)
    assert handed == [[0, 1, 2, 3]]
    loop.turn(IDLE)
    loop.turn(IDLE)
    assert handed == [[0, 1, 2, 3], [4, 5]], "what came behind them is not forgotten"


class Contended(collections.deque[int]):
    """Another thread takes the last one between our look and our grasp."""

    def popleft(self) -> int:
        found = super().popleft()
        if len(self) == 1:
            super().popleft()
        return found


def test_two_threads_that_hand_over_do_not_hinder_each_other(numbers: Gathering[int], handed: list[list[int]]) -> None:
    class Seen(Contended):
        def __bool__(self) -> bool:
            return True

    numbers._gathered = Seen([1, 2])
    numbers.hand_over()
    assert handed == [[1]]


def test_what_was_handed_over_by_others_is_not_handed_over_twice(
    loop: Loop, numbers: Gathering[int], handed: list[list[int]]
) -> None:
    numbers.add(1)
    numbers.hand_over()
    loop.turn(IDLE)
    loop.turn(IDLE)
    assert handed == [[1]]
    numbers.add(2)
    loop.turn(IDLE)
    loop.turn(IDLE)
    assert handed == [[1], [2]], "and it goes on working"
