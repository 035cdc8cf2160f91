"""“From another server” against a real relay: shown before it is saved, chosen part by part, taken over as one revision."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel

from gatepost.desktop.context import AppContext
from gatepost.desktop.pages.settings import SettingsPage
from gatepost.desktop.pages.settings import foreign_import as module
from tests.unit.importing.support import SAMPLES

from ..waiting import closed

CANARY = "p4ss:with:colons"


@pytest.fixture
async def card(connected_context: AppContext, show: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    async def yes(*_arguments: object, **_options: object) -> bool:
        return True

    monkeypatch.setattr(module, "confirm", yes)
    page = SettingsPage(connected_context)
    show(page, 1120, 780)
    await page.enter(section="transfer")
    yield page.section.foreign  # type: ignore[union-attr]
    await closed(page)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLES / "postfix", tmp_path / "postfix"))


def texts(card: Any) -> str:
    return "\n".join(found.text() for found in card.findChildren(QLabel) if found.isVisibleTo(card))


async def test_what_was_understood_is_shown_and_nothing_is_saved(card: Any, folder: Path) -> None:
    client = card._section.context.session.client
    before = (await client.configuration()).revision
    await card.look_at([folder / "main.cf"])
    shown = texts(card)
    for words in ("smtp.provider.example", "Look at this", "Not taken over", "transport:5", "2 passwords go to the vault"):
        assert words in shown, "the files beside main.cf were read, too"
    assert CANARY not in shown
    assert card.apply.isVisibleTo(card)
    assert (await client.configuration()).revision == before
    card.discard()
    assert not card._files, "they may hold passwords"
    assert not card.apply.isVisibleTo(card)


async def test_files_that_are_read_late_are_not_shown_of_another_server(
    card: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = module.preview

    async def slow(*arguments: Any) -> Any:
        found = await real(*arguments)
        card.kind.set_value("iis")
        return found

    monkeypatch.setattr(module, "preview", slow)
    await card.look_at([folder / "main.cf"])
    assert not card._files, "they may hold passwords"
    assert card._proposal is None
    assert not card.apply.isVisibleTo(card)


async def test_only_what_is_ticked_is_taken_over(card: Any, folder: Path) -> None:
    client = card._section.context.session.client
    before = (await client.configuration()).revision
    await card.look_at([folder / "main.cf"])
    for key, box in card._boxes.items():
        box.setChecked(key in ("setting:spool.lifetime_hours", "setting:server.host_name"))
    assert card.apply.text().replace("&", "") == "Take over 2 settings"
    revisions: list[int] = []
    card.carried_out.connect(revisions.append)
    await card.carry_out()
    assert revisions == [before + 1]
    saved = (await client.configuration()).value
    assert saved["settings"]["spool"]["lifetime_hours"] == 72
    assert not [gateway for gateway in saved["gateways"] if gateway.get("host") == "smtp.provider.example"]
    assert "revision" in texts(card)


async def test_each_server_says_what_to_give_and_refusals_come_in_words(card: Any, folder: Path) -> None:
    from gatepost.model.errors import GatepostError

    for index in range(card.kind.count()):
        card.kind.setCurrentIndex(index)
        assert card.row._help is not None
        assert len(card.row._help.text()) > 20
    card.kind.set_value("iis")
    with pytest.raises(GatepostError):
        await card.look_at([folder / "main.cf"])
    with pytest.raises(GatepostError):
        await card.look_at([folder / "missing"])
