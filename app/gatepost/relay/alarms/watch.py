"""Looks at the relay twice a minute, and tells whom Settings → Alarms names."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from ...model.alarms import AlarmSettings
from ...model.configuration import Configuration
from ...model.errors import Conflict, GatepostError
from ...model.gateway import CertificateCheck
from ...model.report import CertificateReport, Problem, VaultReport
from ...store.small_file import SmallFile
from ..common.clock import Clock
from ..common.events import EventBus
from ..common.tasks import Tasks
from . import conditions, notice
from .conditions import Facts, PinnedCertificate
from .ledger import Ledger, Trouble

log = logging.getLogger(__name__)

LOOK_SECONDS = 30.0
_RARELY_SECONDS = 300.0
"""What costs more is looked at this seldom: certificates' files, the oldest message."""


class Surroundings(Protocol):
    """What alarms ask of the relay. ``service`` fills it in."""

    def configuration(self) -> Configuration: ...
    def host_name(self) -> str: ...
    def reported(self) -> Sequence[Problem]:
        """What the parts report of themselves."""

    def waiting(self) -> int: ...
    async def oldest(self) -> float | None: ...
    async def refused(self) -> int:
        """In the last hour."""

    async def certificates(self) -> Sequence[CertificateReport]: ...
    async def vault(self) -> VaultReport: ...
    def pinned(self) -> Mapping[str, bytes]:
        """Certificates (DER) that were seen and accepted by their fingerprint, by that fingerprint."""

    async def submit(self, sender: str, recipients: Sequence[str], content: bytes) -> str:
        """Put a notice into the spool, for all of them or for nobody; no delivery status is ever sent for it. Its queue id."""


class AlarmWatch:
    def __init__(self, relay: Surroundings, file: SmallFile, events: EventBus, clock: Clock) -> None:
        self._relay = relay
        self._file = file
        self._events = events
        self._clock = clock
        self._tasks = Tasks("alarms")
        self._ledger = Ledger()
        self._found: list[Problem] = []
        self._rarely_at = 0.0
        self._changed = asyncio.Event()
        self._kept: object = None
        self._oldest: float | None = None
        self._certificates: Sequence[CertificateReport] = ()
        self._pinned: Sequence[PinnedCertificate] = ()
        events.subscribe(lambda _: self._look_anew(), "configuration.changed")

    @property
    def oldest(self) -> float | None:
        """When the oldest waiting message was received, as of the last look at it."""
        return self._oldest

    def problems(self) -> list[Problem]:
        """Limits that are exceeded, for the relay's report."""
        return list(self._found)

    def active(self) -> list[Trouble]:
        return self._ledger.active()

    # --- its life ---

    async def start(self) -> None:
        try:
            self._ledger.restore(await asyncio.to_thread(self._file.load), self._clock())
        except (GatepostError, TypeError, ValueError, KeyError, AttributeError) as error:
            log.warning("alarms begin anew: %s", error)
        self._tasks.spawn(self._look_for_ever(), "look for trouble")

    async def close(self) -> None:
        await self._tasks.close()
        await self._keep()

    async def _look_for_ever(self) -> None:
        while True:
            try:
                await self.look()
            except GatepostError as error:
                log.warning("trouble could not be looked for: %s", error)
            except Exception:  # a defect of ours must not end the watch
                log.exception("trouble could not be looked for")
            # Not wait_for: until Python 3.12 that one forgets that it is cancelled when what it waits for comes just then.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._changed.wait()
            self._changed.clear()

    def _look_anew(self) -> None:
        """Limits may be others now, and so may certificates."""
        self._rarely_at = 0.0
        self._changed.set()

    async def look(self) -> None:
        """Once: see what is wrong, say what became different, tell by mail what is due."""
        limits, now = self._relay.configuration().settings.alarms, self._clock()
        self._found = conditions.problems(await self._facts(now), limits, now)
        if self._ledger.see([*self._relay.reported(), *self._found], limits, now):
            shown = [{"subject": one.subject or one.kind, "title": one.title, "detail": one.detail} for one in self.active()]
            self._events.publish("problems.changed", problems=shown)
        await self._tell(limits, now)
        await self._keep()

    async def _facts(self, now: float) -> Facts:
        relay = self._relay
        if not 0 <= now - self._rarely_at < _RARELY_SECONDS:
            self._rarely_at = now
            self._oldest = await relay.oldest() if relay.waiting() else None
            self._certificates = await relay.certificates()
            self._pinned = await asyncio.to_thread(_pinned, relay.configuration(), dict(relay.pinned()))
        elif not relay.waiting():
            self._oldest = None
        refused, vault = await relay.refused(), await relay.vault()
        return Facts(relay.waiting(), self._oldest, refused, self._certificates, self._pinned, vault)

    # --- mail ---

    async def _tell(self, limits: AlarmSettings, now: float) -> None:
        due = self._ledger.due(limits, now)
        if not due:
            return
        host_name = self._relay.host_name()
        try:
            await self._send(limits, notice.subject(due, host_name), notice.text(due, host_name), now)
        except GatepostError as error:
            log.warning("a notice could not be sent: %s", error)
            return
        self._ledger.told(due, now)

    async def send_test(self) -> list[str]:
        """A notice that nothing is wrong, to everybody who is told; its queue id. Raises Conflict when that is nobody."""
        limits, now = self._relay.configuration().settings.alarms, self._clock()
        if not limits.recipients:
            raise Conflict("Nobody is named who is told of alarms.", "", "Name somebody in Settings → Alarms, and save it.")
        host_name = self._relay.host_name()
        body = f"This is Gatepost on {host_name}.\n\nNotices of trouble look like this. Nothing is wrong.\n"
        return [await self._send(limits, f"[Gatepost {host_name}] A test notice", body, now)]

    async def _send(self, limits: AlarmSettings, title: str, body: str, now: float) -> str:
        """One message for all: had each their own, a disk that fills up in between would have the first ones told again."""
        host_name = self._relay.host_name()
        sender = limits.sender or f"gatepost@{host_name}"
        content = await asyncio.to_thread(notice.compose, sender, limits.recipients, title, body, host_name, now)
        queue_id = await self._relay.submit(sender, limits.recipients, content)
        log.info("told %d by mail: %s", len(limits.recipients), title)
        return queue_id

    async def _keep(self) -> None:
        data = self._ledger.export()
        told = {key: (one["raised"], one["mailed_at"]) for key, one in data["troubles"].items()}
        if (state := (told, data["cleared"], data["mailed_at"])) == self._kept:
            return
        try:
            await asyncio.to_thread(self._file.save, data)
        except GatepostError as error:
            log.warning("%s", error)
            return
        self._kept = state


def _pinned(configuration: Configuration, seen: Mapping[str, bytes]) -> list[PinnedCertificate]:
    """Of enabled gateways. Blocking: imports ``cryptography`` where there is one."""
    found: list[PinnedCertificate] = []
    for gateway in configuration.gateways:
        pin = gateway.certificate.fingerprint if gateway.certificate.check is CertificateCheck.FINGERPRINT else None
        if gateway.enabled and pin is not None and pin in seen:
            from cryptography import x509

            try:
                not_after = x509.load_der_x509_certificate(seen[pin]).not_valid_after_utc.timestamp()
            except ValueError:
                continue
            found.append(PinnedCertificate(gateway.id, gateway.label, not_after))
    return found
