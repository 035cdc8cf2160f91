"""What a person is told to type: as the program is called where it is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gatepost.relay.usage import command
from gatepost.service_manager.tools import own_command

if sys.platform == "win32":
    pytest.skip("only on systems where packages put links on the path", allow_module_level=True)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle below lib, and a folder for links that is on the path."""
    bundle, links = tmp_path / "lib", tmp_path / "bin"
    bundle.mkdir()
    links.mkdir()
    for name in ("gatepost", "gatepost-relay"):
        (bundle / name).write_text("#!/bin/sh\n")
        (bundle / name).chmod(0o755)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(bundle / "gatepost"))
    monkeypatch.setenv("PATH", str(links))
    return bundle


def test_a_bundle_that_is_on_the_path_is_called_by_its_name(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "bin" / "gatepost").symlink_to(installed / "gatepost")
    assert (command(), own_command()) == ("gatepost", "gatepost")


def test_another_program_of_that_name_is_not_taken_for_it(installed: Path, tmp_path: Path) -> None:
    other = tmp_path / "bin" / "gatepost"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    assert (command(), own_command()) == (str(installed / "gatepost"),) * 2


def test_one_that_is_not_on_the_path_is_called_by_its_place(installed: Path) -> None:
    assert (command(), own_command()) == (str(installed / "gatepost"),) * 2
