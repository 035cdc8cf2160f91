"""Runs the sources side by side within one time limit, and turns what they say into a disposition."""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

from ...model.envelope import Envelope
from ...model.spam import SpamCard, SpamPolicy, VirusPolicy
from ..common.printable import printable
from .disposition import Disposition, for_spam, for_virus
from .editing import FORGEABLE, HeadEdit
from .message import FileBody, Specimen
from .resolver import Resolver
from .rest import Resting
from .scoring import Points, SpamVerdict, judge
from .sources import authentication as auth
from .sources.dns import Answer, block_list, reverse_dns
from .sources.envelope import is_trusted_scanner, null_sender, scanner_headers
from .sources.failure import SourceFailed
from .sources.scanners import rspamd, spamd
from .trace import authentication_results, received_spf
from .virus import ScanState, ScanVerdict, scan

log = logging.getLogger(__name__)

Source = Callable[[], Awaitable[Points | list[Points] | None]]


DNS_SECONDS = 20.0
"""Longest time that SPF, DKIM and DMARC of one message go on asking."""
VIRUS_SCANNER = "clamd"


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found out about one message, before anybody decides what becomes of it."""

    specimen: Specimen
    virus: ScanVerdict | None = None
    verdict: SpamVerdict | None = None
    """None: it was not scored."""
    authentication: auth.Authentication | None = None


def _load_libraries(policy: SpamPolicy) -> None:
    wanted = {
        "aiospamc": policy.spamd.enabled,
        "spf": policy.spf.enabled or policy.dmarc.enabled,
        "dkim": policy.dkim.enabled or policy.dmarc.enabled,
    }
    for name, is_wanted in wanted.items():
        if is_wanted:
            importlib.import_module(name)
    if policy.dmarc.enabled:
        auth.organisational_domain("example.org")


class Inspector:
    """``server_name`` is the authserv-id of our Authentication-Results fields."""

    def __init__(
        self,
        spam: SpamPolicy,
        virus: VirusPolicy,
        resolver: Resolver,
        server_name: str,
        *,
        resting: Resting | None = None,
        scan_virus: Callable[[Specimen, VirusPolicy], Awaitable[ScanVerdict]] = scan,
    ) -> None:
        self._spam = spam
        self._allowed = frozenset(sender.lower() for sender in spam.allowed_senders)
        self._virus = virus
        self._resolver = resolver
        self._server_name = server_name.lower()
        self._resting = resting if resting is not None else Resting(time.time)
        self._scan_virus = scan_virus

    def warm_up(self) -> None:
        """Load now what the first message, and everybody beside it, would have to wait for: up to half a second of imports."""
        if self._spam.rspamd.enabled:
            import aiohttp

            _ = aiohttp.ClientSession  # here, not in a thread: see control.server.lean
        self._resolver.threads.submit(_load_libraries, self._spam)

    def may_ask_spamd(self, envelope: Envelope) -> bool:
        """Whether scoring this message asks spamd, unless it rests."""
        return self._spam.spamd.enabled and not self._is_allowed(envelope)

    def _is_allowed(self, envelope: Envelope) -> bool:
        return envelope.sender.lower() in self._allowed

    async def examine(
        self,
        envelope: Envelope,
        content: bytes | FileBody,
        *,
        is_scored: bool,
        spamd_done: Callable[[], None] = lambda: None,
    ) -> Findings:
        """Look at a message once, whatever is done with it afterwards. ``is_scored`` False: viruses only.

        ``spamd_done`` is called when spamd has said what it has to say, while other sources may still be asked.
        """
        specimen = Specimen(envelope, content)
        await specimen.load()
        scanning = asyncio.ensure_future(self._scan(specimen)) if self._virus.enabled else None
        try:
            verdict, authentication = None, None
            if is_scored and not self._is_allowed(envelope):
                verdict, authentication = await self._score(specimen, spamd_done)
            virus = await scanning if scanning is not None else None
        finally:
            if scanning is not None and not scanning.done():
                scanning.cancel()
        return Findings(specimen, virus, verdict, authentication)

    def dispose(self, found: Findings, card: SpamCard | None) -> Disposition:
        """What becomes of it by one card. None: of outbound mail, and where no card is on."""
        if card is None:  # others' mail was scored, not theirs
            found = replace(found, verdict=None, authentication=None)
        edit = self._trace_edit(found.specimen, card, found.verdict, found.authentication, found.virus)
        if found.virus is not None and (decided := for_virus(found.virus, self._virus, edit)) is not None:
            return decided
        if found.verdict is None or card is None:
            words = [str(found.virus)] if found.virus is not None else []
            if card is not None:
                words.append("not scored: the sender is allowed")
            return Disposition("; ".join(words), edit=edit, virus=found.virus)
        return for_spam(found.verdict, card.action_for(found.verdict.level), edit, found.virus)

    async def inspect(self, envelope: Envelope, content: bytes | FileBody, card: SpamCard | None) -> Disposition:
        """Both for one card."""
        is_scored = card is not None and card.enabled
        return self.dispose(await self.examine(envelope, content, is_scored=is_scored), card)

    async def _scan(self, specimen: Specimen) -> ScanVerdict:
        if reason := self._resting.reason(VIRUS_SCANNER):
            return ScanVerdict(ScanState.FAILED, reason)
        verdict = await self._scan_virus(specimen, self._virus)
        if verdict.is_down:
            self._resting.failed(VIRUS_SCANNER, verdict.text)
        else:
            self._resting.worked(VIRUS_SCANNER)
        return verdict

    def _trace_edit(
        self,
        specimen: Specimen,
        card: SpamCard | None,
        verdict: SpamVerdict | None,
        authentication: auth.Authentication | None,
        virus: ScanVerdict | None,
    ) -> HeadEdit:
        prepend: list[bytes] = []
        if verdict is not None:
            prepend.append(verdict.header())
        if authentication is not None:
            prepend.append(authentication_results(self._server_name, authentication, specimen))
            if authentication.spf is not None:
                prepend.append(received_spf(self._server_name, authentication.spf, specimen))
        if virus is not None and virus.state is ScanState.FAILED:
            prepend.append(b"X-Gatepost-Virus: not scanned\r\n")
        if card is None:
            return HeadEdit(prepend=tuple(prepend))
        forged = FORGEABLE
        if is_trusted_scanner(specimen, self._spam.scanner_headers):
            forged = frozenset(name for name in FORGEABLE if name.startswith("x-gatepost"))
        return HeadEdit(prepend=tuple(prepend), remove=forged, remove_results_of=frozenset({self._server_name}))

    async def _ask_spamd(self, specimen: Specimen, done: Callable[[], None]) -> Points:
        try:
            return await spamd(specimen, self._spam.spamd, self._spam.max_scan_bytes)
        finally:
            done()

    async def _score(
        self, specimen: Specimen, spamd_done: Callable[[], None]
    ) -> tuple[SpamVerdict, auth.Authentication | None]:
        policy = self._spam
        found: list[auth.Authentication] = []
        sources: dict[str, Source] = {}
        if policy.spamd.enabled:
            sources["spamd"] = partial(self._ask_spamd, specimen, spamd_done)
        if policy.rspamd.enabled:
            sources["rspamd"] = partial(rspamd, specimen, policy.rspamd, policy.max_scan_bytes)
        for entry in policy.block_lists:
            if entry.enabled:
                sources[entry.zone] = partial(block_list, specimen, entry, self._resolver.lookup)
        of_one_server = frozenset(sources)
        if policy.reverse_dns.enabled:
            sources["reverse DNS"] = partial(reverse_dns, specimen, policy.reverse_dns, self._resolver.lookup)
        if policy.spf.enabled or policy.dkim.enabled or policy.dmarc.enabled:
            sources["SPF, DKIM, DMARC"] = partial(self._authenticate, specimen, found)
        parts: list[Points] = []
        if policy.null_sender.enabled and (part := null_sender(specimen, policy.null_sender)) is not None:
            parts.append(part)
        if (part := scanner_headers(specimen, policy.scanner_headers)) is not None:
            parts.append(part)
        parts.extend(await self._run(sources, of_one_server))
        return judge(tuple(parts), policy), found[0] if found else None

    async def _run(self, sources: dict[str, Source], of_one_server: frozenset[str]) -> list[Points]:
        """All at once; what is not done in time has failed. ``of_one_server``: those that rest when they keep failing."""
        parts: list[Points] = []
        tasks: dict[asyncio.Future[Points | list[Points] | None], str] = {}
        for name, source in sources.items():
            if name in of_one_server and (reason := self._resting.reason(name)):
                parts.append(Points(name, note=reason, failed=True))
            else:
                tasks[asyncio.ensure_future(source())] = name
        if not tasks:
            return parts
        try:
            await asyncio.wait(tasks, timeout=self._spam.total_timeout_seconds)
        finally:
            for task in tasks:
                task.cancel()
        for task, name in tasks.items():
            found, problem = self._outcome(task, name)
            parts.extend(found)
            if name not in of_one_server:
                continue
            if problem:
                self._resting.failed(name, problem)
            else:
                self._resting.worked(name)
        return parts

    def _outcome(self, task: asyncio.Future[Points | list[Points] | None], name: str) -> tuple[list[Points], str]:
        """What a source gave, and why it gave nothing."""
        if not task.done() or task.cancelled():
            problem = f"no answer within {self._spam.total_timeout_seconds:g} s"
        elif (error := task.exception()) is not None:
            if not isinstance(error, SourceFailed):
                log.error("spam source %s broke", name, exc_info=error)
            problem = printable(str(error), 200) or type(error).__name__
        else:
            result = task.result()
            return (result if isinstance(result, list) else [result] if result is not None else []), ""
        return [Points(name, note=problem, failed=True)], problem

    async def _authenticate(self, specimen: Specimen, found: list[auth.Authentication]) -> list[Points]:
        policy = self._spam
        ends = time.monotonic() + min(policy.total_timeout_seconds, DNS_SECONDS)
        work = partial(self._authenticate_now, specimen, ends)
        result = await asyncio.get_running_loop().run_in_executor(self._resolver.threads, work)
        found.append(result)
        return auth.points(result, policy.spf, policy.dkim, policy.dmarc)

    def _authenticate_now(self, specimen: Specimen, ends: float) -> auth.Authentication:
        policy = self._spam
        origin = specimen.envelope.origin

        def lookup(name: str, kind: str) -> Answer:
            if time.monotonic() > ends:  # nobody waits for the answer any more
                raise SourceFailed("DNS: out of time")
            return self._resolver.lookup_now(name, kind)

        spf = None
        if origin.client and (policy.spf.enabled or policy.dmarc.enabled):
            spf = auth.check_spf(origin.client, specimen.envelope.sender, origin.helo, lookup)
        dkim = auth.check_dkim(specimen, lookup) if policy.dkim.enabled or policy.dmarc.enabled else ()
        dmarc = None
        if policy.dmarc.enabled and (domain := auth.author_domain(specimen)) is not None:
            dmarc = auth.check_dmarc(domain, spf, dkim, lookup)
        return auth.Authentication(spf, dkim, dmarc)
