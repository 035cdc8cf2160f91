"""The doctor names the usual mistakes: each stage with what to do about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gatepost.model.report import StageState, VerifyStage
from gatepost.relay.oauth.authority import HttpAuthority
from gatepost.relay.oauth.doctor import STAGES, examine, mechanism_stage

from ...support.oauth_authority import StandInAuthority
from .rig import Rig

TENANT = "00000000-aaaa-bbbb-cccc-111111111111"
PASSED, WARNING, FAILED, SKIPPED = StageState.PASSED, StageState.WARNING, StageState.FAILED, StageState.SKIPPED


@pytest.fixture
async def authority() -> AsyncIterator[StandInAuthority]:
    async with StandInAuthority() as found:
        yield found


async def seen(authority: StandInAuthority, *, signs_in: bool = True, **settings: Any) -> dict[str, VerifyStage]:
    rig = Rig(authority, provider="microsoft365", **settings)
    if signs_in:
        await rig.sign_in()
    try:
        stages = [one async for one in examine(rig.tokens, HttpAuthority(timeout=5), rig.account, "smtp.office365.com")]
    finally:
        await rig.tokens.close()
    assert [stage.stage for stage in stages] == list(STAGES)
    return {stage.stage: stage for stage in stages}


async def test_a_sign_in_that_works_passes_every_stage(authority: StandInAuthority) -> None:
    stages = await seen(authority)
    assert {stage.state for stage in stages.values()} == {PASSED}
    assert "SMTP.Send" in stages["permission"].result
    assert authority.user in stages["claims"].result
    assert not [token for token in authority.secrets() if token in str(stages)]


async def test_nobody_having_signed_in_is_the_first_thing_said(authority: StandInAuthority) -> None:
    stages = await seen(authority, signs_in=False)
    assert stages["settings"].state is FAILED
    assert "Nobody has signed in" in stages["settings"].result
    assert {stages[name].state for name in STAGES if name != "settings"} == {SKIPPED}


async def test_a_date_that_is_over_is_a_warning(authority: StandInAuthority) -> None:
    stages = await seen(authority, secret_expires="2020-01-31")
    assert stages["settings"].state is WARNING
    assert "2020-01-31" in stages["settings"].result
    assert stages["permission"].state is PASSED


async def test_an_unknown_tenant_fails_where_the_provider_is_reached(authority: StandInAuthority) -> None:
    rig = Rig(authority, provider="microsoft365")
    await rig.sign_in()
    authority.refusal = (400, {"error": "invalid_request", "error_description": "AADSTS90002: Tenant not found."})
    stages = [one async for one in examine(rig.tokens, HttpAuthority(timeout=5), rig.account, "smtp.office365.com")]
    await rig.tokens.close()
    assert (stages[1].stage, stages[1].state) == ("authority", FAILED)
    assert "tenant" in stages[1].result


@pytest.mark.parametrize(
    ("claims", "state", "words"),
    [
        ({"aud": "https://graph.microsoft.com"}, FAILED, "not for Exchange Online"),
        ({"scp": "IMAP.AccessAsUser.All User.Read"}, FAILED, "It lacks SMTP.Send; it has IMAP.AccessAsUser.All, User.Read"),
        ({"scp": ""}, FAILED, "no permission"),
        ({"upn": "admin@example.com"}, WARNING, "admin@example.com signed in and mail is sent as sender@example.com"),
    ],
)
async def test_a_token_that_is_for_something_else_says_so(
    authority: StandInAuthority, claims: dict[str, Any], state: StageState, words: str
) -> None:
    authority.claims = claims
    stage = (await seen(authority))["permission"]
    assert stage.state is state
    assert words in stage.result
    assert stage.advice


async def test_a_token_of_another_directory_is_a_warning(authority: StandInAuthority) -> None:
    authority.claims = {"tid": "99999999-aaaa-bbbb-cccc-111111111111"}
    stage = (await seen(authority, tenant=TENANT))["claims"]
    assert stage.state is WARNING
    assert "another directory" in stage.result


async def test_an_application_needs_another_permission(authority: StandInAuthority) -> None:
    authority.secret = "app secret"
    authority.claims = {"scp": "", "roles": ["SMTP.SendAsApp"]}
    for roles, state in ((["SMTP.SendAsApp"], PASSED), (["Mail.Send"], FAILED)):
        authority.claims["roles"] = roles
        rig = Rig(authority, provider="microsoft365", flow="application", tenant=TENANT)
        rig.store_secret("app secret")
        stages = [one async for one in examine(rig.tokens, HttpAuthority(timeout=5), rig.account, "smtp.office365.com")]
        await rig.tokens.close()
        assert stages[-1].state is state
        assert "SMTP.SendAsApp" in stages[-1].result


def test_a_server_that_offers_no_sign_in_by_token_is_named() -> None:
    before, after = "S: 250-AUTH LOGIN", "S: 250 AUTH LOGIN XOAUTH2"
    offered = mechanism_stage((before, after))
    assert offered is not None
    assert (offered.state, "XOAUTH2" in offered.result) == (PASSED, True)
    lacking = mechanism_stage((after, before))
    assert lacking is not None
    assert lacking.state is FAILED
    assert "smtp.office365.com port 587" in lacking.advice
    assert mechanism_stage(("S: 250 SIZE 1000",)) is None
