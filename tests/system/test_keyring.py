"""The vault against a real gnome-keyring on a D-Bus session of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = ("dbus-run-session", "gnome-keyring-daemon")
ROOT = Path(__file__).parents[2]


def require(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        words = f"not installed: {', '.join(missing)} (Debian: apt-get install gnome-keyring dbus-daemon)"
        if os.environ.get("GATEPOST_REQUIRE_ALL"):
            pytest.fail(words)
        pytest.skip(words)


def run(action: str, home: Path, *prefix: str) -> dict[str, Any]:
    """Run keyring_session in a home of its own, so that nobody's real keyring is touched."""
    home.mkdir(exist_ok=True)
    runtime = home / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "SYSTEMROOT")}
    environment = kept | {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(runtime),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "PYTHONPATH": os.pathsep.join((str(ROOT / "app"), str(ROOT))),
    }
    command = [*prefix, sys.executable, "-m", "tests.system.keyring_session", action, str(home / "data")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    assert "canary" not in done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_secrets_are_kept_replaced_and_forgotten(tmp_path: Path) -> None:
    require(*PROGRAMS)
    found = run("keep", tmp_path / "home", "dbus-run-session", "--")
    assert (found["kind"], found["label"], found["usable"]) == ("keyring", "Secret Service", True)
    assert found["password"] == "second"
    assert found["token"]
    accounts = found["accounts"]
    assert [re.sub(r"^[0-9a-f]{16}/", "", account) for account in accounts] == ["gateway/gw-1/password", "gateway/gw-1/token"]
    assert accounts[0] != "gateway/gw-1/password"
    assert found["gone"]
    assert found["left"] == []


def test_a_locked_keyring_is_said_to_be_locked_without_asking_anybody(tmp_path: Path) -> None:
    require(*PROGRAMS)
    found = run("locked", tmp_path / "home", "dbus-run-session", "--")
    assert found["usable"] is False
    assert "locked" in found["problem"]
    assert found["hint"]
    assert found["error"] in ("VaultLocked", "VaultRefused")
    assert "canary" not in found["words"]


def test_without_a_session_bus_the_words_say_what_to_do_and_nothing_is_written(tmp_path: Path) -> None:
    found = run("absent", tmp_path / "home")
    assert found["error"] == "VaultUnavailable"
    assert found["usable"] is False
    assert "sealed vault" in found["hint"]
    assert "canary" not in found["words"]
    written = [path.name for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert written == []


def test_a_session_bus_without_any_keyring_says_so_too(tmp_path: Path) -> None:
    require("dbus-run-session")
    bare = tmp_path / "bus.conf"
    bare.write_text(
        "<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen>"
        '<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>'
        '<allow own="*"/></policy></busconfig>'
    )
    found = run("absent", tmp_path / "home", "dbus-run-session", "--config-file", str(bare), "--")
    assert found["error"] == "VaultUnavailable"
    assert "sealed vault" in found["hint"]
