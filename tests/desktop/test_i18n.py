from __future__ import annotations

from pathlib import Path

import pytest

from gatepost.desktop.i18n import ntr, set_language, system_language, tr

PO = r"""
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"

# a comment
msgid "Delete {name}?"
msgstr "{name} löschen?"

msgid "{n} message"
msgid_plural "{n} messages"
msgstr[0] "{n} Nachricht"
msgstr[1] "{n} Nachrichten"

msgid ""
"A long text "
"on two \"lines\""
msgstr "Ein langer Text auf "
"zwei „Zeilen“"

#, fuzzy
msgid "Doubtful"
msgstr "Zweifelhaft"

#~ msgid "Gone"
#~ msgstr "Weg"

msgid "Nothing yet"
msgstr ""
"""


@pytest.fixture
def german(tmp_path: Path) -> None:
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "test.po").write_text(PO, encoding="utf-8")
    assert set_language("de", tmp_path) == "de"


@pytest.mark.usefixtures("german")
def test_texts_and_plurals_come_from_the_catalogue() -> None:
    assert tr("Delete {name}?", name="{x}") == "{x} löschen?"
    assert tr('A long text on two "lines"') == "Ein langer Text auf zwei „Zeilen“"
    assert ntr("{n} message", "{n} messages", 1) == "1 Nachricht"
    assert ntr("{n} message", "{n} messages", 1204) == "1.204 Nachrichten"


@pytest.mark.usefixtures("german")
def test_what_is_not_translated_stays_english() -> None:
    assert tr("Nothing yet") == "Nothing yet"
    assert tr("Doubtful") == "Doubtful"
    assert tr("Gone") == "Gone"
    assert ntr("{n} gateway", "{n} gateways", 2) == "2 gateways"


def test_english_needs_no_catalogue() -> None:
    set_language("en")
    assert ntr("{n} message", "{n} messages", 1) == "1 message"
    assert ntr("{n} message", "{n} messages", 1204) == "1,204 messages"


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({"LANG": "de_AT.UTF-8"}, "de"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANGUAGE": "fr:de:en", "LANG": "en_US"}, "de"),
        ({"LC_ALL": "C", "LANG": "de_DE"}, "en"),
        ({}, "en"),
    ],
)
def test_the_system_s_language_is_used_where_we_speak_it(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], code: str
) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert system_language() == code
