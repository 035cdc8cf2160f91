"""The relay that the app starts for itself: a child process whose standard input is its lifeline."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from PySide6.QtCore import QObject, QProcess

from ..model.locations import relay_log

TAIL_LINES = 12
_TAIL_OCTETS = 16_384


def relay_command(data_folder: Path) -> list[str]:
    """How a relay of our own is started. It uses the account's keyring; without one it seals its passwords with a key."""
    options = ["relay", "--data", str(data_folder), "--lifeline", "--vault", "auto", "--create-vault-key"]
    if getattr(sys, "frozen", False):
        app = Path(sys.executable)  # in a bundle, the relay is a program of its own beside the app: without Qt
        return [str(app.with_name(f"gatepost-relay{app.suffix}")), *options]
    # Without docstrings in memory (-OO), as an installed relay runs.
    return [sys.executable, "-OO", "-m", "gatepost", *options]


def app_command(data_folder: Path) -> list[str]:
    """How another window is opened, on the relay of a data folder."""
    options = ["--data", str(data_folder)]
    return [sys.executable, *options] if getattr(sys, "frozen", False) else [sys.executable, "-m", "gatepost", *options]


class RelayChild(QObject):
    """One run of it. ``ended`` holds the exit code (negative: the signal, or it could not be started) once it is over."""

    def __init__(self, command: list[str], data_folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._log = relay_log(data_folder)
        self._log_start = self._log_size()
        self._words = b""
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._process = QProcess(self)
        self._process.setProgram(command[0])
        self._process.setArguments(command[1:])
        self._process.setStandardOutputFile(QProcess.nullDevice())
        self._process.readyReadStandardError.connect(self._read)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._failed)
        if sys.platform != "win32":
            parameters = QProcess.UnixProcessParameters()
            # An interrupt at the terminal is ours to handle; we then end the relay.
            parameters.flags = QProcess.UnixProcessFlag.CreateNewSession | QProcess.UnixProcessFlag.ResetSignalHandlers
            self._process.setUnixProcessParameters(parameters)

    def start(self) -> None:
        self._process.start()

    @property
    def pid(self) -> int:
        """0 while it does not run."""
        return int(self._process.processId())

    @property
    def is_running(self) -> bool:
        return not self.ended.done()

    async def stop(self, patience: float) -> None:
        """Let go of the lifeline and wait for the end; ask harder after ``patience`` seconds."""
        if not self.is_running:
            return
        self._process.closeWriteChannel()
        for harder, seconds in ((self._process.terminate, patience), (self._process.kill, 5.0)):
            if await self._ends_within(seconds):
                return
            harder()
        await self.ended

    async def _ends_within(self, seconds: float) -> bool:
        await asyncio.wait([self.ended], timeout=seconds)
        return self.ended.done()

    def tail(self) -> tuple[str, ...]:
        """The last lines that this run wrote: to its log, then to standard error."""
        self._read()
        lines = [*self._logged().splitlines(), *self._words.decode(errors="replace").splitlines()]
        return tuple(line for line in lines if line.strip())[-TAIL_LINES:]

    def _read(self) -> None:
        self._words = (self._words + bytes(self._process.readAllStandardError().data()))[-_TAIL_OCTETS:]

    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        if not self.ended.done():
            self.ended.set_result(code if status is QProcess.ExitStatus.NormalExit else -max(1, code))

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart and not self.ended.done():
            self._words += self._process.errorString().encode()
            self.ended.set_result(-1)

    def _log_size(self) -> int:
        try:
            return self._log.stat().st_size
        except OSError:
            return 0

    def _logged(self) -> str:
        try:
            size = self._log.stat().st_size
            start = self._log_start if self._log_start <= size else 0  # it was rotated
            with self._log.open("rb") as file:
                file.seek(max(start, size - _TAIL_OCTETS))
                return file.read().decode(errors="replace")
        except OSError:
            return ""
