"""What RCPT is answered for a domain behind an inbound gateway. Answers without waiting where the answer is in memory.

In this order: the harvest limit, whose domain it is, “only while the primary is down”, the verification chain. Clients
that may relay are only asked about the last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import lru_cache

from ...model.gateway import (
    AcceptPolicy,
    BackupMxGateway,
    DomainForwardGateway,
    DomainVerification,
    InboundGateway,
)
from ...model.network import parse_ip
from ...model.reply import Reply
from ..reception.context import ACCEPTED, RecipientQuestion, RecipientVerdict
from ..verification.harvest import HarvestLimit
from ..verification.verdict import Decision
from ..verification.verifier import ANSWER_SECONDS, Verifier
from .domains import Finding, FrontedDomains
from .watch import PrimaryWatch

HARVESTING = RecipientVerdict(
    Reply(421, "4.7.0", "Too many unknown recipients, please check your list of addresses and try again later"), "harvest"
)
DISABLED = RecipientVerdict(
    Reply(450, "4.3.2", "Mail for this domain is not taken now, please try again later"), "gateway-disabled"
)
PRIMARY_UP = RecipientVerdict(
    Reply(451, "4.3.2", "This is a backup mail server and the primary one answers: please deliver to that one"), "primary-up"
)

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Rules:
    """One gateway's, prepared."""

    gateway: InboundGateway
    verifier: Verifier
    only_when_down: bool
    is_all_but: bool

    @staticmethod
    def of(gateway: InboundGateway, verifier: Verifier) -> Rules:
        return Rules(
            gateway,
            verifier,
            isinstance(gateway, BackupMxGateway) and gateway.holding.accept is AcceptPolicy.PRIMARY_DOWN,
            isinstance(gateway, DomainForwardGateway) and gateway.domain_verification is DomainVerification.ALL_BUT_SPECIFIED,
        )


class RecipientRules:
    """Callable as ``reception.context.RecipientPolicy``."""

    def __init__(
        self, domains: FrontedDomains, watch: PrimaryWatch, monotonic: Callable[[], float], *, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._domains = domains
        self._watch = watch
        self._harvest = HarvestLimit(monotonic)
        self._sleep = sleep
        self.rules: dict[str, Rules] = {}

    def __call__(self, question: RecipientQuestion) -> RecipientVerdict | Coroutine[None, None, RecipientVerdict | None] | None:
        if not question.may_relay and self._harvest.is_refused(_bucket(question.client)):
            return HARVESTING
        gateway = question.gateway
        if gateway is not None:
            rules = self.rules.get(gateway.id)
            if rules is None:
                return DISABLED  # removed since the transaction began
            if not (rules.is_all_but and self._domains.looks_up):
                return self._verdict(question, rules)
        elif not self._domains.looks_up:
            return None
        found = self._domains.find_now(question.domain)
        return self._look_up(question) if found is None else self._found(question, found)

    async def _look_up(self, question: RecipientQuestion) -> RecipientVerdict | None:
        found = self._found(question, await self._domains.find(question.domain))
        return await found if isinstance(found, Coroutine) else found

    def _found(
        self, question: RecipientQuestion, found: Finding
    ) -> RecipientVerdict | Coroutine[None, None, RecipientVerdict | None] | None:
        gateway = found.gateway or question.gateway
        if gateway is None:
            assert found.refusal is not None  # noqa: S101 - a finding without a gateway says why
            return RecipientVerdict(found.refusal, "domain-unsure" if found.is_unsure else "relay-denied", found.words)
        rules = self.rules.get(gateway.id)
        if rules is None or not gateway.enabled:
            return DISABLED
        return self._verdict(question, rules)

    def _verdict(
        self, question: RecipientQuestion, rules: Rules
    ) -> RecipientVerdict | Coroutine[None, None, RecipientVerdict | None]:
        if rules.only_when_down and not question.may_relay:
            is_down = self._watch.is_down_now(rules.gateway.id)
            if is_down is None:
                return self._asked(question, rules)
            if not is_down:
                return PRIMARY_UP
        if not rules.verifier.is_on:
            return ACCEPTED
        decision = rules.verifier.decide_now(question.address)
        if decision is None:
            return self._asked(question, rules)
        if decision.reply is not None:
            return self._refused(question, decision)
        return _accepted(decision.words)

    async def _asked(self, question: RecipientQuestion, rules: Rules) -> RecipientVerdict | None:
        if rules.only_when_down and not question.may_relay and not await self._watch.is_down(rules.gateway.id, ANSWER_SECONDS):
            return PRIMARY_UP
        decision = await rules.verifier.decide(question.address)
        if decision.reply is not None:
            return await self._refused(question, decision)
        return _accepted(decision.words)

    async def _refused(self, question: RecipientQuestion, decision: Decision) -> RecipientVerdict:
        reply = decision.reply
        assert reply is not None  # noqa: S101 - the caller looked
        if reply.is_transient:
            return RecipientVerdict(reply, "recipient-unverified", decision.words)
        if not question.may_relay:
            seconds = self._harvest.note_unknown(_bucket(question.client))
            if seconds < 0:
                return HARVESTING
            if seconds:
                await self._sleep(seconds)
        return RecipientVerdict(reply, "unknown-recipient", decision.words)


@lru_cache(maxsize=256)
def _accepted(words: str) -> RecipientVerdict:
    return RecipientVerdict(words=words)


def _bucket(client: str) -> str:
    """What unknown recipients are counted by: the address, or the /64 of an IPv6 one."""
    return client if ":" not in client else f"{int(parse_ip(client)) >> 64:x}::/64"
