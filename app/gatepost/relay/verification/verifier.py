"""The chain: cache, then the sources in turn, then what was remembered, then the gateway's policy."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache

from ...model.gateway import BackupMxGateway, InboundGateway
from ...model.reply import Reply
from ...model.verification import WhenUnknown
from ..common.tasks import Tasks
from .cache import VerdictCache
from .verdict import Decision, RecipientState, RecipientVerdict

Source = Callable[[str], Awaitable[RecipientVerdict]]

ANSWER_SECONDS = 15.0
"""How long a client waits at RCPT. What the sources say later is kept for the next one who asks."""


class Verifier:
    """One inbound gateway's verification. ``sources`` in the order in which they are asked; ``tasks`` are the owner's.

    Verdicts from before ``fresh_since`` (seconds since the epoch) are remembered at most: other sources gave them.
    """

    def __init__(
        self,
        gateway: InboundGateway,
        sources: Sequence[Source],
        cache: VerdictCache,
        tasks: Tasks,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        fresh_since: float = 0.0,
    ) -> None:
        self._gateway = gateway
        self._sources = tuple(sources)
        self._cache = cache
        self._tasks = tasks
        self._answer_seconds = answer_seconds
        self._fresh_since = fresh_since
        self._fresh_seconds = gateway.verification.cache_minutes * 60.0
        self._running: dict[str, asyncio.Task[RecipientVerdict]] = {}

    @property
    def is_on(self) -> bool:
        return bool(self._sources)

    def decide_now(self, address: str) -> Decision | None:
        """The decision without waiting, when the cache holds one; None: ``decide`` must ask."""
        if not self._sources:
            return Decision(None, "recipients are not verified")
        verdict = self._cache.fresh(self._gateway.id, address.lower(), self._fresh_seconds, self._fresh_since)
        return None if verdict is None else _settled(verdict.state, verdict.source, "cached")

    async def decide(self, address: str) -> Decision:
        """Waits for the sources, for a while."""
        key = address.lower()
        if (decision := self.decide_now(key)) is not None:
            return decision
        verdict = await self._verdict(key)
        if verdict.state is not RecipientState.UNKNOWN:
            return _settled(verdict.state, verdict.source, "asked")
        return await self._without_answer(key, verdict)

    async def _verdict(self, address: str) -> RecipientVerdict:
        """One search for an address, however many clients ask for it; it goes on when they no longer wait."""
        task = self._running.get(address)
        if task is None:
            task = self._tasks.spawn(self._find(address), f"verify a recipient of {self._gateway.id}")
            self._running[address] = task
            task.add_done_callback(lambda _: self._running.pop(address, None))
        done, _ = await asyncio.wait({task}, timeout=self._answer_seconds)
        if not done:
            return RecipientVerdict(RecipientState.UNKNOWN, "nobody", f"no answer within {self._answer_seconds:g} s")
        if task.cancelled() or task.exception() is not None:
            return RecipientVerdict(RecipientState.UNKNOWN, "verification", "it failed, see the log")
        return task.result()

    async def _find(self, address: str) -> RecipientVerdict:
        known = await self._cache.remembered(self._gateway.id, address)
        if known is not None and self._cache.is_fresh(known, self._fresh_seconds, self._fresh_since):
            return known.verdict  # from before a restart, or fallen out of memory
        verdict = await self._ask_chain(address)
        self._cache.put(self._gateway.id, address, verdict)
        return verdict

    async def _ask_chain(self, address: str) -> RecipientVerdict:
        """Valid as soon as one source says so; invalid when all that could answer say so and none was silent."""
        refusal: RecipientVerdict | None = None
        silent: RecipientVerdict | None = None
        for source in self._sources:
            verdict = await source(address)
            if verdict.state is RecipientState.VALID:
                return verdict
            if verdict.state is RecipientState.INVALID:
                refusal = verdict
            else:
                silent = verdict
        return silent or refusal or RecipientVerdict(RecipientState.UNKNOWN, "", "no source")

    async def _without_answer(self, address: str, verdict: RecipientVerdict) -> Decision:
        why = f"{verdict.source} cannot answer ({verdict.reason})"
        known = await self._cache.remembered(self._gateway.id, address)
        if known is not None and known.verdict.state is RecipientState.VALID:
            return Decision(None, f"{why}; remembered as valid", hold=True)
        if known is not None:
            return Decision(_no_such_user(), f"{why}; remembered as unknown to the primary")
        policy = self._gateway.verification.when_unknown
        if policy is WhenUnknown.BY_MODE:
            policy = WhenUnknown.ACCEPT if isinstance(self._gateway, BackupMxGateway) else WhenUnknown.DEFER
        if policy is WhenUnknown.ACCEPT:
            return Decision(None, f"{why}; never seen before, accepted to be held", hold=True)
        text = "The recipient cannot be verified now, please try again later"
        return Decision(Reply(451, "4.1.1", text), f"{why}; never seen before")


@lru_cache(maxsize=64)
def _settled(state: RecipientState, source: str, how: str) -> Decision:
    return Decision(None if state is RecipientState.VALID else _no_such_user(), f"{source}: {state.value} ({how})")


def _no_such_user() -> Reply:
    return Reply(550, "5.1.1", "No such recipient here")
