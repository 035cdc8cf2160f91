"""systemd: the real unit, and the real order of calls, with tools on PATH that note how they were called.

What is not run here: a real systemd as process 1. The unit itself is read by ``systemd-analyze`` where that is installed.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from gatepost.model.errors import GatepostError
from gatepost.service_manager.choose import resources
from gatepost.service_manager.systemd import CREDENTIAL, UNIT, Systemd
from gatepost.service_manager.tools import refuse_hidden
from gatepost.service_manager.values import NeedsRights, NoManager, Outcome, State
from tests.support.mail_tools import tool
from tests.support.system_tools import SystemTools

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="root is needed, as for a service")
SOURCE = resources() / "service" / "gatepost.service"
PROGRAM = ("/opt/gatepost/gatepost-relay",)
TOOLS = ("systemctl", "systemd-sysusers", "systemd-creds")
SHOWN = "LoadState={}\nActiveState={}\nSubState={}\nResult={}\nMainPID={}\nUnitFileState=enabled\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root/run/systemd/system").mkdir(parents=True)
    return tmp_path / "root"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SystemTools:
    return SystemTools(tmp_path / "bin", monkeypatch, *TOOLS)


@pytest.fixture
def systemd(root: Path, tools: SystemTools) -> Systemd:
    return Systemd(SOURCE, root, lambda _: (33, 33))


def show(tools: SystemTools, load: str, active: str, sub: str = "", result: str = "success", pid: int = 0) -> None:
    tools.answer("systemctl", "show", text=SHOWN.format(load, active, sub, result, pid))


def test_an_installation_makes_the_account_the_key_and_the_unit_and_starts_it(
    systemd: Systemd, tools: SystemTools, root: Path
) -> None:
    done = systemd.install(PROGRAM, start=True)
    assert done.outcome is Outcome.INSTALLED
    unit = (root / "etc/systemd/system" / UNIT).read_text()
    assert f"ExecStart={PROGRAM[0]} relay --data /var/lib/gatepost" in unit
    assert "--access-group gatepost" in unit
    sealed = root / "etc/credstore.encrypted" / CREDENTIAL
    assert tools.calls == [
        ("systemd-sysusers", str(root / "etc/sysusers.d/gatepost.conf")),
        ("systemd-creds", "--with-key=host", f"--name={CREDENTIAL}", "encrypt", "-", str(sealed)),
        ("systemd-creds", f"--name={CREDENTIAL}", "decrypt", str(sealed), "-"),
        ("systemctl", "daemon-reload"),
        ("systemctl", "enable", "--now", UNIT),
    ]
    key = tools.stdin_of("systemd-creds", "--with-key=host").strip()
    assert len(key) == 44
    assert all(key not in path.read_text() for path in root.rglob("*") if path.is_file()), "the key is in no file in clear"
    assert not systemd.key_file.exists()
    assert any("usermod -aG gatepost" in note for note in done.notes)


def test_where_systemd_cannot_seal_the_key_is_a_file_of_the_services_account_alone(
    systemd: Systemd, tools: SystemTools
) -> None:
    tools.answer("systemd-creds", "--with-key=host", code=1, error="No host key.")
    done = systemd.install(PROGRAM, start=False)
    found = systemd.key_file.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (33, 33, 0o600)
    assert any("No host key" in note for note in done.notes)
    assert ("systemctl", "enable", UNIT) in tools.calls


def test_the_service_reaches_its_key_whatever_umask_it_was_installed_with(systemd: Systemd, tools: SystemTools) -> None:
    """sudo keeps a stricter umask of the person's."""
    tools.answer("systemd-creds", "--with-key=host", code=1, error="No host key.")
    mask = os.umask(0o077)
    try:
        systemd.install(PROGRAM, start=False)
    finally:
        os.umask(mask)
    assert systemd.key_file.parent.stat().st_mode & 0o777 == 0o755


