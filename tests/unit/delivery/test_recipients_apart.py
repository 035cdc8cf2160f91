"""One delivery, recipients at several domains, and each domain's way out is its own."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

from gatepost.store.journal_values import EntryKind
from gatepost.store.values import LARGE_BODY, SpoolFilter

from ...support.dns_server import DnsServer
from ...support.smtp_peer import Delay, SmtpPeer
from ..routing.support import forward, row
from .queue_rig import CONTENT, Rig, gateway, rig


def falls_back(domain: str, gateway_id: str, when_resting: str) -> dict[str, Any]:
    return {"domain": domain, "route": {"via": "gateway", "gateway": gateway_id, "when_resting": when_resting}}


async def let_rest(r: Rig, gateway_id: str) -> None:
    """Let it be found out, by a message that is then forgotten, that nothing answers at a gateway."""
    await r.submit("first@d0.example", sender="a@n.example")
    await r.until(lambda: "gateway.resting" in r.kinds())
    await r.settled()
    await r.queue.delete(SpoolFilter())


async def test_stopping_between_the_domains_of_a_delivery_loses_no_recipient(tmp_path: Path) -> None:
    async with SmtpPeer() as dead, SmtpPeer() as peer:
        dead.stop()
        rules = [falls_back("n.example", "named", "round-robin")]
        away = {**gateway("named", dead), "mode": "specific-domains"}
        async with rig(tmp_path, away, gateway("pool", peer), domains=rules) as r:
            await let_rest(r, "named")
            peer.messages.clear()
            peer.on("dot", Delay(0.3), times=1)
            await r.submit("b@d1.example", "c@d2.example", "d@d2.example", sender="a@n.example")
            await peer.wait_for(lambda p: any("d1.example" in line for c in p.connections for line in c.commands))
            r.queue.pause()  # stopping begins with it
            await r.settled()
            assert [m.recipients for m in peer.messages] == [("b@d1.example",)]
            (row,) = await r.rows()
            assert set(row.recipients) == {"c@d2.example", "d@d2.example"}

            r.queue.resume()
            await r.empty()
            assert [m.recipients for m in peer.messages] == [("b@d1.example",), ("c@d2.example", "d@d2.example")]


@asynccontextmanager
async def falling_back_to_direct(folder: Path) -> AsyncIterator[tuple[Rig, SmtpPeer, DnsServer]]:
    """``named`` rests, and its mail goes to the mail hosts of each recipient's domain, all of which are ``peer``."""
    async with SmtpPeer() as dead, SmtpPeer() as peer, DnsServer() as dns:
        dead.stop()
        for domain in ("d0", "d1", "d2"):
            dns.add(f"{domain}.example", "A", "127.0.0.1")
        direct = {"direct_port": peer.port, "name_servers": [dns.address], "name_server_port": dns.port, "ipv6": False}
        away = {**gateway("named", dead), "mode": "specific-domains"}
        rules = [falls_back("n.example", "named", "direct")]
        async with rig(folder, away, domains=rules, delivery=direct) as r:
            await let_rest(r, "named")
            peer.messages.clear()
            yield r, peer, dns


async def test_a_domain_that_takes_no_mail_costs_only_its_own_recipients(tmp_path: Path) -> None:
    async with falling_back_to_direct(tmp_path) as (r, peer, _dns):
        await r.submit("b@gone.example", "c@d1.example", "d@gone.example", "e@d2.example", sender="a@n.example")
        await r.until(lambda: len(peer.messages) == 2)
        assert sorted(m.recipients for m in peer.messages) == [("c@d1.example",), ("e@d2.example",)]
        bounced = {entry.recipient for entry in r.journal.entries if entry.kind is EntryKind.BOUNCED}
        assert bounced == {"b@gone.example", "d@gone.example"}


async def test_a_domain_whose_name_servers_fail_holds_up_no_other(tmp_path: Path) -> None:
    async with falling_back_to_direct(tmp_path) as (r, peer, dns):
        dns.servfail("broken.example")
        await r.submit("b@broken.example", "c@d1.example", sender="a@n.example")
        await r.submit("d@broken.example", sender="a@n.example")
        await r.submit("e@d2.example", sender="a@n.example")
        await r.until(lambda: len(peer.messages) == 2)
        await r.settled()
        assert {m.recipients for m in peer.messages} == {("c@d1.example",), ("e@d2.example",)}
        waiting = await r.rows()
        assert sorted(row.recipients for row in waiting) == [("b@broken.example",), ("d@broken.example",)]
        assert {(row.last_reply[:9], row.attempts) for row in waiting} == {("451 4.4.3", 1)}


async def test_what_no_mail_host_can_carry_bounces_beside_a_domain_whose_name_servers_fail(tmp_path: Path) -> None:
    """Their gateway is gone, and the queue has not been told yet."""
    primary = forward("f", "192.0.2.1", domains=["broken.test", "one.test"])
    rows = [row(domain, "direct", "recipient") for domain in primary["domains"]]
    async with SmtpPeer(features=("SIZE 1000",)) as small, DnsServer() as dns:
        dns.servfail("broken.test")
        dns.add("one.test", "A", "127.0.0.1")
        direct = {"direct_port": small.port, "name_servers": [dns.address], "name_server_port": dns.port, "ipv6": False}
        async with rig(tmp_path, primary, domains=rows, delivery=direct, start=False) as r:
            await r.submit("b@broken.test", "c@one.test", content=CONTENT + b"More.\r\n" * 400, hand_over=False)
            r.router.apply(r.configuration.model_copy(update={"gateways": ()}))
            r.queue.apply = AsyncMock()  # type: ignore[method-assign]
            await r.queue.start()
            await r.until(lambda: r.counters.total("bounced") == 1)
            await r.settled()
            assert [row.recipients for row in await r.rows() if row.sender] == [("b@broken.test",)]


async def test_content_that_is_read_only_then_goes_to_the_domains_that_are_left(tmp_path: Path) -> None:
    """What is too large for memory after a restart is read when it is known that it goes somewhere."""
    large = CONTENT + (b"x" * 70 + b"\r\n") * (LARGE_BODY // 72 + 1)
    async with falling_back_to_direct(tmp_path) as (r, peer, dns):
        dns.servfail("broken.example")
        r.queue.pause()
        body = r.spool.bodies.open_body()
        await body.write(large)
        await r.submit("b@broken.example", "c@d1.example", sender="a@n.example", content=await body.finish())
        r.queue.resume()
        await r.until(lambda: peer.messages)
        await r.settled()
        assert [(m.recipients, m.content == large) for m in peer.messages] == [(("c@d1.example",), True)]
        assert (await r.row()).recipients == ("b@broken.example",)


async def test_a_delivery_that_has_nobody_left_is_forgotten_and_holds_up_nothing(tmp_path: Path) -> None:
    """A change of routing could leave such rows behind in earlier versions."""
    async with SmtpPeer() as peer, rig(tmp_path, gateway("pool", peer), start=False) as r:
        await r.submit("b@d1.example", hand_over=False)
        await r.submit("c@d1.example", hand_over=False)
        with closing(sqlite3.connect(r.spool.folder.spool)) as file, file:
            everybody_has_it = '[[0,"b@d1.example",0,"",1,""]]'
            file.execute("UPDATE delivery SET recipients = ? WHERE recipients = 'b@d1.example'", (everybody_has_it,))
        await r.queue.start()
        await r.empty()
        assert [m.recipients for m in peer.messages] == [("c@d1.example",)]
