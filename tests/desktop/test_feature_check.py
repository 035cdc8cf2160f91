"""The window neither reads nor keeps the sources of what it imports."""

from __future__ import annotations

import importlib
import linecache
from pathlib import Path

import pytest

import gatepost.desktop  # noqa: F401 - switches the check off


def test_the_source_of_an_imported_module_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "module_of_this_test.py"
    source.write_text("VALUE = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert importlib.import_module("module_of_this_test").VALUE == 1
    exec("import module_of_this_test as found", {})
    assert not [name for name in linecache.cache if name.startswith(str(tmp_path))]
