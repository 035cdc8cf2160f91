"""Explain route: what a real relay would do with a message, in words, and what is wrong with the question."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel

from gatepost.desktop.context import AppContext
from gatepost.desktop.pages.explain import ExplainPage
from gatepost.model.errors import Unavailable

from ..waiting import settled


def texts(page: ExplainPage) -> str:
    return "\n".join(found.text() for found in page.findChildren(QLabel) if found.isVisibleTo(page))


async def test_another_page_asks_and_the_decision_is_told(connected_context: AppContext, show: Callable[..., Any]) -> None:
    gateway = {"id": "gw-1", "mode": "round-robin", "host": "192.0.2.1", "description": "Main relay", "encryption": "none"}
    await connected_context.session.client.add("gateways", gateway)
    page = ExplainPage(connected_context)
    show(page)
    await page.enter(sender="info@example.com", recipient="bob@example.org", client="127.0.0.1")
    await settled()
    said = texts(page)
    assert "This message would be sent on." in said
    assert "127.0.0.1 may send this" in said
    assert "“Main relay” takes the next message." in said
    assert "not encrypted" in said


async def test_a_stranger_is_refused_and_a_message_without_a_way_waits(
    connected_context: AppContext, show: Callable[..., Any]
) -> None:
    page = ExplainPage(connected_context)
    show(page)
    await page.enter(sender="info@example.com", recipient="bob@[192.0.2.9]", client="203.0.113.7")
    await settled()
    assert "This message would be refused." in texts(page)
    page.fields["client"].clear()
    page.fields["recipient"].setText("bob@example.org")
    await page.explain()
    await settled()
    assert "This message would wait." in texts(page)


async def test_what_is_wrong_stands_under_its_field(connected_context: AppContext, show: Callable[..., Any]) -> None:
    page = ExplainPage(connected_context)
    show(page)
    await page.enter()
    await page.explain()
    assert page.rows["recipient"].error
    page.fields["recipient"].setText("bob@example.org")
    page.fields["client"].setText("nonsense")
    await page.explain()
    assert "“nonsense” is not an IP address" in page.rows["client"].error
    page.fields["client"].setText("127.0.0.1")
    page.fields["client"].textEdited.emit("127.0.0.1")
    assert not page.rows["client"].error


async def test_without_a_relay_the_page_keeps_what_was_typed(context: AppContext, show: Callable[..., Any]) -> None:
    page = ExplainPage(context)
    show(page)
    with pytest.raises(Unavailable):
        await page.enter(recipient="bob@example.org")
    assert page.fields["recipient"].text() == "bob@example.org"
    assert page.button.isEnabled()


async def test_an_answer_does_not_stand_below_another_question(connected_context: AppContext, show: Callable[..., Any]) -> None:
    page = ExplainPage(connected_context)
    show(page)
    await page.enter(sender="info@example.com", recipient="bob@example.org", client="127.0.0.1")
    await settled()
    assert "This message would" in texts(page)
    page.fields["client"].setText("nonsense")
    await page.explain()
    await settled()
    assert page.rows["client"].error
    assert "This message would" not in texts(page)
