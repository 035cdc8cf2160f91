"""Primaries that do not answer: probed without a message, and their mail released when they answer again.

While a primary rests no message is spent on finding out. The first probe that succeeds opens its lane and makes
everything in it due; delivery then begins with one message and one connection and takes more as they succeed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Protocol

from ...model.configuration import Configuration
from ..common.events import Event
from ..common.hop import Lane, NextHop
from ..common.plan import HopOutcome
from ..common.tasks import Tasks
from ..routing.router import Router

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Addresses of one primary probed at the same time."""
SEEN_SECONDS = 10.0
"""A primary that answered so recently is up."""
ASKED_AT_MOST = 3
"""Addresses tried before a primary that nobody has heard of lately counts as down."""

Probe = Callable[[NextHop], Coroutine[None, None, str]]
"""Why an address takes no mail now; empty when it does."""


class Releases(Protocol):
    """The queue, as the watch uses it."""

    async def lane_recovered(self, lane: str) -> None: ...


class PrimaryWatch:
    """``queue``: the present one; it is made anew at each start of the mail."""

    def __init__(
        self, router: Callable[[], Router], queue: Callable[[], Releases], probe: Probe, monotonic: Callable[[], float]
    ) -> None:
        self._router = router
        self._queue = queue
        self._probe = probe
        self._monotonic = monotonic
        self._tasks = Tasks("primaries")
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._checks: dict[str, asyncio.Task[bool]] = {}
        self._nudges: dict[str, asyncio.Event] = {}
        self._seen_up: dict[str, float] = {}
        self._gateways: frozenset[str] = frozenset()
        self._running = False

    # --- life --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._running = True
        self._watch_all()

    async def stop(self) -> None:
        self._running = False
        await self._tasks.close()
        self._watches.clear()
        self._checks.clear()

    def apply(self, configuration: Configuration) -> None:
        self._gateways = frozenset(gateway.id for gateway in configuration.inbound if gateway.enabled)
        self._router().outlets.watched = self._gateways
        for gateway_id in [name for name in self._watches if name not in self._gateways]:
            self._watches.pop(gateway_id).cancel()
        for nudge in self._nudges.values():
            nudge.set()  # the time of the next probe may be another one
        self._watch_all()

    def note_event(self, event: Event) -> None:
        """A primary begins to rest: somebody has to find out when it is back."""
        if event.kind == "gateway.resting" and event.data.get("gateway_id") in self._gateways:
            self._watch(event.data["gateway_id"])

    def _watch_all(self) -> None:
        for gateway_id in self._gateways:
            if self._router().outlets.resting(gateway_id):
                self._watch(gateway_id)

    # --- up or down --------------------------------------------------------------------------------------------------

    def is_down_now(self, gateway_id: str) -> bool | None:
        """Whether no address of a primary can be used, from memory; None: nobody has heard of it lately."""
        outlets = self._router().outlets
        hops = outlets.hops_of(gateway_id)
        if len(outlets.resting(gateway_id)) == len(hops):
            return True
        seen = max(self._seen_up.get(gateway_id, -SEEN_SECONDS), outlets.last_success(gateway_id))
        return False if self._monotonic() - seen < SEEN_SECONDS else None

    async def is_down(self, gateway_id: str, seconds: float) -> bool:
        """As ``is_down_now``, asking where need be. No answer within ``seconds`` counts as down."""
        if (known := self.is_down_now(gateway_id)) is not None:
            return known
        task = self._checks.get(gateway_id)
        if task is None:
            task = self._checks[gateway_id] = self._tasks.spawn(self._check(gateway_id), f"ask for {gateway_id}")
            task.add_done_callback(lambda _: self._checks.pop(gateway_id, None))
        done, _ = await asyncio.wait({task}, timeout=seconds)
        return not done or task.cancelled() or task.exception() is not None or task.result()

    async def _check(self, gateway_id: str) -> bool:
        for hop in self._router().outlets.hops_of(gateway_id)[:ASKED_AT_MOST]:
            if await self._try(gateway_id, hop):
                return False
        return True

    async def _try(self, gateway_id: str, hop: NextHop) -> bool:
        try:
            cause = await self._probe(hop)
        except Exception as error:  # whatever it is, the watch must go on
            log.exception("probing %s failed in an unforeseen way", hop.label)
            cause = f"unforeseen: {type(error).__name__}"
        self._router().probed(hop, HopOutcome.FAILURE if cause else HopOutcome.SUCCESS, cause)
        if not cause:
            self._seen_up[gateway_id] = self._monotonic()
        return not cause

    # --- release -----------------------------------------------------------------------------------------------------

    async def release(self, gateway_id: str) -> None:
        """The primary asks for its mail: everything is due, and what rests is probed at once."""
        self._router().retry_now(gateway_id)
        if (nudge := self._nudges.get(gateway_id)) is not None:
            nudge.set()
        await self._queue().lane_recovered(Lane.inbound(gateway_id))

    def _watch(self, gateway_id: str) -> None:
        if self._running and gateway_id not in self._watches:
            task = self._tasks.spawn(self._watch_until_back(gateway_id), f"watch {gateway_id}")
            self._watches[gateway_id] = task
            task.add_done_callback(lambda ended: self._over(gateway_id, ended))

    def _over(self, gateway_id: str, ended: asyncio.Task[None]) -> None:
        if self._watches.get(gateway_id) is ended:
            del self._watches[gateway_id]
            self._nudges.pop(gateway_id, None)

    async def _watch_until_back(self, gateway_id: str) -> None:
        nudge = self._nudges[gateway_id] = asyncio.Event()
        turns = asyncio.Semaphore(AT_ONCE)

        async def attempt(hop: NextHop) -> bool:
            async with turns:
                return await self._try(gateway_id, hop)

        while resting := self._router().outlets.resting(gateway_id):
            now = self._monotonic()
            due = [hop for hop, at in resting if at <= now]
            if not due:
                nudge.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(0.01, min(at for _, at in resting) - now)):
                        await nudge.wait()
                continue
            if any(await asyncio.gather(*(attempt(hop) for hop in due))):
                log.info("the primary of %s answers again: its mail is released", gateway_id)
                await self._queue().lane_recovered(Lane.inbound(gateway_id))
