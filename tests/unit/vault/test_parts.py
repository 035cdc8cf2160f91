"""Long secrets in keyrings that take only short ones."""

from __future__ import annotations

import pytest

from gatepost.vault.parts import SplittingRing

from .memory import ShortRing


@pytest.fixture
def ring() -> ShortRing:
    return ShortRing(limit=2560)


@pytest.fixture
def splitting(ring: ShortRing) -> SplittingRing:
    return SplittingRing(ring, 2400)


def test_a_short_secret_stands_as_it_is(ring: ShortRing, splitting: SplittingRing) -> None:
    splitting.set_password("Gatepost", "a", "short")
    assert ring.values == {"a": "short"}


@pytest.mark.parametrize("value", ["t" * 5000, "😀" * 1300, "ä" * 1201, "x" * 1200 + "😀"])
def test_a_long_secret_comes_back_whole(splitting: SplittingRing, value: str) -> None:
    splitting.set_password("Gatepost", "a", value)
    assert splitting.get_password("Gatepost", "a") == value


def test_replacing_and_deleting_leave_no_parts_behind(ring: ShortRing, splitting: SplittingRing) -> None:
    splitting.set_password("Gatepost", "a", "t" * 5000)
    splitting.set_password("Gatepost", "a", "u" * 9000)
    assert splitting.get_password("Gatepost", "a") == "u" * 9000
    splitting.set_password("Gatepost", "a", "short")
    assert ring.values == {"a": "short"}
    splitting.set_password("Gatepost", "a", "t" * 5000)
    splitting.delete_password("Gatepost", "a")
    assert ring.values == {}


def test_a_failure_between_the_parts_leaves_the_old_secret(ring: ShortRing, splitting: SplittingRing) -> None:
    splitting.set_password("Gatepost", "a", "t" * 5000)
    writes = 0
    plain = ring.set_password

    def failing(service: str, username: str, password: str) -> None:
        nonlocal writes
        writes += 1
        if writes == 3:
            raise OSError("gone")
        plain(service, username, password)

    ring.set_password = failing  # type: ignore[method-assign]
    with pytest.raises(OSError, match="gone"):
        splitting.set_password("Gatepost", "a", "u" * 9000)
    assert splitting.get_password("Gatepost", "a") == "t" * 5000


def test_a_missing_part_means_no_secret_rather_than_half_of_one(ring: ShortRing, splitting: SplittingRing) -> None:
    splitting.set_password("Gatepost", "a", "t" * 5000)
    part = next(name for name in ring.values if name.endswith(".1"))
    del ring.values[part]
    assert splitting.get_password("Gatepost", "a") is None


def test_a_secret_that_looks_like_the_note_of_parts_is_a_secret(splitting: SplittingRing) -> None:
    splitting.set_password("Gatepost", "a", "gatepost-parts:1:3:ffffffff")
    assert splitting.get_password("Gatepost", "a") == "gatepost-parts:1:3:ffffffff"
