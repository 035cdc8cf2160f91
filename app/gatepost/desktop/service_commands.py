"""Commands that need the rights of an administrator, run by this program's command line: start the service, move a relay."""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QProcess

from ..model.errors import GatepostError, Unavailable
from .i18n import tr


def program() -> list[str]:
    if getattr(sys, "frozen", False):
        app = Path(sys.executable)
        return [str(app.with_name(f"gatepost-relay{app.suffix}"))]
    return [sys.executable, "-m", "gatepost"]


def start_command() -> list[str]:
    """With the system's own question for rights, where it has one. Raises Unavailable."""
    command = [*program(), "--json", "service", "start"]
    if sys.platform == "win32":
        return command  # Windows refuses in words where it does not let us
    if sys.platform == "darwin":
        line = shlex.join(command).replace("\\", "\\\\").replace('"', '\\"')  # for the shell, then for AppleScript
        return ["osascript", "-e", f'do shell script "{line}" with administrator privileges']
    if shutil.which("pkexec") is None:
        raise Unavailable(
            tr("The service cannot be started from here."), tr("This system has no pkexec."),
            tr("Type in a terminal: {line}", line="sudo gatepost service start"),
        )  # fmt: skip
    return ["pkexec", *command]


def move_command(data_folder: Path) -> list[str]:
    return [*program(), "--json", "--data", str(data_folder), "service", "adopt"]


class Command(QObject):
    """One run. ``said``: called with each line of JSON that it writes."""

    def __init__(
        self, command: list[str], said: Callable[[dict[str, object]], None] | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._said = said
        self._output = b""
        self._errors = b""
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._process = QProcess(self)
        self._process.setProgram(command[0])
        self._process.setArguments(command[1:])
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.readyReadStandardError.connect(self._read_errors)
        self._process.finished.connect(lambda code, _status: self._end(code))
        self._process.errorOccurred.connect(self._failed)

    async def run(self) -> None:
        """Raises GatepostError with what the command said of its failure."""
        self._process.start()
        self._process.closeWriteChannel()
        code = await asyncio.shield(self._ended)
        if code != 0:
            raise self._error(code)

    def _error(self, code: int) -> GatepostError:
        for line in reversed(self._errors.decode(errors="replace").splitlines()):
            try:
                told = json.loads(line)["error"]
            except (ValueError, KeyError, TypeError):
                continue
            return GatepostError(str(told["title"]), str(told["detail"]), str(told["hint"]))
        words = self._errors.decode(errors="replace").strip()[-500:]
        return GatepostError(tr("It did not work."), words or tr("Exit code {code}.", code=code))

    def _read(self) -> None:
        self._output += bytes(self._process.readAllStandardOutput().data())
        *lines, self._output = self._output.split(b"\n")
        for line in lines:
            try:
                found = json.loads(line)
            except ValueError:
                continue  # words of a tool in between
            if self._said is not None and isinstance(found, dict):
                self._said(found)

    def _read_errors(self) -> None:
        self._errors = (self._errors + bytes(self._process.readAllStandardError().data()))[-16_384:]

    def _end(self, code: int) -> None:
        self._read()
        self._read_errors()
        if not self._ended.done():
            self._ended.set_result(code)

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._errors += self._process.errorString().encode()
            if not self._ended.done():
                self._ended.set_result(-1)
