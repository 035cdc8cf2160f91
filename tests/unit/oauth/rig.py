"""A gateway's account at the stand-in authority, with a vault and a clock that a test holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gatepost.model.errors import Unavailable
from gatepost.model.oauth import OAuthAccount, OAuthSettings
from gatepost.model.secret import Secret
from gatepost.relay.oauth import flows
from gatepost.relay.oauth.authority import HttpAuthority
from gatepost.relay.oauth.sign_in import SignIns
from gatepost.relay.oauth.tokens import Tokens

from ...support.oauth_authority import StandInAuthority

REDIRECT = "http://127.0.0.1:1"


class Clock:
    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass
class MemoryVault:
    values: dict[str, Secret] = field(default_factory=dict)
    locked: bool = False
    writes: list[str] = field(default_factory=list)

    async def get(self, name: str) -> Secret | None:
        return self.values.get(name)

    async def set(self, name: str, secret: Secret) -> None:
        if self.locked:
            raise Unavailable("The keyring is locked.", "", "Unlock it.")
        self.writes.append(name)
        self.values[name] = secret

    async def delete(self, name: str) -> None:
        self.values.pop(name, None)


class Rig:
    def __init__(self, authority: StandInAuthority, **settings: Any) -> None:
        self.authority = authority
        self.clock = Clock()
        authority.clock = self.clock
        self.vault = MemoryVault()
        self.changes: list[str] = []
        self.account = OAuthAccount("gw-1", authority.user, OAuthSettings.model_validate(authority.settings | settings))
        self.tokens = self.other_tokens()
        self.sign_ins = SignIns(self.clock)

    def other_tokens(self) -> Tokens:
        """As after a restart: what was in memory is gone."""
        return Tokens(self.vault, HttpAuthority(timeout=5), self.clock, lambda: 0.0, self.changes.append)

    def store_secret(self, value: str) -> None:
        self.vault.values[self.account.client_secret] = Secret(value)

    async def sign_in(self) -> None:
        begun = self.sign_ins.begin(self.account, REDIRECT, None)
        url = await self.authority.agreed(begun.url)
        code = Secret(url.partition("code=")[2].partition("&")[0])
        pending = self.sign_ins.take("gw-1", begun.state)
        form = flows.code_form(self.account.settings, None, code, pending.verifier, REDIRECT)
        await self.tokens.signed_in(self.account, await self.tokens.ask(self.account, form))

    @property
    def renewals(self) -> int:
        return sum(form["grant_type"] == "refresh_token" for form in self.authority.asked)
