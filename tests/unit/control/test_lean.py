"""The server half of aiohttp loads without the client half, and the client half is there when it is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gatepost.control.server import lean

SCRIPT = """
import sys
from gatepost.control.server.lean import prepare_aiohttp
prepare_aiohttp()
from aiohttp import web
assert "aiohttp.client" not in sys.modules, "the client was loaded all the same"
assert web.Application is not None
import aiohttp
assert aiohttp.ClientSession.__module__ == "aiohttp.client"
assert aiohttp.ClientTimeout is sys.modules["aiohttp.client"].ClientTimeout
from aiohttp import TCPConnector, DummyCookieJar
assert aiohttp.web is web
print(aiohttp.__version__)
"""


def test_the_client_half_is_loaded_only_when_it_is_asked_for() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env={"PYTHONPATH": "app"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3.")


def test_a_bundle_without_sources_tells_the_version_by_the_name_of_a_folder(tmp_path: Path) -> None:
    init = tmp_path / "aiohttp" / "__init__.pyc"
    assert lean._version(init) is None
    (tmp_path / "aiohttp-3.14.5.dist-info").mkdir()
    assert lean._version(init) == "3.14.5"
