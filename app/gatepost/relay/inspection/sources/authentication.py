"""SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 7489): checked with pyspf and dkimpy, in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ....model.spam import DkimSource, DmarcSource, SpfSource
from ...common.printable import printable
from ..body_hash import Canonical, body_hashes
from ..message import Specimen, header_end
from ..scoring import Points
from .dns import Answer
from .failure import SourceFailed

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

MAX_SIGNATURES = 5
QUERY_SECONDS = 15
MAX_FROM = 4000
"""Characters of a From field that are looked at."""

LookupNow = Callable[[str, str], Answer]


class AuthResult(StrEnum):
    """RFC 8601 §2.7 result names."""

    NONE = "none"
    PASS = "pass"  # noqa: S105 - a result, not a password
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    POLICY = "policy"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True)
class SpfCheck:
    result: AuthResult
    domain: str
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class DkimCheck:
    result: AuthResult
    domain: str
    selector: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DmarcCheck:
    result: AuthResult
    domain: str
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Authentication:
    spf: SpfCheck | None = None
    dkim: tuple[DkimCheck, ...] = ()
    dmarc: DmarcCheck | None = None


_asking = threading.local()
"""The look-up function of the SPF check that runs in this thread, where pyspf's global one finds it."""


def _spf_lookup(name: str, qtype: str, _strict: object = True, _timeout: float = 20) -> list[tuple[tuple[str, str], object]]:
    import spf

    try:
        answer: Answer = _asking.lookup(name, qtype)
    except SourceFailed as error:
        raise spf.TempError(str(error)) from error
    if qtype == "MX":
        pairs = (record.split(None, 1) for record in answer.records)
        return [((name, qtype), (int(preference), exchange.rstrip("."))) for preference, exchange in pairs]
    if qtype == "TXT":
        return [((name, qtype), (record.encode(),)) for record in answer.records]
    return [((name, qtype), record.rstrip(".") if qtype == "PTR" else record) for record in answer.records]


def check_spf(client: str, sender: str, helo: str, lookup: LookupNow) -> SpfCheck:
    """Blocking. The identity is MAIL FROM, or HELO for the null sender (RFC 7208 §2.4)."""
    import spf

    # WORKAROUND pyspf 2.0.14: the look-up function is a module global; ours finds each thread's own.
    spf.DNSLookup = _spf_lookup
    _asking.lookup = lookup
    result, explanation = spf.check2(i=client, s=sender, h=helo or "unknown", timeout=QUERY_SECONDS, querytime=QUERY_SECONDS)
    domain = (sender or f"postmaster@{helo}").rpartition("@")[2].lower()
    try:
        return SpfCheck(AuthResult(result), domain, printable(explanation, 200))
    except ValueError as error:
        raise SourceFailed(f"SPF gave the unknown result {printable(result, 30)}") from error


@dataclass(slots=True)
class _Signature:
    """One DKIM-Signature field as dkimpy read it; the same reading tells how the body is hashed and what is verified."""

    verifier: Any
    tags: dict[bytes, bytes]
    include: list[bytes]
    field: tuple[bytes, bytes]
    canonical: Canonical | None = None
    """None: it cannot be read."""
    problem: str = "the signature cannot be read"

    def tag(self, name: bytes) -> str:
        return self.tags.get(name, b"").decode("utf-8", "replace")


def check_dkim(specimen: Specimen, lookup: LookupNow) -> tuple[DkimCheck, ...]:
    """Blocking. Every signature up to ``MAX_SIGNATURES``; the body is read once and never held."""
    if not any(field.name == "dkim-signature" for field in specimen.fields):
        return ()
    head = specimen.head[: header_end(specimen.head)] + b"\r\n"
    signatures = list(_signatures(head))
    wanted = {signature.canonical for signature in signatures if signature.canonical is not None}
    hashes = body_hashes(specimen.blocking_chunks(), list(wanted)) if wanted else {}
    return tuple(_checked(signature, hashes, lookup) for signature in signatures)


def _signatures(head: bytes) -> Iterator[_Signature]:
    import dkim

    for index in range(MAX_SIGNATURES):
        verifier = None
        try:
            verifier = dkim.DKIM(head)
            prepared = verifier.verify_headerprep(index)
        except (dkim.DKIMException, ValueError, TypeError, KeyError, IndexError) as error:
            known = getattr(verifier, "signature_fields", None)
            yield _Signature(verifier, known if isinstance(known, dict) else {}, [], (b"", b""), problem=str(error))
            if verifier is None:
                return  # the header section cannot be read at all
            continue
        if not prepared:
            return
        tags, include, fields = prepared
        yield _Signature(verifier, tags, include, fields[index], _canonical(tags))


def _checked(signature: _Signature, hashes: Mapping[Canonical, str], lookup: LookupNow) -> DkimCheck:
    if signature.canonical is None:
        result, reason = AuthResult.PERMERROR, signature.problem
    elif hashes[signature.canonical] != "".join(signature.tag(b"bh").split()):
        result, reason = AuthResult.FAIL, "the body was changed"
    else:
        result, reason = _check_header(signature, lookup)
    return DkimCheck(
        result, printable(signature.tag(b"d").lower(), 255), printable(signature.tag(b"s"), 100), printable(reason, 150)
    )


