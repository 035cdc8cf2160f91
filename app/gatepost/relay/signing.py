"""DKIM keys in use: which one signs a message, where its private half comes from, and what DNS shows of it.

Mail of our own users is signed by every enabled key of its author's domain (the From field's, which DMARC looks at), when
it is accepted and before it is stored. A key that cannot be used leaves the mail unsigned, with a note in its timeline and
a problem in the overview: mail that waits for a locked vault would help nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from ..model.configuration import Configuration
from ..model.dkim import DkimAlgorithm, DkimKey
from ..model.envelope import Envelope
from ..model.errors import GatepostError
from ..model.report import DkimCheck, DkimState, Problem
from ..model.secret import Secret
from ..store.values import Content
from ..vault import Vault
from .inspection.message import Specimen
from .inspection.resolver import Resolver
from .inspection.signing import DKIM_FIELD, Signer, load_key, made_by, make_key, signatures
from .inspection.sources.authentication import author_domain
from .inspection.sources.failure import SourceFailed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Signed:
    """``fields``: the DKIM-Signature fields to put on top, empty when there are none. ``words``: for the timeline."""

    fields: bytes = b""
    words: str = ""


class Signing:
    def __init__(self, vault: Vault, clock: Callable[[], float]) -> None:
        self._vault = vault
        self._clock = clock
        self._keys: dict[str, list[DkimKey]] = {}
        self._signers: dict[str, Signer] = {}
        self._problems: dict[str, Problem] = {}

    def apply(self, configuration: Configuration) -> None:
        self._keys = {}
        for key in configuration.dkim_keys:
            if key.enabled:
                self._keys.setdefault(key.domain, []).append(key)
        enabled = {key.id: key for key in configuration.dkim_keys if key.enabled}
        self._signers = {name: signer for name, signer in self._signers.items() if enabled.get(name) == signer.key}
        self._problems = {name: problem for name, problem in self._problems.items() if name in enabled}

    @property
    def is_on(self) -> bool:
        return bool(self._keys)

    def forget(self, key_id: str) -> None:
        """Its private half in the vault has changed."""
        self._signers.pop(key_id, None)

    def problems(self) -> list[Problem]:
        return list(self._problems.values())

    async def sign(self, envelope: Envelope, content: Content) -> Signed:
        specimen = Specimen(envelope, content)
        await specimen.load()
        domain = author_domain(specimen)
        keys = self._keys.get(domain, []) if domain is not None else []
        signers = [signer for key in keys if (signer := await self._signer(key)) is not None]
        if not signers:
            return Signed(words=f"not signed: no DKIM key of {domain} can be used") if keys else Signed()
        try:
            fields = await asyncio.to_thread(signatures, specimen, signers, self._clock)
        except (ValueError, OSError) as error:
            log.error("a message cannot be signed: %s", error)
            return Signed(words=f"not signed: {error}")
        named = ", ".join(f"{signer.key.selector} ({signer.key.algorithm.value})" for signer in signers)
        return Signed(fields, f"signed for {domain} with {named}")

    async def signed_again(self, envelope: Envelope, content: bytes, change: Callable[[bytes], bytes | None]) -> bytes | None:
        """What ``change``, called in a thread, makes of a message that is on its way (None: it cannot), signed again if we
        had signed it. A field that only looks like ours is left as it is: nobody gets us to sign what we did not."""
        bare = await self._without_ours(envelope, content) if self.is_on else content
        changed = await asyncio.to_thread(change, bare)
        if changed is None or bare is content:
            return changed
        return (await self.sign(envelope, changed)).fields + changed

    async def _without_ours(self, envelope: Envelope, content: bytes) -> bytes:
        """The message without the signatures that we made for just this content; the same object if there are none."""
        if DKIM_FIELD.search(content) is None:
            return content
        specimen = Specimen(envelope, content)
        await specimen.load()
        domain = author_domain(specimen)
        keys = self._keys.get(domain, []) if domain is not None else []
        signers = [signer for key in keys if (signer := await self._signer(key)) is not None]
        for raw in await asyncio.to_thread(made_by, signers, specimen):
            content = content.replace(raw, b"", 1)
        return content

    async def _signer(self, key: DkimKey) -> Signer | None:
        if (known := self._signers.get(key.id)) is not None:
            return known
        try:
            private = await self._vault.get(key.secret)
            if private is None:
                raise ValueError("its private key is not in the vault")
            signer = await asyncio.to_thread(load_key, key, private)
        except (GatepostError, ValueError) as error:
            self._note_problem(key, str(error))
            return None
        self._problems.pop(key.id, None)
        self._signers[key.id] = signer
        return signer

    def _note_problem(self, key: DkimKey, reason: str) -> None:
        if key.id not in self._problems:
            log.error("mail of %s is not signed: %s", key.domain, reason)
        self._problems[key.id] = Problem(
            "dkim", f"Mail of {key.domain} is not signed with “{key.selector}”.", reason,
            "Make the key anew, or switch it off.", f"dkim:{key.id}", self._clock(),
        )  # fmt: skip


async def new_key(algorithm: DkimAlgorithm) -> tuple[Secret, str]:
    """The private half for the vault, and the public one as DNS shows it."""
    return await asyncio.to_thread(make_key, algorithm)


async def check_published(key: DkimKey, resolver: Resolver) -> DkimCheck:
    """What DNS publishes under the key's name, compared with what it should."""

    def answer(state: DkimState, text: str, found: tuple[str, ...] = ()) -> DkimCheck:
        return DkimCheck(state, text, key.record_name, key.record_text, found)

    try:
        records = (await resolver.lookup(key.record_name, "TXT")).records
    except SourceFailed as error:
        return answer(DkimState.NO_ANSWER, f"The name servers gave no answer: {error}.")
    if not records:
        return answer(DkimState.ABSENT, f"DNS has no TXT record at {key.record_name} yet.")
    shown = tuple(record[:2000] for record in records[:10])
    if len(records) > 1:
        return answer(DkimState.DIFFERS, f"DNS has {len(records)} TXT records at this name; there must be one.", shown)
    published, wanted = _tags(records[0]), _tags(key.record_text)
    if published.get("p") == "":
        return answer(DkimState.DIFFERS, "DNS says that this key was revoked.", shown)
    if published.get("p") != wanted["p"] or published.get("k", "rsa") != wanted["k"]:
        return answer(DkimState.DIFFERS, "DNS publishes another key at this name.", shown)
    if published.get("v", "DKIM1") != "DKIM1":
        return answer(DkimState.DIFFERS, "The record in DNS does not begin with v=DKIM1.", shown)
    if "y" in published.get("t", "").split(":"):
        return answer(DkimState.PUBLISHED, "DNS publishes this key, marked as a test (t=y).", shown)
    return answer(DkimState.PUBLISHED, "DNS publishes this key.", shown)


def _tags(record: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag in record.split(";"):
        name, equals, value = tag.partition("=")
        if equals:
            found.setdefault(name.strip(), "".join(value.split()))
    return found
