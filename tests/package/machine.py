"""A clean Debian of its own for a test: a folder made by debootstrap, used as it lies or booted with a real systemd.

Booted, it has a network of its own with nothing but a loopback, so its ports are nobody else's. The host's programs can be run
inside that network (a next hop, swaks, an X server), which leaves the machine itself clean. Needs root.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
SUITE = os.environ.get("GATEPOST_SUITE", "bookworm")
"""The Debian to install into. The package is built on this computer, whose Debian is the older one."""
BASE = BUILD / f"{SUITE}-machine.tar"
ARCHIVES = BUILD / f"{SUITE}-archives"
"""Packages that were downloaded for earlier machines."""
WITH = "ca-certificates,dbus,systemd,systemd-sysv"
SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_APT_FOLDER = "var/cache/apt/archives"


def sources() -> Path:
    """Where this computer's own Debian comes from."""
    for path in SOURCES:
        if path.is_file() and re.search(r"^(URIs:|deb )", path.read_text(encoding="utf-8"), re.MULTILINE):
            return path
    raise RuntimeError("This computer names no Debian mirror.")


def _mirror() -> str:
    found = re.search(r"^(?:URIs:|deb(?: \[[^]]*\])?)\s+(\S+)", sources().read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


def base() -> Path:
    """An archive of a Debian with systemd and nothing else; made once."""
    if not BASE.exists():
        BUILD.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BUILD) as folder:
            made = Path(folder, "root")
            command = ["debootstrap", "--variant=minbase", f"--include={WITH}", SUITE, str(made), _mirror()]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=900)
            new = BASE.with_suffix(".new")
            subprocess.run(["tar", "-C", str(made), "--xattrs", "-cf", str(new), "."], check=True)
            new.replace(BASE)
    return BASE


