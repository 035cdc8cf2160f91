"""The Domains page: rows in the order in which they count, many at once, the preview of moved mail, saving and refusals."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from gatepost.control.client import Client
from gatepost.desktop.context import AppContext
from gatepost.desktop.i18n import set_language
from gatepost.desktop.pages.domains import DomainsPage
from gatepost.desktop.pages.domains.draft import Mark, already_there, shown_rows
from gatepost.desktop.pages.domains.editor import RuleDialog
from gatepost.desktop.pages.domains.table import Column, RuleModel, RuleTable
from gatepost.model.errors import InvalidInput, Issue

from ..waiting import closed, until

GATEWAY = {"id": "gw-1", "mode": "specific-domains", "host": "192.0.2.1", "description": "Newsletter", "encryption": "none",
           "domains": ["card.example.com"]}  # fmt: skip


def rule(identifier: str, domain: str, match: str = "sender", **fields: Any) -> dict[str, Any]:
    return {"id": identifier, "domain": domain, "match": match, "route": {"via": "round-robin"}, "enabled": True, **fields}


def test_rows_stand_in_the_order_in_which_they_count_and_say_what_is_new() -> None:
    draft = [
        rule("a", "*"), rule("b", "*.example.com"), rule("c", "*.deep.example.com"), rule("d", "example.com"),
        rule("e", "*.org", "recipient"), rule("f", "example.org", "recipient"),
    ]  # fmt: skip
    original = [*draft[:4], {**draft[4], "enabled": False}]
    found = shown_rows(draft, original, [GATEWAY | {"enabled": True}])
    assert [row.id for row in found] == ["f", "e", "gw-1/card.example.com", "d", "c", "b", "a"]
    marks = {row.id: row.mark for row in found}
    assert (marks["f"], marks["e"], marks["a"]) == (Mark.NEW, Mark.CHANGED, Mark.SAME)
    assert marks["gw-1/card.example.com"] is Mark.FIXED


def test_a_domain_that_is_there_already_is_found_also_among_the_new_ones() -> None:
    draft = [rule("a", "example.com"), rule("b", "example.org", "recipient")]
    found = already_there(draft, "sender", ["example.com", "example.org", "example.org"])
    assert [issue.field for issue in found] == ["domain.0", "domain.2"]
    assert already_there(draft, "sender", ["example.com"], ignore=["a"]) == []


async def opened(context: AppContext, show: Callable[..., Any]) -> DomainsPage:
    page = DomainsPage(context)
    show(page)
    await page.enter()
    return page


async def dialog_of(page: DomainsPage) -> RuleDialog:
    found: list[RuleDialog] = await until(lambda: page.findChildren(RuleDialog), "the dialog is open")
    return found[0]


async def test_many_domains_are_added_at_once_and_saved(connected_context: AppContext, show: Callable[..., Any]) -> None:
    await connected_context.session.client.add("gateways", GATEWAY)
    page = await opened(connected_context, show)
    assert [row.mark for row in page.rules.rows] == [Mark.FIXED]
    page.add.click()
    dialog = await dialog_of(page)
    assert dialog.domains is not None
    field: Any = dialog.domains.field
    field.set_values(("Example.com", "not a domain", "*.example.org"))
    dialog._finish()
    assert dialog.rules == []
    field.set_values(("Example.com", "*.example.org"))
    dialog._finish()
    await until(lambda: page.has_draft, "the draft has the new rows")
    assert {row["domain"] for row in page.draft} == {"example.com", "*.example.org"}
    assert page.bar.isVisibleTo(page)
    assert await page.save()
    assert not page.has_draft
    kept = await connected_context.session.client.objects("domains")
    assert {row["domain"] for row in kept.value} == {"example.com", "*.example.org"}
    await closed(page)


async def test_where_waiting_mail_would_go_is_shown_before_it_is_saved(
    connected_context: AppContext, show: Callable[..., Any]
) -> None:
    client = connected_context.session.client
    (listener,) = (await client.status()).relay.listeners
    await client.pause()

    def deliver() -> None:
        with smtplib.SMTP("127.0.0.1", listener.port) as smtp:
            smtp.sendmail("a@example.com", ["b@example.org"], "Subject: x\r\n\r\nx\r\n")

    await asyncio.to_thread(deliver)
    page = await opened(connected_context, show)
    page._put([rule("dom-1", "example.com", route={"via": "direct"})])
    await until(lambda: page.moves.isVisibleTo(page), "the preview is shown")
    assert "1 waiting message" in page.moves.accessibleName()
    assert "direct delivery" in page.moves.accessibleDescription()
    assert (await client.objects("domains")).value == []
    page._revert()
    assert not page.moves.isVisibleTo(page)
    await closed(page)


async def test_a_refused_save_says_why_and_chooses_the_row(connected_context: AppContext, show: Callable[..., Any]) -> None:
    page = await opened(connected_context, show)
    route = {"via": "gateway", "gateway": "gw-gone", "when_resting": "wait"}
    page._put([rule("dom-1", "example.com"), rule("dom-2", "example.org", route=route)])
    assert not await page.save()
    assert page.has_draft
    assert [row.id for row in page.table.chosen_rows] == ["dom-2"]
    assert page.rules.text(page.table.chosen_rows[0], Column.ROUTE) == "gw-gone"
    await closed(page)


async def test_rows_are_found_disabled_deleted_by_keyboard_and_a_draft_survives_others(
    connected_context: AppContext, show: Callable[..., Any]
) -> None:
    client = connected_context.session.client
    await client.patch_configuration({"domains": [rule("dom-1", "example.com"), rule("dom-2", "example.org")]})
    page = await opened(connected_context, show)
    page.search.setText("EXAMPLE.org")
    assert [row.id for row in page.rules.rows] == ["dom-2"]
    page.table.choose({"dom-2"})
    page.toggle.click()
    assert [row["enabled"] for row in page.draft] == [True, False]
    page.search.clear()
    page.table.choose({"dom-1"})
    QTest.keyClick(page.table, Qt.Key.Key_Delete)
    assert [row["id"] for row in page.draft] == ["dom-2"]
    await client.add("trusted-networks", {"network": "192.0.2.0/24"})
    await page.refresh()
    assert [row["id"] for row in page.draft] == ["dom-2"]
    assert await page.save(), "somebody else's change of something else is no conflict"
    await closed(page)


async def test_a_draft_that_the_relay_refuses_is_tried_once_not_for_ever(
    connected_context: AppContext, show: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await opened(connected_context, show)
    tried: list[Any] = []

    async def refuse(_client: Client, candidate: Any, **_options: Any) -> Any:
        tried.append(candidate)
        raise InvalidInput([Issue("domains.0.route.gateway", "there is no outbound gateway “gone”")])

    monkeypatch.setattr(Client, "patch_configuration", refuse)
    page._put([rule("dom-1", "example.com", route={"via": "gateway", "gateway": "gone", "when_resting": "wait"})])
    assert page._preview.isActive()
    page._preview.stop()
    await page._look_ahead()
    assert "gone" in page.bar._words.text()
    assert not page._preview.isActive()
    assert len(tried) == 1
    page._put([rule("dom-1", "example.org")])
    assert page._preview.isActive()
    page._revert()
    await closed(page)


async def test_the_keys_go_on_from_the_row_that_was_acted_on(connected_context: AppContext, show: Callable[..., Any]) -> None:
    client = connected_context.session.client
    await client.patch_configuration({"domains": [rule(f"dom-{n}", f"{n}.example.com") for n in range(5)]})
    page = await opened(connected_context, show)
    table = page.table
    table.setFocus()
    table.selectRow(2)
    page._toggle()
    assert table.currentIndex().row() == 2
    assert [row.rule["domain"] for row in table.chosen_rows] == ["2.example.com"]
    QTest.keyClick(table, Qt.Key.Key_Delete)
    assert len(page.draft) == 4
    assert table.currentIndex().row() == 2, "the one that came up in its place"
    await client.patch("gateways", (await client.add("gateways", GATEWAY)).object["id"], {"description": "Other"})
    await page.refresh()
    assert table.currentIndex().row() >= 2
    page._revert()
    await closed(page)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("width", [500, 660, 900])
def test_no_header_of_the_table_is_cut(language: str, width: int, show: Callable[..., Any]) -> None:
    set_language(language)
    table = RuleTable(RuleModel())
    show(table, width, 300)
    header = table.horizontalHeader()
    shown = [column for column in Column if not table.isColumnHidden(column)]
    assert all(table.columnWidth(column) >= header.sectionSizeHint(column) for column in shown)
    assert sum(table.columnWidth(column) for column in shown) <= table.viewport().width()
    table.close()
