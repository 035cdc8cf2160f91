"""What the tests themselves leave behind, and what they may rely on."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.prepared import AVAILABLE, run_command
from tests.support.relay_process import ROOT, RelayProcess

MAKES = "from tests.support.certificates import authority; print(authority().root_file)"


def test_a_test_run_takes_its_certificates_with_it() -> None:
    done = subprocess.run([sys.executable, "-c", MAKES], cwd=ROOT, capture_output=True, text=True, check=True)
    folder = Path(done.stdout.strip()).parent
    assert folder.name.startswith("gatepost-ca-")
    assert not folder.exists()


def test_a_relay_that_was_never_started_leaves_no_runtime_folder(tmp_path: Path) -> None:
    runtime = Path(RelayProcess(tmp_path).environment["XDG_RUNTIME_DIR"])
    gc.collect()
    assert not runtime.exists()


@pytest.mark.skipif(not AVAILABLE, reason="only on Linux")
def test_a_prepared_command_has_its_own_environment_output_and_exit_code(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "etc"), "GATEPOST_DATA": str(tmp_path / "here")}
    done = run_command(["status"], environment=environment, folder=tmp_path)
    assert (done.returncode, done.stdout) == (6, "")
    assert str(tmp_path / "here") in done.stderr
    assert run_command(["no-such-command"], environment=environment, folder=tmp_path).returncode == 2
    found = run_command(["--version"], environment=environment, folder=tmp_path)
    assert (found.returncode, found.stdout.split()[0], found.stderr) == (0, "gatepost", "")
    assert os.environ.get("GATEPOST_DATA") != environment["GATEPOST_DATA"]
