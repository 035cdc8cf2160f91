"""Signing in by OAuth 2.0 from the Authentication card: a real relay, a stand-in authority, and the test for a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from gatepost.desktop.cards import Dialog
from gatepost.desktop.context import AppContext
from gatepost.desktop.i18n import set_language
from gatepost.desktop.pages.gateways import GatewaysPage
from gatepost.desktop.pages.gateways.sign_in import SignInDialog
from gatepost.desktop.pages.gateways.verify_dialog import VerifyDialog
from gatepost.desktop.theme import theme

from ...support.background import in_background
from ...support.certificates import issued
from ...support.oauth_authority import StandInAuthority
from ...support.smtp_peer import SmtpPeer
from ..waiting import until

MAILBOX = "sender@example.com"
SECRET = "typed client secret"
Show = Callable[..., Any]


@pytest.fixture
def authority() -> Iterator[StandInAuthority]:
    with in_background(StandInAuthority(user=MAILBOX, secret=SECRET)) as found:
        yield found


@pytest.fixture
def peer(authority: StandInAuthority) -> Iterator[SmtpPeer]:
    with SmtpPeer(starttls=True, certificate=issued("localhost"), tokens=authority.problem, auth=("XOAUTH2",)) as found:
        yield found


@pytest.fixture
def page(connected_context: AppContext, show: Show, on_loop: Callable[..., Any]) -> Iterator[GatewaysPage]:
    theme().apply("light")
    made = GatewaysPage(connected_context)
    show(made, 1000, 760)
    yield made
    on_loop(made.close_page())


async def begin(page: GatewaysPage, authority: StandInAuthority, peer: SmtpPeer) -> None:
    await page.enter(new="round-robin")
    draft = page.form.draft
    draft.set("host", "127.0.0.1")
    draft.type_port(peer.port)
    draft.set("certificate", {"check": "fingerprint", "fingerprint": issued("localhost").fingerprint})
    for path, value in {"auth.enabled": True, "auth.method": "oauth", "auth.username": MAILBOX}.items():
        draft.set(path, value)
    for name, value in authority.settings.items():
        draft.set(f"auth.oauth.{name}", value)
    page.form.form.refresh()
    QTest.keyClicks(page.form.authentication.oauth.secret.edit, SECRET)


def browser(page: GatewaysPage, authority: StandInAuthority) -> list[asyncio.Future[str]]:
    """The system's browser, in which somebody agrees at once."""
    opened: list[asyncio.Future[str]] = []

    def open_url(url: str) -> bool:
        opened.append(asyncio.ensure_future(authority.sign_in(url)))
        return True

    page.form.open_url = open_url
    return opened


async def test_somebody_signs_in_before_the_gateway_is_saved_and_it_is_verified_with_that(
    page: GatewaysPage, authority: StandInAuthority, peer: SmtpPeer
) -> None:
    await begin(page, authority, peer)
    card = page.form.authentication
    assert card.oauth.isVisible()
    assert not card.password.isVisible()
    assert "Nobody has signed in" in card.oauth.state._title.text()
    opened = browser(page, authority)
    await page.form.sign_in()
    assert "You are signed in" in await opened[0]
    assert card.oauth.is_signed_in
    assert MAILBOX in card.oauth.state._title.text()
    assert "renewed by itself" in card.oauth.state._detail.text()
    assert await page.form.save()
    assert peer.auths[-1].accepted
    client = page.context.session.client
    saved = (await client.objects("gateways")).value[0]
    assert saved["auth"]["method"] == "oauth"
    names = {report.name for report in await client.secrets()}
    assert names == {f"gateway/{saved['id']}/client-secret", f"gateway/{saved['id']}/sign-in"}
    assert card.oauth.secret.is_stored

    for answer, is_signed_in in (("", True), ("yes", False)):
        signing_out = asyncio.ensure_future(page.form.sign_out())
        asked = await until(lambda: _shown(Dialog), "it asks")
        asked.answer(answer)
        await signing_out
        assert card.oauth.is_signed_in is is_signed_in
    assert "Nobody has signed in" in card.oauth.state._title.text()


