"""The chain, the cache and what happens when the primary cannot answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from gatepost.model.gateway import BackupMxGateway, DomainForwardGateway, InboundGateway
from gatepost.model.reply import Reply
from gatepost.model.verification import VerificationCard, WhenUnknown
from gatepost.relay.common.tasks import Tasks
from gatepost.relay.verification.address_list import AddressList
from gatepost.relay.verification.cache import VerdictCache
from gatepost.relay.verification.call_forward import CallForward, PrimarySilent
from gatepost.relay.verification.harvest import REFUSE_AFTER, SLOW_AFTER, HarvestLimit
from gatepost.relay.verification.verdict import KnownVerdict, RecipientState, RecipientVerdict, state_of_reply
from gatepost.relay.verification.verifier import Source, Verifier
from gatepost.store.folder import DataFolder
from gatepost.store.verdicts import VerdictRow, Verdicts


class Time:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class KeptOnDisk:
    """The verdict store as the service adapts it."""

    def __init__(self, verdicts: Verdicts) -> None:
        self.verdicts = verdicts

    async def get(self, gateway_id: str, address: str) -> KnownVerdict | None:
        row = await self.verdicts.get(gateway_id, address)
        return None if row is None else self._known(row)

    def put(self, known: KnownVerdict) -> None:
        verdict = known.verdict
        row = VerdictRow(known.gateway_id, known.address, verdict.state, verdict.source, verdict.reason, known.fetched_at)
        self.verdicts.put(row)

    async def search(self, text: str, gateway_id: str, limit: int) -> list[KnownVerdict]:
        return [self._known(row) for row in await self.verdicts.search(text, gateway_id, limit)]

    async def flush(self, gateway_id: str, address: str) -> int:
        return await self.verdicts.flush(gateway_id, address)

    @staticmethod
    def _known(row: VerdictRow) -> KnownVerdict:
        verdict = RecipientVerdict(RecipientState(row.state), row.source, row.reason)
        return KnownVerdict(row.gateway_id, row.address, verdict, row.fetched_at)


class Primary:
    """Answers as it is told; counts how often it is asked."""

    def __init__(self) -> None:
        self.known = {"ann@example.com"}
        self.is_up = True
        self.accepts_all = False
        self.asked: list[list[str]] = []

    async def __call__(self, _gateway_id: str, addresses: Sequence[str]) -> list[Reply]:
        self.asked.append(list(addresses))
        await asyncio.sleep(0)
        if not self.is_up:
            raise PrimarySilent("connection refused")
        good, bad = Reply(250, "2.1.5", "Ok"), Reply(550, "5.1.1", "No such user")
        return [good if self.accepts_all or address in self.known else bad for address in addresses]


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def cache(tmp_path: Path, time: Time) -> AsyncIterator[VerdictCache]:
    verdicts = Verdicts.open(DataFolder(tmp_path / "data"), time)
    yield VerdictCache(KeptOnDisk(verdicts), time)
    await verdicts.close()


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    running = Tasks("test")
    yield running
    await running.close()


def domain_forward(**card: object) -> DomainForwardGateway:
    return DomainForwardGateway(
        id="gw-1", addresses=("192.0.2.1",), domains=("example.com",), verification=VerificationCard(**card)
    )  # type: ignore[arg-type]


def backup_mx(**card: object) -> BackupMxGateway:
    return BackupMxGateway(id="gw-1", addresses=("192.0.2.1",), verification=VerificationCard(**card))  # type: ignore[arg-type]


def verifier(gateway: InboundGateway, cache: VerdictCache, *sources: Source) -> Verifier:
    return Verifier(gateway, sources, cache, Tasks("test"))


async def test_known_unknown_and_remembered_with_the_primary_up_down_and_back(
    cache: VerdictCache, time: Time, tasks: Tasks
) -> None:
    primary = Primary()
    chain = verifier(domain_forward(call_forward=True), cache, CallForward("gw-1", primary, time, tasks).verdict)
    assert (await chain.decide("ann@example.com")).reply is None
    refused = await chain.decide("nobody@example.com")
    assert refused.reply is not None
    assert str(refused.reply) == "550 5.1.1 No such recipient here"
    primary.is_up = False
    time.now += 601
    remembered = await chain.decide("ann@example.com")
    assert remembered.reply is None
    assert remembered.hold
    assert (await chain.decide("nobody@example.com")).reply == refused.reply
    deferred = (await chain.decide("never-seen@example.com")).reply
    assert deferred is not None
    assert deferred.code == 451
    primary.is_up = True
    final = await chain.decide("never-seen@example.com")
    assert final.reply is not None
    assert final.reply.code == 550
    held = {(known.address, known.verdict.state.value) for known in await cache.search()}
    assert held == {("ann@example.com", "valid"), ("nobody@example.com", "invalid"), ("never-seen@example.com", "invalid")}


async def test_a_backup_mx_accepts_the_never_seen_while_the_primary_is_down(
    cache: VerdictCache, time: Time, tasks: Tasks
) -> None:
    primary = Primary()
    primary.is_up = False
    chain = verifier(backup_mx(call_forward=True), cache, CallForward("gw-1", primary, time, tasks).verdict)
    decision = await chain.decide("never-seen@example.com")
    assert decision.reply is None
    assert decision.hold


async def test_the_policy_for_the_never_seen_can_be_set(cache: VerdictCache, time: Time, tasks: Tasks) -> None:
    primary = Primary()
    primary.is_up = False
    gateway = domain_forward(call_forward=True, when_unknown=WhenUnknown.ACCEPT)
    chain = verifier(gateway, cache, CallForward("gw-1", primary, time, tasks).verdict)
    assert (await chain.decide("never-seen@example.com")).hold


async def test_a_fresh_verdict_is_not_asked_for_again(cache: VerdictCache, time: Time, tasks: Tasks) -> None:
    primary = Primary()
    chain = verifier(domain_forward(call_forward=True), cache, CallForward("gw-1", primary, time, tasks).verdict)
    await chain.decide("Ann@example.com")
    time.now += 599
    assert chain.decide_now("ann@example.com") is not None
    await chain.decide("ANN@example.com")
    assert len(primary.asked) == 1
    time.now += 2
    assert chain.decide_now("ann@example.com") is None


async def test_questions_that_come_together_are_asked_in_one_transaction(time: Time, tasks: Tasks) -> None:
    primary = Primary()
    source = CallForward("gw-1", primary, time, tasks)
    await source.verdict("ann@example.com")
    primary.asked.clear()
    await asyncio.gather(*(source.verdict(f"user{number}@example.com") for number in range(20)))
    assert sum(len(batch) for batch in primary.asked) == 20
    assert len(primary.asked) <= 2


async def test_a_primary_that_takes_a_random_address_is_reported(cache: VerdictCache, time: Time, tasks: Tasks) -> None:
    primary = Primary()
    primary.accepts_all = True
    source = CallForward("gw-1", primary, time, tasks)
    await source.verdict("ann@example.com")
    assert source.accepts_everyone == {"example.com"}


async def test_flushing_one_address_asks_again(cache: VerdictCache, time: Time, tasks: Tasks) -> None:
    primary = Primary()
    chain = verifier(domain_forward(call_forward=True), cache, CallForward("gw-1", primary, time, tasks).verdict)
    await chain.decide("ann@example.com")
    assert await cache.flush("gw-1", "ann@example.com") == 1
    await chain.decide("ann@example.com")
    assert len(primary.asked) == 2


async def test_the_list_is_asked_before_the_primary(cache: VerdictCache, time: Time, tasks: Tasks, tmp_path: Path) -> None:
    primary = Primary()
    file = tmp_path / "addresses"
    file.write_text("# staff\nbob@example.com  # new\nnot an address\n")
    listed = AddressList(("carl@example.com",), str(file))
    gateway = domain_forward(call_forward=True, use_list=True, address_file=str(file))
    chain = verifier(gateway, cache, listed.verdict, CallForward("gw-1", primary, time, tasks).verdict)
    assert (await chain.decide("bob@example.com")).reply is None
    assert (await chain.decide("carl+tag@example.com")).reply is None
    assert primary.asked == []
    assert (await chain.decide("ann@example.com")).reply is None
    assert len(primary.asked) == 1


async def test_a_changed_list_file_counts_at_once_and_an_unreadable_one_says_unknown(tmp_path: Path) -> None:
    file = tmp_path / "addresses"
    file.write_text("bob@example.com\n")
    listed = AddressList((), str(file))
    assert (await listed.verdict("dora@example.com")).state is RecipientState.INVALID
    file.write_text("bob@example.com\ndora@example.com\n")
    assert (await listed.verdict("dora@example.com")).state is RecipientState.VALID
    file.write_text("# being written anew\n")
    assert (await listed.verdict("dora@example.com")).state is RecipientState.UNKNOWN, "nobody is no list"
    assert (await AddressList(("ann@example.com",), str(file)).verdict("dora@example.com")).state is RecipientState.INVALID
    file.unlink()
    assert (await listed.verdict("dora@example.com")).state is RecipientState.UNKNOWN


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (Reply(250, "2.1.5", "Ok"), RecipientState.VALID),
        (Reply(550, "5.1.1", "no such user"), RecipientState.INVALID),
        (Reply(550, "", "no such user"), RecipientState.INVALID),
        (Reply(553, "", "no such user"), RecipientState.INVALID),
        (Reply(511, "5.1.1", "no such user"), RecipientState.INVALID),
        (Reply(550, "5.7.1", "relaying denied"), RecipientState.UNKNOWN),
        (Reply(552, "5.2.2", "mailbox full"), RecipientState.UNKNOWN),
        (Reply(554, "", "no"), RecipientState.UNKNOWN),
        (Reply(450, "4.1.1", "greylisted"), RecipientState.UNKNOWN),
    ],
)
def test_only_an_explicit_no_such_user_is_invalid(reply: Reply, state: RecipientState) -> None:
    assert state_of_reply(reply) is state


async def test_verdicts_outlive_the_process(tmp_path: Path, time: Time) -> None:
    folder = DataFolder(tmp_path / "data")
    first = Verdicts.open(folder, time)
    VerdictCache(KeptOnDisk(first), time).put("gw-1", "ann@example.com", RecipientVerdict(RecipientState.VALID, "list"))
    await first.close()
    second = Verdicts.open(folder, time)
    known = await VerdictCache(KeptOnDisk(second), time).remembered("gw-1", "ann@example.com")
    assert known is not None
    assert known.verdict.state is RecipientState.VALID
    assert await second.prune(time.now + 1) == 1
    await second.close()


def test_who_guesses_addresses_is_slowed_and_then_refused() -> None:
    time = Time()
    limit = HarvestLimit(time)
    delays = [limit.note_unknown("192.0.2.9") for _ in range(REFUSE_AFTER + 1)]
    assert delays[SLOW_AFTER - 1] == 0
    assert delays[SLOW_AFTER] > 0
    assert delays[-1] < 0
    assert limit.is_refused("192.0.2.9")
    assert not limit.is_refused("192.0.2.10")
    time.now += 3600
    assert not limit.is_refused("192.0.2.9")
