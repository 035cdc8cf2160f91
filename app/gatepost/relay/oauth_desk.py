"""Sign-ins by OAuth 2.0 as people administer them: signing in and out, how a gateway stands, the doctor, and warnings."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Container
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..model.errors import GatepostError, InvalidInput, Issue, NotFound
from ..model.gateway import Gateway, OutboundGateway
from ..model.oauth import OAuthAccount, OAuthFlow, client_secret_name, grant_name
from ..model.report import OAuthReport, OAuthSignIn, OAuthState, Problem, StageState, VerifyStage
from ..model.secret import Secret
from .common.tasks import Tasks as Background
from .oauth import flows
from .oauth.authority import Authority, HttpAuthority
from .oauth.faults import refusal
from .oauth.sign_in import SignIns
from .oauth.tokens import Tokens, TokenVault

if TYPE_CHECKING:
    from .service import RelayService

log = logging.getLogger(__name__)

KEEP_SECONDS = 3600.0
IDLE_SECONDS = 86_400.0
"""A sign-in that was not used for this long is renewed, so that it does not end by being idle, and its end is noticed."""
SOON_DAYS = 30
"""So long before a client secret ends, it is warned of: a new one may have to be asked for."""
SIGN_IN_SOON_SECONDS = 3 * 86_400.0
"""So long before a sign-in ends, where the provider said when (Google's testing clients: after 7 days)."""


class _NotedVault:
    """The vault, with the note of what is in it; and before it, secrets that were typed and are not stored yet."""

    def __init__(self, service: RelayService, typed: dict[str, Secret] | None = None) -> None:
        self._service = service
        self._typed = typed or {}

    async def get(self, name: str) -> Secret | None:
        return self._typed.get(name) or await self._service.vault.get(name)

    async def set(self, name: str, secret: Secret) -> None:
        service = self._service
        await service.vault.set(name, secret)
        state = await service.vault.describe()
        await asyncio.to_thread(service.store.secret_index.put, name, state.label)

    async def delete(self, name: str) -> None:
        await self._service.vault.delete(name)
        await asyncio.to_thread(self._service.store.secret_index.remove, name)


class OAuthDesk:
    """Implements ``control.server.facade.OAuthFacade``, and is where delivery's tokens come from (``tokens``)."""

    def __init__(self, service: RelayService, authority: Authority | None = None) -> None:
        self._service = service
        self._authority = authority or HttpAuthority()
        self._sign_ins = SignIns(service.clock)
        self._background = Background("oauth")
        self._vault: TokenVault = _NotedVault(service)
        self.tokens = Tokens(self._vault, self._authority, service.clock, changed=self._changed)
        self._stored: dict[str, float] | None = None
        """When which secret was stored, by name; None: not looked at yet."""

    def start(self) -> None:
        """With the process, not with the mail plane: a sign-in must not end while mail is stopped."""
        self._background.spawn(self._keep_for_ever(), "keep sign-ins alive")

    async def close(self) -> None:
        await self._background.close()
        await self.tokens.close()

    def secret_changed(self, name: str) -> None:
        kind, _, rest = name.partition("/")
        gateway_id = rest.partition("/")[0]
        if kind == "gateway" and name == client_secret_name(gateway_id):
            self.tokens.forget(gateway_id)
        if kind == "gateway":
            self._background.spawn(self._look_at_stored(), "see what is stored")

    def _changed(self, gateway_id: str) -> None:
        self._service.events.publish("sign-in.changed", gateway=gateway_id)

    # --- for the control API ---

    async def begin(self, gateway: Gateway | str, typed: Secret | None, redirect_uri: str) -> OAuthSignIn:
        begun = self._sign_ins.begin(self._account(gateway), redirect_uri, typed)
        return OAuthSignIn(begun.url, begun.state, begun.until)

    async def complete(self, gateway_id: str, state: str, code: Secret, error: str, description: str) -> OAuthReport:
        pending = self._sign_ins.take(gateway_id, state)
        account = pending.account
        if error:
            raise refusal(account.settings.provider, 0, {"error": error, "error_description": description})
        if not code.reveal():
            raise InvalidInput([Issue("code", "the provider's code is missing")])
        secret = pending.typed_secret or await self._vault.get(account.client_secret)
        form = flows.code_form(account.settings, secret, code, pending.verifier, pending.redirect_uri)
        answer = await self.tokens.ask(account, form, *filter(None, (secret, code, pending.verifier)))
        await self.tokens.signed_in(account, answer)
        log.info("somebody signed in for gateway %s", gateway_id)
        self._service.secret_changed(account.grant)
        await self._service.release_mail(gateway_id)  # also where a restart has forgotten that the gateway rested
        await self._look_at_stored()
        return await self._report(account)

    async def status(self, gateway_id: str) -> OAuthReport:
        return await self._report(self._account(gateway_id))

    async def forget(self, gateway_id: str) -> OAuthReport:
        account = self._account(gateway_id)
        await self.tokens.sign_out(account)
        log.info("signed out gateway %s", gateway_id)
        self._service.secret_changed(account.grant)
        await self._look_at_stored()
        return await self._report(account)

    async def doctor(self, gateway: Gateway | str, typed: Secret | None) -> AsyncIterator[VerifyStage]:
        """Stages as they end, those of Verify Connection last. Closing the iterator ends it."""
        from .oauth.doctor import examine, mechanism_stage
        from .verifying import verify_gateway

        examined = self._service.configuration.gateway(gateway) if isinstance(gateway, str) else gateway
        account = self._account(gateway)
        assert isinstance(examined, OutboundGateway)  # noqa: S101 - _account refuses what is none
        tokens = self.tokens_for(account, typed)
        try:
            passed = True
            async with aclosing(examine(tokens, self._authority, account, examined.host)) as steps:  # type: ignore[type-var]
                async for stage in steps:
                    passed = passed and stage.state is not StageState.FAILED
                    yield stage
            if not passed:
                return
            offered: tuple[str, ...] = ()
            async with aclosing(verify_gateway(self._service, examined, typed, tokens)) as stages:  # type: ignore[type-var]
                async for stage in stages:
                    if stage.stage == "ehlo":
                        offered = stage.dialogue
                    elif stage.stage == "auth" and (found := mechanism_stage(offered)) is not None:
                        yield found
                    yield stage
        finally:
            if tokens is not self.tokens:
                await tokens.close()

    def tokens_for(self, account: OAuthAccount, typed: Secret | None) -> Tokens:
        """For an account as it would be saved; where it is what is in force, delivery's own. Close any other."""
        if typed is None and account == self._accounts().get(account.gateway_id):
            return self.tokens
        overlay = _NotedVault(self._service, {account.client_secret: typed} if typed is not None else None)
        return Tokens(overlay, self._authority, self._service.clock, locks=self.tokens.locks)

    def _account(self, gateway: Gateway | str) -> OAuthAccount:
        """Raises NotFound, and InvalidInput for a gateway that does not sign in by OAuth."""
        found = self._service.configuration.gateway(gateway) if isinstance(gateway, str) else gateway
        if found is None:
            raise NotFound(f"There is no gateway “{str(gateway)[:60]}”.", hint="It may have been removed meanwhile.")
        account = found.oauth_account if isinstance(found, OutboundGateway) else None
        if account is None and isinstance(gateway, str):
            raise NotFound("This gateway does not sign in by OAuth 2.0.", hint="Choose it on its Authentication card.")
        if account is None:
            raise InvalidInput([Issue("auth.method", "this gateway does not sign in by OAuth 2.0")])
        return account

    def _accounts(self) -> dict[str, OAuthAccount]:
        outbound = self._service.configuration.outbound
        return {one.id: account for one in outbound if (account := one.oauth_account) is not None}

    async def _report(self, account: OAuthAccount) -> OAuthReport:
        standing = self.tokens.standing(account)
        delegated = account.settings.flow is OAuthFlow.DELEGATED
        fault: GatepostError | None = standing.fault
        try:
            grant = await self.tokens.grant(account) if delegated else None
        except GatepostError as error:
            grant, fault = None, error
        if delegated and fault is None and (grant is None or not grant.fits(account)):
            state = OAuthState.SIGNED_OUT
        elif fault is not None:
            state = OAuthState.FAILING
        else:
            state = OAuthState.SIGNED_IN if delegated or standing.token is not None else OAuthState.UNTRIED
        return OAuthReport(
            gateway=account.gateway_id,
            flow=account.settings.flow.value,
            state=state,
            account=grant.account if grant is not None else "",
            since=grant.granted_at if grant is not None else None,
            token_until=standing.token.expires_at if standing.token is not None else None,
            renews_at=standing.token.renew_at if standing.token is not None else None,
            sign_in_until=grant.expires_at if grant is not None else None,
            has_secret=account.client_secret in (self._stored or ()),
            problem=f"{fault.title} {fault.detail}".strip() if fault is not None else "",
            hint=fault.hint if fault is not None else "",
        )

    # --- what needs attention ---

    def problems(self) -> list[Problem]:
        """Before the mail waits: secrets and sign-ins that end soon, or are not there."""
        found: list[Problem] = []
        for gateway in self._service.configuration.outbound:
            account = gateway.oauth_account
            if account is not None and gateway.enabled and self._stored is not None:
                found.extend(self._problems_of(gateway.label, account, self._stored))
        return found

    def _problems_of(self, label: str, account: OAuthAccount, stored: Container[str]) -> list[Problem]:
        settings, subject = account.settings, f"sign-in:{account.gateway_id}"
        today = datetime.fromtimestamp(self._service.clock(), UTC).date()
        standing = self.tokens.standing(account)
        if settings.needs_secret and account.client_secret not in stored:
            hint = "Enter it on the gateway's Authentication card."
            return [Problem("sign-in", f"{label} has no client secret.", "It cannot sign in; its mail waits.", hint, subject)]
        if not settings.needs_secret and account.grant not in stored:
            hint = "Sign in on the gateway's Authentication card, or by “gatepost gateway sign-in”."
            return [Problem("sign-in", f"{label} is not signed in.", "Its mail waits until somebody signs in.", hint, subject)]
        if standing.fault is not None and not getattr(standing.fault, "passes", False):
            fault = standing.fault
            words = f"{fault.title} {fault.detail}".strip()
            return [
                Problem("sign-in", f"{label} cannot renew its sign-in.", words, fault.hint, subject, standing.fault_at)
            ]  # fmt: skip
        found = []
        if settings.secret_expires is not None and account.client_secret in stored:
            days = (settings.secret_expires - today).days
            if days <= SOON_DAYS:
                verb = "ended" if days < 0 else "ends"
                found.append(
                    Problem(
                        "sign-in", f"The client secret of {label} {verb} on {settings.secret_expires.isoformat()}.",
                        "From then on the gateway cannot sign in, and its mail waits." if days >= 0 else
                        "If that is so, the gateway cannot sign in, and its mail waits.",
                        "Make a new client secret at the provider, and enter it with its date on the Authentication card.",
                        subject,
                    )
                )  # fmt: skip
        ends = standing.sign_in_ends
        if ends is not None and ends - self._service.clock() < SIGN_IN_SOON_SECONDS:
            day = datetime.fromtimestamp(ends, UTC).date().isoformat()
            found.append(
                Problem(
                    "sign-in", f"The sign-in of {label} ends on {day}.", "From then on its mail waits.",
                    "Sign in again before, on the gateway's Authentication card.", subject,
                )
            )  # fmt: skip
        return found

    # --- keeping sign-ins alive ---

    async def _look_at_stored(self) -> None:
        found = await asyncio.to_thread(self._service.store.secret_index.all)
        before, self._stored = self._stored or {}, {name: note.stored_at for name, note in found.items()}
        for name in before.keys() - self._stored.keys():
            gateway_id = name.removeprefix("gateway/").partition("/")[0]
            if name == grant_name(gateway_id):
                self.tokens.forget(gateway_id)

    async def _keep_for_ever(self) -> None:
        await self._look_at_stored()
        while True:
            await self.keep()
            await asyncio.sleep(KEEP_SECONDS)

    async def keep(self) -> None:
        """Renew the sign-ins that nobody has used for a day."""
        now = self._service.clock()
        for account in self._accounts().values():
            stored = (self._stored or {}).get(account.grant)
            if account.settings.flow is not OAuthFlow.DELEGATED or stored is None:
                continue
            token = self.tokens.standing(account).token
            if now - max(stored, token.obtained_at if token is not None else 0.0) < IDLE_SECONDS:
                continue
            try:
                await self.tokens.renew(account)
            except GatepostError as error:
                log.warning("the sign-in of gateway %s was not renewed: %s", account.gateway_id, error.title)
