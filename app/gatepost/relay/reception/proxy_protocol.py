"""The PROXY protocol's header, versions 1 and 2 (haproxy.org, proxy-protocol.txt). Pure: octets in, addresses out."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

_V2_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_MAX_V1 = 107
MAX_HEADER = 16 + 4096
"""Octets; what is longer is refused."""


class ProxyError(ValueError):
    """The octets are not a PROXY header."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """``client`` and ``local`` are None where the proxy speaks for itself (health checks) or does not know."""

    size: int
    client: str | None = None
    local: str | None = None


def looks_like_proxy(data: bytes) -> bool:
    """Whether a first packet begins as a PROXY header does."""
    return data.startswith((b"PROXY ", _V2_SIGNATURE))


def parse(data: bytes) -> ProxyHeader | None:
    """None: more octets are needed. Raises ProxyError."""
    if data[:12] == _V2_SIGNATURE[: len(data[:12])]:
        return _parse_v2(data) if len(data) >= 16 else None
    if data[:6] == b"PROXY "[: len(data[:6])]:
        return _parse_v1(data)
    raise ProxyError("no PROXY header")


def _parse_v1(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\r\n", 0, _MAX_V1)
    if end < 0:
        if len(data) >= _MAX_V1:
            raise ProxyError("the header is too long")
        return None
    try:
        words = data[:end].decode("ascii").split(" ")
        if words[1] == "UNKNOWN":
            return ProxyHeader(end + 2)
        family, client, local, client_port, local_port = words[1:]
        kind = {"TCP4": ipaddress.IPv4Address, "TCP6": ipaddress.IPv6Address}[family]
        if not all(port.isdigit() and int(port) <= 65535 for port in (client_port, local_port)):
            raise ProxyError("a port is malformed")
        return ProxyHeader(end + 2, str(kind(client)), str(kind(local)))
    except (ValueError, KeyError, IndexError) as error:
        raise ProxyError("the header is malformed") from error


def _parse_v2(data: bytes) -> ProxyHeader | None:
    version_command, family, length = struct.unpack_from("!BBH", data, 12)
    size = 16 + length
    if version_command >> 4 != 2 or version_command & 15 > 1:
        raise ProxyError("an unknown version or command")
    if size > MAX_HEADER:
        raise ProxyError("the header is too long")
    if len(data) < size:
        return None
    if version_command & 15 == 0 or family == 0:
        return ProxyHeader(size)
    if family == 0x11 and length >= 12:
        return ProxyHeader(size, str(ipaddress.IPv4Address(data[16:20])), str(ipaddress.IPv4Address(data[20:24])))
    if family == 0x21 and length >= 36:
        return ProxyHeader(size, str(ipaddress.IPv6Address(data[16:32])), str(ipaddress.IPv6Address(data[32:48])))
    raise ProxyError("not TCP over IPv4 or IPv6")
