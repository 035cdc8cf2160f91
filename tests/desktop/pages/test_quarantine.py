"""The Quarantine page against a real relay with mail that inspection held back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QTextDocument
from PySide6.QtWidgets import QLabel, QPushButton

from gatepost.control import spool_schema
from gatepost.control.client import Client
from gatepost.desktop.cards import Dialog
from gatepost.desktop.context import AppContext
from gatepost.desktop.i18n import set_language
from gatepost.desktop.pages.quarantine import QuarantinePage
from gatepost.desktop.pages.quarantine.columns import reason_text
from gatepost.model.errors import Unavailable
from gatepost.model.report import QuarantineOperation

from ..waiting import until

IMAGE = int(QTextDocument.ResourceType.ImageResource.value)


@pytest.fixture
def page(office_context: AppContext, show: Callable[..., Any], on_loop: Callable[..., Any]) -> Iterator[QuarantinePage]:
    office_context.session.happened.connect(lambda event: made.on_event(event))
    made = QuarantinePage(office_context)
    show(made, 1200, 800)
    on_loop(made.enter())
    on_loop(until(lambda: made._shown, "the list is loaded"))
    yield made
    on_loop(made.leave())
    on_loop(made.close_page())


async def rows(page: QuarantinePage, **conditions: Any) -> tuple[spool_schema.QuarantineRow, ...]:
    request = spool_schema.QuarantineListRequest(filter=spool_schema.QuarantineFilter(**conditions))
    return await page.context.session.client.quarantine_list(request)


async def dialog(page: QuarantinePage) -> Dialog:
    found: Dialog = await until(
        lambda: next((w for w in page.findChildren(Dialog) if w.isVisible()), None), "a question is asked"
    )
    return found


def press(asked: Dialog, text: str) -> None:
    {button.text().replace("&", ""): button for button in asked.findChildren(QPushButton)}[text].click()


async def opened(page: QuarantinePage, subject: str) -> spool_schema.QuarantineRow:
    (row,) = await rows(page, subject=subject)
    await until(lambda: page.model.row_at(page.model.position_of(row.id)), "the row is there")
    page.table.choose(row.id)
    page.table.opened.emit(row.id)
    await until(lambda: page.detail._entry, "the details are there")
    return row


def test_the_score_is_said_in_the_persons_language_and_the_sum_stays_as_it_was_written() -> None:
    spam = spool_schema.QuarantineRow.model_construct(
        kind="spam", level="high", score=41.25, reason="spam level high, score 41.3: SPF +8.0 (fail)"
    )
    assert reason_text(spam) == "Score 41.3: SPF +8.0 (fail)"
    set_language("de")
    assert reason_text(spam) == "41,3 Punkte: SPF +8.0 (fail)"
    virus = spool_schema.QuarantineRow.model_construct(kind="virus", level="", score=None, reason="Eicar-Test-Signature")
    assert reason_text(virus) == "Eicar-Test-Signature"


async def test_it_shows_what_is_held_back_and_sorts_by_score(page: QuarantinePage) -> None:
    assert len(page.model.ids) == 12
    page.table.order_wanted.emit("score", True)
    await until(lambda: page._shown and page._shown.order == "score", "sorted by score")
    await until(lambda: page.model.row_at(0), "the first row is there")

    assert page.model.row_at(0).score == 41.3


async def test_chips_choose_a_level_or_viruses(page: QuarantinePage) -> None:
    for level, expected in (("high", 3), ("virus", 3), ("", 12)):
        page.chips.chosen.emit(level)
        await until(lambda expected=expected: len(page.model.ids) == expected, f"{expected} of level {level!r}")


async def test_the_arithmetic_is_shown_as_a_sum(page: QuarantinePage) -> None:
    await opened(page, "number 10")
    told = [found.text() for found in page.detail._why.findChildren(QLabel)]

    for words in ("zen.blocklist.example", "+5", "+3.5", "failed", "41.3", "Mail server"):
        assert words in told, words


async def test_the_preview_loads_nothing_and_asks_before_a_link_is_followed(
    page: QuarantinePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: followed.append(url.toString()))
    await opened(page, "number 9")
    page.detail.tabs.setCurrentIndex(1)
    view = page.detail.preview
    await until(lambda: "Claim it" in view.browser.toPlainText(), "the text is shown")
    view._kinds.choose("html")
    view._kinds.chosen.emit("html")
    assert "could not be delivered" in view.browser.toPlainText()

    assert not view.browser.loadResource(IMAGE, QUrl("cid:logo@prize")).isNull()
    for outside in ("file:///etc/hostname", "https://evil.example/pixel.png", "cid:other", "/etc/hostname"):
        assert view.browser.loadResource(IMAGE, QUrl(outside)).isNull(), outside

    target = "https://evil.example/login?to=bank.example"
    view.browser.anchorClicked.emit(QUrl(target))
    asked = await dialog(page)
    assert any(target in found.text() for found in asked.findChildren(QLabel))
    press(asked, "Cancel")
    await until(lambda: not asked.isVisible(), "the question is gone")
    assert followed == []

    view.browser.anchorClicked.emit(QUrl(target))
    press(await dialog(page), "Open evil.example")
    await until(lambda: followed == [target], "it is opened")


async def test_attachments_are_named_and_not_opened(page: QuarantinePage) -> None:
    await opened(page, "number 8")
    page.detail.tabs.setCurrentIndex(1)

    await until(lambda: "invoice.pdf.exe" in page.detail.preview._attachments.text(), "the attachment is named")


async def test_one_message_is_released_at_once(page: QuarantinePage) -> None:
    (row,) = await rows(page, subject="number 5")
    page.table.choose(row.id)
    page.actions_by_kind[QuarantineOperation.RELEASE].trigger()

    await until(lambda: page.card.foot._count.text() == "1 message was released.", "it was done and said")
    await until(lambda: page.model.position_of(row.id) < 0, "it leaves the list")


async def test_several_are_deleted_after_the_count_was_said(page: QuarantinePage) -> None:
    page.search.setText("number 1")
    await until(lambda: page._shown and page._shown.text == "number 1" and page.model.ids, "some are shown")
    count = len(page.model.ids)
    page.table.selectAll()
    page.actions_by_kind[QuarantineOperation.DELETE].trigger()
    press(await dialog(page), f"Delete {count} messages")

    await until(lambda: page.card.empty.isVisible(), "none of them is left, and the page says so")


async def test_a_sender_is_allowed_when_its_mail_is_released(page: QuarantinePage) -> None:
    (row,) = await rows(page, subject="number 6")
    page.table.choose(row.id)
    page.actions_by_kind[QuarantineOperation.RELEASE_AND_ALLOW].trigger()

    await until(lambda: page.model.position_of(row.id) < 0, "it leaves the list")
    spam = (await page.context.session.client.section("spam")).value
    assert "winner6@prize.example" in str(spam)


async def test_what_could_not_be_loaded_is_loaded_when_it_is_opened_again(
    page: QuarantinePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await opened(page, "number 9")
    (other,) = await rows(page, subject="number 8")
    before = {found.text() for found in page.detail._why.findChildren(QLabel)}
    read = Client.quarantine_entry
    failing = [True]

    async def entry(client: Client, queue_id: str) -> spool_schema.QuarantineEntry:
        if failing.pop() if failing else False:
            raise Unavailable("The relay does not answer.")
        return await read(client, queue_id)

    monkeypatch.setattr(Client, "quarantine_entry", entry)
    page.table.choose(other.id)
    page.table.opened.emit(other.id)
    await until(lambda: not failing and page.detail.queue_id == "", "it failed and is forgotten")
    told = {found.text() for found in page.detail._why.findChildren(QLabel) if found.isVisibleTo(page.detail)}
    assert not told & before, "nothing of the message before is left"
    page.table.opened.emit(other.id)
    entry_shown = await until(lambda: page.detail._entry, "it is there")
    assert entry_shown.row.queue_id == other.queue_id != first.queue_id
