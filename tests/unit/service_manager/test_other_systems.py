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
    return Launchd(tmp_path / "root", lambda _: (33, 33)), tools, tmp_path / "root"


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
    assert ("dscl", ".", "-create", "/Users/_gatepost", "UniqueID", "381") in tools.calls, "the first free number"
    assert ("launchctl", "bootstrap", "system", str(plist)) in tools.calls
    assert launchd.data_folder.stat().st_mode & 0o777 == 0o700
    assert launchd.key_file.stat().st_mode & 0o777 == 0o600
    assert launchd.data_folder.stat().st_uid == 33


@is_root
def test_launchd_states_start_stop_and_removal(mac: tuple[Launchd, SystemTools, Path]) -> None:
    launchd, tools, _ = mac
    launchd.install(PROGRAM, start=False)
    tools.answer("launchctl", "print", text="\tstate = running\n\tpid = 321\n")
    assert (launchd.status().state, launchd.status().pid) == (State.RUNNING, 321)
    assert launchd.start().outcome is Outcome.ALREADY_RUNNING
    assert launchd.stop().outcome is Outcome.STOPPED
    tools.answer("launchctl", "print", text="\tstate = spawn scheduled\n\tlast exit code = 6: configuration\n")
    assert launchd.status().state is State.FAILED
    tools.answer("launchctl", "print", code=113, error="Could not find service")
    assert launchd.status().state is State.STOPPED
    assert launchd.start().outcome is Outcome.STARTED
    assert tools.calls[-1] == ("launchctl", "kickstart", TARGET)
    assert launchd.remove().outcome is Outcome.REMOVED
    assert launchd.remove().outcome is Outcome.NOT_INSTALLED


@pytest.fixture
def windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[WindowsServices, SystemTools]:
    tools = SystemTools(tmp_path / "bin", monkeypatch, "sc.exe", "icacls")
    return WindowsServices(tmp_path / "Gatepost"), tools


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
    granted = next(call for call in tools.calls if call[0] == "icacls")
    assert "/inheritance:r" in granted
    assert tools.calls[-1] == ("sc.exe", "start", SERVICE)
    assert services.key_file.exists()


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
