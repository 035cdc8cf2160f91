"""Linux: a unit of systemd, an account of systemd-sysusers, the vault's key as a credential where systemd can seal one."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..model.errors import GatepostError
from ..model.locations import SERVICE_GROUP
from . import tools
from .values import ACCOUNT, Done, NoManager, Outcome, ServiceReport, State

UNIT = "gatepost.service"
CREDENTIAL = "gatepost-vault-key"
SYSUSERS = f'u {ACCOUNT} - "Gatepost mail gateway" /var/lib/gatepost\n'
_HIDDEN = ("/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/")  # noqa: S108 - none is used
"""What the unit hides from the service."""
_PROGRAM = re.compile(r"^ExecStart=.*?(?= relay --data )", re.MULTILINE)
_STATES = {
    "active": State.RUNNING,
    "reloading": State.RUNNING,
    "activating": State.STARTING,
    "deactivating": State.STOPPING,
    "failed": State.FAILED,
}


def account_of(name: str) -> tuple[int, int]:
    """uid and gid. Raises NoManager when there is no such account."""
    import pwd

    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise NoManager(
            f"There is no account “{name}”.", "", "Install the service first: sudo gatepost service install"
        ) from None
    return found.pw_uid, found.pw_gid


class Systemd:
    """``root``: where the system's files lie, another folder in tests. ``unit_source``: the unit as the package has it."""

    name = "systemd"

    def __init__(
        self, unit_source: Path, root: Path = Path("/"), account: Callable[[str], tuple[int, int]] = account_of
    ) -> None:
        self._source = unit_source
        self._root = root
        self._account = account
        self._unit = root / "etc/systemd/system" / UNIT
        self._packaged = [root / "usr/lib/systemd/system" / UNIT, root / "lib/systemd/system" / UNIT]
        self._sysusers = root / "etc/sysusers.d/gatepost.conf"
        self._credential = root / "etc/credstore.encrypted" / CREDENTIAL
        self.key_file = root / "etc/gatepost/vault.key"
        self.data_folder = root / "var/lib/gatepost"

    def status(self) -> ServiceReport:
        self._require_systemd()
        wanted = "LoadState,ActiveState,SubState,Result,MainPID,UnitFileState"
        said = tools.run(["systemctl", "show", UNIT, f"--property={wanted}"])
        found = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
        if found.get("LoadState") in (None, "not-found"):
            return ServiceReport(State.NOT_INSTALLED, self.name)
        state = _STATES.get(found.get("ActiveState", ""), State.STOPPED)
        detail = f"{found.get('ActiveState', '')} ({found.get('SubState', '')})"
        if state is State.FAILED:
            detail += f", {found.get('Result', '')}; see: journalctl -u {UNIT}"
        pid = found.get("MainPID", "0")
        return ServiceReport(
            state, self.name, detail, int(pid) if pid.isdigit() else 0, str(self.data_folder),
            found.get("UnitFileState", "").startswith("enabled"),
        )  # fmt: skip

    def install(self, program: tuple[str, ...], *, start: bool) -> Done:
        tools.require_root("install")
        self._require_systemd()
        notes: list[str] = []
        packaged = next((path for path in self._packaged if path.exists()), None)
        unit = None if packaged else self._unit_for(program)
        existed = self._unit.exists() or packaged is not None
        self._make_account()
        notes.append(self._make_key())
        changed = tools.write_file(self._unit, unit) if unit is not None else self._drop_own(packaged)
        if packaged is not None and self._unit.exists():
            notes.append(f"{self._unit} is used instead of the package's unit, {packaged}.")
        elif packaged is not None:
            notes.append(f"The package's unit is used: {packaged}.")
        tools.run(["systemctl", "daemon-reload"])
        tools.run(["systemctl", "enable", *(["--now"] if start else []), UNIT])
        if start and existed and changed:
            tools.run(["systemctl", "restart", UNIT])
        notes.append(tools.membership_note(SERVICE_GROUP, "sudo usermod -aG {group} {account}"))
        outcome = Outcome.UPDATED if existed and changed else Outcome.ALREADY_INSTALLED if existed else Outcome.INSTALLED
        return Done(outcome, tuple(note for note in notes if note))

    def remove(self) -> Done:
        tools.require_root("remove")
        self._require_systemd()
        if self.status().state is State.NOT_INSTALLED:
            return Done(Outcome.NOT_INSTALLED)
        packaged = next((path for path in self._packaged if path.exists()), None)
        tools.run(["systemctl", "disable", "--now", UNIT])
        self._unit.unlink(missing_ok=True)
        tools.run(["systemctl", "daemon-reload"])
        tools.run(["systemctl", "reset-failed", UNIT], accepted=(0, 1))
        kept = f"Configuration and mail stay in {self.data_folder}, the account {ACCOUNT} and the vault's key stay too."
        if packaged is not None:
            kept += f" Its unit is the package's ({packaged}): remove the package to be rid of it."
        return Done(Outcome.REMOVED, (kept,))

    def start(self) -> Done:
        tools.require_root("start")
        match self._installed().state:
            case State.RUNNING:
                return Done(Outcome.ALREADY_RUNNING)
            case _:
                tools.run(["systemctl", "start", UNIT])
                return Done(Outcome.STARTED)

    def stop(self) -> Done:
        tools.require_root("stop")
        if self._installed().state in (State.STOPPED, State.FAILED):
            return Done(Outcome.ALREADY_STOPPED)
        tools.run(["systemctl", "stop", UNIT])
        return Done(Outcome.STOPPED)

    def owner(self) -> tuple[int, int]:
        return self._account(ACCOUNT)

    def vault_key(self) -> Path:
        """The key file, else the credential, unsealed into a file of root's in memory (tmpfs) that the caller removes."""
        if not self._credential.exists():
            return self.key_file
        key = self._unsealed()
        folder = Path(tempfile.mkdtemp(prefix="gatepost-key-", dir=self._root / "run"))
        tools.write_key(folder / "vault.key", key, (os.geteuid(), os.getegid()))
        return folder / "vault.key"

    # --- parts of an installation ---

    def _installed(self) -> ServiceReport:
        self._require_systemd()
        found = self.status()
        if found.state is State.NOT_INSTALLED:
            raise GatepostError("The service is not installed.", "", "Install it: sudo gatepost service install")
        return found

    def _require_systemd(self) -> None:
        if not (self._root / "run/systemd/system").is_dir():
            raise NoManager(
                "This system is not run by systemd.", "", "Let its own service manager run: gatepost relay --data DIR"
            )

    def _make_account(self) -> None:
        tools.write_file(self._sysusers, SYSUSERS)
        tools.run(["systemd-sysusers", str(self._sysusers)])

    def _make_key(self) -> str:
        """A key for the sealed vault unless there is one. Sealed by systemd where it can: with the machine's own key, not its
        TPM, because new firmware must not lock the passwords up. Raises GatepostError where a key was lost."""
        if self._credential.exists() or self.key_file.exists():
            return ""
        if (self.data_folder / "vault.sealed").exists():
            raise GatepostError(
                "The key of the sealed passwords is missing.",
                f"{self.data_folder} holds sealed passwords, but there is neither {self._credential} nor {self.key_file}.",
                "Put the key back, or move vault.sealed away and enter the passwords again.",
            )
        key = tools.new_key()
        tools.make_folder(self._credential.parent, 0o700)
        seal = ["systemd-creds", "--with-key=host", f"--name={CREDENTIAL}", "encrypt", "-", str(self._credential)]
        try:
            tools.run(seal, stdin=key)
            if self._unsealed() != key:
                raise NoManager("“systemd-creds” does not give back what it sealed.")
        except NoManager as error:
            self._credential.unlink(missing_ok=True)
            tools.write_key(self.key_file, key, self.owner())
            why = error.detail or error.title
            return f"The key of the passwords is in {self.key_file} (systemd cannot seal it here: {why})"
        return f"The key of the passwords is sealed to this machine: {self._credential}."

    def _unsealed(self) -> bytes:
        return tools.run(["systemd-creds", f"--name={CREDENTIAL}", "decrypt", str(self._credential), "-"]).encode()

    def _drop_own(self, packaged: Path | None) -> bool:
        """Whether a unit of an earlier installation stood before the package's: with its program, which may be gone. What an
        administrator wrote there stays."""
        if packaged is None or self._unit.is_symlink() or not self._unit.exists():
            return False
        own, ours = (_PROGRAM.sub("", path.read_text(encoding="utf-8")) for path in (self._unit, self._source))
        if own != ours:
            return False
        self._unit.unlink()
        return True

    def _unit_for(self, program: tuple[str, ...]) -> str:
        if self._root == Path("/"):
            tools.refuse_hidden(_HIDDEN, Path(program[0]), Path(__file__))
        text = self._source.read_text(encoding="utf-8")
        words = " ".join(_quoted(word) for word in program)
        changed, count = re.subn(r"^ExecStart=\S+", lambda _: f"ExecStart={words}", text, count=1, flags=re.MULTILINE)
        if count != 1:
            raise GatepostError("The unit cannot be made.", f"{self._source} has no ExecStart line.")
        return changed


def _quoted(word: str) -> str:
    """As systemd.syntax(7) and systemd.unit(5) read it."""
    word = word.replace("%", "%%").replace("$", "$$")
    return word if re.fullmatch(r"[\w@%+=:,./-]+", word) else '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
