"""launchd and Windows services, by what their tools are asked. Not run here: those systems themselves."""

from __future__ import annotations

import os
import plistlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gatepost.model.errors import GatepostError
from gatepost.service_manager.launchd import LABEL, TARGET, Launchd
from gatepost.service_manager.values import NeedsRights, Outcome, State
from gatepost.service_manager.windows import ACCOUNT, SERVICE, WindowsServices
from gatepost.service_manager.windows_host import Control, Host, Stage
from tests.support.system_tools import SystemTools

is_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="root is needed, as for a service")
PROGRAM = ("/opt/gatepost/gatepost-relay",)
USERS = "root 0\n_www 70\n_taken 380\n"


@pytest.fixture
def mac(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Launchd, SystemTools, Path]:
    tools = SystemTools(tmp_path / "bin", monkeypatch, "launchctl", "dscl", "dseditgroup")
    tools.answer("dscl", ".", "-list", "/Users", text=USERS)
    tools.answer("dscl", ".", "-read", "/Groups/gatepost", text="PrimaryGroupID: 512\n")
    tools.answer("launchctl", "print", code=113, error="Could not find service")
    return Launchd(tmp_path / "root", lambda _: (33, 33), sleep=lambda _: None), tools, tmp_path / "root"


LOADED = ("launchctl", "print", TARGET)
BOOTOUT = ("launchctl", "bootout", TARGET)
RUNNING = "\tstate = running\n\tpid = 321\n"


@is_root
def test_launchd_gets_a_daemon_with_an_account_folders_and_a_key(mac: tuple[Launchd, SystemTools, Path]) -> None:
    launchd, tools, root = mac
    assert launchd.status().state is State.NOT_INSTALLED
    assert launchd.install(PROGRAM, start=True).outcome is Outcome.INSTALLED
    plist = root / "Library/LaunchDaemons" / f"{LABEL}.plist"
    found = plistlib.loads(plist.read_bytes())
    assert found["ProgramArguments"][0] == PROGRAM[0]
    assert found["UserName"] == "_gatepost"
    assert found["KeepAlive"] == {"SuccessfulExit": False}
    assert found["ProcessType"] == "Interactive", "any other is slowed on purpose"
    assert ("dscl", ".", "-create", "/Users/_gatepost", "UniqueID", "381") in tools.calls, "the first free number"
    assert ("launchctl", "bootstrap", "system", str(plist)) in tools.calls
    assert launchd.data_folder.stat().st_mode & 0o777 == 0o700
    assert launchd.key_file.stat().st_mode & 0o777 == 0o600
    assert launchd.data_folder.stat().st_uid == 33


@is_root
def test_launchd_gets_no_program_out_of_a_persons_folder(mac: tuple[Launchd, SystemTools, Path]) -> None:
    launchd, tools, root = mac
    with pytest.raises(GatepostError, match="could not run this program"):
        launchd.install(("/Users/ann/Applications/Gatepost.app/Contents/MacOS/gatepost-relay",), start=True)
    assert not root.exists()
    assert tools.calls == []


@is_root
def test_launchd_states_start_stop_and_removal(mac: tuple[Launchd, SystemTools, Path]) -> None:
    launchd, tools, _ = mac
    launchd.install(PROGRAM, start=False)
    tools.answer(*LOADED, text=RUNNING, until=BOOTOUT)
    assert (launchd.status().state, launchd.status().pid) == (State.RUNNING, 321)
    assert launchd.start().outcome is Outcome.ALREADY_RUNNING
    assert launchd.stop().outcome is Outcome.STOPPED
    assert launchd.status().state is State.STOPPED
    assert launchd.start().outcome is Outcome.STARTED
    assert tools.calls[-1] == ("launchctl", "kickstart", TARGET)
    assert launchd.remove().outcome is Outcome.REMOVED
    assert launchd.remove().outcome is Outcome.NOT_INSTALLED


