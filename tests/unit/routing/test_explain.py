from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from gatepost.model.errors import InvalidInput
from gatepost.model.gateway import Certificate, CertificateCheck, Encryption
from gatepost.relay.common.plan import Candidates
from gatepost.relay.delivery.tls import enforced_check
from gatepost.relay.permission import explain_admission
from gatepost.relay.routing.explain import Admitted, Explanation, Step, StepVerdict, explain, preview_change, tls_policy
from tests.support.dns_server import DnsServer

from .support import Bench, configuration, forward, outbound, row, specific


def texts(explanation: Explanation, verdict: StepVerdict) -> list[str]:
    return [step.text for step in explanation.steps if step.verdict is verdict]


async def test_the_decision_is_told_step_by_step() -> None:
    bench = Bench(
        configuration(
            outbound("a", port=587),
            outbound("b"),
            outbound("off", enabled=False),
            outbound("spare", standby=True),
            specific("own", "other.test"),
            rows=[row("r.test", "round-robin", "recipient"), row("s.test", "own")],
        )
    )
    bench.fail("b", "connection refused")
    found = await explain(bench.router, "x@s.test", "y@r.test")
    assert (found.outcome, found.lane) == ("deliver", "pool")
    assert [hop.gateway_id for hop in found.hops] == ["a", "spare"]
    assert found.hops[0].tls == "STARTTLS required; certificate verified against the system's trust"
    lines = [step.text for step in found.steps]
    assert lines[0] == "The row for recipients at r.test decides: Round Robin."
    assert "Not the row for senders at s.test: the row for recipients at r.test comes before it." in lines
    assert "“a” takes the next message." in lines
    assert "“off” is disabled." in lines
    assert "“own” serves only its own domains." in lines
    resting = next(line for line in lines if line.startswith("“b”"))
    assert "rests for 30 s more after: connection refused (since 2027-01-15 08:00:00 UTC)" in resting
    assert lines[-1].startswith("Goes to a.example:587 (a), STARTTLS required")


async def test_explaining_moves_nothing_and_tells_what_the_next_message_gets() -> None:
    bench = Bench(configuration(outbound("a", limits={"messages_per_day": 2}), outbound("b", weight=2)))
    for _ in range(6):
        explained = [await explain(bench.router, "x@s.test", "y@r.test") for _ in range(3)]
        assert explained[0] == explained[1] == explained[2]
        plan = bench.plan()
        assert isinstance(plan, Candidates)
        assert [hop.key for hop in explained[0].hops] == [hop.key for hop in plan.hops]


async def test_a_standby_gateway_and_a_cap_are_given_as_reasons() -> None:
    bench = Bench(configuration(outbound("a", limits={"messages_per_day": 1}), outbound("s", standby=True)))
    bench.hops()
    found = await explain(bench.router, "x@s.test", "y@r.test")
    assert (found.outcome, found.hops) == ("wait", ())
    passed = texts(found, StepVerdict.PASSED_OVER)
    assert "“a” has taken 1 messages, its cap is 1 a day." in passed
    assert any(line.startswith("“s” is a standby gateway") for line in passed)
    assert found.wait_until is not None
    assert texts(found, StepVerdict.WAITS)[0].startswith("Waits until ")


async def test_direct_delivery_names_the_mail_hosts() -> None:
    async with DnsServer() as dns:
        dns.add("r.test", "MX", "10 one.test.", "20 two.test.")
        dns.add("one.test", "A", "192.0.2.1")
        dns.add("two.test", "A", "192.0.2.2")
        settings: dict[str, Any] = {"name_servers": [dns.address], "name_server_port": dns.port, "ipv6": False}
        bench = Bench(configuration(outbound("a"), default_route={"via": "direct"}, **settings))
        found = await explain(bench.router, "x@s.test", "y@r.test")
        assert [(hop.host, hop.address) for hop in found.hops] == [("one.test", "192.0.2.1"), ("two.test", "192.0.2.2")]
        lines = [step.text for step in found.steps]
        assert "The DNS names 2 usable mail host(s) of r.test." in lines
        assert "Mail host one.test, preference 10, 192.0.2.1." in lines
        refused = await explain(bench.router, "x@s.test", "y@gone.test")
        assert (refused.outcome, refused.reply) == ("reject", "550 5.1.2 The domain gone.test does not exist")


async def test_an_inbound_domain_goes_to_the_primary_and_the_client_matters() -> None:
    rest = forward("rest", "192.0.2.1", domain_verification="all-but-specified-domains", accept_for_anyone=True)
    bench = Bench(configuration(outbound("a"), rest))
    found = await explain(bench.router, "x@s.test", "y@r.test", client="198.51.100.1")
    assert (found.lane, found.hops[0].address) == ("inbound:rest", "192.0.2.1")
    assert "The primary's address 192.0.2.1 is tried." in texts(found, StepVerdict.CHOSEN)
    found = await explain(bench.router, "x@s.test", "y@r.test", client="192.0.2.1")
    assert found.lane == "pool"