async def test_whatever_the_browser_shows_of_gatepost_is_in_the_persons_language(
    page: GatewaysPage, authority: StandInAuthority, peer: SmtpPeer
) -> None:
    await begin(page, authority, peer)
    set_language("de")
    seen: list[asyncio.Future[list[str]]] = []

    async def visit(url: str) -> list[str]:
        back = parse_qs(urlsplit(url).query)["redirect_uri"][0]
        found = []
        async with aiohttp.ClientSession() as browser:
            for query in ("", "?code=c&state=another"):
                async with browser.get(f"{back}/{query}") as shown:
                    found.append(await shown.text())
        return [*found, await authority.sign_in(url)]

    def open_url(url: str) -> bool:
        seen.append(asyncio.ensure_future(visit(url)))
        return True

    page.form.open_url = open_url
    await page.form.sign_in()
    stray, other, signed_in = await seen[0]
    assert all('<html lang="de">' in text for text in (stray, other, signed_in))
    assert "nur für den Rückweg" in stray
    assert "nicht die Anmeldung" in other
    assert "angemeldet" in signed_in


async def test_who_declines_in_the_browser_is_told_so_and_can_try_again(
    page: GatewaysPage, authority: StandInAuthority, peer: SmtpPeer
) -> None:
    await begin(page, authority, peer)
    authority.declines = True
    browser(page, authority)
    signing = asyncio.ensure_future(page.form.sign_in())
    dialog = await until(lambda: _shown(SignInDialog), "the dialog")
    await until(dialog._again.isVisible, "it failed")
    assert "declined" in dialog.summary._title.text()
    authority.declines = False
    dialog._again.click()
    await signing
    assert page.form.authentication.oauth.is_signed_in


async def test_cancelling_ends_the_waiting(page: GatewaysPage, authority: StandInAuthority, peer: SmtpPeer) -> None:
    await begin(page, authority, peer)
    page.form.open_url = lambda url: False
    signing = asyncio.ensure_future(page.form.sign_in())
    dialog = await until(lambda: _shown(SignInDialog), "the dialog")
    await until(dialog._copy.isVisible, "it waits")
    assert "No browser" in dialog.summary._title.text()
    dialog.reject()
    await signing
    assert not page.form.authentication.oauth.is_signed_in


async def test_the_doctor_shows_every_step(page: GatewaysPage, authority: StandInAuthority, peer: SmtpPeer) -> None:
    await begin(page, authority, peer)
    examining = asyncio.ensure_future(page.form.examine())
    dialog = await until(lambda: _shown(VerifyDialog), "the doctor")
    await until(lambda: dialog.stages.has_failed, "nobody has signed in yet")
    assert "Nobody has signed in" in dialog.summary._title.text()
    dialog.reject()
    await examining
    browser(page, authority)
    await page.form.sign_in()
    examining = asyncio.ensure_future(page.form.examine())
    dialog = await until(lambda: _shown(VerifyDialog), "the doctor")
    await until(lambda: any(stage.stage == "envelope" for stage in dialog.stages.stages), "all steps")
    assert not dialog.stages.has_failed
    assert [stage.stage for stage in dialog.stages.stages][:3] == ["settings", "authority", "token"]
    dialog.reject()
    await examining


async def test_what_is_typed_for_the_other_method_is_neither_sent_nor_lost(
    page: GatewaysPage, authority: StandInAuthority, peer: SmtpPeer
) -> None:
    await begin(page, authority, peer)
    draft = page.form.draft
    draft.set("auth.oauth.token_url", "nonsense")
    draft.set("auth.method", "password")
    assert "nonsense" not in str(draft.candidate())
    assert draft.is_valid
    draft.set("auth.method", "oauth")
    assert draft.get("auth.oauth.token_url") == "nonsense"
    assert not draft.is_valid


def _shown(kind: Any) -> Any:
    return next((w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()), None)
