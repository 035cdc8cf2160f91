"""The window neither reads nor keeps the sources of what it imports."""

from __future__ import annotations

import importlib
import linecache
import subprocess
import sys
from pathlib import Path

import pytest

import gatepost.desktop  # noqa: F401 - switches the check off

from ..support.relay_process import ROOT


def test_the_source_of_an_imported_module_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "module_of_this_test.py"
    source.write_text("VALUE = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert importlib.import_module("module_of_this_test").VALUE == 1
    exec("import module_of_this_test as found", {})
    assert not [name for name in linecache.cache if name.startswith(str(tmp_path))]


def test_what_was_read_before_it_was_switched_off_is_not_kept_either() -> None:
    program = "import linecache, gatepost.desktop; print(list(linecache.cache))"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT / "app", capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
