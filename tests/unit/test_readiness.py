"""The service manager is told by sd_notify(3), over a real socket; without one nothing happens."""

from __future__ import annotations

import logging
import secrets
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.readiness import READY, tell_manager

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="systemd's protocol")


@pytest.fixture
def manager() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(5)
        yield listening


def test_the_manager_hears_what_it_is_told(manager: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager.bind(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    tell_manager(READY)
    assert manager.recv(100) == b"READY=1"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="abstract names are Linux' own")
def test_a_manager_with_an_abstract_name_hears_it_too(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"gatepost-{secrets.token_hex(8)}"
    manager.bind("\0" + name)
    monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
    tell_manager(READY)
    assert manager.recv(100) == b"READY=1"


def test_a_manager_that_is_gone_costs_a_line_in_the_log_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    with caplog.at_level(logging.WARNING):
        tell_manager(READY)
    assert "was not told READY=1" in caplog.text


def test_without_a_manager_nobody_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    tell_manager(READY)
    assert caplog.text == ""
