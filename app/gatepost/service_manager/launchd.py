"""macOS: a daemon of launchd under an account of its own.

launchd makes no folders for a daemon, so the installation does: data and runtime folder below
``/Library/Application Support/Gatepost``. The vault's key is a file of the account's.
"""

from __future__ import annotations

import os
import plistlib
import re
from collections.abc import Callable
from pathlib import Path

from ..model.errors import GatepostError
from ..model.locations import SERVICE_GROUP
from . import tools
from .systemd import account_of
from .values import Done, NoManager, Outcome, ServiceReport, State

LABEL = "gatepost.relay"
ACCOUNT = "_gatepost"
TARGET = f"system/{LABEL}"
_FREE_IDS = range(380, 400)
"""Of accounts that belong to services and to no person."""


class Launchd:
    """``root`` as for ``systemd.Systemd``."""

    name = "launchd"

    def __init__(self, root: Path = Path("/"), account: Callable[[str], tuple[int, int]] = account_of) -> None:
        self._account = account
        self._plist = root / "Library/LaunchDaemons" / f"{LABEL}.plist"
        base = root / "Library/Application Support/Gatepost"
        self.data_folder = base / "data"
        self.key_file = base / "vault.key"
        self._runtime = base / "run"

    def status(self) -> ServiceReport:
        if not self._plist.exists():
            return ServiceReport(State.NOT_INSTALLED, self.name)
        try:
            said = tools.run(["launchctl", "print", TARGET])
        except NoManager:
            return ServiceReport(State.STOPPED, self.name, "not loaded", data_folder=str(self.data_folder))
        state = re.search(r"^\s*state = (.+)$", said, re.MULTILINE)
        pid = re.search(r"^\s*pid = (\d+)$", said, re.MULTILINE)
        failed = re.search(r"^\s*last exit code = ([1-9]\d*)", said, re.MULTILINE)
        found = State.RUNNING if pid else State.FAILED if failed else State.STOPPED
        detail = state[1] if state else ""
        return ServiceReport(found, self.name, detail, int(pid[1]) if pid else 0, str(self.data_folder), True)

    def install(self, program: tuple[str, ...], *, start: bool) -> Done:
        tools.require_root("install")
        existed = self._plist.exists()
        self._make_account()
        owner = self.owner()
        for folder, mode in ((self.data_folder, 0o700), (self._runtime, 0o750)):
            folder.mkdir(parents=True, exist_ok=True)
            os.chown(folder, *owner)
            folder.chmod(mode)
        if not self.key_file.exists():
            tools.write_key(self.key_file, tools.new_key(), owner)
        changed = tools.write_file(self._plist, self._content(program).decode())
        if changed and existed:
            tools.run(["launchctl", "bootout", TARGET], accepted=(0, 3, 113))
        if start:
            tools.run(["launchctl", "enable", TARGET])
            tools.run(["launchctl", "bootstrap", "system", str(self._plist)], accepted=(0, 37))
        outcome = Outcome.UPDATED if existed and changed else Outcome.ALREADY_INSTALLED if existed else Outcome.INSTALLED
        return Done(outcome)

    def remove(self) -> Done:
        tools.require_root("remove")
        if not self._plist.exists():
            return Done(Outcome.NOT_INSTALLED)
        tools.run(["launchctl", "bootout", TARGET], accepted=(0, 3, 113))
        self._plist.unlink()
        return Done(Outcome.REMOVED, (f"Configuration and mail stay in {self.data_folder}.",))

    def start(self) -> Done:
        tools.require_root("start")
        self._require_installed()
        if self.status().state is State.RUNNING:
            return Done(Outcome.ALREADY_RUNNING)
        tools.run(["launchctl", "bootstrap", "system", str(self._plist)], accepted=(0, 37))
        tools.run(["launchctl", "kickstart", TARGET])
        return Done(Outcome.STARTED)

    def stop(self) -> Done:
        tools.require_root("stop")
        self._require_installed()
        if self.status().state is not State.RUNNING:
            return Done(Outcome.ALREADY_STOPPED)
        tools.run(["launchctl", "bootout", TARGET])
        return Done(Outcome.STOPPED)

    def owner(self) -> tuple[int, int]:
        return self._account(ACCOUNT)

    def vault_key(self) -> Path:
        return self.key_file

    def _require_installed(self) -> None:
        if not self._plist.exists():
            raise GatepostError("The service is not installed.", "", "Install it: sudo gatepost service install")

    def _content(self, program: tuple[str, ...]) -> bytes:
        relay = ["relay", "--data", str(self.data_folder), "--vault", "sealed", "--vault-key-file", str(self.key_file)]
        access = ["--runtime-folder", str(self._runtime), "--access-group", SERVICE_GROUP]
        return plistlib.dumps(
            {
                "Label": LABEL,
                "ProgramArguments": [*program, *relay, *access],
                "UserName": ACCOUNT,
                "GroupName": SERVICE_GROUP,
                "InitGroups": True,
                "RunAtLoad": True,
                "KeepAlive": {"SuccessfulExit": False},
                "ExitTimeOut": 90,
                "Umask": 0o077,
                "ProcessType": "Background",
                "SoftResourceLimits": {"NumberOfFiles": 65_536},
                "EnvironmentVariables": {"HOME": str(self.data_folder), "GATEPOST_DATA": str(self.data_folder)},
            }
        )

    def _make_account(self) -> None:
        """The group, whose members administer, and the account, which nobody can sign in to."""
        if SERVICE_GROUP not in tools.run(["dscl", ".", "-list", "/Groups"]).split():
            tools.run(["dseditgroup", "-o", "create", SERVICE_GROUP])
        listed = tools.run(["dscl", ".", "-list", "/Users", "UniqueID"])
        taken = {int(number) for number in re.findall(r"\s(-?\d+)$", listed, re.MULTILINE)}
        if any(line.split()[:1] == [ACCOUNT] for line in listed.splitlines()):
            return
        free = next((number for number in _FREE_IDS if number not in taken), None)
        if free is None:
            raise NoManager("There is no free number for the service's account.", f"{_FREE_IDS} are all taken.")
        said = tools.run(["dscl", ".", "-read", f"/Groups/{SERVICE_GROUP}", "PrimaryGroupID"])
        group = said.split()[-1]
        for key, value in (
            ("UniqueID", str(free)), ("PrimaryGroupID", group), ("UserShell", "/usr/bin/false"),
            ("NFSHomeDirectory", "/var/empty"), ("RealName", "Gatepost mail gateway"), ("IsHidden", "1"),
        ):  # fmt: skip
            tools.run(["dscl", ".", "-create", f"/Users/{ACCOUNT}", key, value])
