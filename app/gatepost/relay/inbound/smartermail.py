"""The SmarterMail servers behind gateways: a client for each card, kept warm; their spool counts; the Test.

A client lives as long as its card and its password stay as they are, and with it the rejection of its credentials.
aiohttp's client half is loaded when the first card is switched on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...model.configuration import Configuration
from ...model.errors import GatepostError
from ...model.gateway import DomainForwardGateway, DomainVerification, Gateway
from ...model.report import SmarterMailReport
from ...model.secret import Secret
from ...model.smartermail import SmarterMailCard
from ..common.clock import Clock
from ..common.events import EventBus
from ..common.tasks import Tasks
from ..delivery.auth import Secrets
from ..verification.verdict import RecipientState, RecipientVerdict
from ..verification.verifier import ANSWER_SECONDS, Source

if TYPE_CHECKING:
    from ..verification.smartermail.client import SmarterMailClient

log = logging.getLogger(__name__)

POLL_SECONDS = 60.0
TEST_SECONDS = 120.0
SOURCE = "SmarterMail"


@dataclass(slots=True)
class _Server:
    """One gateway's."""

    gateway_id: str
    card: SmarterMailCard
    secret: str
    client: SmarterMailClient | None = None
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    poll: asyncio.Task[None] | None = None
    spool: Mapping[str, int] = field(default_factory=dict)
    spool_at: float | None = None
    problem: str = ""
    lists_domains: bool = False
    """Its list of domains decides what is accepted: known from the start, not only when somebody asks."""
    names: frozenset[str] = frozenset()


