"""The half of a move that runs as the person. The other half is a real process, of a service that this test owns."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gatepost.model.errors import GatepostError
from gatepost.model.move_options import Elevation, GiveOptions, Target
from gatepost.moving import marker
from gatepost.moving.giving import give
from gatepost.relay import instance
from gatepost.relay.instance import InstanceLock
from gatepost.store.configuration import ConfigurationStore
from gatepost.store.folder import DataFolder
from gatepost.vault.key import create_key_file

from .in_use import renames_none_in_use

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only on Linux")


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GiveOptions:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setattr(os, "umask", lambda _mask: 0o022)  # it is the whole process's
    ConfigurationStore.open(DataFolder(tmp_path / "own"), lambda: 1.0).close()
    for name in ("own.key", "service.key"):
        create_key_file(tmp_path / name)
    target = Target(tmp_path / "service", tmp_path / "service.key")
    return GiveOptions(tmp_path / "own", "sealed", tmp_path / "own.key", target=target)


def quiet(_stage: str, _done: int, _total: int) -> None:
    pass


def test_no_file_of_the_folder_is_open_when_it_is_renamed_where_that_keeps_it(
    options: GiveOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, which renames no folder in which a file is open."""
    monkeypatch.setattr(instance, "RENAMES_FOLDERS_IN_USE", False)
    monkeypatch.setattr(os, "rename", renames_none_in_use(os.rename))
    done = give(options, quiet)
    assert Path(str(done["moved_to"])).is_dir()
    assert not options.data_folder.exists()
    assert not (Path(str(done["data_folder"])) / marker.IN).exists()


@pytest.mark.parametrize("elevation", [Elevation.SUDO, Elevation.PKEXEC])
def test_who_is_not_let_become_root_is_told_so_and_the_relay_goes_on(
    options: GiveOptions, elevation: Elevation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuses = tmp_path / elevation.value
    refuses.write_text("#!/bin/sh\nexit 126\n")
    refuses.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    running = InstanceLock(options.data_folder)
    running.acquire()
    stages: list[str] = []
    with pytest.raises(GatepostError) as caught:
        give(
            GiveOptions(options.data_folder, "sealed", options.vault_key_file, elevation=elevation),
            lambda stage, _done, _total: stages.append(stage),
        )
    running.release()
    assert caught.value.title == "Root's half of the move did not start."
    assert caught.value.detail == f"“{elevation.value}” ended with code 126."
    assert caught.value.hint
    assert stages == ["asking"], "the relay was not touched"
    assert not (options.data_folder / marker.OUT).exists()