@is_root
def test_launchd_is_stopped_only_when_it_has_let_go_of_the_relay(
    mac: tuple[Launchd, SystemTools, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``bootout`` answers 36 (in progress) or 0 while the relay still finishes what it holds."""
    launchd, tools, _ = mac
    launchd.install(PROGRAM, start=False)
    tools.answer(*LOADED, text=RUNNING, times=6)
    tools.answer(*BOOTOUT, code=36, error="Boot-out failed: 36: Operation now in progress")
    assert launchd.stop().outcome is Outcome.STOPPED
    assert launchd.status().state is State.STOPPED
    tools.answer(*LOADED, text=RUNNING)
    monkeypatch.setattr("gatepost.service_manager.tools.END_SECONDS", 2)
    with pytest.raises(GatepostError, match="does not end"):
        launchd.stop()


@is_root
def test_a_daemon_that_launchd_starts_again_and_again_can_be_stopped(mac: tuple[Launchd, SystemTools, Path]) -> None:
    launchd, tools, _ = mac
    launchd.install(PROGRAM, start=False)
    tools.answer(*LOADED, text="\tstate = spawn scheduled\n\tlast exit code = 6: configuration\n", until=BOOTOUT)
    assert launchd.status().state is State.FAILED
    assert launchd.stop().outcome is Outcome.STOPPED
    assert BOOTOUT in tools.calls


@is_root
def test_what_launchd_has_loaded_is_not_loaded_twice(mac: tuple[Launchd, SystemTools, Path]) -> None:
    """A second ``bootstrap`` fails: 5, input/output error."""
    launchd, tools, _ = mac
    launchd.install(PROGRAM, start=False)
    tools.answer("launchctl", "bootstrap", code=5, error="Bootstrap failed: 5: Input/output error")
    tools.answer(*LOADED, text="\tstate = spawn scheduled\n", until=BOOTOUT)
    assert launchd.install(PROGRAM, start=True).outcome is Outcome.ALREADY_INSTALLED
    assert launchd.start().outcome is Outcome.STARTED
    assert tools.calls[-1] == ("launchctl", "kickstart", TARGET)
    with pytest.raises(GatepostError, match="bootstrap"):
        launchd.install(("/Applications/Other.app/gatepost-relay",), start=True)


@is_root
def test_an_account_that_was_half_made_is_finished(mac: tuple[Launchd, SystemTools, Path]) -> None:
    launchd, tools, _ = mac
    tools.answer("dscl", ".", "-list", "/Users", text=USERS + "_gatepost 390\n")
    launchd.install(PROGRAM, start=False)
    assert ("dscl", ".", "-create", "/Users/_gatepost", "PrimaryGroupID", "512") in tools.calls
    assert ("dscl", ".", "-create", "/Users/_gatepost", "UniqueID", "390") in tools.calls, "its number stays"


@is_root
def test_on_a_mac_it_is_said_how_others_get_in(mac: tuple[Launchd, SystemTools, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ann")
    done = mac[0].install(PROGRAM, start=False)
    assert any("sudo dseditgroup -o edit -a ann -t user gatepost" in note for note in done.notes)


@is_root
def test_a_service_reaches_its_things_whatever_umask_it_was_installed_with(mac: tuple[Launchd, SystemTools, Path]) -> None:
    launchd, _, root = mac
    mask = os.umask(0o077)
    try:
        launchd.install(PROGRAM, start=False)
    finally:
        os.umask(mask)
    for folder in (launchd.data_folder.parent, root / "Library/LaunchDaemons"):
        assert folder.stat().st_mode & 0o777 == 0o755, folder


@pytest.fixture
def windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[WindowsServices, SystemTools]:
    tools = SystemTools(tmp_path / "bin", monkeypatch, "sc.exe", "icacls")
    return WindowsServices(tmp_path / "Gatepost", sleep=lambda _: None), tools


QUERY = """
SERVICE_NAME: Gatepost
        TYPE               : 10  WIN32_OWN_PROCESS
        STATE              : {}
        WIN32_EXIT_CODE    : {}  (0x0)
"""


def test_a_windows_service_is_made_under_an_account_that_reaches_only_its_folder(
    windows: tuple[WindowsServices, SystemTools], monkeypatch: pytest.MonkeyPatch
) -> None:
    services, tools = windows
    tools.answer("sc.exe", "query", code=1060 % 256)
    monkeypatch.setattr("gatepost.service_manager.windows._UNKNOWN", 1060 % 256)  # exit codes are one octet here
    assert services.status().state is State.NOT_INSTALLED
    done = services.install((r"C:\Program Files\Gatepost\gatepost-relay.exe",), start=True)
    assert done.outcome is Outcome.INSTALLED
    create = next(call for call in tools.calls if call[1] == "create")
    assert create[create.index("binPath=") + 1].startswith(
        '"C:\\Program Files\\Gatepost\\gatepost-relay.exe" relay --windows-service'
    )
    assert create[create.index("obj=") + 1] == ACCOUNT
    order = [call[1] for call in tools.calls if call[0] == "sc.exe"]
    assert order.index("create") < order.index("start"), "its account is there only once the service is"
    assert ("sc.exe", "failureflag", SERVICE, "1") in tools.calls, "also when it ends by itself with a code"
    assert tools.calls[-1] == ("sc.exe", "start", SERVICE)
    assert services.key_file.exists()


def test_a_folder_that_somebody_laid_there_before_is_taken_from_them(
    windows: tuple[WindowsServices, SystemTools], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody may make folders below ProgramData, and an owner may always change who else gets in."""
    services, tools = windows
    planted = tmp_path / "Gatepost" / "data"
    planted.mkdir(parents=True)
    tools.answer("sc.exe", "query", code=1060 % 256)
    monkeypatch.setattr("gatepost.service_manager.windows._UNKNOWN", 1060 % 256)  # exit codes are one octet here
    services.install((r"C:\gatepost-relay.exe",), start=False)
    changed = [call[1:] for call in tools.calls if call[0] == "icacls"]
    base = str(tmp_path / "Gatepost")
    assert [call[:2] for call in changed[:3]] == [(base, "/setowner"), (base, "/reset"), (base, "/inheritance:r")]
    assert (str(planted), "/reset", "/T", "/C", "/Q") in changed
    assert all("*S-1-5-32-544" in call for call in changed if "/setowner" in call)
    assert {ACCOUNT + ":(OI)(CI)F", "*S-1-5-18:(OI)(CI)F", "*S-1-5-32-544:(OI)(CI)F"} == set(changed[2][3:])


def test_the_key_is_written_where_nobody_else_gets_in_any_more(
    windows: tuple[WindowsServices, SystemTools], monkeypatch: pytest.MonkeyPatch
) -> None:
    services, tools = windows
    tools.answer("sc.exe", "query", text=QUERY.format("1  STOPPED", 0))
    tools.answer("icacls", code=5, error="Access is denied.")
    with pytest.raises(GatepostError):
        services.install((r"C:\gatepost-relay.exe",), start=False)
    assert not services.key_file.exists()


def test_a_windows_service_is_stopped_only_when_its_process_has_ended(
    windows: tuple[WindowsServices, SystemTools], monkeypatch: pytest.MonkeyPatch
) -> None:
    services, tools = windows
    tools.answer("sc.exe", "query", text=QUERY.format("1  STOPPED", 0))
    tools.answer("sc.exe", "query", text=QUERY.format("3  STOP_PENDING", 0), times=4)
    tools.answer("sc.exe", "query", text=QUERY.format("4  RUNNING", 0), times=1)
    assert services.stop().outcome is Outcome.STOPPED
    assert services.status().state is State.STOPPED
    tools.answer("sc.exe", "query", text=QUERY.format("3  STOP_PENDING", 0))
    monkeypatch.setattr("gatepost.service_manager.tools.END_SECONDS", 2)
    for call in (services.stop, services.remove):
        with pytest.raises(GatepostError, match="does not end"):
            call()
    assert ("sc.exe", "delete", SERVICE) not in tools.calls, "else it could not be installed again before a restart"


@pytest.mark.parametrize(
    ("number", "exit_code", "state"),
    [
        ("4  RUNNING", 0, State.RUNNING),
        ("2  START_PENDING", 0, State.STARTING),
        ("1  BEENDET", 0, State.STOPPED),
        ("1  STOPPED", 1066, State.FAILED),
    ],
)
def test_windows_states_are_read_by_number_in_any_language(
    windows: tuple[WindowsServices, SystemTools], number: str, exit_code: int, state: State
) -> None:
    services, tools = windows
    tools.answer("sc.exe", "query", text=QUERY.format(number, exit_code))
    assert services.status().state is state


def test_who_is_no_administrator_is_told_the_line_to_type(windows: tuple[WindowsServices, SystemTools]) -> None:
    services, tools = windows
    tools.answer("sc.exe", "query", text=QUERY.format("1  STOPPED", 0))
    tools.answer("sc.exe", "start", code=5)
    with pytest.raises(NeedsRights) as caught:
        services.start()
    assert caught.value.hint.endswith("gatepost service start")


class FakeScm:
    """Calls the service as Windows does: in a thread of its own, and its control handler from another one."""

    def __init__(self) -> None:
        self.told: list[tuple[Stage, int]] = []
        self.control: Callable[[int], None] | None = None
        self.running = threading.Event()

    def dispatch(self, service: Callable[[], None], control: Callable[[int], None]) -> None:
        self.control = control
        main = threading.Thread(target=service)
        main.start()
        main.join()

    def tell(self, stage: Stage, accepts: int, exit_code: int, wait_seconds: int) -> None:
        self.told.append((stage, exit_code))
        if stage is Stage.RUNNING:
            self.running.set()


def test_a_service_process_tells_windows_each_stage_and_ends_when_it_is_told_to() -> None:
    scm, ending = FakeScm(), threading.Event()
    host = Host(scm, interrupt=ending.set)

    def relay() -> int:
        host.ready()
        assert ending.wait(10)
        return 6

    def stop() -> None:
        assert scm.running.wait(10)
        assert scm.control is not None
        scm.control(Control.INTERROGATE)
        scm.control(Control.STOP)

    stopper = threading.Thread(target=stop)
    stopper.start()
    assert host.run(relay) == 6
    stopper.join()
    assert scm.told == [(Stage.START_PENDING, 0), (Stage.RUNNING, 0), (Stage.STOP_PENDING, 0), (Stage.STOPPED, 6)]


def test_a_process_that_nobody_started_as_a_service_says_so() -> None:
    class NoScm(FakeScm):
        def dispatch(self, service: Callable[[], None], control: Callable[[int], None]) -> None:
            raise GatepostError("This process was not started as a service.")

    with pytest.raises(GatepostError, match="not started as a service"):
        Host(NoScm()).run(lambda: 0)


def test_a_relay_that_fails_is_told_as_stopped_with_a_code() -> None:
    scm = FakeScm()

    def relay() -> int:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        Host(scm).run(relay)
    assert scm.told[-1] == (Stage.STOPPED, 1)
