"""A named gateway that rests: what its rows say for that case, for each message by itself, in the attempt that finds it out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gatepost.relay.common.plan import HopOutcome
from gatepost.store.values import SpoolFilter, SpoolState

from ...support.dns_server import DnsServer
from ...support.smtp_peer import Delay, SmtpPeer
from ..routing.support import forward, row
from .queue_rig import CONTENT, START, Rig, gateway, named, rig


@pytest.fixture
async def dns() -> AsyncIterator[DnsServer]:
    async with DnsServer() as server:
        for domain in ("one.test", "two.test"):
            server.add(domain, "A", "127.0.0.1")
        yield server


@pytest.fixture
async def dead() -> AsyncIterator[SmtpPeer]:
    async with SmtpPeer() as peer:
        peer.stop()
        yield peer


def by(dns: DnsServer, peer: SmtpPeer) -> dict[str, Any]:
    """Direct delivery to ``peer``, by these name servers."""
    return {"direct_port": peer.port, "name_servers": [dns.address], "name_server_port": dns.port, "ipv6": False}


def taken(peer: SmtpPeer) -> list[str]:
    return sorted(address for message in peer.messages if message.sender for address in message.recipients)


def let_rest(r: Rig, gateway_id: str) -> None:
    hop = r.router.outlets.current_hop(next(g for g in r.configuration.outbound if g.id == gateway_id))
    r.router.report(hop, HopOutcome.FAILURE, "connection refused")


async def test_the_message_that_finds_its_gateway_dead_goes_to_round_robin_at_once(tmp_path: Path, dead: SmtpPeer) -> None:
    async with SmtpPeer() as peer:
        rows = [row("sender.test", "n", when_resting="round-robin")]
        async with rig(tmp_path, named("n", dead), gateway("pool", peer), domains=rows) as r:
            await r.submit("b@one.test", "c@two.test", sender="a@sender.test")
            await r.empty()
            assert taken(peer) == ["b@one.test", "c@two.test"]
            assert r.counters.total("deferred") == 0
            ways = [entry.text for entry in r.journal.entries if "pool" in entry.text]
            assert any("Round Robin, because" in way for way in ways), ways


async def test_the_message_that_finds_its_gateway_dead_goes_to_each_domains_mail_hosts_at_once(
    tmp_path: Path, dns: DnsServer, dead: SmtpPeer
) -> None:
    async with SmtpPeer() as direct:
        rows = [row("sender.test", "n", when_resting="direct")]
        async with rig(tmp_path, named("n", dead), domains=rows, delivery=by(dns, direct)) as r:
            await r.submit("b@one.test", "c@two.test", "d@one.test", sender="a@sender.test")
            await r.empty()
            assert taken(direct) == ["b@one.test", "c@two.test", "d@one.test"]
            assert len(direct.messages) == 2, "one transaction for each domain"
            assert r.counters.total("deferred") == 0


async def test_the_message_that_finds_its_gateway_dead_waits_where_its_row_says_so(tmp_path: Path, dead: SmtpPeer) -> None:
    async with SmtpPeer() as peer:
        rows = [row("sender.test", "n")]
        async with rig(tmp_path, named("n", dead), gateway("pool", peer), domains=rows) as r:
            await r.submit(sender="a@sender.test")
            await r.until(lambda: r.counters.total("deferred") == 1)
            await r.settled()
            assert (await r.row()).attempts == 1
            assert not peer.messages


async def test_a_refused_message_of_a_gateway_that_works_is_tried_nowhere_else(tmp_path: Path) -> None:
    async with SmtpPeer() as busy, SmtpPeer() as peer:
        busy.on("rcpt", "451 4.2.1 later")
        rows = [row("sender.test", "n", when_resting="round-robin")]
        async with rig(tmp_path, named("n", busy), gateway("pool", peer), domains=rows) as r:
            await r.submit(sender="a@sender.test")
            await r.until(lambda: r.counters.total("deferred") == 1)
            await r.settled()
            assert not peer.messages
            assert len(busy.connections) == 1


async def test_a_message_whose_row_says_wait_holds_up_nobody_whose_row_does_not(
    tmp_path: Path, dns: DnsServer, dead: SmtpPeer
) -> None:
    async with SmtpPeer() as direct:
        rows = [row("sender.test", "n"), row("other.test", "n", when_resting="direct")]
        async with rig(tmp_path, named("n", dead), domains=rows, delivery=by(dns, direct)) as r:
            let_rest(r, "n")
            await r.submit("waits@one.test", sender="a@sender.test")
            await r.settled()
            for number in range(3):
                await r.submit(f"b{number}@one.test", sender="a@other.test")
            await r.until(lambda: len(direct.messages) == 3)
            await r.settled()
            waiting = await r.row()
            assert (waiting.recipients, waiting.state) == (("waits@one.test",), SpoolState.DEFERRED)
            assert "rests" in waiting.last_reply
            assert START < waiting.due_at <= START + 31, "it waits for the gateway, not for the schedule"


async def test_mail_sent_by_hand_through_a_gateway_that_rests_holds_up_nobody_else_in_its_lane(
    tmp_path: Path, dead: SmtpPeer
) -> None:
    async with SmtpPeer() as peer:
        rows = [row("other.test", "n", when_resting="round-robin")]
        async with rig(tmp_path, named("n", dead), gateway("pool", peer), domains=rows) as r:
            let_rest(r, "n")
            r.queue.pause()
            stored = await r.submit("pinned@one.test", sender="a@other.test")
            await r.queue.reroute(SpoolFilter(message_ids=(stored.id,)), "n")
            r.queue.resume()
            await r.settled()
            await r.submit("b@one.test", sender="a@other.test")
            await r.until(lambda: taken(peer) == ["b@one.test"])
            await r.settled()
            assert (await r.row()).recipients == ("pinned@one.test",)


async def test_mail_of_a_primary_for_all_other_domains_goes_by_its_rows_other_way(
    tmp_path: Path, dns: DnsServer, dead: SmtpPeer
) -> None:
    """Without its client's address the table would hand such mail back to the primary."""
    everything = forward(
        "f", "192.0.2.1", domain_verification="all-but-specified-domains", domains=["in.test"], accept_for_anyone=True
    )
    async with SmtpPeer() as direct:
        rows = [row("other.test", "n", when_resting="direct")]
        async with rig(tmp_path, named("n", dead), everything, domains=rows, delivery=by(dns, direct)) as r:
            let_rest(r, "n")
            await r.submit("b@one.test", sender="a@other.test", client="192.0.2.1")
            await r.until(lambda: taken(direct) == ["b@one.test"])


