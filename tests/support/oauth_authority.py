"""Hands out access tokens as Microsoft and Google do: a stand-in authority on this machine, with every refusal that matters.

Authorization code with PKCE, refresh tokens that are replaced at each use (one that was used is void), client credentials,
a service account's signed assertion, revocation. ``problem`` says what is wrong with an access token, for the server that
it is shown to. What is asked and answered is recorded; nothing here trusts the client.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

CLIENT_ID = "11111111-2222-3333-4444-555555555555"
SCOPE = "https://outlook.office.com/SMTP.Send"


@dataclass
class Issued:
    user: str
    until: float
    scope: str
    revoked: bool = False


@dataclass
class _Code:
    challenge: str
    redirect_uri: str
    client_id: str
    user: str


@dataclass
class StandInAuthority:
    """``life`` of access tokens in seconds, by ``clock``. ``secret`` empty: a public client, which must show none."""

    user: str = "sender@example.com"
    secret: str = ""
    life: float = 3600.0
    rotates: bool = True
    refresh_life: float | None = None
    clock: Callable[[], float] = time.time
    claims: dict[str, Any] = field(default_factory=dict)
    """More claims of the tokens; they replace the usual ones."""
    service_key: Any = None
    """The public key of the service account; None: there is none."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """The forms of the token endpoint."""
    tokens: dict[str, Issued] = field(default_factory=dict)
    renewals: dict[str, str] = field(default_factory=dict)
    """Refresh tokens that are good, with their user."""
    refusal: tuple[int, dict[str, Any]] | None = None
    """Answer every question of the token endpoint with this."""
    answer: Callable[[], web.StreamResponse] | None = None
    """… or with this."""
    wait: asyncio.Event | None = None
    """The token endpoint answers when this is set."""
    declines: bool = False
    """The person in the browser says no."""

    def __post_init__(self) -> None:
        self._codes: dict[str, _Code] = {}
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, Any]:
        """For a gateway's ``auth.oauth``."""
        return {
            "provider": "other",
            "client_id": CLIENT_ID,
            "authorize_url": f"{self.url}/authorize",
            "token_url": f"{self.url}/token",
            "scope": f"{SCOPE} offline_access",
        }

    # --- what the people at the provider do ---

    def revoke_sign_in(self) -> None:
        """As when a password is changed: neither refresh tokens nor access tokens count any more."""
        self.renewals.clear()
        self.revoke_tokens()

    def revoke_tokens(self) -> None:
        for token in self.tokens.values():
            token.revoked = True

    def problem(self, user: str, token: str) -> str:
        """For ``SmtpPeer.tokens``: the status of its challenge."""
        found = self.tokens.get(token)
        if found is None or found.revoked or self.clock() >= found.until:
            return "401"
        return "" if found.user == user else "403"

    def secrets(self) -> set[str]:
        """Everything that must not be found anywhere."""
        shown = {form[name] for form in self.asked for name in ("code", "code_verifier", "client_secret") if name in form}
        return {
            *self.tokens,
            *self.renewals,
            *(form["refresh_token"] for form in self.asked if "refresh_token" in form),
            *shown,
        }

    async def sign_in(self, url: str) -> str:
        """What a person and their browser do: open the URL, agree, and follow the redirect. Returns the page they see."""
        async with aiohttp.ClientSession() as browser, browser.get(url) as page:
            return await page.text()

    async def agreed(self, url: str) -> str:
        """The address that a browser without a way to the listener would show."""
        async with aiohttp.ClientSession() as browser, browser.get(url, allow_redirects=False) as page:
            assert page.status == 302, await page.text()
            return page.headers["Location"]

    # --- the server ---

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.wait is not None:
            self.wait.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _authorize(self, request: web.Request) -> web.Response:
        query = request.query
        wanted = {"response_type": "code", "client_id": CLIENT_ID, "code_challenge_method": "S256"}
        if any(query.get(name) != value for name, value in wanted.items()) or len(query.get("code_challenge", "")) != 43:
            return web.Response(status=400, text="not a request that this authority takes")
        if not query["redirect_uri"].startswith(("http://127.0.0.1:", "http://localhost:")):
            return web.Response(status=400, text="AADSTS50011: the redirect URI does not match")
        back: dict[str, str] = {"state": query["state"]}
        if self.declines:
            back |= {"error": "access_denied", "error_description": "AADSTS65004: User declined to consent"}
        else:
            code = f"code-{secrets.token_urlsafe(24)}"
            self._codes[code] = _Code(query["code_challenge"], query["redirect_uri"], query["client_id"], self.user)
            back["code"] = code
        raise web.HTTPFound(f"{query['redirect_uri']}/?{urlencode(back)}")

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(form)
        if self.wait is not None:
            await self.wait.wait()
        if self.answer is not None:
            return self.answer()
        if self.refusal is not None:
            return web.json_response(self.refusal[1], status=self.refusal[0])
        return self._granted(form)

    def _granted(self, form: dict[str, str]) -> web.Response:
        kind = form.get("grant_type")
        if kind == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return self._asserted(form.get("assertion", ""))
        if form.get("client_id") != CLIENT_ID:
            return _refused("unauthorized_client", "AADSTS700016: Application was not found in the directory", 700016)
        if self.secret and form.get("client_secret") != self.secret:
            return _refused("invalid_client", "AADSTS7000215: Invalid client secret provided", 7000215, status=401)
        if not self.secret and "client_secret" in form:
            return _refused(
                "invalid_client", "AADSTS700025: Client is public so no 'client_secret' should be presented", 700025
            )
        if kind == "authorization_code":
            code = self._codes.pop(form.get("code", ""), None)
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            if code is None or base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code.challenge:
                return _refused("invalid_grant", "AADSTS501481: The Code_Verifier does not match the code_challenge", 501481)
            if form.get("redirect_uri") != code.redirect_uri:
                return _refused("invalid_grant", "AADSTS500112: The reply address does not match", 500112)
            return self._answer(code.user, renewal=self._new_renewal(code.user))
        if kind == "refresh_token":
            shown = form.get("refresh_token", "")
            user = self.renewals.get(shown)
            if user is None:
                return _refused("invalid_grant", "AADSTS50173: The provided grant has expired due to it being revoked", 50173)
            if not self.rotates:
                return self._answer(user)
            del self.renewals[shown]
            return self._answer(user, renewal=self._new_renewal(user))
        if kind == "client_credentials" and self.secret:
            return self._answer(self.user)
        return _refused("unsupported_grant_type", f"AADSTS70003: The grant type {kind} is not supported", 70003)

    def _asserted(self, assertion: str) -> web.Response:
        """RFC 7523 §3, as Google does it."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        signed, _, signature = assertion.rpartition(".")
        try:
            self.service_key.verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, AttributeError):
            return _refused("invalid_grant", "Invalid JWT Signature.")
        claims = json.loads(_decoded(signed.partition(".")[2]))
        now = self.clock()
        if claims["aud"] != f"{self.url}/token" or not claims["iat"] - 60 <= now < claims["exp"] <= claims["iat"] + 3600:
            return _refused("invalid_grant", "Invalid JWT: Token must be a short-lived token")
        if claims["sub"] != self.user:
            return _refused("unauthorized_client", "Client is unauthorized to retrieve access tokens using this method")
        return self._answer(claims["sub"])

    def _new_renewal(self, user: str) -> str:
        token = f"renewal-{secrets.token_urlsafe(48)}"
        self.renewals[token] = user
        return token

    def _answer(self, user: str, renewal: str = "") -> web.Response:
        now = self.clock()
        claims = {
            "aud": "https://outlook.office.com",
            "upn": user,
            "scp": "SMTP.Send",
            "exp": int(now + self.life),
            **self.claims,
        }
        token = ".".join(_encoded(part) for part in (b'{"alg":"RS256"}', json.dumps(claims).encode(), secrets.token_bytes(32)))
        self.tokens[token] = Issued(user, now + self.life, SCOPE)
        body: dict[str, Any] = {"token_type": "Bearer", "expires_in": self.life, "access_token": token, "scope": SCOPE}
        if renewal:
            body["refresh_token"] = renewal
            if self.refresh_life is not None:
                body["refresh_token_expires_in"] = self.refresh_life
        return web.json_response(body)


def _refused(error: str, description: str, *numbers: int, status: int = 400) -> web.Response:
    body = {"error": error, "error_description": f"{description}. Trace ID: 0", "error_codes": list(numbers)}
    return web.json_response(body, status=status)


def _encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
