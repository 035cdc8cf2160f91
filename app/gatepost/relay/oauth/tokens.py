"""One access token for each account: got when it is needed, renewed before it ends, by one request at a time.

A token that is nearly over is still handed out while its successor is being fetched, so no message waits for the provider
as long as the provider answers in time. A refresh token that was replaced by a new one is saved before the access token
that came with it is used (RFC 6749 §6, RFC 9700 §4.14). Wall time counts: a suspended machine wakes up with ended tokens.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ...model.errors import GatepostError
from ...model.oauth import OAuthAccount, OAuthFlow, grant_name
from ...model.secret import Secret
from ..common.clock import Clock
from ..common.tasks import Tasks
from . import flows
from .authority import Authority
from .faults import FaultKind, OAuthFault, no_secret, not_signed_in, other_settings, refusal
from .grant import Grant, binding, grant_from

log = logging.getLogger(__name__)

RENEW_SHARE = 0.2
"""Of a token's life that is left when it is renewed; …"""
RENEW_SECONDS = 300.0
"""… at most this long before its end, and up to half as much earlier, so that gateways do not renew all at once."""
SLACK_SHARE = 0.05
"""A token counts as ended this share of its life before its end (30 s at most): it has a way to go."""
RETRY_SECONDS = 30.0
"""Between attempts to renew a token that is still good."""
WORN_SECONDS = 60.0
"""A token that is refused when it is older than this may have been ended by the provider."""
CLOSE_SECONDS = 5.0
"""An answer that is on its way at the end is waited for so long: it may hold the refresh token that counts from now on."""
SAVE_SECONDS = 86_400.0
"""A grant whose refresh token stayed the same is saved this often, so that it is known when it was last used."""


