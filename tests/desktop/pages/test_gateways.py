"""The Gateways page against a real relay and real next hops: verify, save, passwords, certificates, the list's actions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QPushButton

from gatepost.desktop.cards import SecretAction
from gatepost.desktop.context import AppContext
from gatepost.desktop.i18n import set_language
from gatepost.desktop.pages.gateways import GatewaysPage
from gatepost.desktop.pages.gateways.verify_dialog import VerifyDialog
from gatepost.desktop.theme import theme
from gatepost.model.errors import GatepostError
from gatepost.model.report import StageState

from ...support.certificates import issued
from ...support.ports import free_port
from ...support.smtp_peer import HANG, SmtpPeer
from ..waiting import until

PASSWORD = "correct horse battery staple"
USERS = {"relay@example.com": PASSWORD}
Show = Callable[..., Any]


@pytest.fixture
def page(connected_context: AppContext, show: Show, on_loop: Callable[..., Any]) -> Iterator[GatewaysPage]:
    theme().apply("light")
    made = GatewaysPage(connected_context)
    show(made, 1000, 760)
    yield made
    on_loop(made.close_page())


async def begin(page: GatewaysPage, port: int, **fields: Any) -> None:
    await page.enter(new="round-robin")
    draft = page.form.draft
    draft.set("host", "127.0.0.1")
    draft.type_port(port)
    for path, value in fields.items():
        draft.set(path.replace("__", "."), value)
    page.form.form.refresh()


def dialog() -> VerifyDialog | None:
    return next((w for w in QApplication.topLevelWidgets() if isinstance(w, VerifyDialog) and w.isVisible()), None)


def press(window: QDialog, text: str) -> None:
    button = next(b for b in window.findChildren(QPushButton) if b.isVisible() and b.text().replace("&", "") == text)
    button.click()


async def gateways(page: GatewaysPage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await page.context.session.client.objects("gateways")).value
    return found


async def test_a_gateway_with_starttls_and_a_password_is_verified_saved_and_its_password_is_in_the_vault(
    page: GatewaysPage,
) -> None:
    certificate = issued("localhost")
    with SmtpPeer(starttls=True, certificate=certificate, users=USERS) as peer:
        pinned = {"check": "fingerprint", "fingerprint": certificate.fingerprint}
        await begin(page, peer.port, certificate=pinned, auth__enabled=True, auth__username="relay@example.com")
        QTest.keyClicks(page.form.authentication.password.edit, PASSWORD)
        assert page.form.is_dirty
        assert await page.form.save()
        assert [attempt.accepted for attempt in peer.auths] == [True]
        assert all(attempt.tls for attempt in peer.auths)
    saved = (await gateways(page))[0]
    assert saved["port"] == peer.port
    assert PASSWORD not in str(saved)
    stored = await page.context.session.client.secrets()
    assert [report.name for report in stored] == [f"gateway/{saved['id']}/password"]
    assert not page.form.is_dirty
    assert page.form.authentication.password.is_stored
    assert page.form.authentication.password.change().action is SecretAction.KEEP
    assert page.form.authentication.password.edit.text() == ""


async def test_a_wrong_password_is_told_in_plain_words_and_may_be_saved_anyway(page: GatewaysPage) -> None:
    certificate = issued("localhost")
    with SmtpPeer(starttls=True, certificate=certificate, users=USERS) as peer:
        pinned = {"check": "fingerprint", "fingerprint": certificate.fingerprint}
        await begin(page, peer.port, certificate=pinned, auth__enabled=True, auth__username="relay@example.com")
        QTest.keyClicks(page.form.authentication.password.edit, "not-this-one")
        saving = asyncio.ensure_future(page.form.save())
        await until(lambda: (found := dialog()) is not None and found.stages.has_failed, "the sign-in failed")
        shown = dialog()
        assert shown is not None
        failed = [stage for stage in shown.stages.stages if stage.state is StageState.FAILED]
        assert [stage.stage for stage in failed] == ["auth"]
        assert failed[0].advice
        shown._copy.click()
        transcript = QGuiApplication.clipboard().text()
        assert "535" in transcript
        assert "not-this-one" not in transcript
        assert await gateways(page) == []
        press(shown, "Save anyway")
        assert await saving
    assert len(peer.auths) == 1, "a wrong password must count once"
    assert len(await gateways(page)) == 1


async def test_the_stored_password_is_not_tried_at_another_server_before_it_is_typed_again(page: GatewaysPage) -> None:
    with SmtpPeer(users=USERS) as peer:
        encryption = {"encryption": "none", "auth__allow_cleartext": True}
        await begin(page, peer.port, host="127.0.0.1", auth__enabled=True, auth__username="relay@example.com", **encryption)
        card = page.form.authentication
        QTest.keyClicks(card.password.edit, PASSWORD)
        assert await page.form.save()
        page.form.draft.set("host", "localhost")
        assert not await page.form.save()
        assert card.password_row.error == "Type the password again: the stored one is for 127.0.0.1."
        assert len(peer.auths) == 1
        set_language("de")
        page.form.form.refresh()
        assert card.password_row.error == "Geben Sie das Kennwort noch einmal ein: Das gespeicherte gilt für 127.0.0.1."
        card.password._replace.click()
        QTest.keyClicks(card.password.edit, PASSWORD)
        assert card.password_row.error == ""
        assert await page.form.save()
    assert [attempt.accepted for attempt in peer.auths] == [True, True]
    assert (await gateways(page))[0]["host"] == "localhost"


async def test_a_certificate_that_nobody_vouches_for_can_be_pinned_from_the_dialog(page: GatewaysPage) -> None:
    certificate = issued("localhost", self_signed=True)
    with SmtpPeer(starttls=True, certificate=certificate) as peer:
        await begin(page, peer.port)
        saving = asyncio.ensure_future(page.form.save())
        await until(lambda: (found := dialog()) is not None and found.certificate is not None, "the certificate was seen")
        shown = dialog()
        assert shown is not None
        await until(lambda: shown.stages.has_failed and shown._certificate.isVisible(), "it is offered")
        press(shown, "Accept only this certificate")
        assert await saving
    saved = (await gateways(page))[0]
    assert saved["certificate"] == {"check": "fingerprint", "fingerprint": certificate.fingerprint}


async def test_copied_is_said_for_a_while_and_not_of_the_next_try(page: GatewaysPage) -> None:
    with SmtpPeer() as peer:
        peer.on("connect", "554 no\r\n")
        await begin(page, peer.port, encryption="none")
        verifying = asyncio.ensure_future(page.form.verify())
        await until(lambda: (found := dialog()) is not None and found._again.isVisible(), "it failed")
        shown = dialog()
        assert shown is not None
        words = shown._copy.text()
        shown._copy.click()
        assert shown._copy.text() == "Copied"
        shown._copy.said.timeout.emit()
        assert shown._copy.text() == words
        shown._copy.click()
        shown._again.click()
        assert shown._copy.text() == words
        shown.reject()
        await verifying


async def test_who_closes_the_dialog_at_the_last_moment_saves_nothing(page: GatewaysPage) -> None:
    with SmtpPeer() as peer:
        await begin(page, peer.port, encryption="none")
        saving = asyncio.ensure_future(page.form.save())
        await until(
            lambda: (found := dialog()) is not None and found.summary._title.text() == "The connection works.", "it works"
        )
        shown = dialog()
        assert shown is not None
        shown.reject()
        assert not await saving
    assert await gateways(page) == []


async def test_closing_the_dialog_ends_the_probe_and_saves_nothing(page: GatewaysPage) -> None:
    with SmtpPeer() as peer:
        peer.on("connect", HANG)
        await begin(page, peer.port, encryption="none")
        saving = asyncio.ensure_future(page.form.save())
        await until(lambda: dialog() is not None and peer.open_connections == 1, "it is being probed")
        shown = dialog()
        assert shown is not None
        shown.reject()
        assert not await saving
    assert await gateways(page) == []
    assert page.form.draft.get("host") == "127.0.0.1", "what was typed is still there"


async def test_a_wrong_field_is_jumped_to_and_nothing_is_sent(page: GatewaysPage) -> None:
    await page.enter(new="round-robin")
    assert not await page.form.save()
    assert page.form.options.host.error == "This is needed."
    assert page.window().focusWidget() is page.form.options.host.field
    assert "Server Address" in page.form.bar._words.text()


async def test_the_clear_text_warning_must_be_ticked(page: GatewaysPage) -> None:
    await begin(page, free_port(), encryption="none", auth__enabled=True, auth__username="me")
    page.form.options.verify_first.setChecked(False)
    assert page.form.authentication.allow.isVisible()
    assert not await page.form.save()
    assert page.form.authentication.allow.error
    page.form.draft.set("auth.allow_cleartext", True)
    assert await page.form.save()


async def test_every_field_of_the_model_has_its_control(page: GatewaysPage) -> None:
    """What a card does not bind can only be changed by the command line."""
    from gatepost.model.gateway import BackupMxGateway, DomainForwardGateway, RoundRobinGateway, SpecificDomainsGateway

    bound = {path for one in page.form.form._bound for path in (one.path, *one.errors_at)}
    elsewhere = {"id"}  # given by the program
    for kind in (RoundRobinGateway, SpecificDomainsGateway, BackupMxGateway, DomainForwardGateway):
        paths = set(_paths(kind)) - elsewhere
        missing = {path for path in paths if path not in bound and path.rpartition(".")[0] not in bound}
        assert not missing, f"{kind.__name__}: {sorted(missing)}"


def _paths(model: Any, prefix: str = "") -> Iterator[str]:
    from pydantic import BaseModel

    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _paths(annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


async def _add(page: GatewaysPage, *names: str) -> list[str]:
    client = page.context.session.client
    ids = []
    for name in names:
        data = {"mode": "round-robin", "host": "smtp.example.com", "description": name, "encryption": "none"}
        ids.append((await client.add("gateways", data)).object["id"])
    await page.enter()
    return ids


async def test_the_list_follows_the_relay_and_acts_on_what_is_chosen(page: GatewaysPage) -> None:
    first, second, third = await _add(page, "One", "Two", "Three")
    table = page.list.table
    assert len(page.list.model.ids) == 3
    table.selectAll()
    assert len(table.chosen_rows) == 3
    page.list._buttons["disable"].click()
    await until(lambda: all(not row.gateway["enabled"] for row in page.list.table.chosen_rows), "they are disabled")
    assert [gateway["enabled"] for gateway in await gateways(page)] == [False] * 3
    table.choose(page.list.model.number_of(third))
    table.move_current(-1)
    await until(lambda: page._gateways[1]["id"] == third, "it moved up")
    assert [gateway["id"] for gateway in await gateways(page)] == [first, third, second]


async def test_the_list_is_searched_and_filtered_and_says_when_nothing_is_left(page: GatewaysPage) -> None:
    await _add(page, "Alpha", "Beta")
    page.list.search.setText("alp")
    assert [row.gateway["description"] for n in page.list.model.ids if (row := page.list.model.known(n))] == ["Alpha"]
    assert not page.list.table.can_move, "a place in a part of the list means nothing"
    page.list.search.setText("nothing like it")
    assert page.list.nothing.isVisible()
    page.list._show_all()
    assert page.list.table.isVisible()


def hold_back(page: GatewaysPage, monkeypatch: pytest.MonkeyPatch, call: str, identifier: str) -> asyncio.Event:
    """The relay's answer to this call about a gateway comes once the event is set."""
    client = page.context.session.client
    real, let_go = getattr(client, call), asyncio.Event()

    async def slow(collection: str, wanted: str, *arguments: Any, **options: Any) -> Any:
        found = await real(collection, wanted, *arguments, **options)
        if wanted == identifier:
            await let_go.wait()
        return found

    monkeypatch.setattr(client, call, slow)
    return let_go


