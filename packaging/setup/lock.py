"""Write requirements/*.lock: every package with its exact version, for all systems and Pythons that Gatepost runs on.

``python packaging/setup/lock.py`` resolves pyproject.toml in a fresh virtual environment with pip as it is configured,
then walks the dependencies of what was installed for Linux, macOS and Windows and Python 3.11 to 3.13. What only another
system or Python needs is added and gets an environment marker. No file names a package index.

- ``relay.lock``    what the relay and the command line need
- ``desktop.lock``  what the desktop app needs besides
- ``dev.lock``      what tests and checks need besides
- ``build.lock``    what installs Gatepost itself
- ``package.lock``  what makes bundles of it
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ROOT / "requirements"

# Runs inside the fresh environment, where ``packaging`` is installed (pytest needs it). Reads {set: [requirement]} and
# prints {"missing": [requirement]} or {"sets": {set: {name: [version, [environment index]]}}}.
WALK = r"""
import json, re, sys
from importlib.metadata import PackageNotFoundError, distribution
from packaging.requirements import Requirement

sets, environments = json.load(sys.stdin)
canonical = lambda name: re.sub(r"[-_.]+", "-", name).lower()
missing, found = {}, {}
for name, requirements in sets.items():
    needed = found[name] = {}
    for index, environment in enumerate(environments):
        waiting = [(Requirement(text), "") for text in requirements]
        seen = set()
        while waiting:
            requirement, extra = waiting.pop()
            if requirement.marker and not requirement.marker.evaluate({**environment, "extra": extra}):
                continue
            for wanted in ("", *sorted(requirement.extras)):
                key = (canonical(requirement.name), wanted)
                if key in seen:
                    continue
                seen.add(key)
                try:
                    package = distribution(requirement.name)
                except PackageNotFoundError:
                    missing[key[0]] = requirement.name + str(requirement.specifier)
                    break
                if not requirement.specifier.contains(package.version, prereleases=True):
                    sys.exit(f"{requirement} is needed, {package.version} is installed")
                needed.setdefault(key[0], [package.version, []])
                if index not in needed[key[0]][1]:
                    needed[key[0]][1].append(index)
                waiting += [(Requirement(text), wanted) for text in package.requires or ()]
print(json.dumps({"missing": sorted(missing.values()), "sets": found}))
"""

PLATFORMS = {
    "linux": {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux", "platform_machine": "x86_64"},
    "darwin": {"sys_platform": "darwin", "os_name": "posix", "platform_system": "Darwin", "platform_machine": "arm64"},
    "win32": {"sys_platform": "win32", "os_name": "nt", "platform_system": "Windows", "platform_machine": "AMD64"},
}
PYTHONS = ("3.11", "3.12", "3.13")
COMMON = {"implementation_name": "cpython", "platform_python_implementation": "CPython"}


def environments() -> list[dict[str, str]]:
    return [
        {
            **COMMON,
            **platform,
            "python_version": python,
            "python_full_version": f"{python}.9",
            "implementation_version": f"{python}.9",
        }
        for platform in PLATFORMS.values()
        for python in PYTHONS
    ]


def marker(indices: Iterable[int]) -> str:
    """The shortest marker that is true in exactly these environments; empty when it is true in all."""
    wanted = set(indices)
    pythons = len(PYTHONS)
    by_platform = {
        name: frozenset(PYTHONS[i % pythons] for i in wanted if i // pythons == index) for index, name in enumerate(PLATFORMS)
    }
    groups: dict[frozenset[str], list[str]] = {}
    for name, versions in by_platform.items():
        if versions:
            groups.setdefault(versions, []).append(name)
    return " or ".join(_clause(names, versions) for versions, names in groups.items()) if wanted else ""


def _clause(platforms: list[str], versions: frozenset[str]) -> str:
    parts = []
    if len(platforms) == 1:
        parts.append(f"sys_platform == '{platforms[0]}'")
    elif len(platforms) < len(PLATFORMS):
        parts.append(f"sys_platform != '{next(name for name in PLATFORMS if name not in platforms)}'")
    if len(versions) < len(PYTHONS):
        newest = max(versions)
        if versions == frozenset(PYTHONS[: len(versions)]):
            parts.append(f"python_version <= '{newest}'")
        elif versions == frozenset(PYTHONS[-len(versions) :]):
            parts.append(f"python_version >= '{min(versions)}'")
        else:
            parts.append("(" + " or ".join(f"python_version == '{version}'" for version in sorted(versions)) + ")")
    return " and ".join(parts)


def wanted_sets() -> dict[str, list[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {
        "relay": project["project"]["dependencies"],
        "desktop": project["project"]["optional-dependencies"]["desktop"],
        "dev": project["dependency-groups"]["dev"],
        "build": project["build-system"]["requires"],
        "package": project["dependency-groups"]["package"],
    }


def resolve(sets: dict[str, list[str]]) -> dict[str, dict[str, tuple[str, list[int]]]]:
    """Install everything at once, so that one version of each package fits all sets, and walk what came."""
    with tempfile.TemporaryDirectory() as folder:
        python = str(Path(folder) / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--upgrade", *(text for texts in sets.values() for text in texts)], check=True)
        question = json.dumps((sets, environments()))
        for _ in range(20):
            done = subprocess.run([python, "-c", WALK], input=question, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(done.stderr)
            answer = json.loads(done.stdout)
            if not answer["missing"]:
                return {name: {k: (v, i) for k, (v, i) in found.items()} for name, found in answer["sets"].items()}
            subprocess.run([*pip, "--no-deps", *answer["missing"]], check=True)
    raise SystemExit("the dependencies do not come to an end")


def write(name: str, packages: dict[str, tuple[str, list[int]]], source: str) -> None:
    lines = [f"# {source}", "# Written by packaging/setup/lock.py (make lock); do not edit."]
    for package, (version, indices) in sorted(packages.items()):
        condition = marker(indices)
        lines.append(f"{package}=={version}" + (f" ; {condition}" if condition else ""))
    (LOCKS / f"{name}.lock").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    found = resolve(wanted_sets())
    LOCKS.mkdir(exist_ok=True)
    write("relay", found["relay"], "What the relay and the command line need.")
    write("desktop", _without(found["desktop"], found["relay"]), "What the desktop app needs besides relay.lock.")
    write("dev", _without(found["dev"], found["relay"]), "What tests and checks need besides relay.lock.")
    write("build", _without(found["build"], found["relay"]), "What installs Gatepost itself.")
    others = found["relay"] | found["build"]
    write("package", _without(found["package"], others), "What makes bundles of Gatepost, besides relay.lock and build.lock.")


def _without(
    packages: dict[str, tuple[str, list[int]]], base: dict[str, tuple[str, list[int]]]
) -> dict[str, tuple[str, list[int]]]:
    """Leave out what the base already brings wherever it is needed here."""
    return {name: found for name, found in packages.items() if name not in base or not set(found[1]) <= set(base[name][1])}


if __name__ == "__main__":
    main()
