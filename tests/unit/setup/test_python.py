"""The script that finds a Python for ``make run``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "packaging" / "setup" / "python.sh"
SAY = "import json, sys; print(json.dumps([sys.executable, list(sys.version_info[:2]), sys.argv[1:]]))"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a shell script for POSIX systems")


def found(path: str, named: str = "") -> tuple[str, list[int], list[str]]:
    done = subprocess.run(
        ["/bin/sh", str(SCRIPT), "-c", SAY, "two words", "$HOME"],
        env={**os.environ, "PATH": path, "PYTHON": named}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    executable, version, arguments = json.loads(done.stdout)
    return executable, version, arguments


def test_the_named_one_comes_first_and_gets_the_arguments_as_they_are() -> None:
    executable, _, arguments = found(os.environ["PATH"], sys.executable)
    assert Path(executable).samefile(sys.executable)
    assert arguments == ["two words", "$HOME"]


@pytest.mark.parametrize("broken", ["/nonexistent/python", "/bin/false"])
def test_a_named_one_that_does_not_work_is_passed_over(broken: str) -> None:
    _, version, _ = found(os.environ["PATH"], broken)
    assert (3, 11) <= tuple(version) < (3, 14)


def test_a_system_whose_python_is_too_new_is_told_so(tmp_path: Path) -> None:
    shim = tmp_path / "python3"
    shim.write_text("#!/bin/sh\ncase $2 in *platform*) echo 3.14.2 ;; *) exit 1 ;; esac\n")
    shim.chmod(0o755)
    script = tmp_path / "python.sh"  # on a system without any other
    script.write_text(
        SCRIPT.read_text(encoding="utf-8").replace("/usr/bin/", "/nowhere/").replace("/usr/local/bin/", "/nowhere/")
    )
    done = subprocess.run(
        ["/bin/sh", str(script), "-c", SAY], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "python3 is Python 3.14.2." in done.stderr
    assert "PYTHON=" in done.stderr


def test_the_systems_own_is_preferred_to_one_on_the_path(tmp_path: Path) -> None:
    system = Path("/usr/bin/python3")
    check = "import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))"
    if not system.exists() or subprocess.run([system, "-c", check], capture_output=True, check=False).returncode:
        pytest.skip("this system's own Python is not one that Gatepost works with, or makes no virtual environments")
    shim = tmp_path / "python3.13"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    shim.chmod(0o755)
    executable, _, _ = found(f"{tmp_path}:{os.environ['PATH']}")
    assert executable == str(system)
