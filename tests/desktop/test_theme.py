"""The look: contrast, the switch between light and dark, icons in the colours of the theme."""

from __future__ import annotations

import gc
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QMainWindow,
    QPushButton,
    QStackedWidget,
    QWidget,
)

from gatepost.desktop import resources
from gatepost.desktop.theme import Role, icon, px, scale, set_role, theme, tokens
from gatepost.desktop.theme.fonts import carried_families
from gatepost.desktop.theme.icons import pixmap
from gatepost.desktop.theme.palette import palette_of
from gatepost.desktop.theme.stylesheet import stylesheet_of
from gatepost.desktop.theme.tokens import DARK, LIGHT, STROKE_PAIRS, TEXT_PAIRS, Tokens, contrast

ICONS = sorted(file.stem for file in resources.path("icons").glob("*.svg"))


def test_contrast_is_measured_as_wcag_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("table", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_PAIRS)
def test_every_text_can_be_read_on_its_ground(table: Tokens, text: str, ground: str) -> None:
    assert contrast(getattr(table, text), getattr(table, ground)) >= 4.5


@pytest.mark.parametrize("table", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("stroke", "ground"), STROKE_PAIRS)
def test_every_stroke_that_means_something_can_be_seen(table: Tokens, stroke: str, ground: str) -> None:
    assert contrast(getattr(table, stroke), getattr(table, ground)) >= 3


@pytest.mark.parametrize("table", [LIGHT, DARK], ids=["light", "dark"])
def test_the_style_sheet_takes_every_colour_from_the_tokens_and_its_pictures_exist(table: Tokens) -> None:
    theme().apply("light")
    sheet = stylesheet_of(table)
    known = {str(getattr(table, name)) for name in table.__slots__}
    assert set(re.findall(r"#[0-9a-fA-F]{6}\b", sheet)) <= known
    files = re.findall(r"url\(([^)]+)\)", sheet)
    assert files
    for file in files:
        assert resources.path(file).exists()


def test_the_marks_of_check_boxes_have_the_colour_that_is_meant_for_the_accent() -> None:
    for name, table in (("light", LIGHT), ("dark", DARK)):
        for mark in ("check", "dash", "dot"):
            assert table.on_accent in resources.path("icons", "control", f"{mark}-{name}.svg").read_text(encoding="utf-8")


def test_arrows_are_visible_in_both_themes() -> None:
    for name in ("chevron-down", "chevron-up", "chevron-left", "chevron-right"):
        text = resources.path("icons", "control", f"{name}.svg").read_text(encoding="utf-8")
        colour = re.findall(r"#[0-9a-f]{6}", text)[0]
        assert all(contrast(colour, table.field) >= 3 for table in (LIGHT, DARK))


@pytest.mark.parametrize("name", ICONS)
def test_an_icon_lies_on_the_grid_and_takes_its_colour_from_the_theme(name: str) -> None:
    text = resources.path("icons", f"{name}.svg").read_text(encoding="utf-8")
    assert 'viewBox="0 0 24 24"' in text
    assert not re.findall(r"#[0-9a-fA-F]{3,6}\b", text)
    theme().apply("light")
    image = pixmap(name, 24, "text").toImage()
    drawn = {image.pixelColor(x, y).alpha() for x in range(24) for y in range(24)}
    assert max(drawn) > 200, "nothing is drawn"
    border = [image.pixelColor(x, y).alpha() for x in range(24) for y in range(24) if 0 in (x, y) or 23 in (x, y)]
    assert max(border) < 40, "it touches the edge"


def _strongest(image_icon: QIcon, mode: QIcon.Mode = QIcon.Mode.Normal) -> QColor:
    image = image_icon.pixmap(QSize(24, 24), mode).toImage()
    pixels = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
    return max(pixels, key=lambda colour: colour.alpha())


def test_an_icon_follows_the_theme_without_being_set_again() -> None:
    theme().apply("light")
    found = icon("spool")
    assert _near(_strongest(found), LIGHT.muted)
    assert _near(_strongest(found, QIcon.Mode.Disabled), LIGHT.disabled)
    assert _near(_strongest(found, QIcon.Mode.Selected), LIGHT.accent)
    theme().apply("dark")
    assert _near(_strongest(found), DARK.muted)


