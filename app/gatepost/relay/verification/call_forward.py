"""SMTP call-forward: ask the primary at RCPT time, ``MAIL FROM:<>`` and ``RCPT TO``, and never send a message.

Questions that arrive while one is under way are gathered and asked in one transaction over a kept connection.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from ...model.reply import Reply
from ..common.printable import printable
from ..common.tasks import Tasks
from .verdict import RecipientState, RecipientVerdict, state_of_reply

log = logging.getLogger(__name__)

SOURCE = "primary server"
BATCH = 50
RANDOM_PROBE_SECONDS = 24 * 3600.0
MAX_DOMAINS = 10_000
"""Domains remembered as tried with a made-up address."""

AskPrimary = Callable[[str, Sequence[str]], Awaitable[Sequence[Reply]]]
"""(gateway id, addresses) → the replies to RCPT, in order. Raises ``PrimarySilent`` when none could be had."""


class PrimarySilent(Exception):
    """The primary could not be asked; the text says why."""


class CallForward:
    """One gateway's questions. ``accepts_everyone`` names the domains whose primary took a random address."""

    def __init__(self, gateway_id: str, ask: AskPrimary, monotonic: Callable[[], float], tasks: Tasks) -> None:
        self._gateway_id = gateway_id
        self._ask = ask
        self._monotonic = monotonic
        self._tasks = tasks
        self._waiting: dict[str, asyncio.Future[RecipientVerdict]] = {}
        self._is_asking = False
        self._probed: OrderedDict[str, float] = OrderedDict()
        self.accepts_everyone: set[str] = set()

    async def verdict(self, address: str) -> RecipientVerdict:
        future = self._waiting.get(address)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            self._waiting[address] = future
            if not self._is_asking:
                self._is_asking = True
                self._tasks.spawn(self._ask_all(), f"call-forward {self._gateway_id}")
        return await asyncio.shield(future)

    async def _ask_all(self) -> None:
        try:
            while self._waiting:
                batch = dict(list(self._waiting.items())[:BATCH])
                verdicts = await self._ask_some(list(batch))
                for (address, future), verdict in zip(batch.items(), verdicts, strict=True):
                    del self._waiting[address]
                    if not future.done():
                        future.set_result(verdict)
        finally:
            self._is_asking = False
            abandoned = RecipientVerdict(RecipientState.UNKNOWN, SOURCE, "the question was abandoned")
            for future in self._waiting.values():
                if not future.done():
                    future.set_result(abandoned)
            self._waiting.clear()

    async def _ask_some(self, addresses: list[str]) -> list[RecipientVerdict]:
        probes = self._random_addresses(addresses)
        try:
            replies = list(await self._ask(self._gateway_id, [*addresses, *probes]))
        except PrimarySilent as error:
            return [RecipientVerdict(RecipientState.UNKNOWN, SOURCE, str(error))] * len(addresses)
        for probe, reply in zip(probes, replies[len(addresses) :], strict=True):
            domain = probe.rpartition("@")[2]
            self._note_probed(domain)
            if state_of_reply(reply) is RecipientState.VALID:
                if domain not in self.accepts_everyone:
                    log.warning(
                        "gateway %s: its primary accepts everyone at %s, so nobody can be verified", self._gateway_id, domain
                    )
                self.accepts_everyone.add(domain)
            elif reply.is_permanent:
                self.accepts_everyone.discard(domain)
        return [
            RecipientVerdict(state_of_reply(reply), SOURCE, printable(str(reply), 200)) for reply in replies[: len(addresses)]
        ]

    def _note_probed(self, domain: str) -> None:
        self._probed[domain] = self._monotonic()
        self._probed.move_to_end(domain)
        while len(self._probed) > MAX_DOMAINS:
            forgotten, _ = self._probed.popitem(last=False)
            self.accepts_everyone.discard(forgotten)

    def _random_addresses(self, addresses: list[str]) -> list[str]:
        """A made-up address for each domain that was not tried within a day."""
        now = self._monotonic()
        domains = dict.fromkeys(address.rpartition("@")[2] for address in addresses)
        due = (d for d in domains if now - self._probed.get(d, -RANDOM_PROBE_SECONDS) >= RANDOM_PROBE_SECONDS)
        return [f"no-such-user-{secrets.token_hex(6)}@{domain}" for domain in due]
