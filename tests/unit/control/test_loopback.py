"""The listener for the browser's way back takes one answer, the one it waits for, from this computer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import Any

import aiohttp
import pytest

from gatepost.control.client import Client
from gatepost.control.loopback import LoopbackListener, redirected
from gatepost.model.errors import GatepostError, InvalidInput


async def get(url: str, **more: object) -> tuple[int, str]:
    async with aiohttp.ClientSession() as browser, browser.get(url, **more) as page:  # type: ignore[arg-type]
        return page.status, await page.text()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_what_the_browser_brings_is_handed_on(host: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with LoopbackListener(host=host) as listener:
        waiting = asyncio.ensure_future(listener.wait("st", 5))
        await asyncio.sleep(0)
        status, page = await get(f"{listener.redirect_uri}/?code=the-code-1&state=st")
        found = await waiting
    assert (status, found.state, found.code.reveal(), found.error) == (200, "st", "the-code-1", "")
    assert "You are signed in" in page
    assert "the-code-1" not in page + caplog.text + repr(found)


async def test_a_refusal_comes_back_too_and_its_words_are_no_markup() -> None:
    async with LoopbackListener() as listener:
        waiting = asyncio.ensure_future(listener.wait("st", 5))
        await asyncio.sleep(0)
        _, page = await get(f"{listener.redirect_uri}/?error=access_denied&error_description=%3Cb%3Ex&state=st")
        found = await waiting
    assert (found.error, found.description) == ("access_denied", "<b>x")
    assert "did not succeed" in page
    assert "<b>x" not in page


async def test_anything_else_is_refused_and_the_listener_waits_on() -> None:
    async with LoopbackListener() as listener:
        waiting = asyncio.ensure_future(listener.wait("st", 5))
        await asyncio.sleep(0)
        base = listener.redirect_uri
        for url, more in (
            (f"{base}/?code=c&state=other", {}),
            (f"{base}/?state=st", {}),
            (f"{base}/favicon.ico?code=c&state=st", {}),
            (f"{base}/?code=c&state=st", {"headers": {"Host": "evil.example"}}),
        ):
            status, _ = await get(url, **more)
            assert status in (400, 404), url
        assert not waiting.done()
        await get(f"{base}/?code=c&state=st")
        assert (await waiting).code.reveal() == "c"


async def test_nobody_coming_back_is_a_timeout() -> None:
    async with LoopbackListener() as listener:
        with pytest.raises(TimeoutError):
            await listener.wait("st", 0.01)


@pytest.mark.parametrize("url", ["", "https://example.com/", "http://127.0.0.1:5/?code=c", "http://[bad?state=s&code=c"])
def test_a_pasted_address_that_is_not_the_way_back_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="paste the whole address"):
        redirected(url)


def test_a_pasted_address_is_read() -> None:
    found = redirected(" http://localhost:5/?code=a%2Fb&state=s&session_state=x \n")
    assert (found.code.reveal(), found.state) == ("a/b", "s")


@pytest.mark.parametrize(
    ("url", "opens"),
    [
        ("https://login.example.com/authorize?state=1", True),
        ("http://127.0.0.1:8080/authorize", True),
        ("http://login.example.com/authorize", False),
        ("file:///home/ann/evil.desktop", False),
        ("smb://attacker.example/share", False),
        ("--new-window", False),
        ("https://login.example.com/a b", False),
    ],
)
async def test_a_relay_elsewhere_makes_a_browser_open_only_pages(url: str, opens: bool) -> None:
    client = Client.__new__(Client)

    async def call(*_: Any) -> tuple[bytes, None]:
        return json.dumps({"url": url, "state": "1", "until": 1.0}).encode(), None

    client.call = call  # type: ignore[method-assign, assignment]
    with contextlib.nullcontext() if opens else pytest.raises(GatepostError, match="no address for a browser"):
        assert (await client.oauth_begin("gw-1", "http://127.0.0.1:1")).url == url
