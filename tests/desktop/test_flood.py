"""50,000 events in ten seconds: the window goes on answering the keyboard."""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLineEdit

from gatepost.control.schema import EventMessage
from gatepost.desktop.application import settle_memory
from gatepost.desktop.context import AppContext
from gatepost.desktop.frame import Frame
from gatepost.desktop.messages import Messages
from gatepost.desktop.preferences import Preferences
from gatepost.desktop.session import RelaySession
from gatepost.desktop.supervisor import Supervisor
from gatepost.desktop.tasks import Tasks

from ..support.processes import Process
from ..support.relay_process import ROOT
from .waiting import until

EVENTS, SECONDS = 50_000, 10.0
ANSWERS_WITHIN = 0.1


class Pulse:
    """Measures how long the window's thread worked without a pause: that long a key would have had to wait.

    Its own processor time counts, so that other programs on the machine do not.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self.beats = 0
        self._last = time.thread_time()
        self._timer = QTimer()
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        self._last = time.thread_time()
        self._timer.start(2)

    def stop(self) -> None:
        self._timer.stop()

    def _beat(self) -> None:
        now = time.thread_time()
        self.longest = max(self.longest, now - self._last)
        self._last = now
        self.beats += 1


@pytest.mark.timeout(180)
async def test_fifty_thousand_events_in_ten_seconds_keep_no_key_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preferences: Preferences, messages: Messages, tasks: Tasks
) -> None:
    with tempfile.TemporaryDirectory(prefix="gp-") as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        data = tmp_path / "data"
        data.mkdir()
        command = [sys.executable, "-m", "tests.support.event_flood", data, str(EVENTS), str(SECONDS)]
        with Process([str(part) for part in command], log=tmp_path / "flood.log", folder=ROOT) as flood:
            session = RelaySession(data, pauses=(0.05,))
            context = AppContext(session=session, messages=messages, tasks=tasks, preferences=preferences)
            supervisor = Supervisor(session, tasks)
            frame = Frame(context, supervisor, [])
            field = QLineEdit(frame)
            frame.show()
            seen: list[EventMessage] = []
            session.happened.connect(seen.append)
            session.start(tasks)
            await session.wait_connected()
            settle_memory()  # as the app does
            pulse = Pulse()
            pulse.start()
            await until(lambda: sum(message.count for message in seen) >= EVENTS, "every event was counted", 120)
            pulse.stop()
            gc.unfreeze()
            field.setText("still there")
            assert field.text() == "still there"
            sent = json.loads(flood.output().splitlines()[-1])
            await session.close()
    assert sent["sent"] == EVENTS
    assert pulse.beats > 50, "the window was alive throughout"
    assert pulse.longest < ANSWERS_WITHIN
    assert len(seen) < EVENTS / 4, "they were merged"
