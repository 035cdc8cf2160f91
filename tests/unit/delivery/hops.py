"""Hops, connectors and jobs for delivery's tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gatepost.model.envelope import Recipient
from gatepost.model.gateway import Certificate, CertificateCheck, Encryption, Limits
from gatepost.model.secret import Secret
from gatepost.model.settings import DeliverySettings
from gatepost.relay.common.hop import HopAuth, HopKind, NextHop
from gatepost.relay.delivery.connection import Connection
from gatepost.relay.delivery.connector import Connector
from gatepost.relay.delivery.tls import TlsContexts
from gatepost.relay.delivery.values import HopFailure, Job, Outcome

from ...support.certificates import authority
from ...support.smtp_peer import SmtpPeer

UNCHECKED = Certificate(check=CertificateCheck.NONE)
TRUSTED = Certificate(check=CertificateCheck.SYSTEM_TRUST)
MESSAGE = b"From: a@example.org\r\nSubject: hello\r\n\r\nOne line.\r\n.A line with a dot.\r\n"
QUICK = DeliverySettings(connect_seconds=1.0, command_seconds=1.0, data_done_seconds=1.5)


class FixedSecrets:
    """A vault that knows what it was given, and counts how often it was asked."""

    def __init__(self, **known: str) -> None:
        self.known = known
        self.asked = 0

    async def get(self, name: str) -> Secret | None:
        self.asked += 1
        return Secret(self.known[name]) if name in self.known else None


def hop_for(
    peer: SmtpPeer | int,
    *,
    host: str = "localhost",
    address: str | None = "127.0.0.1",
    encryption: Encryption = Encryption.NONE,
    certificate: Certificate = UNCHECKED,
    auth: HopAuth | None = None,
    limits: Limits | None = None,
    **more: Any,
) -> NextHop:
    port = peer if isinstance(peer, int) else peer.port
    return NextHop(
        more.pop("key", "gateway:test"),
        HopKind.GATEWAY,
        "Test gateway",
        host,
        port,
        encryption,
        certificate,
        limits or Limits(),
        address=address,
        auth=auth,
        **more,
    )


def connector_for(
    settings: DeliverySettings = QUICK, secrets: Any = None, trust: Path | None = None, resolve: Any = None
) -> Connector:
    more = {} if resolve is None else {"resolve": resolve}
    return Connector(
        settings=lambda: settings,
        server_name=lambda: "relay.test",
        secrets=secrets or FixedSecrets(),
        contexts=TlsContexts(trust or authority().root_file),
        **more,
    )


def job_for(*recipients: str, sender: str = "a@example.org", content: Any = MESSAGE, **more: Any) -> Job:
    return Job(sender, tuple(Recipient(r) for r in recipients or ("b@example.net",)), content, **more)


class ListSource:
    """Gives jobs from a list and keeps every outcome, in the order they came."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = list(jobs)
        self.outcomes: list[Outcome] = []
        self.expected = len(self.jobs)
        self.idle = 0
        self.closed: asyncio.Future[HopFailure | None] = asyncio.get_running_loop().create_future()
        self.all_done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def next_job(self, connection: Connection, ahead: bool) -> Job | None:
        return self.jobs.pop(0) if self.jobs else None

    def job_done(self, connection: Connection, job: Job, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        if len(self.outcomes) == self.expected and not self.all_done.done():
            self.all_done.set_result(None)

    def connection_idle(self, connection: Connection) -> None:
        self.idle += 1

    def connection_closed(self, connection: Connection, failure: HopFailure | None) -> None:
        self.closed.set_result(failure)


async def run_jobs(connection: Connection, *jobs: Job, seconds: float = 10.0) -> ListSource:
    """Run ``jobs`` on ``connection`` until each has an outcome or the connection has closed."""
    source = ListSource(jobs)
    connection.run(source)
    await asyncio.wait([source.all_done, source.closed], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return source


async def deliver(peer: SmtpPeer, *jobs: Job, settings: DeliverySettings = QUICK, **hop: Any) -> list[Outcome]:
    """Connect, run, close; the outcomes in the order they came."""
    connection = await connector_for(settings).connect(hop_for(peer, **hop))
    source = await run_jobs(connection, *jobs)
    connection.abort()
    await asyncio.wait([source.closed], timeout=5)
    return source.outcomes


async def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until ``condition()`` holds; AssertionError when it does not in time."""
    end = asyncio.get_running_loop().time() + seconds
    while not condition():
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"it did not happen within {seconds} s")
        await asyncio.sleep(0.005)
