"""Make what people install: the one-folder bundle of this system and, on Debian and on Windows, a package of it. Into dist/.

    python packaging/setup/package.py [bundle | deb] [--version V] [--output DIR] [--quick]

Without a word: the bundle, and the package where this is Debian, the installer where this is Windows. ``--version`` and
``--output`` serve tests of upgrades, ``--quick`` compresses little. On Windows the installer is made by NSIS; on macOS the same
spec makes Gatepost.app.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import environment
import system
from environment import ROOT, SetupProblem

DIST = ROOT / "dist"
BUNDLE = DIST / "gatepost"
BUILD = ROOT / "build"
LINUX = ROOT / "packaging" / "linux"
NEEDED_BY_BUNDLE = (*system.QT_LIBRARIES, *system.BUNDLE_TOOLS)


def version() -> str:
    """As the program itself says it."""
    found = re.search(
        r'^__version__ = "([^"]+)"', (ROOT / "app/gatepost/__init__.py").read_text(encoding="utf-8"), re.MULTILINE
    )
    if found is None:
        raise SetupProblem("app/gatepost/__init__.py names no version.")
    return found[1]


def bundle() -> Path:
    """The folder with both programs. Takes a minute or two."""
    environment.ensure("relay", "desktop", "package")
    _need("The bundle", NEEDED_BY_BUNDLE)
    _run([str(environment.PYTHON), str(environment.HERE / "artwork.py")], "The icons could not be drawn.")
    _run(
        [
            *(str(environment.PYTHON), "-m", "PyInstaller", "--noconfirm", "--clean", "--log-level", "WARN"),
            *("--workpath", str(BUILD / "pyinstaller"), "--distpath", str(DIST), "packaging/pyinstaller/gatepost.spec"),
        ],
        "The bundle could not be made.",
    )
    for name in ("gatepost", "gatepost-relay"):
        program = BUNDLE / (f"{name}.exe" if sys.platform == "win32" else name)
        said = subprocess.run([str(program), "--version"], capture_output=True, text=True, timeout=60, check=False)
        if sys.platform != "win32" and said.stdout.strip() != f"gatepost {version()}":
            raise SetupProblem(f"{program} does not start:\n{said.stdout}{said.stderr}")
    return BUNDLE


def deb(of_version: str, output: Path, *, quick: bool = False) -> Path:
    """A Debian package of the bundle that is in dist/."""
    _need("The Debian package", system.DEB_TOOLS)
    tree = BUILD / f"deb-{of_version}" / "gatepost"
    shutil.rmtree(tree.parent, ignore_errors=True)
    shutil.copytree(LINUX / "debian", tree / "debian")
    shutil.copytree(BUNDLE, tree / "bundle", symlinks=True)
    shutil.rmtree(tree / "bundle/_internal/resources/fonts", ignore_errors=True)  # the package depends on fonts-inter
    _share(tree / "share", of_version)
    _run([str(environment.PYTHON), str(environment.HERE / "manual.py"), str(tree / "gatepost.1")], "No manual page.")
    shutil.copy(ROOT / "resources/service/gatepost.service", tree / "debian/gatepost.service")
    (tree / "debian/copyright").write_text(_copyright(), encoding="utf-8")
    made_at = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(_source_time()))
    (tree / "debian/changelog").write_text(
        f"gatepost ({of_version}) unstable; urgency=medium\n\n  * See /usr/share/doc/gatepost/CHANGELOG.md.gz.\n\n"
        f" -- Gatepost maintainers <maintainers@gatepost.example>  {made_at}\n",
        encoding="utf-8",
    )
    shutil.copy(ROOT / "CHANGELOG.md", tree / "CHANGELOG.md")
    (tree / "debian/gatepost.docs").write_text("CHANGELOG.md\n", encoding="utf-8")
    _run(
        ["env", f"COMPRESSION={1 if quick else 6}", "dpkg-buildpackage", "-b", "-us", "-uc"],
        "The package could not be made.",
        tree,
    )
    made = next(tree.parent.glob("gatepost_*.deb"))
    output.mkdir(parents=True, exist_ok=True)
    return Path(shutil.move(made, output / made.name))


def installer(payload: Path, of_version: str, output: Path, *options: str) -> Path:
    """Windows' installer of what lies in ``payload``, by NSIS. ``options`` go to makensis."""
    usual = Path(os.environ.get("PROGRAMFILES(X86)", ""), "NSIS", "makensis.exe")
    compiler = shutil.which("makensis") or (str(usual) if usual.exists() else None)
    if compiler is None:
        raise SetupProblem("The installer needs NSIS (Debian's package nsis; on Windows its own installer).")
    made = output / f"gatepost-{of_version}-setup.exe"
    icon = BUILD / "icons" / "gatepost.ico"
    defines = {
        "VERSION": of_version,
        "PAYLOAD": str(payload),
        "OUTPUT": str(made),
        **({"ICON": str(icon)} if icon.exists() else {}),
    }
    words = [f"-D{name}={value}" for name, value in defines.items()]
    output.mkdir(parents=True, exist_ok=True)
    _run(
        [compiler, "-V2", "-WX", *options, *words, str(ROOT / "packaging/windows/gatepost.nsi")],
        "The installer could not be made.",
    )
    return made


