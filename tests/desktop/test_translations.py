"""Every text of the app is collected and translated."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gatepost.desktop.catalogue import read_catalogue
from gatepost.desktop.i18n import LANGUAGES, set_language, tr

from ..support.relay_process import ROOT

sys.path.insert(0, str(ROOT / "packaging" / "setup"))
import translations

FOLDER = ROOT / "resources" / "translations"


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_the_catalogues_are_fresh_and_complete(language: str) -> None:
    assert list(translations.problems(language)) == []


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_the_app_reads_what_the_catalogues_say(language: str) -> None:
    found = read_catalogue(FOLDER / language)
    for catalog in translations.read(language).values():
        for message in catalog:
            if message.id:
                key = message.id if isinstance(message.id, str) else message.id[0]
                assert "".join(found.texts[key]) == "".join(message.string or ""), key


def test_every_language_that_can_be_chosen_has_texts() -> None:
    assert {path.name for path in FOLDER.iterdir() if path.is_dir()} | {"en"} == set(LANGUAGES)
    set_language("de")
    assert tr("Settings") == "Einstellungen"


def test_the_check_finds_what_is_missing_or_wrong() -> None:
    found = [
        *translations._problems_of("x", "Delete", ""),
        *translations._problems_of("x", "Delete {name}", "{wrong} löschen"),
        *translations._problems_of("x", "&Delete", "Löschen"),
        *translations._problems_of("x", ("{n} a", "{n} b"), ("ein a", "{n} b")),
    ]
    assert len(found) == 3


def test_areas_follow_the_pages() -> None:
    sources: Path = translations.SOURCES
    assert translations.area_of(sources / "pages" / "spool" / "detail.py") == "spool"
    assert translations.area_of(sources / "pages" / "explain.py") == "explain"
    assert translations.area_of(sources / "cards" / "card.py") == "cards"
    assert translations.area_of(sources / "frame.py") == "app"
    assert translations.area_of(sources / "pages" / "registry.py") == "app"
