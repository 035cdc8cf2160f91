"""Debian's own spamd, rspamd and clamd, really running on loopback, with rules and signatures of ours.

Each is started in a folder of the test's, waited for, and ended by its process id.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
START_SECONDS = 90


def missing(*programs: str) -> list[str]:
    return [program for program in programs if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None]


def program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert found is not None, f"{name} is not installed"
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Ports:
    spamd: int
    rspamd: int
    clamd: int


@contextlib.contextmanager
def all_three(folder: Path) -> Iterator[Ports]:
    """Started side by side: each takes seconds, and they do not need each other."""
    with contextlib.ExitStack() as stack:
        with ThreadPoolExecutor(3) as starting:
            begun = [starting.submit(stack.enter_context, run(folder)) for run in (spamd, rspamd, clamd)]
        yield Ports(*(one.result() for one in begun))


@contextlib.contextmanager
def _running(command: list[str], log: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, f"{command[0]} ended: {log.read_text(errors='replace')[-2000:]}"
            assert time.monotonic() < deadline, f"{command[0]} does not listen: {log.read_text(errors='replace')[-2000:]}"
            time.sleep(0.1)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def _open_to(account: str, folder: Path) -> None:
    """Let another account write into ``folder``, when we are root and may say so."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        entry = pwd.getpwnam(account)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        for parent in folder.parents:
            if parent == Path("/tmp") or parent == Path("/"):
                break
            parent.chmod(parent.stat().st_mode | 0o011)


@contextlib.contextmanager
def spamd(folder: Path) -> Iterator[int]:
    """SpamAssassin with Debian's rules and no network tests. Yields the port."""
    port = _free_port()
    home = folder / "spamd"
    home.mkdir(parents=True)
    command = [program("spamd"), "-x", "-L", "-i", "127.0.0.1", "-p", str(port), "-m", "2", "-H", str(home), "-s", "stderr"]
    if os.geteuid() == 0:
        _open_to("debian-spamd", home)
        command += ["-u", "debian-spamd"]
    with _running(command, folder / "spamd.log", port):
        yield port


@contextlib.contextmanager
def rspamd(folder: Path) -> Iterator[int]:
    """rspamd's scanner with its built-in rules only. Yields the port."""
    port = _free_port()
    home = folder / "rspamd"
    home.mkdir(parents=True)
    configuration = folder / "rspamd.conf"
    configuration.write_text(
        f"""
        options {{ pidfile = "{home}/pid"; temp_dir = "{home}"; hs_cache_dir = "{home}"; local_addrs = []; filters = "";
                   control_socket = "{home}/control mode=0600"; dns {{ nameserver = "127.0.0.1:1"; timeout = 0.2s; }} }}
        logging {{ type = "console"; level = "warning"; }}
        metric {{ name = "default"; actions {{ reject = 15; add_header = 6; greylist = 4; }} }}
        worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
        """
    )
    with _running([program("rspamd"), "-f", "-i", "-c", str(configuration)], folder / "rspamd.log", port):
        yield port


@contextlib.contextmanager
def clamd(folder: Path) -> Iterator[int]:
    """clamd with one signature of ours: EICAR's. Yields the port."""
    port = _free_port()
    database = folder / "clamd"
    database.mkdir(parents=True)
    (database / "test.ndb").write_text(f"Gatepost.Test.EICAR:0:*:{EICAR.hex()}\n")
    configuration = folder / "clamd.conf"
    configuration.write_text(
        f"TCPSocket {port}\nTCPAddr 127.0.0.1\nDatabaseDirectory {database}\nForeground yes\nUser {_account()}\n"
        "StreamMaxLength 30M\nMaxScanSize 50M\nMaxRecursion 10\nMaxFiles 100\nAlertExceedsMax yes\n"
    )
    with _running([program("clamd"), "-c", str(configuration)], folder / "clamd.log", port):
        yield port


def _account() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name
