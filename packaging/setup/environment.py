"""The virtual environment: made once, filled from the lock files, and left alone until one of them changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import system

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = ROOT / ".venv"
LOCKS = ROOT / "requirements"
_BIN = FOLDER / ("Scripts" if os.name == "nt" else "bin")
PYTHON = _BIN / ("python.exe" if os.name == "nt" else "python")


class SetupProblem(Exception):
    """What went wrong and what to do, in words for the person at the terminal."""


def program(name: str) -> str:
    return str(_BIN / (f"{name}.exe" if os.name == "nt" else name))


def has_desktop() -> bool:
    return (ROOT / "app" / "gatepost" / "desktop" / "__init__.py").exists()


def ensure(*locks: str) -> None:
    """Make ``.venv`` and install the named lock files (``relay``, ``desktop``, ``dev``). Instant when nothing changed."""
    _ensure_venv()
    for name in ("build", *locks):
        _ensure_lock(name)
    _ensure_itself()


def _ensure_venv() -> None:
    stamp = FOLDER / ".gatepost-python"
    current = f"{ROOT}\n"
    if PYTHON.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == current:
        return
    _need_venv_module()
    if FOLDER.exists():
        print("Making the virtual environment anew: it was made for another place, or not finished.", flush=True)
        shutil.rmtree(FOLDER)
    print(f"Making a virtual environment in .venv (Python {sys.version.split()[0]})", flush=True)
    _run([sys.executable, "-m", "venv", str(FOLDER)], "The virtual environment could not be made.")
    stamp.write_text(current, encoding="utf-8")


def _need_venv_module() -> None:
    """Debian keeps venv and ensurepip in packages of their own."""
    check = [sys.executable, "-c", "import venv, ensurepip"]
    if subprocess.run(check, capture_output=True, check=False).returncode == 0:
        return
    own = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    for package in (own, "python3-venv"):
        if system.install([package]) and subprocess.run(check, capture_output=True, check=False).returncode == 0:
            return
    raise SetupProblem(f"Python's venv module is missing. Install it, then try again:\n  {system.by_hand([own])}")


def _ensure_lock(name: str) -> None:
    lock = LOCKS / f"{name}.lock"
    stamp = FOLDER / f".gatepost-{name}"
    current = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == current:
        return
    stamp.unlink(missing_ok=True)
    print(f"Installing requirements/{name}.lock", flush=True)
    # The lock holds every package, so nothing is left for pip to resolve; where pip finds them is its configuration's affair.
    _run(
        [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "-r", str(lock)],
        f"The packages of requirements/{name}.lock could not be installed.",
    )
    stamp.write_text(current, encoding="utf-8")


def _ensure_itself() -> None:
    """Put ``gatepost`` on the environment's path, as a link to ``app/`` (an editable install)."""
    stamp = FOLDER / ".gatepost-itself"
    current = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == current:
        return
    stamp.unlink(missing_ok=True)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    _run([str(PYTHON), "-m", "pip", "install", *options, "--editable", str(ROOT)], "Gatepost itself could not be installed.")
    _run(
        [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "check"],
        "The locked packages do not fit together.",
        quiet=True,
    )
    # Else the first start compiles some hundred modules before its window is seen; the app runs its relay with -OO.
    for level in ([], ["-OO"]):
        _run([str(PYTHON), *level, "-m", "compileall", "-q", str(ROOT / "app")], "Gatepost's modules could not be compiled.")
    stamp.write_text(current, encoding="utf-8")


def _run(command: list[str], problem: str, *, quiet: bool = False) -> None:
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if quiet else None, check=False)
    if done.returncode:
        if quiet and done.stdout:
            sys.stderr.write(done.stdout.decode(errors="replace"))
        raise SetupProblem(problem)
