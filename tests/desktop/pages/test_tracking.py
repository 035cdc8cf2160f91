"""The Tracking page against a real relay: search, older pages, the story with both sides of the dialogue."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel

from gatepost.desktop.context import AppContext
from gatepost.desktop.pages.lists.timeline import _Dialogue
from gatepost.desktop.pages.tracking import TrackingPage
from gatepost.desktop.pages.tracking import query as tracking_query
from gatepost.desktop.pages.tracking.query import TrackingQuery, TrackingSource

from ..waiting import until

ALL = 28
"""Of the morning's 24 messages four were refused by the next hop; their senders got reports."""


@pytest.fixture
def page(office_context: AppContext, show: Callable[..., Any], on_loop: Callable[..., Any]) -> Iterator[TrackingPage]:
    office_context.session.happened.connect(lambda event: made.on_event(event))
    made = TrackingPage(office_context)
    show(made, 1200, 800)
    on_loop(enter(made))
    yield made
    on_loop(made.leave())
    on_loop(made.close_page())


async def enter(page: TrackingPage, **arguments: Any) -> None:
    """As the window does, and wait for what was searched."""
    await page.enter(**arguments)
    await until(lambda: page._source and page._source.query == page._query and page._source._has_begun, "the search is over")
    await until(lambda: not any("search" in name for name in page.tasks.names), "the list is there")


def texts(page: TrackingPage) -> str:
    return "\n".join(
        found.text().replace("\u200b", "") for found in page.detail.findChildren(QLabel) if found.isVisibleTo(page.detail)
    )


def shown(page: TrackingPage) -> list[Any]:
    return [row for number in page.model.ids if (row := page.model.known(number)) is not None]


async def test_the_newest_messages_come_first(page: TrackingPage) -> None:
    assert len(page.model.ids) == ALL
    assert list(page.model.ids) == sorted(page.model.ids, reverse=True)
    assert len(shown(page)) == ALL, "rows that came with the page need not be fetched"


@pytest.mark.parametrize(
    ("text", "state", "expected"),
    [("invoice", "", 4), ("nobody@example.net", "", 4), ("No such user", "bounced", 4), ("", "delivered", 8), ("zzzz", "", 0)],
)
async def test_a_search_finds_what_matches(page: TrackingPage, text: str, state: str, expected: int) -> None:
    await enter(page, text=text, state=state)

    assert len(page.model.ids) == expected
    assert page.card.empty.isVisible() == (expected == 0)


async def test_typing_searches_and_show_all_undoes_it(page: TrackingPage) -> None:
    page.search.setText("Minutes of")
    await until(lambda: len(page.model.ids) == 4, "four messages match")
    page._show_all()
    await until(lambda: len(page.model.ids) == ALL, "all are there again")


async def test_the_story_of_a_delivered_message_has_both_sides(page: TrackingPage) -> None:
    await enter(page, state="delivered", text="Your order")
    message = shown(page)[0]
    page.table.opened.emit(message.id)
    await until(lambda: page.detail.timeline._shown, "the story is told")

    for dialogue in page.detail.findChildren(_Dialogue):
        dialogue._button.setChecked(True)
    told = texts(page)
    assert "Delivered" in told
    assert "(Main provider): its turn in Round Robin" in told
    assert "The default in Settings → Delivery decides: Round Robin." in told
    assert f"RCPT TO:<{message.recipients[0].address}>" in told
    assert "354" in told
    page.detail._copy()
    assert "C: DATA" in QGuiApplication.clipboard().text()


async def test_a_refusal_by_the_next_hop_is_told_in_its_words(page: TrackingPage) -> None:
    await enter(page, state="bounced")
    page.table.opened.emit(page.model.ids[0])
    await until(lambda: page.detail.timeline._shown, "the story is told")

    assert "550 5.1.1 No such user here" in texts(page)
    assert "Sender notified" in texts(page) or "Could not be delivered" in texts(page)


async def test_a_message_is_opened_by_its_id(page: TrackingPage) -> None:
    message = shown(page)[5]
    await enter(page, queue_id=message.queue_id)

    await until(lambda: page.detail.timeline._shown, "the story is told")
    assert list(page.model.ids) == [message.id]
    assert page.search.text() == message.queue_id
    assert list(page.table.chosen) == [message.id]


async def test_what_waits_can_be_shown_in_the_spool(page: TrackingPage) -> None:
    asked: list[Any] = []
    page.context.navigate = lambda key, **arguments: asked.append((key, arguments))
    message = next(row for row in shown(page) if row.state == "deferred")
    page.table.opened.emit(message.id)
    await until(lambda: page.detail.timeline._shown, "the story is told")
    assert page.detail._to_spool.isVisible()
    page.detail._to_spool.click()

    assert asked == [("spool", {"text": message.queue_id})]


async def test_older_messages_are_read_page_by_page_and_again_when_they_were_forgotten(
    page: TrackingPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking_query, "PAGE", 5)
    kept: list[Any] = []
    source = TrackingSource(page.context.session, TrackingQuery(), kept.extend)
    numbers = await source.ids(500)
    while source.has_more:
        numbers.extend(message.id for message in await source.more())

    assert numbers == page.model.ids
    assert [message.id for message in kept] == list(numbers)
    again = await source.rows([numbers[3], numbers[12], numbers[20]])
    assert [message.id for message in again] == [numbers[3], numbers[12], numbers[20]]
    assert await source.ids(None) == array("q", numbers)


async def test_a_new_message_appears_by_itself(page: TrackingPage, filled_office: Any) -> None:
    filled_office.send("late@example.org", "someone@example.net", subject="The newest of all")

    await until(lambda: any(row.subject == "The newest of all" for row in shown(page)), "it is in the list")
    assert page.model.known(page.model.ids[0]).subject == "The newest of all"
