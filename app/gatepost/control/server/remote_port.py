"""Settings → Remote administration: the control API over TLS on a TCP port, while it is switched on there.

A change of the settings, the certificate or the tokens drops whoever may no longer be here; clients connect again by
themselves. Who is let in meanwhile is the affair of the ``remote_door``.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ...model.errors import GatepostError
from ...model.remote import RemoteReport, RemoteSettings
from ...model.report import CertificateReport, Problem
from ...relay.common.events import Event
from ...relay.common.tasks import Tasks

if TYPE_CHECKING:  # with aiohttp and the API behind it, loaded when the port is opened
    from .facade import RelayFacade
    from .remote_door import Door

log = logging.getLogger(__name__)

SUBJECT = "remote"
UNKNOWN_SECONDS = 10.0
"""For the handshake, and again from then to the first request that shows a right token."""
ANSWER_SECONDS = 0.2
"""Before a change drops connections: whoever made it from afar gets the answer."""
SOON_DAYS = 30


class RemotePort:
    """``follow`` opens the port if it is switched on, and goes with every change until ``close``."""

    def __init__(self, facade: RelayFacade, *, unknown_seconds: float = UNKNOWN_SECONDS) -> None:
        self._facade = facade
        self._unknown_seconds = unknown_seconds
        self._applied = RemoteSettings()
        self._door: Door | None = None
        self._lock = asyncio.Lock()
        self._tasks = Tasks("remote administration")
        self._unsubscribe: Callable[[], None] = lambda: None

    async def follow(self) -> None:
        self._unsubscribe = self._facade.subscribe(self._note, "configuration.changed", "remote.revoked", "remote.certificate")
        await self._apply(again=False)

    async def close(self) -> None:
        self._unsubscribe()
        await self._tasks.close()
        await self._stop()

    def _note(self, event: Event) -> None:
        self._tasks.spawn(self._follow(event), "apply a change")

    async def _follow(self, event: Event) -> None:
        await asyncio.sleep(ANSWER_SECONDS)
        if event.kind != "remote.revoked":
            await self._apply(again=event.kind == "remote.certificate")
        elif self._door is not None:
            self._door.drop(str(event.data["token"]))

    async def _apply(self, *, again: bool) -> None:
        async with self._lock:
            configuration, _ = await self._facade.configuration()
            wanted = configuration.settings.remote
            if wanted == self._applied and not (again and wanted.enabled):
                return
            await self._stop()
            self._applied = wanted
            report = await self._start(wanted) if wanted.enabled else RemoteReport()
            self._facade.remote.tell(report)
            self._facade.tell_problem(SUBJECT, _problem(report))

    async def _start(self, settings: RemoteSettings) -> RemoteReport:
        from ...relay.reception.tls import Pair, load_context
        from .remote_door import Door

        report = RemoteReport(
            enabled=True, address=settings.address, port=settings.port, is_own_certificate=not settings.certificate_file
        )
        try:
            certificate = await self._facade.remote.certificate(settings)
            if certificate.problem:
                raise GatepostError(certificate.problem, "", certificate.hint)
            files = Pair(Path(certificate.certificate_file), Path(certificate.key_file))
            context = await asyncio.to_thread(load_context, files)
            report = _with_certificate(report, certificate)
            door = Door(self._facade, settings, certificate.names, self._unknown_seconds)
            await door.open(context)
        except GatepostError as error:
            log.warning("remote administration is not open: %s", error)
            return _replace(report, problem=" ".join(filter(None, (error.title, error.detail))), hint=error.hint)
        except OSError as error:
            words = os.strerror(error.errno) if error.errno else str(error)
            log.warning("the port of remote administration %s:%d cannot be opened: %s", settings.address, settings.port, words)
            return _replace(
                report,
                problem=f"{settings.address} port {settings.port} cannot be opened: {words}.",
                hint="Choose another address or port in Settings → Remote administration.",
            )
        self._door = door
        log.info("remote administration at %s port %d, certificate %s", settings.address, settings.port, report.fingerprint)
        return _replace(report, listening=True)

    async def _stop(self) -> None:
        door, self._door = self._door, None
        if door is not None:
            await door.close()


def _with_certificate(report: RemoteReport, certificate: CertificateReport) -> RemoteReport:
    import time

    left = (certificate.not_after or 0) - time.time()
    problem = hint = ""
    if left < SOON_DAYS * 86_400:
        problem = "The certificate has expired: no client connects." if left <= 0 else "The certificate expires soon."
        hint = "Renew it (gatepost remote renew-certificate) and let the clients pin the new one."
    return _replace(
        report,
        certificate_file=certificate.certificate_file,
        fingerprint=certificate.fingerprint,
        names=certificate.names,
        not_after=certificate.not_after,
        problem=problem,
        hint=hint,
    )


def _replace(report: RemoteReport, **changed: object) -> RemoteReport:
    from dataclasses import replace

    return replace(report, **changed)  # type: ignore[arg-type]


def _problem(report: RemoteReport) -> Problem | None:
    if not report.problem:
        return None
    title = "Remote administration needs attention." if report.listening else "Remote administration is not available."
    return Problem("remote", title, report.problem, report.hint, subject=SUBJECT)
