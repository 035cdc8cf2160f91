"""What the operating system has to bring, and what a person is told who has to install it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import system

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="only on systems with packages")


class Line:
    """The line that is told on a system with these programs, lists of packages, and this account."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._patch = monkeypatch
        self._folder = folder

    def __call__(self, *programs: str, lists: bool = True, user: int = 1000) -> str:
        for name in ("bin", "lists"):
            (self._folder / name).mkdir()
        for name in programs:
            program = self._folder / "bin" / name
            program.write_text("#!/bin/sh\n")
            program.chmod(0o755)
        if lists:
            (self._folder / "lists" / "mirror_dists_bookworm_main_binary-amd64_Packages").touch()
        self._patch.setenv("PATH", str(self._folder / "bin"))
        self._patch.setattr(system, "_APT_LISTS", self._folder / "lists", raising=False)
        self._patch.setattr(os, "geteuid", lambda: user)
        return system.by_hand(["one", "two", "one"])


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Line:
    return Line(monkeypatch, tmp_path)


def test_a_person_is_told_the_line_with_sudo(line: Line) -> None:
    assert line("apt-get", "sudo") == "sudo apt-get install one two"


def test_without_sudo_the_line_asks_for_roots_password(line: Line) -> None:
    assert line("apt-get") == "su -c 'apt-get install one two'"


def test_root_is_told_the_line_alone(line: Line) -> None:
    assert line("apt-get", "sudo", user=0) == "apt-get install one two"


@pytest.mark.parametrize(
    ("programs", "told"),
    [
        (["sudo"], "sudo sh -c 'apt-get update && apt-get install one two'"),
        ([], "su -c 'apt-get update && apt-get install one two'"),
    ],
)
def test_a_new_system_fetches_its_lists_of_packages_before(line: Line, programs: list[str], told: str) -> None:
    assert line("apt-get", *programs, lists=False) == told


def test_elsewhere_the_packages_are_named_as_debians(line: Line) -> None:
    assert "apt-get" not in line("sudo")
