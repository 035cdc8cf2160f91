"""SPF, DKIM and DMARC by a DNS that is a table: what is found, and how much it counts."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gatepost.model.spam import DkimSource, DmarcSource, SpfSource
from gatepost.relay.inspection.sources.authentication import (
    Authentication,
    AuthResult,
    DkimCheck,
    DmarcCheck,
    SpfCheck,
    check_dmarc,
    check_spf,
    points,
)
from gatepost.relay.inspection.sources.dns import Answer
from gatepost.relay.inspection.sources.failure import SourceFailed

PASS, FAIL, SOFTFAIL, NONE, TEMPERROR = (
    AuthResult.PASS, AuthResult.FAIL, AuthResult.SOFTFAIL, AuthResult.NONE, AuthResult.TEMPERROR,
)  # fmt: skip
ALL = SpfSource(enabled=True), DkimSource(enabled=True), DmarcSource(enabled=True)

ZONE: dict[tuple[str, str], tuple[str, ...]] = {
    ("ip.test", "TXT"): ("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all",),
    ("a.test", "TXT"): ("v=spf1 a -all",),
    ("a.test", "A"): ("192.0.2.1",),
    ("a.test", "AAAA"): ("2001:db8::1",),
    ("mx.test", "TXT"): ("v=spf1 mx ~all",),
    ("mx.test", "MX"): ("10 one.mx.test.", "20 two.mx.test."),
    ("one.mx.test", "A"): ("192.0.2.1",),
    ("two.mx.test", "AAAA"): ("2001:db8::1",),
    ("include.test", "TXT"): ("unrelated", "v=spf1 include:ip.test -all"),
    ("redirect.test", "TXT"): ("v=spf1 redirect=ip.test",),
    ("two.test", "TXT"): ("v=spf1 -all", "v=spf1 +all"),
    ("exists.test", "TXT"): ("v=spf1 exists:%{ir}.%{l}.exists.test -all",),
    ("1.2.0.192.bob.exists.test", "A"): ("127.0.0.2",),
    ("_dmarc.strict.test", "TXT"): ("v=DMARC1; p=reject; aspf=s; adkim=s; sp=quarantine",),
    ("_dmarc.relaxed.test", "TXT"): ("v=DMARC1; p=quarantine",),
    ("_dmarc.watching.test", "TXT"): ("v=DMARC1; p=none",),
}


def lookup(name: str, kind: str) -> Answer:
    name = name.rstrip(".").lower()
    if "broken" in name:
        raise SourceFailed("DNS: no answer")
    return Answer(ZONE.get((name, kind), ()))


@pytest.mark.parametrize(
    ("client", "sender", "result"),
    [
        ("192.0.2.9", "bob@ip.test", PASS), ("198.51.100.1", "bob@ip.test", FAIL), ("2001:db8:1::1", "bob@ip.test", PASS),
        ("2001:db9::1", "bob@ip.test", FAIL), ("192.0.2.1", "bob@a.test", PASS), ("192.0.2.2", "bob@a.test", FAIL),
        ("2001:db8::1", "bob@a.test", PASS), ("2001:db8::2", "bob@a.test", FAIL), ("192.0.2.1", "bob@mx.test", PASS),
        ("2001:db8::1", "bob@mx.test", PASS), ("192.0.2.2", "bob@mx.test", SOFTFAIL), ("192.0.2.9", "bob@include.test", PASS),
        ("198.51.100.1", "bob@include.test", FAIL), ("192.0.2.9", "bob@redirect.test", PASS),
        ("192.0.2.9", "bob@two.test", AuthResult.PERMERROR), ("192.0.2.1", "bob@exists.test", PASS),
        ("192.0.2.1", "ann@exists.test", FAIL), ("192.0.2.9", "bob@nothing.test", NONE),
        ("192.0.2.9", "bob@broken.test", TEMPERROR), ("192.0.2.9", "", PASS), ("198.51.100.1", "", FAIL),
        ("192.0.2.9", "b\u00fcro@ip.test", PASS), ("192.0.2.9", '"a b"@ip.test', PASS),
    ],
)  # fmt: skip
def test_spf(client: str, sender: str, result: AuthResult) -> None:
    found = check_spf(client, sender, "ip.test", lookup)
    assert (found.result, found.domain) == (result, sender.rpartition("@")[2] or "ip.test")


def spf(result: AuthResult, domain: str) -> SpfCheck:
    return SpfCheck(result, domain)


def dkim(result: AuthResult, domain: str) -> DkimCheck:
    return DkimCheck(result, domain, "s")


@pytest.mark.parametrize(
    ("author", "spf_found", "dkim_found", "result", "policy"),
    [
        ("relaxed.test", spf(PASS, "relaxed.test"), (), PASS, "quarantine"),
        ("relaxed.test", spf(PASS, "mail.relaxed.test"), (), PASS, "quarantine"),
        ("news.relaxed.test", spf(FAIL, "relaxed.test"), (dkim(PASS, "relaxed.test"),), PASS, "quarantine"),
        ("relaxed.test", spf(PASS, "other.test"), (dkim(PASS, "other.test"),), FAIL, "quarantine"),
        ("strict.test", spf(PASS, "mail.strict.test"), (), FAIL, "reject"),
        ("strict.test", spf(PASS, "strict.test"), (), PASS, "reject"),
        ("sub.strict.test", spf(PASS, "strict.test"), (), FAIL, "quarantine"),
        ("watching.test", spf(FAIL, "watching.test"), (), FAIL, "none"),
        ("nothing.test", spf(PASS, "nothing.test"), (), NONE, ""),
        ("broken.test", spf(PASS, "broken.test"), (), TEMPERROR, ""),
        # What could not be looked up might have passed: no verdict, where it would have counted.
        ("relaxed.test", spf(TEMPERROR, "relaxed.test"), (), TEMPERROR, "quarantine"),
        ("relaxed.test", spf(FAIL, "relaxed.test"), (dkim(TEMPERROR, "mail.relaxed.test"),), TEMPERROR, "quarantine"),
        ("relaxed.test", spf(TEMPERROR, "relaxed.test"), (dkim(PASS, "relaxed.test"),), PASS, "quarantine"),
        ("relaxed.test", spf(TEMPERROR, "other.test"), (dkim(TEMPERROR, "other.test"),), FAIL, "quarantine"),
    ],
)
def test_dmarc(author: str, spf_found: SpfCheck, dkim_found: tuple[DkimCheck, ...], result: AuthResult, policy: str) -> None:
    found = check_dmarc(author, spf_found, dkim_found, lookup)
    assert (found.result, found.policy) == (result, policy)


@pytest.mark.parametrize(
    ("found", "weights"),
    [
        (Authentication(spf(FAIL, "x"), (), None), {"SPF": 8.0, "DKIM": 0.0}),
        (Authentication(spf(SOFTFAIL, "x"), (dkim(FAIL, "x"),), None), {"SPF": 4.0, "DKIM": 4.0}),
        (Authentication(spf(TEMPERROR, "x"), (dkim(TEMPERROR, "x"),), None), {"SPF": None, "DKIM": None}),
        (Authentication(None, (dkim(FAIL, "x"), dkim(TEMPERROR, "y")), None), {"DKIM": None}),
        (Authentication(None, (dkim(FAIL, "x"), dkim(PASS, "y")), None), {}),
        (Authentication(spf(PASS, "x"), (dkim(PASS, "x"),), DmarcCheck(FAIL, "x", "reject")), {"DMARC": 8.0}),
        (Authentication(spf(PASS, "x"), (dkim(PASS, "x"),), DmarcCheck(FAIL, "x", "none")), {"DMARC": 0.0}),
        (Authentication(spf(PASS, "x"), (dkim(PASS, "x"),), DmarcCheck(TEMPERROR, "x", "reject")), {"DMARC": None}),
    ],
)
def test_what_could_not_be_looked_up_counts_nothing_and_is_shown_as_failed(
    found: Authentication, weights: Mapping[str, float | None]
) -> None:
    """None: failed."""
    said = {part.source: None if part.failed else part.points for part in points(found, *ALL)}
    assert said == weights
