"""The Spool page against a real relay with mail in every state."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QPushButton

from gatepost.control import spool_schema
from gatepost.control.client import Client
from gatepost.control.tracking_schema import ExplainRequest
from gatepost.desktop.cards import Dialog
from gatepost.desktop.context import AppContext
from gatepost.desktop.pages.lists.saving import save
from gatepost.desktop.pages.spool import SpoolPage
from gatepost.model.report import Explanation, SpoolOperation

from ..mail import DEAD
from ..waiting import settled, until


@pytest.fixture
def page(office_context: AppContext, show: Callable[..., Any], on_loop: Callable[..., Any]) -> Iterator[SpoolPage]:
    context = office_context
    context.session.happened.connect(lambda event: made.on_event(event))
    made = SpoolPage(context)
    show(made, 1200, 800)
    on_loop(made.enter())
    on_loop(until(lambda: made._shown, "the list is loaded"))
    yield made
    on_loop(made.leave())
    on_loop(made.close_page())


def client(page: SpoolPage) -> Any:
    return page.context.session.client


async def rows(page: SpoolPage, **conditions: Any) -> tuple[spool_schema.SpoolRow, ...]:
    found: tuple[spool_schema.SpoolRow, ...] = await client(page).spool_list(
        spool_schema.ListRequest(filter=spool_schema.Filter(**conditions))
    )
    return found


async def dialog(page: SpoolPage) -> Dialog:
    def shown() -> Dialog | None:
        return next((w for w in page.findChildren(Dialog) if w.isVisible()), None)

    found: Dialog = await until(shown, "a question is asked")
    return found


def press(asked: Dialog, text: str) -> None:
    buttons = {button.text().replace("&", ""): button for button in asked.findChildren(QPushButton)}
    buttons[text].click()


async def test_it_shows_what_the_relay_holds_newest_first(page: SpoolPage) -> None:
    held = await client(page).spool_ids(spool_schema.IdsRequest(descending=True))

    assert page.model.ids == held
    await until(lambda: page.model.row_at(0), "the first row is there")
    assert page.model.row_at(0).subject.startswith("Übersicht")


async def test_it_says_in_words_what_a_delivery_waits_for(page: SpoolPage) -> None:
    await until(lambda: all(page.model.row_at(n) for n in range(len(page.model.ids))), "all rows are there")
    await client(page).operate_on(SpoolOperation.HOLD, spool_schema.Filter(subject="page 1020"), reason="asked by the office")
    shown = {row.lane: page.words.waiting_for(row) for row in await rows(page)}
    (held,) = await rows(page, subject="page 1020")

    assert shown["gateway:gw-branch"] == "Time: the next attempt"
    assert "Old server" in shown[f"gateway:{DEAD}"] or shown[f"gateway:{DEAD}"] == "Time: the next attempt"
    assert page.words.waiting_for(held) == "Release: asked by the office"


async def test_a_page_that_is_entered_with_a_filter_says_when_nothing_matches(page: SpoolPage) -> None:
    await page.enter(text="no such message")

    await until(page.card.empty.isVisible, "it says so")


async def test_search_and_chips_narrow_the_list_and_an_empty_one_says_what_to_do(page: SpoolPage) -> None:
    everything = len(page.model.ids)
    page.search.setText("invoice")
    await until(lambda: 0 < len(page.model.ids) < everything, "only invoices are shown")

    page.search.setText("no such thing anywhere")
    await until(lambda: not page.model.ids and page.card.empty.isVisible(), "the list is empty and says so")

    page._show_all()
    await until(lambda: len(page.model.ids) == everything, "everything is shown again")
    assert page.search.text() == ""


async def test_one_delivery_is_acted_on_at_once(page: SpoolPage) -> None:
    (row,) = await rows(page, subject="Invoice 1007")
    page.table.choose(row.id)
    page.actions_by_kind[SpoolOperation.HOLD].trigger()

    await until(
        lambda: not page.worker.is_busy and page.card.foot._count.text() == "1 delivery is on hold.", "it was done and said"
    )
    assert (await rows(page, subject="Invoice 1007"))[0].state == "held"


async def test_the_count_is_said_before_several_are_deleted(page: SpoolPage) -> None:
    page.search.setText("Minutes")
    await until(lambda: page._shown and page._shown.text == "Minutes" and page.model.ids, "only minutes are shown")
    minutes = len(page.model.ids)
    page.table.selectAll()
    page.actions_by_kind[SpoolOperation.DELETE].trigger()
    asked = await dialog(page)
    press(asked, "Cancel")
    await until(lambda: not asked.isVisible(), "the question is gone")
    assert len(await rows(page, subject="Minutes")) == minutes

    page.actions_by_kind[SpoolOperation.DELETE].trigger()
    press(await dialog(page), f"Delete {minutes} deliveries")

    await until(lambda: not page.model.ids, "the rows leave the list by themselves")
    assert not await rows(page, subject="Minutes")


async def test_mail_is_sent_by_another_gateway(page: SpoolPage) -> None:
    (row,) = await rows(page, subject="page 1002")
    page.table.choose(row.id)
    page.actions_by_kind[SpoolOperation.REROUTE].trigger()
    asked = await dialog(page)
    press(asked, "Send")

    await until(lambda: page.model.position_of(row.id) < 0, "it was delivered by the other gateway and left the list")


async def test_details_are_made_when_the_first_row_is_opened(page: SpoolPage) -> None:
    await until(lambda: page.model.row_at(0), "the first row is there")
    page.table.choose(page.model.ids[0])
    assert not page.splitter.is_made
    page.table.opened.emit(page.model.ids[0])
    assert page.splitter.is_open


async def test_details_show_recipients_headers_and_route(page: SpoolPage) -> None:
    (row,) = await rows(page, subject="Invoice 1013")
    await until(lambda: page.model.row_at(page.model.position_of(row.id)), "the row is there")
    page.table.choose(row.id)
    page.table.opened.emit(row.id)
    tree = page.detail._recipients
    await until(lambda: tree.topLevelItemCount(), "recipients are shown")
    assert tree.topLevelItem(0).child(0).text(0) == "anna.becker@branch.example"

    page.detail.tabs.setCurrentIndex(2)
    await until(lambda: "Subject: Invoice 1013" in page.detail._header.toPlainText(), "headers are shown")
    assert "a line of some length" in page.detail._raw.toPlainText()
    page.detail.tabs.setCurrentIndex(4)
    await until(lambda: page.detail._route._column.count(), "the route is explained")
    page.detail.tabs.setCurrentIndex(1)
    await until(lambda: page.detail._timeline._shown, "the story is told")


async def test_details_stay_with_their_message_when_it_leaves_the_list(page: SpoolPage) -> None:
    await until(lambda: page.model.row_at(3), "rows are there")
    number = page.model.ids[3]
    page.table.choose(number)
    page.table.opened.emit(number)
    shown = page.detail.queue_id
    page.model._become(array("q", (one for one in page.model.ids if one != number)))
    await settled()
    assert page.detail.queue_id == shown, "somebody reads it"
    QTest.keyClick(page.table, Qt.Key.Key_Down)
    assert page.detail.queue_id != shown, "the keys go on"


async def test_details_follow_the_keys_to_a_row_that_is_not_there_yet(page: SpoolPage) -> None:
    await until(lambda: page.model.row_at(0), "rows are there")
    page.table.choose(page.model.ids[0])
    page.table.opened.emit(page.model.ids[0])
    last = page.model.ids[-1]
    page.model._cache.clear()
    page.table.setFocus()
    QTest.keyClick(page.table, Qt.Key.Key_End)
    assert page.table.current == last
    row = await until(lambda: page.model.row_at(len(page.model.ids) - 1), "the row is there")
    await until(lambda: page.detail.queue_id == row.queue_id, "its details are shown")


async def test_enter_opens_a_row_that_is_not_there_yet(page: SpoolPage) -> None:
    await until(lambda: page.model.row_at(0), "rows are there")
    page.table.choose(page.model.ids[0])
    page.model._cache.clear()
    page.table.setFocus()
    QTest.keyClick(page.table, Qt.Key.Key_Return)
    await until(lambda: page.splitter.is_open and page.detail.queue_id, "its details are shown")


async def test_a_route_that_is_explained_late_is_not_shown_under_another_recipient(
    page: SpoolPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(lambda: page.model.row_at(0), "rows are there")
    page.table.choose(page.model.ids[0])
    page.table.opened.emit(page.model.ids[0])
    await until(lambda: page.detail._message, "it is there")
    route = page.detail._route
    route.set_recipients(["first@branch.example", "second@branch.example"])
    real, asked = Client.explain, list[str]()

    async def slow(found: Client, request: ExplainRequest) -> Explanation:
        asked.append(request.recipient)
        answer = await real(found, request)
        if len(asked) == 1:
            route._choice.setCurrentIndex(1)
        return answer

    monkeypatch.setattr(Client, "explain", slow)
    await page.detail._load_route()
    assert not route._column.count()
    await page.detail._load_route()
    assert asked == ["first@branch.example", "second@branch.example"]
    assert route._column.count()
    route.set_recipients(["new@branch.example", "second@branch.example"])
    assert route.recipient == "second@branch.example", "the one that was chosen"


async def test_an_action_means_the_rows_that_are_shown_not_a_filter_whose_rows_are_on_their_way(
    page: SpoolPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatepost.desktop.pages.lists.targets.BY_FILTER", 2)
    page.search.set_quietly("Invoice")
    page._ask(text="Invoice")
    await until(lambda: page._shown and page._shown.text == "Invoice" and len(page.model.ids) > 2, "invoices are shown")
    page.table.selectAll()
    assert page._target().ids is None
    assert page._target().filter.text == "Invoice"
    page._query = page._query.unfiltered()
    assert page._target().ids == page.model.ids
    page._query = replace(page._shown, where="subject")
    assert page._target().filter.subject == "Invoice"
    assert page._target().ids == page.model.ids, "what is searched matters"
    page.search.set_quietly("")
    page._query = page._shown
    page._ask(text="")
    await until(lambda: page._shown and not page._shown.text, "all are shown")
    page.table.selectAll()
    page._ask(where="subject")
    assert page._target().ids is None, "where nothing is searched for makes no difference"
    page._ask(where="")


async def test_a_message_is_saved_as_it_was_received(page: SpoolPage, tmp_path: Path) -> None:
    (row,) = await rows(page, subject="Invoice 1001")
    content = b"".join([chunk async for chunk in client(page).spool_content(row.queue_id)])
    page.table.choose(row.id)
    page.save_action.trigger()

    def shown() -> QFileDialog | None:
        return next((w for w in page.findChildren(QFileDialog) if w.isVisible()), None)

    asked: QFileDialog = await until(shown, "the file dialog is open")
    asked.setDirectory(str(tmp_path))
    asked.accept()

    proposed = tmp_path / f"{row.queue_id}.eml"
    await until(proposed.exists, "the file is there")
    assert proposed.read_bytes() == content
    await until(lambda: "1 message was saved" in page.card.foot._count.text(), "it is said")


async def test_saving_several_messages_overwrites_no_file(page: SpoolPage, tmp_path: Path) -> None:
    names = [row.queue_id for row in await rows(page)][:2]
    (tmp_path / f"{names[0]}.eml").write_text("mine")
    assert await save(client(page).spool_content, names, tmp_path, lambda done, total: None) == 2
    assert (tmp_path / f"{names[0]}.eml").read_text() == "mine"
    assert (tmp_path / f"{names[0]} (2).eml").is_file()


async def test_several_messages_go_into_a_folder_by_names_of_ours(page: SpoolPage, tmp_path: Path) -> None:
    names = [row.queue_id for row in await rows(page)][:3]
    saved = await save(client(page).spool_content, [*names, "ZZZZZZ"], tmp_path, lambda done, total: None)

    assert saved == 3
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".eml") == sorted(f"{n}.eml" for n in names)
    assert not list(tmp_path.glob("*.part"))


async def test_a_new_message_appears_without_losing_what_is_chosen(page: SpoolPage, filled_office: Any) -> None:
    chosen = page.model.ids[2]
    page.table.choose(chosen)
    before = len(page.model.ids)
    filled_office.send("new@example.org", "someone@branch.example", subject="Brand new")

    await until(lambda: len(page.model.ids) == before + 1, "the row is there by itself")
    assert list(page.table.chosen) == [chosen]


async def test_jumping_to_tracking_names_the_message(page: SpoolPage) -> None:
    asked: list[tuple[str, Any]] = []
    page.context.navigate = lambda key, **arguments: asked.append((key, arguments))
    await until(lambda: page.model.row_at(0), "the first row is there")
    page.table.opened.emit(page.model.ids[0])
    page.detail.tracking_wanted.emit(page.detail.queue_id)

    assert asked == [("tracking", {"queue_id": page.model.row_at(0).queue_id})]
