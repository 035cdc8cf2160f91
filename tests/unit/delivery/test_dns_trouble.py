"""A lane sleeps because the DNS gave no answer: when it is asked again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gatepost.model.configuration import parse_configuration
from gatepost.store.values import SpoolFilter

from ...support.dns_server import DnsServer
from ...support.smtp_peer import SmtpPeer
from .queue_rig import Rig, rig


def by(dns: DnsServer, peer: SmtpPeer) -> dict[str, Any]:
    return {
        "default_route": {"via": "direct"}, "direct_port": peer.port, "name_servers": [dns.address],
        "name_server_port": dns.port, "ipv6": False,
    }  # fmt: skip


@asynccontextmanager
async def asleep(folder: Path) -> AsyncIterator[tuple[Rig, SmtpPeer, DnsServer]]:
    """One message waits for the DNS, which is well again."""
    async with SmtpPeer() as peer, DnsServer() as dns:
        dns.servfail("one.test")
        async with rig(folder, delivery=by(dns, peer)) as r:
            await r.submit("b@one.test")
            await r.until(lambda: [lane.status for lane in r.queue.lane_states()] == ["asleep"])
            r.router.resolver.forget()  # the lane sleeps on
            dns.heal("one.test")
            dns.add("one.test", "A", "127.0.0.1")
            yield r, peer, dns


async def test_who_retries_by_hand_need_not_wait_for_the_lane(tmp_path: Path) -> None:
    async with asleep(tmp_path) as (r, peer, _):
        await r.queue.retry_now(SpoolFilter())
        await r.empty()
        assert len(peer.messages) == 1


async def test_other_name_servers_are_asked_as_soon_as_they_are_set(tmp_path: Path) -> None:
    async with asleep(tmp_path) as (r, peer, _), DnsServer() as other:
        other.add("one.test", "A", "127.0.0.1")
        r.configuration = parse_configuration({"settings": {"delivery": by(other, peer)}})
        r.router.apply(r.configuration)
        await r.queue.apply()
        await r.empty()
        assert other.queries


async def test_a_gateway_that_is_back_does_not_have_the_dns_asked_again(tmp_path: Path) -> None:
    async with asleep(tmp_path) as (r, peer, dns):
        asked = len(dns.queries)
        r.queue.wake()
        await r.queue.lane_recovered("inbound:other")
        await r.queue.tick()
        await r.settled()
        assert len(dns.queries) == asked
        assert not peer.messages
