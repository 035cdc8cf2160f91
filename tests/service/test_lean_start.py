"""A relay that only takes and sends mail has nothing in memory of what it may be asked for later."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from ..support.relay_process import RelayProcess, configure_first

_IMPORTED = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s*(\S+)$", re.MULTILINE)

FOR_LATER = (
    # the control API, and the HTTP server with what it brings along
    "gatepost.control.schema", "gatepost.control.spool_schema",
    "gatepost.control.server.application", "gatepost.control.server.facade",
    "gatepost.control.server.guard", "gatepost.control.server.remote_door", "aiohttp.web", "aiohttp.client",
    "html", "http", "multidict", "urllib.request", "yarl",
    # what a command, a move or the desktop app is for
    "gatepost.control.client", "gatepost.desktop", "gatepost.importing", "gatepost.moving.running", "gatepost.relays",
    "gatepost.service_manager", "gatepost.testing", "PySide6", "nh3", "qasync",
    # what a configuration or a message has to ask for
    "aiospamc", "cryptography", "dkim", "dns", "email.feedparser", "email.parser", "keyring", "prometheus_client",
    "secretstorage", "spf", "truststore", "gatepost.relay.capture.parts", "gatepost.relay.delivery.probe",
    "gatepost.relay.oauth.doctor", "gatepost.relay.reception.pickup.letter", "gatepost.relay.verifying",
    # what only tests and builds use
    "doctest", "multiprocessing", "pdb", "pytest", "setuptools", "unittest", "xml",
)  # fmt: skip


def imported(relay: RelayProcess) -> set[str]:
    """The names of all modules that the relay loaded so far, as the interpreter tells them."""
    return set(_IMPORTED.findall(relay.log))


def test_the_program_s_own_modules_are_named_as_they_are() -> None:
    for name in FOR_LATER:
        assert not name.startswith("gatepost") or find_spec(name) is not None, name


def loaded_of(names: set[str], unwanted: tuple[str, ...]) -> list[str]:
    return sorted(name for name in names if any(name == one or name.startswith(f"{one}.") for one in unwanted))


@pytest.mark.skipif(sys.platform == "win32", reason="a named pipe has to be served from the start")
def test_a_relay_that_nobody_asks_anything_has_not_loaded_what_it_would_answer_with(tmp_path: Path) -> None:
    relay = RelayProcess(tmp_path, environment={"PYTHONPROFILEIMPORTTIME": "1"}, own_interpreter=True)
    configure_first(relay.data)
    with relay:
        names = imported(relay)
        assert "gatepost.relay.service" in names, "the interpreter does not tell what it loads"
        assert loaded_of(names, FOR_LATER) == []
        assert relay.api.get("/v1/version")["api_version"] == 1
        assert {"gatepost.control.server.application", "aiohttp.web"} <= imported(relay), "it was asked, and answered"
        assert loaded_of(imported(relay), ("aiohttp.client", "cryptography", "keyring", "unittest")) == []
