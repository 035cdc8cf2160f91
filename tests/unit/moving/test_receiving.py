"""The half of a move that writes the service's folder: what it refuses, and how it leaves the service when it does."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from gatepost.moving import marker, receiving
from gatepost.relay import instance
from gatepost.relay.instance import InstanceLock
from gatepost.service_manager.values import Done, NoManager, Outcome, ServiceReport, State
from gatepost.store.configuration import ConfigurationStore
from gatepost.store.folder import DataFolder
from gatepost.store.moving import figures
from gatepost.vault import open_vault

from .in_use import renames_none_in_use


class StandIn:
    """The system's manager, with its calls noted."""

    name = "stand-in"

    def __init__(self, folder: Path) -> None:
        self.data_folder = folder / "service"
        self.key_file = folder / "vault.key"
        self.key_file.write_bytes(b"k" * 32)
        self.key_file.chmod(0o600)
        self.state = State.RUNNING
        self.calls: list[str] = []

    def status(self) -> ServiceReport:
        return ServiceReport(self.state, self.name)

    def start(self) -> Done:
        """As a relay that starts: it claims its folder."""
        if self.data_folder.exists():
            lock = InstanceLock(self.data_folder)
            lock.acquire()
            lock.release()
        self.calls.append("start")
        return Done(Outcome.STARTED)

    def stop(self) -> Done:
        self.calls.append("stop")
        return Done(Outcome.STOPPED if self.state is State.RUNNING else Outcome.ALREADY_STOPPED)

    def owner(self) -> tuple[int, int]:
        return -1, -1

    def vault_key(self) -> Path:
        return self.key_file


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    found = StandIn(tmp_path)
    monkeypatch.setattr(receiving, "manager", lambda: found)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "umask", lambda _mask: 0o022)  # it is the whole process's
    return found


MISSING = object()


class Giver:
    """What the other half would send."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ConfigurationStore.open(DataFolder(folder), lambda: 1.0).close()
        self.hello: dict[str, Any] = {
            "kind": "hello", "version": 1, "id": "abcd", "source": str(folder), "moved_to": str(folder) + ".moved",
            "replace": False, "octets": 100, "files": 1, "passwords": 1, "figures": figures(folder),
        }  # fmt: skip
        self.nonsense: tuple[int, str, Any] | None = None
        """Of which frame, which part, and what stands there instead; ``MISSING``: nothing."""
        self.wrong_sum = False
        self.ends_early = False
        self.path = "configuration.sqlite"

    def stream(self) -> io.BytesIO:
        content = (self.folder / "configuration.sqlite").read_bytes()
        digest = "0" if self.wrong_sum else hashlib.sha256(content).hexdigest()
        out = io.BytesIO()

        sent = 0

        def put(frame: dict[str, Any], raw: bytes = b"") -> None:
            nonlocal sent
            if self.nonsense is not None and self.nonsense[0] == sent:
                frame = {name: value for name, value in frame.items() if name != self.nonsense[1]}
                frame |= {} if self.nonsense[2] is MISSING else {self.nonsense[1]: self.nonsense[2]}
            sent += 1
            out.write(json.dumps(frame).encode() + b"\n" + raw)

        put(self.hello)
        put({"kind": "file", "path": self.path, "size": len(content)}, content)
        put({"kind": "sum", "sha256": digest})
        put({"kind": "password", "name": "gateway/gw-1/password", "size": 3}, b"abc")
        if not self.ends_early:
            put({"kind": "end"})
            put({"kind": "moved"})
        out.seek(0)
        return out

    def serve(self) -> tuple[int, list[dict[str, Any]]]:
        answers = io.BytesIO()
        code = receiving.receive(receiving.ReceiveOptions(), self.stream(), answers)
        return code, [json.loads(line) for line in answers.getvalue().splitlines()]


@pytest.fixture
def giver(tmp_path: Path) -> Giver:
    return Giver(tmp_path / "own")


def test_the_service_is_stopped_for_the_move_and_started_on_the_new_folder(service: StandIn, giver: Giver) -> None:
    code, answers = giver.serve()
    assert (code, [answer["kind"] for answer in answers]) == (0, ["ready", "in-place", "done"])
    assert service.calls == ["stop", "start"]
    assert not (service.data_folder / marker.IN).exists()
    assert (service.data_folder / "vault.sealed").exists()
    assert not list(service.data_folder.parent.glob("*.key.*")), "the copy of the key is gone"


def test_a_file_that_changed_on_the_way_changes_nothing_and_the_service_goes_on(service: StandIn, giver: Giver) -> None:
    giver.wrong_sum = True
    code, answers = giver.serve()
    assert code == 5
    assert "changed on the way" in answers[-1]["error"]["detail"]
    assert service.calls == ["stop", "start"]
    assert not service.data_folder.exists()
    assert not service.data_folder.with_name("service.incoming").exists()


def test_a_service_that_has_a_folder_gets_it_back_before_it_is_started_again(service: StandIn, giver: Giver) -> None:
    service.data_folder.mkdir()
    giver.wrong_sum = True
    code, answers = giver.serve()
    assert code == 5
    assert "changed on the way" in answers[-1]["error"]["detail"]
    assert service.calls == ["stop", "start"]


def test_a_folder_that_another_process_holds_leaves_the_service_running(service: StandIn, giver: Giver) -> None:
    service.data_folder.mkdir()
    lock = InstanceLock(service.data_folder)
    lock.acquire()
    calls = service.calls
    service.start = lambda: (calls.append("start"), Done(Outcome.STARTED))[1]  # type: ignore[method-assign]
    code, answers = giver.serve()
    lock.release()
    assert code == 5
    assert "already running" in answers[-1]["error"]["title"]
    assert calls == ["stop", "start"]


def test_no_file_of_the_folder_is_open_when_it_is_set_aside_where_that_keeps_it(
    service: StandIn, giver: Giver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, which renames no folder in which a file is open."""
    service.data_folder.mkdir()
    monkeypatch.setattr(instance, "RENAMES_FOLDERS_IN_USE", False)
    monkeypatch.setattr(Path, "rename", renames_none_in_use(Path.rename))
    code, answers = giver.serve()
    assert (code, answers[-1]["kind"]) == (0, "done")
    assert Path(answers[-1]["set_aside"]).is_dir()


