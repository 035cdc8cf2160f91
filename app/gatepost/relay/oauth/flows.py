"""What is asked of the provider, and what its answer means. Pure: no clock, no network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ...model.oauth import OAuthAccount, OAuthProvider, OAuthSettings
from ...model.secret import Secret
from .faults import FaultKind, OAuthFault

DEFAULT_LIFE = 3600.0
"""Seconds, where the provider says nothing (RFC 6749 §5.1 recommends that it does)."""
MAX_TOKEN = 16_384
"""Characters. Microsoft's have a few thousand; RFC 4954 §4 lets an AUTH line have 12,288 octets."""
ASSERTION_SECONDS = 600
_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/=|:!*]+\Z")

Form = dict[str, str]


@dataclass(frozen=True, slots=True)
class Granted:
    """A token endpoint's answer. Times in seconds from now; ``refresh_life`` None: not said."""

    token: Secret
    life: float
    refresh_token: Secret | None
    refresh_life: float | None
    scope: str


def granted(body: Mapping[str, Any]) -> Granted:
    """Raises OAuthFault for what is no token of the kind that can be used."""
    token, kind = body.get("access_token"), body.get("token_type", "Bearer")
    if not isinstance(token, str) or not 0 < len(token) <= MAX_TOKEN or not _TOKEN.match(token):
        raise OAuthFault(FaultKind.STRANGE, "The provider's answer holds no usable token.", "", "Check the token URL.")
    if not isinstance(kind, str) or kind.casefold() != "bearer":
        raise OAuthFault(FaultKind.STRANGE, "The provider hands out another kind of token than “Bearer”.")
    renewal, scope = body.get("refresh_token"), body.get("scope")
    return Granted(
        Secret(token),
        _seconds(body.get("expires_in")) or DEFAULT_LIFE,
        Secret(renewal) if isinstance(renewal, str) and 0 < len(renewal) <= MAX_TOKEN else None,
        _seconds(body.get("refresh_token_expires_in")),
        scope if isinstance(scope, str) else "",
    )


def _seconds(value: object) -> float | None:
    try:
        found = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else 0.0
    except ValueError:
        return None
    return found if 0 < found < 10 * 366 * 86_400 else None


def challenge_of(verifier: str) -> str:
    """PKCE's S256 (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def authorization_url(account: OAuthAccount, redirect_uri: str, state: str, challenge: str) -> str:
    """Where the browser is sent (RFC 6749 §4.1.1)."""
    settings = account.settings
    query = {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": redirect_uri,
        "scope": settings.asked_scope,
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "login_hint": account.username,
    }
    if settings.provider is OAuthProvider.GOOGLE:
        # Without these a second sign-in leaves no refresh token.
        query |= {"access_type": "offline", "prompt": "consent"}
    elif settings.provider is OAuthProvider.MICROSOFT:
        query |= {"response_mode": "query"}
    parts = urlsplit(settings.authorization_endpoint)
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in query]
    found = urlencode([*kept, *((name, value) for name, value in query.items() if value)])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, found, ""))


def code_form(settings: OAuthSettings, secret: Secret | None, code: Secret, verifier: Secret, redirect_uri: str) -> Form:
    return _with_client(
        settings,
        secret,
        {
            "grant_type": "authorization_code",
            "code": code.reveal(),
            "code_verifier": verifier.reveal(),
            "redirect_uri": redirect_uri,
        },
    )


def refresh_form(settings: OAuthSettings, secret: Secret | None, refresh_token: Secret) -> Form:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()}
    if settings.provider is OAuthProvider.MICROSOFT:
        form["scope"] = settings.asked_scope
    return _with_client(settings, secret, form)


def client_form(settings: OAuthSettings, secret: Secret) -> Form:
    form = {"grant_type": "client_credentials"}
    if settings.asked_scope:
        form["scope"] = settings.asked_scope
    return _with_client(settings, secret, form)


def assertion_form(account: OAuthAccount, key: Secret, now: float) -> Form:
    """A service account's signed claim to act for the mailbox (RFC 7523 §2.1). Raises OAuthFault for an unusable key.
    Blocking for some milliseconds: it signs."""
    return {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": _assertion(account, key, int(now)),
    }


def _assertion(account: OAuthAccount, key: Secret, now: int) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    try:
        found = json.loads(key.reveal())
        issuer, pem, key_id = found["client_email"], found["private_key"], str(found.get("private_key_id", ""))
        private = serialization.load_pem_private_key(pem.encode(), password=None)
        if not isinstance(private, rsa.RSAPrivateKey) or not isinstance(issuer, str):
            raise TypeError("not an RSA key of an account")
    except (ValueError, KeyError, TypeError, AttributeError, UnsupportedAlgorithm):
        raise OAuthFault(
            FaultKind.SECRET,
            "The service account's key cannot be read: enter the whole JSON file.",
            "It must hold client_email and private_key.",
            "Google Cloud console → IAM → Service accounts → Keys: make a new key of type JSON, and enter its content.",
        ) from None
    header = {"alg": "RS256", "typ": "JWT"} | ({"kid": key_id} if key_id else {})
    claims = {
        "iss": issuer,
        "sub": account.username,
        "scope": account.settings.asked_scope,
        "aud": account.settings.token_endpoint,
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
    }
    signed = f"{_segment(header)}.{_segment(claims)}"
    signature = private.sign(signed.encode("ascii"), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _segment(data: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(data, separators=(",", ":")).encode()).rstrip(b"=").decode()


def claims_of(token: Secret) -> dict[str, Any]:
    """What a token says of itself, believed by nobody: only for showing. Empty where it is opaque, as Google's are."""
    parts = token.reveal().split(".")
    if len(parts) != 3:
        return {}
    try:
        raw = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def account_of(token: Secret) -> str:
    """Who signed in, as far as the token says."""
    claims = claims_of(token)
    for name in ("upn", "preferred_username", "unique_name", "email"):
        if isinstance(value := claims.get(name), str) and value and value.isprintable():
            return value[:200]
    return ""


def _with_client(settings: OAuthSettings, secret: Secret | None, form: Form) -> Form:
    form = {"client_id": settings.client_id, **form}
    if secret is not None:
        form["client_secret"] = secret.reveal()
    return form
