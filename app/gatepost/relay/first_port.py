"""The port of a relay that nobody has configured yet, when it turns out to be somebody else's."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from .defaults import PORTS_TRIED, first_configuration, free_port
from .reception import ListenerStatus

if TYPE_CHECKING:
    from .service import RelayService

log = logging.getLogger(__name__)


async def take_another_port(service: RelayService) -> None:
    """As long as somebody else took the chosen one in the meantime: another relay at its first start, most likely."""
    for _ in range(PORTS_TRIED):
        listener = next(iter(service.reception.listeners()), None)
        if listener is None or listener.state is not ListenerStatus.FAILED:
            return
        port = await asyncio.to_thread(free_port)
        if port == listener.port or service.configuration != first_configuration(listener.port):
            return
        log.info("port %d was taken meanwhile; taking %d", listener.port, port)
        await asyncio.to_thread(
            service.store.save, first_configuration(port), "gatepost", service.store.revision, "first start, another port"
        )
        await service.apply(service.store.current())
