"""The relay service: puts the parts together, starts and stops them. The only place that knows them all.

What lasts (configuration, spool, journal, vault) is opened once and lives as long as the process. The *mail plane*
(listeners and delivery) is started and stopped by the administrator; a changed configuration reaches the running parts as
one immutable snapshot.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from ..model.configuration import Configuration
from ..model.envelope import Recipient
from ..model.errors import NotFound
from ..model.gateway import Gateway, OutboundGateway
from ..model.locations import default_data_folder
from ..model.relay_options import RelayOptions
from ..model.report import MailPlane, Problem, VerifyStage
from ..model.secret import Secret
from ..model.settings import DeliverySettings
from ..store.configuration import ConfigurationStore
from ..store.figures import Figures
from ..store.folder import DataFolder
from ..store.journal import Journal
from ..store.small_file import SmallFile
from ..store.spool import Spool
from ..store.values import Content, StoredMessage
from ..store.verdicts import Verdicts
from ..vault import Vault
from .alarming import Alarming
from .capturing import Capturing
from .common.clock import Clock, system_clock
from .common.events import EventBus
from .common.hop import HopKind, Lane
from .common.metrics import Counters
from .common.tasks import Tasks
from .defaults import first_configuration, free_port
from .delivery.connector import Connector
from .delivery.hop_queue import HopConnections
from .delivery.pool import Pool
from .delivery.queue import Queue
from .delivery.surroundings import Surroundings
from .diverting import Diverting
from .first_port import take_another_port
from .gateway_memory import NOTED, GatewayMemory
from .history import History
from .host_names import HostNames
from .inbound.inbound import Inbound
from .oauth.tokens import Tokens
from .oauth_desk import OAuthDesk
from .opening import name_of_machine, open_chosen_vault, open_files, problems_of_opening
from .reception import Reception, ReceptionContext, Times
from .reception.pickup.watch import PickupWatch
from .routing.block_listed import block_listed
from .routing.hops import configured_hops
from .routing.own_addresses import OwnAddresses
from .routing.router import Router, build_router
from .screening import Screening
from .submitting import Submitting
from .tracking import ReceptionJournal
from .verdict_store import KeptVerdicts
from .verification.cache import REMEMBERED_DAYS, VerdictCache

log = logging.getLogger(__name__)

PRUNE_SECONDS = 3600.0
DRAIN_SECONDS = 20.0
"""What deliveries under way get when delivery stops."""


class RelayService:
    """Open it with ``open``, then ``start``; end it with ``close``."""

    def __init__(
        self,
        folder: DataFolder,
        store: ConfigurationStore,
        spool: Spool,
        journal: Journal,
        vault: Vault,
        kept_verdicts: Verdicts,
        figures: Figures,
        *,
        clock: Clock,
        machine_name: str,
        request_shutdown: Callable[[], None],
    ) -> None:
        self.folder = folder
        self.store = store
        self.spool = spool
        self.journal = journal
        self.vault = vault
        self._kept_verdicts = kept_verdicts
        self.verdicts = VerdictCache(KeptVerdicts(kept_verdicts), clock)
        self.clock = clock
        self.request_shutdown = request_shutdown
        self.started_at = clock()
        self.made_vault_key: str | None = None
        self.configuration: Configuration = store.current()
        self.mail = MailPlane.STOPPED
        self.delivery_paused = False
        self.events = EventBus(clock)
        self.counters = Counters(clock)
        self.history = History(self.counters, figures, clock)
        self.start_problems: list[Problem] = []
        self._chose_port = False
        """At this start, and by itself: the port may be another one as well."""
        self._machine_name = machine_name
        self._tasks = Tasks("service")
        self._plane_lock = asyncio.Lock()
        self._own_addresses = OwnAddresses()
        self.router = self._make_router(self.configuration)
        self.reception_journal = ReceptionJournal(journal, self.router, clock)
        self.gateway_memory = GatewayMemory(
            SmallFile(folder, "gateways.json", "What gateways did lately"), self.router.outlets.caps, clock
        )
        self.events.subscribe(self.gateway_memory.note, *NOTED)
        self.oauth = OAuthDesk(self)
        self.connector = Connector(
            settings=self._delivery_settings,
            server_name=lambda: self.host_name,
            secrets=vault,
            tokens=self.oauth.tokens,
            resolve=HostNames(self._delivery_settings, self.router.resolver),
        )
        self.pool = Pool(self.connector)
        self.capturing = Capturing(self)
        self.alarming = Alarming(self)
        self.submitting = Submitting(self)
        self.diverting = Diverting(self, self.pool)
        self.queue = self._make_queue()
        self.inbound = Inbound(self, self.verdicts, vault, self._waiting_in, time.monotonic)
        self._context = self._reception_context()
        self.pickup = PickupWatch(
            self._context, SmallFile(folder, "pickup.json", "What was picked up"), self._is_known, lambda: self.host_name
        )
        self.reception = Reception(self._context, self.configuration)
        self.screening = Screening(self)
        self.screening.apply(self.configuration, self._context)
        self.capturing.apply(self.configuration, self._context)
        self.pickup.apply(self.configuration.settings)
        self.router.opened = self.queue.wake
        self.inbound.apply(self.configuration)
        self._apply_limits()

    @classmethod
    async def open(
        cls,
        folder: DataFolder,
        options: RelayOptions,
        *,
        clock: Clock = system_clock,
        request_shutdown: Callable[[], None] = lambda: None,
    ) -> RelayService:
        """Open what lasts. Raises GatepostError when the data folder cannot be used."""
        store, journal, spool, verdicts, figures = await asyncio.to_thread(open_files, folder, clock)
        is_first_start = store.revision == 0
        if is_first_start:
            await asyncio.to_thread(store.save, first_configuration(free_port()), "gatepost", 0, "first start")
        vault, made_key = await open_chosen_vault(folder, options)
        machine_name = await asyncio.to_thread(name_of_machine)
        service = cls(
            folder,
            store,
            spool,
            journal,
            vault,
            verdicts,
            figures,
            clock=clock,
            machine_name=machine_name,
            request_shutdown=request_shutdown,
        )
        service.made_vault_key = made_key
        service._chose_port = is_first_start
        service.start_problems.extend(problems_of_opening(spool, journal))
        if spool.report.check_pending:
            service._tasks.spawn(service._check_spool(), "integrity check")
        service._tasks.spawn(service._prune_for_ever(), "prune the journal")
        service._tasks.spawn(service.history.keep_for_ever(), "keep figures")
        await asyncio.to_thread(service.gateway_memory.restore)
        service._tasks.spawn(service.gateway_memory.keep_for_ever(), "keep what gateways did")
        service.screening.start()
        service.capturing.start()
        await service.alarming.start()
        service.oauth.start()
        return service

    # --- the mail plane ---

    async def start(self) -> None:
        async with self._plane_lock:
            if self.mail is MailPlane.RUNNING:
                return
            self._set_mail(MailPlane.STARTING)
            await self.reception.start()
            self._listeners_changed()
            await self.queue.start(paused=self.delivery_paused)
            await self.pickup.start()
            self.inbound.start()
            if self._chose_port:
                self._chose_port = False
                await take_another_port(self)
            self._set_mail(MailPlane.RUNNING)

    async def stop(self) -> None:
        """Close the listeners, finish what is under way, deliver no more. Accepted mail waits in the spool."""
        async with self._plane_lock:
            if self.mail is MailPlane.STOPPED:
                return
            self._set_mail(MailPlane.STOPPING)
            await self.pickup.stop()
            await self.reception.stop()
            await self.inbound.stop()
            await self.queue.stop(self.diverting.drain, DRAIN_SECONDS)
            await self.router.resolver.close()
            # A drained pool takes nothing any more: the next start has a new one.
            self.pool = Pool(self.connector)
            self.diverting = Diverting(self, self.pool)
            self.queue = self._make_queue()
            self.router.opened = self.queue.wake
            self._set_mail(MailPlane.STOPPED)

    async def close(self) -> None:
        """End in good order; everything that was accepted is in the spool."""
        await self.stop()
        await self.inbound.close()
        await self.screening.close()
        await self.alarming.close()
        await self.capturing.close()
        await self.oauth.close()
        await self._tasks.close()
        await self.gateway_memory.keep()
        await self.pool.drain(0)
        await self.spool.aclose()
        await self._kept_verdicts.close()
        await self.history.close()
        await self.journal.close()
        await asyncio.to_thread(self.store.close)
        await self.vault.close()

    def pause_delivery(self) -> None:
        self.delivery_paused = True
        self.queue.pause()
        self.events.publish("delivery.paused")

    def resume_delivery(self) -> None:
        self.delivery_paused = False
        if self.mail is MailPlane.RUNNING:
            self.queue.resume()
        self.events.publish("delivery.resumed")

    def _set_mail(self, state: MailPlane) -> None:
        self.mail = state
        log.info("mail is %s", state.value)
        self.events.publish("mail.state", state=state.value)

    # --- configuration ---

    async def apply(self, configuration: Configuration) -> None:
        """Put a saved configuration in force, everywhere at once."""
        self.configuration = configuration
        self._apply_limits()
        self.router.apply(configuration)
        self.inbound.apply(configuration)
        self.screening.apply(configuration, self._context)
        self.capturing.apply(configuration, self._context)
        self.pickup.apply(configuration.settings)
        current = frozenset(configured_hops(configuration))
        self.pool.retire(lambda hop: hop.kind is HopKind.MX or hop in current)
        await self.queue.apply()
        await self.reception.apply(configuration)
        self._listeners_changed()
        self.events.publish("configuration.changed", revision=self.store.revision)

    def _delivery_settings(self) -> DeliverySettings:
        return self.configuration.settings.delivery

    def _listeners_changed(self) -> None:
        """Which hosts are this server itself is part of what the resolver remembers, and of where primaries are."""
        if self._own_addresses.set((item.address, item.port) for item in self.reception.listeners()):
            self.router.resolver.forget()
            self.router.outlets.leave_out_own()

    def _apply_limits(self) -> None:
        self.spool.min_free_bytes = self.configuration.settings.spool.min_free_bytes

    @property
    def host_name(self) -> str:
        return self.configuration.settings.server.host_name or self._machine_name

    @property
    def is_default_folder(self) -> bool:
        return self.folder.path == default_data_folder().absolute()

    def secret_changed(self, name: str) -> None:
        """A new password or sign-in may end a gateway's rest at once; the mail that failed for the old one is due now."""
        kind, gateway_id, which = (*name.split("/", 2), "", "")[:3]
        if kind == "gateway":
            if self.router.retry_now(gateway_id) and isinstance(self.configuration.gateway(gateway_id), OutboundGateway):
                self._tasks.spawn(self.release_mail(gateway_id), f"mail that waited for {gateway_id}")
            if which == "smartermail":
                self.inbound.servers.secret_changed(gateway_id)
        self.screening.secret_changed(name)
        self.oauth.secret_changed(name)
        self.events.publish("secret.changed", name=name)

    async def release_mail(self, gateway_id: str) -> None:
        """What was put off while the gateway could not be used is due now, whatever its schedule says."""
        for lane in (Lane.gateway(gateway_id), Lane.POOL):
            await self.queue.lane_recovered(lane)

    # --- what the parts are given ---

    def _make_router(self, configuration: Configuration) -> Router:
        return build_router(
            configuration,
            clock=self.clock,
            monotonic=time.monotonic,
            events=self.events,
            local_addresses=self._own_addresses,
            host_name=self.host_name,
            fronted_by=self._fronted_by,
        )

    def draft_router(self, configuration: Configuration) -> Router:
        """A router that knows only a draft, for explaining it; nothing of it reaches the mail."""
        return build_router(
            configuration,
            clock=self.clock,
            monotonic=time.monotonic,
            events=EventBus(self.clock),
            local_addresses=self._own_addresses,
            host_name=configuration.settings.server.host_name or self._machine_name,
            fronted_by=self._fronted_by,
        )

    def _fronted_by(self, domain: str) -> str | None:
        return self.inbound.domains.fronted_by(domain)

    def _make_queue(self) -> Queue:
        return Queue(
            Surroundings(
                spool=self.spool,
                pool=self.diverting,
                router=self.router,
                journal=self.journal,
                events=self.events,
                counters=self.counters,
                clock=self.clock,
                monotonic=time.monotonic,
                configuration=lambda: self.configuration,
                host_name=lambda: self.host_name,
                is_block_listed=lambda reply: block_listed(reply) is not None,
                notified=self.reception_journal.received,
                moved=self.reception_journal.moved,
                signed_again=lambda *told: self.screening.signing.signed_again(*told),
            )
        )

    def _reception_context(self) -> ReceptionContext:
        return ReceptionContext(
            spool=self.spool,
            lanes=lambda envelope: self.router.lanes(envelope),
            accepted=self.accepted,
            counters=self.counters,
            journal=self.reception_journal,
            recipient_policy=self.inbound.recipients,
            not_kept=self.reception_journal.not_kept,
            times=self.message_times,
            etrn=self.inbound.etrn,
            noted=self.reception_journal.noted,
            tls_folder=self.folder.tls,
            clock=self.clock,
        )

    def accepted(self, stored: StoredMessage, content: Content) -> None:
        self.queue.accepted(stored, content)
        self.screening.accepted(stored)
        if self.events.is_followed("message.accepted"):
            self.events.publish("message.accepted", queue_id=stored.queue_id, id=stored.id)

    def message_times(self, parts: tuple[tuple[str, tuple[Recipient, ...]], ...], received_at: float) -> Times:
        """One message has one life: the longest that one of its lanes gives it."""
        due_at = received_at + self.configuration.settings.spool.delivery_delay_seconds
        if len(parts) == 1:
            return Times(due_at, *self.queue.deadlines(parts[0][0], received_at))
        deadlines = [self.queue.deadlines(lane, received_at) for lane, _ in parts]
        notices = [notice for _, notice in deadlines if notice is not None]
        return Times(
            due_at,
            max(expires for expires, _ in deadlines),
            max(notices) if len(notices) == len(deadlines) else None,
        )

    # --- for the administration ---

    def connections(self) -> list[HopConnections]:
        return self.pool.status()

    async def verify_gateway(
        self, gateway: Gateway, typed: Secret | None, tokens: Tokens | None = None
    ) -> AsyncIterator[VerifyStage]:
        """``typed``: the password, or the client secret of a gateway that signs in by OAuth. Raises InvalidInput or
        Conflict where what is stored would go to another host than it is stored for."""
        from .secret_hosts import refuse_another_host
        from .verifying import verify  # with the probe: seldom needed

        if typed is None:
            refuse_another_host(self.configuration.gateway(gateway.id), gateway)

        sender = self.configuration.settings.server.postmaster or ""
        account = gateway.oauth_account if isinstance(gateway, OutboundGateway) else None
        own = self.oauth.tokens_for(account, typed) if account is not None and tokens is None else None
        try:
            stages = verify(self.connector, gateway, typed if account is None else None, sender, tokens or own)
            async with aclosing(stages):  # type: ignore[type-var]
                async for stage in stages:
                    yield stage
        finally:
            if own is not None and own is not self.oauth.tokens:
                await own.close()

    async def _is_known(self, message_id: int) -> bool:
        """Whether a message of this id was ever committed, as far as spool and journal know."""
        await self.journal.flush()
        if await self.journal.message(message_id) is not None:
            return True
        try:
            await self.spool.get(message_id)
        except NotFound:
            return False
        return True

    def _waiting_in(self, lane: str) -> int:
        return self.spool.counts().lanes.get(lane, 0)

    # --- housekeeping ---

    async def _prune_for_ever(self) -> None:
        while True:
            days = self.configuration.settings.retention.journal_days
            pruned = await self.journal.prune(self.clock() - days * 86_400)
            await self._kept_verdicts.prune(self.clock() - REMEMBERED_DAYS * 86_400)
            await asyncio.sleep(PRUNE_SECONDS if pruned.done else 0.1)

    async def _check_spool(self) -> None:
        if damage := await self.spool.check_integrity():
            self.start_problems.append(
                Problem(
                    "spool",
                    "The spool file is damaged.",
                    damage,
                    "Restart Gatepost: the file is set aside and a new one begun.",
                )
            )
