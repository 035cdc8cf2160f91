"""How the parts of the relay are made, and what each is given of the others: they do not know each other but by this."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..model.configuration import Configuration
from ..model.errors import NotFound
from ..model.settings import DeliverySettings
from ..store.small_file import SmallFile
from .common.events import EventBus
from .delivery.connector import Connector
from .delivery.queue import Queue
from .delivery.surroundings import Surroundings
from .gateway_memory import NOTED, GatewayMemory
from .host_names import HostNames
from .inbound.inbound import Inbound
from .reception import ReceptionContext
from .reception.pickup.watch import PickupWatch
from .routing.block_listed import block_listed
from .routing.router import Router, build_router

if TYPE_CHECKING:
    from .service import RelayService


def make_router(service: RelayService, configuration: Configuration, events: EventBus) -> Router:
    """For a configuration in force, or for a draft: then with events that nobody hears."""
    return build_router(
        configuration,
        clock=service.clock,
        monotonic=time.monotonic,
        events=events,
        local_addresses=service.own_addresses,
        host_name=configuration.settings.server.host_name or service.machine_name,
        fronted_by=lambda domain: service.inbound.domains.fronted_by(domain),
    )


def make_gateway_memory(service: RelayService) -> GatewayMemory:
    file = SmallFile(service.folder, "gateways.json", "What gateways did lately")
    memory = GatewayMemory(file, service.router.outlets.caps, service.clock)
    service.events.subscribe(memory.note, *NOTED)
    return memory


def make_connector(service: RelayService) -> Connector:
    def settings() -> DeliverySettings:
        return service.configuration.settings.delivery

    return Connector(
        settings=settings,
        server_name=lambda: service.host_name,
        secrets=service.vault,
        tokens=service.oauth.tokens,
        resolve=HostNames(settings, service.router.resolver),
    )


def make_queue(service: RelayService) -> Queue:
    return Queue(
        Surroundings(
            spool=service.spool,
            pool=service.diverting,
            router=service.router,
            journal=service.journal,
            events=service.events,
            counters=service.counters,
            clock=service.clock,
            monotonic=time.monotonic,
            configuration=lambda: service.configuration,
            host_name=lambda: service.host_name,
            is_block_listed=lambda reply: block_listed(reply) is not None,
            notified=service.reception_journal.received,
            moved=service.reception_journal.moved,
            signed_again=lambda *told: service.screening.signing.signed_again(*told),
        )
    )


def make_inbound(service: RelayService) -> Inbound:
    def waiting_in(lane: str) -> int:
        return service.spool.counts().lanes.get(lane, 0)

    return Inbound(service, service.verdicts, service.vault, waiting_in, time.monotonic)


def make_reception_context(service: RelayService) -> ReceptionContext:
    return ReceptionContext(
        spool=service.spool,
        lanes=lambda envelope: service.router.lanes(envelope),
        accepted=service.accepted,
        counters=service.counters,
        journal=service.reception_journal,
        recipient_policy=service.inbound.recipients,
        not_kept=service.reception_journal.not_kept,
        times=service.message_times,
        etrn=service.inbound.etrn,
        noted=service.reception_journal.noted,
        tls_folder=service.folder.tls,
        clock=service.clock,
    )


def make_pickup(service: RelayService, context: ReceptionContext) -> PickupWatch:
    async def is_known(message_id: int) -> bool:
        """Whether a message of this id was ever committed, as far as spool and journal know."""
        await service.journal.flush()
        if await service.journal.message(message_id) is not None:
            return True
        try:
            await service.spool.get(message_id)
        except NotFound:
            return False
        return True

    file = SmallFile(service.folder, "pickup.json", "What was picked up")
    return PickupWatch(context, file, is_known, lambda: service.host_name)
