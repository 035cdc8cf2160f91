"""Refusals of providers in words that say what to do."""

from __future__ import annotations

from typing import Any

import pytest

from gatepost.model.oauth import OAuthProvider
from gatepost.model.secret import Secret
from gatepost.relay.oauth.faults import FaultKind, refusal

MICROSOFT, GOOGLE, OTHER = OAuthProvider.MICROSOFT, OAuthProvider.GOOGLE, OAuthProvider.OTHER


def aadsts(number: int, error: str = "invalid_grant") -> dict[str, Any]:
    return {"error": error, "error_description": f"AADSTS{number}: Words of today. Trace ID: 1", "error_codes": [number]}


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (7000215, FaultKind.SECRET, "client secret: enter its value"),
        (7000222, FaultKind.SECRET, "has expired: make a new one"),
        (700016, FaultKind.SETTINGS, "check client id and tenant"),
        (65001, FaultKind.CONSENT, "no consent"),
        (50076, FaultKind.SIGN_IN, "MFA"),
        (50079, FaultKind.SIGN_IN, "MFA"),
        (90002, FaultKind.SETTINGS, "tenant"),
        (50173, FaultKind.SIGN_IN, "changed password"),
        (700082, FaultKind.SIGN_IN, "not used"),
        (53003, FaultKind.REFUSED, "Conditional Access"),
    ],
)
def test_microsofts_numbers_are_explained(number: int, kind: FaultKind, words: str) -> None:
    fault = refusal(MICROSOFT, 400, aadsts(number))
    assert fault.kind is kind
    assert words in fault.title
    assert fault.hint
    assert f"AADSTS{number}" in fault.detail
    assert not fault.passes


@pytest.mark.parametrize(
    ("provider", "error", "service", "words"),
    [
        (GOOGLE, "invalid_grant", False, "sign in again"),
        (GOOGLE, "invalid_grant", True, "assertion"),
        (GOOGLE, "unauthorized_client", True, "not delegated"),
        (GOOGLE, "unauthorized_client", False, "does not allow this application"),
        (OTHER, "invalid_grant", False, "sign in again"),
        (OTHER, "invalid_client", False, "client id or secret"),
        (OTHER, "access_denied", False, "declined"),
    ],
)
def test_the_same_error_means_what_it_means_at_that_provider(
    provider: OAuthProvider, error: str, service: bool, words: str
) -> None:
    assert words in refusal(provider, 400, {"error": error}, is_service_account=service).title


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_overloaded_provider_is_a_passing_trouble(status: int) -> None:
    assert refusal(OTHER, status, {"error": "something"}).passes


def test_what_is_not_known_is_shown_as_it_came_on_one_line() -> None:
    fault = refusal(OTHER, 400, {"error": "odd", "error_description": "first\x1b[31m\r\nsecond" + "x" * 5000})
    assert "odd – first" in fault.detail
    assert "\x1b" not in fault.detail
    assert len(fault.detail) < 400


def test_a_refusal_of_strange_types_is_still_a_refusal() -> None:
    fault = refusal(MICROSOFT, 400, {"error": {"code": 1}, "error_description": None, "error_codes": "7000215"})
    assert fault.kind is FaultKind.REFUSED


def test_a_refusal_that_quotes_a_secret_is_not_shown() -> None:
    fault = refusal(OTHER, 400, {"error": "invalid_client", "error_description": "no: s3cret-value"}, Secret("s3cret-value"))
    assert "s3cret-value" not in str(fault)
