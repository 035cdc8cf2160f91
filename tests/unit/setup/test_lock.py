"""Lock files: markers that hold exactly where a package is needed, and nothing that names a package index."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import lock

ROOT = Path(__file__).resolve().parents[3]
LOCKS = ("relay", "desktop", "dev", "build", "package")
ALL = range(len(lock.environments()))


def holds_in(text: str) -> set[int]:
    environments = lock.environments()
    return set(ALL) if not text else {index for index in ALL if Marker(text).evaluate(environments[index])}


@settings(max_examples=300)
@given(st.sets(st.sampled_from(ALL), min_size=1))
def test_a_marker_holds_exactly_where_the_package_is_needed(indices: set[int]) -> None:
    assert holds_in(lock.marker(indices)) == indices


def test_what_is_needed_everywhere_has_no_marker() -> None:
    assert lock.marker(ALL) == ""


@pytest.mark.parametrize(
    ("platforms", "pythons", "expected"),
    [
        (["win32"], lock.PYTHONS, "sys_platform == 'win32'"),
        (["linux", "darwin"], lock.PYTHONS, "sys_platform != 'win32'"),
        (["linux", "darwin", "win32"], ["3.11"], "python_version <= '3.11'"),
        (["linux"], ["3.12", "3.13"], "sys_platform == 'linux' and python_version >= '3.12'"),
    ],
)
def test_markers_are_short(platforms: list[str], pythons: Iterable[str], expected: str) -> None:
    wanted = set(itertools.product(platforms, pythons))
    indices = [i for i, found in enumerate(itertools.product(lock.PLATFORMS, lock.PYTHONS)) if found in wanted]
    assert lock.marker(indices) == expected


def requirements(name: str) -> list[Requirement]:
    lines = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_every_package_to_one_version_and_names_no_index(name: str) -> None:
    found = requirements(name)
    assert found
    assert all([s.operator for s in r.specifier] == ["=="] and r.url is None for r in found)
    assert len({canonicalize_name(r.name) for r in found}) == len(found)
    assert "://" not in (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "section"),
    [
        ("relay", lambda p: p["project"]["dependencies"]),
        ("desktop", lambda p: p["project"]["optional-dependencies"]["desktop"]),
        ("dev", lambda p: p["dependency-groups"]["dev"]),
        ("build", lambda p: p["build-system"]["requires"]),
        ("package", lambda p: p["dependency-groups"]["package"]),
    ],
)
def test_the_locks_hold_what_the_project_asks_for(name: str, section: object) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    locked = {
        canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in requirements(name) + requirements("relay")
    }
    for text in section(project):  # type: ignore[operator]
        wanted = Requirement(text)
        assert wanted.specifier.contains(locked[canonicalize_name(wanted.name)], prereleases=True), text
