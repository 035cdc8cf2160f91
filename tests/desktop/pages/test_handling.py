"""What happens to mail, trays, faults and how long is kept: set in forms, arrived at a real relay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gatepost.desktop.cards import Tone
from gatepost.desktop.context import AppContext
from gatepost.desktop.pages.fault_words import fault_words
from gatepost.desktop.pages.gateways import GatewaysPage
from gatepost.desktop.pages.handling import mark_of
from gatepost.desktop.pages.settings import SettingsPage
from gatepost.desktop.pages.settings.listeners import _state
from gatepost.model.report import ListenerHealth, ListenerReport

from ...support.relay_process import RelayProcess
from ..waiting import closed, settled


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    with RelayProcess(tmp_path_factory.mktemp("handling") / "relay") as found:
        yield found


@pytest.fixture
def fresh_context(
    relay: RelayProcess, connect: Callable[[RelayProcess], AppContext], on_loop: Callable[..., Any]
) -> Iterator[AppContext]:
    """On a relay whose configuration is as it was at first; what a test changes is taken back."""
    made = connect(relay)
    before = on_loop(made.session.client.configuration()).value
    yield made
    on_loop(made.session.client.replace_configuration(before))


@pytest.fixture
def page(fresh_context: AppContext, show: Callable[..., Any]) -> SettingsPage:
    made = SettingsPage(fresh_context)
    show(made, 1120, 900)
    return made


async def edited(page: SettingsPage, key: str, **arguments: Any) -> Any:
    await page.show_section(key, **arguments)
    await settled()
    return page.section


def choose(field: Any, value: str) -> None:
    """As a person does."""
    field.set_value(value)
    field.chosen.emit()


async def test_a_listener_captures_once_that_is_chosen_and_saved(page: SettingsPage) -> None:
    client = page.context.session.client
    (listener,) = (await client.objects("listeners")).value
    section = await edited(page, "listeners", id=listener["id"])
    card = section.handling
    assert not card.address.isVisible()
    assert not card.mark.isVisible()

    choose(card._action, "capture")
    assert card.mark.isVisible(), "what is not delivered is said loudly"
    assert await section.save()
    assert (await client.object("listeners", listener["id"])).value["handling"] == {"action": "capture"}
    await closed(page)


async def test_redirecting_needs_an_address_and_says_so_at_its_field(page: SettingsPage) -> None:
    client = page.context.session.client
    (listener,) = (await client.objects("listeners")).value
    section = await edited(page, "listeners", id=listener["id"])
    card = section.handling
    choose(card._action, "redirect")
    assert card.address.isVisible()
    assert not card.address.error, "nothing is said before it was left"
    assert not await section.save()
    assert card.address.error == "This is needed."

    card._address.setText("devs@example.com")
    card._address.textEdited.emit("devs@example.com")
    assert await section.save()
    found = (await client.object("listeners", listener["id"])).value["handling"]
    assert found == {"action": "redirect", "address": "devs@example.com"}

    await section.edit(listener["id"])
    choose(card._action, "deliver")
    assert section.model.get("handling") == {"action": "deliver"}
    choose(card._action, "redirect")
    assert section.model.get("handling")["address"] == "devs@example.com", "what was typed is kept"
    section.revert()
    await closed(page)


async def test_an_outbound_gateway_has_the_card_and_an_inbound_one_has_not(
    fresh_context: AppContext, show: Callable[..., Any]
) -> None:
    page = GatewaysPage(fresh_context)
    show(page)
    await page.enter(new="domain-forward")
    assert not page.form.handling.isVisible()
    await page.leave()
    page.form.revert()
    await page.enter(new="round-robin")
    form = page.form
    assert form.handling.isVisible()
    form.draft.set("host", "smtp.example.com")
    choose(form.handling._action, "capture-and-deliver")
    assert not form.handling.mark.isVisible(), "this mail is delivered"
    form.options.verify_first.setChecked(False)
    assert await form.save()
    (gateway,) = (await fresh_context.session.client.objects("gateways")).value
    assert gateway["handling"] == {"action": "capture-and-deliver"}
    await closed(page)


@pytest.mark.parametrize(
    ("handling", "expected"),
    [
        ({"action": "deliver"}, None),
        (None, None),
        ({"action": "capture"}, ("Captures", Tone.WARNING)),
        ({"action": "redirect", "address": "a@example.com"}, ("Redirects", Tone.WARNING)),
        ({"action": "capture-and-deliver"}, ("Keeps copies", Tone.ACCENT)),
    ],
)
def test_rows_are_marked_where_mail_is_not_simply_delivered(handling: Any, expected: Any) -> None:
    assert mark_of({"handling": handling} if handling else {}) == expected


def test_trouble_of_a_listener_is_said_before_what_it_does_with_mail() -> None:
    one = {"enabled": True, "handling": {"action": "capture"}}
    well = ListenerReport("ls", "127.0.0.1", 2525, ListenerHealth.LISTENING)
    assert _state(one, well) == ("Captures", Tone.WARNING)
    broken = ListenerReport("ls", "127.0.0.1", 2525, ListenerHealth.FAILED)
    assert _state(one, broken)[0] == "Not listening"


async def test_trays_are_made_moved_and_deleted(page: SettingsPage, monkeypatch: pytest.MonkeyPatch) -> None:
    client = page.context.session.client
    section = await edited(page, "trays")
    for name in ("Shop", "Newsletter"):
        section.new()
        section.form.put("name", name)
        section.form.put("recipient", f"*@{name.lower()}.example")
        assert await section.save()
    shop, newsletter = (await client.objects("trays")).value
    assert (shop["name"], shop["recipient"], shop["listener"]) == ("Shop", "*@shop.example", None)
    assert section.line(shop).text == "to *@shop.example"

    await section._move(newsletter["id"], 0)
    assert [tray["name"] for tray in (await client.objects("trays")).value] == ["Newsletter", "Shop"]

    async def yes(*_arguments: Any, **_options: Any) -> bool:
        return True

    monkeypatch.setattr("gatepost.desktop.pages.settings.object_section.confirm", yes)
    await section.edit(shop["id"])
    await section._delete()
    assert [tray["name"] for tray in (await client.objects("trays")).value] == ["Newsletter"]
    await closed(page)


async def test_a_tray_of_a_listener_is_offered_the_listeners_by_name(page: SettingsPage) -> None:
    client = page.context.session.client
    (listener,) = (await client.objects("listeners")).value
    section = await edited(page, "trays")
    section.new()
    section.form.put("name", "Of the printer")
    choose(section.listener._field, listener["id"])
    assert await section.save()
    (tray,) = (await client.objects("trays")).value
    assert tray["listener"] == listener["id"]
    choices = [section.listener._field.itemText(n) for n in range(section.listener._field.count())]
    assert choices[0] == "Any listener"
    assert "127.0.0.1" in choices[1]
    await closed(page)


async def test_a_fault_keeps_what_was_typed_for_another_kind_of_fault(page: SettingsPage) -> None:
    client = page.context.session.client
    section = await edited(page, "faults")
    section.new()
    assert section.reply.isVisible()
    section._text.setText("Come back on Monday")
    section._text.textEdited.emit("Come back on Monday")
    choose(section._action, "delay")
    assert section.late.isVisible()
    assert not section.reply.isVisible()
    choose(section._action, "refuse")
    assert section.model.get("fault.text") == "Come back on Monday"
    assert await section.save()
    (rule,) = (await client.objects("faults")).value
    assert rule["fault"] == {"action": "refuse", "code": 451, "text": "Come back on Monday"}
    assert section.line(rule).word == "Switched on"
    assert section.line(rule).name == "At RCPT TO: refused with 451 Come back on Monday"
    await closed(page)


async def test_a_fault_is_asked_only_for_what_its_stage_knows(page: SettingsPage) -> None:
    section = await edited(page, "faults")
    section.new()
    assert section.to_row.isVisible()
    section.form.put("stage", "ehlo")
    assert not section.from_row.isVisible()
    assert not section.to_row.isVisible()
    section.form.put("stage", "mail")
    assert section.from_row.isVisible()
    section.form.put("recipient", "a@example.org")
    assert section.to_row.isVisible(), "what is typed is never hidden"
    assert not await section.save()
    assert section.to_row.error == "At this stage no recipient is known yet."
    section.revert()
    await closed(page)


async def test_a_chance_is_typed_in_percent(page: SettingsPage) -> None:
    client = page.context.session.client
    section = await edited(page, "faults")
    section.new()
    section.form.put("probability", 0.25)
    section.form.put("first", 3)
    section.form.put("enabled", False)
    section.form.refresh()
    assert not section.mark.isVisible()
    assert await section.save()
    (rule,) = (await client.objects("faults")).value
    assert (rule["probability"], rule["first"], rule["enabled"]) == (0.25, 3, False)
    assert section.line(rule).word == "Switched off"
    await closed(page)


async def test_how_long_mail_is_kept_is_saved(page: SettingsPage) -> None:
    section = await edited(page, "inbox")
    section.form.put("keep_days", 30)
    assert await section.save()
    assert (await page.context.session.client.section("inbox")).value["keep_days"] == 30
    section.form.put("keep_days", 0)
    assert not await section.save()
    section.revert()
    await closed(page)


def test_faults_are_told_in_words() -> None:
    delay = {"stage": "dot", "fault": {"action": "delay", "seconds": 2.5}}
    drop = {"stage": "connect", "fault": {"action": "drop"}}
    assert fault_words(delay) == "At the end of the message: answered 2.5 s late"
    assert fault_words(drop) == "When it connects: connection dropped"