def _near(one: QColor, other: str) -> bool:
    wanted = QColor(other)
    return all(abs(a - b) < 12 for a, b in zip(one.getRgb()[:3], wanted.getRgb()[:3], strict=True))


def test_icons_survive_being_copied_and_collected() -> None:
    theme().apply("light")
    for round_number in range(2000):
        copy = QIcon(icon("spool"))
        button = QPushButton(copy, "")
        button.icon().pixmap(20, 20)
        if round_number % 500 == 0:
            gc.collect()


def test_an_unknown_icon_fails_where_it_is_asked_for() -> None:
    with pytest.raises(FileNotFoundError):
        icon("no-such-icon")


def test_the_system_is_followed_until_a_theme_is_chosen() -> None:
    theme().apply("dark")
    assert tokens() is DARK
    theme().apply("system")
    assert tokens() is LIGHT  # offscreen, the system has no opinion
    heard: list[bool] = []
    theme().changed.connect(lambda: heard.append(tokens().is_dark))
    theme().apply("dark")
    theme().apply("dark")
    assert heard == [True], "once, and only when something changed"
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    assert application.palette().window().color() == palette_of(DARK).window().color()
    theme().apply("light")


def test_lengths_follow_the_size_of_the_text() -> None:
    theme().apply("light")
    once, length = scale(), px(100)
    try:
        theme().apply("light", text_scale=2.0)
        assert scale() == pytest.approx(2 * once, rel=0.06)
        assert px(100) == pytest.approx(2 * length, rel=0.06)
    finally:
        theme().apply("light")


def _page() -> QWidget:
    page = QWidget()
    theme().style(page)
    set_role(page, Role.PAGE)
    grid = QGridLayout(page)
    for number in range(120):
        kind = QComboBox if number % 15 == 0 else (QLabel, QLineEdit, QPushButton)[number % 3]
        grid.addWidget(kind(), number // 6, number % 6)
    return page


def test_a_window_whose_pages_were_all_visited_changes_its_theme_within_50_ms(show: Callable[..., Any]) -> None:
    theme().apply("light")
    stack = QStackedWidget()
    for _ in range(8):
        stack.addWidget(_page())
    holder = QMainWindow()
    holder.setCentralWidget(stack)
    show(holder)
    for index in range(stack.count()):
        stack.setCurrentIndex(index)
        QApplication.processEvents()
    spans = []
    for choice in ("dark", "light") * 6:
        began = time.thread_time()  # what others do on this machine does not count
        theme().apply(choice)
        spans.append(time.thread_time() - began)
    assert min(spans) <= 0.05, f"{[round(span * 1000) for span in spans]} ms"


def test_a_part_that_was_hidden_takes_the_theme_when_it_is_shown(show: Callable[..., Any]) -> None:
    theme().apply("light")
    stack = QStackedWidget()
    stack.addWidget(_page())
    stack.addWidget(_page())
    show(stack)
    stack.setCurrentIndex(1)
    stack.setCurrentIndex(0)
    theme().apply("dark")
    seen, hidden = stack.widget(0), stack.widget(1)
    assert _ground(seen) == DARK.window
    assert DARK.window not in hidden.styleSheet()
    stack.setCurrentIndex(1)
    assert _ground(hidden) == DARK.window
    theme().apply("light")


def _ground(page: QWidget) -> str:
    return page.grab().toImage().pixelColor(2, 2).name()


def test_fonts_that_a_bundle_carries_are_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "root", lambda: tmp_path)
    assert carried_families() == set(), "there is no such folder beside the sources"
    (tmp_path / "fonts").mkdir()
    shutil.copy("/usr/share/fonts/opentype/inter/Inter-Regular.otf", tmp_path / "fonts")
    (tmp_path / "fonts" / "broken.otf").write_bytes(b"no font")
    assert carried_families() == {"Inter"}
