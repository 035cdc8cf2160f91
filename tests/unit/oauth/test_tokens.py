"""Tokens over their life: got once, renewed ahead of their end, kept when they are replaced, refused in words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gatepost.model.errors import Unavailable
from gatepost.model.oauth import OAuthSettings
from gatepost.model.secret import Secret
from gatepost.relay.administration import Administration
from gatepost.relay.oauth.authority import HttpAuthority
from gatepost.relay.oauth.faults import FaultKind, OAuthFault

from ...support.oauth_authority import StandInAuthority
from .rig import Rig


@pytest.fixture
async def authority() -> AsyncIterator[StandInAuthority]:
    async with StandInAuthority() as found:
        yield found


@pytest.fixture
async def rig(authority: StandInAuthority) -> AsyncIterator[Rig]:
    found = Rig(authority)
    yield found
    await found.tokens.close()


async def fault_of(rig: Rig) -> OAuthFault:
    with pytest.raises(OAuthFault) as caught:
        await rig.tokens.renew(rig.account)
    return caught.value


async def test_a_sign_in_gives_a_token_at_once_and_others_by_its_refresh_token(rig: Rig) -> None:
    await rig.sign_in()
    first = await rig.tokens.token(rig.account)
    assert rig.authority.problem(rig.authority.user, first.value.reveal()) == ""
    assert rig.renewals == 0
    rig.clock.now += 3600
    second = await rig.tokens.token(rig.account)
    assert second is not first
    assert rig.authority.problem(rig.authority.user, second.value.reveal()) == ""
    assert rig.renewals == 1


async def test_a_token_is_renewed_ahead_of_its_end_and_nobody_waits_for_that(rig: Rig) -> None:
    await rig.sign_in()
    first = await rig.tokens.token(rig.account)
    rig.clock.now += 3600 - 301
    assert await rig.tokens.token(rig.account) is first
    assert rig.renewals == 0
    rig.authority.wait = asyncio.Event()
    rig.clock.now += 2
    assert await rig.tokens.token(rig.account) is first, "it is still good, and the provider has not answered yet"
    rig.authority.wait.set()
    second = await rig.tokens.renew(rig.account)
    assert await rig.tokens.token(rig.account) is second
    assert rig.renewals == 1


async def test_short_lives_are_renewed_at_a_share_of_them(rig: Rig) -> None:
    rig.authority.life = 10
    await rig.sign_in()
    token = await rig.tokens.token(rig.account)
    assert (token.renew_at, token.usable_until, token.expires_at) == tuple(rig.clock.now + at for at in (8, 9.5, 10))


async def test_many_who_ask_at_once_make_one_question(rig: Rig) -> None:
    await rig.sign_in()
    rig.clock.now += 4000
    found = await asyncio.gather(*(rig.tokens.token(rig.account) for _ in range(50)))
    assert len(set(map(id, found))) == 1
    assert rig.renewals == 1


async def test_one_who_gives_up_waiting_does_not_end_the_question_for_the_others(rig: Rig) -> None:
    await rig.sign_in()
    rig.clock.now += 4000
    rig.authority.wait = asyncio.Event()
    asking = [asyncio.ensure_future(rig.tokens.token(rig.account)) for _ in range(2)]
    await asyncio.sleep(0)
    asking[0].cancel()
    rig.authority.wait.set()
    assert rig.authority.problem(rig.authority.user, (await asking[1]).value.reveal()) == ""


async def test_a_replaced_refresh_token_is_in_the_vault_before_its_token_is_used(rig: Rig) -> None:
    await rig.sign_in()
    for _ in range(3):
        rig.clock.now += 4000
        await rig.tokens.token(rig.account)
        kept = json.loads(rig.vault.values[rig.account.grant].reveal())["refresh_token"]
        assert list(rig.authority.renewals) == [kept]
    again = rig.other_tokens()
    await again.token(rig.account)
    await again.close()
    assert rig.renewals == 4


async def test_a_refresh_token_that_the_vault_did_not_take_is_not_lost(rig: Rig) -> None:
    await rig.sign_in()
    rig.clock.now += 4000
    rig.vault.locked = True
    for _ in range(2):
        with pytest.raises(Unavailable, match="keyring is locked"):
            await rig.tokens.token(rig.account)
    assert rig.renewals == 1, "the one that was handed out is saved before another is asked for"
    rig.vault.locked = False
    token = await rig.tokens.token(rig.account)
    assert rig.authority.problem(rig.authority.user, token.value.reveal()) == ""
    assert list(rig.authority.renewals) == [json.loads(rig.vault.values[rig.account.grant].reveal())["refresh_token"]]


async def test_a_refresh_token_that_stays_is_not_written_at_each_use_but_once_a_day(rig: Rig) -> None:
    rig.authority.rotates = False
    await rig.sign_in()
    for _ in range(50):
        rig.clock.now += 3600
        await rig.tokens.token(rig.account)
    assert len(rig.vault.writes) == 3


async def test_a_revoked_sign_in_is_told_as_what_to_do_and_a_new_one_mends_it(rig: Rig) -> None:
    await rig.sign_in()
    rig.authority.revoke_sign_in()
    rig.clock.now += 4000
    fault = await fault_of(rig)
    assert fault.kind is FaultKind.SIGN_IN
    assert "sign in again" in fault.title
    assert rig.tokens.standing(rig.account).fault is fault
    await rig.sign_in()
    assert rig.tokens.standing(rig.account).fault is None
    await rig.tokens.token(rig.account)


async def test_a_renewal_that_fails_ahead_of_the_end_stops_nothing_and_is_tried_again_later(rig: Rig) -> None:
    await rig.sign_in()
    rig.authority.refusal = (503, {"error": "temporarily_unavailable"})
    rig.clock.now += 3400
    token = await rig.tokens.token(rig.account)
    with pytest.raises(OAuthFault, match="cannot answer just now"):
        await rig.tokens.renew(rig.account)
    assert await rig.tokens.token(rig.account) is token
    assert rig.renewals == 1
    rig.clock.now += 31
    rig.authority.refusal = None
    assert await rig.tokens.token(rig.account) is token
    assert await rig.tokens.renew(rig.account) is not token


async def test_a_token_that_had_worked_and_is_refused_is_replaced_once(rig: Rig) -> None:
    await rig.sign_in()
    token = await rig.tokens.token(rig.account)
    rig.tokens.accepted(rig.account, token)
    assert rig.tokens.refused(rig.account, token)
    other = await rig.tokens.token(rig.account)
    assert other is not token
    assert rig.tokens.refused(rig.account, token), "somebody else has replaced it already"
    assert not rig.tokens.refused(rig.account, other), "a new one that never worked: another would not either"


async def test_a_clock_that_was_set_back_does_not_keep_an_old_token(rig: Rig) -> None:
    await rig.sign_in()
    token = await rig.tokens.token(rig.account)
    rig.clock.now -= 86_400
    assert await rig.tokens.token(rig.account) is not token


async def test_a_sign_in_is_used_only_for_what_it_was_made_for(rig: Rig) -> None:
    await rig.sign_in()
    settings = rig.account.settings
    elsewhere = OAuthSettings.model_validate(settings.model_dump() | {"token_url": f"{rig.authority.url}/other"})
    for other in (
        replace(rig.account, settings=elsewhere),
        replace(rig.account, username="boss@example.com"),
        replace(rig.account, settings=settings.model_copy(update={"client_id": "another"})),
    ):
        asked = len(rig.authority.asked)
        with pytest.raises(OAuthFault, match="another client, provider or mailbox"):
            await rig.tokens.token(other)
        assert len(rig.authority.asked) == asked


async def test_signing_out_forgets_everything(rig: Rig) -> None:
    await rig.sign_in()
    await rig.tokens.sign_out(rig.account)
    assert not rig.vault.values
    with pytest.raises(OAuthFault, match="Nobody has signed in"):
        await rig.tokens.token(rig.account)


async def test_an_answer_without_a_refresh_token_is_no_sign_in(rig: Rig) -> None:
    rig.authority.answer = lambda: web.json_response({"access_token": "a", "token_type": "bearer"})
    with pytest.raises(OAuthFault, match="no refresh token"):
        await rig.sign_in()
    assert not rig.vault.values


# --- applications ---


async def test_an_application_gets_tokens_by_its_secret(authority: StandInAuthority) -> None:
    authority.secret = "app secret value"
    rig = Rig(authority, flow="application")
    with pytest.raises(OAuthFault, match="no stored client secret"):
        await rig.tokens.token(rig.account)
    rig.store_secret("app secret value")
    token = await rig.tokens.token(rig.account)
    assert authority.problem(authority.user, token.value.reveal()) == ""
    assert await rig.tokens.token(rig.account) is token
    assert not rig.vault.writes
    await rig.tokens.close()


async def test_a_wrong_client_secret_is_named_and_not_quoted(authority: StandInAuthority) -> None:
    authority.secret = "right"
    rig = Rig(authority, flow="application", provider="microsoft365", tenant="example.com")
    rig.store_secret("wrong secret value")
    fault = await fault_of(rig)
    assert fault.kind is FaultKind.SECRET
    assert "client secret" in fault.title
    authority.refusal = (401, {"error": "invalid_client", "error_description": "you sent wrong secret value"})
    assert "wrong secret value" not in str(await fault_of(rig))
    await rig.tokens.close()


async def test_a_service_account_signs_for_its_mailbox(authority: StandInAuthority) -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    authority.service_key = key.public_key()
    rig = Rig(authority, flow="application", provider="google", client_id="")
    rig.store_secret(json.dumps({"client_email": "robot@project.iam", "private_key": pem, "private_key_id": "k1"}))
    token = await rig.tokens.token(rig.account)
    assert authority.problem(authority.user, token.value.reveal()) == ""
    other = replace(rig.account, username="somebody@example.com")
    with pytest.raises(OAuthFault, match="not delegated this mailbox"):
        await rig.tokens.token(other)
    rig.store_secret('{"client_email": "robot@project.iam"}')
    rig.tokens.forget("gw-1")
    assert "enter the whole JSON file" in (await fault_of(rig)).title
    await rig.tokens.close()


# --- the authority ---


def too_large() -> web.StreamResponse:
    return web.Response(body=b"{" + b" " * 300_000 + b"}", content_type="application/json")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: web.Response(status=307, headers={"Location": "http://127.0.0.1:9/"}), "redirects to another address"),
        (lambda: web.Response(text="<html>hello</html>"), "no OAuth 2.0 token endpoint"),
        (lambda: web.Response(status=502, text="bad gateway"), "has a problem just now"),
        (too_large, "larger than any token"),
        (lambda: web.json_response([1]), "no OAuth 2.0 token endpoint"),
        (lambda: web.json_response({"access_token": "a b\r\nc", "token_type": "Bearer"}), "no usable token"),
        (lambda: web.json_response({"access_token": "abc", "token_type": "mac"}), "another kind of token"),
        (lambda: web.json_response({"access_token": "x" * 20_000, "token_type": "Bearer"}), "no usable token"),
    ],
)
async def test_what_is_no_token_is_not_used(rig: Rig, answer, words: str) -> None:  # type: ignore[no-untyped-def]
    await rig.sign_in()
    rig.authority.answer = answer
    asked = len(rig.authority.asked)
    assert words in str(await fault_of(rig))
    assert len(rig.authority.asked) == asked + 1


async def test_an_authority_that_is_not_there_or_silent_is_a_passing_trouble(rig: Rig) -> None:
    await rig.sign_in()
    rig.authority.wait = asyncio.Event()
    rig.tokens.authority = HttpAuthority(timeout=0.05)
    assert (await fault_of(rig)).passes
    rig.authority.wait.set()
    await rig.authority.__aexit__(None, None, None)
    fault = await fault_of(rig)
    assert fault.passes
    assert "cannot be reached" in fault.title


async def test_two_who_share_a_vault_do_not_use_one_refresh_token_twice(rig: Rig) -> None:
    """Delivery, and Verify Connection with a client secret that was just typed."""
    await rig.sign_in()
    other = rig.other_tokens()
    other.locks = rig.tokens.locks
    await asyncio.gather(rig.tokens.renew(rig.account), other.renew(rig.account))
    assert rig.renewals == 2
    await other.close()


async def test_a_sign_in_that_is_forgotten_does_not_come_back_by_a_renewal_that_was_under_way(rig: Rig) -> None:
    await rig.sign_in()
    rig.authority.wait = asyncio.Event()
    renewing = asyncio.ensure_future(rig.tokens.renew(rig.account))
    while not rig.renewals:
        await asyncio.sleep(0.001)
    forgetting = asyncio.ensure_future(rig.tokens.forget_sign_in("gw-1"))
    await asyncio.sleep(0)
    rig.authority.wait.set()
    await renewing
    await forgetting
    assert rig.account.grant not in rig.vault.values
    rig.clock.now += 4000
    assert (await fault_of(rig)).kind is FaultKind.SIGN_IN


async def test_a_removed_gateway_takes_its_sign_in_along_that_way(rig: Rig) -> None:
    await rig.sign_in()
    changed: list[str] = []
    service = SimpleNamespace(oauth=SimpleNamespace(tokens=rig.tokens), secret_changed=changed.append)
    await Administration.delete_secret(cast(Any, SimpleNamespace(_service=service)), rig.account.grant)
    assert rig.account.grant not in rig.vault.values
    assert (await rig.tokens.grant(rig.account), changed) == (None, [rig.account.grant])


async def test_a_refresh_token_that_is_on_its_way_at_the_end_is_kept(rig: Rig) -> None:
    await rig.sign_in()
    rig.clock.now += 4000
    rig.authority.wait = asyncio.Event()
    asking = asyncio.ensure_future(rig.tokens.token(rig.account))
    while not rig.renewals:
        await asyncio.sleep(0.001)
    closing = asyncio.ensure_future(rig.tokens.close())
    await asyncio.sleep(0)
    rig.authority.wait.set()
    await closing
    await asking
    again = rig.other_tokens()
    await again.renew(rig.account)  # the one before was replaced: the provider takes it no more
    await again.close()


async def test_the_end_of_a_sign_in_is_known_where_the_provider_tells_it(rig: Rig) -> None:
    rig.authority.refresh_life = 7 * 86_400
    await rig.sign_in()
    assert rig.tokens.standing(rig.account).sign_in_ends == rig.clock.now + 7 * 86_400
    again = rig.other_tokens()
    await again.token(rig.account)
    assert again.standing(rig.account).sign_in_ends is not None
    await again.close()


async def test_no_token_is_in_what_is_printed_or_logged(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    await rig.sign_in()
    rig.clock.now += 4000
    await rig.tokens.token(rig.account)
    rig.authority.revoke_sign_in()
    fault = await fault_of(rig)
    shown = caplog.text + repr(rig.tokens) + repr(fault.__dict__) + repr(await rig.tokens.grant(rig.account))
    assert rig.authority.secrets()
    assert not [secret for secret in rig.authority.secrets() if secret in shown]
    assert Secret("x").reveal() not in repr(Secret("x"))
