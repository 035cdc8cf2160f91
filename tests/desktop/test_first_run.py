"""The first steps against a real relay and a server with STARTTLS and sign-in: from nothing to a delivered message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton

from gatepost.desktop.cards import FieldRow
from gatepost.desktop.context import AppContext
from gatepost.desktop.pages.first_run import FirstRunPage
from gatepost.desktop.pages.first_run.capture import InboxStep
from gatepost.desktop.pages.first_run.presets import PRESETS, preset, settings_of
from gatepost.desktop.pages.first_run.purpose import RECEIVE, SEND
from gatepost.desktop.theme import theme
from gatepost.model.errors import InvalidInput, Issue
from gatepost.model.gateway import RoundRobinGateway

from ..support.background import in_background
from ..support.certificates import issued
from ..support.oauth_authority import StandInAuthority
from ..support.ports import free_port
from ..support.smtp_peer import HANG, SmtpPeer
from .waiting import until

PASSWORD = "a canary in the keyring"
USER = "me@example.com"


@pytest.fixture
def provider_server() -> Iterator[SmtpPeer]:
    peer = SmtpPeer(
        starttls=True, certificate=issued("127.0.0.1"), users={USER: PASSWORD}, auth=("PLAIN",), require_auth=True
    )  # fmt: skip
    with peer:
        yield peer


@pytest.fixture
def page(connected_context: AppContext, on_loop: Callable[..., Any]) -> Iterator[FirstRunPage]:
    theme().apply("light")
    found = FirstRunPage(connected_context)
    found.resize(980, 900)
    found.show()
    on_loop(found.enter())
    yield found
    on_loop(found.close_page())


def put(row: FieldRow, text: str) -> None:
    """Type into a row's field as a person does."""
    field = row.field if isinstance(row.field, QLineEdit) else row.field.focusProxy()
    assert isinstance(field, QLineEdit)
    field.setText(text)
    field.textEdited.emit(text)
    field.editingFinished.emit()


async def button(text: str) -> QPushButton:
    """Of the dialog that is open, once it offers it."""

    def found() -> QPushButton | None:
        dialog = QApplication.activeModalWidget()
        buttons = dialog.findChildren(QPushButton) if dialog is not None else []
        return next((one for one in buttons if one.text().replace("&", "") == text and one.isVisible()), None)

    offered = await until(found, f"a dialog offers {text!r}")
    assert isinstance(offered, QPushButton)
    return offered


def fill(page: FirstRunPage, port: int, password: str = PASSWORD) -> None:
    page.purpose.chosen.emit(SEND)
    step = page.provider
    put(step.host, "127.0.0.1")
    put(step.port, str(port))
    put(step.username, USER)
    put(step.password, password)


async def test_three_steps_lead_from_nothing_to_a_delivered_message(page: FirstRunPage, provider_server: SmtpPeer) -> None:
    step, client = page.provider, page.context.session.client
    fill(page, provider_server.port)
    step.go_on.click()
    trust = await button("Accept only this certificate")
    assert (await client.objects("gateways")).value == []
    trust.click()
    await until(page.message.isVisible, "it is checked and saved")
    (gateway,) = (await client.objects("gateways")).value
    assert gateway["auth"]["username"] == USER
    assert gateway["certificate"] == {"check": "fingerprint", "fingerprint": issued("127.0.0.1").fingerprint}
    assert PASSWORD not in str(await client.export())
    assert [report.name for report in await client.secrets()] == [f"gateway/{gateway['id']}/password"]
    assert not step.secret.edit.text()
    put(page.message.to_row, "you@example.net")
    page.message.send.click()
    await until(lambda: page.message.result.accessibleName() == "Delivered.", "the timeline says so")
    (message,) = provider_server.messages
    assert (message.recipients, message.user, message.tls) == (("you@example.net",), USER, True)
    went: list[str] = []
    page.context.navigate = lambda key, **_: went.append(key)
    page.message.finish.click()
    assert went == ["overview"]
    assert page.context.preferences.flag("first-run/done")


async def test_a_wrong_password_is_said_and_nothing_is_saved_unless_wanted(
    page: FirstRunPage, provider_server: SmtpPeer
) -> None:
    step, client = page.provider, page.context.session.client
    fill(page, provider_server.port, "wrong")
    step.model.set("certificate.check", "none")
    step.go_on.click()
    anyway = await button("Save anyway")
    assert (await client.objects("gateways")).value == []
    anyway.click()
    await until(page.message.isVisible, "it was saved all the same")
    assert len((await client.objects("gateways")).value) == 1


