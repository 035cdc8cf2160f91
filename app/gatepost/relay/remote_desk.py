"""Remote administration as the relay keeps it: tokens, the failures of those who guess, the certificate of its own.

The port itself is ``control.server.remote_port``'s. A token is shown once, when it is made; here stands its hash.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..model.errors import Conflict, GatepostError, InvalidInput, Issue, NotFound
from ..model.fields import new_id
from ..model.network import parse_ip
from ..model.remote import RemoteReport, RemoteSettings, TokenReport
from ..model.report import CertificateReport
from ..model.secret import Secret
from ..store.errors import StoreError
from ..store.token_file import StoredToken, TokenFile

if TYPE_CHECKING:
    from .service import RelayService

log = logging.getLogger(__name__)

PREFIX = "gp_"
TOKEN_OCTETS = 32
MAX_TOKENS = 100
FAILURES_ALLOWED = 10
"""Wrong tokens from one address within ``REST_SECONDS``; after them nobody there is listened to for as long."""
REST_SECONDS = 60.0
MAX_ADDRESSES = 4096
USE_NOTED_SECONDS = 60.0
"""When a token was last used is written down this often at most."""
WARN_DAYS = 30


class TooManyFailures(GatepostError):
    """Somebody at this address showed wrong tokens again and again."""

    status = 429
    code = "too-many-failures"


class Failures:
    """Wrong tokens by address; IPv6 by /64. Bounded: the address that failed longest ago is forgotten first."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._seen: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def rests(self, address: str) -> bool:
        count, since = self._seen.get(_bucket(address), (0, 0.0))
        return count >= FAILURES_ALLOWED and self._monotonic() - since < REST_SECONDS

    def add(self, address: str) -> bool:
        """Whether this was the one too many."""
        bucket, now = _bucket(address), self._monotonic()
        count, since = self._seen.pop(bucket, (0, now))
        count, since = (count + 1, since) if now - since < REST_SECONDS else (1, now)
        self._seen[bucket] = (count, now if count == FAILURES_ALLOWED else since)
        if len(self._seen) > MAX_ADDRESSES:
            self._seen.popitem(last=False)
        return count == FAILURES_ALLOWED


