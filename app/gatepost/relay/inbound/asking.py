"""Questions to a primary: does it take this recipient, does it answer at all. Never a message.

Recipients are asked about over the connections that also deliver to it; a question goes ahead of the mail that waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from ...model.envelope import Recipient
from ...model.reply import Reply
from ..common.hop import NextHop
from ..common.plan import HopOutcome
from ..delivery.classify import is_too_many
from ..delivery.connector import Connector
from ..delivery.pool import Pool
from ..delivery.values import Job, Outcome, OutcomeState
from ..routing.block_listed import block_listed
from ..routing.hops import MAX_CANDIDATES
from ..routing.router import Router
from ..verification.call_forward import PrimarySilent

ASK_SECONDS = 20.0
"""For one question to one primary; it is not asked again for as long after it has let one pass."""
PROBE_SECONDS = 20.0


class PrimaryAsker:
    """``pool``: the present one; it is made anew at each start of the mail."""

    def __init__(
        self,
        router: Callable[[], Router],
        pool: Callable[[], Pool],
        connector: Connector,
        monotonic: Callable[[], float],
        *,
        ask_seconds: float = ASK_SECONDS,
    ) -> None:
        self._router = router
        self._pool = pool
        self._connector = connector
        self._monotonic = monotonic
        self._ask_seconds = ask_seconds
        self._silent_until: dict[str, float] = {}

    async def ask(self, gateway_id: str, addresses: Sequence[str]) -> Sequence[Reply]:
        """The primary's replies to RCPT, in order. Raises PrimarySilent when none could be had."""
        if self._monotonic() < self._silent_until.get(gateway_id, 0.0):
            raise PrimarySilent(f"it gave no answer within {self._ask_seconds:g} s a moment ago")
        try:
            async with asyncio.timeout(self._ask_seconds):
                return await self._ask(gateway_id, addresses)
        except TimeoutError:
            # Perhaps only busy: its mail goes on, and nobody else has to wait so long for nothing.
            self._silent_until[gateway_id] = self._monotonic() + self._ask_seconds
            raise PrimarySilent(f"no answer within {self._ask_seconds:g} s") from None

    async def _ask(self, gateway_id: str, addresses: Sequence[str]) -> Sequence[Reply]:
        # An address that needs SMTPUTF8 may rule a transaction out, and must not take the others with it.
        plain = [address for address in addresses if address.isascii()]
        special = [address for address in addresses if not address.isascii()]
        found: dict[str, Reply] = {}
        for group in filter(None, (plain, special)):
            found.update(zip(group, await self._ask_in_turn(gateway_id, group), strict=True))
        return [found[address] for address in addresses]

    async def _ask_in_turn(self, gateway_id: str, addresses: Sequence[str]) -> list[Reply]:
        """One address of the primary after the other, those that rest left out."""
        outlets = self._router().outlets
        reasons: list[str] = []
        for hop in outlets.hops_of(gateway_id)[:MAX_CANDIDATES]:
            if (closed := outlets.why_closed(hop)) is not None:
                reasons.append(closed)
                continue
            outcome = await self._submit(hop, addresses)
            failure = _failure(outcome)
            if outcome.state is OutcomeState.NOT_STARTED:
                reasons.append(f"{hop.label} was not asked: {failure}")
            elif failure:
                self._router().probed(hop, HopOutcome.FAILURE, failure)
                reasons.append(f"{hop.label}: {failure}")
            else:
                self._router().probed(hop, HopOutcome.SUCCESS)
                if outcome.mail is not None and not outcome.mail.is_positive:
                    # Words about the sender, whatever their code: they say nothing of any recipient.
                    raise PrimarySilent(f"{hop.label} refuses the null sender, under which it is asked: {outcome.mail}")
                replies = [result.reply for result in outcome.results()]
                if (blamed := next(filter(block_listed, replies), None)) is not None:
                    raise PrimarySilent(f"{hop.label} refuses our address: {blamed}")
                return await self._with_the_rest(hop, addresses, replies)
        raise PrimarySilent("; ".join(reasons[:3]) or "the gateway has no address to ask")

    async def _with_the_rest(self, hop: NextHop, addresses: Sequence[str], replies: list[Reply]) -> list[Reply]:
        """A server that takes so many recipients at a time is asked about the others again, as long as that brings answers."""
        while True:
            taken = sum(reply.is_positive for reply in replies)
            left = [index for index, reply in enumerate(replies) if is_too_many(reply, taken)]
            if not 0 < len(left) < len(replies):
                return replies
            outcome = await self._submit(hop, [addresses[index] for index in left])
            if _failure(outcome) or outcome.mail is None or not outcome.mail.is_positive:
                return replies
            again = [result.reply for result in outcome.results()]
            if all(is_too_many(reply, 1) for reply in again):
                return replies
            for index, reply in zip(left, again, strict=True):
                replies[index] = reply

    async def _submit(self, hop: NextHop, addresses: Sequence[str]) -> Outcome:
        answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def done(_job: Job, outcome: Outcome) -> None:
            if not answered.done():
                answered.set_result(outcome)

        self._pool().submit(hop, Job("", [Recipient(address) for address in addresses], None), done)
        return await answered

    async def probe(self, hop: NextHop) -> str:
        """Why no mail can be handed to an address now; empty when it takes a sender."""
        from ..delivery.probe import ProbeState, probe  # seldom needed

        stages = probe(self._connector, hop, total_seconds=PROBE_SECONDS, stage_seconds=PROBE_SECONDS)
        try:
            async for stage in stages:
                if stage.state is ProbeState.FAILED:
                    return stage.summary
        finally:
            await stages.aclose()  # type: ignore[attr-defined]
        return ""


def _failure(outcome: Outcome) -> str:
    """Why nothing was learned from this address of the primary; empty when it answered."""
    if outcome.state in (OutcomeState.COMPLETED, OutcomeState.UNSENDABLE):
        replies = [outcome.mail, *outcome.recipients]
        return next((str(reply) for reply in replies if reply is not None and reply.code == 421), "")
    if outcome.failure is not None:
        return outcome.failure.text
    return "the connection was lost" if outcome.state is OutcomeState.LOST else "nothing was tried"