async def test_coming_back_changes_the_same_gateway(page: FirstRunPage, provider_server: SmtpPeer) -> None:
    step, client = page.provider, page.context.session.client
    fill(page, provider_server.port)
    step.model.set("certificate.check", "none")
    step.go_on.click()
    await until(page.message.isVisible, "saved")
    page.message.back_wanted.emit()
    assert step.isVisible()
    await until(step.go_on.isEnabled, "it can be pressed")
    step.model.set("description", "Our provider")
    step.go_on.click()
    await until(page.message.isVisible, "saved again, with the stored password")
    (gateway,) = (await client.objects("gateways")).value
    assert gateway["description"] == "Our provider"


async def test_a_stored_password_that_is_not_tried_at_another_server_is_asked_for_at_its_field(
    page: FirstRunPage, provider_server: SmtpPeer
) -> None:
    step = page.provider
    fill(page, provider_server.port)
    step.model.set("certificate.check", "none")
    step.go_on.click()
    await until(page.message.isVisible, "saved")
    page.message.back_wanted.emit()
    await until(step.go_on.isEnabled, "it can be pressed")
    put(step.host, "localhost")
    step.go_on.click()
    await until(lambda: step.password.error, "it is said")
    assert step.password.error == "Type the password again: the stored one is for 127.0.0.1."
    step.secret._replace.click()
    step.secret.edit.setText("x")
    step.secret.edit.textEdited.emit("x")
    assert step.password.error == ""


async def test_what_the_relay_refuses_for_no_field_of_the_step_is_said_above_it(page: FirstRunPage) -> None:
    notices: list[Any] = []
    page.context.messages.banner_raised.connect(notices.append)
    fill(page, 2525)

    async def refuse() -> None:
        raise InvalidInput([Issue("gateways.3.host", "is used twice")])

    page.spawn(page.provider._guarded(refuse), "refused")
    await until(lambda: notices, "the banner")


async def test_the_primary_servers_certificate_can_be_pinned_from_the_dialog(page: FirstRunPage) -> None:
    step = page.primary
    page.purpose.chosen.emit(RECEIVE)
    step.addresses.field.insert_many(0, ["127.0.0.1"])  # type: ignore[attr-defined]
    step.domains.field.insert_many(0, ["example.com"])  # type: ignore[attr-defined]
    put(step.listen, str(free_port()))
    certificate = issued("localhost", self_signed=True)
    with SmtpPeer(starttls=True, certificate=certificate) as primary:
        put(step.port, str(primary.port))
        step.model.set("encryption", "starttls-required")
        step.model.set("certificate", {"check": "system-trust", "fingerprint": None})
        step.go_on.click()
        (await button("Accept only this certificate")).click()
        await until(page.message.isVisible, "it is checked again and saved")
    (gateway,) = (await page.context.session.client.objects("gateways")).value
    assert gateway["certificate"] == {"check": "fingerprint", "fingerprint": certificate.fingerprint}


