"""Whatever the next hops do, each recipient ends in exactly one way: taken once, failed, or waiting."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gatepost.store.journal_values import EntryKind

from ...support.smtp_peer import DROP, Action, SayAndDrop, SmtpPeer
from ..routing.support import row
from .queue_rig import Rig, gateway, named, rig

PEOPLE = ("a1@one.test", "a2@one.test", "b1@two.test", "b2@two.test", "c1@three.test")
LISTED = "5.7.1 your IP address 127.0.0.1 is on our block list"
SAID: tuple[Action, ...] = (
    "451 4.2.1 later", "452 4.5.3 too many recipients", "550 5.1.1 no such user", f"550 {LISTED}", f"451 {LISTED}",
    "421 4.3.2 going down", SayAndDrop("421 4.3.2 going down"), "554 5.6.0 not this", DROP,
)  # fmt: skip
FEATURES = (("PIPELINING", "DSN"), ("8BITMIME",), ("PIPELINING", "LIMITS RCPTMAX=2"), ())


def spoil(peer: SmtpPeer, chance: random.Random) -> None:
    for _ in range(chance.randrange(3)):
        stage = chance.choice(("connect", "ehlo", "mail", "rcpt", "rcpt", "rcpt", "data", "dot"))
        match = chance.choice(PEOPLE)[: chance.choice((2, 12))] if stage == "rcpt" else ""
        after = chance.randrange(2) if stage == "rcpt" else 0
        peer.on(stage, chance.choice(SAID), match=match, times=chance.choice((1, 2, None)), after=after)


@pytest.mark.parametrize("seed", range(12))
async def test_each_recipient_is_taken_once_fails_or_waits(tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(seed)
    for number in range(4):
        await _one(tmp_path / str(number), chance)
    assert not [record for record in caplog.records if record.exc_info], caplog.text


async def _one(folder: Path, chance: random.Random) -> None:
    async with (
        SmtpPeer(features=chance.choice(FEATURES)) as one,
        SmtpPeer(features=chance.choice(FEATURES)) as two,
        SmtpPeer(features=chance.choice(FEATURES)) as three,
    ):
        peers = (one, two, three)
        for peer in peers:
            spoil(peer, chance)
        sources: dict[str, Any] = {"source_addresses": ["127.0.0.1", "127.0.0.2"]} if chance.random() < 0.3 else {}
        rows = [row("sender.test", "named", when_resting=chance.choice(("wait", "round-robin")))]
        gateways = (named("named", one, **sources), gateway("two", two), gateway("three", three, standby=chance.random() < 0.3))
        people = chance.sample(PEOPLE, chance.randrange(1, len(PEOPLE) + 1))
        sender = chance.choice(("x@sender.test", "x@other.test"))
        async with rig(folder, *gateways, domains=rows) as r:
            await r.submit(*people, sender=sender)
            await r.until(lambda: r.journal.entries)
            for _ in range(3):
                waiting = await _waiting(r)
                _check(people, peers, r.journal.entries, waiting)
                await r.advance(3700)


async def _waiting(r: Rig) -> set[str]:
    """Who waits, at a moment when nothing is under way."""
    while True:
        await r.settled(10)
        known = len(r.journal.entries)
        rows = await r.rows()
        if not r.queue.in_flight and known == len(r.journal.entries):
            return {person for line in rows for person in line.recipients}


def _check(people: list[str], peers: tuple[SmtpPeer, ...], entries: Any, waiting: set[str]) -> None:
    taken = Counter(p for peer in peers for message in peer.messages if message.sender for p in message.recipients)
    failed = {entry.recipient for entry in entries if entry.kind is EntryKind.BOUNCED}
    for person in people:
        uncertain = sum("arrive twice" in entry.text for entry in entries if entry.recipient == person)
        assert taken[person] <= 1 + uncertain, (person, taken)
        ends = (taken[person] > uncertain) + (person in failed) + (person in waiting)
        assert ends == 1 or (uncertain and ends <= 2), (person, taken, failed, waiting)
