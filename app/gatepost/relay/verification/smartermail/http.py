"""The HTTP transport: bounded in time and size, and never led to another host.

The administrator types the URL, and whoever answers there may be anything. So: http(s) only, redirects only within the
same scheme, host and port, at most ``MAX_REDIRECTS`` of them; answers of at most ``MAX_BYTES``; one total deadline.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from ...common.printable import printable
from ...common.trust import system_trust
from .faults import FaultKind, SmarterMailFault

if TYPE_CHECKING:
    import aiohttp

MAX_BYTES = 16_000_000
LARGE_BYTES = 100_000
MAX_REDIRECTS = 3
TIMEOUT_SECONDS = 20.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class HttpTransport:
    """Requests below one base URL. Close it with ``close``."""

    def __init__(
        self,
        base_url: str,
        *,
        timeout: float = TIMEOUT_SECONDS,
        max_bytes: int = MAX_BYTES,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https"):
            raise SmarterMailFault(FaultKind.NOT_SMARTERMAIL, "The SmarterMail URL must begin with http:// or https://.")
        self.base_url = base_url.rstrip("/")
        self._origin = (parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._trust = trust
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self, method: str, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and body. Raises SmarterMailFault for everything that is not an HTTP answer from this very host."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._follow(method, f"{self.base_url}/{path}", body, headers or {})
        except TimeoutError as error:
            raise SmarterMailFault(
                FaultKind.TIMED_OUT,
                "The SmarterMail server did not answer in time.",
                f"No complete answer from {self.base_url} within {self._timeout:g} seconds.",
                "Check the URL and that the webmail opens in a browser.",
            ) from error

    async def json(
        self, method: str, path: str, *, payload: dict[str, Any] | None = None, token: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        body = None
        if payload is not None:
            body = json.dumps(payload).encode()
            headers["Content-Type"] = "application/json; charset=utf-8"
        status, answer = await self.request(method, path, body=body, headers=headers)
        try:
            found = (await _parsed(answer)) if answer.strip() else {}
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise not_smartermail(self.base_url, status, answer)
        return status, found

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _follow(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        import aiohttp

        session = await self._open_session()
        for _ in range(MAX_REDIRECTS + 1):
            try:
                async with session.request(method, url, data=body, headers=headers, allow_redirects=False) as response:
                    if response.status in _REDIRECTS:
                        url = self._same_origin(url, response.headers.get("Location", ""))
                        continue
                    return response.status, await self._read(response.content)
            except aiohttp.ClientConnectorCertificateError as error:
                raise SmarterMailFault(
                    FaultKind.CERTIFICATE,
                    "The SmarterMail server's certificate is not trusted.",
                    printable(str(error.certificate_error), 300),
                    "Install a certificate that matches the name in the URL, or add its issuer to this computer's trust store.",
                ) from error
            except aiohttp.ClientConnectorError as error:
                raise SmarterMailFault(
                    FaultKind.UNREACHABLE,
                    "The SmarterMail server cannot be reached.",
                    printable(str(error.os_error), 300),
                    "Check the URL, its port, and the firewall between here and there.",
                ) from error
            except aiohttp.ClientError as error:
                raise SmarterMailFault(
                    FaultKind.UNREACHABLE,
                    "The connection to the SmarterMail server broke.",
                    printable(f"{type(error).__name__}: {error}", 300),
                ) from error
        raise SmarterMailFault(
            FaultKind.REDIRECTED, "The SmarterMail URL redirects in a circle.", self.base_url, "Type the final address."
        )

    async def _open_session(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            if self._trust is None and self._origin[0] == "https":
                self._trust = await asyncio.to_thread(system_trust)
            connector = aiohttp.TCPConnector(limit=4, ssl=self._trust if self._trust is not None else True)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        return self._session

    def _same_origin(self, url: str, location: str) -> str:
        target = urljoin(url, location)
        parts = urlsplit(target)
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            port = -1
        if (parts.scheme, parts.hostname, port) != self._origin:
            raise SmarterMailFault(
                FaultKind.REDIRECTED,
                "The SmarterMail URL leads to another address.",
                f"{self.base_url} redirects to {printable(f'{parts.scheme}://{parts.netloc}', 200)}. "
                "The administrator's password is not sent there.",
                "If that is the right server, type its address as the URL.",
            )
        return target

    async def _read(self, stream: aiohttp.StreamReader) -> bytes:
        chunks: list[bytes] = []
        total = 0
        async for chunk in stream.iter_chunked(65_536):
            total += len(chunk)
            if total > self._max_bytes:
                raise SmarterMailFault(
                    FaultKind.TOO_LARGE,
                    "The answer is larger than any SmarterMail answer should be.",
                    f"Reading stopped after {self._max_bytes:,} octets.",
                    "Check that the URL is the SmarterMail webmail's.",
                )
            chunks.append(chunk)
        return b"".join(chunks)


async def _parsed(answer: bytes) -> Any:
    """Large answers off the loop: a directory of many users takes a while."""
    return json.loads(answer) if len(answer) < LARGE_BYTES else await asyncio.to_thread(json.loads, answer)


def not_smartermail(url: str, status: int, answer: bytes) -> SmarterMailFault:
    kind = "an HTML page" if answer[:200].lstrip().lower().startswith((b"<!doctype", b"<html")) else "something else"
    return SmarterMailFault(
        FaultKind.NOT_SMARTERMAIL,
        "The answer is not SmarterMail's.",
        f"{url} answered {kind} with HTTP status {status}.",
        "Type the address of the webmail without a page, such as https://mail.example.com.",
    )