async def test_the_story_of_the_message_before_is_not_told_of_the_next_one(
    page: FirstRunPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = page.message
    client = page.context.session.client
    first = await client.send_test("a@example.com", "b@example.net")
    step._queue_id = first
    real = type(client).timeline

    async def slow(found: Any, queue_id: str) -> Any:
        story = await real(found, queue_id)
        step._queue_id = "another"
        return story

    monkeypatch.setattr(type(client), "timeline", slow)
    await step._look()
    assert step._state == ""


async def test_a_check_can_be_cancelled(page: FirstRunPage) -> None:
    step = page.provider
    with SmtpPeer() as silent:
        silent.on("connect", HANG)
        fill(page, silent.port)
        step.go_on.click()
        (await button("Cancel")).click()
        await until(step.go_on.isEnabled, "the person may go on")
    assert not page.message.isVisible()


async def test_a_step_is_made_when_one_comes_to_it(page: FirstRunPage) -> None:
    page._show(page.purpose, 0)
    assert not {"provider", "primary", "message"} & set(vars(page))
    page.purpose.chosen.emit(RECEIVE)
    assert page.primary.isVisible()
    assert "provider" not in vars(page)


async def test_what_is_missing_is_said_at_its_field(page: FirstRunPage) -> None:
    step = page.provider
    page.purpose.chosen.emit(SEND)
    step.go_on.click()
    await until(lambda: step.host.error, "the address is missing")
    assert step.username.error or step.auth.error
    assert step.password.error
    assert QApplication.activeModalWidget() is None


async def test_standing_in_front_of_a_mail_server_opens_a_door_for_its_domains(page: FirstRunPage) -> None:
    step, client, port = page.primary, page.context.session.client, free_port()
    with SmtpPeer() as primary:
        page.purpose.chosen.emit(RECEIVE)
        step.addresses.field.insert_many(0, ["127.0.0.1"])  # type: ignore[attr-defined]
        step.domains.field.insert_many(0, ["example.com"])  # type: ignore[attr-defined]
        put(step.port, str(primary.port))
        put(step.listen, str(port))
        step.go_on.click()
        await until(page.message.isVisible, "it is checked and saved")
    (gateway,) = (await client.objects("gateways")).value
    assert (gateway["mode"], gateway["addresses"], gateway["domains"]) == ("domain-forward", ["127.0.0.1"], ["example.com"])
    reports = (await client.status()).relay.listeners
    assert any(report.port == port and report.state == "listening" for report in reports)


async def test_a_port_that_cannot_be_opened_is_said(page: FirstRunPage) -> None:
    notices: list[Any] = []
    page.context.messages.banner_raised.connect(notices.append)
    step = page.primary
    with SmtpPeer() as taken:
        page.purpose.chosen.emit(RECEIVE)
        step.addresses.field.insert_many(0, ["127.0.0.1"])  # type: ignore[attr-defined]
        step.domains.field.insert_many(0, ["example.com"])  # type: ignore[attr-defined]
        put(step.port, str(taken.port))
        put(step.listen, str(taken.port))
        step.go_on.click()
        await until(lambda: notices, "the banner")
    assert notices[0].title == "The port cannot be opened."
    assert not page.message.isVisible()


@pytest.mark.parametrize("key", [one.key for one in PRESETS])
def test_every_preset_makes_a_gateway_that_the_model_accepts(key: str) -> None:
    one = preset(key)
    for region in [r.key for r in one.regions] or [""]:
        settings = settings_of(one, region)
        username = settings.get("auth.username", "somebody")
        gateway = RoundRobinGateway(
            host=settings.get("host", "smtp.example.com"),
            port=settings["port"],
            encryption=settings["encryption"],
            auth={"enabled": settings["auth.enabled"], "username": username},
        )
        assert gateway.encryption.value == "starttls-required"


@pytest.mark.parametrize("key", ["microsoft", "google"])
def test_presets_of_providers_that_want_oauth_propose_it_and_say_what_to_register(key: str) -> None:
    one = preset(key)
    assert settings_of(one)["auth.method"] == "oauth"
    assert one.note is not None
    assert "sign in" in one.note()


async def test_a_preset_with_oauth_opens_the_browser_and_saves_what_came_of_it(page: FirstRunPage) -> None:
    step, client = page.provider, page.context.session.client
    page.purpose.chosen.emit(SEND)
    step.provider.set_value("microsoft")
    step._choose_provider()
    assert step.oauth.isVisible()
    assert not step.password.isVisible()
    with in_background(StandInAuthority(user=USER)) as authority:
        peer = SmtpPeer(starttls=True, certificate=issued("127.0.0.1"), tokens=authority.problem, auth=("XOAUTH2",))
        with peer:
            opened: list[asyncio.Future[str]] = []

            def open_url(url: str) -> bool:
                opened.append(asyncio.ensure_future(authority.sign_in(url)))
                return True

            step.open_url = open_url
            put(step.host, "127.0.0.1")
            put(step.port, str(peer.port))
            put(step.username, USER)
            for name, value in authority.settings.items():
                step.model.set(f"auth.oauth.{name}", value)
            step.model.set("certificate.check", "none")
            step.form.refresh()
            step.go_on.click()
            await until(page.message.isVisible, "somebody signed in, it is checked and saved")
            assert [(one.mechanism, one.accepted) for one in peer.auths] == [("XOAUTH2", True)]
    (gateway,) = (await client.objects("gateways")).value
    assert gateway["auth"]["method"] == "oauth"
    assert [report.name for report in await client.secrets()] == [f"gateway/{gateway['id']}/sign-in"]


async def test_a_port_that_was_chosen_is_not_replaced_by_a_proposal(connected_context: AppContext) -> None:
    step = InboxStep(connected_context, lambda work, _name: work.close())
    step.port.set_value(2599)
    step._typed()
    await step.begin()
    assert step.port.value() == 2599


async def test_nobody_looks_after_a_test_message_that_nobody_sees(page: FirstRunPage) -> None:
    step = page.message
    step._queue_id, step._state = "q-1", ""
    step.show()
    step.hide()
    assert not step._clock.isActive()
