"""Runs the sources side by side within one time limit, and turns what they say into a disposition."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from ...model.envelope import Envelope
from ...model.spam import SpamCard, SpamPolicy, VirusPolicy
from ..common.printable import printable
from .disposition import Disposition, for_spam, for_virus
from .editing import FORGEABLE, HeadEdit
from .message import FileBody, Specimen
from .resolver import Resolver
from .scoring import Points, SpamVerdict, judge
from .sources import authentication as auth
from .sources.dns import block_list, reverse_dns
from .sources.envelope import is_trusted_scanner, null_sender, scanner_headers
from .sources.failure import SourceFailed
from .sources.scanners import rspamd, spamd
from .trace import authentication_results, received_spf
from .virus import ScanState, ScanVerdict, scan

log = logging.getLogger(__name__)

Source = Callable[[], Awaitable[Points | list[Points] | None]]


class Inspector:
    """``server_name`` is the authserv-id of our Authentication-Results fields."""

    def __init__(
        self,
        spam: SpamPolicy,
        virus: VirusPolicy,
        resolver: Resolver,
        server_name: str,
        *,
        scan_virus: Callable[[Specimen, VirusPolicy], Awaitable[ScanVerdict]] = scan,
    ) -> None:
        self._spam = spam
        self._virus = virus
        self._resolver = resolver
        self._server_name = server_name.lower()
        self._scan_virus = scan_virus

    async def inspect(self, envelope: Envelope, content: bytes | FileBody, card: SpamCard | None) -> Disposition:
        """``card`` None: not scored (outbound mail, local and authenticated senders); viruses are looked for all the same."""
        specimen = Specimen(envelope, content)
        await specimen.load()
        is_scored = card is not None and card.enabled and envelope.sender not in self._spam.allowed_senders
        scanning = asyncio.ensure_future(self._scan_virus(specimen, self._virus)) if self._virus.enabled else None
        try:
            authentication: auth.Authentication | None = None
            verdict: SpamVerdict | None = None
            if is_scored:
                verdict, authentication = await self._score(specimen)
            virus = await scanning if scanning is not None else None
        finally:
            if scanning is not None and not scanning.done():
                scanning.cancel()
        edit = self._trace_edit(specimen, card, verdict, authentication, virus)
        if virus is not None and (decided := for_virus(virus, self._virus, edit)) is not None:
            return decided
        if verdict is None or card is None:
            return Disposition("not scored", edit=edit, virus=virus)
        return for_spam(verdict, card.action_for(verdict.level), edit, virus)

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

    async def _score(self, specimen: Specimen) -> tuple[SpamVerdict, auth.Authentication | None]:
        policy = self._spam
        found: list[auth.Authentication] = []
        sources: dict[str, Source] = {}
        if policy.spamd.enabled:
            sources["spamd"] = partial(spamd, specimen, policy.spamd, policy.max_scan_bytes)
        if policy.rspamd.enabled:
            sources["rspamd"] = partial(rspamd, specimen, policy.rspamd, policy.max_scan_bytes)
        for entry in policy.block_lists:
            if entry.enabled:
                sources[entry.zone] = partial(block_list, specimen, entry, self._resolver.lookup)
        if policy.reverse_dns.enabled:
            sources["reverse DNS"] = partial(reverse_dns, specimen, policy.reverse_dns, self._resolver.lookup)
        if policy.spf.enabled or policy.dkim.enabled or policy.dmarc.enabled:
            sources["SPF, DKIM, DMARC"] = partial(self._authenticate, specimen, found)
        parts: list[Points] = []
        if policy.null_sender.enabled and (part := null_sender(specimen, policy.null_sender)) is not None:
            parts.append(part)
        if (part := scanner_headers(specimen, policy.scanner_headers)) is not None:
            parts.append(part)
        parts.extend(await self._run(sources))
        return judge(tuple(parts), policy), found[0] if found else None

    async def _run(self, sources: dict[str, Source]) -> list[Points]:
        """All at once; what is not done in time has failed."""
        if not sources:
            return []
        tasks = {asyncio.ensure_future(source()): name for name, source in sources.items()}
        try:
            await asyncio.wait(tasks, timeout=self._spam.total_timeout_seconds)
        finally:
            for task in tasks:
                task.cancel()
        parts: list[Points] = []
        for task, name in tasks.items():
            if not task.done() or task.cancelled():
                parts.append(Points(name, note=f"no answer within {self._spam.total_timeout_seconds:g} s", failed=True))
            elif (error := task.exception()) is not None:
                if not isinstance(error, SourceFailed):
                    log.error("spam source %s broke", name, exc_info=error)
                parts.append(Points(name, note=printable(str(error), 200) or type(error).__name__, failed=True))
            else:
                result = task.result()
                parts.extend(result if isinstance(result, list) else [result] if result is not None else [])
        return parts

    async def _authenticate(self, specimen: Specimen, found: list[auth.Authentication]) -> list[Points]:
        policy = self._spam
        content = await specimen.first(max(policy.max_scan_bytes, specimen.size if policy.dkim.enabled else 0))
        work = partial(self._authenticate_now, specimen, content)
        result = await asyncio.get_running_loop().run_in_executor(self._resolver.threads, work)
        found.append(result)
        return auth.points(result, policy.spf, policy.dkim, policy.dmarc)

    def _authenticate_now(self, specimen: Specimen, content: bytes) -> auth.Authentication:
        policy = self._spam
        lookup = self._resolver.lookup_now
        origin = specimen.envelope.origin
        spf = None
        if origin.client and (policy.spf.enabled or policy.dmarc.enabled):
            spf = auth.check_spf(origin.client, specimen.envelope.sender, origin.helo, lookup)
        dkim = auth.check_dkim(content, lookup) if policy.dkim.enabled or policy.dmarc.enabled else ()
        dmarc = None
        if policy.dmarc.enabled and (domain := auth.author_domain(specimen)) is not None:
            dmarc = auth.check_dmarc(domain, spf, dkim, lookup)
        return auth.Authentication(spf, dkim, dmarc)
