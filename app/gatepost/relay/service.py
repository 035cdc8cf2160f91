"""The relay service: puts the parts together, starts and stops them. The only place that knows them all.

What lasts (configuration, spool, journal, vault) is opened once and lives as long as the process. The *mail plane*
(listeners and delivery) is started and stopped by the administrator; a changed configuration reaches the running parts as
one immutable snapshot.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ..model.configuration import Configuration
from ..model.envelope import Recipient
from ..model.gateway import OutboundGateway
from ..model.locations import default_data_folder
from ..model.relay_options import RelayOptions
from ..model.report import MailPlane, Problem
from ..store.configuration import ConfigurationStore
from ..store.figures import Figures
from ..store.folder import DataFolder
from ..store.journal import Journal
from ..store.spool import Spool
from ..store.values import Content, StoredMessage
from ..store.verdicts import Verdicts
from ..vault import Vault
from . import assembly
from .alarming import Alarming
from .capturing import Capturing
from .common.clock import Clock, system_clock
from .common.ending import try_each
from .common.events import EventBus
from .common.hop import HopKind, Lane
from .common.metrics import Counters
from .common.tasks import Tasks
from .defaults import first_configuration, free_port
from .delivery.hop_queue import HopConnections
from .delivery.pool import Pool
from .diverting import Diverting
from .first_port import take_another_port
from .history import History
from .housekeeping import check_spool, prune_for_ever
from .oauth_desk import OAuthDesk
from .opening import name_of_machine, open_chosen_vault, open_files, problems_of_opening
from .reception import Reception, Times
from .routing.hops import configured_hops
from .routing.own_addresses import OwnAddresses
from .routing.router import Router
from .screening import Screening
from .submitting import Submitting
from .tracking import ReceptionJournal
from .verdict_store import KeptVerdicts
from .verification.cache import VerdictCache

log = logging.getLogger(__name__)

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
        self.kept_verdicts = kept_verdicts
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
        self.machine_name = machine_name
        self._tasks = Tasks("service")
        self._plane_lock = asyncio.Lock()
        self.own_addresses = OwnAddresses()
        self.router = assembly.make_router(self, self.configuration, self.events)
        self.reception_journal = ReceptionJournal(journal, self.router, clock)
        self.gateway_memory = assembly.make_gateway_memory(self)
        self.oauth = OAuthDesk(self)
        self.connector = assembly.make_connector(self)
        self.pool = Pool(self.connector)
        self.capturing = Capturing(self)
        self.alarming = Alarming(self)
        self.submitting = Submitting(self)
        self.diverting = Diverting(self, self.pool)
        self.queue = assembly.make_queue(self)
        self.inbound = assembly.make_inbound(self)
        self._context = assembly.make_reception_context(self)
        self.pickup = assembly.make_pickup(self, self._context)
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
            service._tasks.spawn(check_spool(service), "integrity check")
        service._tasks.spawn(prune_for_ever(service), "prune the journal")
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
        """Close the listeners, finish what is under way, deliver no more. Accepted mail waits in the spool.

        Every part is stopped, also after one that could not be; raises the first error then.
        """
        if errors := await self._stop():
            raise errors[0]

    async def _stop(self) -> list[Exception]:
        async with self._plane_lock:
            if self.mail is MailPlane.STOPPED:
                return []
            self._set_mail(MailPlane.STOPPING)
            errors = await try_each(
                "mail",
                self.pickup.stop,
                self.reception.stop,
                self.inbound.stop,
                lambda: self.queue.stop(self.diverting.drain, DRAIN_SECONDS),
                self.router.resolver.close,
            )
            # A drained pool takes nothing any more: the next start has a new one.
            self.pool = Pool(self.connector)
            self.diverting = Diverting(self, self.pool)
            self.queue = assembly.make_queue(self)
            self.router.opened = self.queue.wake
            self._set_mail(MailPlane.STOPPED)
            return errors

    async def close(self) -> None:
        """End in good order; everything that was accepted is in the spool. What cannot be closed is logged."""
        await try_each(
            "relay",
            self._stop,
            self.inbound.close,
            self.screening.close,
            self.alarming.close,
            self.capturing.close,
            self.oauth.close,
            self._tasks.close,
            self.gateway_memory.keep,
            lambda: self.pool.drain(0),
            self.spool.aclose,
            self.kept_verdicts.close,
            self.history.close,
            self.journal.close,
            lambda: asyncio.to_thread(self.store.close),
            self.vault.close,
        )

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

    def _listeners_changed(self) -> None:
        """Which hosts are this server itself is part of what the resolver remembers, and of where primaries are."""
        if self.own_addresses.set((item.address, item.port) for item in self.reception.listeners()):
            self.router.resolver.forget()
            self.router.outlets.leave_out_own()

    def _apply_limits(self) -> None:
        self.spool.min_free_bytes = self.configuration.settings.spool.min_free_bytes

    @property
    def host_name(self) -> str:
        return self.configuration.settings.server.host_name or self.machine_name

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

    # --- what the parts ask and tell ---

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

    def draft_router(self, configuration: Configuration) -> Router:
        """A router that knows only a draft, for explaining it; nothing of it reaches the mail."""
        return assembly.make_router(self, configuration, EventBus(self.clock))

    def connections(self) -> list[HopConnections]:
        return self.pool.status()
