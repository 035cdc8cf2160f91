"""Nobody reaches any route without being let in: every route of the table is tried, over a real Unix socket and over TCP."""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web

from gatepost.control.server.application import make_application
from gatepost.control.server.facade import RelayFacade
from gatepost.control.server.guard import Authenticator, _host_name, bearer, peers
from gatepost.control.server.openapi import document
from gatepost.control.server.routes import ROUTES, Form, Route
from tests.support.control import Answer, ControlApi

TOKEN = "0123456789abcdef0123456789abcdef"
WEBSOCKET = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip


class Untouchable:
    """A relay that must not be asked anything."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        raise AssertionError(f"the relay was asked for {name}")


def path_of(route: Route) -> str:
    return re.sub(r"\{number\}", "1", re.sub(r"\{\w+(?::[^}]*\}?[^}]*)?\}", "x", route.path))


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


@asynccontextmanager
async def serving(relay: Untouchable, *authenticators: Authenticator) -> AsyncIterator[tuple[ControlApi, int]]:
    """The API on a Unix socket, and on a TCP port."""
    runner = web.AppRunner(make_application(cast(RelayFacade, relay), authenticators), access_log=None)
    await runner.setup()
    with tempfile.TemporaryDirectory(prefix="gp-") as folder:
        path = Path(folder) / "control.sock"
        await web.UnixSite(runner, str(path)).start()
        tcp = web.TCPSite(runner, "127.0.0.1", 0)
        await tcp.start()
        port = runner.addresses[1][1]
        try:
            yield ControlApi(str(path)), port
        finally:
            await runner.cleanup()


def request(route: Route, **more: str) -> tuple[str, str, object, dict[str, str]]:
    body = {} if route.method in ("POST", "PUT", "PATCH") else None
    headers = dict(WEBSOCKET) if route.form is Form.WEBSOCKET else {}
    return route.method, path_of(route), body, {**headers, **more}


def over_tcp(port: int, method: str, path: str, body: object, headers: dict[str, str]) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        sent = b"{}" if body is not None else None
        connection.request(method, path, sent, {**({"Content-Type": "application/json"} if sent else {}), **headers})
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers), response.read())
    finally:
        connection.close()


def test_the_table_is_what_the_api_describes() -> None:
    described = {(method.upper(), path) for path, methods in document(ROUTES)["paths"].items() for method in methods}
    assert described == {(route.method, re.sub(r":\[.*?\]\+", "", route.path)) for route in ROUTES}


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="only on systems with Unix sockets")
async def test_a_caller_of_another_account_is_refused_on_every_route() -> None:
    relay = Untouchable()
    async with serving(relay, peers(allowed=[os.geteuid() + 4321])) as (api, _):
        for route in ROUTES:
            answer = await asyncio.to_thread(api.call, *request(route))
            assert answer.status == 401, name_of(route)
            assert answer.error == "unauthorised", name_of(route)
    assert relay.asked == []


@pytest.mark.parametrize(
    "shown", ["", f"Bearer {TOKEN[:-1]}", f"bearer {TOKEN}", f"Basic {TOKEN}", f"Bearer  {TOKEN}", "Bearer é"]
)
async def test_a_wrong_token_is_refused_on_every_route(shown: str) -> None:
    relay = Untouchable()
    headers = {"Host": "localhost", **({"Authorization": shown} if shown else {})}
    async with serving(relay, bearer(TOKEN, "remote"), peers(allowed=[])) as (_, port):
        for route in ROUTES:
            answer = await asyncio.to_thread(over_tcp, port, *request(route, **headers))
            assert answer.status == 401, name_of(route)
    assert relay.asked == []


async def test_a_token_does_not_make_a_tcp_caller_of_one_who_shows_none() -> None:
    """The uid of a Unix socket's peer lets nobody in over TCP."""
    relay = Untouchable()
    async with serving(relay, peers()) as (_, port):
        answer = await asyncio.to_thread(over_tcp, port, "GET", "/v1/version", None, {"Host": "localhost"})
        assert answer.status == 401


@pytest.mark.parametrize(
    "header",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Referer": "http://localhost/"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
        {"Host": "localhost.evil.example:80"},
        {"Host": "localhost:x@evil.example"},
        {"Host": "localhost:80@evil.example"},
        {"Host": "localhost:80:80"},
        {"Host": "[localhost]evil.example"},
        {"Host": "[localhost]:80"},
        {"Host": "localhost/"},
        {"Host": ""},
    ],
    ids=lambda header: " ".join(f"{key}: {value}" for key, value in header.items()),
)
async def test_a_browser_is_refused_on_every_route_whoever_runs_it(header: dict[str, str]) -> None:
    relay = Untouchable()
    async with serving(relay, peers(), bearer(TOKEN, "remote")) as (api, _):
        for route in ROUTES:
            answer = await asyncio.to_thread(api.call, *request(route, **header, Authorization=f"Bearer {TOKEN}"))
            assert answer.status == 403, name_of(route)
    assert relay.asked == []


async def test_a_body_that_a_web_form_could_send_is_refused_on_every_route_that_changes_something() -> None:
    relay = Untouchable()
    async with serving(relay, peers()) as (api, _):
        for route in ROUTES:
            if route.method in ("POST", "PUT", "PATCH"):
                for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
                    method, path, _, _ = request(route)
                    answer = await asyncio.to_thread(api.call, method, path, b"{}", {"Content-Type": kind})
                    assert answer.status == 415, name_of(route)
    assert relay.asked == []


async def test_what_does_not_exist_tells_a_stranger_nothing_either() -> None:
    async with serving(Untouchable(), peers(allowed=[])) as (api, _):
        for method, path in (("GET", "/"), ("GET", "/v1/nothing"), ("DELETE", "/v1/status"), ("TRACE", "/v1/status")):
            assert (await asyncio.to_thread(api.call, method, path)).status == 401


def test_a_short_token_is_no_token() -> None:
    with pytest.raises(ValueError, match="32"):
        bearer("short", "remote")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost:8025", "localhost:", "[::1]", "[::1]:8025"])
def test_our_own_name_leads_here_with_and_without_a_port(host: str) -> None:
    assert _host_name(host) in {"localhost", "::1"}
