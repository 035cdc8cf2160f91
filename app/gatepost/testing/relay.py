"""A relay of one's own whose one listener captures whatever is sent to it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .api import Api
from .inbox import Inbox

_LONGEST = 60
_LISTENER = {"id": "test", "description": "Test inbox", "address": "127.0.0.1", "port": 0, "mode": "mx",
             "handling": {"action": "capture"}}  # fmt: skip


class CapturingRelay:
    """Starts with ``with`` or ``start``; ends with the block, with ``stop``, or with the process that started it.

    Its data lie in a folder of their own that is removed at the end. It listens on ``host`` and ``port``, a free one, on this
    computer only.
    """

    host = "127.0.0.1"

    def __init__(self, *, start_seconds: float = 30.0) -> None:
        self._start_seconds = start_seconds
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.api: Api

    def start(self) -> Self:
        if sys.platform == "win32":
            raise RuntimeError("a capturing relay for tests needs Unix sockets, which Python lacks on Windows")
        folder = self._folder = Path(tempfile.mkdtemp(prefix="gatepost-", dir=_short_parent()))
        try:
            with (folder / "relay.log").open("wb") as log:
                command = self._command(folder)
                self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)  # noqa: S603 - ours
            self.api = Api(self._socket(folder))
            self.api.put("/v1/configuration", {"listeners": [_LISTENER], "settings": {"server": {"host_name": "localhost"}}})
            self.port = self._listening()
        except BaseException:
            self.stop()
            raise
        return self

    def inbox(self, tray: str = "") -> Inbox:
        """Of all that it captures, or of one tray."""
        return Inbox(self.api, tray=tray, host=self.host, port=self.port)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None  # noqa: S101 - it was asked for
            process.stdin.close()  # its lifeline
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @staticmethod
    def _command(folder: Path) -> list[str]:
        vault = ("--vault", "sealed", "--vault-key-file", str(folder / "vault.key"), "--create-vault-key")
        places = ("--data", str(folder / "data"), "--runtime-folder", str(folder / "run"))
        return [sys.executable, "-m", "gatepost", "relay", *places, *vault, "--lifeline"]

    def _socket(self, folder: Path) -> str:
        found: dict[str, Any] = self._until(lambda: _read(folder / "run" / "endpoint.json"), "offered its control API")
        return str(found["socket"])

    def _listening(self) -> int:
        def port() -> int:
            listeners = self.api.get("/v1/status")["relay"]["listeners"]
            return next((one["port"] for one in listeners if one["id"] == "test" and one["state"] == "listening"), 0)

        return int(self._until(port, "opened its listener"))

    def _until(self, look: Any, what: str) -> Any:
        """Raises RuntimeError with the end of its log when it ends or takes too long."""
        process, deadline = self._process, time.monotonic() + self._start_seconds
        assert process is not None  # noqa: S101 - it was started
        while not (found := look()):
            if process.poll() is not None or time.monotonic() > deadline:
                assert self._folder is not None  # noqa: S101 - it was made
                log = (self._folder / "relay.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the relay has not {what} within {self._start_seconds:g} s; its log:\n{log}")
            time.sleep(0.02)
        return found


def _short_parent() -> str:
    """The folder for temporary files, or ``/tmp`` where that one is too deep: a Unix socket's path holds about 100 octets."""
    usual = tempfile.gettempdir()
    return usual if len(usual) <= _LONGEST or not Path("/tmp").is_dir() else "/tmp"  # noqa: S108 - mkdtemp makes it private


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
