"""A front-end's side of a sign-in in the browser: the listener for its way back, on this computer only (RFC 8252 §7.3).

It waits for one request that brings the ``state`` it was told. What comes for another path, name or state is refused and
changes nothing, so that no web page can interfere.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlsplit

from ..model.errors import GatepostError, InvalidInput, Issue
from ..model.oauth import is_loopback
from ..model.secret import Secret

if TYPE_CHECKING:
    from aiohttp import web

MAX_LINE = 32_768
"""Octets of a request line: codes have a few thousand."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Connection": "close",
}
_PAGE = (
    '<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>Gatepost</title>'
    '<meta name="color-scheme" content="light dark">'
    "<style>body{{font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;min-height:90vh}}main{{max-width:30rem}}"
    "</style></head><body><main><h1>Gatepost</h1><p>{text}</p></main></body></html>"
)


@dataclass(frozen=True, slots=True)
class PageWords:
    """What the browser shows, in ``language`` (a code of BCP 47): after a sign-in, after one that came to nothing, to who
    comes by another way, and to who brings another sign-in's answer."""

    language: str = "en"
    success: str = "You are signed in. You can close this window and go back to Gatepost."
    failure: str = "The sign-in did not succeed. Go back to Gatepost, which says why."
    stray: str = "This address is only for the way back from a sign-in."
    other: str = "This is not the sign-in that Gatepost waits for. Begin again there."


@dataclass(frozen=True, slots=True)
class Redirected:
    """What the provider gave the browser to bring back."""

    state: str
    code: Secret
    error: str = ""
    description: str = ""


def redirected(url: str) -> Redirected:
    """From the address that the browser was sent back to, also as somebody pasted it. Raises InvalidInput."""
    try:
        query = parse_qs(urlsplit(url.strip()).query, max_num_fields=50)
    except ValueError:
        query = {}

    def first(name: str) -> str:
        return query.get(name, [""])[0]

    if not first("state") or not (first("code") or first("error")):
        raise InvalidInput([Issue("url", "paste the whole address that the browser shows after the sign-in")])
    return Redirected(first("state"), Secret(first("code")), first("error"), first("error_description"))


def for_browser(url: str) -> str:
    """An address to be opened here as a relay named it, which may be another machine's: only what a browser opens, never a
    file or another program's kind of address. Raises GatepostError."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise GatepostError("The relay names no address for a browser.", f"It names “{ascii(url[:200])[1:-1]}”.")
    return url


class LoopbackListener:
    """Listens while it is entered. ``redirect_uri`` is for ``oauth_begin``; ``wait`` for what comes back with its state.

    ``host`` is ``localhost`` for Microsoft, whose portal takes no http address by number, else ``127.0.0.1``; either way
    the sockets are bound to loopback addresses only.
    """

    def __init__(self, *, host: str = "127.0.0.1", words: PageWords | None = None) -> None:
        self._host = host
        self._words = words or PageWords()
        self._state = ""
        self._found: asyncio.Future[Redirected] = asyncio.get_running_loop().create_future()
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def redirect_uri(self) -> str:
        return f"http://{self._host}:{self.port}"

    async def wait(self, state: str, seconds: float) -> Redirected:
        """Raises TimeoutError when nobody came back in time."""
        self._state = state
        return await asyncio.wait_for(asyncio.shield(self._found), seconds)

    async def __aenter__(self) -> Self:
        from aiohttp import web

        app = web.Application()
        app.router.add_get("/", self._answer)
        # No access log: it would hold the code.
        self._runner = runner = web.AppRunner(app, access_log=None, max_line_size=MAX_LINE, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        if self._host == "localhost":
            # Browsers may try the other loopback address first.
            with contextlib.suppress(OSError):
                await web.TCPSite(runner, "::1", self.port).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._found.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        from html import escape  # half a megabyte of names of characters, which only a sign-in needs

        from aiohttp import web

        status, text = self._judged(request.host, request.raw_path)
        page = _PAGE.format(language=escape(self._words.language), text=escape(text))
        return web.Response(text=page, status=status, content_type="text/html", headers=_HEADERS)

    def _judged(self, host: str, target: str) -> tuple[int, str]:
        if host not in (f"{self._host}:{self.port}", f"127.0.0.1:{self.port}"):
            return 400, self._words.stray
        try:
            found = redirected(target)
        except InvalidInput:
            return 400, self._words.stray
        if not self._state or not hmac.compare_digest(found.state.encode(), self._state.encode()):
            return 400, self._words.other
        if not self._found.done():
            self._found.set_result(found)
        return 200, self._words.failure if found.error else self._words.success
