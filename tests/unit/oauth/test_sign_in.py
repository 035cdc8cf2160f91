"""The way through the browser: PKCE, state, and a redirect that leads to this computer only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest

from gatepost.model.errors import InvalidInput
from gatepost.model.oauth import OAuthAccount, OAuthSettings
from gatepost.model.secret import Secret
from gatepost.relay.oauth import flows
from gatepost.relay.oauth.faults import OAuthFault
from gatepost.relay.oauth.sign_in import LIFE_SECONDS, MAX_PENDING

from ...support.oauth_authority import StandInAuthority
from .rig import REDIRECT, Rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with StandInAuthority() as authority:
        found = Rig(authority)
        yield found
        await found.tokens.close()


def test_the_challenge_is_the_one_of_rfc_7636_appendix_b() -> None:
    challenge = flows.challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_url_asks_for_what_the_provider_wants() -> None:
    def query(settings: OAuthSettings) -> dict[str, list[str]]:
        account = OAuthAccount("gw-1", "me@example.com", settings)
        return parse_qs(urlsplit(flows.authorization_url(account, "http://localhost:5", "st", "ch")).query)

    google = query(OAuthSettings.model_validate({"provider": "google", "client_id": "c"}))
    assert (google["access_type"], google["prompt"]) == (["offline"], ["consent"])
    microsoft = query(OAuthSettings(client_id="c"))
    assert microsoft["scope"] == ["https://outlook.office.com/SMTP.Send offline_access"]
    assert microsoft["code_challenge_method"] == ["S256"]
    assert microsoft["login_hint"] == ["me@example.com"]
    own = query(OAuthSettings(client_id="c", authorize_url="https://login.example/a?policy=p1&state=forged"))
    assert (own["policy"], own["state"]) == (["p1"], ["st"])


@pytest.mark.parametrize(
    "redirect",
    ["https://evil.example/", "http://evil.example:80/", "http://127.0.0.1/", "http://127.0.0.1:5/x", "http://localhost:5/?a=b",
     "http://me@127.0.0.1:5", "file:///x", "http://127.0.0.1:99999999", "http://localhost.evil.example:5"],
)  # fmt: skip
def test_a_redirect_that_leads_elsewhere_is_refused(redirect: str) -> None:
    rig = Rig(StandInAuthority())
    with pytest.raises(InvalidInput, match="redirect_uri"):
        rig.sign_ins.begin(rig.account, redirect, None)


def test_an_application_has_nobody_to_sign_in() -> None:
    rig = Rig(StandInAuthority(), flow="application")
    with pytest.raises(InvalidInput, match="no person is needed"):
        rig.sign_ins.begin(rig.account, REDIRECT, None)


async def test_a_code_is_worth_nothing_without_the_relays_verifier(rig: Rig) -> None:
    begun = rig.sign_ins.begin(rig.account, REDIRECT, None)
    code = (await rig.authority.agreed(begun.url)).partition("code=")[2]
    form = flows.code_form(rig.account.settings, None, Secret(code), Secret("x" * 64), REDIRECT)
    with pytest.raises(OAuthFault, match="sign in again"):
        await rig.tokens.ask(rig.account, form)
    assert "verifier" not in begun.url


def test_a_sign_in_is_taken_once_by_its_own_gateway_and_in_time() -> None:
    rig = Rig(StandInAuthority())

    def state() -> str:
        return rig.sign_ins.begin(rig.account, REDIRECT, None).state

    first = state()
    assert rig.sign_ins.take("gw-1", first).account == rig.account
    foreign, late = state(), state()
    for gateway, wrong in (("gw-1", first), ("gw-2", foreign), ("gw-1", "guessed"), ("gw-1", "")):
        with pytest.raises(OAuthFault, match="begin again"):
            rig.sign_ins.take(gateway, wrong)
    rig.clock.now += LIFE_SECONDS
    with pytest.raises(OAuthFault, match="begin again"):
        rig.sign_ins.take("gw-1", late)


def test_only_so_many_sign_ins_are_remembered() -> None:
    rig = Rig(StandInAuthority())
    states = [rig.sign_ins.begin(rig.account, REDIRECT, None).state for _ in range(MAX_PENDING + 1)]
    with pytest.raises(OAuthFault):
        rig.sign_ins.take("gw-1", states[0])
    assert rig.sign_ins.take("gw-1", states[-1])
