"""A real relay process on a data folder of its own, and the command line run against it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gatepost.model.configuration import Configuration
from gatepost.relay.defaults import first_configuration
from gatepost.store.configuration import ConfigurationStore
from gatepost.store.folder import DataFolder

from . import procfs
from .control import ControlApi
from .ports import free_port
from .prepared import AVAILABLE, run_command
from .processes import PreparedRelay, Process

ROOT = Path(__file__).resolve().parents[2]
LOG_SHOWN = 8000
"""Characters."""


def configure(data: Path, configuration: Configuration) -> None:
    """Save a configuration in a data folder that no relay uses, past the control API."""
    mask = os.umask(0o077)
    try:
        store = ConfigurationStore.open(DataFolder(data), time.time)
        try:
            store.save(configuration, "test", None)
        finally:
            store.close()
    finally:
        os.umask(mask)  # the data folder sets it for the whole process, which is not the relay's here


def configure_first(data: Path) -> None:
    """What a relay sets up at its first start, on a port of its own: relays of tests that run side by side, and one that is
    killed and started again, never find it taken by each other."""
    configure(data, first_configuration(free_port()))


class CommandFailed(AssertionError):
    """A command ended with another exit code than 0."""

    def __init__(self, command: tuple[str, ...], done: subprocess.CompletedProcess[str]) -> None:
        super().__init__(f"gatepost {' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        self.exit_code = done.returncode
        self.stdout = done.stdout
        self.stderr = done.stderr


class RelayProcess:
    """``python -m gatepost relay`` with its own data folder, runtime folder, home and sealed vault below ``folder``.

    It comes from the nursery (see ``prepared``) unless ``own_interpreter`` says that the test is about the process itself:
    its start, its command line, environment and memory as /proc shows them.

    The runtime folder lies in the system's folder for temporary files, because the path of a Unix socket must be short.
    """

    def __init__(
        self,
        folder: Path,
        *,
        options: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
        own_interpreter: bool = False,
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.vault_key = folder / "vault.key"
        self.options = options
        folder.mkdir(parents=True, exist_ok=True)
        self._runtime = Path(tempfile.mkdtemp(prefix="gp-"))
        self._clear = weakref.finalize(self, shutil.rmtree, self._runtime, ignore_errors=True)  # also of one never started
        kept = {
            name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TEMP", "TMP") if name in os.environ
        }
        self.environment = {
            **kept,
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(self._runtime),
            "PYTHONPATH": str(ROOT / "app"),
            "PYTHONDONTWRITEBYTECODE": "",  # compiled once for all starts, as for people
            **(environment or {}),
        }
        process, command = (
            (Process, self.command_line()) if own_interpreter or not AVAILABLE else (PreparedRelay, self._words())
        )
        self.process = process(command, log=folder / "relay.log", environment=self.environment, folder=folder)

    def command_line(self) -> list[str]:
        """For an interpreter of its own."""
        return [sys.executable, "-OO", "-m", "gatepost", *self._words()]

    def _words(self) -> list[str]:
        vault = ["--vault", "sealed", "--vault-key-file", str(self.vault_key), "--create-vault-key"]
        return ["relay", "--data", str(self.data), *vault, *self.options]

    def configure(self, configuration: Configuration) -> None:
        """Save a configuration before the relay is started, past the control API."""
        assert not self.process.is_running, "use the control API of a running relay"
        configure(self.data, configuration)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        return self.process.output()

    def start(self, timeout: float = 20) -> Self:
        """Start it and wait until its control API answers."""
        self.process.start()
        self.process.wait_until(lambda: self.endpoint() is not None, "the relay wrote its endpoint file", timeout)
        return self

    def endpoint(self) -> dict[str, Any] | None:
        """What the endpoint file of the running process says; None as long as there is none."""
        for path in self._runtime.rglob("endpoint.json"):
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if content["pid"] == self.pid:
                return content
        return None

    @property
    def api(self) -> ControlApi:
        """Its control API, called directly: a command of the command line takes longer by the start of an interpreter."""
        found = self.endpoint()
        assert found is not None, "the relay does not run"
        return ControlApi(found["socket"])

    def stop(self, timeout: float = 20) -> int:
        """Ask it to end (SIGTERM) and wait; returns the exit code."""
        return self.process.terminate(timeout)

    def kill(self) -> None:
        """``kill -9``: whatever is not on the disk is gone."""
        self.process.kill()

    def restart(self) -> Self:
        if self.process.is_running:
            self.stop()
        return self.start()

    def signal(self, number: signal.Signals) -> None:
        self.process.signal(number)

    def run(self, *arguments: str, stdin: str | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run ``gatepost --data DIR ARGUMENTS…`` as a person would and return what it printed, whatever the exit code."""
        words = ["--data", str(self.data), *arguments]
        return run_command(words, stdin or "", environment=self.environment, folder=self.folder, timeout=timeout)

    def command(self, *arguments: str, stdin: str | None = None, timeout: float = 60) -> Any:
        """Run a command with ``--json`` and return its answer. Raises CommandFailed for any exit code but 0."""
        done = self.run("--json", *arguments, stdin=stdin, timeout=timeout)
        if done.returncode:
            raise CommandFailed(arguments, done)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def resident(self) -> int:
        """Resident memory in octets."""
        return procfs.resident(self.pid)

    def peak_resident(self) -> int:
        return procfs.peak_resident(self.pid)

    def reset_peak(self) -> None:
        procfs.reset_peak(self.pid)

    def processor_seconds(self) -> float:
        return procfs.processor_seconds(self.pid)

    def __enter__(self) -> Self:
        return self if self.process.is_running else self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            print(f"the relay of {self.folder} said last:\n{self.log[-LOG_SHOWN:]}")  # shown with a test's failure
        try:
            if self.process.is_running:
                if kind is None:
                    self.stop()
                else:
                    self.kill()
        finally:
            self._clear()