def test_the_copy_of_the_key_never_lies_on_the_disk_of_the_mail(
    service: StandIn, giver: Giver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the middle, it would stay there: a key that was sealed to the machine, in the clear."""
    seen: list[Path] = []

    def opened(kind: str, *, data_folder: Path, key_file: Path) -> Any:
        seen.append(key_file)
        return open_vault(kind, data_folder=data_folder, key_file=key_file)

    monkeypatch.setattr(receiving, "open_vault", opened)
    monkeypatch.setattr(receiving, "MEMORY", Path("/dev/shm"))
    assert giver.serve()[0] == 0
    assert [key.is_relative_to("/dev/shm") for key in seen] == [True]
    assert not seen[0].parent.exists()


def test_a_service_that_does_not_start_after_the_move_is_said_to_have_everything(
    service: StandIn, giver: Giver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Done:
        raise NoManager("“systemctl start gatepost.service” failed.", "Job failed.")

    monkeypatch.setattr(service, "start", fail)
    code, answers = giver.serve()
    assert code == 6
    assert "Everything has moved" in answers[-1]["error"]["hint"]
    assert not (service.data_folder / marker.IN).exists()
    assert (service.data_folder / "configuration.sqlite").exists()


def test_a_copy_that_differs_in_its_figures_is_refused(service: StandIn, giver: Giver) -> None:
    giver.hello["figures"] = {"configuration.sqlite": {"revision": 7}}
    code, answers = giver.serve()
    assert code == 5
    assert "differs" in answers[-1]["error"]["title"]
    assert not service.data_folder.exists()


@pytest.mark.parametrize("path", ["../outside", "/etc/cron.d/x", "a/../../x"])
def test_no_file_lands_outside_of_the_folder(service: StandIn, giver: Giver, path: str, tmp_path: Path) -> None:
    giver.path = path
    before = sorted(tmp_path.iterdir())
    assert giver.serve()[0] == 5
    assert sorted(tmp_path.iterdir()) == before


def test_a_stream_that_ends_in_the_middle_leaves_the_service_as_it_was(service: StandIn, giver: Giver) -> None:
    giver.ends_early = True
    code, answers = giver.serve()
    assert (code, [answer["kind"] for answer in answers]) == (1, ["ready"])
    assert service.calls == ["stop", "start"]
    assert not service.data_folder.exists()


def test_a_disk_without_room_is_said_before_anything_is_stopped(service: StandIn, giver: Giver) -> None:
    giver.hello["octets"] = 1 << 60
    code, answers = giver.serve()
    assert code == 6
    assert "not enough room" in answers[0]["error"]["title"]
    assert service.calls == []


def test_a_service_that_is_not_installed_is_said_with_the_line_to_type(service: StandIn, giver: Giver) -> None:
    service.state = State.NOT_INSTALLED
    _, answers = giver.serve()
    assert answers[0]["error"]["hint"] == "Install it first: sudo gatepost service install"


def test_who_is_not_root_is_told_so_before_anything_else(
    service: StandIn, giver: Giver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    _, answers = giver.serve()
    assert "--elevate sudo" in answers[0]["error"]["hint"]
    assert service.calls == []


def test_a_half_of_another_version_is_refused(service: StandIn, giver: Giver) -> None:
    giver.hello["version"] = 2
    assert giver.serve()[0] == 5


@pytest.mark.parametrize("value", [MISSING, None, -1, 10**30, "x", "../../x", "/etc/x", "\ud800", [], {}, [[]], 1.5, "a\0b"])
@pytest.mark.parametrize(
    ("frame", "part"),
    [
        *[(0, name) for name in ("version", "kind", "id", "source", "moved_to", "octets", "files", "passwords", "figures")],
        *[(1, name) for name in ("kind", "path", "size")],
        (2, "sha256"),
        *[(3, name) for name in ("kind", "name", "size")],
        (4, "kind"),
        (1, "error"),
    ],
)
def test_nonsense_from_the_other_half_ends_the_move_and_leaves_the_service_running(
    service: StandIn, giver: Giver, tmp_path: Path, frame: int, part: str, value: Any
) -> None:
    before = {path for path in tmp_path.rglob("*") if tmp_path / "own" not in path.parents}
    giver.nonsense = (frame, part, value)
    code, answers = giver.serve()
    if answers and answers[-1]["kind" if "kind" in answers[-1] else "error"] == "done":
        assert code == 0, "some parts are only words"
        return
    assert code != 0
    assert service.calls in ([], ["stop", "start"])
    assert {path for path in tmp_path.rglob("*") if tmp_path / "own" not in path.parents} == before


@pytest.mark.parametrize("said", [b"", b"{", b"[]\n", b"[" * 100_000, b"\xff\n", b'{"kind": "finish"}\n', b'{"version": 1}\n'])
def test_what_is_no_beginning_of_a_move_changes_nothing(service: StandIn, said: bytes) -> None:
    answers = io.BytesIO()
    assert receiving.receive(receiving.ReceiveOptions(), io.BytesIO(said), answers) != 0
    assert service.calls == []