def _check_header(signature: _Signature, lookup: LookupNow) -> tuple[AuthResult, str]:
    """dkimpy judges the header section and fetches the key; the body's hash is settled already."""
    import dkim

    def ask(name: bytes, timeout: float = 5) -> bytes | None:
        records = lookup(name.decode("ascii", "replace").rstrip("."), "TXT").records
        return records[0].encode() if records else None

    tags = {name: value for name, value in signature.tags.items() if name != b"bh"}
    try:
        good = signature.verifier.verify_sig(tags, signature.include, signature.field, ask)
    except SourceFailed as error:
        return AuthResult.TEMPERROR, str(error)
    except (dkim.DKIMException, ValueError, TypeError, KeyError, IndexError) as error:
        return AuthResult.PERMERROR, str(error)
    return (AuthResult.PASS, "") if good else (AuthResult.FAIL, "")


def _canonical(tags: dict[bytes, bytes]) -> Canonical | None:
    """How a signature wants the body hashed; None for one that cannot be read. SHA-1 counts for nothing (RFC 8301)."""
    body = tags.get(b"c", b"simple/simple").partition(b"/")[2] or b"simple"
    limit = tags.get(b"l", b"")
    if not tags.get(b"a", b"").endswith(b"-sha256") or body not in (b"simple", b"relaxed") or not (limit or b"0").isdigit():
        return None
    return Canonical(body == b"relaxed", int(limit[:15]) if limit else None)


def check_dmarc(from_domain: str, spf: SpfCheck | None, dkim: tuple[DkimCheck, ...], lookup: LookupNow) -> DmarcCheck:
    """Blocking. RFC 7489 §6.6: the policy of the author's domain, and whether an aligned SPF or DKIM identity passed."""
    organisation = organisational_domain(from_domain)
    tags: dict[str, str] = {}
    for name in dict.fromkeys((from_domain, organisation)):
        try:
            found = lookup(f"_dmarc.{name}", "TXT").records
        except SourceFailed:
            return DmarcCheck(AuthResult.TEMPERROR, from_domain)
        records = [record for record in found if record.lower().startswith("v=dmarc1")]
        if len(records) == 1:
            tags = _tags(records[0])
            own_policy = name == from_domain
            break
    else:
        return DmarcCheck(AuthResult.NONE, from_domain)
    policy = tags.get("p", "none") if own_policy else tags.get("sp", tags.get("p", "none"))
    if policy not in ("none", "quarantine", "reject"):
        return DmarcCheck(AuthResult.PERMERROR, from_domain)

    def aligned(domain: str, mode: str) -> bool:
        return domain == from_domain if mode == "s" else organisational_domain(domain) == organisation

    counting = {check.result for check in dkim if aligned(check.domain, tags.get("adkim", "r"))}
    if spf is not None and aligned(spf.domain, tags.get("aspf", "r")):
        counting.add(spf.result)
    if AuthResult.PASS in counting:
        return DmarcCheck(AuthResult.PASS, from_domain, policy)
    # What could not be looked up might have passed: that is no failure of the message.
    return DmarcCheck(AuthResult.TEMPERROR if AuthResult.TEMPERROR in counting else AuthResult.FAIL, from_domain, policy)


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


def organisational_domain(domain: str) -> str:
    """RFC 7489 §3.2, by the public suffix list that the library ships."""
    return str(_suffixes().privatesuffix(domain) or domain)


def _tags(record: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    for tag in record.split(";"):
        name, _, value = tag.partition("=")
        tags.setdefault(name.strip().lower(), value.strip().lower())
    return tags


def author_domain(specimen: Specimen) -> str | None:
    """The domain of the only From field's only address; None where there is no such single domain."""
    from email.utils import getaddresses

    from ....model.address import AddressError, parse_mailbox

    values = specimen.values("from")
    if len(values) != 1 or len(values[0]) > MAX_FROM:
        return None
    try:
        addresses = getaddresses(values)
    except RecursionError:  # the standard library descends into each comment and group
        return None
    domains: set[str] = set()
    for _, address in addresses:
        try:
            domains.add(parse_mailbox(address).domain)
        except AddressError:
            return None
    return domains.pop() if len(domains) == 1 else None


def points(found: Authentication, spf: SpfSource, dkim: DkimSource, dmarc: DmarcSource) -> list[Points]:
    parts: list[Points] = []
    if found.spf is not None and spf.enabled:
        weights = {AuthResult.FAIL: spf.fail_weight, AuthResult.SOFTFAIL: spf.softfail_weight, AuthResult.NONE: spf.none_weight}
        parts.append(_part("SPF", found.spf.result, weights.get(found.spf.result, 0.0), found.spf.domain))
    if dkim.enabled:
        if not found.dkim:
            parts.append(_part("DKIM", AuthResult.NONE, dkim.none_weight, "not signed"))
        elif any(check.result is AuthResult.PASS for check in found.dkim):
            parts.append(_part("DKIM", AuthResult.PASS, 0.0, ""))
        else:
            # One that could not be looked up might have passed.
            worst = next((check for check in found.dkim if check.result is AuthResult.TEMPERROR), found.dkim[0])
            weight = 0.0 if worst.result is AuthResult.TEMPERROR else dkim.fail_weight
            parts.append(_part("DKIM", worst.result, weight, worst.reason or worst.domain))
    if found.dmarc is not None:
        weight = dmarc.fail_weight if found.dmarc.result is AuthResult.FAIL and found.dmarc.policy != "none" else 0.0
        parts.append(_part("DMARC", found.dmarc.result, weight, found.dmarc.policy and f"p={found.dmarc.policy}"))
    return [part for part in parts if part.points or part.failed or "pass" not in part.note]


def _part(source: str, result: AuthResult, weight: float, note: str) -> Points:
    text = f"{result.value}, {note}" if note else result.value
    return Points(source, weight, text, failed=result is AuthResult.TEMPERROR)
