"""Relays and commands as processes of their own, forked from an interpreter that has Gatepost loaded already (Linux).

Most of what the start of a relay or a command costs is loading the same modules again, and a run of all tests starts many
hundred. Each of them is a real process nevertheless: environment, folder, umask, open files, signals and exit code are its
own. Only its command line and environment as /proc shows them, and its memory, are the nursery's: a test that looks at
those, or at the start itself, wants an interpreter of its own.

``python [-OO] -m tests.support.prepared FD`` is the nursery: it takes one request a datagram on the socket FD, and tells
the number of the process and later its status on the socket that came with the request. It ends with whoever holds the
other end, and so does what it has started.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gatepost.cli.registry import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
AVAILABLE = sys.platform == "linux"
_NUMBER = struct.Struct("!i")
_MAX_REQUEST = 150_000

RELAY = (
    "gatepost.cli.main", "gatepost.cli.relay", "gatepost.process", "gatepost.control.server.application",
    "gatepost.control.server.group", "gatepost.control.server.metrics_port", "gatepost.control.server.remote_port",
    "gatepost.control.server.transport", "gatepost.moving.marker", "gatepost.relay.administration", "gatepost.relay.instance",
    "gatepost.relay.log", "gatepost.relay.service", "gatepost.relay.usage", "gatepost.vault.sealed", "encodings.idna",
    "platformdirs.unix", "uvloop",
)  # fmt: skip
"""What a relay imports as it starts."""
COMMAND = (
    "gatepost.control.client", "aiohttp", "concurrent.futures.thread", "platformdirs.unix", "pydantic.dataclasses",
    *(f"gatepost.cli.{command.module}" for command in COMMANDS),
)  # fmt: skip
"""What commands import."""


# --- the side of the tests ---


class Prepared:
    """One process; like subprocess.Popen as far as tests need it."""

    def __init__(self, report: socket.socket, command: Sequence[str]) -> None:
        self._report = report
        self._lock = threading.Lock()
        self.args = list(command)
        self.pid = _NUMBER.unpack(_exactly(report, _NUMBER.size))[0]
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self._look(0.1)) is None:  # in pieces, so that another thread may look as well
            if until is not None and time.monotonic() >= until:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def _look(self, seconds: float) -> int | None:
        with self._lock:
            if self.returncode is None and select.select([self._report], [], [], seconds)[0]:
                self.returncode = os.waitstatus_to_exitcode(_NUMBER.unpack(_exactly(self._report, _NUMBER.size))[0])
                self._report.close()
            return self.returncode


def _exactly(source: socket.socket, size: int) -> bytes:
    found = source.recv(size, socket.MSG_WAITALL)
    if len(found) != size:
        raise AssertionError("the nursery of prepared processes is gone")
    return found


class Nursery:
    def __init__(self, kind: str) -> None:
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        level = ["-OO"] if kind == "relay" else []
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "app"), str(ROOT)))}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, *level, "-m", "tests.support.prepared", kind, str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, cwd=ROOT, env=environment, start_new_session=True,
            )  # fmt: skip
        atexit.register(self.close)

    def start(
        self, command: Sequence[str], *, stdin: int, stdout: int, stderr: int, environment: Mapping[str, str], folder: Path
    ) -> Prepared:
        """``command``: what stands behind ``python -m gatepost``."""
        request = {"arguments": list(command), "environment": dict(environment), "folder": str(folder), "umask": _umask()}
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            socket.send_fds(self._socket, [json.dumps(request).encode()], [stdin, stdout, stderr, theirs.fileno()])
        return Prepared(ours, command)

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


_nurseries: dict[str, Nursery] = {}
_making = threading.Lock()


def nursery(kind: str) -> Nursery:
    """Of ``relay`` or ``command``; one of each for a process of tests, made on first use."""
    with _making:
        if kind not in _nurseries:
            _nurseries[kind] = Nursery(kind)
        return _nurseries[kind]


def run_command(
    words: Sequence[str], stdin: str = "", *, environment: Mapping[str, str], folder: Path, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """``python -m gatepost WORDS…`` and what it printed, whatever the exit code."""
    if not AVAILABLE:
        command = [sys.executable, "-m", "gatepost", *words]
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False, env=environment, cwd=folder
        )
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as told:
        given.write(stdin.encode())
        given.seek(0)
        streams = {"stdin": given.fileno(), "stdout": said.fileno(), "stderr": told.fileno()}
        process = nursery("command").start(words, **streams, environment=environment, folder=folder)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            raise
        texts = []
        for file in (said, told):
            file.seek(0)
            texts.append(io.TextIOWrapper(file, encoding="utf-8").read())
    return subprocess.CompletedProcess(list(words), code, *texts)


def _umask() -> int:
    """Read without changing it, as other threads may be making files."""
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    raise AssertionError("the kernel does not tell the umask")


# --- the nursery ---


def _serve(kind: str, requests: socket.socket) -> bool:
    """True in each new process, which is ready to be Gatepost; False when nobody asks any more."""
    _load(kind)
    waker, woken = socket.socketpair()
    waker.setblocking(False)
    woken.setblocking(False)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: dict[int, socket.socket] = {}
    while True:
        ready = select.select([requests, woken], [], [])[0]
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                woken.recv(4096)
            _tell_ended(children)
        if requests not in ready:
            continue
        content, files, _, _ = socket.recv_fds(requests, _MAX_REQUEST, 4)
        if not content:
            _end(children)
            return False
        report = socket.socket(fileno=files.pop())
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for one in (requests, waker, woken, report, *children.values()):
                one.close()
            _become(json.loads(content), files)
            return True
        for descriptor in files:
            os.close(descriptor)
        children[pid] = report
        with contextlib.suppress(OSError):
            report.sendall(_NUMBER.pack(pid))


def _load(kind: str) -> None:
    if kind == "relay":
        from gatepost.control.server.lean import prepare_aiohttp

        prepare_aiohttp()
    for name in RELAY if kind == "relay" else COMMAND:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _tell_ended(children: dict[int, socket.socket]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with children.pop(pid) as report, contextlib.suppress(OSError):
            report.sendall(_NUMBER.pack(status))


def _end(children: dict[int, socket.socket]) -> None:
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    for pid in children:
        os.waitpid(pid, 0)


def _become(request: dict[str, Any], files: list[int]) -> None:
    os.setsid()
    for number, descriptor in enumerate(files):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    os.umask(request["umask"])
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1)  # noqa: SIM115
    sys.argv = [str(ROOT / "app" / "gatepost" / "__main__.py"), *request["arguments"]]


def main() -> int:
    kind, descriptor = sys.argv[1:]
    if not _serve(kind, socket.socket(fileno=int(descriptor))):
        return 0
    from gatepost.__main__ import main as gatepost

    return gatepost()


if __name__ == "__main__":
    sys.exit(main())
