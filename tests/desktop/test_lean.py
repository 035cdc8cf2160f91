"""What the window loads before somebody needs it: every module that is loaded stays in memory until the window is closed."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from ..support.relay_process import ROOT

LATER = (
    "aiohttp.web",  # the way back from a sign-in
    "cryptography",
    "dns",
    "gatepost.control.far",  # a relay on another machine
    "gatepost.control.foreign_files",
    "gatepost.importing",
    "gatepost.model.configuration",
    "gatepost.relay",
    "gatepost.store",
    "gatepost.vault",
    "html.entities",
    "importlib.metadata",
    "keyring",
    "multiprocessing",
    "nh3",  # mail that somebody looks at
    "peewee",
    "prometheus_client",
    "PySide6.QtNetwork",
    "sqlite3",
    "truststore",
    "unittest",
    "xml",
)
"""Heavy, and of no use to a window that shows its pages."""

_PROGRAM = """
import sys
import gatepost.desktop.application, gatepost.control.client, aiohttp, qasync
from gatepost.desktop.pages.registry import PAGES
for page in PAGES:
    page.load()
print(*sys.modules)
"""


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """All that is loaded when the window is connected and has looked ahead."""
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(command, cwd=ROOT / "app", capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", LATER)
def test_what_only_some_need_is_loaded_when_they_need_it(loaded: set[str], name: str) -> None:
    assert find_spec(name) is not None, "nothing is called so any more: name what took its place"
    assert name not in loaded
