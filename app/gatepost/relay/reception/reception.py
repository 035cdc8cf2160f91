"""All listeners: opened, kept or closed as the configuration says."""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
import ssl
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ...model.configuration import Configuration
from ...model.errors import GatepostError
from ...model.listener import Listener, ListenerTls
from ...model.report import CertificateReport
from ..common.tasks import Tasks
from . import tls
from .authentication import Authenticator
from .certificates import describe
from .context import ReceptionContext
from .endpoint import Endpoint
from .gate import Gate
from .session import Session
from .terms import make_terms

log = logging.getLogger(__name__)

BACKLOG = 1024
LOOK_SECONDS = 60.0
"""How often certificate files are looked at, and what could not be opened is tried again."""
STOP_SECONDS = 5.0
"""How long sessions may take to finish the message that they are in when reception stops."""


class ListenerStatus(StrEnum):
    LISTENING = "listening"
    FAILED = "failed"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class ListenerState:
    """``port`` is the real one where the listener asked for any. ``problem`` may be set while listening: a certificate
    that cannot be renewed, say."""

    id: str
    address: str
    port: int
    state: ListenerStatus
    problem: str = ""
    connections: int = 0


@dataclass(slots=True)
class _Slot:
    listener: Listener
    endpoint: Endpoint | None = None
    port: int = 0
    problem: str = ""
    signature: tuple[object, ...] = ()