async def test_of_two_gateways_that_are_opened_the_last_one_is_shown_and_keeps_what_is_typed(
    page: GatewaysPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await _add(page, "One", "Two")
    let_go = hold_back(page, monkeypatch, "object", first)
    opening = asyncio.ensure_future(page.open(first))
    await asyncio.sleep(0)
    await page.open(second)
    page.form.draft.set("description", "Typed")
    let_go.set()
    await opening
    assert page.form.gateway_id == second
    assert page.form.draft.get("description") == "Typed"


async def test_who_leaves_while_it_is_being_saved_is_not_asked_and_it_is_saved_once(
    page: GatewaysPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    (identifier,) = await _add(page, "One")
    await page.enter(gateway=identifier)
    page.form.options.verify_first.setChecked(False)
    page.form.draft.set("description", "Changed")
    let_go = hold_back(page, monkeypatch, "replace", identifier)

    async def ask(*_arguments: Any) -> str | None:
        raise AssertionError("there is nothing to ask")

    monkeypatch.setattr("gatepost.desktop.pages.gateways.page.ask_about_draft", ask)
    saving = asyncio.ensure_future(page.form.save())
    await asyncio.sleep(0)
    leaving = asyncio.ensure_future(page.leave())
    await asyncio.sleep(0)
    let_go.set()
    assert await saving
    assert await leaving
    assert (await gateways(page))[0]["description"] == "Changed"


async def test_a_form_without_a_draft_shows_what_somebody_else_saved(page: GatewaysPage) -> None:
    (identifier,) = await _add(page, "One")
    await page.enter(gateway=identifier)
    await page.context.session.client.patch("gateways", identifier, {"description": "Theirs"})
    await page.refresh()
    assert page.form.draft.get("description") == "Theirs"
    assert not page.has_draft
    page.form.draft.set("description", "Mine")
    await page.context.session.client.patch("gateways", identifier, {"description": "Theirs again"})
    await page.refresh()
    assert page.form.draft.get("description") == "Mine"


async def test_a_form_of_a_gateway_that_somebody_else_deleted_gives_way_to_the_list(page: GatewaysPage) -> None:
    (identifier,) = await _add(page, "One")
    await page.enter(gateway=identifier)
    await page.context.session.client.remove("gateways", identifier)
    await page.refresh()
    assert page.stack.currentWidget() is page.list


async def test_what_a_test_of_smartermail_found_is_not_told_of_another_gateway(
    page: GatewaysPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await _add(page, "One", "Two")
    await page.enter(gateway=first)
    client, answered = page.context.session.client, asyncio.Event()

    async def slow(*_arguments: Any) -> Any:
        await answered.wait()
        raise GatepostError("The server answers nothing.")

    monkeypatch.setattr(client, "test_smartermail", slow)
    testing = asyncio.ensure_future(page.form.test_smartermail())
    await asyncio.sleep(0)
    await page.enter(gateway=second)
    card = page.form.smartermail
    assert card.test.isEnabled()
    answered.set()
    await testing
    assert card.result.isHidden()


async def test_a_draft_is_asked_about_before_it_is_left(page: GatewaysPage, monkeypatch: pytest.MonkeyPatch) -> None:
    (identifier,) = await _add(page, "One")
    await page.enter(gateway=identifier)
    assert await page.leave()
    page.form.draft.set("description", "Changed")
    assert page.has_draft
    answers = iter([None, "discard"])

    async def ask(*_arguments: Any) -> str | None:
        return next(answers)

    monkeypatch.setattr("gatepost.desktop.pages.gateways.page.ask_about_draft", ask)
    assert not await page.leave()
    assert page.form.draft.get("description") == "Changed"
    assert await page.leave()
    assert not page.has_draft
    assert (await gateways(page))[0]["description"] == "One"
