"""Settings → Metrics port: the figures on a TCP port of their own, while they are switched on there.

Whoever reaches the port may read them, so it is on loopback unless the administrator chose another address. Nothing can be
changed through it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...model.network import parse_ip
from ...model.report import Problem
from ...model.settings import MonitoringSettings
from ...relay.common.events import Event
from ...relay.common.tasks import Tasks

if TYPE_CHECKING:  # loaded when the port is opened
    from aiohttp import web

    from .facade import RelayFacade

log = logging.getLogger(__name__)

SUBJECT = "metrics"
OFF = MonitoringSettings()


class MetricsPort:
    """``follow`` opens the port if it is switched on, and goes with every change of the settings until ``close``."""

    def __init__(self, facade: RelayFacade) -> None:
        self._facade = facade
        self._runner: web.AppRunner | None = None
        self._applied = OFF
        self._lock = asyncio.Lock()
        self._tasks = Tasks("metrics port")
        self._unsubscribe: Callable[[], None] = lambda: None

    async def follow(self) -> None:
        self._unsubscribe = self._facade.subscribe(self._note, "configuration.changed")
        await self._apply()

    async def close(self) -> None:
        self._unsubscribe()
        await self._tasks.close()
        await self._stop()

    def _note(self, event: Event) -> None:
        self._tasks.spawn(self._apply(), "apply the settings")

    async def _apply(self) -> None:
        async with self._lock:
            configuration, _ = await self._facade.configuration()
            wanted = configuration.settings.monitoring
            if wanted == self._applied:
                return
            await self._stop()
            self._applied = wanted
            self._facade.tell_problem(SUBJECT, await self._start(wanted) if wanted.metrics_enabled else None)

    async def _start(self, settings: MonitoringSettings) -> Problem | None:
        from aiohttp import web

        from .application import make_metrics_application
        from .http_log import HTTP_LOG

        address, port = settings.metrics_address, settings.metrics_port
        hosts = None
        if parse_ip(address).is_loopback:  # a name that a web page's owner made lead here is not ours (DNS rebinding)
            hosts = frozenset({"localhost", "127.0.0.1", "::1", address})
        runner = web.AppRunner(
            make_metrics_application(self._facade, hosts),
            access_log=None,
            logger=HTTP_LOG,
            handle_signals=False,
            shutdown_timeout=1.0,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, address, port).start()
        except OSError as error:
            await runner.cleanup()
            words = os.strerror(error.errno) if error.errno else str(error)
            log.warning("the metrics port %s:%d cannot be opened: %s", address, port, words)
            return Problem(
                "monitoring", f"The metrics port {address}:{port} cannot be opened.", f"{words}.",
                "Choose another address or port in Settings → Metrics port.", subject=SUBJECT,
            )  # fmt: skip
        self._runner = runner
        log.info("metrics at http://%s:%d/metrics", f"[{address}]" if ":" in address else address, port)
        return None

    async def _stop(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
