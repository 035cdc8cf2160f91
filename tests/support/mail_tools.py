"""Mail programs that administrators know, run against the relay: smtp-source and smtp-sink (Postfix), swaks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

import pytest

from .ports import free_port, is_listening
from .processes import Process

_SEARCH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
PACKAGES = {
    "smtp-source": "postfix",
    "smtp-sink": "postfix",
    "Xvfb": "xvfb",
    "secret-tool": "libsecret-tools",
    "gnome-keyring-daemon": "gnome-keyring",
}


def find_tool(name: str) -> str | None:
    return shutil.which(name, path=_SEARCH)


def tool(name: str) -> str:
    """The program's path. Without it the test is skipped, or fails where GATEPOST_REQUIRE_ALL is set."""
    path = find_tool(name)
    if path is None:
        unmet(f"{name} is not installed (Debian: apt-get install {PACKAGES.get(name, name)})")
    return path


def unmet(reason: str) -> NoReturn:
    """Skip for want of something this machine lacks; fail where GATEPOST_REQUIRE_ALL says that nothing may be lacking."""
    if os.environ.get("GATEPOST_REQUIRE_ALL"):
        pytest.fail(reason)
    pytest.skip(reason)


class SmtpSink:
    """Debian's smtp-sink as the next hop: takes everything, counts it, and keeps it when ``keep`` names a folder.

    ``options`` are smtp-sink's own, for instance ``("-r", "rcpt")`` to soft-fail RCPT or ``("-p",)`` for no PIPELINING.
    """

    def __init__(
        self, folder: Path, *options: str, keep: Path | None = None, port: int | None = None, backlog: int = 1000
    ) -> None:
        self.port = port or free_port()
        self._keep = keep
        self._log = folder / f"smtp-sink-{self.port}.log"
        command = [tool("smtp-sink"), "-c", *options]
        if os.geteuid() == 0:
            command += ["-u", "root"]  # it insists on a choice; another account could not write below a test's folder
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            command += ["-d", str(keep).replace("%", "%%") + "/message."]
        self.process = Process([*command, f"127.0.0.1:{self.port}", str(backlog)], log=self._log)

    def start(self) -> Self:
        self.process.start()
        self.process.wait_until(lambda: is_listening(self.port), "smtp-sink listens")
        return self

    @property
    def count(self) -> int:
        """Messages taken since the start."""
        if not self._log.exists():
            return 0
        with self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - 200))
            found = re.findall(rb"mesg=(\d+)\r", log.read())
        return int(found[-1]) if found else 0

    def wait_for(self, count: int, timeout: float = 30, pause: float = 0.005) -> None:
        """Wait until that many messages were taken since the start."""
        deadline = time.monotonic() + timeout
        while self.count < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"smtp-sink took {self.count} of {count} messages within {timeout:g} s")
            time.sleep(pause)

    def messages(self) -> list[str]:
        """The kept messages: smtp-sink's X-Mail-Args and X-Rcpt-Args lines, then headers and body; unordered."""
        assert self._keep is not None, "started without a folder for messages"
        return [path.read_text(encoding="utf-8", errors="replace") for path in sorted(self._keep.glob("message.*"))]

    def stop(self) -> None:
        self.process.kill()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def smtp_source(
    port: int,
    messages: int,
    *,
    sessions: int = 1,
    length: int = 4096,
    kept_open: bool = True,
    sender: str = "sender@example.org",
    recipient: str = "recipient@example.com",
    timeout: float = 120,
) -> float:
    """Send ``messages`` of ``length`` octets over ``sessions`` parallel sessions; returns the seconds it took.

    Raises AssertionError when a message was refused or the time ran out. ``kept_open`` sends the next message over the
    same connection; otherwise each message has a connection of its own.
    """
    command = [tool("smtp-source"), "-s", str(sessions), "-m", str(messages), "-l", str(length)]
    command += ["-f", sender, "-t", recipient, "-M", "source.example.org", *(["-d"] if kept_open else []), f"127.0.0.1:{port}"]
    began = time.monotonic()
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"smtp-source did not send {messages} messages within {timeout:g} s") from None
    taken = time.monotonic() - began
    assert done.returncode == 0, done.stderr or done.stdout
    return taken


def swaks(port: int, *options: str, check: bool = True, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    """Run swaks against a loopback port; ``stdout`` holds the dialogue. With ``check`` a refusal fails the test."""
    command = [tool("swaks"), "--server", "127.0.0.1", "--port", str(port), "--timeout", "20", *options]
    environment = {**os.environ, "HOME": "/nonexistent"}  # nobody's ~/.swaksrc
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False, env=environment
    )
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done
