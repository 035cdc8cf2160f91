"""The Test inbox against a real relay whose listener captures: trays, list, one message taken apart, release, delete."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from gatepost.control.capture_schema import CapturedFilter, CapturedListRequest, CapturedRow
from gatepost.desktop.cards import Dialog
from gatepost.desktop.context import AppContext
from gatepost.desktop.pages.inbox import InboxPage
from gatepost.desktop.pages.inbox.actions import ReleaseDialog, wrong_recipients
from gatepost.desktop.pages.inbox.detail import CapturedDetail
from gatepost.desktop.pages.inbox.empty import Place, place_of, python, swaks

from ..captured import LISTENER, PROVIDER, SHOP, Developers, developers, letter, rich
from ..waiting import closed, settled, until

HTML = (
    "<p>Your <b>order</b> is on its way.</p><img src='cid:logo@shop'><img src='https://shop.example/pixel.png'>"
    "<a href='https://shop.example/track?order=7'>Follow it</a>"
)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Developers]:
    with developers(tmp_path_factory.mktemp("inbox") / "relay") as found:
        found.send(rich("Order 7", HTML))
        for number in range(6):
            found.send(letter("app@example.org", "tester@example.org", f"Plain {number}"))
        found.send(letter("app@example.org", "a@example.org", "Many"), ["a@example.org", "b@example.org", "c@example.org"])
        yield found


@pytest.fixture
def page(
    office: Developers, connect: Callable[[Any], AppContext], show: Callable[..., Any], on_loop: Callable[..., Any]
) -> Iterator[InboxPage]:
    context = connect(office.relay)
    made = InboxPage(context)
    context.session.happened.connect(lambda event: made.on_event(event))
    show(made, 1250, 820)
    on_loop(made.enter())
    on_loop(until(lambda: made._shown, "the list is loaded"))
    yield made
    on_loop(made.leave())
    on_loop(closed(made))


async def row_of(page: InboxPage, subject: str) -> CapturedRow:
    found = await page.context.session.client.captured_list(CapturedListRequest(filter=CapturedFilter(subject=subject)))
    return found[0]


async def chosen(page: InboxPage, subject: str) -> CapturedRow:
    row = await row_of(page, subject)
    await until(lambda: page.model.position_of(row.id) >= 0, "it is in the list")
    await until(lambda: page.model.row_at(page.model.position_of(row.id)), "the row is there")
    page.table.choose(row.id)
    return row


async def opened(page: InboxPage, subject: str) -> CapturedDetail:
    row = await chosen(page, subject)
    page.table.opened.emit(row.id)
    detail = page.detail
    assert isinstance(detail, CapturedDetail)
    await until(lambda: detail.message is not None and detail.message.row.id == row.id, "the details are there")
    return detail


def tabs(detail: CapturedDetail) -> list[str]:
    return [detail.tabs.tabText(n).replace("&", "") for n in range(detail.tabs.count()) if detail.tabs.isTabVisible(n)]


async def dialog(kind: type[Dialog] = Dialog) -> Any:
    def found() -> Dialog | None:
        return next((w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()), None)

    return await until(found, "a question is asked")


def press(asked: Dialog, text: str) -> None:
    {button.text().replace("&", ""): button for button in asked.findChildren(QPushButton)}[text].click()


def chip(page: InboxPage, key: str) -> str:
    assert page.trays._chips is not None
    return page.trays._chips._buttons[key].text()


# --- trays and list ---


async def test_trays_say_how_much_they_hold_and_choose_what_is_listed(page: InboxPage) -> None:
    assert chip(page, SHOP).startswith("Shop  1")
    assert chip(page, "inbox").startswith("Inbox  ")
    page.trays._chips._buttons[SHOP].click()  # type: ignore[union-attr]
    await until(lambda: page._shown is not None and page._shown.tray == SHOP and len(page.model.ids) == 1, "one tray is shown")
    row = await until(lambda: page.model.row_at(0), "its row is there")
    assert row.subject == "Order 7"
    page._show_all()
    await until(lambda: len(page.model.ids) > 1, "all are shown again")


async def test_mail_that_comes_while_one_looks_appears_and_the_selection_stays(page: InboxPage, office: Developers) -> None:
    row = await chosen(page, "Plain 3")
    before = len(page.model.ids)
    office.send(letter("app@example.org", "late@example.org", "Came later"))
    await until(lambda: len(page.model.ids) == before + 1, "it appears by itself")
    assert list(page.table.chosen) == [row.id]
    await until(lambda: page.model.row_at(0) and page.model.row_at(0).subject == "Came later", "on top")


async def test_a_tray_that_got_mail_unseen_is_marked_until_it_is_shown(page: InboxPage, office: Developers) -> None:
    page._ask(tray="inbox")
    page.trays.choose("inbox")
    await until(lambda: page._shown is not None and page._shown.tray == "inbox", "another tray is shown")
    office.send(letter("shop@example.org", "new@shop.example", "Unseen"))
    await until(lambda: chip(page, SHOP).endswith("· new"), "its chip says so")
    page.trays._chips._buttons[SHOP].click()  # type: ignore[union-attr]
    await until(lambda: not chip(page, SHOP).endswith("new"), "seen")


async def test_it_is_searched_in_text_and_names_of_attachments(page: InboxPage) -> None:
    page.search.setText("figures")
    await until(lambda: page._shown is not None and page._shown.text == "figures" and len(page.model.ids) == 1, "by attachment")
    page.search.setText("no such words")
    await until(lambda: page.card.empty.isVisible(), "nothing is found")
    assert "Nothing found" in page.nothing.text
    page.show_all.click()
    await until(lambda: len(page.model.ids) > 1, "the filter is taken back")


# --- one message ---


async def test_a_message_is_taken_apart_and_what_it_lacks_has_no_tab(page: InboxPage) -> None:
    detail = await opened(page, "Order 7")
    assert tabs(detail) == ["HTML", "Text", "Headers", "Source", "Parts", "Attachments"]
    assert "Your order is on its way." in detail.html.reader.browser.toPlainText()
    assert detail.text.toPlainText().startswith("Your order is on its way.")
    assert "Subject: Order 7" in detail.headers.toPlainText()
    detail.tabs.setCurrentWidget(detail.source)
    await until(
        lambda: "Content-Type: multipart/mixed" in detail.source.toPlainText(), "the source is loaded when it is looked at"
    )

    detail = await opened(page, "Plain 1")
    assert tabs(detail) == ["Text", "Headers", "Source"]
    assert detail.tabs.currentWidget() is detail.source, "the tab that was looked at stays"
    await until(lambda: "Subject: Plain 1" in detail.source.toPlainText(), "with the other message")


async def test_what_was_not_loaded_is_counted_and_pictures_of_the_message_are_shown(page: InboxPage) -> None:
    detail = await opened(page, "Order 7")
    assert detail.html.blocked.button.text() == "1 thing from elsewhere was not loaded"
    detail.html.blocked.open()
    assert "https://shop.example/pixel.png" in detail.html._named.text()
    await until(lambda: "logo@shop" in detail.html.reader.browser.pictures, "its own picture is there")


async def test_a_link_is_opened_only_after_its_target_was_shown(page: InboxPage, monkeypatch: pytest.MonkeyPatch) -> None:
    from PySide6.QtCore import QUrl
    from PySide6.QtGui import QDesktopServices

    followed: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: followed.append(url.toString()))
    detail = await opened(page, "Order 7")
    target = "https://shop.example/track?order=7"
    detail.html.reader.browser.anchorClicked.emit(QUrl(target))
    asked = await dialog()
    assert any(target in found.text() for found in asked.findChildren(QLabel))
    assert followed == []
    press(asked, "Open shop.example")
    await until(lambda: followed == [target], "it is opened")


async def test_attachments_are_saved_by_safe_names_and_overwrite_nothing(
    page: InboxPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detail = await opened(page, "Order 7")
    (tmp_path / "invoice.pdf").write_text("mine")
    proposed: list[str] = []

    async def folder(*_arguments: Any) -> Path:
        return tmp_path

    async def file(_parent: Any, _title: str, name: str) -> Path:
        proposed.append(name)
        return tmp_path / "one.csv"

    monkeypatch.setattr("gatepost.desktop.pages.inbox.detail.ask_folder", folder)
    monkeypatch.setattr("gatepost.desktop.pages.inbox.detail.ask_file", file)
    detail.tabs.setCurrentWidget(detail.attachments)
    detail.attachments.save_all.click()
    await until(lambda: (tmp_path / "figures.csv").exists(), "all are saved")
    assert (tmp_path / "invoice.pdf").read_text() == "mine"
    assert (tmp_path / "invoice (2).pdf").read_bytes() == b"%PDF-1.4 an invoice"
    detail.attachments.tree.setCurrentItem(detail.attachments.tree.topLevelItem(2))
    detail.attachments.save.click()
    await until(lambda: (tmp_path / "one.csv").exists(), "one is saved")
    assert proposed == ["figures.csv"]
    assert not (tmp_path.parent / ".bashrc").exists()


async def test_parts_are_shown_as_a_tree(page: InboxPage) -> None:
    detail = await opened(page, "Order 7")
    root = detail.parts.tree.topLevelItem(0)
    assert root is not None
    assert root.text(1) == "multipart/mixed"
    assert root.childCount() == 3
    assert len(detail.parts._parts) == 5


async def test_messages_are_saved_as_files(page: InboxPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = await chosen(page, "Plain 2")

    async def where(_parent: Any, names: list[str]) -> Path:
        assert names == [f"captured-{row.id}"]
        return tmp_path / "one.eml"

    monkeypatch.setattr("gatepost.desktop.pages.inbox.work.ask_where", where)
    page.save.trigger()
    await until(lambda: (tmp_path / "one.eml").exists(), "it is saved")
    assert b"Subject: Plain 2" in (tmp_path / "one.eml").read_bytes()


# --- release and delete ---


async def test_one_is_released_to_another_recipient_by_a_chosen_gateway(page: InboxPage, office: Developers) -> None:
    row = await chosen(page, "Plain 4")
    page.release.trigger()
    asked = await dialog(ReleaseDialog)
    asked.gateway.set_value(PROVIDER)
    asked.to.field.set_values(["no address"])
    press(asked, "Release 1 message")
    assert asked.to.error
    asked.to.field.set_values(["me@example.net"])
    press(asked, "Release 1 message")
    await until(lambda: any(m.recipients == ("me@example.net",) for m in office.provider.messages), "it was delivered")
    await until(lambda: (found := page.model.known(row.id)) and found.released_at is not None, "and the list says so")


async def test_several_are_released_after_the_count_was_said(page: InboxPage, office: Developers) -> None:
    before = len(office.provider.messages)
    first, second = await row_of(page, "Plain 0"), await chosen(page, "Many")
    page.table.choose(first.id)
    index = page.model.index(page.model.position_of(second.id), 0)
    model = page.table.selectionModel()
    model.select(index, model.SelectionFlag.Select | model.SelectionFlag.Rows)
    page.release.trigger()
    asked = await dialog(ReleaseDialog)
    assert not asked.to.isVisible()
    press(asked, "Release 2 messages")
    await until(lambda: len(office.provider.messages) == before + 2, "both were delivered")
    await until(lambda: page.card.foot._count.text() == "2 messages were released.", "and it was said")


async def test_mail_is_deleted_after_a_question(page: InboxPage) -> None:
    row = await chosen(page, "Plain 5")
    page.delete.trigger()
    press(await dialog(), "Cancel")
    assert (await row_of(page, "Plain 5")).id == row.id
    page.delete.trigger()
    press(await dialog(), "Delete 1 message")
    await until(lambda: page.model.position_of(row.id) < 0, "it is gone")


async def test_a_button_of_the_details_means_what_they_show(page: InboxPage) -> None:
    detail = await opened(page, "Plain 1")
    page.table.selectAll()
    detail.delete_wanted.emit()
    press(await dialog(), "Delete 1 message")
    await until(lambda: page.card.foot._count.text() == "1 message was deleted.", "only that one")


async def test_a_button_of_the_details_acts_also_when_the_list_does_not_hold_the_message(page: InboxPage) -> None:
    detail = await opened(page, "Plain 4")
    page.search.setText("nothing like it")
    await until(lambda: page._shown and page._shown.text and not page.model.ids, "the list is empty")
    detail.release_wanted.emit()
    asked = await until(lambda: next((w for w in page.findChildren(ReleaseDialog) if w.isVisible()), None), "it asks")
    asked.reject()
    await until(lambda: not asked.isVisible(), "the question is gone")
    page.search.setText("")
    await until(lambda: page._shown and not page._shown.text, "all are shown")


async def test_a_release_is_asked_about_once_however_often_the_keys_are_pressed(
    page: InboxPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await chosen(page, "Plain 4")
    page.release.trigger()
    await asyncio.sleep(0)
    page.release.trigger()
    await until(lambda: any(w.isVisible() for w in page.findChildren(ReleaseDialog)), "it asks")
    await until(lambda: not page.worker.is_busy, "the count is there")
    await settled()
    asked = [w for w in page.findChildren(ReleaseDialog) if w.isVisible()]
    assert len(asked) == 1
    for one in asked:
        one.reject()


async def test_what_is_typed_into_the_search_while_the_page_loads_stays(page: InboxPage) -> None:
    entering = asyncio.ensure_future(page.enter())
    await asyncio.sleep(0)
    page.search.setText("Plai")
    await entering
    assert page.search.text() == "Plai"
    page.search.setText("")
    await until(lambda: page._shown and not page._shown.text, "all are shown")


async def test_a_tray_is_cleared_and_the_others_stay(page: InboxPage, office: Developers) -> None:
    office.send(letter("app@example.org", "clear@shop.example", "To be cleared"))
    page._ask(tray=SHOP)
    page.trays.choose(SHOP)
    await until(lambda: page._shown is not None and page._shown.tray == SHOP and page.model.ids, "the tray is shown")
    page.clear.click()
    asked = await dialog()
    assert any("“Shop”" in found.text() for found in asked.findChildren(QLabel))
    count = len(page.model.ids)
    press(asked, f"Delete {count} message" + ("s" if count > 1 else ""))
    await until(lambda: not page.model.ids, "it is empty")
    assert any(report.count for report in await page.context.session.client.trays())


# --- what stands around ---


async def test_a_fault_that_is_on_is_loud(page: InboxPage) -> None:
    client = page.context.session.client
    assert "faults" not in page.__dict__, "nothing is said while none is on"
    rule = {"stage": "rcpt", "fault": {"action": "refuse", "code": 451, "text": "Later"}, "listener": LISTENER}
    made = await client.add("faults", rule)
    try:
        await until(lambda: "faults" in page.__dict__ and page.faults.isVisible(), "it is said")
        assert page.faults.accessibleName() == "1 fault happens to senders on purpose."
        assert "At RCPT TO: refused with 451 Later" in page.faults.accessibleDescription()
    finally:
        await client.remove("faults", made.object["id"])
    await until(lambda: not page.faults.isVisible(), "and over")


async def test_an_empty_inbox_says_where_to_send_to(page: InboxPage, office: Developers) -> None:
    page._tell_empty()
    assert f"127.0.0.1, port {office.port}" in page.nothing.text
    assert page.nothing.snippets.shell.text.startswith(f"swaks --server 127.0.0.1:{office.port} ")
    page.nothing.snippets.program.copy.click()
    text = QApplication.clipboard().text()
    exec(compile(text, "snippet", "exec"), {})
    await until(lambda: page.model.row_at(0) and page.model.row_at(0).subject == "Hello", "what is told works")


async def test_without_a_capture_it_leads_to_where_one_is_made(connected_context: AppContext, show: Callable[..., Any]) -> None:
    went: list[Any] = []
    connected_context.navigate = lambda page, **arguments: went.append((page, arguments))
    made = InboxPage(connected_context)
    show(made, 1000, 700)
    await made.enter()
    await until(lambda: made.card.empty.isVisible(), "it is empty")
    assert not made.nothing.snippets.isVisible()
    made.begin.click()
    assert went == [("settings", {"section": "listeners"})]
    await closed(made)


def test_snippets_suit_the_listener() -> None:
    assert place_of("0.0.0.0", 2525, "trusted") == Place("127.0.0.1", 2525)
    assert place_of("::", 587, "submission") == Place("::1", 587, signs_in=True)
    assert "[::1]:587" in swaks(Place("::1", 587))
    compile(python(Place("127.0.0.1", 2525)), "snippet", "exec")


@pytest.mark.parametrize(("typed", "is_wrong"), [((), True), (("a@example.org",), False), (("a@example.org", "b"), True)])
def test_recipients_of_a_release_are_looked_at(typed: tuple[str, ...], is_wrong: bool) -> None:
    assert bool(wrong_recipients(typed)) is is_wrong
