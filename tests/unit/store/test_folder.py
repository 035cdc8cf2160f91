"""The data folder is private, or refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gatepost.store.errors import StoreError
from gatepost.store.folder import DataFolder
from gatepost.store.spool import Spool

from .spool_support import Clock

posix_only = pytest.mark.skipif(os.name == "nt", reason="only on systems with modes")


@posix_only
def test_every_folder_is_for_the_owner_alone(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "deep" / "data")

    for path in (folder.path, folder.bodies, folder.damaged, folder.backups, folder.logs, folder.tls):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


@posix_only
def test_files_are_for_the_owner_alone_even_when_found_open(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    Spool.open(folder, clock=Clock()).close()
    folder.spool.chmod(0o644)

    Spool.open(folder, clock=Clock()).close()

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.path.iterdir() if path.is_file()}
    assert modes["spool.sqlite"] == 0o600
    assert set(modes.values()) == {0o600}


@posix_only
def test_an_own_folder_that_others_can_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.mkdir(mode=0o755)
    path.chmod(0o755)

    DataFolder(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_file_in_the_folders_place_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_text("not a folder")

    with pytest.raises(StoreError, match="cannot be used"):
        DataFolder(path)


def test_two_damaged_files_of_one_second_get_folders_of_their_own(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")

    assert folder.new_damaged_folder(Clock()) != folder.new_damaged_folder(Clock())
