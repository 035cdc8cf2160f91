"""Reaching a relay on another machine: TLS with a pinned certificate, and its failures in words.

The pin is the relay's identity, as with ssh: neither a name nor an authority vouches for it, and a token is sent only to who
holds the certificate's key. An expired certificate is refused, pinned or not.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from ..model.errors import GatepostError, Unavailable
from ..model.secret import Secret
from .place import NotAllowed, Remote

HOST = "gatepost"
"""What a request calls the relay, whatever way leads there."""
CONNECT_SECONDS = 10.0


class Unreachable(Unavailable):
    """There is no way to the other machine now."""

    code = "unreachable"


class OtherCertificate(GatepostError):
    """Who answers has another certificate than the one that was pinned."""

    status = 403
    code = "other-certificate"


class CertificateExpired(GatepostError):
    status = 403
    code = "certificate-expired"


@dataclass(frozen=True, slots=True)
class Seen:
    """The certificate that a server shows to whoever asks. Times in seconds since the epoch."""

    fingerprint: str
    subject: str
    not_before: float
    not_after: float

    @property
    def is_expired(self) -> bool:
        return time.time() >= self.not_after


class _Expired(aiohttp.ServerFingerprintMismatch):
    pass


class Pin(aiohttp.Fingerprint):
    """aiohttp asks it before the first octet of a request goes out."""

    def check(self, transport: asyncio.Transport) -> None:
        super().check(transport)
        shown = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        if _facts(shown).is_expired:
            host, port, *_ = transport.get_extra_info("peername")
            raise _Expired(self.fingerprint, self.fingerprint, host, port)


class _OneWay(AbstractResolver):
    """Every name leads to the one host, so that requests can call it by a name that it knows."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._system = aiohttp.ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        return await self._system.resolve(self._host, port, family)

    async def close(self) -> None:
        await self._system.close()


def connector(place: Remote) -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(ssl=Pin(bytes.fromhex(place.fingerprint)), resolver=_OneWay(place.host))


def base(place: Remote) -> str:
    return f"https://{HOST}:{place.port}/"


def told(place: Remote, error: Exception) -> GatepostError:
    """A failure to connect, or of the connection, for people."""
    if isinstance(error, _Expired):
        return CertificateExpired(
            "The relay's certificate has expired.",
            f"{place.name} ({place.address}) still shows it.",
            "On its machine: gatepost remote renew-certificate. Then pin the new one.",
        )
    if isinstance(error, aiohttp.ServerFingerprintMismatch):
        return OtherCertificate(
            "This is not the certificate that was pinned: nothing was sent.",
            f"{place.name} ({place.address}) shows {error.got.hex()}, pinned is {place.fingerprint}.",
            f"Compare it with “gatepost remote status” on that machine. If it was renewed there, pin the new one (gatepost "
            f"relay-list pin {place.name}); if not, somebody is in between.",
        )
    if isinstance(error, (ssl.SSLError, aiohttp.ClientConnectorSSLError)):
        return Unreachable("No TLS connection comes about.", f"{place.address}: {_reason(error)}.", _CHECK_PORT)
    words = _reason(error)
    return Unreachable("The relay cannot be reached.", f"{place.name} ({place.address}): {words}.", _CHECK_PORT)


_CHECK_PORT = "See whether remote administration is on there (gatepost remote status), and whether a firewall is in between."


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    found = getattr(error, "os_error", None) or error
    if isinstance(found, ssl.SSLError):
        return str(found.reason or found).replace("_", " ").lower()
    text = getattr(found, "strerror", None) or str(found) or "it closed the connection"
    return str(text).rstrip(".")


def refused(place: Remote) -> NotAllowed:
    return NotAllowed(
        "The relay does not accept the token.",
        f"{place.name} ({place.address}) does not know it, or it was revoked.",
        "Make a new one on its machine (gatepost token add NAME), and give it to this program.",
    )


async def look(host: str, port: int) -> Seen:
    """The certificate that answers there, unverified: for showing it to a person who compares it. Raises Unreachable."""
    place = Remote(host, host, port, "0" * 64, Secret(""))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=HOST)
            shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.transport.abort()
    except (OSError, EOFError) as error:
        raise told(place, error) from None
    return _facts(shown)


def _facts(certificate: bytes) -> Seen:
    from cryptography import x509

    found = x509.load_der_x509_certificate(certificate)
    return Seen(
        hashlib.sha256(certificate).hexdigest(),
        found.subject.rfc4514_string(),
        found.not_valid_before_utc.timestamp(),
        found.not_valid_after_utc.timestamp(),
    )


def grouped(fingerprint: str) -> str:
    """For comparing by eye: groups of four digits, everywhere the same."""
    return " ".join(fingerprint[i : i + 4] for i in range(0, len(fingerprint), 4)).upper()
