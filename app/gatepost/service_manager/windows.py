"""Windows: a service of the Service Control Manager, by ``sc.exe``, under a virtual account of its own.

``NT SERVICE\\Gatepost`` has no password and reaches only what ``icacls`` grants it: its folder below ProgramData. Its control
pipe answers to that account and to administrators; access by group is for systems with Unix sockets.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from ..model.errors import GatepostError
from . import tools
from .values import Done, NeedsRights, Outcome, ServiceReport, State

SERVICE = "Gatepost"
ACCOUNT = rf"NT SERVICE\{SERVICE}"
_STATES = {1: State.STOPPED, 2: State.STARTING, 3: State.STOPPING, 4: State.RUNNING}
_UNKNOWN = 1060
_ALREADY_RUNNING, _NOT_RUNNING, _STOPPING, _DENIED = 1056, 1062, 1061, 5
_MANY_FILES_SECONDS = 1800
"""For the mail of an earlier installation."""


class WindowsServices:
    name = "Windows services"

    def __init__(self, base: Path | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        base = base or Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "Gatepost"
        self._base = base
        self.data_folder = base / "data"
        self.key_file = base / "vault.key"
        self._runtime = base / "run"

    def status(self) -> ServiceReport:
        code, said = self._sc("query", SERVICE, accepted=(_UNKNOWN,))
        if code == _UNKNOWN:
            return ServiceReport(State.NOT_INSTALLED, self.name)
        # The numbers are the same in every language of Windows, the words are not.
        numbers = [int(found) for found in re.findall(r"^\s*[^:\n]+:\s+(\d+)\b", said, re.MULTILINE)]
        state = _STATES.get(numbers[1] if len(numbers) > 1 else 0, State.STOPPED)
        if state is State.STOPPED and len(numbers) > 2 and numbers[2] not in (0, 1077):
            state = State.FAILED
        return ServiceReport(state, self.name, data_folder=str(self.data_folder), detail="")

    def install(self, program: tuple[str, ...], *, start: bool) -> Done:
        relay = ["relay", "--windows-service", "--data", str(self.data_folder), "--vault", "sealed"]
        rest = ["--vault-key-file", str(self.key_file), "--runtime-folder", str(self._runtime)]
        line = subprocess.list2cmdline([*program, *relay, *rest])
        existed = self.status().state is not State.NOT_INSTALLED
        verb = "config" if existed else "create"
        self._sc(verb, SERVICE, "binPath=", line, "start=", "auto", "obj=", ACCOUNT, "DisplayName=", "Gatepost mail gateway")
        self._sc("description", SERVICE, "Takes, inspects, routes and delivers mail.")
        self._sc("failure", SERVICE, "reset=", "86400", "actions=", "restart/2000/restart/10000/restart/60000")
        self._sc("failureflag", SERVICE, "1")  # also when it ends by itself with an exit code, not only when it crashes
        self._keep_others_out(inside=not existed)
        for folder in (self.data_folder, self._runtime):
            folder.mkdir(parents=True, exist_ok=True)
        if not self.key_file.exists():
            tools.write_key(self.key_file, tools.new_key(), (-1, -1))
        if start:
            self._sc("start", SERVICE, accepted=(_ALREADY_RUNNING,))
        return Done(Outcome.UPDATED if existed else Outcome.INSTALLED)

    def remove(self) -> Done:
        if self.status().state is State.NOT_INSTALLED:
            return Done(Outcome.NOT_INSTALLED)
        self.stop()
        self._sc("delete", SERVICE)
        return Done(Outcome.REMOVED, (f"Configuration and mail stay in {self.data_folder}.",))

    def start(self) -> Done:
        self._require_installed()
        code, _ = self._sc("start", SERVICE, accepted=(_ALREADY_RUNNING,))
        return Done(Outcome.ALREADY_RUNNING if code else Outcome.STARTED)

    def stop(self) -> Done:
        self._require_installed()
        code, _ = self._sc("stop", SERVICE, accepted=(_NOT_RUNNING, _STOPPING))
        # Told to stop, it first finishes what it holds: until then its folder, its program's files and its name are in use.
        tools.wait_for(lambda: self.status().state in (State.STOPPED, State.FAILED), "The service", self._sleep)
        return Done(Outcome.ALREADY_STOPPED if code == _NOT_RUNNING else Outcome.STOPPED)

    def owner(self) -> tuple[int, int]:
        return -1, -1

    def vault_key(self) -> Path:
        return self.key_file

    def _keep_others_out(self, *, inside: bool) -> None:
        """The folder, and what lies ``inside`` it, are the system's (S-1-5-18), the administrators' (S-1-5-32-544) and the
        service's: nobody else is let in, by inheritance or by name. Whoever made it before, as everybody may below
        ProgramData, does not own it any more."""
        self._base.mkdir(parents=True, exist_ok=True)
        grants = [f"{who}:(OI)(CI)F" for who in (ACCOUNT, "*S-1-5-18", "*S-1-5-32-544")]
        for change in (["/setowner", "*S-1-5-32-544"], ["/reset"], ["/inheritance:r", "/grant:r", *grants]):
            tools.run(["icacls", str(self._base), *change])
        for one in self._base.iterdir() if inside else ():
            for change in (["/setowner", "*S-1-5-32-544"], ["/reset"]):
                tools.run(["icacls", str(one), *change, "/T", "/C", "/Q"], seconds=_MANY_FILES_SECONDS)

    def _require_installed(self) -> None:
        if self.status().state is State.NOT_INSTALLED:
            hint = "Install it in an administrator's terminal: gatepost service install"
            raise GatepostError("The service is not installed.", "", hint)

    def _sc(self, *arguments: str, accepted: tuple[int, ...] = ()) -> tuple[int, str]:
        """sc.exe ends with the system's error number: 0, or one of ``accepted``."""
        code, said = tools.call(["sc.exe", *arguments], accepted=(0, _DENIED, *accepted))
        if code == _DENIED:
            command = "install" if arguments[0] in ("create", "config") else arguments[0]
            hint = f"Type in an administrator's terminal: gatepost service {command}"
            raise NeedsRights("Only an administrator may do this.", "Services of the system are theirs.", hint)
        return code, said