async def test_a_refused_sending_address_gives_way_to_the_next_in_the_same_attempt(tmp_path: Path) -> None:
    async with SmtpPeer() as peer:
        peer.on("mail", "550 5.7.1 your IP address 127.0.0.2 is on our block list", times=1)
        async with rig(tmp_path, gateway("one", peer, source_addresses=["127.0.0.2", "127.0.0.3"])) as r:
            await r.submit()
            await r.empty()
            assert [connection.client for connection in peer.connections] == ["127.0.0.2", "127.0.0.3"]
            assert len(peer.messages) == 1
            assert r.counters.total("deferred") == 0


@pytest.mark.parametrize("first", ["goes@one.test", "waits@two.test"])
async def test_of_one_message_each_recipient_waits_or_leaves_as_its_own_row_says(
    tmp_path: Path, dead: SmtpPeer, first: str
) -> None:
    async with SmtpPeer() as peer:
        rows = [row("one.test", "n", "recipient", when_resting="round-robin"), row("two.test", "n", "recipient")]
        async with rig(tmp_path, named("n", dead), gateway("pool", peer), domains=rows) as r:
            let_rest(r, "n")
            peer.on("rcpt", "451 4.2.1 later", match="later@one.test")
            people = sorted(("goes@one.test", "later@one.test", "waits@two.test"), key=lambda address: address != first)
            await r.submit(*people)
            await r.until(lambda: r.counters.total("deferred"))
            await r.settled()
            assert taken(peer) == ["goes@one.test"]
            waiting = await r.row()
            assert set(waiting.recipients) == {"later@one.test", "waits@two.test"}
            assert START < waiting.due_at <= START + 31, "it waits for the gateway, not for the schedule"


