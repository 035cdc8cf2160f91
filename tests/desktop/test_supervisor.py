"""The supervisor with real relay processes: starts one, attaches to one, restarts one that failed, stops only its own."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gatepost.desktop.relay_child import RelayChild, relay_command
from gatepost.desktop.session import RelaySession, SessionState
from gatepost.desktop.supervisor import Phase, Status, Supervisor
from gatepost.desktop.tasks import Tasks
from gatepost.model.report import API_VERSION
from gatepost.relay.instance import prepare_runtime_folder, remove_endpoint, write_endpoint

from ..support.procfs import is_running
from .waiting import until


@pytest.fixture(autouse=True)
def own_runtime_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    folder = tempfile.mkdtemp(prefix="gp-")
    monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    yield
    shutil.rmtree(folder, ignore_errors=True)


def command(data: Path) -> list[str]:
    key = str(data.parent / "vault.key")
    options = ["--lifeline", "--vault", "sealed", "--vault-key-file", key, "--create-vault-key"]
    return [sys.executable, "-OO", "-m", "gatepost", "relay", "--data", str(data), *options]


Make = Callable[..., Supervisor]


@pytest.fixture
def supervise(tmp_path: Path, tasks: Tasks, on_loop: Callable[..., object]) -> Iterator[Make]:
    """Supervisors on one data folder; all are stopped at the end."""
    made: list[tuple[Supervisor, RelaySession]] = []

    def make(start: Callable[[Path], list[str]] = command, **options: object) -> Supervisor:
        session = RelaySession(tmp_path / "data", pauses=(0.05,))
        supervisor = Supervisor(session, tasks, command=start, grace=0.2, **options)  # type: ignore[arg-type]
        made.append((supervisor, session))
        return supervisor

    yield make
    for supervisor, session in reversed(made):
        on_loop(session.close())
        on_loop(supervisor.stop())


async def test_a_relay_is_started_where_none_runs_and_ends_with_the_app(supervise: Make) -> None:
    supervisor = supervise()
    seen: list[Status] = []
    supervisor.status_changed.connect(seen.append)
    supervisor.start()
    await until(lambda: supervisor.status.phase is Phase.RUNNING, "the relay runs")
    assert supervisor.owns_relay
    pid = (await supervisor._session.client.status()).relay.pid
    await supervisor.stop()
    assert [status.phase for status in seen] == [Phase.STARTING, Phase.RUNNING, Phase.STOPPING, Phase.ENDED]
    assert not is_running(pid)


async def test_a_second_app_attaches_and_starts_and_stops_nothing(supervise: Make) -> None:
    first, second = supervise(), supervise()
    first.start()
    await until(lambda: first.status.phase is Phase.RUNNING, "the first one's relay runs")
    second.start()
    await until(lambda: second.status.phase is Phase.RUNNING, "the second one is attached")
    assert first.owns_relay
    assert not second.owns_relay
    pids = {(await each._session.client.status()).relay.pid for each in (first, second)}
    await second._session.close()
    await second.stop()
    assert len(pids) == 1
    assert is_running(pids.pop())


async def test_two_apps_that_start_at_once_share_one_relay(supervise: Make) -> None:
    first, second = supervise(), supervise()
    first.start()
    second.start()
    await until(lambda: first.status.phase is second.status.phase is Phase.RUNNING, "both have a relay")
    assert first.owns_relay != second.owns_relay
    pids = {(await each._session.client.status()).relay.pid for each in (first, second)}
    assert len(pids) == 1


async def test_when_the_app_that_owned_the_relay_is_gone_another_takes_over(supervise: Make) -> None:
    first, second = supervise(), supervise()
    first.start()
    await until(lambda: first.status.phase is Phase.RUNNING, "the first one's relay runs")
    second.start()
    await until(lambda: second.status.phase is Phase.RUNNING, "the second one is attached")
    await first._session.close()
    await first.stop()
    await until(lambda: second.owns_relay and second._session.is_connected, "the second one runs a relay of its own")


@pytest.mark.skipif(sys.platform == "win32", reason="only on POSIX")
async def test_a_killed_relay_is_shown_and_started_again(supervise: Make) -> None:
    supervisor = supervise(backoff=(0.05,))
    seen: list[Status] = []
    supervisor.start()
    await until(lambda: supervisor.status.phase is Phase.RUNNING, "the relay runs")
    session = supervisor._session
    pid = (await session.client.status()).relay.pid
    supervisor.status_changed.connect(seen.append)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: seen and seen[-1].phase is Phase.RUNNING, "it runs again")
    crashed = seen[0]
    assert crashed.phase is Phase.CRASHED
    assert crashed.exit_code == -9
    assert any("is ready" in line for line in crashed.last_lines), crashed.last_lines
    await until(lambda: session.state is SessionState.CONNECTED, "the session is back")
    assert (await session.client.status()).relay.pid != pid
    assert len(supervisor.findChildren(RelayChild)) == 1, "nothing is kept of the one that crashed"


async def test_a_relay_that_cannot_start_says_why_and_is_tried_less_and_less_often(supervise: Make) -> None:
    words = "import sys; sys.exit('the disk is full')"
    supervisor = supervise(lambda data: [sys.executable, "-c", words], backoff=(0.05, 0.05, 30.0))
    supervisor.start()
    await until(lambda: supervisor.status.phase is Phase.CRASHED and supervisor.status.failures == 3, "it failed three times")
    assert supervisor.status.last_lines == ("the disk is full",)
    assert supervisor.status.retry_at is not None
    supervisor.try_again()
    await until(lambda: supervisor.status.failures == 4, "it was tried at once when asked to")


async def test_a_relay_of_another_version_is_left_alone_with_advice(supervise: Make, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    prepare_runtime_folder(data)
    path = write_endpoint(data, "/nowhere")
    path.write_text(path.read_text().replace(f'"api_version": {API_VERSION}', '"api_version": 99'))
    supervisor = supervise()
    supervisor.start()
    await until(lambda: supervisor.status.phase is Phase.OTHER_VERSION, "the other version is noticed")
    assert supervisor.status.problem is not None
    assert "Update" in supervisor.status.problem.hint
    assert not supervisor.owns_relay
    remove_endpoint(data)
    supervisor.try_again()
    await until(lambda: supervisor.owns_relay, "it was looked at again, and there is none any more")


@pytest.mark.skipif(sys.platform == "win32", reason="only POSIX has owners and modes")
async def test_a_relay_of_another_account_cannot_be_reached(
    supervise: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    prepare_runtime_folder(data)
    path = write_endpoint(data, "/nowhere")
    if os.geteuid() == 0:  # root may read everything: it gives the file away, and takes itself for somebody else
        os.chown(path, 54321, -1)
        monkeypatch.setattr(os, "geteuid", lambda: 54322)
    else:
        path.chmod(0)
    supervisor = supervise()
    supervisor.start()
    await until(lambda: supervisor.status.phase is Phase.UNREACHABLE, "that is said")
    assert not supervisor.owns_relay


async def test_a_program_that_is_not_there_is_a_failure_too(supervise: Make) -> None:
    supervisor = supervise(lambda data: [str(data / "nothing-here")])
    supervisor.start()
    await until(lambda: supervisor.status.phase is Phase.CRASHED, "the failure is shown")
    assert supervisor.status.last_lines


async def test_a_relay_that_was_told_to_end_is_not_started_again_by_itself(supervise: Make) -> None:
    supervisor = supervise()
    supervisor.start()
    await until(lambda: supervisor.status.phase is Phase.RUNNING, "the relay runs")
    await supervisor._session.client.shut_down()
    await until(lambda: supervisor.status.phase is Phase.ENDED, "it ended")
    assert not supervisor.owns_relay
    supervisor.try_again()
    await until(lambda: supervisor.status.phase is Phase.RUNNING, "it runs again when asked to")


def test_in_a_bundle_the_relay_is_the_program_beside_the_app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    for app, relay in (("gatepost", "gatepost-relay"), ("gatepost.exe", "gatepost-relay.exe")):
        monkeypatch.setattr(sys, "executable", str(tmp_path / app))
        assert relay_command(tmp_path)[:2] == [str(tmp_path / relay), "relay"]