class TokenVault(Protocol):
    async def get(self, name: str) -> Secret | None: ...
    async def set(self, name: str, secret: Secret) -> None: ...
    async def delete(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class AccessToken:
    """Times in seconds since the epoch."""

    value: Secret
    scope: str
    obtained_at: float
    renew_at: float
    usable_until: float
    expires_at: float


@dataclass(slots=True, eq=False)
class _State:
    account: OAuthAccount
    lock: asyncio.Lock
    """Of the gateway: nobody signs in while a token is being fetched by the old sign-in."""
    token: AccessToken | None = None
    has_worked: bool = False
    """A server took a token since one was refused."""
    refused: AccessToken | None = None
    flight: asyncio.Task[AccessToken | GatepostError] | None = None
    sign_in_ends: float | None = None
    unsaved: Grant | None = None
    """Handed out by the provider, and the vault did not take it yet."""
    fault: GatepostError | None = None
    fault_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account stands, without a secret. ``fault`` is why the last attempt to get a token failed."""

    token: AccessToken | None = None
    fault: GatepostError | None = None
    fault_at: float | None = None
    sign_in_ends: float | None = None
    """Where the provider said so, and it is known by now."""


@dataclass(slots=True)
class Tokens:
    """``changed`` is called with a gateway's id when its standing changes. Close it."""

    vault: TokenVault
    authority: Authority
    clock: Clock
    jitter: Callable[[], float] = random.random
    """A number from 0 to 1."""
    changed: Callable[[str], None] = lambda _gateway: None
    locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    """By gateway. Whoever else asks with what the same vault holds shares them: a refresh token is good for one request."""
    _states: dict[str, _State] = field(default_factory=dict)
    _tasks: Tasks = field(default_factory=lambda: Tasks("tokens"))

    async def token(self, account: OAuthAccount) -> AccessToken:
        """One that is good now. Raises OAuthFault, and VaultError where the vault cannot be read or written."""
        state = self._state(account)
        token, now = state.token, self.clock()
        if token is not None and token is not state.refused and token.obtained_at <= now < token.usable_until:
            if now >= token.renew_at and (state.fault is None or now >= state.fault_at + RETRY_SECONDS):
                self._renewing(state)
            return token
        return await self.renew(account)

    async def renew(self, account: OAuthAccount) -> AccessToken:
        """A new one, now; whoever asks meanwhile gets the same."""
        found = await asyncio.shield(self._renewing(self._state(account)))
        if isinstance(found, GatepostError):
            raise found.with_traceback(None)
        return found

    def accepted(self, account: OAuthAccount, token: AccessToken) -> None:
        """A server took it."""
        self._state(account).has_worked = True

    def refused(self, account: OAuthAccount, token: AccessToken) -> bool:
        """A server did not take it: it is handed out no more. Whether a new one may help: tokens of this account have worked,
        and this one did not come in place of another that was refused."""
        state = self._state(account)
        if token is not state.token:
            return True
        had_worked, state.has_worked, state.refused = state.has_worked, False, token
        return had_worked or self.clock() > token.obtained_at + WORN_SECONDS

    def standing(self, account: OAuthAccount) -> Standing:
        state = self._states.get(account.gateway_id)
        if state is None or state.account != account:
            return Standing()
        return Standing(state.token, state.fault, state.fault_at if state.fault is not None else None, state.sign_in_ends)

    async def grant(self, account: OAuthAccount) -> Grant | None:
        """What a person's sign-in left, also where it is for other settings."""
        if (unsaved := self._state(account).unsaved) is not None:
            return unsaved
        sealed = await self.vault.get(account.grant)
        return grant_from(sealed) if sealed is not None else None

    async def signed_in(self, account: OAuthAccount, answer: flows.Granted) -> Grant:
        """A person has signed in. Raises OAuthFault when nothing lasting came of it, VaultError when it cannot be kept."""
        if answer.refresh_token is None:
            raise OAuthFault(
                FaultKind.STRANGE,
                "The provider gave no refresh token, so nothing would last longer than an hour.",
                "",
                "The scope must ask for it (“offline_access”), and the client must be allowed to have it.",
            )
        now = self.clock()
        ends = now + answer.refresh_life if answer.refresh_life is not None else None
        grant = Grant(answer.refresh_token, binding(account), flows.account_of(answer.token), now, now, ends)
        lock = self._state(account).lock
        async with lock:
            await self.vault.set(account.grant, grant.sealed())
            state = self._states[account.gateway_id] = _State(account, lock)
            state.token, state.sign_in_ends = self._token(answer, now), ends
        self.changed(account.gateway_id)
        return grant

    async def sign_out(self, account: OAuthAccount) -> None:
        """Forget the sign-in and every token. Raises VaultError."""
        await self.forget_sign_in(account.gateway_id)

    async def forget_sign_in(self, gateway_id: str) -> None:
        """As ``sign_out``, also of a gateway that is gone. A renewal that is under way ends first: it would bring it back."""
        async with self.locks.setdefault(gateway_id, asyncio.Lock()):
            await self.vault.delete(grant_name(gateway_id))
            self._states.pop(gateway_id, None)
        self.changed(gateway_id)

    def forget(self, gateway_id: str) -> None:
        """A secret changed: the token that the old one gave, and why there was none, count no more."""
        if (state := self._states.get(gateway_id)) is not None:
            state.token, state.fault = None, None

    async def close(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._tasks.finished()
        await self._tasks.close()
        self._states.clear()

    # --- getting one ---

    def _state(self, account: OAuthAccount) -> _State:
        state = self._states.get(account.gateway_id)
        if state is None or state.account != account:
            lock = self.locks.setdefault(account.gateway_id, asyncio.Lock())
            state = self._states[account.gateway_id] = _State(account, lock)
        return state

    def _renewing(self, state: _State) -> asyncio.Task[AccessToken | GatepostError]:
        if state.flight is None or state.flight.done():
            state.flight = self._tasks.spawn(self._renew(state), f"token of {state.account.gateway_id}")
        return state.flight

    async def _renew(self, state: _State) -> AccessToken | GatepostError:
        """Expected failures are returned: a renewal in the background has nobody who would catch them."""
        had_fault = state.fault is not None
        try:
            async with state.lock:
                token = await self._fetch(state)
        except GatepostError as error:
            state.fault, state.fault_at = error, self.clock()
            log.warning("no token for gateway %s: %s", state.account.gateway_id, error.title)
            self.changed(state.account.gateway_id)
            return error
        is_first = state.token is None
        state.token, state.fault = token, None
        log.debug("gateway %s has a token for %.0f s", state.account.gateway_id, token.expires_at - token.obtained_at)
        if had_fault or is_first:
            self.changed(state.account.gateway_id)
        return token

    async def _fetch(self, state: _State) -> AccessToken:
        account, settings = state.account, state.account.settings
        for _, words in settings.lacks():
            raise OAuthFault(FaultKind.SETTINGS, f"The OAuth settings are not complete: {words}.")
        secret = await self.vault.get(account.client_secret)
        if settings.flow is OAuthFlow.APPLICATION:
            if secret is None:
                raise no_secret(settings.is_service_account)
            if settings.is_service_account:
                form = await asyncio.to_thread(flows.assertion_form, account, secret, self.clock())
            else:
                form = flows.client_form(settings, secret)
            return self._token(await self.ask(account, form, secret), self.clock())
        grant = await self._usable_grant(state)
        form = flows.refresh_form(settings, secret, grant.refresh_token)
        answer = await self.ask(account, form, *filter(None, (secret, grant.refresh_token)))
        now = self.clock()
        await self._keep(state, grant, answer, now)
        return self._token(answer, now)

    async def ask(self, account: OAuthAccount, form: Mapping[str, str], *secrets: Secret) -> flows.Granted:
        """One question to the account's token endpoint. ``secrets`` are never quoted in what a refusal says."""
        settings = account.settings
        status, body = await self.authority.ask(settings.token_endpoint, form)
        if status != 200 or "error" in body:
            raise self._refusal(account, status, body, *secrets)
        return flows.granted(body)

    @staticmethod
    def _refusal(account: OAuthAccount, status: int, body: Mapping[str, Any], *secrets: Secret) -> OAuthFault:
        settings = account.settings
        return refusal(settings.provider, status, body, *secrets, is_service_account=settings.is_service_account)

    async def _usable_grant(self, state: _State) -> Grant:
        account = state.account
        if state.unsaved is not None:
            await self.vault.set(account.grant, state.unsaved.sealed())
            state.unsaved = None
        grant = await self.grant(account)
        if grant is None:
            raise not_signed_in()
        if not grant.fits(account):
            raise other_settings()
        state.sign_in_ends = grant.expires_at
        return grant

    async def _keep(self, state: _State, grant: Grant, answer: flows.Granted, now: float) -> None:
        ends = now + answer.refresh_life if answer.refresh_life is not None else grant.expires_at
        renewal = answer.refresh_token or grant.refresh_token
        renewed = replace(grant, refresh_token=renewal, renewed_at=now, expires_at=ends)
        state.sign_in_ends = ends
        if renewed.refresh_token == grant.refresh_token and now < grant.renewed_at + SAVE_SECONDS:
            return
        state.unsaved = renewed
        await self.vault.set(state.account.grant, renewed.sealed())
        state.unsaved = None

    def _token(self, answer: flows.Granted, now: float) -> AccessToken:
        ends = now + answer.life
        margin = min(RENEW_SECONDS, RENEW_SHARE * answer.life) * (1.0 + 0.5 * self.jitter())
        slack = min(30.0, SLACK_SHARE * answer.life)
        return AccessToken(answer.token, answer.scope, now, ends - margin, ends - slack, ends)