async def test_what_exceeds_the_connections_of_one_gateway_goes_to_the_next_also_for_another_that_rests(
    tmp_path: Path, dead: SmtpPeer
) -> None:
    async with SmtpPeer() as busy, SmtpPeer() as peer:
        busy.on("dot", Delay(0.5))
        few = {"weight": 100, "limits": {"connections": 1, "messages_per_connection": 1}}
        rows = [row("sender.test", "n", when_resting="round-robin")]
        gateways = (named("n", dead), gateway("busy", busy, **few), gateway("next", peer))
        async with rig(tmp_path, *gateways, domains=rows) as r:
            let_rest(r, "n")
            for number in range(8):
                await r.submit(f"b{number}@one.test", sender="a@sender.test")
            await r.empty()
            assert len(peer.messages) >= 4, "one is on its way to the other, and two wait for its connection"


async def test_a_standby_gateway_is_not_woken_because_the_others_are_busy(tmp_path: Path) -> None:
    async with SmtpPeer() as busy, SmtpPeer() as spare:
        busy.on("dot", Delay(0.2))
        limits = {"limits": {"connections": 1}}
        async with rig(tmp_path, gateway("busy", busy, **limits), gateway("spare", spare, standby=True)) as r:
            for number in range(8):
                await r.submit(f"b{number}@one.test")
            await r.empty()
            assert (len(busy.messages), len(spare.messages)) == (8, 0)
            busy.on("mail", "421 4.3.2 going down")
            await r.submit("c@one.test")
            await r.empty()
            assert taken(spare) == ["c@one.test"]


@pytest.mark.parametrize("trouble", ["rests", "capped"])
async def test_what_one_gateway_cannot_carry_waits_for_the_other_that_may(tmp_path: Path, trouble: str) -> None:
    """Bounced only when every gateway rules it out: one that rests, or has had enough for now, was not asked."""
    large = CONTENT + b"More.\r\n" * 400
    async with SmtpPeer(features=("SIZE 1000",)) as small, SmtpPeer() as peer:
        limits = {"messages_per_minute": 1} if trouble == "capped" else {}
        async with rig(tmp_path, gateway("large", peer, limits=limits), gateway("small", small)) as r:
            if trouble == "rests":
                let_rest(r, "large")
            else:
                await r.submit("first@one.test")
                await r.until(lambda: len(peer.messages) == 1)
            await r.submit("b@one.test", content=large)
            await r.until(lambda: r.counters.total("deferred") == 1)
            await r.settled()
            assert (await r.row()).last_reply.startswith("552 5.3.4")
            await r.advance(330)
            await r.empty()
            assert taken(peer)[0] == "b@one.test"


async def test_what_every_gateway_rules_out_is_bounced_at_once(tmp_path: Path) -> None:
    large = CONTENT + b"More.\r\n" * 400
    async with (
        SmtpPeer(features=("SIZE 1000",)) as one,
        SmtpPeer(features=("SIZE 2000",)) as two,
        rig(tmp_path, gateway("one", one), gateway("two", two), gateway("off", 9, enabled=False)) as r,
    ):
        await r.submit("b@one.test", content=large, sender="")
        await r.empty()
        assert r.counters.total("bounced") == 1


async def test_what_one_address_of_a_primary_cannot_carry_waits_for_the_other_that_rests(tmp_path: Path) -> None:
    large = CONTENT + b"More.\r\n" * 400
    async with SmtpPeer(features=("SIZE 1000",)) as small, SmtpPeer(host="127.0.0.2", port=small.port) as peer:
        primary = forward("f", "127.0.0.2", "127.0.0.1", domains=["one.test"], port=small.port, encryption="none")
        async with rig(tmp_path, primary) as r:
            hop = r.router.outlets.hops_of("f")[0]
            r.router.report(hop, HopOutcome.FAILURE, "connection refused")
            await r.submit("b@one.test", content=large)
            await r.until(lambda: r.counters.total("deferred") == 1)
            await r.settled()
            await r.advance(330)
            await r.empty()
            assert taken(peer) == ["b@one.test"]


async def test_what_waits_alone_leaves_soon_after_one_message_found_its_gateway_well(tmp_path: Path) -> None:
    async with SmtpPeer() as back, SmtpPeer() as pool:
        rows = [row("sender.test", "n"), row("other.test", "n", when_resting="round-robin")]
        async with rig(tmp_path, named("n", back), gateway("pool", pool), domains=rows) as r:
            let_rest(r, "n")
            for number in range(5):
                await r.submit(f"b{number}@one.test", sender="a@sender.test")
            await r.settled()
            await r.advance(31)
            await r.until(lambda: len(back.messages) == 1)
            await r.settled()
            await r.advance(6)
            await r.empty()
            assert len(back.messages) == 5
