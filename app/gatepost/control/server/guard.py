"""Who may call: every request passes here, and what is not allowed is refused.

A caller is let in when one of the authenticators knows it: by the uid at the other end of the Unix socket, or by a bearer
token. Browsers are never let in, whoever runs them: a page on the internet could otherwise reach the API through them
(cross-site requests, DNS rebinding, cross-site WebSockets).
"""

from __future__ import annotations

import hmac
import os
import re
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Middleware

from .errors import Forbidden, Handler, Unauthorised, UnsupportedType

LOCAL_HOSTS = frozenset({"localhost", "gatepost"})
_HOST = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[^\[\]:/?#@\s]+))(?::[0-9]*)?", re.ASCII)
_BROWSER_HEADERS = ("Origin", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Mode")
_PROGRAMS = {"gatepost-cli": "command line", "gatepost-desktop": "desktop app"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called, for people; stands as the author of revisions."""

    name: str


Authenticator = Callable[[web.Request], Caller | Awaitable[Caller | None] | None]
"""Knows the caller or answers None, at once or when it has looked it up. Raises only what a caller may be told."""
Hosts = Callable[[web.Request], frozenset[str]]
"""The names by which a request may call this server, in lower case."""
NOT_OURS = "It answers only to its own account and to root."

CALLER = "caller"
"""The request's item that holds the ``Caller``."""


def peer_uid(connection: socket.socket) -> int | None:
    """The uid of the process at the other end of a Unix socket; None where the system does not tell."""
    try:
        if sys.platform == "linux":
            packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            _, uid, _ = struct.unpack("3i", packed)
            return int(uid)
        if sys.platform == "darwin":
            # LOCAL_PEERCRED of SOL_LOCAL (0): struct xucred begins with its version and the uid.
            version, uid = struct.unpack("II", connection.getsockopt(0, 1, 76)[:8])
            return int(uid) if version == 0 else None
    except OSError:
        return None
    return None


def peers(allowed: Iterable[int] | None = None) -> Authenticator:
    """Callers on a Unix socket that run as this process's account, or as root."""
    uids = frozenset(allowed) if allowed is not None else frozenset({0, os.geteuid()} if hasattr(os, "geteuid") else ())

    def authenticate(request: web.Request) -> Caller | None:
        uid = peer_of(request)
        return Caller(account(uid)) if uid is not None and uid in uids else None

    return authenticate


def peer_of(request: web.Request) -> int | None:
    """The uid of who called over a Unix socket; None for any other way."""
    connection = request.transport.get_extra_info("socket") if request.transport is not None else None
    if connection is None or connection.family != getattr(socket, "AF_UNIX", None):
        return None
    return peer_uid(connection)


def bearer(token: str, name: str) -> Authenticator:
    """Callers that show this token."""
    if len(token) < 32:
        raise ValueError("a token needs at least 32 characters")
    expected = b"Bearer " + token.encode()

    def authenticate(request: web.Request) -> Caller | None:
        shown = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        return Caller(name) if hmac.compare_digest(shown, expected) else None

    return authenticate


def guard(
    authenticators: Iterable[Authenticator],
    hosts: Iterable[str] | Hosts = LOCAL_HOSTS,
    *,
    words: tuple[str, str] = (NOT_OURS, ""),
) -> Middleware:
    """The middleware through which every request passes, also those for which there is no route. ``words``: detail and hint
    for who is not let in."""
    known = tuple(authenticators)
    fixed = frozenset() if callable(hosts) else frozenset(hosts)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        refuse_browsers(request, hosts(request) if callable(hosts) else fixed)
        caller = await _identified(known, request)
        if caller is None:
            raise Unauthorised("You may not administer this relay.", *words)
        if request.method in ("POST", "PUT", "PATCH") and request.content_type != "application/json":
            raise UnsupportedType("Send JSON.", "Content-Type must be application/json.")
        request[CALLER] = Caller(caller.name + _program(request))
        return await handler(request)

    return check


async def _identified(authenticators: tuple[Authenticator, ...], request: web.Request) -> Caller | None:
    for authenticate in authenticators:
        found = authenticate(request)
        if isinstance(found, Awaitable):
            found = await found
        if found is not None:
            return found
    return None


def refuse_browsers(request: web.Request, allowed_hosts: frozenset[str] | None) -> None:
    """Raises Forbidden for a foreign Host (None: every name is ours) and for anything that a browser sends along."""
    hosts = request.headers.getall("Host", [])
    if len(hosts) != 1 or (allowed_hosts is not None and _host_name(hosts[0]) not in allowed_hosts):
        raise Forbidden("This name does not lead here.", "The Host header names another server.")
    for header in _BROWSER_HEADERS:
        if header in request.headers:
            raise Forbidden("Browsers may not call this API.", f"The request carries {header}.")


def _host_name(header: str) -> str:
    """The name alone; empty for what is no host with an optional port (RFC 9110 §7.2)."""
    found = _HOST.fullmatch(header)
    return (found["address"] or found["name"]).lower() if found else ""


def account(uid: int) -> str:
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return f"uid {uid}"


def _program(request: web.Request) -> str:
    program = _PROGRAMS.get(request.headers.get("User-Agent", "").partition("/")[0])
    return f" ({program})" if program else ""
