"""Questions to real peers that play the primary."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from gatepost.relay.delivery.pool import Pool
from gatepost.relay.inbound.asking import PrimaryAsker
from gatepost.relay.verification.call_forward import PrimarySilent
from gatepost.relay.verification.verdict import RecipientState, state_of_reply
from tests.support.smtp_peer import DROP, HANG, SmtpPeer
from tests.unit.delivery.hops import connector_for
from tests.unit.routing.support import Bench, configuration, forward

NOBODY_THERE = "127.0.0.2"


class Asked:
    def __init__(self, peer: SmtpPeer, *addresses: str, ask_seconds: float = 5.0) -> None:
        gateway = forward("f", *(addresses or ("127.0.0.1",)), domains=["r.test"], port=peer.port, encryption="none")
        self.bench = Bench(configuration(gateway))
        self.connector = connector_for()
        self.pool = Pool(self.connector)
        self.asker = PrimaryAsker(
            lambda: self.bench.router, lambda: self.pool, self.connector, time.monotonic, ask_seconds=ask_seconds
        )

    async def states(self, *addresses: str) -> list[RecipientState]:
        return [state_of_reply(reply) for reply in await self.asker.ask("f", addresses)]

    @property
    def resting(self) -> list[str]:
        return [hop.host for hop, _ in self.bench.router.outlets.resting("f")]


@pytest.fixture
async def peer() -> AsyncIterator[SmtpPeer]:
    async with SmtpPeer() as running:
        running.on("rcpt", "550 5.1.1 no such user", match="nobody")
        yield running


async def test_several_recipients_are_asked_about_in_one_transaction_and_nothing_is_sent(peer: SmtpPeer) -> None:
    asked = Asked(peer)
    assert await asked.states("ann@r.test", "nobody@r.test") == [RecipientState.VALID, RecipientState.INVALID]
    await asked.states("ann@r.test")
    (connection,) = peer.connections
    commands = [command.split()[0] for command in connection.commands]
    assert commands == ["EHLO", "MAIL", "RCPT", "RCPT", "RSET", "MAIL", "RCPT", "RSET"]
    assert "MAIL FROM:<>" in connection.commands
    assert peer.messages == []
    await asked.pool.drain(1)


async def test_the_next_address_is_asked_and_the_one_that_failed_is_left_alone(peer: SmtpPeer) -> None:
    asked = Asked(peer, NOBODY_THERE, "127.0.0.1")
    assert await asked.states("ann@r.test") == [RecipientState.VALID]
    assert asked.resting == [NOBODY_THERE]
    assert await asked.states("ann@r.test") == [RecipientState.VALID]
    await asked.pool.drain(1)


async def test_a_primary_that_cannot_be_reached_is_silent_and_says_why(peer: SmtpPeer) -> None:
    asked = Asked(peer, NOBODY_THERE)
    with pytest.raises(PrimarySilent, match=r"127\.0\.0\.2"):
        await asked.states("ann@r.test")
    with pytest.raises(PrimarySilent, match="rests for"):
        await asked.states("ann@r.test")
    await asked.pool.drain(1)


async def test_a_primary_that_answers_421_is_silent(peer: SmtpPeer) -> None:
    peer.on("mail", "421 4.3.2 shutting down")
    asked = Asked(peer)
    with pytest.raises(PrimarySilent, match=r"421 4\.3\.2 shutting down"):
        await asked.states("ann@r.test")
    await asked.pool.drain(1)


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("reply", ["550 no null sender here", "550 5.1.7 bad sender", "551 not for you", "450 4.1.8 later"])
async def test_a_primary_that_refuses_the_null_sender_says_nothing_about_the_recipients(reply: str, pipelining: bool) -> None:
    async with SmtpPeer(features=("PIPELINING",) if pipelining else ()) as peer:
        peer.on("mail", reply)
        asked = Asked(peer)
        with pytest.raises(PrimarySilent, match="null sender"):
            await asked.states("ann@r.test")
        assert asked.resting == [], "it answered"
        await asked.pool.drain(1)


@pytest.mark.parametrize(
    "reply",
    [
        "550 Your IP address 127.0.0.1 is on our blacklist", "530 5.7.0 authentication required",
        "550 5.1.8 the sender's domain does not exist", "553 5.1.7 the sender is malformed",
    ],
)  # fmt: skip
async def test_a_primary_that_speaks_of_us_says_nothing_about_the_recipients(reply: str) -> None:
    async with SmtpPeer() as peer:
        peer.on("rcpt", reply)
        asked = Asked(peer)
        if "blacklist" in reply:
            with pytest.raises(PrimarySilent, match=reply):
                await asked.states("ann@r.test")
        else:
            assert await asked.states("ann@r.test") == [RecipientState.UNKNOWN]
        await asked.pool.drain(1)


@pytest.mark.parametrize("feature", ["LIMITS RCPTMAX=2", "PIPELINING", "8BITMIME"])
async def test_who_was_one_too_many_for_the_primary_is_asked_about_again(feature: str) -> None:
    async with SmtpPeer(features=(feature,)) as peer:
        if "RCPTMAX" not in feature:
            peer.on("rcpt", "452 4.5.3 too many recipients", times=3, after=2)
        peer.on("rcpt", "550 5.1.1 no such user", match="nobody")
        asked = Asked(peer)
        addresses = ["ann@r.test", "nobody1@r.test", "bob@r.test", "cat@r.test", "nobody2@r.test"]
        found = await asked.states(*addresses)
        assert [state is RecipientState.VALID for state in found] == ["nobody" not in one for one in addresses]
        assert RecipientState.UNKNOWN not in found
        await asked.pool.drain(1)


@pytest.mark.parametrize("reply", ["450 4.2.0 greylisted", "550 5.7.1 your address is blocked", "552 5.2.2 mailbox full"])
async def test_only_no_such_user_counts_as_invalid(peer: SmtpPeer, reply: str) -> None:
    peer.clear()
    peer.on("rcpt", reply)
    asked = Asked(peer)
    assert await asked.states("ann@r.test") == [RecipientState.UNKNOWN]
    assert asked.resting == [], "it answered"
    await asked.pool.drain(1)


async def test_a_primary_that_hangs_is_given_up_and_not_asked_again_at_once(peer: SmtpPeer) -> None:
    peer.on("rcpt", HANG)
    asked = Asked(peer, ask_seconds=0.2)
    with pytest.raises(PrimarySilent, match=r"no answer within 0\.2 s"):
        await asked.states("ann@r.test")
    began = time.monotonic()
    with pytest.raises(PrimarySilent, match="a moment ago"):
        await asked.states("bob@r.test")
    assert time.monotonic() - began < 0.1
    await asked.pool.drain(0.1)


async def test_a_connection_lost_within_the_question_is_no_answer(peer: SmtpPeer) -> None:
    peer.on("rcpt", DROP)
    asked = Asked(peer)
    with pytest.raises(PrimarySilent, match="closed the connection"):
        await asked.states("ann@r.test")
    await asked.pool.drain(1)


async def test_an_address_that_needs_smtputf8_does_not_rule_out_the_others(peer: SmtpPeer) -> None:
    asked = Asked(peer)
    found = await asked.states("grün@r.test", "ann@r.test", "nobody@r.test")
    assert found[1:] == [RecipientState.VALID, RecipientState.INVALID]
    await asked.pool.drain(1)


async def test_a_probe_says_why_no_mail_is_taken(peer: SmtpPeer) -> None:
    asked = Asked(peer, "127.0.0.1", NOBODY_THERE)
    first, second = asked.bench.router.outlets.hops_of("f")
    assert await asked.asker.probe(first) == ""
    assert await asked.asker.probe(second)
    peer.on("mail", "451 4.3.0 not now")
    assert "451 4.3.0 not now" in await asked.asker.probe(first)
    assert peer.messages == []
    await asked.pool.drain(1)