def test_a_second_installation_keeps_the_key_and_says_that_nothing_changed(systemd: Systemd, tools: SystemTools) -> None:
    systemd.install(PROGRAM, start=False)
    count = len(tools.calls)
    assert systemd.install(PROGRAM, start=False).outcome is Outcome.ALREADY_INSTALLED
    assert all(call[0] != "systemd-creds" for call in tools.calls[count:])
    moved = systemd.install(("/opt/other/gatepost-relay",), start=True)
    assert moved.outcome is Outcome.UPDATED
    assert tools.calls[-1] == ("systemctl", "restart", UNIT)


def test_a_key_that_is_not_given_back_is_not_trusted(systemd: Systemd, tools: SystemTools, root: Path) -> None:
    tools.answer("systemd-creds", f"--name={CREDENTIAL}", "decrypt", text="something else")
    systemd.install(PROGRAM, start=False)
    assert systemd.key_file.exists()
    assert not (root / "etc/credstore.encrypted" / CREDENTIAL).exists()


def test_a_lost_key_is_said_and_not_replaced(systemd: Systemd, tools: SystemTools) -> None:
    systemd.data_folder.mkdir(parents=True)
    (systemd.data_folder / "vault.sealed").write_text("{}")
    with pytest.raises(GatepostError, match="key of the sealed passwords is missing"):
        systemd.install(PROGRAM, start=True)
    assert not systemd.key_file.exists()


def test_the_key_is_unsealed_into_memory_for_a_move(systemd: Systemd, tools: SystemTools, root: Path) -> None:
    systemd.install(PROGRAM, start=False)
    key = systemd.vault_key()
    assert key.is_relative_to(root / "run")
    assert key.read_text() == tools.stdin_of("systemd-creds", "--with-key=host")
    assert key.stat().st_mode & 0o077 == 0
    assert key.parent.stat().st_mode & 0o077 == 0


def test_the_packages_unit_is_used_as_it_is(systemd: Systemd, tools: SystemTools, root: Path) -> None:
    packaged = root / "usr/lib/systemd/system" / UNIT
    packaged.parent.mkdir(parents=True)
    packaged.write_text("[Service]\n")
    done = systemd.install(PROGRAM, start=True)
    assert not (root / "etc/systemd/system" / UNIT).exists()
    assert any(str(packaged) in note for note in done.notes)


def test_a_unit_of_an_earlier_installation_does_not_stand_before_the_packages(
    systemd: Systemd, tools: SystemTools, root: Path
) -> None:
    systemd.install(("/opt/old/gatepost-relay",), start=False)
    packaged = root / "usr/lib/systemd/system" / UNIT
    packaged.parent.mkdir(parents=True)
    packaged.write_bytes(SOURCE.read_bytes())
    done = systemd.install(PROGRAM, start=True)
    assert done.outcome is Outcome.UPDATED
    assert not (root / "etc/systemd/system" / UNIT).exists()
    assert tools.calls[-1] == ("systemctl", "restart", UNIT)
    assert any("The package's unit is used" in note for note in done.notes)


def test_a_unit_that_the_administrator_wrote_stays_and_is_named(systemd: Systemd, root: Path) -> None:
    packaged, own = (root / folder / UNIT for folder in ("usr/lib/systemd/system", "etc/systemd/system"))
    for path in (packaged, own):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(SOURCE.read_bytes())
    own.write_text(own.read_text().replace("LimitNOFILE=65536", "LimitNOFILE=4096"))
    done = systemd.install(PROGRAM, start=True)
    assert "LimitNOFILE=4096" in own.read_text()
    assert any(str(own) in note and "instead of the package's" in note for note in done.notes)
    assert not any("The package's unit is used" in note for note in done.notes)


def test_a_program_that_the_service_could_not_see_is_refused() -> None:
    """Also where a virtual environment in a home folder runs an interpreter of the system's, or code lies in one."""
    hidden = ("/home/", "/tmp/")
    refuse_hidden(hidden, Path("/opt/gatepost/gatepost-relay"), Path("/usr/lib/python3/gatepost"))
    with pytest.raises(GatepostError, match="could not run") as caught:
        refuse_hidden(hidden, Path("/opt/gatepost/python"), Path("/home/ann/gatepost"))
    assert caught.value.detail.startswith("/home/ann/gatepost lies in")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        link = Path(folder, "python")
        link.symlink_to("/usr/bin/env")
        with pytest.raises(GatepostError):
            refuse_hidden(hidden, link)


