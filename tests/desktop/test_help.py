"""Help beside the pages: a text for each page in each language, opened and closed by key and button."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtWidgets import QToolButton

from gatepost.desktop import resources
from gatepost.desktop.help_panel import HelpPanel, help_text
from gatepost.desktop.i18n import LANGUAGES, set_language
from gatepost.desktop.pages.registry import PAGES


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_page_has_help_in_every_language(code: str) -> None:
    missing = [
        entry.key
        for entry in PAGES
        if entry.in_sidebar and not resources.path("help", code, f"{entry.key}.md").read_text(encoding="utf-8").startswith("# ")
    ]
    assert missing == []


def test_the_text_is_in_the_language_of_the_app_and_english_stands_in() -> None:
    set_language("de")
    assert help_text("settings").startswith("# Einstellungen")
    assert help_text("no such page") == ""


@pytest.mark.parametrize("word", ["Passwort", "Passwörter"])
def test_a_thing_has_one_name_in_german(word: str) -> None:
    """The window says Kennwort."""
    installer = resources.path("help").parents[1] / "packaging" / "windows" / "gatepost.nsi"
    texts = [*resources.path("help", "de").glob("*.md"), *resources.path("translations", "de").glob("*.po"), installer]
    assert [path.name for path in texts if word in path.read_text(encoding="utf-8")] == []


def test_the_panel_shows_the_page_and_can_be_closed(show: Callable[..., Any]) -> None:
    panel = HelpPanel()
    show(panel, 330, 600)
    closed: list[bool] = []
    panel.closed.connect(lambda: closed.append(True))
    panel.show_page("domains")
    assert panel.title.text() == "Domains"
    assert "Round Robin" in panel.text.toPlainText()
    panel.findChildren(QToolButton)[0].click()
    assert closed == [True]