def _bucket(address: str) -> str:
    try:
        found = parse_ip(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else found.exploded[:19]


class RemoteDesk:
    """Implements ``control.server.facade.RemoteFacade``."""

    def __init__(self, service: RelayService, monotonic: Callable[[], float]) -> None:
        self._service = service
        self._file = TokenFile(service.folder)
        self._tokens: tuple[StoredToken, ...] | None = None
        self._changes = asyncio.Lock()
        self._failures = Failures(monotonic)
        self._report = RemoteReport()

    # --- tokens ---

    async def tokens(self) -> tuple[TokenReport, ...]:
        return tuple(_report_of(token) for token in await self._loaded())

    async def make_token(self, name: str, author: str) -> tuple[TokenReport, Secret]:
        """A new token, which nobody can be shown again. Raises InvalidInput, Conflict."""
        name = name.strip()
        if not name or len(name) > 80:
            raise InvalidInput([Issue("name", "a name of 1 to 80 characters is needed: who or what will use the token")])
        async with self._changes:
            known = await self._loaded()
            if any(token.name.casefold() == name.casefold() for token in known):
                raise Conflict(f"There is a token “{name}” already.", "", "Revoke it first, or choose another name.")
            if len(known) >= MAX_TOKENS:
                raise Conflict("There are too many tokens.", f"{MAX_TOKENS} are kept.", "Revoke those that nobody needs.")
            secret = PREFIX + secrets.token_urlsafe(TOKEN_OCTETS)
            made = StoredToken(new_id("tok"), name, _digest(secret), self._service.clock(), author)
            await self._keep((*known, made))
        log.info("token %s (“%s”) made by %s", made.id, name, author)
        return _report_of(made), Secret(secret)

    async def revoke_token(self, token_id: str, author: str) -> None:
        """At once, also for connections that are open. Raises NotFound."""
        async with self._changes:
            known = await self._loaded()
            left = tuple(token for token in known if token.id != token_id)
            if len(left) == len(known):
                raise NotFound(
                    f"There is no token “{token_id[:60]}”.", hint="“gatepost token list” names those that there are."
                )
            await self._keep(left)
        log.info("token %s revoked by %s", token_id, author)
        self._service.events.publish("remote.revoked", token=token_id)

    async def identify(self, shown: str, address: str) -> TokenReport | None:
        """The token that was shown; None when it is none of ours. Takes the same time for every wrong one.
        Raises TooManyFailures."""
        if self._failures.rests(address):
            raise TooManyFailures(
                "Too many wrong tokens came from this address.", "", f"Wait {REST_SECONDS:g} seconds and show the right one."
            )
        digest, found = _digest(shown), None
        try:
            known = await self._loaded()
        except StoreError as error:
            log.error("nobody is let in from another machine: %s", error)
            return None
        for token in known:
            if hmac.compare_digest(token.digest, digest):
                found = token
        if found is None:
            if shown and self._failures.add(address):  # who shows none does not guess
                log.warning(
                    "%d wrong tokens from %s: it is not listened to for %g seconds", FAILURES_ALLOWED, address, REST_SECONDS
                )
            return None
        try:
            await self._note_use(found, address)
        except StoreError as error:  # on a full disk, say: who may help is let in all the more
            log.warning("the use of token %s is not noted: %s", found.id, error)
        if all(one.id != found.id for one in await self._loaded()):
            return None  # revoked meanwhile
        return _report_of(found)

    async def _note_use(self, token: StoredToken, address: str) -> None:
        now = self._service.clock()
        if (
            token.last_used_at is not None
            and 0 <= now - token.last_used_at < USE_NOTED_SECONDS
            and token.last_address == address
        ):
            return
        async with self._changes:
            used = replace(token, last_used_at=now, last_address=address)
            await self._keep(tuple(used if one.id == token.id else one for one in await self._loaded()))

    async def _loaded(self) -> tuple[StoredToken, ...]:
        if self._tokens is None:
            self._tokens = await asyncio.to_thread(self._file.load)
        return self._tokens

    async def _keep(self, tokens: tuple[StoredToken, ...]) -> None:
        await asyncio.to_thread(self._file.save, tokens)
        self._tokens = tokens

    # --- the certificate ---

    async def certificate(self, settings: RemoteSettings) -> CertificateReport:
        """Of the files that are named, else of the relay's own pair, which is made when there is none. Blocking work is done
        in a thread; what is wrong is part of the answer."""
        from .reception.certificates import describe
        from .reception.tls import Pair

        if settings.certificate_file:
            return await asyncio.to_thread(describe, Pair(Path(settings.certificate_file), Path(settings.key_file)))
        from . import remote_certificate

        names = (self._service.host_name, *settings.names)
        pair = await asyncio.to_thread(remote_certificate.own_pair, self._service.folder.tls, names)
        return await asyncio.to_thread(describe, pair)

    async def renew_certificate(self) -> None:
        """A new pair of the relay's own; every client has to pin it anew. Raises Conflict where files are named."""
        settings = self._service.configuration.settings.remote
        if settings.certificate_file:
            raise Conflict(
                "This certificate is not the relay's to renew.",
                f"It is read from {settings.certificate_file}.",
                "Replace that file and switch remote administration off and on again.",
            )
        from . import remote_certificate

        names = (self._service.host_name, *settings.names)
        await asyncio.to_thread(remote_certificate.renew, self._service.folder.tls, names)
        self._service.events.publish("remote.certificate")

    # --- how it stands ---

    @property
    def host_name(self) -> str:
        return self._service.host_name

    def tell(self, report: RemoteReport) -> None:
        """What the port has to say of itself."""
        self._report = report
        self._service.events.publish("remote.state", listening=report.listening)

    async def report(self) -> RemoteReport:
        return replace(self._report, tokens=len(await self._loaded()))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _report_of(token: StoredToken) -> TokenReport:
    return TokenReport(token.id, token.name, token.created_at, token.created_by, token.last_used_at, token.last_address)