class Machine:
    def __init__(self) -> None:
        BUILD.mkdir(exist_ok=True)
        archive = base()
        self.root = Path(tempfile.mkdtemp(prefix="machine-", dir=BUILD))
        subprocess.run(["tar", "-C", str(self.root), "--xattrs", "-xpf", str(archive)], check=True)
        self._container: subprocess.Popen[bytes] | None = None
        self._leader = 0
        self._use_the_hosts_mirror()

    def _use_the_hosts_mirror(self) -> None:
        (self.root / "etc/apt/sources.list").unlink(missing_ok=True)
        target = self.root / str(sources()).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        own = re.search(r"^VERSION_CODENAME=(\w+)$", Path("/etc/os-release").read_text(encoding="utf-8"), re.MULTILINE)
        named = sources().read_text(encoding="utf-8")
        target.write_text(re.sub(rf"\b{own[1]}\b", SUITE, named) if own else named, encoding="utf-8")
        shutil.copyfile(CERTIFICATES, self.root / str(CERTIFICATES).lstrip("/"))
        shutil.copyfile("/etc/resolv.conf", self.root / "etc/resolv.conf")
        said = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
        kept = [line for line in said.splitlines() if re.match(r'Acquire::[\w:-]+ ".+";$', line)]
        (self.root / "etc/apt/apt.conf.d/90host").write_text("\n".join(kept) + "\n", encoding="utf-8")

    # --- as it lies ---

    def run(
        self, *command: str, timeout: float = 300, check: bool = True, alone: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """In the folder and without systemd, with this computer's network, or ``alone`` with a loopback of its own."""
        assert self._container is None, "it is booted"
        network = ["--private-network"] if alone else []
        return _run([*self._nspawn(), *network, "--pipe", "--resolv-conf=off", *command], timeout, check)

    def download(self, *packages: Path) -> list[str]:
        """Fetch what the packages depend on, and put them inside. Returns their names for apt-get."""
        for package in packages:
            shutil.copy(package, self.root / "root" / package.name)
        ARCHIVES.mkdir(exist_ok=True)
        inside = self.root / _APT_FOLDER
        for kept in ARCHIVES.glob("*.deb"):
            shutil.copy(kept, inside / kept.name)
        names = [f"/root/{package.name}" for package in packages]
        self.run("apt-get", "update", "-q", timeout=300)
        for name in names:
            self.run(*_APT, "--download-only", "install", name, timeout=600)
        for fetched in inside.glob("*.deb"):
            if not (ARCHIVES / fetched.name).exists():
                shutil.copy(fetched, ARCHIVES / fetched.name)
        return names

    def _nspawn(self) -> list[str]:
        return [
            *("systemd-nspawn", "--quiet", f"--directory={self.root}", "--register=no", "--keep-unit"),
            *("--setenv=DEBIAN_FRONTEND=noninteractive", "--setenv=LANG=C.UTF-8"),
        ]

    # --- booted ---

    def boot(self) -> None:
        with (self.root.with_suffix(".console")).open("wb") as console:
            self._container = subprocess.Popen(
                [*self._nspawn(), "--boot", "--private-network", "--resolv-conf=off", "--console=pipe"],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        self._wait_for("its first process", self._find_leader)
        self._wait_for("systemd", lambda: self.call("systemctl", "is-system-running", check=False).stdout.strip() == "running")

    def _find_leader(self) -> bool:
        assert self._container is not None
        children = Path(f"/proc/{self._container.pid}/task/{self._container.pid}/children").read_text(encoding="ascii").split()
        for child in children:
            if Path(f"/proc/{child}/comm").read_text(encoding="ascii").strip() == "systemd":
                self._leader = int(child)
                return True
        return False

    def _wait_for(self, what: str, done: Callable[[], bool], seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            assert self._container is not None
            if self._container.poll() is not None:
                break
            if done():
                return
            time.sleep(0.2)
        console = self.root.with_suffix(".console").read_text(encoding="utf-8", errors="replace")
        raise AssertionError(f"The machine did not get as far as {what}:\n{console[-3000:]}")

    def inside(self, *command: str) -> list[str]:
        """The command line that runs a program of the machine in it."""
        assert self._leader, "it is not booted"
        clean = [
            "env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG=C.UTF-8",
            "HOME=/root",
            "DEBIAN_FRONTEND=noninteractive",
        ]
        return ["nsenter", f"--target={self._leader}", "--all", *clean, *command]

    def beside(self, *command: str) -> list[str]:
        """The command line that runs a program of this computer in the machine's network."""
        assert self._leader, "it is not booted"
        return ["nsenter", f"--target={self._leader}", "--net", *command]

    def call(
        self, *command: str, stdin: str = "", timeout: float = 120, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        return _run(self.inside(*command), timeout, check, stdin)

    def install(self, name: str) -> str:
        """By apt-get, from what was downloaded."""
        return self.call(*_APT, "install", name, timeout=300).stdout

    def host_pid(self, inner: int) -> int:
        """What this computer calls the process that the machine calls ``inner``."""
        for pid in self._processes():
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
            found = re.search(r"^NSpid:\s+\d+\s+(\d+)$", status, re.MULTILINE)
            if found and int(found[1]) == inner:
                return pid
        raise AssertionError(f"The machine has no process {inner}")

    def running(self, *command: str) -> list[int]:
        """This computer's numbers of the machine's processes whose command line begins with ``command``."""
        wanted = "\0".join(command).encode() + b"\0"
        return [pid for pid in self._processes() if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(wanted)]

    def _processes(self) -> Iterator[int]:
        own = os.readlink(f"/proc/{self._leader}/ns/pid")
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(FileNotFoundError, PermissionError, ProcessLookupError):
                if os.readlink(entry / "ns/pid") == own:
                    yield int(entry.name)

    # --- the end ---

    def close(self) -> None:
        if self._container is not None:
            if self._leader:
                subprocess.run(self.inside("systemctl", "poweroff"), capture_output=True, check=False, timeout=30)
            try:
                self._container.wait(30)
            except subprocess.TimeoutExpired:
                self._container.kill()  # its processes end with it
                self._container.wait(10)
            self._container = None
        for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
            if line.split()[1].startswith(f"{self.root}/") or line.split()[1] == str(self.root):
                subprocess.run(["umount", "-l", line.split()[1]], check=False)
        subprocess.run(["rm", "-r", "--one-file-system", "--force", str(self.root)], check=True)
        self.root.with_suffix(".console").unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


_APT = ("apt-get", "-q", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0")


def _run(command: list[str], timeout: float, check: bool, stdin: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode:
        raise AssertionError(
            f"{' '.join(command[-8:])} ended with {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        )
    return done
