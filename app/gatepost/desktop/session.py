"""The relay as the window sees it: one connection, its newest snapshot, and what happens, as Qt signals.

``RelaySession`` connects whenever it can and comes back by itself. Events that arrive faster than a person can see are merged
by kind and subject and handed on once a frame, so that a flood of them never keeps the window from answering.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from ..model.errors import GatepostError, Unavailable
from .i18n import tr
from .tasks import Tasks

if TYPE_CHECKING:
    from ..control.client import Client
    from ..control.place import Place
    from ..control.schema import EventMessage, Snapshot

PROGRAM = "gatepost-desktop"
FRAME_MS = 50
"""Events are handed on this often; the relay itself gathers them for 100 ms."""
WORK_SECONDS = 0.01
"""Messages that wait in the connection are read for this long, then it is the window's turn."""
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before each further attempt to connect; the last one repeats."""


class SessionState(StrEnum):
    IDLE = "idle"
    """Nobody asked for a connection yet, or it was closed."""
    CONNECTING = "connecting"
    CONNECTED = "connected"
    LOST = "lost"
    """There was a connection; it is being made again."""


class RelaySession(QObject):
    state_changed = Signal(object)
    """SessionState"""
    connected = Signal()
    """A snapshot has arrived: pages load what they show."""
    lost = Signal(str)
    """why, in words"""
    snapshot_arrived = Signal(object)
    """schema.Snapshot"""
    happened = Signal(object)
    """schema.EventMessage; ``count`` says how many it stands for"""

    def __init__(self, data_folder: Path, parent: QObject | None = None, *, pauses: Sequence[float] = PAUSES) -> None:
        super().__init__(parent)
        self.data_folder = data_folder
        """Of the relay on this computer, also while another one is administered."""
        self._elsewhere: Place | None = None
        self._pauses = pauses
        self._state = SessionState.IDLE
        self._client: Client | None = None
        self._snapshot: Snapshot | None = None
        self._problem: GatepostError | None = None
        self._task: asyncio.Task[None] | None = None
        self._awake = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self._pending: dict[tuple[str, str], EventMessage] = {}
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setInterval(FRAME_MS)
        self._frame.timeout.connect(self._hand_on)

    @property
    def place(self) -> Place:
        """Where the relay is that is being administered."""
        from ..control.place import Local

        return self._elsewhere or Local(self.data_folder)

    @property
    def elsewhere(self) -> Place | None:
        """The installed service or another machine; None: the relay of this window's data folder."""
        return self._elsewhere

    def go_to(self, place: Place | None) -> None:
        """Administer another relay from now on; None: the one of the data folder. The session must be closed."""
        self._elsewhere = place
        self._snapshot = None
        self._problem = None

    @property
    def state(self) -> SessionState:
        return self._state

    @property
    def is_connected(self) -> bool:
        return self._state is SessionState.CONNECTED

    @property
    def client(self) -> Client:
        """For one call; ask again for the next one. Raises Unavailable while there is no connection."""
        if self._client is None or not self.is_connected:
            raise self._problem or Unavailable(
                tr("The relay does not answer."), "", tr("It is being connected again; what you typed is kept.")
            )
        return self._client

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest one, also of a relay that was lost; None before the first."""
        return self._snapshot

    @property
    def problem(self) -> GatepostError | None:
        """Why the last attempt to connect failed: NotRunning, OtherVersion or another error. None once connected."""
        return self._problem

    def start(self, tasks: Tasks) -> None:
        """Keep a connection from now on."""
        if self._task is None or self._task.done():
            self._task = tasks.spawn(self._keep(tasks), "session: keep the connection")

    def wake(self) -> None:
        """Try to connect now instead of after the pause: somebody knows that the relay is there."""
        self._awake.set()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await self._drop()
        self._set_state(SessionState.IDLE)

    async def wait_connected(self) -> None:
        """Returns once there is a connection and a snapshot."""
        while not self.is_connected:
            await self._next_state()

    async def wait_lost(self) -> None:
        """Returns once there is no connection."""
        while self.is_connected:
            await self._next_state()

    async def _next_state(self) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    # --- the connection ---

    async def _keep(self, tasks: Tasks) -> None:
        failures = 0
        while True:
            if self._state is not SessionState.LOST:
                self._set_state(SessionState.CONNECTING)
            self._awake.clear()
            try:
                worked, reason = await self._follow_once()
            except GatepostError as error:
                self._problem = error
                worked, reason = self.is_connected, str(error)
            except Exception as error:  # a mistake of ours or of the relay's must not leave a dead window that looks alive
                tasks.report(error, "session: follow the relay")
                worked, reason = self.is_connected, ""
            await self._drop()
            if worked:
                failures = 0
                self._set_state(SessionState.LOST)
                self.lost.emit(reason)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pauses[min(failures, len(self._pauses) - 1)]):
                    await self._awake.wait()
            failures += 1

    async def _follow_once(self) -> tuple[bool, str]:
        """One connection until it ends: whether a snapshot came, and why it ended. Raises GatepostError."""
        from ..control.client import Client, Lost
        from ..control.schema import Snapshot

        # The relay may come back with another socket and token, so each connection reads the endpoint file anew.
        self._client = await Client.connect(self.place, program=PROGRAM)
        worked = False
        loop = asyncio.get_running_loop()
        rested = loop.time()
        messages = self._client.events(reconnect=False)
        async with contextlib.aclosing(messages):
            async for message in messages:
                if loop.time() - rested > WORK_SECONDS:  # a full buffer is read without a pause otherwise
                    await asyncio.sleep(0)
                    rested = loop.time()
                if isinstance(message, Lost):
                    return worked, message.reason
                if isinstance(message, Snapshot):
                    worked = True
                    self._arrived(message)
                else:
                    self._gather(message)
        return worked, ""

    def _arrived(self, snapshot: Snapshot) -> None:
        self._problem = None
        self._pending.clear()
        self._snapshot = snapshot
        self._set_state(SessionState.CONNECTED)
        self.snapshot_arrived.emit(snapshot)
        self.connected.emit()

    async def _drop(self) -> None:
        self._frame.stop()
        self._pending.clear()
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _set_state(self, state: SessionState) -> None:
        if state is not self._state:
            self._state = state
            self.state_changed.emit(state)
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)

    # --- events ---

    def _gather(self, message: EventMessage) -> None:
        key = (message.kind, _subject(message.data))
        earlier = self._pending.pop(key, None)
        if earlier is not None:
            message = message.model_copy(update={"count": message.count + earlier.count})
        self._pending[key] = message
        if not self._frame.isActive():
            self._frame.start()

    def _hand_on(self) -> None:
        pending, self._pending = self._pending, {}
        for message in pending.values():
            self.happened.emit(message)


def _subject(data: dict[str, Any]) -> str:
    """What an event is about, as far as merging goes; the same rule as the relay's own buffer."""
    return str(data.get("gateway_id") or data.get("listener") or "")