class Reception:
    """Takes mail in. ``apply`` may be called at any time between ``start`` and ``stop``; sessions go on."""

    def __init__(self, context: ReceptionContext, configuration: Configuration, *, gate: Gate | None = None) -> None:
        self._context = context
        self._configuration = configuration
        self._gate = gate or Gate()
        self._slots: dict[str, _Slot] = {}
        self._authenticator: Authenticator | None = None
        self._lock = asyncio.Lock()
        self._is_started = False
        self._host_name = "localhost"
        """As of the last configuration."""
        self._tasks = Tasks("reception")
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Opens the listeners. One that cannot be opened says why in ``listeners``; the others open."""
        async with self._lock:
            self._authenticator = Authenticator(asyncio.get_running_loop().time)
            self._is_started = True
            await self._reconcile(self._configuration)
            self._look_later()

    async def look_again(self) -> None:
        """Take certificate files that were renewed meanwhile, and try again what could not be opened.

        Called every ``LOOK_SECONDS``: those who renew certificates (ACME clients) do not tell us.
        """
        async with self._lock:
            for slot in tuple(self._slots.values()):
                if slot.endpoint is None or slot.listener.tls is not ListenerTls.NONE:
                    await self._renew(slot, self._configuration, self._host_name)

    def _look_later(self) -> None:
        def look() -> None:
            self._tasks.spawn(self.look_again(), "look at the listeners again")
            self._look_later()

        self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, look)

    async def apply(self, configuration: Configuration) -> None:
        """Follow a new configuration; certificate files that changed are read again."""
        async with self._lock:
            self._configuration = configuration
            if self._is_started:
                await self._reconcile(configuration)

    async def stop(self) -> None:
        """Close the listeners; sessions finish the message that they are in, within ``STOP_SECONDS``."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        async with self._lock:
            self._is_started = False
            endpoints = [slot.endpoint for slot in self._slots.values() if slot.endpoint is not None]
            self._slots.clear()
            await asyncio.gather(*(_close(endpoint) for endpoint in endpoints))
            if self._authenticator is not None:
                self._authenticator.close()
        await self._tasks.close()

    def listeners(self) -> list[ListenerState]:
        """Every configured listener, in the configuration's order."""
        found = []
        for listener in self._configuration.listeners:
            slot = self._slots.get(listener.id)
            is_open = slot is not None and slot.endpoint is not None
            status = ListenerStatus.LISTENING if is_open else ListenerStatus.FAILED
            if not listener.enabled or not self._is_started:
                status = ListenerStatus.DISABLED
            found.append(
                ListenerState(
                    listener.id,
                    listener.address,
                    slot.port if slot is not None and is_open else listener.port,
                    status,
                    slot.problem if slot is not None else "",
                    self._gate.connections(listener.id),
                )
            )
        return found

    # --- from the configuration to open sockets ----------------------------------------------------------------------

    async def _reconcile(self, configuration: Configuration) -> None:
        self._host_name = host_name = configuration.settings.server.host_name or await self._machine_name()
        wanted = {listener.id: listener for listener in configuration.listeners if listener.enabled}
        leaving = []
        for name, slot in list(self._slots.items()):
            listener = wanted.get(name)
            if listener is None or (listener.address, listener.port) != (slot.listener.address, slot.listener.port):
                del self._slots[name]
                if slot.endpoint is not None:
                    leaving.append(slot.endpoint)
        await asyncio.gather(*(_close(endpoint) for endpoint in leaving))
        for listener in wanted.values():
            slot = self._slots.setdefault(listener.id, _Slot(listener))
            slot.listener = listener
            await self._renew(slot, configuration, host_name)

    async def _renew(self, slot: _Slot, configuration: Configuration, host_name: str) -> None:
        listener = slot.listener
        present = slot.endpoint.terms.tls_context if slot.endpoint is not None else None
        known, slot.problem = slot.problem, ""
        try:
            context = await self._tls_context(slot, host_name, present)
        except GatepostError as error:
            slot.problem = str(error)
            self._tell(slot, known)
            context = present
            if context is None and listener.tls in (ListenerTls.IMPLICIT, ListenerTls.STARTTLS_REQUIRED):
                return  # in the clear is not what was asked for
        terms = make_terms(configuration, listener, host_name, context)
        if slot.endpoint is not None:
            slot.endpoint.terms = terms
            return
        loop = asyncio.get_running_loop()
        assert self._authenticator is not None  # noqa: S101 - set by start
        endpoint = Endpoint(self._context, terms, self._gate, self._authenticator, loop)
        try:
            server = await loop.create_server(
                functools.partial(Session, endpoint), listener.address, listener.port, backlog=BACKLOG
            )
        except OSError as error:
            reason = error.strerror or str(error)
            slot.problem = f"{listener.address}:{listener.port} cannot be opened: {reason}"
            self._tell(slot, known)
            return
        endpoint.server = server
        endpoint.start_sweeping()
        slot.endpoint = endpoint
        slot.port = server.sockets[0].getsockname()[1]
        log.info("listening on %s:%d (%s)", listener.address, slot.port, listener.id)

    @staticmethod
    def _tell(slot: _Slot, known: str) -> None:
        """A problem is said once, however often it is met."""
        if slot.problem != known:
            log.error("listener %s: %s", slot.listener.id, slot.problem)

    async def _tls_context(self, slot: _Slot, host_name: str, present: ssl.SSLContext | None) -> ssl.SSLContext | None:
        listener = slot.listener
        if listener.tls is ListenerTls.NONE:
            slot.signature = ()
            return None
        folder = self._context.tls_folder

        def load() -> tuple[ssl.SSLContext, tuple[object, ...]]:
            pair = _pair(listener, folder, host_name)
            signature = pair.signature()
            if present is not None and signature == slot.signature:
                return present, signature
            return tls.load_context(pair), signature

        context, slot.signature = await asyncio.get_running_loop().run_in_executor(None, load)
        return context

    async def certificates(self) -> list[CertificateReport]:
        """Of every listener that has TLS, read anew from its files."""
        configuration, folder = self._configuration, self._context.tls_folder
        host_name = configuration.settings.server.host_name or await self._machine_name()

        def read() -> list[CertificateReport]:
            found = []
            for listener in configuration.listeners:
                if listener.tls is not ListenerTls.NONE:
                    try:
                        found.append(describe(_pair(listener, folder, host_name), listener=listener.id))
                    except GatepostError as error:
                        problem = f"{error.title} {error.detail}"
                        found.append(CertificateReport(listener.id, "", "", problem=problem, hint=error.hint))
            return found

        return await asyncio.get_running_loop().run_in_executor(None, read)

    @staticmethod
    async def _machine_name() -> str:
        name = await asyncio.get_running_loop().run_in_executor(None, socket.getfqdn)
        return name if name and name.isascii() else "localhost"


def _pair(listener: Listener, folder: Path | None, host_name: str) -> tls.Pair:
    """The files that a listener uses; a self-signed pair is made where none are named. Blocking. Raises
    CertificateProblem."""
    if listener.certificate_file:
        return tls.Pair(Path(listener.certificate_file), Path(listener.key_file))
    if folder is None:
        raise tls.CertificateProblem("No certificate is named for this listener.", "", "Name one, or turn TLS off.")
    return tls.self_signed(folder, host_name)


async def _close(endpoint: Endpoint) -> None:
    """No new connections; idle sessions end now, busy ones after their message."""
    loop = endpoint.loop
    endpoint.is_closing = True
    if endpoint.server is not None:
        endpoint.server.close()
    for session in tuple(endpoint.sessions):
        session.shut_down()
    deadline = loop.time() + STOP_SECONDS
    while endpoint.sessions and loop.time() < deadline:  # noqa: ASYNC110 - sessions must not pay for an event
        await asyncio.sleep(0.02)
    for session in tuple(endpoint.sessions):
        session.abort()
    endpoint.stop_sweeping()