class SmarterMailServers:
    """``secrets`` is the vault. Raises nothing on the mail's way: what a server cannot tell is “unknown”."""

    def __init__(self, secrets: Secrets, clock: Clock, events: EventBus, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._secrets = secrets
        self._clock = clock
        self._events = events
        self._poll_seconds = poll_seconds
        self._tasks = Tasks("SmarterMail")
        self._servers: dict[str, _Server] = {}

    # --- life --------------------------------------------------------------------------------------------------------

    def apply(self, configuration: Configuration) -> None:
        """Keep the clients of unchanged cards; an edited card gets a new one and with it a new chance to log in."""
        wanted = {g.id: g for g in configuration.gateways if g.smartermail.enabled and g.enabled}
        for name, server in list(self._servers.items()):
            if name not in wanted or wanted[name].smartermail != server.card:
                self._drop(name)
        for name, gateway in wanted.items():
            if name not in self._servers:
                self._add(_Server(name, gateway.smartermail, gateway.smartermail_secret))
            self._servers[name].lists_domains = (
                isinstance(gateway, DomainForwardGateway) and gateway.domain_verification is DomainVerification.WEB_SERVICE
            )

    def secret_changed(self, gateway_id: str) -> None:
        server = self._servers.get(gateway_id)
        if server is not None:
            self._drop(gateway_id)
            self._add(_Server(gateway_id, server.card, server.secret, lists_domains=server.lists_domains))

    async def close(self) -> None:
        await self._tasks.close()
        for server in self._servers.values():
            if server.client is not None:
                await server.client.close()
        self._servers.clear()

    def _add(self, server: _Server) -> None:
        self._servers[server.gateway_id] = server
        server.poll = self._tasks.spawn(self._poll(server), f"spool counts of {server.gateway_id}")

    def _drop(self, name: str) -> None:
        server = self._servers.pop(name)
        if server.poll is not None:
            server.poll.cancel()
        if server.client is not None:
            self._tasks.spawn(server.client.close(), f"close {name}")

    async def _client(self, server: _Server) -> SmarterMailClient:
        """Raises GatepostError: no password, or a vault that cannot be opened."""
        async with server.opening:
            if server.client is None:
                password = await self._secrets.get(server.secret)
                server.client = _make_client(server.card, password, self._clock)
            return server.client

    # --- on the mail's way -------------------------------------------------------------------------------------------

    def source(self, gateway_id: str) -> Source:
        """The web service as a source of recipient verdicts."""

        async def verdict(address: str) -> RecipientVerdict:
            from ..verification.smartermail_source import SmarterMailSource

            server = self._servers.get(gateway_id)
            if server is None:
                return RecipientVerdict(RecipientState.UNKNOWN, SOURCE, "its card is switched off")
            try:
                client = await self._client(server)
            except GatepostError as error:
                return RecipientVerdict(RecipientState.UNKNOWN, SOURCE, _words(error))
            return await SmarterMailSource(client).verdict(address)

        return verdict

    async def find_domain(self, gateway_id: str, domain: str) -> RecipientVerdict:
        """Whether the server has a domain, by its name or by an alias; “unknown” when it takes too long to say."""
        server = self._servers.get(gateway_id)
        if server is None:
            return RecipientVerdict(RecipientState.UNKNOWN, SOURCE, "its card is switched off")
        task = self._tasks.spawn(self._find_domain(server, domain), f"look for a domain at {gateway_id}")
        done, _ = await asyncio.wait({task}, timeout=ANSWER_SECONDS)
        if not done or task.cancelled() or task.exception() is not None:
            return RecipientVerdict(RecipientState.UNKNOWN, SOURCE, f"no answer within {ANSWER_SECONDS:g} s")
        found: RecipientVerdict = task.result()
        return found

    async def _find_domain(self, server: _Server, domain: str) -> RecipientVerdict:
        try:
            owner = await (await self._client(server)).find_domain(domain)
        except GatepostError as error:
            return RecipientVerdict(RecipientState.UNKNOWN, SOURCE, _words(error))
        if owner is None:
            return RecipientVerdict(RecipientState.INVALID, SOURCE, f"the server has no domain {domain}")
        return RecipientVerdict(RecipientState.VALID, SOURCE, f"domain {owner}")

    def has_domain(self, gateway_id: str, domain: str) -> bool:
        """Whether the server is known to have it. Asks nobody."""
        server = self._servers.get(gateway_id)
        return server is not None and domain in server.names

    # --- spool counts ------------------------------------------------------------------------------------------------

    def spool(self, gateway_id: str) -> tuple[Mapping[str, int], float | None]:
        """The server's own spool counts by kind, and when they were read."""
        server = self._servers.get(gateway_id)
        return (server.spool, server.spool_at) if server is not None else ({}, None)

    def problem(self, gateway_id: str) -> str:
        """Why the server could not be asked the last time; empty when it could."""
        server = self._servers.get(gateway_id)
        return server.problem if server is not None else ""

    async def _poll(self, server: _Server) -> None:
        while True:
            problem = ""
            for step in (self._read_spool, self._read_domains):
                try:
                    await step(server, await self._client(server))
                except GatepostError as error:
                    problem = problem or _words(error)
                except Exception:
                    log.exception("asking the SmarterMail server behind %s failed in an unforeseen way", server.gateway_id)
                    problem = problem or "it cannot be asked, see the log"
            if problem and problem != server.problem:
                log.warning("SmarterMail behind %s: %s", server.gateway_id, problem)
            server.problem = problem
            await asyncio.sleep(self._poll_seconds)

    async def _read_spool(self, server: _Server, client: SmarterMailClient) -> None:
        counts = await client.spool_counts()
        server.spool = dict(counts.by_kind) or {"total": counts.total}
        server.spool_at = self._clock()
        self._events.publish("gateway.remote_spool", gateway_id=server.gateway_id, counts=dict(server.spool))

    async def _read_domains(self, server: _Server, client: SmarterMailClient) -> None:
        if server.lists_domains:
            await client.domains()
        try:
            await client.keep_warm()
        finally:
            server.names = client.known_names()

    # --- the Test ----------------------------------------------------------------------------------------------------

    async def test(self, gateway: Gateway, typed: Secret | None) -> SmarterMailReport:
        """Log in with the card as it would be saved, list the domains, count the users. Raises GatepostError."""
        from ..verification.smartermail.faults import FaultKind, SmarterMailFault

        password = typed if typed is not None else await self._secrets.get(gateway.smartermail_secret)
        client = _make_client(gateway.smartermail, password, self._clock)
        began = time.monotonic()
        try:
            async with asyncio.timeout(TEST_SECONDS):
                found = await client.test()
        except TimeoutError:
            raise SmarterMailFault(
                FaultKind.TIMED_OUT,
                "The SmarterMail server is too slow.",
                f"Its domains and users were not told within {TEST_SECONDS:g} seconds.",
            ) from None
        finally:
            await client.close()
        server = self._servers.get(gateway.id)
        if typed is None and server is not None and server.card == gateway.smartermail:
            self.secret_changed(gateway.id)  # the login works again: a rejection from before is over
        return SmarterMailReport(found.interface, found.domains, found.users, time.monotonic() - began)


def _make_client(card: SmarterMailCard, password: Secret | None, clock: Clock) -> SmarterMailClient:
    from ..verification.smartermail.client import SmarterMailClient
    from ..verification.smartermail.faults import FaultKind, SmarterMailFault

    if password is None:
        raise SmarterMailFault(
            FaultKind.NO_PASSWORD,
            "No password is stored for the SmarterMail server.",
            "",
            "Store the system administrator's password: “gatepost secret set gateway/…/smartermail”.",
        )
    return SmarterMailClient(card.url, card.username, password, clock)


def _words(error: GatepostError) -> str:
    return f"{error.title} {error.detail}".strip()