def _need(what: str, needs: tuple[system.Need, ...]) -> None:
    absent = system.provide(needs)
    if absent:
        raise SetupProblem(f"{what} needs system packages:\n  {system.by_hand(need.package for need in absent)}")


def _share(share: Path, of_version: str) -> None:
    """What desktops and shells look for below /usr/share."""
    for side in BUILD.glob("icons/gatepost-*.png"):
        pixels = side.stem.rpartition("-")[2]
        _place(side, share / f"icons/hicolor/{pixels}x{pixels}/apps/gatepost.png")
    _place(BUILD / "icons/gatepost.svg", share / "icons/hicolor/scalable/apps/gatepost.svg")
    _place(LINUX / "gatepost.desktop", share / "applications/gatepost.desktop")
    metainfo = share / "metainfo/org.gatepost.Gatepost.metainfo.xml"
    _place(LINUX / metainfo.name, metainfo)
    day = time.strftime("%Y-%m-%d", time.gmtime(_source_time()))
    text = metainfo.read_text(encoding="utf-8").replace("@VERSION@", of_version).replace("@DATE@", day)
    metainfo.write_text(text, encoding="utf-8")
    completion = share / "bash-completion/completions/gatepost"
    completion.parent.mkdir(parents=True)
    said = subprocess.run([str(BUNDLE / "gatepost-relay"), "completion", "bash"], capture_output=True, text=True, check=True)
    completion.write_text(said.stdout, encoding="utf-8")


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _copyright() -> str:
    """Machine-readable: Gatepost's own licence, and where the texts of what it carries lie."""
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8").split("\n\n", 2)[2].strip()
    text = "\n".join(f" {line}" if line.strip() else " ." for line in licence.splitlines())
    carried = sorted(folder.name for folder in (BUNDLE / "_internal/licenses").iterdir() if folder.name != "gatepost")
    names = "\n".join(f"  {name}" for name in carried)
    return (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: Gatepost\n"
        "Comment:\n The package carries these, each under the licence whose text lies in\n"
        f" /usr/lib/gatepost/_internal/licenses:\n{names}\n\n"
        f"Files: *\nCopyright: 2026 Gatepost contributors\nLicense: Expat\n\nLicense: Expat\n{text}\n"
    )


def _source_time() -> int:
    """When the newest change was made, so that the same source gives the same dates; now, where that is not known."""
    said = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(said.stdout) if said.stdout.strip().isdigit() else int(time.time())


def _run(command: list[str], problem: str, folder: Path = ROOT) -> None:
    if subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, check=False).returncode:
        raise SetupProblem(problem)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="package", description="Make the bundle and the Debian package.")
    parser.add_argument("what", nargs="?", choices=("all", "bundle", "deb"), default="all")
    parser.add_argument("--version", default=version())
    parser.add_argument("--output", type=Path, default=DIST)
    parser.add_argument("--quick", action="store_true")
    wanted = parser.parse_args(arguments)
    made = []
    makes_deb = wanted.what == "deb" or (wanted.what == "all" and shutil.which("dpkg") is not None)
    if wanted.what == "all" and makes_deb:  # at once: who has to install them by hand shall be told of all before the long work
        _need("The package", (*NEEDED_BY_BUNDLE, *system.DEB_TOOLS))
    if wanted.what != "deb":
        made.append(bundle())
    if makes_deb:
        made.append(deb(wanted.version, wanted.output, quick=wanted.quick))
    if wanted.what == "all" and sys.platform == "win32":
        made.append(installer(BUNDLE, wanted.version, wanted.output))
    for path in made:
        print(f"Made {path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
