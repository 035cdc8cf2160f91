"""A person who cannot see the window uses it, by the accessibility tree, from ``make run`` on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.accessibility import wait_for
from tests.support.desktop_session import DesktopSession
from tests.support.procfs import is_running


@pytest.fixture
def session(folder: Path) -> Iterator[DesktopSession]:
    with DesktopSession(folder) as found:
        yield found


def relay_of(session: DesktopSession) -> int:
    """The process id of the relay that the session's endpoint files name."""
    runtime = Path(session.environment["XDG_RUNTIME_DIR"])
    (endpoint,) = wait_for(lambda: list(runtime.rglob("endpoint.json")), "a relay runs")
    return int(json.loads(endpoint.read_text())["pid"])


@pytest.mark.timeout(300)
def test_a_second_app_attaches_and_leaves_the_relay_alone_when_it_ends(folder: Path, session: DesktopSession) -> None:
    data = folder / "data"
    first = session.make_run(data)
    session.desktop.window("Gatepost", 120).find("", "State of the relay: Running", 60)
    relay = relay_of(session)
    second = session.make_run(data, "second")
    wait_for(lambda: len(session.desktop.applications) == 2, "the second window", 120)
    for application in session.desktop.applications:
        application.find("", "State of the relay: Running", 60)
    assert relay_of(session) == relay
    session.interrupt(second)
    assert is_running(relay)
    session.interrupt(first)
    wait_for(lambda: not is_running(relay), "the relay ended with the app that had started it")
