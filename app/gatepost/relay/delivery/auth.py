"""Signing in at a next hop: exactly one mechanism, so that a wrong password counts once on the server (RFC 4954).

Under TLS the simple mechanisms come first: they are what servers support best, and the channel protects them. Without
TLS (only where the administrator allowed it) CRAM-MD5 comes first, for it does not show the password.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import aiosmtplib

from ...model.errors import GatepostError
from ...model.secret import Secret
from ..common.hop import HopAuth
from .dialogue import MASK, Dialogue
from .oauth import BEARER_MECHANISMS, TokenSource, bearer
from .replies import reply_from_text
from .values import FailureKind, Features, HopFailure, Stage

UNDER_TLS = ("PLAIN", "LOGIN", "CRAM-MD5")
IN_THE_CLEAR = ("CRAM-MD5", "PLAIN", "LOGIN")


class Secrets(Protocol):
    """Where passwords come from (the vault)."""

    async def get(self, name: str) -> Secret | None: ...


def choose_mechanism(features: Features, is_encrypted: bool) -> str | None:
    return next((name for name in (UNDER_TLS if is_encrypted else IN_THE_CLEAR) if name in features.auth), None)


async def sign_in(
    smtp: aiosmtplib.SMTP,
    auth: HopAuth,
    secrets: Secrets,
    tokens: TokenSource | None,
    features: Features,
    is_encrypted: bool,
    dialogue: Dialogue,
) -> None:
    """One attempt with one mechanism. Raises HopFailure (AUTH, SECRET) and aiosmtplib's own errors of transport."""
    if not is_encrypted and not auth.allow_cleartext:
        raise HopFailure(
            Stage.AUTH,
            FailureKind.AUTH,
            f"The {'token' if auth.oauth else 'password'} is not sent, because the connection is not encrypted.",
            "",
            "Choose “STARTTLS required” or “TLS from the start” for this gateway.",
        )
    if auth.oauth is not None:
        if not features.auth or not set(BEARER_MECHANISMS) & set(features.auth):
            raise _not_offered(features, is_encrypted, BEARER_MECHANISMS)
        assert tokens is not None  # noqa: S101 - whoever makes such hops gives a source of tokens
        await bearer(smtp, auth.oauth, tokens, features, dialogue)
        return
    mechanism = choose_mechanism(features, is_encrypted)
    if mechanism is None:
        raise _not_offered(features, is_encrypted, UNDER_TLS)
    password = await _password(auth, secrets)
    dialogue.quotes.learn(password)
    try:
        reply = await _authenticate(smtp, mechanism, auth.username, password.reveal(), dialogue)
    except aiosmtplib.SMTPAuthenticationError as error:
        refusal = reply_from_text(max(error.code, 0), error.message, dialogue.quotes)
        dialogue.received(refusal)
        raise HopFailure(
            Stage.AUTH,
            FailureKind.AUTH,
            "The server did not accept the sign-in." if refusal.code < 500 else "The server refused username or password.",
            f"It said “{refusal}”.",
            _advice(refusal.code),
            reply=refusal,
        ) from None
    dialogue.received(reply_from_text(reply.code, reply.message, dialogue.quotes))


async def _password(auth: HopAuth, secrets: Secrets) -> Secret:
    try:
        found = await secrets.get(auth.secret)
    except GatepostError as error:
        raise HopFailure(
            Stage.AUTH,
            FailureKind.SECRET,
            "The gateway's password cannot be read.",
            f"{error.title} {error.detail}".strip(),
            error.hint,
        ) from error
    if found is None:
        raise HopFailure(
            Stage.AUTH,
            FailureKind.SECRET,
            "There is no stored password for this gateway.",
            f"The sign-in as “{auth.username}” needs one.",
            "Enter the password on the gateway's Authentication card.",
        )
    return found


async def _authenticate(
    smtp: aiosmtplib.SMTP, mechanism: str, username: str, password: str, dialogue: Dialogue
) -> aiosmtplib.SMTPResponse:
    if mechanism == "PLAIN":
        dialogue.sent(f"AUTH PLAIN {MASK}")
        return await smtp.auth_plain(username, password)
    if mechanism == "LOGIN":
        dialogue.sent(f"AUTH LOGIN {MASK}")
        return await smtp.auth_login(username, password)
    dialogue.sent(f"AUTH CRAM-MD5 {MASK}")
    return await smtp.auth_crammd5(username, password)


def _not_offered(features: Features, is_encrypted: bool, wanted: Sequence[str]) -> HopFailure:
    if features.auth and wanted is BEARER_MECHANISMS:
        return HopFailure(
            Stage.AUTH,
            FailureKind.AUTH,
            "The server offers no sign-in by OAuth 2.0: check server and port, or sign in by password.",
            f"It offers {', '.join(features.auth)}; OAuth 2.0 needs {' or '.join(wanted)}.",
            "Microsoft 365 offers it at smtp.office365.com port 587, Google at smtp.gmail.com port 587 or 465.",
        )
    if features.auth:
        detail = f"It offers {', '.join(features.auth)}; known here are {', '.join(wanted)}."
        return HopFailure(
            Stage.AUTH,
            FailureKind.AUTH,
            "The server offers no sign-in method that is known here.",
            detail,
            "Ask the server's administrator to allow PLAIN or LOGIN over TLS.",
        )
    hint = "Switch authentication off, or use the server's submission port (587 or 465)."
    if not is_encrypted:
        hint = "Many servers offer it only when encrypted: choose STARTTLS or TLS. Else switch authentication off."
    return HopFailure(Stage.AUTH, FailureKind.AUTH, "The server does not offer authentication.", "", hint)


def _advice(code: int) -> str:
    if code == 534:
        return "The server wants another way to sign in, such as an app password or OAuth."
    if code == 538:
        return "The server wants an encrypted connection first: choose STARTTLS or TLS."
    if 400 <= code < 500:
        return "The server cannot check passwords just now; try again later."
    return "Check username and password. Some providers want an app password made for mail programs."
