"""The doctor: every step of a sign-in by OAuth 2.0 up to the token and what it allows, each with what to do about it.

The connection itself is then looked at by Verify Connection, whose stages follow these.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from ...model.errors import GatepostError
from ...model.oauth import OAuthAccount, OAuthFlow, OAuthProvider
from ...model.report import StageState, VerifyStage
from ..common.printable import printable
from . import flows
from .authority import Authority
from .faults import no_secret, not_signed_in, other_settings, refusal
from .tokens import AccessToken, Tokens

STAGES = {
    "settings": "OAuth settings",
    "authority": "Reach the provider",
    "token": "Get a token",
    "claims": "Read the token",
    "permission": "Permission to send",
}
MICROSOFT_HOSTS = ("smtp.office365.com", "smtp-mail.outlook.com", "smtp-hve.office365.com")
GOOGLE_HOSTS = ("smtp.gmail.com", "smtp-relay.gmail.com")
_AUDIENCES = ("https://outlook.office.com", "https://outlook.office365.com", "00000002-0000-0ff1-ce00-000000000000")
_PERMISSION = {OAuthFlow.DELEGATED: "SMTP.Send", OAuthFlow.APPLICATION: "SMTP.SendAsApp"}


async def examine(tokens: Tokens, authority: Authority, account: OAuthAccount, host: str) -> AsyncIterator[VerifyStage]:
    """Stages as they end; after one that failed, the rest are skipped. ``host``: the gateway's server."""
    doctor = _Doctor(tokens, authority, account, host)
    steps = (doctor.settings, doctor.authority, doctor.token, doctor.claims, doctor.permission)
    failed = False
    for name, step in zip(STAGES, steps, strict=True):
        if failed:
            yield VerifyStage(name, STAGES[name], StageState.SKIPPED, 0.0, "Not reached.")
            continue
        began = time.monotonic()
        try:
            state, result, advice = await step()
        except GatepostError as error:
            state, result, advice = StageState.FAILED, f"{error.title} {error.detail}".strip(), error.hint
        failed = state is StageState.FAILED
        yield VerifyStage(name, STAGES[name], state, time.monotonic() - began, result, advice)


_Finding = tuple[StageState, str, str]


