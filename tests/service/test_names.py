"""Which name servers a relay asks, and what it makes of their answers about itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gatepost.model.domain import DirectRoute
from gatepost.model.gateway import Encryption, RoundRobinGateway
from gatepost.model.settings import DeliverySettings, Settings
from tests.support.dns_server import DnsServer
from tests.support.ports import free_port, wait_until
from tests.support.relaying import relaying
from tests.support.smtp_peer import SmtpPeer
from tests.support.submission import submit


async def test_a_gateways_host_is_looked_up_at_the_name_servers_that_are_set(tmp_path: Path) -> None:
    async with DnsServer() as dns, SmtpPeer() as peer:
        dns.add("provider.test", "A", "127.0.0.1")
        settings = Settings(delivery=DeliverySettings(name_servers=(dns.address,), name_server_port=dns.port))
        gateway = RoundRobinGateway(id="gw-1", host="provider.test", port=peer.port, encryption=Encryption.NONE)
        relay, port = relaying(tmp_path / "relay", [gateway], settings=settings)

        def send() -> None:
            with relay:
                submit(port, "ann@example.org", ["bob@example.com"])
                wait_until(lambda: peer.messages, "the gateway has it", 20)
                relay.api.patch("/v1/gateways/gw-1", {"host": "nowhere.test"})
                second = submit(port, "ann@example.org", ["bob@example.com"])
                wait_until(lambda: relay.api.health("gw-1") == "resting", "a host that does not exist is no gateway", 20)
                assert "There is no host “nowhere.test”" in str(relay.api.timeline(second))

        await asyncio.to_thread(send)
        assert {query.name for query in dns.queries} >= {"provider.test", "nowhere.test"}


async def test_a_new_listener_on_the_port_of_direct_delivery_is_known_to_be_this_server_itself(tmp_path: Path) -> None:
    async with DnsServer() as dns:
        dns.add("here.test", "MX", "10 mx.here.test.")
        dns.add("mx.here.test", "A", "127.0.0.1")
        direct_port = free_port()
        delivery = DeliverySettings(
            name_servers=(dns.address,), name_server_port=dns.port, direct_port=direct_port, default_route=DirectRoute()
        )
        relay, _ = relaying(tmp_path / "relay", [], settings=Settings(delivery=delivery))

        def explained() -> str:
            question = {"sender": "ann@example.org", "recipient": "bob@here.test", "client": "127.0.0.1"}
            return str(relay.api.post("/v1/explain", question))

        def listen() -> tuple[str, str]:
            with relay:
                before = explained()
                relay.api.post("/v1/listeners", {"address": "127.0.0.1", "port": direct_port})
                return before, explained()

        before, after = await asyncio.to_thread(listen)
    assert "loops back" not in before
    assert "127.0.0.1" in before
    assert "loops back" in after


async def test_a_failure_of_the_name_servers_defers_mail_and_never_bounces_it(tmp_path: Path) -> None:
    async with DnsServer() as dns, SmtpPeer() as peer:
        dns.servfail("there.test", "MX")
        delivery = DeliverySettings(
            name_servers=(dns.address,), name_server_port=dns.port, direct_port=peer.port, default_route=DirectRoute()
        )
        relay, port = relaying(tmp_path / "relay", [], settings=Settings(delivery=delivery))

        def send() -> str:
            number = submit(port, "ann@example.org", ["bob@there.test"])
            question = {"sender": "ann@example.org", "recipient": "bob@there.test", "client": "127.0.0.1"}
            wait_until(lambda: "SERVFAIL" in str(relay.api.post("/v1/explain", question)), "why it waits is said", 20)
            assert relay.api.spooled == 1
            return number

        def kinds(number: str) -> set[str]:
            return {entry["kind"] for entry in relay.api.timeline(number)}

        with relay:
            number = await asyncio.to_thread(send)
            assert not {"bounced", "expired"} & await asyncio.to_thread(kinds, number)
            dns.heal("there.test")
            dns.add("there.test", "MX", "10 mx.there.test.")
            dns.add("mx.there.test", "A", "127.0.0.1")
            await asyncio.to_thread(relay.restart)  # what failed is remembered for half a minute, but not so long
            await asyncio.to_thread(wait_until, lambda: peer.messages, "it is delivered", 30)
