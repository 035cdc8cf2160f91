"""A service's control socket is open to its group and to nobody else. Callers are real processes under other accounts."""

from __future__ import annotations

import grp
import json
import os
import pwd
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gatepost.control.server.group import Group, find_group, is_member_of
from gatepost.model.errors import GatepostError, NotFound
from tests.support.control import ControlApi
from tests.support.relay_process import RelayProcess

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="root is needed, to call from other accounts"
)
MEMBER, GROUP, STRANGER = "www-data", "www-data", "nobody"
"""Accounts that every Debian has."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    folder = tmp_path_factory.mktemp("group")
    runtime = Path("/tmp") / f"gp-service-{os.getpid()}"
    options = ("--runtime-folder", str(runtime), "--access-group", GROUP)
    process = RelayProcess(folder, options=options)
    process.environment["GATEPOST_SERVICE"] = str(runtime)
    process.process.start()
    process.process.wait_until((runtime / "endpoint.json").exists, "the service wrote its endpoint file", 20)
    try:
        yield process
    finally:
        process.stop()
        assert not (runtime / "endpoint.json").exists()
        runtime.rmdir()
        process.__exit__(None, None, None)


@pytest.fixture(scope="module")
def runtime(service: RelayProcess) -> Path:
    return Path(service.environment["GATEPOST_SERVICE"])


def as_account(name: str, work: Callable[[], str], groups: tuple[int, ...] = ()) -> str:
    """What ``work`` answers in a process of that account, without any other right."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            found = pwd.getpwnam(name)
            os.setgroups(groups)
            os.setgid(found.pw_gid)
            os.setuid(found.pw_uid)
            answer = work()
        except BaseException as error:
            answer = type(error).__name__
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(child, 0)
    return answer


def status_over(path: Path) -> Callable[[], str]:
    def ask() -> str:
        answer = ControlApi(str(path)).call("GET", "/v1/status")
        return f"{answer.status} {answer.json.get('error', {}).get('detail', '')}".strip()

    return ask


def test_the_folder_and_the_socket_are_the_groups_and_nobody_elses(runtime: Path) -> None:
    gid = grp.getgrnam(GROUP).gr_gid
    for path, mode in ((runtime, 0o750), (runtime / "control.sock", 0o660), (runtime / "endpoint.json", 0o640)):
        found = path.stat()
        assert (found.st_gid, found.st_mode & 0o777) == (gid, mode), path


def test_a_member_of_the_group_administers(runtime: Path, service: RelayProcess) -> None:
    assert as_account(MEMBER, status_over(runtime / "control.sock")) == "200"

    def change() -> str:
        ControlApi(str(runtime / "control.sock")).patch("/v1/settings", {"retention": {"journal_days": 12}})
        return "changed"

    assert as_account(MEMBER, change) == "changed"
    revisions = ControlApi(str(runtime / "control.sock")).get("/v1/revisions")
    assert revisions[0]["author"] == MEMBER


def test_a_stranger_is_stopped_by_the_folder(runtime: Path) -> None:
    assert as_account(STRANGER, status_over(runtime / "control.sock")) == "PermissionError"


def test_a_process_that_has_the_group_but_whose_account_is_no_member_is_refused_in_words(runtime: Path) -> None:
    """As an old session of somebody who was taken out of the group: the kernel lets it connect, the relay does not."""
    found = as_account(STRANGER, status_over(runtime / "control.sock"), groups=(grp.getgrnam(GROUP).gr_gid,))
    assert found == f"401 It answers to its own account, to root and to members of the group {GROUP}."


def test_the_command_line_finds_the_service_by_name_and_by_its_data_folder(service: RelayProcess) -> None:
    for arguments in (("--relay", "service"), ("--data", str(service.data))):
        done = subprocess.run(
            [sys.executable, "-m", "gatepost", *arguments, "--json", "status"], capture_output=True, text=True, timeout=60,
            check=False, env=service.environment, cwd=service.folder,
        )  # fmt: skip
        assert json.loads(done.stdout)["relay"]["pid"] == service.pid, done.stderr


def test_membership_is_asked_of_the_account_database_with_supplementary_groups() -> None:
    pairs = [(entry.gr_gid, name) for entry in grp.getgrall() for name in entry.gr_mem]
    for account in pwd.getpwall():
        pairs.append((account.pw_gid, account.pw_name))
    for gid, name in pairs:
        assert is_member_of(pwd.getpwnam(name).pw_uid, gid), (name, gid)
    assert not is_member_of(pwd.getpwnam(STRANGER).pw_uid, grp.getgrnam(GROUP).gr_gid)
    assert not is_member_of(4_000_000, grp.getgrnam(GROUP).gr_gid), "an account that does not exist"


async def test_an_answer_of_the_database_is_remembered_shortly() -> None:
    now = [0.0]
    group = Group(GROUP, grp.getgrnam(GROUP).gr_gid, lambda: now[0])
    member = pwd.getpwnam(MEMBER).pw_uid
    assert await group.has(member)
    group.gid = 4_000_000  # as if the account had been taken out
    assert await group.has(member)
    now[0] = 11.0
    assert not await group.has(member)


def test_a_group_that_does_not_exist_stops_the_start_with_the_line_to_type(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        find_group("gatepost-no-such-group")
    assert "groupadd" in caught.value.hint


def test_a_folder_that_others_can_write_to_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gatepost.control.client import Service, read_endpoint

    tmp_path.chmod(0o777)
    (tmp_path / "endpoint.json").write_text("{}")
    with pytest.raises(GatepostError, match="cannot be trusted"):
        read_endpoint(Service(tmp_path))
