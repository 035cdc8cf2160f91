"""Set up what Gatepost needs, then run it, its tests, its checks or its measurements. Standard library only.

    python packaging/setup/setup.py run [--data DIR]      the app where there is a display, else the relay
    python packaging/setup/setup.py test [pytest options]
    python packaging/setup/setup.py lint
    python packaging/setup/setup.py bench [options]
    python packaging/setup/setup.py bench-desktop [options]
    python packaging/setup/setup.py translations          collect the app's texts and say what is not translated
    python packaging/setup/setup.py screenshots [scene …] write every page as pictures into build/screenshots
    python packaging/setup/setup.py prepare               only set up
    python packaging/setup/setup.py package [options]     make the bundle and the Debian package, into dist/
    python packaging/setup/setup.py test-packages         install, use, upgrade and remove what package makes

``make`` calls this on Linux and macOS; on Windows call it yourself. Python packages go to ``.venv`` with the versions of
requirements/*.lock; pip's configuration is left as it is. System packages are installed only by root or where sudo does
not ask (GATEPOST_SYSTEM_PACKAGES=no forbids that too); otherwise the line to type is printed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import environment
import package
import system
from environment import ROOT, SetupProblem


def run(arguments: list[str]) -> int:
    """The desktop app where the tree has one and a display is there, else the relay in the foreground."""
    if environment.has_desktop() and _has_display():
        environment.ensure("relay", "desktop")
        _need_qt("The window", "\nOr start the relay without a window:\n  DISPLAY= WAYLAND_DISPLAY= make run")
        # Without docstrings in memory (-OO) the window takes 3 MB less, and a relay that runs for months 2 MB.
        return _start([str(environment.PYTHON), "-OO", "-m", "gatepost", *arguments])
    environment.ensure("relay")
    command = [str(environment.PYTHON), "-OO", "-m", "gatepost", "relay", *arguments]
    # A server without a keyring keeps its passwords in the sealed vault; the relay says which one it uses.
    return _start([*command, "--vault", "auto", "--create-vault-key"])


def test(arguments: list[str]) -> int:
    _ensure_development(uses_qt="The tests")
    must_run_all = bool(os.environ.get("GATEPOST_REQUIRE_ALL"))
    if must_run_all:
        absent = system.provide(system.TEST_TOOLS + system.SCANNERS)
    else:
        absent = system.provide(system.TEST_TOOLS) + system.missing(system.SCANNERS)
    if absent:
        print("Not installed, so the tests that need them are skipped:")
        for need in absent:
            print(f"  {need.package}: {need.purpose}")
        print(f"To install them: {system.by_hand(need.package for need in absent)}", flush=True)
    if absent and must_run_all:
        raise SetupProblem("GATEPOST_REQUIRE_ALL is set, so no test may be skipped for want of a tool.")
    parallel = (
        [] if any(option.startswith(("-n", "-p", "--pdb")) for option in arguments) else ["-n", "2", "--dist", "loadscope"]
    )
    return _start([str(environment.PYTHON), "-m", "pytest", *parallel, *arguments])


def lint(_: list[str]) -> int:
    """Every check, also after one has failed: who mends one wants to see the others."""
    _ensure_development()
    failed = []
    for command in (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["mypy", "-p", "tests.bench"],
        ["mypy", "packaging/setup"],
        ["lint-imports", "--no-logo"],
    ):
        print(f"$ {' '.join(command)}", flush=True)
        program = environment.program(command[0])
        if subprocess.run([program, *command[1:]], cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode:
            failed.append(" ".join(command))
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def bench(arguments: list[str]) -> int:
    environment.ensure("relay", "dev")  # shares its peers with the tests
    absent = system.provide(need for need in system.TEST_TOOLS if need.package == "postfix")
    if absent:
        raise SetupProblem(f"The load generator comes with Postfix. Install it first:\n  {system.by_hand(['postfix'])}")
    return _start([str(environment.PYTHON), "-m", "tests.bench", *arguments])


def screenshots(arguments: list[str]) -> int:
    _ensure_development(uses_qt="The pictures")
    return _start([str(environment.PYTHON), "-m", "tests.desktop.gallery", *arguments])


def prepare(_: list[str]) -> int:
    _ensure_development()
    return 0


def bench_desktop(arguments: list[str]) -> int:
    environment.ensure("relay", "desktop", "dev")
    _need_qt("The window")
    return _start([str(environment.PYTHON), "-m", "tests.bench.desktop", *arguments])


def translations(arguments: list[str]) -> int:
    _ensure_development()
    return _start([str(environment.PYTHON), str(environment.HERE / "translations.py"), *arguments])


def test_packages(arguments: list[str]) -> int:
    """Takes minutes, needs root and a Debian mirror: not part of ``test``."""
    _ensure_development()
    absent = system.provide(system.PACKAGE_TEST_TOOLS)
    if absent:
        raise SetupProblem(f"The packages' tests need:\n  {system.by_hand(need.package for need in absent)}")
    package.main([])
    return _start([str(environment.PYTHON), "-m", "pytest", "-v", "--timeout", "900", "tests/package", *arguments])


def _ensure_development(*, uses_qt: str = "") -> None:
    environment.ensure("relay", "dev", *(["desktop"] if environment.has_desktop() else []))
    if environment.has_desktop():
        _need_qt(uses_qt)


def _need_qt(what: str = "", otherwise: str = "") -> None:
    """What is missing is told. ``what`` cannot be without Qt, so it ends here where Qt cannot be loaded; ``otherwise``: what
    can be done instead. A font that is missing does not matter."""
    absent = system.provide(system.QT_LIBRARIES)
    if all(need is system.FONT for need in absent):
        return
    line = system.by_hand(need.package for need in absent)
    loads = [str(environment.PYTHON), "-c", "import PySide6.QtWidgets"]
    if what and subprocess.run(loads, capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode:
        raise SetupProblem(f"{what} cannot do without system packages. Install them, then try again:\n  {line}{otherwise}")
    print(f"The window needs system packages. If it does not open:\n  {line}", flush=True)


def _has_display() -> bool:
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _start(command: list[str]) -> int:
    """Become the program where the system can do that, so that signals reach it and nobody else."""
    sys.stdout.flush()
    os.chdir(ROOT)
    if os.name == "posix":
        os.execv(command[0], command)
    return subprocess.run(command, check=False).returncode


COMMANDS = {
    "run": run,
    "test": test,
    "lint": lint,
    "bench": bench,
    "bench-desktop": bench_desktop,
    "translations": translations,
    "screenshots": screenshots,
    "prepare": prepare,
    "package": package.main,
    "test-packages": test_packages,
}


def main(arguments: list[str]) -> int:
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        print(f"Gatepost needs Python 3.11, 3.12 or 3.13; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 1
    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__)
        return 2
    # A virtual environment that happens to be active must not be taken for ours, nor its base for a plain Python.
    os.environ.pop("VIRTUAL_ENV", None)
    os.environ.pop("PYTHONHOME", None)
    try:
        return COMMANDS[arguments[0]](arguments[1:])
    except SetupProblem as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    sys.exit(main(sys.argv[1:]))