def test_a_program_with_blanks_and_percent_signs_is_quoted_for_the_unit(systemd: Systemd, root: Path) -> None:
    systemd.install(("/opt/Mail 100%/relay", "-m", "gatepost"), start=False)
    unit = (root / "etc/systemd/system" / UNIT).read_text()
    assert 'ExecStart="/opt/Mail 100%%/relay" -m gatepost relay' in unit


@pytest.mark.parametrize(
    ("active", "state"),
    [("active", State.RUNNING), ("activating", State.STARTING), ("deactivating", State.STOPPING), ("inactive", State.STOPPED)],
)
def test_states(systemd: Systemd, tools: SystemTools, active: str, state: State) -> None:
    show(tools, "loaded", active, "x", pid=77)
    found = systemd.status()
    assert (found.state, found.pid, found.starts_at_boot) == (state, 77, True)


def test_a_failure_says_where_to_look(systemd: Systemd, tools: SystemTools) -> None:
    show(tools, "loaded", "failed", "failed", "exit-code")
    found = systemd.status()
    assert found.state is State.FAILED
    assert "exit-code; see: journalctl -u gatepost.service" in found.detail
    show(tools, "not-found", "inactive")
    assert systemd.status().state is State.NOT_INSTALLED


def test_starting_and_stopping_say_what_was_so_already(systemd: Systemd, tools: SystemTools) -> None:
    show(tools, "loaded", "active")
    assert systemd.start().outcome is Outcome.ALREADY_RUNNING
    assert systemd.stop().outcome is Outcome.STOPPED
    show(tools, "loaded", "inactive")
    assert systemd.stop().outcome is Outcome.ALREADY_STOPPED
    assert systemd.start().outcome is Outcome.STARTED
    show(tools, "not-found", "inactive")
    with pytest.raises(GatepostError, match="not installed"):
        systemd.start()


def test_removing_keeps_the_mail_and_says_so(systemd: Systemd, tools: SystemTools, root: Path) -> None:
    systemd.install(PROGRAM, start=False)
    show(tools, "loaded", "active")
    done = systemd.remove()
    assert done.outcome is Outcome.REMOVED
    assert "stay" in done.notes[0]
    assert not (root / "etc/systemd/system" / UNIT).exists()
    assert ("systemctl", "disable", "--now", UNIT) in tools.calls
    show(tools, "not-found", "inactive")
    assert systemd.remove().outcome is Outcome.NOT_INSTALLED


def test_what_systemctl_says_of_a_failure_reaches_the_person(systemd: Systemd, tools: SystemTools) -> None:
    show(tools, "loaded", "inactive")
    tools.answer("systemctl", "start", code=1, error="Job for gatepost.service failed\x1b[31m.\n")
    with pytest.raises(NoManager) as caught:
        systemd.start()
    assert caught.value.detail == "Job for gatepost.service failed[31m."


def test_without_systemd_it_says_what_to_do_instead(tmp_path: Path, tools: SystemTools) -> None:
    with pytest.raises(NoManager, match="not run by systemd"):
        Systemd(SOURCE, tmp_path).install(PROGRAM, start=True)
    assert tools.calls == []


def test_who_is_not_root_is_told_the_line_to_type(
    systemd: Systemd, tools: SystemTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for call, name in ((lambda: systemd.install(PROGRAM, start=True), "install"), (systemd.stop, "stop")):
        with pytest.raises(NeedsRights) as caught:
            call()
        assert re.fullmatch(rf"Type: sudo .+ service {name}", caught.value.hint)
    assert tools.calls == []


def test_systemd_itself_reads_the_unit_without_complaint(systemd: Systemd, root: Path, tmp_path: Path) -> None:
    analyze = tool("systemd-analyze")
    program = tmp_path / "gatepost-relay"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    systemd.install((str(program),), start=False)
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(root / "etc/systemd/system" / UNIT)], capture_output=True, text=True, timeout=60,
        check=False, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if "gatepost" in line.lower()]
    assert complaints == []
    assert done.returncode == 0, done.stderr
