from __future__ import annotations

from pathlib import Path

from gatepost.desktop.preferences import Preferences, Theme


def test_what_was_chosen_is_there_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "desktop.ini"
    first = Preferences(path)
    first.theme, first.language = Theme.DARK, "de"
    first.set_widths("spool", {"sender": 180})
    first.set_flag("tray", True)
    first.sync()
    second = Preferences(path)
    assert (second.theme, second.language) == (Theme.DARK, "de")
    assert second.widths("spool") == {"sender": 180}
    assert second.flag("tray")


def test_nonsense_in_the_file_means_the_default(tmp_path: Path) -> None:
    path = tmp_path / "desktop.ini"
    path.write_text("[appearance]\ntheme=plaid\n[widths]\nspool=nonsense\n")
    found = Preferences(path)
    assert found.theme is Theme.SYSTEM
    assert found.widths("spool") == {}


def test_a_change_is_told_once(preferences: Preferences) -> None:
    seen: list[Theme] = []
    preferences.theme_changed.connect(seen.append)
    preferences.theme = Theme.LIGHT
    preferences.theme = Theme.LIGHT
    assert seen == [Theme.LIGHT]
