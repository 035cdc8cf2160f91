"""Turns at what only so many may use: taken in order, given back once, not waited for for ever."""

from __future__ import annotations

import asyncio

import pytest

from gatepost.model.spam import SpamdSource
from gatepost.relay import inspecting, turns
from gatepost.relay.inspecting import AT_ONCE, scans_at_once
from gatepost.relay.turns import Turn, is_this_machine


async def test_a_place_is_free_again_when_the_block_ends_however_it_ends() -> None:
    one, other = asyncio.Semaphore(1), asyncio.Semaphore(1)

    async def break_down() -> None:
        async with Turn(1, one, other) as turn:
            assert turn.is_ours
            assert one.locked()
            assert other.locked()
            raise ValueError("broke")

    with pytest.raises(ValueError, match="broke"):
        await break_down()
    assert not one.locked()
    assert not other.locked()


async def test_a_place_that_was_given_back_early_is_not_given_back_again() -> None:
    one, other = asyncio.Semaphore(1), asyncio.Semaphore(1)
    async with Turn(1, one, other) as turn:
        turn.give_back(one)
        assert other.locked()
        async with Turn(1, one) as second:
            turn.give_back(one)
            assert second.is_ours
            assert one.locked(), "it is the second one's now"
    assert not one.locked()
    await one.acquire()
    assert one.locked(), "there is one place, not two"


async def test_whoever_does_not_get_every_place_keeps_none() -> None:
    one, other = asyncio.Semaphore(1), asyncio.Semaphore(0)
    async with Turn(0.01, one, other) as turn:
        assert not turn.is_ours
        assert not one.locked()


async def test_whoever_is_cancelled_while_waiting_leaves_no_place_taken() -> None:
    one, other = asyncio.Semaphore(1), asyncio.Semaphore(0)

    async def wait() -> None:
        async with Turn(60, one, other):
            pass

    waiting = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not one.locked()


@pytest.mark.parametrize("host", ["localhost", "LocalHost.", "127.0.0.1", "127.8.9.10", "::1"])
def test_this_machine_is_known_by_name_and_address(host: str) -> None:
    assert is_this_machine(host)


@pytest.mark.parametrize("host", ["192.0.2.4", "spamd.example.org", "2001:db8::1", "localhost.example.org"])
def test_others_are_not_taken_for_this_machine(host: str) -> None:
    assert not is_this_machine(host)


@pytest.mark.parametrize(("processors", "expected"), [(1, 1), (2, 1), (8, 7)])
def test_spamd_beside_us_leaves_a_processor_to_us(monkeypatch: pytest.MonkeyPatch, processors: int, expected: int) -> None:
    monkeypatch.setattr(inspecting, "processors", lambda: processors)
    assert scans_at_once(SpamdSource()) == expected


def test_spamd_elsewhere_takes_none_of_our_processors() -> None:
    assert scans_at_once(SpamdSource(host="192.0.2.9")) == AT_ONCE


def test_what_is_set_is_obeyed() -> None:
    assert scans_at_once(SpamdSource(at_once=5)) == 5
    assert turns.processors() >= 1
