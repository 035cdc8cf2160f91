"""Signing in by OAuth 2.0: the browser's way out and back, how it stands, and the doctor. Secrets go in and never come out."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ....model.errors import InvalidInput, Issue
from ....model.gateway import Gateway
from ....model.report import OAuthReport, OAuthSignIn
from ....model.secret import Secret
from ..call import Call
from .relay import gateway_of, tell_stages


async def begin(call: Call) -> OAuthSignIn:
    gateway, typed = _asked(call)
    return await call.facade.oauth.begin(gateway, typed, call.body.redirect_uri)


async def complete(call: Call) -> OAuthReport:
    body = call.body
    code = Secret(body.code.get_secret_value())
    return await call.facade.oauth.complete(call.part("id"), body.state, code, body.error, body.error_description)


async def status(call: Call) -> OAuthReport:
    return await call.facade.oauth.status(call.part("id"))


async def forget(call: Call) -> OAuthReport:
    return await call.facade.oauth.forget(call.part("id"))


async def doctor(call: Call) -> web.StreamResponse:
    """As Verify Connection answers: stages as lines of JSON."""
    gateway, typed = _asked(call)
    if isinstance(gateway, str):
        await call.facade.oauth.status(gateway)  # what is refused is refused before the first line
    return await tell_stages(call, call.facade.oauth.doctor(gateway, typed))


def _asked(call: Call) -> tuple[Gateway | str, Secret | None]:
    body: Any = call.body
    typed = Secret(body.client_secret.get_secret_value()) if body.client_secret else None
    if body.gateway is None:
        return call.part("id"), typed
    gateway = gateway_of(body.gateway)
    if gateway.id != call.part("id"):
        raise InvalidInput([Issue("gateway.id", "it is not the gateway that the path names")])
    return gateway, typed
