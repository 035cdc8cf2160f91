"""Writes in a row: after everyone was heard, each once, and nobody at another's cost."""

from __future__ import annotations

import asyncio

import pytest

from gatepost.relay.common.outbox import Outbox


class Connection:
    def __init__(self, name: str, events: list[str]) -> None:
        self.name = name
        self.events = events

    def flush(self) -> None:
        self.events.append(f"{self.name} written")

    def abort(self) -> None:
        self.events.append(f"{self.name} dropped")


class Broken(Connection):
    def flush(self) -> None:
        raise RuntimeError("the handler is closed")


async def test_writing_waits_until_everyone_was_heard() -> None:
    events: list[str] = []
    outbox = Outbox()

    def hear(name: str) -> None:
        events.append(f"{name} heard")
        outbox.owe(Connection(name, events))

    for name in ("a", "b"):
        asyncio.get_running_loop().call_soon(hear, name)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert events == ["a heard", "b heard", "a written", "b written"]


async def test_what_is_owed_while_writing_goes_out_in_the_next_turn() -> None:
    events: list[str] = []
    outbox = Outbox()

    class Again(Connection):
        def flush(self) -> None:
            super().flush()
            outbox.owe(Connection("second", events))

    outbox.owe(Again("first", events))
    outbox.flush()
    assert events == ["first written"]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert events == ["first written", "second written"]


async def test_one_that_cannot_write_is_dropped_and_costs_nobody_else_theirs(caplog: pytest.LogCaptureFixture) -> None:
    events: list[str] = []
    outbox = Outbox()
    for connection in (Connection("a", events), Broken("b", events), Connection("c", events)):
        outbox.owe(connection)
    await asyncio.sleep(0)
    assert events == ["a written", "b dropped", "c written"]
    assert "could not be written to" in caplog.text
