"""From a host name to a connected socket: addresses in a happy order, source addresses, deadlines."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from ..common.hop import NextHop
from .values import FailureKind, HopFailure, Stage

log = logging.getLogger(__name__)

MAX_ADDRESSES = 8
"""Of one host; the rest is not tried."""
STAGGER_SECONDS = 0.25
"""Head start of one address before the next is tried beside it (RFC 8305 §5)."""
_IP_BIND_ADDRESS_NO_PORT = 24


class Resolve(Protocol):
    """Addresses of a host, in order of preference. Raises HopFailure(kind DNS)."""

    def __call__(self, host: str, /) -> Awaitable[Sequence[str]]: ...


async def system_addresses(host: str) -> Sequence[str]:
    """The operating system's resolver (hosts file included), off the loop."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (socket.gaierror, UnicodeError) as error:
        raise _dns_failure(host, error) from error
    return [str(entry[4][0]) for entry in found]


def _dns_failure(host: str, error: Exception) -> HopFailure:
    code = error.errno if isinstance(error, socket.gaierror) else None
    temporary = code == socket.EAI_AGAIN
    if temporary:
        return HopFailure(
            Stage.RESOLVE,
            FailureKind.DNS,
            f"The name “{host}” could not be looked up now.",
            "The name server did not answer.",
            "Check this computer's network connection and its name servers.",
        )
    return HopFailure(
        Stage.RESOLVE,
        FailureKind.DNS,
        f"There is no host “{host}”.",
        "",
        "Check the spelling of the server address.",
        permanent=True,
    )


def happy_order(addresses: Iterable[str]) -> list[str]:
    """Without duplicates, families alternating, beginning with the resolver's first choice (RFC 8305 §4)."""
    unique = list(dict.fromkeys(addresses))
    if not unique:
        return []
    first = [a for a in unique if (":" in a) == (":" in unique[0])]
    second = [a for a in unique if (":" in a) != (":" in unique[0])]
    mixed: list[str] = []
    for index in range(max(len(first), len(second))):
        mixed += first[index : index + 1] + second[index : index + 1]
    return mixed[:MAX_ADDRESSES]


async def addresses_of(hop: NextHop, resolve: Resolve, ipv6: bool) -> list[str]:
    """Where to connect to for ``hop``. Raises HopFailure at RESOLVE."""
    target = hop.address or hop.host
    try:
        return [ipaddress.ip_address(target).compressed]
    except ValueError:
        pass
    found = happy_order(address for address in await resolve(target) if ipv6 or ":" not in address)
    if not found:
        what = "an IPv4 address (IPv6 is switched off)" if not ipv6 else "an address"
        raise HopFailure(
            Stage.RESOLVE,
            FailureKind.DNS,
            f"The host “{target}” has no address.",
            f"The name exists, but the name server knows no {what.removeprefix('an ')} for it.",
            "Check the server address, or ask its administrator.",
            permanent=True,
        )
    return found


def sources_for(hop: NextHop, address: str) -> list[str]:
    """The sending addresses of the destination's family, in order; none: the system chooses.

    Raises LookupError when sending addresses are set but none is of that family.
    """
    found = [source for source in hop.source_addresses if (":" in source) == (":" in address)]
    if hop.source_addresses and not found:
        raise LookupError(f"no sending address of the same family as {address}")
    return found


async def dial(hop: NextHop, addresses: Sequence[str], seconds: float) -> tuple[socket.socket, str]:
    """The first address that answers, each given ``seconds``. Raises HopFailure at CONNECT when none does."""
    errors: list[tuple[str, OSError | LookupError]] = []

    async def one(address: str) -> tuple[socket.socket, str]:
        try:
            return await _connect(hop, address, seconds), address
        except (OSError, LookupError) as error:
            errors.append((address, error))
            raise

    if len(addresses) == 1:
        with contextlib.suppress(OSError, LookupError):
            return await one(addresses[0])
    elif (winner := await _race(addresses, one)) is not None:
        return winner
    raise _connect_failure(hop, errors)


async def _race(
    addresses: Sequence[str], one: Callable[[str], Awaitable[tuple[socket.socket, str]]]
) -> tuple[socket.socket, str] | None:
    waiting = list(addresses)
    running: set[asyncio.Future[tuple[socket.socket, str]]] = set()
    winner: tuple[socket.socket, str] | None = None
    try:
        while winner is None and (waiting or running):
            if waiting:
                running.add(asyncio.ensure_future(one(waiting.pop(0))))
            done, running = await asyncio.wait(
                running, timeout=STAGGER_SECONDS if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            winner = _choose(done, winner)
    finally:
        for task in running:
            task.cancel()
        if running:
            late = await asyncio.gather(*running, return_exceptions=True)
            for result in late:
                if isinstance(result, tuple):
                    result[0].close()
    return winner


def _choose(
    done: Iterable[asyncio.Future[tuple[socket.socket, str]]], winner: tuple[socket.socket, str] | None
) -> tuple[socket.socket, str] | None:
    for task in done:
        if task.exception() is not None:
            continue
        if winner is None:
            winner = task.result()
        else:
            task.result()[0].close()
    return winner


async def _connect(hop: NextHop, address: str, seconds: float) -> socket.socket:
    sources = sources_for(hop, address)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if sources:
            with contextlib.suppress(OSError):  # only some systems know it; it saves local ports
                connection.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            _bind(connection, sources)
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().sock_connect(connection, (address, hop.port))
    except BaseException:
        connection.close()
        raise
    return connection


def _bind(connection: socket.socket, sources: Sequence[str]) -> None:
    """To the first of them that this machine has. Raises the last one's OSError when it has none."""
    for number, source in enumerate(sources, start=1):
        try:
            connection.bind((source, 0))
            return
        except OSError as error:
            if number == len(sources):
                raise
            log.warning("the sending address %s cannot be used: %s", source, error.strerror)


def _connect_failure(hop: NextHop, errors: Sequence[tuple[str, OSError | LookupError]]) -> HopFailure:
    details = "; ".join(f"{address}: {_words(error)}" for address, error in errors)
    numbers = {error.errno for _, error in errors if isinstance(error, OSError)}
    timed_out = any(isinstance(error, TimeoutError) for _, error in errors)
    where = f"{hop.address or hop.host} on port {hop.port}"
    kind = FailureKind.CONNECT
    if any(isinstance(error, LookupError) for _, error in errors) and len(numbers) == 0:
        title = "None of the gateway's sending addresses can reach the server."
        hint = "Add a sending address of the same family (IPv4 or IPv6), or leave the list empty."
    elif errno.EADDRNOTAVAIL in numbers:
        title = "A sending address does not belong to this computer."
        hint = "Correct the sending addresses, or leave the list empty."
    elif errno.ECONNREFUSED in numbers:
        title = f"Nothing answers at {where}: the connection was refused."
        hint = "Check the port (25, 587 or 465) and that the mail server is running."
    elif timed_out or errno.ETIMEDOUT in numbers:
        title, kind = f"No answer from {where}.", FailureKind.TIMEOUT
        hint = "A firewall or the internet provider may block this port; providers often block port 25. Try 587 or 465."
    elif numbers & {errno.ENETUNREACH, errno.EHOSTUNREACH}:
        title = f"There is no way to {where}."
        hint = "Check this computer's network connection."
    else:
        title = f"No connection to {where}."
        hint = "Check the server address and the port."
    return HopFailure(Stage.CONNECT, kind, title, details, hint, address=errors[-1][0] if errors else "")


def _words(error: OSError | LookupError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error)
