"""What front-ends may ask of the relay: the implementation of the control API's facade.

Thin: it finds the part that knows, and says its answer in the values of ``model.report``.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from ..model.address import AddressError, parse_mailbox
from ..model.configuration import Configuration
from ..model.errors import Conflict, InvalidInput, Issue, NotFound
from ..model.gateway import Gateway
from ..model.identifiers import queue_id
from ..model.oauth import grant_name
from ..model.report import (
    AlarmReport,
    CertificateReport,
    Changed,
    ExplainStep,
    Explanation,
    GatewayReport,
    LaneMove,
    ListenerHealth,
    ListenerReport,
    MinuteFigures,
    Problem,
    RelayReport,
    Revision,
    SecretReport,
    SmarterMailReport,
    StorageReport,
    TestMessage,
    VaultReport,
    VerifyStage,
)
from ..model.secret import Secret
from ..store.commit_times import BOUNDS
from ..store.journal_values import JournalEntry, TrackedMessage, TrackPage, TrackQuery
from .capture_desk import CaptureDesk
from .capturing import not_delivering
from .common.events import Event
from .common.plan import HopHealth
from .configuration_warnings import warnings_of
from .dkim_desk import DkimDesk
from .gateway_reports import gateway_reports
from .instance import API_VERSION
from .quarantine import QuarantineDesk
from .reception import ListenerStatus
from .remote_desk import RemoteDesk
from .spool_desk import SpoolDesk
from .verification.verdict import KnownVerdict

if TYPE_CHECKING:
    from .service import RelayService

log = logging.getLogger(__name__)

_LISTENER_HEALTH = {
    ListenerStatus.LISTENING: ListenerHealth.LISTENING,
    ListenerStatus.FAILED: ListenerHealth.FAILED,
    ListenerStatus.DISABLED: ListenerHealth.CLOSED,
}


class Administration:
    """Implements ``control.server.facade.RelayFacade``."""

    def __init__(self, service: RelayService) -> None:
        self._service = service
        self._changes = asyncio.Lock()
        self.spool = SpoolDesk(service)
        self.quarantine = QuarantineDesk(service, self)
        self.dkim = DkimDesk(service, self)
        self.remote = RemoteDesk(service, time.monotonic)
        self.captured = CaptureDesk(service)
        self.oauth = service.oauth

    # --- the relay and its mail plane ---

    async def report(self) -> RelayReport:
        service = self._service
        return RelayReport(
            mail=service.mail,
            delivery_paused=service.delivery_paused,
            version=__version__,
            api_version=API_VERSION,
            pid=os.getpid(),
            started_at=service.started_at,
            data_folder=str(service.folder.path),
            host_name=service.host_name,
            revision=service.store.revision,
            listeners=self._listeners(),
            vault=await self.vault(),
            problems=tuple(self._service.alarming.problems()),
            not_delivering=not_delivering(service.configuration),
            faults=tuple(rule.id for rule in service.configuration.faults if rule.enabled),
        )

    async def start(self) -> None:
        await self._service.start()

    async def stop(self) -> None:
        await self._service.stop()

    async def pause_delivery(self) -> None:
        self._service.pause_delivery()

    async def resume_delivery(self) -> None:
        self._service.resume_delivery()

    def tell_problem(self, subject: str, problem: Problem | None) -> None:
        told = self._service.alarming.told
        told.pop(subject, None)
        if problem is not None:
            told[subject] = problem

    # --- alarms ---

    async def storage(self) -> StorageReport:
        service = self._service
        times = service.spool.commit_times
        free = await asyncio.to_thread(shutil.disk_usage, service.folder.path)
        return StorageReport(
            BOUNDS, times.buckets(), times.seconds, service.spool.backlog, free.free, service.alarming.watch.oldest
        )

    async def alarms(self) -> Sequence[AlarmReport]:
        return [
            AlarmReport(one.kind, one.subject, one.title, one.detail, one.hint, one.since, one.mailed_at)
            for one in self._service.alarming.watch.active()
        ]

    async def test_alarm(self) -> Sequence[str]:
        return await self._service.alarming.watch.send_test()

    async def shut_down(self) -> None:
        self._service.request_shutdown()

    # --- configuration ---

    async def configuration(self) -> tuple[Configuration, int]:
        return self._service.configuration, self._service.store.revision

    async def change(
        self,
        change: Callable[[Configuration], Configuration],
        *,
        author: str,
        expected_revision: int | None = None,
        note: str = "",
        dry_run: bool = False,
    ) -> Changed:
        async with self._changes:
            service = self._service
            current, revision = service.configuration, service.store.revision
            if expected_revision is not None and expected_revision != revision:
                raise Conflict(
                    "The configuration was changed meanwhile.",
                    f"It is at revision {revision}; the change was made from revision {expected_revision}.",
                    "Load it again and repeat the change.",
                )
            changed = change(current)
            if changed == current:
                return Changed(revision)
            moves = await self._moves(current, changed)
            warnings = tuple(warnings_of(changed))
            if dry_run:
                return Changed(revision, moves, warnings)
            saved = await asyncio.to_thread(service.store.save, changed, author, revision, note)
            await service.apply(changed)
            return Changed(saved.number, moves, warnings)

    async def revisions(self, *, limit: int, before: int | None = None) -> Sequence[Revision]:
        found = await asyncio.to_thread(self._service.store.revisions, limit, before)
        return [Revision(item.number, item.at, item.author, item.note) for item in found]

    async def revision(self, number: int) -> Configuration:
        return await asyncio.to_thread(self._service.store.get, number)

    async def _moves(self, current: Configuration, changed: Configuration) -> tuple[LaneMove, ...]:
        """Queued mail that the change sends another way. Looked up only when routing can differ."""
        if not _routes_differently(current, changed):
            return ()
        from .routing.explain import preview_change
        from .routing.table import asks_for_client

        pairs = await self._service.spool.domain_pairs(with_clients=asks_for_client(current) or asks_for_client(changed))
        found = preview_change(current, changed, pairs, self._service.inbound.domains.fronted_by)
        return tuple(LaneMove(move.before, move.after, move.count) for move in found)

    # --- secrets ---

    async def set_secret(self, name: str, secret: Secret) -> None:
        service = self._service
        await service.vault.set(name, secret)
        state = await service.vault.describe()
        await asyncio.to_thread(service.store.secret_index.put, name, state.label)
        service.secret_changed(name)

    async def delete_secret(self, name: str) -> None:
        gateway_id = name.removeprefix("gateway/").partition("/")[0]
        if name == grant_name(gateway_id):
            await self._service.oauth.tokens.forget_sign_in(gateway_id)
        else:
            await self._service.vault.delete(name)
            await asyncio.to_thread(self._service.store.secret_index.remove, name)
        self._service.secret_changed(name)

    async def secrets(self) -> Sequence[SecretReport]:
        found = await asyncio.to_thread(self._service.store.secret_index.all)
        return [SecretReport(item.name, item.stored_at, item.backend) for item in found.values()]

    async def renew_vault_key(self) -> int:
        count = await self._service.vault.renew_key()
        log.info("the vault has a new key")
        return count

    async def vault(self) -> VaultReport:
        return await self._service.alarming.vault()

    async def make_verifier(self, password: Secret) -> str:
        from .reception import scrypt_verifier

        if not password.reveal():
            raise InvalidInput([Issue("password", "an empty password is no password")])
        return await asyncio.to_thread(scrypt_verifier.make, password.reveal())

    # --- certificates ---

    async def certificates(self) -> Sequence[CertificateReport]:
        return await self._service.reception.certificates()

    async def inspect_certificate(self, certificate_file: str, key_file: str) -> CertificateReport:
        from .reception.certificates import describe
        from .reception.tls import Pair

        return await asyncio.to_thread(describe, Pair(Path(certificate_file), Path(key_file)))

    # --- gateways ---

    async def gateways(self) -> Sequence[GatewayReport]:
        return gateway_reports(self._service)

    async def test_smartermail(self, gateway: Gateway, password: Secret | None) -> SmarterMailReport:
        if password is None:
            from .secret_hosts import refuse_another_smartermail

            refuse_another_smartermail(self._service.configuration.gateway(gateway.id), gateway)
        return await self._service.inbound.servers.test(gateway, password)

    async def health(self) -> Sequence[HopHealth]:
        return self._service.router.health()

    async def verify_gateway(self, gateway: Gateway, password: Secret | None) -> AsyncIterator[VerifyStage]:
        from .verifying import verify_gateway

        stages = verify_gateway(self._service, gateway, password)
        async with aclosing(stages):  # type: ignore[type-var]
            async for stage in stages:
                yield stage

    # --- seeing ---

    async def track(self, query: TrackQuery) -> TrackPage:
        await self._service.journal.flush()
        return await self._service.journal.search_page(query)

    async def timeline(self, message_id: int) -> tuple[TrackedMessage, Sequence[JournalEntry]]:
        journal = self._service.journal
        await journal.flush()
        message = await journal.message(message_id)
        if message is None:
            raise NotFound("Tracking does not know this message.", f"Nothing is kept of {queue_id(message_id)}.")
        return message, await journal.timeline(message_id)

    async def explain(
        self, *, sender: str, recipient: str, client: str, user: str, configuration: Configuration | None
    ) -> Explanation:
        from .permission import explain_admission
        from .routing.explain import explain

        service = self._service
        router = service.router if configuration is None else service.draft_router(configuration)
        asked = configuration or service.configuration
        host_name = asked.settings.server.host_name or service.host_name
        admission = partial(explain_admission, user, asked, host_name, service.inbound.explain)
        found = await explain(router, sender, recipient, client or None, admission)
        steps = tuple(ExplainStep(step.text, step.verdict.value) for step in found.steps)
        hops = tuple(f"{hop.label} · {hop.tls}" for hop in found.hops)
        accepted = not any(step.verdict.value == "refused" for step in found.steps)
        return Explanation(accepted, found.summary, steps, found.lane, hops)

    async def send_test(self, message: TestMessage) -> str:
        from .test_message import compose

        issues = []
        for field, text in (("sender", message.sender), ("recipient", message.recipient)):
            try:
                parse_mailbox(text)
            except AddressError as error:
                issues.append(Issue(field, str(error)))
        if message.gateway and self._service.configuration.gateway(message.gateway) is None:
            issues.append(Issue("gateway", f"there is no gateway “{message.gateway}”", "unknown-gateway"))
        if issues:
            raise InvalidInput(issues)
        service = self._service
        content = await asyncio.to_thread(compose, message.sender, message.recipient, service.host_name, service.clock())
        return await service.submitting.own(message.sender, (message.recipient,), content, pinned=message.gateway or None)

    async def verdicts(self, text: str, gateway: str, limit: int) -> Sequence[KnownVerdict]:
        return await self._service.verdicts.search(text, gateway, limit)

    async def forget_verdicts(self, gateway: str, address: str) -> int:
        return await self._service.verdicts.flush(gateway, address.lower())

    # --- figures and events ---

    async def totals(self) -> Mapping[tuple[str, str], int]:
        return self._service.counters.totals

    async def history(self, minutes: int, step: int = 1) -> Sequence[MinuteFigures]:
        return [MinuteFigures(minute, sums) for minute, sums in await self._service.history.sums(minutes, step)]

    def subscribe(self, subscriber: Callable[[Event], None], *kinds: str) -> Callable[[], None]:
        return self._service.events.subscribe(subscriber, *kinds)

    # --- parts of the report ---

    def _listeners(self) -> tuple[ListenerReport, ...]:
        return tuple(
            ListenerReport(item.id, item.address, item.port, _LISTENER_HEALTH[item.state], item.problem, item.connections)
            for item in self._service.reception.listeners()
        )


def _routes_differently(current: Configuration, changed: Configuration) -> bool:
    return (current.gateways, current.domains, current.settings.delivery.default_route) != (
        changed.gateways,
        changed.domains,
        changed.settings.delivery.default_route,
    )
