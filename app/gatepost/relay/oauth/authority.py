"""Asking a provider's token endpoint: https (or this computer), bounded in time and size, and never led elsewhere."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from ..common.printable import printable
from ..common.trust import system_trust
from .faults import FaultKind, OAuthFault

if TYPE_CHECKING:
    import aiohttp

TIMEOUT_SECONDS = 20.0
MAX_BYTES = 262_144


class Authority(Protocol):
    async def ask(self, url: str, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """HTTP status and the JSON object that was answered. Raises OAuthFault for everything that is none."""


class HttpAuthority:
    """A connection for each question: there is one an hour and account."""

    def __init__(self, *, timeout: float = TIMEOUT_SECONDS, max_bytes: int = MAX_BYTES) -> None:
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._trust: ssl.SSLContext | None = None

    async def ask(self, url: str, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        where = urlsplit(url).netloc
        try:
            async with asyncio.timeout(self._timeout):
                status, raw = await self._post(url, form)
        except TimeoutError:
            raise OAuthFault(
                FaultKind.UNREACHABLE,
                f"{where} did not answer in time.",
                f"Nothing came within {self._timeout:g} seconds.",
                "Check that this computer reaches it; a proxy or firewall may be in between.",
            ) from None
        if status in (301, 302, 303, 307, 308):
            raise OAuthFault(
                FaultKind.STRANGE,
                f"{where} redirects to another address: check the token URL.",
                "Secrets are not sent there.",
                "Type the final address.",
            )
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, dict):
            return status, body
        if status == 429 or status >= 500:
            raise OAuthFault(FaultKind.UNREACHABLE, f"{where} has a problem just now.", f"HTTP status {status}.")
        raise OAuthFault(
            FaultKind.STRANGE,
            f"{where} is no OAuth 2.0 token endpoint: check the token URL.",
            f"It answered something that is no JSON object, with HTTP status {status}.",
        )

    async def _post(self, url: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        import aiohttp

        where = urlsplit(url).netloc
        if url.startswith("https:") and self._trust is None:
            self._trust = await asyncio.to_thread(system_trust)
        connector = aiohttp.TCPConnector(limit=1, ssl=self._trust if self._trust is not None else True)
        session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        headers = {"Accept": "application/json"}
        try:
            async with (
                session,
                session.post(url, data=dict(form), headers=headers, allow_redirects=False) as response,
            ):
                return response.status, await self._read(response.content, where)
        except aiohttp.ClientConnectorCertificateError as error:
            raise OAuthFault(
                FaultKind.UNREACHABLE,
                f"The certificate of {where} is not trusted.",
                printable(str(error.certificate_error), 300),
                "A proxy that opens TLS may be in between; add its authority to this computer's trust store.",
            ) from None
        except aiohttp.ClientConnectorError as error:
            raise OAuthFault(
                FaultKind.UNREACHABLE,
                f"{where} cannot be reached.",
                printable(str(error.os_error), 300),
                "Check this computer's network connection and name server.",
            ) from None
        except aiohttp.ClientError as error:
            raise OAuthFault(
                FaultKind.UNREACHABLE, f"The connection to {where} broke.", printable(type(error).__name__, 100)
            ) from None

    async def _read(self, stream: aiohttp.StreamReader, where: str) -> bytes:
        chunks: list[bytes] = []
        total = 0
        async for chunk in stream.iter_chunked(65_536):
            total += len(chunk)
            if total > self._max_bytes:
                raise OAuthFault(
                    FaultKind.STRANGE,
                    f"The answer of {where} is larger than any token: check the token URL.",
                    f"Reading stopped after {self._max_bytes:,} octets.",
                )
            chunks.append(chunk)
        return b"".join(chunks)
