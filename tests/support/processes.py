"""Programs that a test starts: watched, logged, and ended by the one who started them."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from .prepared import Prepared, nursery

LOG_TAIL = 4000
_running: set[Process] = set()


class Process:
    """One child process. Its output goes to ``log``; leaving the ``with`` block ends it, also after a failed test.

    Only the process itself is signalled, by its id; a program that starts children has to end them.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.command = [str(part) for part in command]
        self.log = log
        self._environment = dict(os.environ if environment is None else environment)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | Prepared | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        assert self._process is not None, "not started"
        return self._process.poll()

    def start(self) -> Self:
        assert not self.is_running, "already running"
        with self.log.open("ab") as output:
            self._process = self._start(output)
        _running.add(self)
        return self

    def _start(self, output: IO[bytes]) -> subprocess.Popen[bytes] | Prepared:
        return subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=self._environment,
            cwd=self._folder,
            start_new_session=True,  # an interrupt at the terminal is the test's affair, which then ends this one
        )

    def wait_until(self, condition: Callable[[], object], what: str, timeout: float = 15) -> None:
        """Poll until the condition holds. Raises AssertionError with the end of the log on time-out or early death."""
        deadline = time.monotonic() + timeout
        while not condition():
            if not self.is_running:
                raise AssertionError(f"{self.command[0]} ended with {self.exit_code} before {what}\n{self.tail()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout:g} s: {what}\n{self.tail()}")
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        if self.is_running:
            os.kill(self.pid, number)

    def wait(self, timeout: float = 20) -> int:
        """Wait for its own end. Returns the exit code; AssertionError when it still runs after ``timeout`` seconds."""
        assert self._process is not None, "not started"
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.command[0]} did not end within {timeout:g} s\n{self.tail()}") from None
        _running.discard(self)
        return code

    def terminate(self, timeout: float = 20) -> int:
        """SIGTERM, and SIGKILL with an AssertionError when that was not enough."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except AssertionError:
            self.kill()
            raise

    def kill(self) -> None:
        """End it at once, as ``kill -9`` does."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self.wait()

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def tail(self) -> str:
        return self.output()[-LOG_TAIL:]

    def __enter__(self) -> Self:
        return self if self.is_running else self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.terminate()
        else:
            self.kill()


class PreparedRelay(Process):
    """A relay from the nursery (see ``prepared``); ``command`` is what stands behind ``python -OO -m gatepost``."""

    def _start(self, output: IO[bytes]) -> Prepared:
        with open(os.devnull, "rb") as nothing:
            streams = {"stdin": nothing.fileno(), "stdout": output.fileno(), "stderr": output.fileno()}
            folder = self._folder if self._folder is not None else Path.cwd()
            return nursery("relay").start(self.command, **streams, environment=self._environment, folder=folder)


@atexit.register
def _end_all() -> None:
    for process in list(_running):
        process.kill()
