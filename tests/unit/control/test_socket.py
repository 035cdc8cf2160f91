"""The control socket is made with what a hardened service may do."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

import pytest

from gatepost.control.server.group import Group
from gatepost.control.server.transport import _private_socket


@pytest.mark.skipif(sys.platform == "win32", reason="there it is a named pipe")
def test_a_service_whose_group_is_its_own_needs_no_right_to_change_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", forbidden)
    with tempfile.TemporaryDirectory(prefix="gp-") as folder:
        Path(folder).chmod(0o750)
        path = Path(folder, "control.sock")
        _private_socket(path, Group("own", os.getegid())).close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
