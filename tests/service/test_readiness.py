"""A service manager learns from the relay itself when it can be used, and when it ends."""

from __future__ import annotations

import socket
import sys
import tempfile
from pathlib import Path

import pytest

from ..support.relay_process import RelayProcess


@pytest.mark.skipif(sys.platform == "win32", reason="systemd's protocol")
def test_the_manager_hears_that_it_is_ready_when_clients_can_find_it_and_that_it_ends(tmp_path: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="gp-") as short,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
    ):
        manager.bind(f"{short}/notify")
        manager.settimeout(20)
        relay = RelayProcess(tmp_path, environment={"NOTIFY_SOCKET": f"{short}/notify"}, own_interpreter=True)
        with relay:
            assert manager.recv(100) == b"READY=1"
            assert relay.endpoint() is not None
            relay.stop()
            assert manager.recv(100) == b"STOPPING=1"
