"""The whole app in a test, built as ``main`` does it: sealed in the test's folder, ended with the test however that ends."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from PySide6.QtWidgets import QApplication

from gatepost.desktop.application import Application
from gatepost.desktop.preferences import Preferences

from ..support.relay_process import configure_first
from .test_supervisor import command

_LIVES = "the app lives"


@contextmanager
def sealed_app(folder: Path, monkeypatch: pytest.MonkeyPatch, on_loop: Callable[..., Any]) -> Iterator[Application]:
    """On the loop of the tests. Its relay is set up as at a first start, on a port of its own."""
    runtime = tempfile.mkdtemp(prefix="gp-")
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    monkeypatch.setenv("HOME", str(folder))
    configure_first(folder / "data")
    preferences = Preferences(folder / "preferences.ini")
    preferences.set_flag("first-run/done", True)
    preferences.language = "en"
    app = Application(cast(QApplication, QApplication.instance()), folder / "data", preferences)
    app.supervisor._command = command
    app.show()
    try:
        yield app
    finally:
        on_loop(_end(app))
        app._funnel.uninstall()
        shutil.rmtree(runtime, ignore_errors=True)


def live(app: Application) -> asyncio.Task[int]:
    """Let it live beside the test."""
    return asyncio.get_running_loop().create_task(app._live(), name=_LIVES)


async def _end(app: Application) -> None:
    """A test that fails leaves its app alive: it is ended while its window is still there."""
    living = [task for task in asyncio.all_tasks() if task.get_name() == _LIVES]
    for task in living:
        task.cancel()
    if living:
        await asyncio.wait(living)
    await app._end()
