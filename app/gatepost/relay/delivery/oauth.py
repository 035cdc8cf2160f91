"""Signing in with an access token: SASL XOAUTH2 (Google's and Microsoft's), or OAUTHBEARER (RFC 7628) where only that is
offered.

A refusal comes in two steps: a challenge that explains itself in JSON, and after our empty answer the reply. A token that
had worked is replaced once, on a new connection; for anything else the refusal is put into words that say what to do.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any, Protocol

import aiosmtplib

from ...model.errors import GatepostError
from ...model.oauth import OAuthAccount, OAuthFlow, OAuthProvider
from ...model.reply import Reply
from ...model.secret import Secret
from ..common.printable import printable
from ..common.quoting import Quotes
from .dialogue import MASK, Dialogue
from .replies import reply_from_text
from .values import FailureKind, Features, HopFailure, Stage

BEARER_MECHANISMS = ("XOAUTH2", "OAUTHBEARER")
_MAX_CHALLENGE = 4096
_CONTINUE, _SIGNED_IN = 334, 235


class Token(Protocol):
    @property
    def value(self) -> Secret: ...


class TokenSource(Protocol):
    """Where tokens come from (``relay.oauth``)."""

    async def token(self, account: OAuthAccount) -> Any:
        """A ``Token``. Raises GatepostError in words for people."""

    def accepted(self, account: OAuthAccount, token: Any) -> None: ...

    def refused(self, account: OAuthAccount, token: Any) -> bool:
        """Whether another token may be accepted."""


async def bearer(
    smtp: aiosmtplib.SMTP, account: OAuthAccount, tokens: TokenSource, features: Features, dialogue: Dialogue
) -> None:
    """One attempt. Raises HopFailure (AUTH) and aiosmtplib's own errors of transport."""
    try:
        token: Token = await tokens.token(account)
    except GatepostError as error:
        raise HopFailure(Stage.AUTH, FailureKind.AUTH, error.title, error.detail, error.hint) from error
    dialogue.quotes.learn(token.value)
    mechanism = next(name for name in BEARER_MECHANISMS if name in features.auth)
    if mechanism == "XOAUTH2":
        initial = f"user={account.username}\1auth=Bearer {token.value.reveal()}\1\1"
    else:
        name = account.username.replace("=", "=3D").replace(",", "=2C")
        initial = f"n,a={name},\1auth=Bearer {token.value.reveal()}\1\1"
    dialogue.sent(f"AUTH {mechanism} {MASK}")
    response = await smtp.execute_command(b"AUTH", mechanism.encode(), b64encode(initial.encode()))
    said: dict[str, str] = {}
    if response.code == _CONTINUE:
        said = _explained(response.message, dialogue.quotes)
        dialogue.note(f"it explains: {', '.join(f'{name} {value}' for name, value in said.items()) or 'nothing'}")
        # XOAUTH2 is ended by an empty line, OAUTHBEARER by a single control-A (RFC 7628 §3.2.3).
        response = await smtp.execute_command(b"" if mechanism == "XOAUTH2" else b64encode(b"\1"))
    reply = reply_from_text(max(response.code, 0), response.message, dialogue.quotes)
    dialogue.received(reply)
    if response.code == _SIGNED_IN:
        tokens.accepted(account, token)
        return
    title, hint = _words(account, reply)
    is_the_tokens = reply.code == 535 and not hint and said.get("status", "401") in ("400", "401", "invalid_token")
    explained = f" ({', '.join(f'{name} {value}' for name, value in said.items())})" if said else ""
    raise HopFailure(
        Stage.AUTH,
        FailureKind.AUTH,
        title,
        f"It said “{reply}”{explained}.",
        hint or _general_hint(account),
        reply=reply,
        sign_in_anew=is_the_tokens and tokens.refused(account, token),
    )


def _explained(challenge: str, quotes: Quotes) -> dict[str, str]:
    """The challenge's own words: ``status``, ``scope`` and the like; empty where there are none."""
    try:
        found = json.loads(b64decode(challenge[:_MAX_CHALLENGE], validate=True))
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    names = ("status", "scope")
    return {name: printable(quotes.left_out(str(found[name])), 100) for name in names if found.get(name)}


_DOCTOR = "The doctor on the Authentication card checks each step."
_TENANT_OFF = "SMTP AUTH is switched off for the whole organization: switch it on for this mailbox."
_ENABLE = (
    "In the Microsoft 365 admin center, under the user → Mail → Manage email apps, tick “Authenticated SMTP”; it counts after "
    "some minutes. In PowerShell: Set-CASMailbox -SmtpClientAuthenticationDisabled $false."
)


def _words(account: OAuthAccount, reply: Reply) -> tuple[str, str]:
    """What happened and what to do about it; an empty hint where the reply names no cause."""
    text, provider = reply.text.casefold(), account.settings.provider
    is_application = account.settings.flow is OAuthFlow.APPLICATION
    if "smtpclientauthentication is disabled for the tenant" in text:
        return _TENANT_OFF, _ENABLE
    if "smtpclientauthentication is disabled" in text:
        return f"SMTP AUTH is switched off for the mailbox {account.username}: switch it on.", _ENABLE
    if "security defaults" in text:
        return (
            "The organization's security defaults block SMTP AUTH: have the administrator allow it.",
            "In the Entra admin center → Properties → Security defaults; a Conditional Access policy can take their place.",
        )
    if reply.enhanced == "5.7.139":
        return "Microsoft's policies do not let this mailbox sign in by SMTP: switch Authenticated SMTP on.", _ENABLE
    if reply.is_transient:
        return "The server cannot check the sign-in just now.", "It is tried again by itself."
    if provider is OAuthProvider.MICROSOFT and is_application:
        return (
            f"Microsoft 365 does not let the application send as {account.username}: give it the mailbox.",
            "",
        )
    if provider is OAuthProvider.MICROSOFT:
        return f"Microsoft 365 does not accept the sign-in for {account.username}: check the mailbox, or sign in again.", ""
    if provider is OAuthProvider.GOOGLE:
        return f"Google does not accept the sign-in for {account.username}: check the mailbox, or sign in again.", ""
    return f"The server does not accept the sign-in for {account.username}: check the mailbox, or sign in again.", ""


def _general_hint(account: OAuthAccount) -> str:
    settings = account.settings
    if settings.provider is OAuthProvider.MICROSOFT and settings.flow is OAuthFlow.APPLICATION:
        return (
            "In Exchange Online PowerShell: New-ServicePrincipal with the application's id and the object id under Enterprise "
            "applications, then Add-MailboxPermission … -AccessRights FullAccess. The application needs SMTP.SendAsApp with "
            "admin consent."
        )
    if settings.provider is OAuthProvider.MICROSOFT:
        return f"Who signed in must own the mailbox, or have Full Access to it. {_DOCTOR}"
    return f"The user name must be the mailbox that the sign-in was made for. {_DOCTOR}"