async def test_receptions_own_answer_about_the_client_comes_first() -> None:
    bench = Bench(configuration(outbound("a")))
    step = Step("198.51.100.1 may not send to r.test", StepVerdict.REFUSED)

    async def admission(_client: str, _recipient: str) -> Admitted:
        return Admitted([step])

    found = await explain(bench.router, "", "y@r.test", "198.51.100.1", admission)
    assert found.steps[0] is step


async def test_mail_for_our_postmaster_is_explained_where_it_really_goes() -> None:
    config = configuration(outbound("a"), forward("f", "192.0.2.1", domains=["in.test"]))
    bench = Bench(config)

    async def nothing_more(_address: str, _domain: str, _gateway: object, _may_relay: bool) -> list[Step]:
        return []

    admission = partial(explain_admission, "", config, "relay.test", nothing_more)
    found = await explain(bench.router, "x@s.test", "postmaster@relay.test", "198.51.100.1", admission)
    assert found.lane == "inbound:f", "the postmaster of the first domain that mail is taken for"


async def test_an_explanation_is_plain_json_and_holds_no_secret_name() -> None:
    auth = {"enabled": True, "username": "me"}
    bench = Bench(configuration(outbound("a", auth=auth)))
    text = json.dumps((await explain(bench.router, "<>", "y@r.test")).to_dict())
    assert '"signs_in_as": "me"' in text
    assert "password" not in text


async def test_what_is_no_address_is_refused_by_field() -> None:
    bench = Bench(configuration(outbound("a")))
    with pytest.raises(InvalidInput) as caught:
        await explain(bench.router, "nobody", "y@")
    assert [issue.field for issue in caught.value.issues] == ["sender", "recipient"]


def test_a_change_is_previewed_by_the_queued_mail_that_it_moves() -> None:
    old = configuration(outbound("a"), specific("n"), rows=[row("s.test", "n")])
    new = configuration(outbound("a"), specific("n", enabled=False), rows=[row("s.test", "n"), row("t.test", "direct")])
    pairs = [("s.test", "r.test", "", 3), ("t.test", "r.test", "", 40), ("u.test", "r.test", "", 9)]
    changes = preview_change(old, new, pairs)
    assert [(c.sender_domain, c.count, c.before_lane, c.after_lane) for c in changes] == [
        ("t.test", 40, "pool", "mx:r.test"),
        ("s.test", 3, "gateway:n", "pool"),
    ]
    assert changes[0].before == "Round Robin"
    assert changes[0].after == "direct delivery to the mail hosts of r.test"
    assert preview_change(new, new, pairs) == []


def test_a_primarys_own_mail_is_previewed_by_the_way_that_it_takes() -> None:
    everything = forward("f", "192.0.2.1", "192.0.2.2", domain_verification="all-but-specified-domains", accept_for_anyone=True)
    old, new = configuration(outbound("a"), everything), configuration(everything, default_route={"via": "direct"})
    queued = [("s.test", "r.test", client, 2) for client in ("192.0.2.1", "192.0.2.2", "203.0.113.9")]
    (change,) = preview_change(old, new, queued)
    assert (change.before_lane, change.after_lane, change.count) == ("pool", "mx:r.test", 4)


@pytest.mark.parametrize(
    ("handling", "words"),
    [
        ({"action": "capture"}, "Is captured in the test inbox instead of going to a.example:25 (a): nothing is delivered."),
        ({"action": "redirect", "address": "qa@t.test"}, "and there to qa@t.test instead of to its recipient."),
        ({"action": "capture-and-deliver"}, "Goes to a.example:25 (a), STARTTLS required"),
    ],
)
async def test_what_a_gateway_does_instead_of_delivering_is_said(handling: dict[str, str], words: str) -> None:
    bench = Bench(configuration(outbound("a", handling=handling)))
    found = await explain(bench.router, "x@s.test", "y@r.test")
    assert words in found.steps[-1].text


@pytest.mark.parametrize("encryption", [e for e in Encryption if e is not Encryption.NONE])
@pytest.mark.parametrize("check", list(CertificateCheck))
async def test_the_certificate_is_said_to_be_checked_as_delivery_checks_it(
    encryption: Encryption, check: CertificateCheck
) -> None:
    certificate = Certificate(check=check, fingerprint="ab" * 32 if check is CertificateCheck.FINGERPRINT else None)
    bench = Bench(configuration(outbound("a", encryption=encryption, certificate=certificate.model_dump())))
    words = {
        CertificateCheck.SYSTEM_TRUST: "verified against the system's trust",
        CertificateCheck.FINGERPRINT: "only the certificate abab",
        CertificateCheck.NONE: "certificate not verified",
    }
    said = tls_policy(encryption, certificate)
    assert words[enforced_check(bench.hop("a"))] in said
    assert said in (await explain(bench.router, "x@s.test", "y@r.test")).summary
