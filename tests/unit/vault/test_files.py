"""Small files that matter: after a crash at any moment they are whole, the old ones or not there; two makers, one file."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gatepost.vault.files import create_durably, replace_durably
from gatepost.vault.key import create_key_file
from gatepost.vault.opening import instance_id

_DYING = """
import os, sys, pathlib
from gatepost.vault import files, key, opening
place = pathlib.Path(sys.argv[3])

def die(*_arguments, **_options):
    os._exit(9)

setattr(os, sys.argv[1], die)
{
    "instance": lambda: opening.instance_id(place),
    "key": lambda: key.create_key_file(place / "vault.key"),
    "replace": lambda: files.replace_durably(place / "vault.sealed", b"new" * 1000),
}[sys.argv[2]]()
"""
MOMENTS = ["fdopen", "fsync"] + ([] if os.name == "nt" else ["link"])


def die_while(making: str, moment: str, place: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _DYING, moment, making, str(place)], check=False, timeout=60)
    assert done.returncode in (0, 9)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_crash_while_the_folder_gets_its_id_does_not_lock_its_passwords_away(tmp_path: Path, moment: str) -> None:
    die_while("instance", moment, tmp_path)
    assert len(instance_id(tmp_path)) == 16


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_crash_while_a_key_is_made_leaves_room_for_another_try(tmp_path: Path, moment: str) -> None:
    die_while("key", moment, tmp_path)
    assert len(create_key_file(tmp_path / "vault.key").read()) >= 32


@pytest.mark.parametrize("moment", [*MOMENTS, "replace"])
def test_a_crash_while_a_file_is_replaced_leaves_the_old_one_or_the_new_one(tmp_path: Path, moment: str) -> None:
    (tmp_path / "vault.sealed").write_bytes(b"old")
    die_while("replace", moment, tmp_path)
    assert (tmp_path / "vault.sealed").read_bytes() in (b"old", b"new" * 1000)


def test_whoever_is_second_finds_a_whole_file(tmp_path: Path) -> None:
    for attempt in range(20):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with ThreadPoolExecutor(8) as threads:
            assert len(set(threads.map(instance_id, [folder] * 8))) == 1
        assert [path.name for path in folder.iterdir()] == ["instance-id"]


@pytest.mark.parametrize("has_links", [True, False])
def test_what_is_there_is_never_written_over(tmp_path: Path, has_links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems have no links."""

    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    if not has_links:
        monkeypatch.setattr(os, "link", refuse)
    create_durably(tmp_path / "a", b"first")
    with pytest.raises(FileExistsError):
        create_durably(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
        (tmp_path / "b").symlink_to(tmp_path / "nowhere")
        with pytest.raises(FileExistsError):
            create_durably(tmp_path / "b", b"through a link")
        assert not (tmp_path / "nowhere").exists()


def test_a_disk_that_is_full_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace_durably(tmp_path / "a", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]
