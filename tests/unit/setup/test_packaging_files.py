"""What service managers, desktops and CI are handed is well formed, and asks the program only for what it knows."""

from __future__ import annotations

import plistlib
import re
import shlex
import signal
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

import artwork
import gathering
import manual
import package
import setup
import system
from gatepost import __version__
from gatepost.cli.main import build_parser, selected
from gatepost.cli.registry import COMMANDS

ROOT = Path(__file__).resolve().parents[3]
UNIT = ROOT / "resources" / "service" / "gatepost.service"
WORKFLOW = ROOT / ".github" / "workflows" / "packages.yml"


def options_of(command: list[str]) -> Any:
    """As the program itself takes its command line apart; SystemExit when it does not know it."""
    return build_parser(selected(command)).parse_args(command)


def unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def test_the_unit_starts_the_relay_with_options_that_it_knows() -> None:
    program, *command = shlex.split(unit()["ExecStart"][0])
    assert Path(program).name == "gatepost-relay"
    options = options_of(command)
    assert options.command == "relay"
    assert str(options.data) == f"/var/lib/{unit()['StateDirectory'][0]}"
    assert options.vault == "sealed"


def test_the_unit_names_the_credential_that_the_vault_looks_for() -> None:
    from gatepost.vault.key import CREDENTIAL

    assert unit()["LoadCredentialEncrypted"] == [CREDENTIAL]


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux")
def test_a_purge_takes_what_a_move_set_aside_and_a_removal_takes_nothing(tmp_path: Path) -> None:
    """Mail and passwords lie there as well."""
    script = (ROOT / "packaging/linux/debian/gatepost.postrm").read_text(encoding="utf-8")
    ours = re.sub(r"(?<=\s)/(var|run|etc)/", rf"{tmp_path}/\1/", script)
    kept = [tmp_path / "var/lib" / name for name in ("gatepost", "gatepost.before-20261128-ab", "gatepost.incoming")]
    others = [tmp_path / "var/lib/gatepost-of-somebody-else", tmp_path / "etc/ssl"]
    for folder in (*kept, *others):
        (folder / "bodies").mkdir(parents=True)
    for name in ("deluser", "getent"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    for word, left in (("remove", kept), ("purge", [])):
        subprocess.run(["sh", "-c", ours, "postrm", word], env=environment, check=True, capture_output=True)
        assert [folder for folder in kept if folder.exists()] == left
    assert all(folder.exists() for folder in others)


def test_macos_entitlements_are_a_property_list_of_switches() -> None:
    found = plistlib.loads((ROOT / "packaging/macos/entitlements.plist").read_bytes())
    assert found
    assert set(found.values()) == {True}


def test_every_tool_that_the_debian_package_is_built_with_is_provided() -> None:
    """dpkg-buildpackage asks for build-essential before it makes any package, also one that compiles nothing."""
    control = (ROOT / "packaging" / "linux" / "debian" / "control").read_text(encoding="utf-8")
    asked = re.search(r"^Build-Depends: (.+)$", control, re.MULTILINE)
    assert asked is not None
    needed = {re.split(r"[-\s(]compat|[\s(]", word.strip())[0] for word in asked[1].split(",")} | {"build-essential"}
    assert needed <= {need.package for need in system.DEB_TOOLS}


def test_the_workflow_builds_on_all_three_systems_and_calls_what_there_is() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    jobs = workflow["jobs"]
    assert {re.split(r"-", job["runs-on"])[0] for job in jobs.values()} == {"ubuntu", "windows", "macos"}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for name, job in jobs.items():
        scripts = [step["run"] for step in job["steps"] if "run" in step]
        assert all("uses" in step or "run" in step for step in job["steps"]), name
        assert any(step.get("uses", "").startswith("actions/upload-artifact@") for step in job["steps"]), name
        text = "\n".join(scripts)
        assert set(re.findall(r"^\s*make ([a-z-]+)", text, re.MULTILINE)) <= targets
        assert set(re.findall(r"setup\.py ([a-z-]+)", text)) <= set(setup.COMMANDS)
        for path in re.findall(r"(?:packaging|resources)/[\w./-]+", text):
            assert (ROOT / path).exists(), path


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_the_bundles_recipe_is_read_to_its_end_on_every_system(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With PyInstaller's own words played by stand-ins, so that also the parts for the systems are run that this is not."""
    made: list[tuple[str, Any]] = []

    def word(name: str) -> Any:
        def called(*arguments: Any, **options: Any) -> Any:
            made.append((name, options))
            return SimpleNamespace(binaries=[], datas=[], pure=[], scripts=[], arguments=arguments)

        return called

    hooks = ModuleType("PyInstaller.utils.hooks")
    for name in ("collect_data_files", "collect_submodules", "copy_metadata"):
        setattr(hooks, name, lambda *_, **__: [])
    for name in ("PyInstaller", "PyInstaller.utils"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "PyInstaller.utils.hooks", hooks)
    monkeypatch.setattr(gathering, "needless", lambda *_: set())
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "platform", system)
    recipe = ROOT / "packaging/pyinstaller/gatepost.spec"
    words = {name: word(name) for name in ("Analysis", "PYZ", "EXE", "COLLECT", "BUNDLE")}
    exec(compile(recipe.read_text(encoding="utf-8"), recipe, "exec"), {"SPECPATH": str(recipe.parent), **words})
    programs = [options for name, options in made if name == "EXE"]
    assert [options["name"] for options in programs] == ["gatepost", "gatepost-relay"]
    assert [name for name, _ in made].count("COLLECT") == 1
    bundles = [options for name, options in made if name == "BUNDLE"]
    assert [options["icon"] for options in bundles] == ([programs[0]["icon"]] if system == "darwin" else [])
    told = re.search(r"^\| macOS (\d+) and later", (ROOT / "packaging" / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert told is not None
    for options in bundles:
        assert options["info_plist"]["LSMinimumSystemVersion"] == f"{told[1]}.0"


@pytest.mark.skipif(sys.platform == "win32", reason="only on systems with a shell")
@pytest.mark.parametrize("name", ["INT", "TERM", "HUP"])
def test_an_interrupted_installation_does_not_leave_the_word_that_keeps_daemons_from_starting(
    tmp_path: Path, name: str
) -> None:
    policy, apt = tmp_path / "policy-rc.d", tmp_path / "apt-get"
    apt.write_text(f'#!/bin/sh\ntest -x "{policy}" && touch "{tmp_path}/was-there"\nkill -{name} "$PPID"\n', encoding="utf-8")
    apt.chmod(0o755)
    script = (ROOT / "packaging/setup/install-packages.sh").read_text(encoding="utf-8")
    done = subprocess.run(
        ["sh", "-c", script.replace("/usr/sbin/policy-rc.d", str(policy)), "install-packages.sh", "hello"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, timeout=60, check=False,
        # A shell cannot catch what was ignored when it began, as in whatever nohup or a script's & has started.
        preexec_fn=lambda: signal.signal(signal.Signals[f"SIG{name}"], signal.SIG_DFL),
    )  # fmt: skip
    assert done.returncode != 0
    assert (tmp_path / "was-there").exists()
    assert not policy.exists()


def test_the_manual_page_names_every_command() -> None:
    text = manual.manual()
    assert __version__ in text
    for command in COMMANDS:
        assert f".B {manual.escaped(command.name)}\n" in text


def test_the_version_comes_from_the_program() -> None:
    assert package.version() == __version__


def test_an_icon_for_windows_holds_every_size() -> None:
    pictures = {side: artwork.png(artwork.app_icon(), side) for side in artwork.ICO_SIZES}
    content = artwork.ico(pictures)
    reserved, kind, count = struct.unpack_from("<HHH", content)
    assert (reserved, kind, count) == (0, 1, len(artwork.ICO_SIZES))
    for index, (side, picture) in enumerate(pictures.items()):
        width, *_, size, at = struct.unpack_from("<BBBBHHII", content, 6 + 16 * index)
        assert width == side % 256
        assert content[at : at + size] == picture


def test_an_icon_for_macos_is_chunks_to_the_last_octet() -> None:
    pictures = {kind: artwork.png(artwork.app_icon(), side) for kind, side in artwork.ICNS_TYPES.items()}
    content = artwork.icns(pictures)
    assert content[:4] == b"icns"
    assert struct.unpack_from(">I", content, 4) == (len(content),)
    at, found = 8, {}
    while at < len(content):
        size = struct.unpack_from(">I", content, at + 4)[0]
        found[content[at : at + 4]] = content[at + 8 : at + size]
        at += size
    assert found == pictures


@pytest.mark.parametrize("side", artwork.SIZES)
def test_the_icon_is_drawn_in_both_its_colours(side: int) -> None:
    from PySide6.QtGui import QImage

    picture = QImage.fromData(artwork.png(artwork.app_icon(), side))
    assert (picture.width(), picture.height()) == (side, side)
    colours = {picture.pixelColor(x, y).name() for x in range(side) for y in range(side)}
    assert artwork.GROUND in colours
    assert any(int(colour[1:3], 16) > 0xC0 for colour in colours), "its strokes"
    assert picture.pixelColor(0, 0).alpha() < 128, "its corners are round"
