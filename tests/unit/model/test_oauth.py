"""What a gateway's OAuth settings take, derive and refuse."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from gatepost.model.configuration import Configuration, parse_configuration
from gatepost.model.errors import InvalidInput
from gatepost.model.exchange import export_configuration, plan_import
from gatepost.model.gateway import AuthMethod, GatewayAuth, RoundRobinGateway
from gatepost.model.oauth import OAuthFlow, OAuthProvider, OAuthSettings

TENANT = "00000000-aaaa-bbbb-cccc-111111111111"


def gateway(**oauth: Any) -> dict[str, Any]:
    auth = {"enabled": True, "method": "oauth", "username": "sender@example.com", "oauth": oauth}
    return {"id": "gw-1", "mode": "round-robin", "host": "smtp.office365.com", "port": 587, "auth": auth}


def issues(**oauth: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        parse_configuration({"gateways": [gateway(**oauth)]})
    return {issue.field: issue.message for issue in caught.value.issues}


@pytest.mark.parametrize(
    ("given", "token", "scope"),
    [
        (
            {"tenant": TENANT},
            f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token",
            "https://outlook.office.com/SMTP.Send offline_access",
        ),
        ({}, "https://login.microsoftonline.com/organizations/oauth2/v2.0/token",
         "https://outlook.office.com/SMTP.Send offline_access"),
        ({"tenant": "example.com", "flow": "application"}, "https://login.microsoftonline.com/example.com/oauth2/v2.0/token",
         "https://outlook.office365.com/.default"),
        ({"provider": "google"}, "https://oauth2.googleapis.com/token", "https://mail.google.com/"),
        ({"provider": "google", "flow": "application"}, "https://oauth2.googleapis.com/token", "https://mail.google.com/"),
        ({"token_url": "https://own.example/t", "scope": "mail"}, "https://own.example/t", "mail"),
    ],
)  # fmt: skip
def test_endpoints_and_scopes_follow_from_provider_and_flow(given: dict[str, Any], token: str, scope: str) -> None:
    settings = OAuthSettings.model_validate({"client_id": "c", **given})
    assert (settings.token_endpoint, settings.asked_scope) == (token, scope)
    assert not list(settings.lacks())


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "client_id"),
        ({"client_id": "c", "flow": "application"}, "tenant"),
        ({"client_id": "c", "flow": "application", "tenant": "common"}, "tenant"),
        ({"client_id": "c", "tenant": "a/../b"}, "tenant"),
        ({"client_id": "c", "provider": "other", "authorize_url": "https://a.example/"}, "token_url"),
        ({"client_id": "c", "provider": "other", "token_url": "https://a.example/"}, "authorize_url"),
        ({"client_id": "c", "token_url": "http://a.example/token"}, "token_url"),
        ({"client_id": "c", "token_url": "https://me:secret@a.example/token"}, "token_url"),
        ({"client_id": "c", "token_url": "https://a.example/token#x"}, "token_url"),
        ({"client_id": "c", "token_url": "file:///etc/passwd"}, "token_url"),
        ({"client_id": "c", "authorize_url": "javascript:alert(1)"}, "authorize_url"),
        ({"client_id": "c", "scope": 'mail "all"'}, "scope"),
        ({"client_id": "c", "secret_expires": "next spring"}, "secret_expires"),
    ],
)
def test_what_cannot_work_is_refused_at_its_field(given: dict[str, Any], field: str) -> None:
    assert f"gateways.0.auth.oauth.{field}" in issues(**given)


def test_everything_that_is_missing_is_said_at_once() -> None:
    bare = gateway(provider="other") | {"auth": {"enabled": True, "method": "oauth", "oauth": {"provider": "other"}}}
    with pytest.raises(InvalidInput) as caught:
        parse_configuration({"gateways": [bare]})
    assert {issue.field.removeprefix("gateways.0.auth.") for issue in caught.value.issues} == {
        "username", "oauth.client_id", "oauth.token_url", "oauth.authorize_url",
    }  # fmt: skip


def test_an_unencrypted_endpoint_is_taken_on_this_computer_only() -> None:
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert OAuthSettings(client_id="c", token_url=f"http://{host}:8080/token").token_endpoint.startswith("http://")


def test_what_is_switched_off_needs_nothing() -> None:
    assert GatewayAuth(method=AuthMethod.OAUTH).oauth == OAuthSettings()


def test_empty_texts_of_a_form_mean_what_the_provider_has() -> None:
    settings = OAuthSettings.model_validate({"token_url": "", "authorize_url": "", "secret_expires": ""})
    assert (settings.token_url, settings.authorize_url, settings.secret_expires) == (None, None, None)


def test_the_date_of_a_secret_survives_an_export() -> None:
    configuration = parse_configuration({"gateways": [gateway(client_id="c", secret_expires="2028-11-01")]})
    plan = plan_import(Configuration(), export_configuration(configuration))
    found = plan.configuration.gateways[0]
    assert isinstance(found, RoundRobinGateway)
    assert found.auth.oauth.secret_expires == datetime.date(2028, 11, 1)
    assert any("must be signed in" in warning for warning in plan.warnings)


def test_an_import_that_sends_a_stored_secret_elsewhere_says_so() -> None:
    current = parse_configuration({"gateways": [gateway(client_id="c")]})
    document = export_configuration(
        parse_configuration({"gateways": [gateway(client_id="c", token_url="https://evil.example/t")]})
    )
    warnings = plan_import(current, document).warnings
    assert any("https://evil.example/t" in warning for warning in warnings), warnings


@pytest.mark.parametrize(
    ("auth", "needed"),
    [
        (GatewayAuth(enabled=True, username="u"), ("gateway/gw-1/password",)),
        (GatewayAuth(enabled=True, username="u", method=AuthMethod.OAUTH, oauth=OAuthSettings(client_id="c")),
         ("gateway/gw-1/sign-in",)),
        (GatewayAuth(enabled=True, username="u", method=AuthMethod.OAUTH,
                     oauth=OAuthSettings(provider=OAuthProvider.GOOGLE, flow=OAuthFlow.APPLICATION)),
         ("gateway/gw-1/client-secret",)),
        (GatewayAuth(method=AuthMethod.OAUTH), ()),
    ],
)  # fmt: skip
def test_a_gateway_names_what_must_be_in_the_vault(auth: GatewayAuth, needed: tuple[str, ...]) -> None:
    assert RoundRobinGateway(id="gw-1", host="smtp.example.com", auth=auth).needed_secrets == needed
