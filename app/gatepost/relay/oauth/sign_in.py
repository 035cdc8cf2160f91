"""A person's sign-in in the system's browser: authorization code with PKCE and a redirect to this computer (RFC 8252).

The browser and the listener for its way back belong to the front-end. The verifier never leaves the relay, so what a
front-end or somebody who watches the browser sees is worth nothing without it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from ...model.errors import InvalidInput, Issue
from ...model.oauth import OAuthAccount, OAuthFlow, is_loopback
from ...model.secret import Secret
from ..common.clock import Clock
from . import flows
from .faults import FaultKind, OAuthFault

LIFE_SECONDS = 900.0
"""How long a person may take in the browser."""
MAX_PENDING = 20


@dataclass(frozen=True, slots=True)
class Begun:
    url: str
    state: str
    until: float
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Pending:
    account: OAuthAccount
    verifier: Secret
    redirect_uri: str
    typed_secret: Secret | None
    """The client secret as it was just typed, where it is not stored yet."""
    until: float


class SignIns:
    """Those that have begun and are not over, by state. In memory only: a restart ends them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pending: dict[str, Pending] = {}

    def begin(self, account: OAuthAccount, redirect_uri: str, typed_secret: Secret | None) -> Begun:
        """Raises InvalidInput for settings or a redirect that cannot work."""
        issues = [Issue(f"auth.oauth.{field}", words) for field, words in account.settings.lacks()]
        if account.settings.flow is not OAuthFlow.DELEGATED:
            issues.append(Issue("auth.oauth.flow", "this gateway signs in as an application: no person is needed"))
        if not _leads_here(redirect_uri):
            issues.append(
                Issue("redirect_uri", "it must lead to this computer: http://127.0.0.1 or http://localhost with a port")
            )
        if issues:
            raise InvalidInput(issues)
        now = self._clock()
        self._pending = {state: one for state, one in self._pending.items() if now < one.until}
        while len(self._pending) >= MAX_PENDING:
            del self._pending[next(iter(self._pending))]
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
        until = now + LIFE_SECONDS
        self._pending[state] = Pending(account, Secret(verifier), redirect_uri, typed_secret, until)
        return Begun(flows.authorization_url(account, redirect_uri, state, flows.challenge_of(verifier)), state, until)

    def take(self, gateway_id: str, state: str) -> Pending:
        """The sign-in that the browser comes back from; it can be taken once. Raises OAuthFault."""
        pending = self._pending.get(state)
        if pending is None or pending.account.gateway_id != gateway_id or self._clock() >= pending.until:
            self._pending.pop(state, None)
            raise OAuthFault(
                FaultKind.SIGN_IN,
                "This sign-in is not known (any more): begin again.",
                "It was begun too long ago, was used already, or the relay was restarted meanwhile.",
            )
        return self._pending.pop(state)


def _leads_here(redirect_uri: str) -> bool:
    try:
        parts = urlsplit(redirect_uri)
        return (
            parts.scheme == "http"
            and is_loopback(parts.hostname or "")
            and parts.port is not None
            and parts.path in ("", "/")
            and not (parts.query or parts.fragment or parts.username or parts.password)
        )
    except ValueError:
        return False
