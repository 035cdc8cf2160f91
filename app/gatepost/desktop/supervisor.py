"""Which relay the window administers, and who keeps it running.

A relay that runs on the data folder already is attached to: it is somebody else's to stop. Otherwise one is started as a child
and supervised. The window is a function of ``Supervisor.status``:

    looking ─┬─ a relay answers ──────────▶ running (attached) ── it is gone ──▶ looking
             ├─ none ──▶ starting ──────▶ running (embedded) ─┬─ it failed ──▶ crashed ── after a pause ──▶ looking
             │                                                ├─ it was told to end ──▶ ended
             │                                                └─ we stop it ──▶ stopping ──▶ ended
             ├─ speaks another version ──▶ other version ── now and then ──▶ looking
             └─ cannot be reached ───────▶ unreachable ──── now and then ──▶ looking

The installed service and relays on other machines are only ever attached to: none is started here in the place of one that is
away. A relay of ours goes on while another one is administered, and is ours again afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from ..model.errors import Conflict, GatepostError
from .i18n import tr
from .relay_child import RelayChild, relay_command
from .session import PROGRAM, RelaySession
from .tasks import Tasks

if TYPE_CHECKING:
    from ..control.place import Place

BACKOFF = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds before a relay that crashed is started again; the last one repeats."""
STEADY_SECONDS = 60.0
"""A relay that ran this long begins with the shortest pause again."""
LOOK_AGAIN_SECONDS = 5.0
GRACE_SECONDS = 5.0
"""How long an attached relay may be away (a service that restarts) before one of our own takes its place."""
PATIENCE_SECONDS = 10.0
"""How long a relay of ours may take to finish what it holds."""


class Phase(StrEnum):
    LOOKING = "looking"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    ENDED = "ended"
    CRASHED = "crashed"
    OTHER_VERSION = "other-version"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Status:
    """``is_ours``: the relay is our child, and ends with us. ``retry_at`` in seconds since the epoch."""

    phase: Phase
    is_ours: bool = False
    problem: GatepostError | None = None
    last_lines: tuple[str, ...] = ()
    exit_code: int | None = None
    retry_at: float | None = None
    failures: int = 0


