"""Signing in at a next hop: exactly one mechanism, so that a wrong password counts once on the server (RFC 4954).

Under TLS the simple mechanisms come first: they are what servers support best, and the channel protects them. Without
TLS (only where the administrator allowed it) CRAM-MD5 comes first, for it does not show the password.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Protocol

import aiosmtplib

from ...model.errors import GatepostError
from ...model.secret import Secret
from ..common.hop import HopAuth
from .dialogue import Dialogue
from .replies import reply_from_text
from .values import FailureKind, Features, HopFailure, Stage

UNDER_TLS = ("PLAIN", "LOGIN", "CRAM-MD5")
IN_THE_CLEAR = ("CRAM-MD5", "PLAIN", "LOGIN")
MASK = "********"
QUOTED = "(its words are not shown: they quoted the password)"


class Secrets(Protocol):
    """Where passwords come from (the vault)."""

    async def get(self, name: str) -> Secret | None: ...


def choose_mechanism(features: Features, is_encrypted: bool) -> str | None:
    return next((name for name in (UNDER_TLS if is_encrypted else IN_THE_CLEAR) if name in features.auth), None)


async def sign_in(
    smtp: aiosmtplib.SMTP, auth: HopAuth, secrets: Secrets, features: Features, is_encrypted: bool, dialogue: Dialogue
) -> None:
    """One attempt with one mechanism. Raises HopFailure (AUTH, SECRET) and aiosmtplib's own errors of transport."""
    if not is_encrypted and not auth.allow_cleartext:
        raise HopFailure(
            Stage.AUTH,
            FailureKind.AUTH,
            "The password is not sent, because the connection is not encrypted.",
            "",
            "Choose “STARTTLS required” or “TLS from the start” for this gateway.",
        )
    mechanism = choose_mechanism(features, is_encrypted)
    if mechanism is None:
        raise _not_offered(features, is_encrypted)
    password = await _password(auth, secrets)
    try:
        reply = await _authenticate(smtp, mechanism, auth.username, password.reveal(), dialogue)
    except aiosmtplib.SMTPAuthenticationError as error:
        refusal = reply_from_text(max(error.code, 0), _without(password, error.message))
        dialogue.received(refusal)
        raise HopFailure(
            Stage.AUTH,
            FailureKind.AUTH,
            "The server did not accept the sign-in." if refusal.code < 500 else "The server refused username or password.",
            f"It said “{refusal}”.",
            _advice(refusal.code),
            reply=refusal,
        ) from None
    dialogue.received(reply_from_text(reply.code, _without(password, reply.message)))


def _without(password: Secret, text: str) -> str:
    """A reply's text; other words where it quotes what was sent, for replies are shown and kept."""
    octets = password.reveal().encode()
    forms = [password.reveal(), b64encode(octets).decode()]
    for shift in range(3):  # base64 of something that holds it, without the digits that its neighbours share
        inner = b64encode(b"\0" * shift + octets).decode()[4 if shift else 0 : -4]
        if len(inner) >= 8:
            forms.append(inner)
    joined = "".join(text.split())
    return QUOTED if any(form in text or form in joined for form in forms) else text


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


def _not_offered(features: Features, is_encrypted: bool) -> HopFailure:
    if features.auth:
        detail = f"It offers {', '.join(features.auth)}; known here are {', '.join(UNDER_TLS)}."
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
