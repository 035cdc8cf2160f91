"""What “explain” says of a recipient is what RCPT would be answered."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gatepost.model.address import parse_mailbox
from gatepost.model.configuration import Configuration, parse_configuration
from gatepost.model.reply import Reply
from gatepost.relay.common.events import EventBus
from gatepost.relay.delivery.connector import Connector
from gatepost.relay.delivery.pool import Pool
from gatepost.relay.inbound.inbound import Inbound, told_once
from gatepost.relay.permission import explain_admission
from gatepost.relay.reception.admission import Admission
from gatepost.relay.reception.context import RecipientQuestion
from gatepost.relay.routing.explain import StepVerdict
from gatepost.relay.routing.router import Router
from gatepost.relay.verdict_store import KeptVerdicts
from gatepost.relay.verification.cache import VerdictCache
from gatepost.store.folder import DataFolder
from gatepost.store.verdicts import Verdicts
from tests.support.smtp_peer import SmtpPeer
from tests.unit.delivery.hops import FixedSecrets, connector_for
from tests.unit.routing.support import Bench, backup, forward

STRANGER, TRUSTED, HOST = "203.0.113.9", "10.0.0.1", "relay.test"


class NoQueue:
    async def lane_recovered(self, lane: str) -> None:
        raise AssertionError("nothing waits")


@dataclass
class Relay:
    router: Router
    events: EventBus
    connector: Connector = field(default_factory=connector_for)
    queue: NoQueue = field(default_factory=NoQueue)

    def __post_init__(self) -> None:
        self.pool = Pool(self.connector)

    @staticmethod
    def clock() -> float:
        return time.time()


class Site:
    def __init__(self, configuration: Configuration, cache: VerdictCache) -> None:
        bench = Bench(configuration)
        self.relay = Relay(bench.router, bench.router._events)
        self.inbound = Inbound(self.relay, cache, FixedSecrets(), lambda _lane: 0, time.monotonic)
        self.inbound.apply(configuration)
        self.configuration = configuration

    async def answered(self, recipient: str, address: str) -> int:
        """As a session asks: admission, then the recipient policy."""
        rules = Admission(self.configuration, HOST)
        client = rules.client(address)
        decision = rules.recipient(client, False, parse_mailbox(recipient), "")
        if decision.refusal is not None:
            return decision.refusal.reply.code
        if not decision.ask:
            return 250
        question = RecipientQuestion(
            decision.address, decision.domain, decision.gateway, "s@s.test", client.address, client.may_relay
        )
        answer: Any = self.inbound.recipients(question)
        if answer is not None and not hasattr(answer, "refusal"):
            answer = await answer
        if answer is None:
            return 250 if decision.gateway is not None or client.may_relay else 550
        return answer.refusal.code if answer.refusal is not None else 250

    async def explained(self, recipient: str, address: str) -> bool:
        found = await explain_admission("", self.configuration, HOST, self.inbound.explain, address, recipient)
        return not any(step.verdict is StepVerdict.REFUSED for step in found.steps)

    async def close(self) -> None:
        await self.inbound.close()
        await self.relay.pool.drain(1)


@pytest.fixture
async def cache(tmp_path: Path) -> AsyncIterator[VerdictCache]:
    kept = Verdicts.open(DataFolder(tmp_path / "data"), time.time)
    yield VerdictCache(KeptVerdicts(kept), time.time)
    await kept.close()


@pytest.mark.parametrize("client", [STRANGER, TRUSTED, "127.0.0.1"])
@pytest.mark.parametrize("is_up", [True, False])
async def test_explain_takes_and_refuses_as_rcpt_does(cache: VerdictCache, client: str, is_up: bool) -> None:
    async with SmtpPeer() as peer:
        peer.on("rcpt", "550 5.1.1 no such user", match="no")  # the made-up addresses, too
        here: dict[str, Any] = {"port": peer.port, "encryption": "none"}
        asked = {"call_forward": True}
        gateways = [
            forward("asks", "127.0.0.1", domains=["asks.test"], verification=asked, **here),
            forward("open", "127.0.0.1", domains=["open.test"], **here),
            forward("off", "127.0.0.1", domains=["off.test"], enabled=False, **here),
            forward(
                "list",
                "127.0.0.1",
                domains=["list.test"],
                verification={"use_list": True, "addresses": ["ann@list.test"]},
                **here,
            ),
            backup("mx", "127.0.0.1", domains=["mx.test"], verification=asked, **here),
            backup("down", "127.0.0.1", domains=["down.test"], holding={"accept": "primary-down"}, **here),
        ]
        configuration = parse_configuration(
            {"gateways": gateways, "trusted_networks": [{"id": "n", "network": "10.0.0.0/8", "description": ""}]}
        )
        if not is_up:
            peer.stop()
        site = Site(configuration, cache)
        for domain in ("asks", "open", "off", "list", "mx", "down", "elsewhere"):
            for local in ("ann", "nobody"):
                recipient = f"{local}@{domain}.test"
                code = await site.answered(recipient, client)
                assert await site.explained(recipient, client) is (code == 250), (recipient, code)
        await site.close()


def test_a_reason_is_told_once() -> None:
    why = "The domain d.example does not exist"
    assert told_once(why, Reply(550, "5.7.1", f"Relaying denied: {why}")) == "550 5.7.1"
    assert told_once("the gateway: it is disabled", Reply(451, "4.4.0", "Try later")) == "451 4.4.0 Try later"
