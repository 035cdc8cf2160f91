"""What setting up tells a person before it starts anything."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import environment
import setup
import system
from environment import SetupProblem

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="only on systems with packages")

LIBRARY = next(need for need in system.QT_LIBRARIES if need is not system.FONT)


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(system, "provide", lambda needs: [LIBRARY, system.FONT])
    return monkeypatch


def test_a_window_that_cannot_open_is_told_with_the_line_to_type_and_not_tried(lacking: pytest.MonkeyPatch) -> None:
    lacking.setattr(environment, "PYTHON", Path("/bin/false"))
    with pytest.raises(SetupProblem, match=rf"install {LIBRARY.package} ") as told:
        setup._need_qt("The window", "\nOr this")
    assert str(told.value).endswith("Or this")


def test_what_needs_no_window_goes_on_without(lacking: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lacking.setattr(environment, "PYTHON", Path("/bin/false"))
    setup._need_qt()
    assert LIBRARY.package in capsys.readouterr().out


def test_one_that_may_open_is_tried(lacking: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lacking.setattr(environment, "PYTHON", Path("/bin/true"))
    setup._need_qt("The window")
    assert LIBRARY.package in capsys.readouterr().out


def test_a_font_that_is_missing_is_not_worth_a_word(lacking: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lacking.setattr(system, "provide", lambda needs: [system.FONT])
    lacking.setattr(environment, "PYTHON", Path("/bin/false"))
    setup._need_qt("The window")
    assert capsys.readouterr().out == ""
