"""The session: connects to a real relay, loses it, comes back, and merges what comes too fast."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from gatepost.control.client import Client, Message
from gatepost.control.schema import EventMessage, Snapshot
from gatepost.desktop.bug_report import BugReport
from gatepost.desktop.context import AppContext
from gatepost.desktop.messages import Messages
from gatepost.desktop.session import RelaySession, SessionState
from gatepost.desktop.tasks import Tasks
from gatepost.model.errors import Unavailable

from ..support.relay_process import RelayProcess
from .waiting import until


async def test_the_client_says_why_it_cannot_be_had_while_there_is_no_relay(tmp_path: Path, tasks: Tasks) -> None:
    session = RelaySession(tmp_path, pauses=(0.01,))
    with pytest.raises(Unavailable):
        _ = session.client
    session.start(tasks)
    await until(lambda: session.problem, "the first attempt failed")
    with pytest.raises(Unavailable, match="not running"):
        _ = session.client
    await session.close()
    assert session.state is SessionState.IDLE


async def test_a_snapshot_comes_first_and_then_what_happens(connected_context: AppContext) -> None:
    session = connected_context.session
    assert isinstance(session.snapshot, Snapshot)
    seen: list[EventMessage] = []
    session.happened.connect(seen.append)
    await session.client.pause()
    await until(lambda: seen, "an event arrived")
    assert all(isinstance(message, EventMessage) for message in seen)


async def test_a_killed_relay_is_lost_and_found_again(
    start_relay: Callable[..., RelayProcess], monkeypatch: pytest.MonkeyPatch, tasks: Tasks
) -> None:
    relay = start_relay()
    monkeypatch.setenv("XDG_RUNTIME_DIR", relay.environment["XDG_RUNTIME_DIR"])
    session = RelaySession(relay.data, pauses=(0.05,))
    states: list[SessionState] = []
    session.state_changed.connect(states.append)
    session.start(tasks)
    await session.wait_connected()
    relay.kill()
    await until(lambda: session.state is SessionState.LOST, "the loss was noticed")
    with pytest.raises(Unavailable):
        _ = session.client
    relay.start()
    await session.wait_connected()
    assert (await session.client.status()).relay.pid == relay.pid
    assert states == [SessionState.CONNECTING, SessionState.CONNECTED, SessionState.LOST, SessionState.CONNECTED]
    await session.close()


@pytest.mark.parametrize("error", [ValueError("a message that nobody understands"), Unavailable("It went wrong.")])
async def test_a_stream_that_breaks_in_the_middle_is_lost_and_connected_again(
    connected_context: AppContext, tasks: Tasks, messages: Messages, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Not a window that looks connected and never hears anything again."""
    bugs: list[BugReport] = []
    messages.bug_found.connect(bugs.append)
    place, snapshots = connected_context.session.place, 0
    session = RelaySession(connected_context.session.data_folder, pauses=(0.01,))
    whole = Client.events

    async def broken(client: Client, *, reconnect: bool = True) -> AsyncGenerator[Message]:
        nonlocal snapshots
        async with aclosing(whole(client, reconnect=reconnect)) as found:
            async for message in found:
                snapshots += 1
                yield message
                if snapshots == 1:
                    raise error

    monkeypatch.setattr(Client, "events", broken)
    assert session.place == place
    states: list[SessionState] = []
    session.state_changed.connect(states.append)
    session.start(tasks)
    await until(lambda: states.count(SessionState.CONNECTED) == 2, "it is connected again")
    assert states == [SessionState.CONNECTING, SessionState.CONNECTED, SessionState.LOST, SessionState.CONNECTED]
    assert (await session.client.status()).relay.pid
    assert len(bugs) == isinstance(error, ValueError)
    await session.close()


async def test_events_of_one_kind_and_subject_are_merged_into_one_a_frame(context: AppContext) -> None:
    session = context.session
    seen: list[EventMessage] = []
    session.happened.connect(seen.append)
    for number in range(500):
        session._gather(EventMessage(sequence=number, kind="accepted", at=0, count=2, data={"n": number}))
    session._gather(EventMessage(sequence=501, kind="gateway.resting", at=0, data={"gateway_id": "a"}))
    session._gather(EventMessage(sequence=502, kind="gateway.resting", at=0, data={"gateway_id": "b"}))
    await until(lambda: seen, "a frame passed")
    assert [(message.kind, message.count) for message in seen] == [
        ("accepted", 1000),
        ("gateway.resting", 1),
        ("gateway.resting", 1),
    ]
    assert seen[0].data == {"n": 499}
