"""What a bundle carries: Qt's parts that the app uses, licences of everything, nothing of the system's."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import gathering

FOLDER = "/somewhere/site-packages/PySide6/Qt"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("PySide6/Qt/plugins/platforms/libqxcb.so", True),
        ("PySide6/Qt/plugins/platforms/libqvnc.so", False),
        ("PySide6/plugins/platforms/qwindows.dll", True),
        ("PySide6\\plugins\\imageformats\\qtiff.dll", False),
        ("PySide6/Qt/plugins/platforms/libqcocoa.dylib", True),
        ("PySide6/Qt/plugins/imageformats/libqjpeg.so", True),
        ("PySide6/Qt/plugins/sqldrivers/libqsqlite.so", False),
        ("PySide6/Qt/translations/qtbase_de.qm", False),
        ("PySide6/QtWidgets.abi3.so", True),
        ("PySide6/QtNetwork.abi3.so", False),
        ("resources/translations/de/app.po", True),
    ],
)
def test_of_qt_only_what_the_app_uses_is_carried(name: str, wanted: bool) -> None:
    assert gathering.is_wanted((name, f"{FOLDER}/{name}", "BINARY")) is wanted


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere programs carry everything")
def test_libraries_of_the_distribution_stay_its_own_but_for_pythons() -> None:
    assert not gathering.is_wanted(("libssl.so.3", "/usr/lib/x86_64-linux-gnu/libssl.so.3", "BINARY"))
    assert gathering.is_wanted(("libpython3.11.so.1.0", "/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0", "BINARY"))
    extension = "/usr/lib/python3.11/lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so"
    assert gathering.is_wanted(("python3.11/lib-dynload/_ssl.so", extension, "EXTENSION"))


def test_every_package_that_is_carried_brings_its_licence() -> None:
    from importlib.metadata import PackageNotFoundError, distribution

    folders: dict[str, set[str]] = {}
    for source, target in gathering.licences():
        folders.setdefault(target, set()).add(Path(source).name)
    assert {"licenses/gatepost", "licenses/python"} <= set(folders)
    for name in gathering.locked("relay", "desktop"):
        try:
            distribution(name)
        except PackageNotFoundError:
            continue  # of another system
        assert folders[f"licenses/{name}"] - {"METADATA", "PKG-INFO"}, f"{name} brings no text: packaging/licences/{name}"
    assert {"LGPL-3.0.txt", "GPL-3.0.txt", "NOTICE.txt"} <= folders["licenses/pyside6-essentials"], "as the LGPL asks"
    assert all(Path(source).stat().st_size > 0 for source, _ in gathering.licences())


def test_a_folder_that_the_help_sends_people_to_is_carried() -> None:
    carried = {target for _, target in gathering.resources()}
    texts = [path.read_text(encoding="utf-8") for path in (gathering.ROOT / "resources" / "help").rglob("*.md")]
    named = {name for text in texts for name in re.findall(r"`(resources/\w+)`", text)}
    assert named
    assert named <= carried


def test_a_package_that_an_old_tool_installed_says_its_licence_too(tmp_path: Path) -> None:
    from importlib.metadata import PathDistribution

    folder = tmp_path / "some_package-1.0-py3.11.egg-info"
    folder.mkdir()
    (folder / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: some-package\nVersion: 1.0\nLicense: MIT\n")
    (folder / "SOURCES.txt").write_text("LICENSE\nsetup.py\n")
    assert gathering.licence_files(PathDistribution(folder)) == [str(folder / "PKG-INFO")]
    (folder / "LICENSE.txt").write_text("free\n")
    assert gathering.licence_files(PathDistribution(folder)) == [str(folder / "LICENSE.txt")]


def test_tools_for_development_are_told_by_their_modules() -> None:
    assert {"pytest", "_pytest", "mypy"} <= set(gathering.modules_of(["pytest", "mypy"]))