class Supervisor(QObject):
    status_changed = Signal(object)
    """Status"""

    def __init__(
        self,
        session: RelaySession,
        tasks: Tasks,
        parent: QObject | None = None,
        *,
        command: Callable[[Path], list[str]] = relay_command,
        backoff: Sequence[float] = BACKOFF,
        grace: float = GRACE_SECONDS,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._tasks = tasks
        self._command = command
        self._backoff = backoff
        self._grace = grace
        self._status = Status(Phase.LOOKING)
        self._child: RelayChild | None = None
        self._failures = 0
        self._again = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def status(self) -> Status:
        return self._status

    @property
    def owns_relay(self) -> bool:
        return self._child is not None and self._child.is_running

    def start(self) -> None:
        self._session.start(self._tasks)
        self._task = self._tasks.spawn(self._supervise(), "supervisor")

    def try_again(self) -> None:
        """Look, or start, now instead of later."""
        self._again.set()

    async def switch(self, place: Place | None) -> None:
        """Administer another relay; None: the one of the data folder. Drafts are the caller's to ask about."""
        await self._rest()
        await self._session.close()
        self._session.go_to(place)
        self._failures = 0
        self._set(Status(Phase.LOOKING))
        self.start()

    async def _rest(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def stop(self) -> None:
        """The app ends: so does a relay of ours, once it has finished what it holds."""
        await self._rest()
        if self._child is not None and self._child.is_running:
            self._set(Status(Phase.STOPPING, is_ours=True))
            await self._child.stop(PATIENCE_SECONDS)
        self._set(Status(Phase.ENDED))

    # --- the state machine ---

    async def _supervise(self) -> None:
        lost_at: float | None = None
        while True:
            if self._status.phase is not Phase.LOOKING:
                self._set(Status(Phase.LOOKING))
            if self._session.elsewhere is None and self._child is not None and self._child.is_running:
                await self._watch(self._child, time.monotonic())  # it went on while another one was administered
                continue
            problem = await self._look()
            if problem is None:
                await self._attached()
                lost_at = time.monotonic()
            elif problem.code == "other-version":
                await self._wait(Status(Phase.OTHER_VERSION, problem=problem), LOOK_AGAIN_SECONDS)
            elif problem.code != "not-running" or self._session.elsewhere is not None:
                await self._wait(Status(Phase.UNREACHABLE, problem=problem), LOOK_AGAIN_SECONDS)
            elif lost_at is not None and time.monotonic() - lost_at < self._grace:
                await self._wait(Status(Phase.UNREACHABLE, problem=problem), min(0.5, self._grace))
            else:
                lost_at = None
                await self._embedded()

    async def _look(self) -> GatepostError | None:
        """Why there is no relay to attach to; None when there is one."""
        from ..control.client import Client

        try:
            client = await Client.connect(self._session.place, program=PROGRAM)
        except GatepostError as error:
            return error
        await client.close()
        return None

    async def _attached(self) -> None:
        """Until it is gone."""
        self._session.wake()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                await self._session.wait_connected()
        if self._session.is_connected:
            self._failures = 0
            self._set(Status(Phase.RUNNING))
            await self._session.wait_lost()

    async def _embedded(self) -> None:
        """From its start to its end, and the pause after a failure."""
        began = time.monotonic()
        self._set(Status(Phase.STARTING, is_ours=True, failures=self._failures))
        if self._child is not None:
            self._child.deleteLater()  # else one more stays with each crash
        self._child = child = RelayChild(self._command(self._session.data_folder), self._session.data_folder, self)
        child.start()
        await self._watch(child, began)

    async def _watch(self, child: RelayChild, began: float) -> None:
        ready = self._tasks.spawn(self._until_connected(child), "supervisor: wait for the relay")
        try:
            either: set[asyncio.Future[Any]] = {child.ended, ready}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not child.ended.done():
                self._set(Status(Phase.RUNNING, is_ours=True))
            code = await asyncio.shield(child.ended)
        finally:
            ready.cancel()
        if time.monotonic() - began >= STEADY_SECONDS:
            self._failures = 0
        if code == Conflict.exit_code:
            await self._wait(Status(Phase.LOOKING), 0.3)  # another app was faster: there is a relay to attach to, or soon is
        elif code == 0:
            await self._wait(Status(Phase.ENDED), None)
        else:
            await self._crashed(child, code)

    async def _until_connected(self, child: RelayChild) -> None:
        """Tell the session as soon as the endpoint file is the child's."""
        from ..control.connection import read_endpoint

        while child.is_running:
            with contextlib.suppress(GatepostError):
                if read_endpoint(self._session.data_folder).pid == child.pid:
                    self._session.wake()
                    await self._session.wait_connected()
                    return
            await asyncio.sleep(0.03)

    async def _crashed(self, child: RelayChild, code: int) -> None:
        pause = self._backoff[min(self._failures, len(self._backoff) - 1)]
        self._failures += 1
        problem = GatepostError(
            tr("The relay ended unexpectedly.") if code < 0 else tr("The relay could not go on."),
            tr("It was ended by signal {number}.", number=-code) if code < -1 else "",
            tr("Mail that it had accepted is safe on the disk."),
        )
        status = Status(
            Phase.CRASHED,
            problem=problem,
            last_lines=child.tail(),
            exit_code=code,
            retry_at=time.time() + pause,
            failures=self._failures,
        )
        await self._wait(status, pause)

    async def _wait(self, status: Status, seconds: float | None) -> None:
        """Show a state until somebody wants to try again, or for so many seconds."""
        self._again.clear()
        self._set(status)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._again.wait()

    def _set(self, status: Status) -> None:
        if status != self._status:
            self._status = status
            self.status_changed.emit(status)
