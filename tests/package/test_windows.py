"""Windows' installer, compiled here and run under Wine with stand-ins for the programs that it calls.

What is seen: which files are where, what the programs were asked to do, what the registry holds. Not seen: a real Windows
service, a real firewall, the bundle itself (see packaging/README.md).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mail_tools import tool

from .machine import ROOT

WINE = "/usr/lib/wine/wine64"
WINDOWS = ROOT / "packaging" / "windows"
FOLDER = r"C:\Program Files\Gatepost"
UNINSTALL = r"HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall\Gatepost"


class Windows:
    """A Wine of its own. ``record`` is what the stand-ins were asked to do."""

    def __init__(self, folder: Path) -> None:
        self.prefix = folder / "prefix"
        self.drive = self.prefix / "drive_c"
        self.installed = self.drive / "Program Files" / "Gatepost"
        self.mail = self.drive / "ProgramData" / "Gatepost"
        self._record = folder / "record.txt"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "WINEPREFIX": str(self.prefix),
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml,winemenubuilder.exe=;netsh.exe=n",
            "GATEPOST_RECORD": f"Z:{self._record}".replace("/", "\\"),
        }

    def set_up(self, standin: Path) -> None:
        self._run([WINE, "wineboot.exe", "--init"])
        shutil.copy(standin, self.drive / "windows" / "system32" / "netsh.exe")
        self.close()

    def _run(self, command: list[str], **more: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            command, env={**self.environment, **more}, capture_output=True, stdin=subprocess.DEVNULL, timeout=180, check=False
        )

    def run(self, program: Path, *arguments: str, **more: str) -> int:
        return self._run([WINE, str(program), *arguments], **more).returncode

    def uninstall(self, *arguments: str, **more: str) -> int:
        """``_?=``: in place, so that it can be waited for; the uninstaller itself then stays behind. The uninstaller knows the
        word only without quotes, which Wine would put around one argument with a space in it."""
        return self.run(self.installed / "uninstall.exe", "/S", *arguments, *f"_?={FOLDER}".split(" "), **more)

    @contextlib.contextmanager
    def open_app(self) -> Iterator[None]:
        """The program that opens the window runs."""
        program = [WINE, str(self.installed / "gatepost.exe")]
        environment = {**self.environment, "GATEPOST_STAY": "120000"}
        process = subprocess.Popen(program, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 60
            while not self._record.exists():
                assert time.monotonic() < until, "it runs"
                time.sleep(0.1)
            yield
        finally:
            process.kill()
            process.wait()

    def registry(self, name: str) -> str | None:
        done = self._run([WINE, "reg.exe", "query", UNINSTALL, "/v", name, "/reg:64"])
        if done.returncode:
            return None
        return done.stdout.decode(errors="replace").split(f"{name} ", 1)[1].split(None, 1)[1].strip()

    def calls(self) -> list[str]:
        """What was recorded since the last look, without the programs' folders."""
        if not self._record.exists():
            return []
        lines = self._record.read_text(encoding="utf-8").splitlines()
        self._record.unlink()
        return [line.replace(f'"{FOLDER}\\', '"').replace('"C:\\windows\\system32\\', '"') for line in lines]

    def close(self) -> None:
        subprocess.run(["/usr/lib/wine/wineserver", "-k", "-w"], env=self.environment, check=False, timeout=60)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in, and installers of an old and a new payload."""
    import package

    folder = tmp_path_factory.mktemp("built")
    compiler = tool("x86_64-w64-mingw32-gcc")
    subprocess.run([compiler, "-municode", "-O1", "-o", folder / "standin.exe", WINDOWS / "standin.c"], check=True)
    for version in ("0.0.9", "0.1.0"):
        payload = folder / f"payload-{version}"
        (payload / "_internal").mkdir(parents=True)
        for name in ("gatepost.exe", "gatepost-relay.exe"):
            shutil.copy(folder / "standin.exe", payload / name)
        (payload / "_internal" / f"only-in-{version}.txt").write_text(version, encoding="utf-8")
        package.installer(payload, version, folder, "-DTARGET=amd64-unicode")  # this Wine has no 32-bit part
    return folder


@pytest.fixture(scope="module")
def fresh(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Windows:
    made = Windows(tmp_path_factory.mktemp("fresh"))
    made.set_up(built / "standin.exe")
    return made


@pytest.fixture
def windows(fresh: Windows, tmp_path: Path) -> Iterator[Windows]:
    made = Windows(tmp_path)
    shutil.copytree(fresh.prefix, made.prefix, symlinks=True)
    yield made
    made.close()


def test_a_silent_installation_an_upgrade_and_the_removal(built: Path, windows: Windows) -> None:
    assert windows.run(built / "gatepost-0.0.9-setup.exe", "/S") == 0
    assert windows.calls() == ['"gatepost-relay.exe" service install'], "the service, and no firewall rule unasked"
    assert (windows.installed / "gatepost.exe").exists()
    assert (windows.installed / "_internal" / "only-in-0.0.9.txt").exists()
    assert windows.registry("DisplayVersion") == "0.0.9"
    assert windows.registry("InstallLocation") == FOLDER
    assert list(windows.drive.rglob("Gatepost.lnk")) != []

    windows.mail.mkdir(parents=True)
    (windows.mail / "spool.db").write_text("mail", encoding="utf-8")
    (windows.installed / "notes.txt").write_text("somebody's own", encoding="utf-8")
    assert windows.run(built / "gatepost-0.1.0-setup.exe", "/S", "/FIREWALL=25") == 0
    stop, delete_or_add, *rest = windows.calls()
    assert stop == '"gatepost-relay.exe" service stop'
    assert delete_or_add == (
        '"netsh.exe" advfirewall firewall add rule name="Gatepost SMTP" dir=in action=allow protocol=TCP localport=25'
        ' program="gatepost-relay.exe"'
    )
    assert rest == ['"gatepost-relay.exe" service install'], "brought up to date and started"
    assert windows.registry("DisplayVersion") == "0.1.0"
    assert [path.name for path in (windows.installed / "_internal").iterdir()] == ["only-in-0.1.0.txt"], "nothing old is left"

    assert windows.uninstall() == 0
    assert windows.calls() == [
        '"gatepost-relay.exe" service stop',
        '"gatepost-relay.exe" service remove --yes',
        '"netsh.exe" advfirewall firewall delete rule name="Gatepost SMTP"',
    ]
    assert {path.name for path in windows.installed.iterdir()} <= {"notes.txt", "uninstall.exe"}, "what is not ours stays"
    assert windows.registry("DisplayVersion") is None
    assert list(windows.drive.rglob("Gatepost.lnk")) == []
    assert (windows.mail / "spool.db").exists(), "mail stays"


def test_mail_is_deleted_only_by_the_word_for_it(built: Path, windows: Windows) -> None:
    windows.run(built / "gatepost-0.1.0-setup.exe", "/S")
    windows.mail.mkdir(parents=True)
    assert windows.uninstall("/MAIL=delete") == 0
    assert not windows.mail.exists()


def test_a_service_that_cannot_be_set_up_is_told_and_not_remembered(built: Path, windows: Windows) -> None:
    assert windows.run(built / "gatepost-0.1.0-setup.exe", "/S", GATEPOST_EXIT_CODE="6") == 5
    assert windows.registry("HasService") is None
    windows.calls()
    assert windows.run(built / "gatepost-0.1.0-setup.exe", "/S", GATEPOST_EXIT_CODE="6") == 5
    assert windows.calls() == ['"gatepost-relay.exe" service install'], "it is tried again: it was wanted"
    windows.uninstall()
    assert windows.calls() == [], "nothing is removed that was not there"


def test_a_service_that_cannot_be_removed_keeps_its_program(built: Path, windows: Windows) -> None:
    assert windows.run(built / "gatepost-0.1.0-setup.exe", "/S") == 0
    assert windows.uninstall(GATEPOST_EXIT_CODE="6") == 5
    assert (windows.installed / "gatepost-relay.exe").exists()
    assert windows.registry("HasService") is not None
    windows.calls()
    assert windows.uninstall() == 0
    assert windows.calls()[-1] == '"gatepost-relay.exe" service remove --yes'
    assert not (windows.installed / "gatepost-relay.exe").exists()


def test_an_app_that_is_open_is_told_of_before_anything_has_changed(built: Path, windows: Windows) -> None:
    assert windows.run(built / "gatepost-0.0.9-setup.exe", "/S") == 0
    windows.calls()
    with windows.open_app():
        assert windows.run(built / "gatepost-0.1.0-setup.exe", "/S") == 2
        assert windows.uninstall() == 2
        assert windows.calls() == ['"gatepost.exe"'], "the service goes on"
    for name in ("gatepost.exe", "gatepost-relay.exe", r"_internal/only-in-0.0.9.txt"):
        assert (windows.installed / name).exists(), name
    assert windows.registry("DisplayVersion") == "0.0.9"
    assert windows.run(built / "gatepost-0.1.0-setup.exe", "/S") == 0


def test_the_service_can_be_left_out(built: Path, windows: Windows) -> None:
    assert windows.run(built / "gatepost-0.0.9-setup.exe", "/S", "/SERVICE=no") == 0
    assert windows.calls() == []
    assert (windows.installed / "gatepost-relay.exe").exists()
    assert windows.run(built / "gatepost-0.1.0-setup.exe", "/S") == 0
    assert windows.calls() == [], "an upgrade brings no service that was left out"
    assert windows.run(built / "gatepost-0.1.0-setup.exe", "/S", "/SERVICE=yes") == 0
    assert windows.calls() == ['"gatepost-relay.exe" service install']
    assert windows.run(built / "gatepost-0.1.0-setup.exe", "/S") == 0
    assert windows.calls() == ['"gatepost-relay.exe" service stop', '"gatepost-relay.exe" service install']


def test_a_port_that_is_none_is_refused_before_anything_is_installed(built: Path, windows: Windows) -> None:
    for port in ("0", "65536", "25x", ""):
        assert windows.run(built / "gatepost-0.1.0-setup.exe", "/S", f"/FIREWALL={port}") == 3, port
        assert not windows.installed.exists()
        assert windows.calls() == []
