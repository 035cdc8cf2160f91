"""A desktop session of its own: an X server without a screen, D-Bus, the accessibility bus, an unlocked gnome-keyring."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from .accessibility import Desktop
from .mail_tools import tool
from .processes import Process
from .relay_process import ROOT

KEYRING_PASSWORD = "the login password"


class DesktopSession:
    """``environment`` is what a program of the session gets; ``home`` is the person's home folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        self._runtime = tempfile.TemporaryDirectory(prefix="gp-")
        self._started: list[subprocess.Popen[bytes]] = []
        self._apps: list[Process] = []
        kept = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
        self.environment: dict[str, str] = {
            **kept,
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": self._runtime.name,
            "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
        }
        self._desktop: Desktop | None = None

    def __enter__(self) -> Self:
        try:
            self.environment["DISPLAY"] = ":" + self._line_of(
                [tool("Xvfb"), "-displayfd", "{fd}", "-screen", "0", "1400x1000x24"]
            )
            daemon = [tool("dbus-daemon"), "--session", "--nofork", "--nopidfile", "--print-address={fd}"]
            self.environment["DBUS_SESSION_BUS_ADDRESS"] = self._line_of(daemon)
            keyring = self._start([tool("gnome-keyring-daemon"), "--foreground", "--unlock", "--components=secrets"])
            assert keyring.stdin is not None
            keyring.stdin.write(KEYRING_PASSWORD.encode())
            keyring.stdin.close()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self, command: list[str], *, passed: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
        with (self.folder / f"{Path(command[0]).name}.log").open("ab") as log:
            process = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.PIPE, stdout=log, stderr=log, pass_fds=passed,
                start_new_session=True,
            )  # fmt: skip
        self._started.append(process)
        return process

    def _line_of(self, command: list[str]) -> str:
        """Start a program and return the line that it writes to the descriptor it was given."""
        read, write = os.pipe()
        self._start([part.format(fd=write) for part in command], passed=(write,))
        os.close(write)
        with os.fdopen(read) as pipe:
            found = pipe.readline().strip()
        assert found, f"{command[0]} did not start"
        return found

    @property
    def desktop(self) -> Desktop:
        """What a screen reader sees."""
        if self._desktop is None:
            self._desktop = Desktop(self.environment["DBUS_SESSION_BUS_ADDRESS"], self.environment["DISPLAY"])
        return self._desktop

    def make_run(self, data: Path, name: str = "app", *, more: Mapping[str, str] | None = None) -> Process:
        """``make run`` in a terminal of this session; not yet ended when it returns."""
        command = [tool("make"), "--no-print-directory", "run", f"DATA={data}"]
        app = Process(command, log=self.folder / f"{name}.log", environment={**self.environment, **(more or {})}, folder=ROOT)
        self._apps.append(app)
        return app.start()

    @staticmethod
    def interrupt(app: Process) -> int:
        """Ctrl-C: to everything that runs in the app's terminal."""
        if app.is_running:
            os.killpg(app.pid, signal.SIGINT)
        return app.wait(40)

    def secret_tool(self, *arguments: str) -> str:
        """What is in the keyring, as any program of the session may see it."""
        done = subprocess.run(
            [tool("secret-tool"), *arguments], env=self.environment, capture_output=True, text=True, timeout=30, check=False
        )
        return done.stdout + done.stderr

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for app in reversed(self._apps):
            self.interrupt(app)
        if self._desktop is not None:
            self._desktop.close()
        for process in reversed(self._started):  # what they have started in their turn ends with the bus
            process.terminate()
            process.wait(20)
        self._runtime.cleanup()