class _Doctor:
    def __init__(self, tokens: Tokens, authority: Authority, account: OAuthAccount, host: str) -> None:
        self._tokens = tokens
        self._authority = authority
        self._account = account
        self._settings = account.settings
        self._host = host
        self._found: AccessToken | None = None
        self._claims: dict[str, Any] = {}

    async def settings(self) -> _Finding:
        lacking = [words for _, words in self._settings.lacks()]
        if lacking:
            return StageState.FAILED, f"Something is missing: {'; '.join(lacking)}.", "Complete the Authentication card."
        secret = await self._tokens.vault.get(self._account.client_secret)
        if self._settings.needs_secret and secret is None:
            raise no_secret(self._settings.is_service_account)
        if self._settings.flow is OAuthFlow.DELEGATED:
            grant = await self._tokens.grant(self._account)
            if grant is None:
                raise not_signed_in()
            if not grant.fits(self._account):
                raise other_settings()
        expires = self._settings.secret_expires
        if expires is not None and expires <= self._today():
            return (
                StageState.WARNING,
                f"By the date that was entered, the client secret ended on {expires.isoformat()}.",
                "Make a new client secret at the provider and enter it with its date.",
            )
        if wrong := self._other_host():
            return StageState.WARNING, wrong, "Check the server address on the Options card."
        return StageState.PASSED, "Everything that is needed is there.", ""

    def _other_host(self) -> str:
        known = {OAuthProvider.MICROSOFT: MICROSOFT_HOSTS, OAuthProvider.GOOGLE: GOOGLE_HOSTS}.get(self._settings.provider)
        if known is None or self._host in known or self._settings.token_url is not None:
            return ""
        return f"The token is for {known[0]}, but the gateway's server is {self._host}."

    async def authority(self) -> _Finding:
        """Asked without a grant, a token endpoint answers an error in JSON (RFC 6749 §5.2): that is all that is wanted."""
        endpoint = self._settings.token_endpoint
        status, body = await self._authority.ask(endpoint, {"client_id": self._settings.client_id})
        if "error" not in body:
            return StageState.WARNING, f"{endpoint} answers, but not as a token endpoint does.", "Check the token URL."
        fault = refusal(self._settings.provider, status, body)
        if fault.passes or "tenant" in fault.title:
            raise fault
        return StageState.PASSED, f"{endpoint} answers.", ""

    async def token(self) -> _Finding:
        self._found = await self._tokens.renew(self._account)
        until = datetime.fromtimestamp(self._found.expires_at, UTC)
        return StageState.PASSED, f"A token was handed out; it is good until {until:%Y-%m-%d %H:%M} UTC.", ""

    async def claims(self) -> _Finding:
        assert self._found is not None  # noqa: S101 - the stage before it did not fail
        self._claims = flows.claims_of(self._found.value)
        if not self._claims:
            return StageState.SKIPPED, "It shows nothing of itself, which is usual but for Microsoft's.", ""
        shown = [
            f"{label} {self._claim(name)}"
            for name, label in (
                ("aud", "for"), ("tid", "directory"), ("appid", "application"), ("upn", "user"),
                ("scp", "permissions"), ("roles", "permissions"),
            )
            if self._claim(name)
        ]  # fmt: skip
        directory, tenant = self._claim("tid"), self._settings.tenant.casefold()
        if directory and len(tenant) == 36 and tenant.count("-") == 4 and directory.casefold() != tenant:
            return (
                StageState.WARNING,
                f"It comes from another directory: {directory}, not {tenant}.",
                "Who signed in belongs to another tenant than the settings name.",
            )
        return StageState.PASSED, f"It says: {'; '.join(shown) or 'nothing of use'}.", ""

    async def permission(self) -> _Finding:
        assert self._found is not None  # noqa: S101 - the stage before it did not fail
        if self._settings.provider is OAuthProvider.GOOGLE:
            return self._google(self._found.scope)
        if self._settings.provider is not OAuthProvider.MICROSOFT or not self._claims:
            return StageState.SKIPPED, "What it allows shows only when it is used.", ""
        wanted = _PERMISSION[self._settings.flow]
        audience = self._claim("aud").rstrip("/")
        if audience not in _AUDIENCES:
            return (
                StageState.FAILED,
                f"The token is for {audience or 'nobody'}, not for Exchange Online.",
                "Leave the scope empty; a scope of Microsoft Graph does not open SMTP.",
            )
        held = self._claim("scp").split() + self._list("roles")
        if wanted not in held:
            return (
                StageState.FAILED,
                f"It lacks {wanted}; it has {', '.join(held) or 'no permission'}.",
                f"In the Entra admin center, under App registrations → API permissions, add {wanted} of Office 365 Exchange "
                f"Online{' as an application permission' if wanted == 'SMTP.SendAsApp' else ''} and grant admin consent"
                f"{'' if self._settings.needs_secret else '; then sign in again'}.",
            )
        user = flows.account_of(self._found.value)
        if self._settings.flow is OAuthFlow.DELEGATED and user and user.casefold() != self._account.username.casefold():
            return (
                StageState.WARNING,
                f"It has {wanted}, but {user} signed in and mail is sent as {self._account.username}.",
                f"That works only if {user} has Full Access to the mailbox {self._account.username}.",
            )
        return StageState.PASSED, f"It has {wanted}.", ""

    def _google(self, scope: str) -> _Finding:
        if scope and "https://mail.google.com/" not in scope.split():
            return (
                StageState.FAILED,
                f"It does not allow mail; it allows {printable(scope, 200)}.",
                "Leave the scope empty and sign in again; the mailbox's box must be ticked when Google asks.",
            )
        return StageState.PASSED, "It allows sending mail by SMTP.", ""

    def _claim(self, name: str) -> str:
        value = self._claims.get(name)
        return ", ".join(self._list(name)) if isinstance(value, list) else printable(str(value or ""), 200)

    def _list(self, name: str) -> list[str]:
        value = self._claims.get(name)
        return [printable(str(item), 60) for item in value[:20]] if isinstance(value, list) else []

    def _today(self) -> date:
        return datetime.fromtimestamp(self._tokens.clock(), UTC).date()


def mechanism_stage(dialogue: Sequence[str]) -> VerifyStage | None:
    """What the server's last EHLO reply says about sign-in by token; None where it says nothing about any sign-in."""
    said = [line.removeprefix("S: 250")[1:].upper().split() for line in dialogue if line.startswith("S: 250")]
    offers = [words[1:] for words in said if words and words[0] == "AUTH"]
    if not offers:
        return None
    usable = [name for name in ("XOAUTH2", "OAUTHBEARER") if name in offers[-1]]
    title = "Sign-in by token"
    if usable:
        return VerifyStage("mechanism", title, StageState.PASSED, 0.0, f"The server offers {' and '.join(usable)}.")
    return VerifyStage(
        "mechanism",
        title,
        StageState.FAILED,
        0.0,
        f"The server offers only {', '.join(offers[-1])}.",
        "Check server and port: Microsoft 365 offers it at smtp.office365.com port 587, Google at smtp.gmail.com port 587.",
    )
