"""macOS: a daemon of launchd under an account of its own.

launchd makes no folders for a daemon, so the installation does: data and runtime folder below
``/Library/Application Support/Gatepost``. The vault's key is a file of the account's.
"""

from __future__ import annotations

import os
import plistlib
import re
import time
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
_HIDDEN = ("/Users/",)
"""Folders of persons, which let no other account in."""
_FREE_IDS = range(380, 400)
"""Of accounts that belong to services and to no person."""


class Launchd:
    """``root`` as for ``systemd.Systemd``. ``sleep``: between two looks whether a relay has ended."""

    name = "launchd"

    def __init__(
        self,
        root: Path = Path("/"),
        account: Callable[[str], tuple[int, int]] = account_of,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._account = account
        self._sleep = sleep
        self._plist = root / "Library/LaunchDaemons" / f"{LABEL}.plist"
        base = root / "Library/Application Support/Gatepost"
        self.data_folder = base / "data"
        self.key_file = base / "vault.key"
        self._runtime = base / "run"

    def status(self) -> ServiceReport:
        if not self._plist.exists():
            return ServiceReport(State.NOT_INSTALLED, self.name)
        said = self._loaded()
        if said is None:
            return ServiceReport(State.STOPPED, self.name, "not loaded", data_folder=str(self.data_folder))
        state = re.search(r"^\s*state = (.+)$", said, re.MULTILINE)
        pid = re.search(r"^\s*pid = (\d+)$", said, re.MULTILINE)
        failed = re.search(r"^\s*last exit code = ([1-9]\d*)", said, re.MULTILINE)
        found = State.RUNNING if pid else State.FAILED if failed else State.STOPPED
        detail = state[1] if state else ""
        return ServiceReport(found, self.name, detail, int(pid[1]) if pid else 0, str(self.data_folder), True)

    def install(self, program: tuple[str, ...], *, start: bool) -> Done:
        tools.require_root("install")
        tools.refuse_hidden(_HIDDEN, Path(program[0]), Path(__file__))
        existed = self._plist.exists()
        self._make_account()
        owner = self.owner()
        for folder, mode in ((self.data_folder, 0o700), (self._runtime, 0o750)):
            tools.make_folder(folder, mode)
            os.chown(folder, *owner)
            folder.chmod(mode)
        if not self.key_file.exists():
            tools.write_key(self.key_file, tools.new_key(), owner)
        changed = tools.write_file(self._plist, self._content(program).decode())
        if changed and existed:
            self._unload()
        if start:
            tools.run(["launchctl", "enable", TARGET])
            self._load()
        outcome = Outcome.UPDATED if existed and changed else Outcome.ALREADY_INSTALLED if existed else Outcome.INSTALLED
        line = "sudo dseditgroup -o edit -a {account} -t user {group}"
        return Done(outcome, (tools.membership_note(SERVICE_GROUP, line),))

    def remove(self) -> Done:
        tools.require_root("remove")
        if not self._plist.exists():
            return Done(Outcome.NOT_INSTALLED)
        self._unload()
        self._plist.unlink()
        return Done(Outcome.REMOVED, (f"Configuration and mail stay in {self.data_folder}.",))

    def start(self) -> Done:
        tools.require_root("start")
        self._require_installed()
        if self.status().state is State.RUNNING:
            return Done(Outcome.ALREADY_RUNNING)
        self._load()
        tools.run(["launchctl", "kickstart", TARGET])
        return Done(Outcome.STARTED)

    def stop(self) -> Done:
        """Also one that fails again and again, which launchd would go on starting."""
        tools.require_root("stop")
        self._require_installed()
        found = self.status().state
        self._unload()
        return Done(Outcome.ALREADY_STOPPED if found is State.STOPPED else Outcome.STOPPED)

    def _loaded(self) -> str | None:
        """What launchd knows of the daemon; None when it does not know it."""
        try:
            return tools.run(["launchctl", "print", TARGET])
        except NoManager:
            return None

    def _load(self) -> None:
        """Not twice: the second ``bootstrap`` fails."""
        if self._loaded() is None:
            tools.run(["launchctl", "bootstrap", "system", str(self._plist)])

    def _unload(self) -> None:
        """``bootout`` may return while the relay still finishes what it holds (36: in progress). Until launchd has let go of
        it, it still has its folder, and launchd takes it in no second time."""
        if self._loaded() is not None:
            tools.run(["launchctl", "bootout", TARGET], accepted=(0, 3, 36, 113))
            tools.wait_for(lambda: self._loaded() is None, "The relay", self._sleep)

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
                # launchd slows the processor and the disk of every other kind: clients wait for our replies.
                "ProcessType": "Interactive",
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
        own = re.search(rf"^{ACCOUNT}\s+(\d+)$", listed, re.MULTILINE)  # of an earlier installation, perhaps a half one
        number = own[1] if own else next((str(free) for free in _FREE_IDS if free not in taken), None)
        if number is None:
            raise NoManager("There is no free number for the service's account.", f"{_FREE_IDS} are all taken.")
        said = tools.run(["dscl", ".", "-read", f"/Groups/{SERVICE_GROUP}", "PrimaryGroupID"])
        group = said.split()[-1]
        for key, value in (
            ("UniqueID", number), ("PrimaryGroupID", group), ("UserShell", "/usr/bin/false"),
            ("NFSHomeDirectory", "/var/empty"), ("RealName", "Gatepost mail gateway"), ("IsHidden", "1"),
        ):  # fmt: skip
            tools.run(["dscl", ".", "-create", f"/Users/{ACCOUNT}", key, value])
