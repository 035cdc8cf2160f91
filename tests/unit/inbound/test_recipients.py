"""What RCPT is answered, and by whom it is decided, without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from gatepost.model.configuration import Configuration
from gatepost.model.gateway import BackupMxGateway, DomainForwardGateway, DomainVerification, InboundGateway
from gatepost.model.reply import Reply
from gatepost.model.smartermail import SmarterMailCard
from gatepost.relay.common.tasks import Tasks
from gatepost.relay.inbound.domains import ROUTED_SECONDS, FrontedDomains
from gatepost.relay.inbound.recipients import RecipientRules, Rules
from gatepost.relay.reception.context import ACCEPTED, RecipientQuestion, RecipientVerdict
from gatepost.relay.routing.mx import MxAnswer, MxHost, MxHosts, NoMail, Unsure
from gatepost.relay.verdict_store import KeptVerdicts
from gatepost.relay.verification import verdict as verdicts
from gatepost.relay.verification.cache import VerdictCache
from gatepost.relay.verification.harvest import REFUSE_AFTER, SLOW_AFTER, SLOW_SECONDS
from gatepost.relay.verification.verdict import RecipientState
from gatepost.relay.verification.verifier import Source, Verifier
from gatepost.store.folder import DataFolder
from gatepost.store.verdicts import Verdicts

STRANGER = "203.0.113.9"


class Time:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Resolver:
    """MX answers by domain; ``known`` are those that need no asking."""

    def __init__(self) -> None:
        self.answers: dict[str, MxAnswer] = {}
        self.known: set[str] = set()
        self.asked: list[str] = []

    def peek(self, domain: str) -> MxAnswer | None:
        return self.answers[domain] if domain in self.known else None

    async def hosts(self, domain: str) -> MxAnswer:
        self.asked.append(domain)
        self.known.add(domain)
        return self.answers[domain]

    def leads_to(self, domain: str, *addresses: str) -> None:
        host = MxHost(f"mx.{domain}", 10, addresses)
        self.answers[domain] = MxHosts(domain, (host,), published=(host,))


class Servers:
    def __init__(self) -> None:
        self.domains = {"web.example"}
        self.is_up = True
        self.asked = 0

    async def find_domain(self, gateway_id: str, domain: str) -> verdicts.RecipientVerdict:
        self.asked += 1
        if not self.is_up:
            return verdicts.RecipientVerdict(RecipientState.UNKNOWN, "SmarterMail", "connection refused")
        state = RecipientState.VALID if domain in self.domains else RecipientState.INVALID
        return verdicts.RecipientVerdict(state, "SmarterMail")

    def has_domain(self, gateway_id: str, domain: str) -> bool:
        return False


class Watch:
    """``is_down`` None: nobody has heard of the primary lately; ``answer`` is what asking it brings."""

    def __init__(self) -> None:
        self.down: bool | None = None
        self.answer = False

    def is_down_now(self, gateway_id: str) -> bool | None:
        return self.down

    async def is_down(self, gateway_id: str, seconds: float) -> bool:
        return self.answer


class Front:
    """The rules for some gateways, with everything around them in the test's hand."""

    def __init__(self, cache: VerdictCache, time: Time, tasks: Tasks) -> None:
        self.time = time
        self.resolver, self.servers, self.watch = Resolver(), Servers(), Watch()
        self.slept: list[float] = []
        self.cache = cache
        self.tasks = tasks
        self.domains = FrontedDomains(lambda: self.resolver, cache, self.servers, time)  # type: ignore[arg-type, return-value]

        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        self.rules = RecipientRules(self.domains, self.watch, time, sleep=sleep)  # type: ignore[arg-type]

    def stand(self, *gateways: InboundGateway, source: Source | None = None) -> None:
        sources = [source] if source is not None else []
        self.rules.rules = {
            gateway.id: Rules.of(gateway, Verifier(gateway, sources, self.cache, self.tasks)) for gateway in gateways
        }
        self.domains.apply(Configuration(gateways=gateways))

    async def ask(self, address: str, gateway: InboundGateway | None = None, **fields: Any) -> RecipientVerdict | None:
        domain = address.rpartition("@")[2]
        values = {"client": STRANGER, "may_relay": False, **fields}
        answer = self.rules(RecipientQuestion(address, domain, gateway, "s@sender.example", **values))
        return await answer if asyncio.iscoroutine(answer) else answer  # type: ignore[return-value]


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    time, tasks = Time(), Tasks("test")
    kept = Verdicts.open(DataFolder(tmp_path / "data"), time)
    yield Front(VerdictCache(KeptVerdicts(kept), time), time, tasks)
    await tasks.close()
    await kept.close()


def forward(**fields: Any) -> DomainForwardGateway:
    return DomainForwardGateway.model_validate(
        {"id": "gw-df", "addresses": ["192.0.2.1"], "domains": ["example.com"], **fields}
    )


def backup(**fields: Any) -> BackupMxGateway:
    return BackupMxGateway.model_validate({"id": "gw-mx", "addresses": ["192.0.2.1-9"], **fields})


def web_service(*, url: str = "https://mail.example.com", **fields: Any) -> DomainForwardGateway:
    card = SmarterMailCard(enabled=True, url=url, username="admin")
    return forward(id="gw-web", domains=[], domain_verification=DomainVerification.WEB_SERVICE, smartermail=card, **fields)


def code(verdict: RecipientVerdict | None) -> int:
    assert verdict is not None
    return verdict.refusal.code if verdict.refusal is not None else 250


async def nobody_exists(_address: str) -> verdicts.RecipientVerdict:
    return verdicts.RecipientVerdict(RecipientState.INVALID, "test")


async def test_a_listed_domain_without_verification_is_answered_at_once(front: Front) -> None:
    gateway = forward()
    front.stand(gateway)
    question = RecipientQuestion("a@example.com", "example.com", gateway, "", STRANGER, False)
    assert front.rules(question) is ACCEPTED


async def test_without_gateways_that_look_up_an_unlisted_domain_is_nobodys(front: Front) -> None:
    front.stand(forward())
    assert await front.ask("a@elsewhere.example") is None


async def test_a_backup_mx_takes_the_domains_whose_mail_hosts_are_in_its_ranges(front: Front) -> None:
    front.stand(backup())
    front.resolver.leads_to("ours.example", "198.51.100.1", "192.0.2.9")
    front.resolver.leads_to("theirs.example", "192.0.2.10")
    assert code(await front.ask("a@ours.example")) == 250
    assert front.domains.fronted_by("ours.example") == "gw-mx"
    refused = await front.ask("a@theirs.example")
    assert refused is not None
    assert str(refused.refusal).startswith("550 5.7.1 Relaying denied: the mail hosts of theirs.example (mx.theirs.example)")
    assert front.domains.fronted_by("theirs.example") is None
    await front.ask("a@ours.example")
    assert front.resolver.asked == ["ours.example", "theirs.example"], "what is remembered is not asked again"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (NoMail(Reply(550, "5.1.2", "The domain d.example does not exist")), "550 5.7.1 Relaying denied: The domain d.example"),
        (Unsure(Reply(451, "4.4.3", "The name servers gave no answer about d.example: SERVFAIL")), "451 4.4.3 The name"),
        (
            NoMail(Reply(554, "5.4.6", "loops back"), (MxHost("mx.d.example", 1, ("127.0.0.1",)),)),
            "550 5.7.1 Relaying denied: the mail hosts of d.example (mx.d.example) are not behind this server, and one of them "
            "is a loopback address",
        ),
    ],
    ids=["nothing", "no answer", "loopback"],
)
async def test_mail_hosts_that_are_nobodys_are_refused_with_the_reason(front: Front, answer: MxAnswer, expected: str) -> None:
    front.stand(backup())
    front.resolver.answers["d.example"] = answer
    verdict = await front.ask("a@d.example")
    assert verdict is not None
    assert str(verdict.refusal).startswith(expected)


@pytest.mark.parametrize("kind", [MxHosts, NoMail])
async def test_mail_hosts_of_which_one_could_not_be_looked_up_put_the_sender_off(front: Front, kind: type) -> None:
    """The one may be our primary's: a name server's trouble is no reason to bounce."""
    front.stand(backup())
    others = (MxHost("other.d.example", 20, ("198.51.100.1",)),)
    untold = "the name servers answered SERVFAIL for mx.d.example (A)"
    answer = (
        MxHosts("d.example", others, published=others, untold=untold)
        if kind is MxHosts
        else NoMail(Reply(554, "5.4.6", "loops back"), others, untold)
    )
    front.resolver.answers["d.example"] = answer
    verdict = await front.ask("a@d.example")
    assert verdict is not None
    assert str(verdict.refusal).startswith("451 4.4.3")
    ours = (*others, MxHost("mx2.d.example", 30, ("192.0.2.2",)))
    front.resolver.answers["d.example"] = MxHosts("d.example", others, published=ours, untold=untold)
    assert code(await front.ask("a@d.example")) == 250, "found all the same"


async def test_an_accepted_domain_keeps_its_way_for_hours_and_loses_it_when_it_moves(front: Front) -> None:
    front.stand(backup())
    front.resolver.leads_to("ours.example", "192.0.2.1")
    await front.ask("a@ours.example")
    front.time.now += ROUTED_SECONDS - 1
    assert front.domains.fronted_by("ours.example") == "gw-mx"
    front.time.now += 2
    assert front.domains.fronted_by("ours.example") is None
    await front.ask("a@ours.example")
    front.resolver.leads_to("ours.example", "198.51.100.1")
    assert code(await front.ask("a@ours.example")) == 550
    assert front.domains.fronted_by("ours.example") is None


async def test_a_message_under_way_keeps_its_gateway_when_the_dns_fails_meanwhile(front: Front) -> None:
    front.stand(backup())
    front.resolver.leads_to("ours.example", "192.0.2.1")
    await front.ask("a@ours.example")
    front.resolver.answers["ours.example"] = Unsure(Reply(451, "4.4.3", "no answer"))
    assert code(await front.ask("b@ours.example")) == 451
    assert front.domains.fronted_by("ours.example") == "gw-mx"


async def test_a_web_services_domains_are_taken_remembered_and_put_off_when_never_seen(front: Front) -> None:
    front.stand(web_service())
    assert code(await front.ask("a@web.example")) == 250
    assert code(await front.ask("a@other.example")) == 550
    asked = front.servers.asked
    assert code(await front.ask("b@web.example")) == 250
    assert front.servers.asked == asked
    front.servers.is_up = False
    front.time.now += 601
    assert code(await front.ask("a@web.example")) == 250
    assert code(await front.ask("a@never.example")) == 451


async def test_domains_are_asked_for_anew_when_the_card_leads_to_another_server(front: Front) -> None:
    """A typing mistake in the URL, mended: the other server's words are no reason to refuse anybody."""
    front.stand(web_service())
    front.servers.domains = {"theirs.example"}
    assert code(await front.ask("a@web.example")) == 550
    assert code(await front.ask("a@theirs.example")) == 250
    front.time.now += 1
    front.servers.domains = {"web.example"}
    front.stand(web_service(description="only its name was changed"))
    assert code(await front.ask("a@web.example")) == 550
    front.time.now += 1
    front.stand(web_service(url="https://right.example.com"))
    assert code(await front.ask("a@web.example")) == 250
    assert code(await front.ask("a@theirs.example")) == 550
    assert front.domains.fronted_by("theirs.example") is None


async def test_a_disabled_gateway_that_looks_up_puts_its_domains_off(front: Front) -> None:
    front.stand(backup(enabled=False))
    front.resolver.leads_to("ours.example", "192.0.2.1")
    assert code(await front.ask("a@ours.example")) == 450
    assert front.domains.fronted_by("ours.example") is None


async def test_of_two_gateways_that_find_a_domain_the_enabled_one_has_it(front: Front) -> None:
    front.stand(backup(id="gw-old", enabled=False), backup())
    front.resolver.leads_to("ours.example", "192.0.2.1")
    assert code(await front.ask("a@ours.example")) == 250
    assert front.domains.fronted_by("ours.example") == "gw-mx"


async def test_a_gateway_that_was_removed_within_a_transaction_puts_its_domain_off(front: Front) -> None:
    front.stand()
    assert code(await front.ask("a@example.com", forward())) == 450


async def test_what_is_found_by_look_up_comes_before_all_but(front: Front) -> None:
    everything = forward(
        id="gw-all", domain_verification=DomainVerification.ALL_BUT_SPECIFIED, domains=[], accept_for_anyone=True
    )
    front.stand(everything, backup())
    front.resolver.leads_to("ours.example", "192.0.2.1")
    front.resolver.leads_to("theirs.example", "198.51.100.1")
    assert code(await front.ask("a@ours.example", everything)) == 250
    assert front.domains.fronted_by("ours.example") == "gw-mx"
    assert code(await front.ask("a@theirs.example", everything)) == 250
    assert front.domains.fronted_by("theirs.example") is None


@pytest.mark.parametrize(
    ("down", "answer", "expected"),
    [(True, True, 250), (False, False, 451), (None, True, 250), (None, False, 451)],
    ids=["known to be down", "known to be up", "asked and down", "asked and up"],
)
async def test_only_while_the_primary_is_down(front: Front, down: bool | None, answer: bool, expected: int) -> None:
    gateway = backup(domains=["example.com"], holding={"accept": "primary-down"})
    front.stand(gateway)
    front.watch.down, front.watch.answer = down, answer
    assert code(await front.ask("a@example.com", gateway)) == expected
    assert code(await front.ask("a@example.com", gateway, may_relay=True)) == 250


async def test_who_asks_for_too_many_unknown_recipients_is_slowed_then_turned_away(front: Front) -> None:
    gateway = forward(verification={"use_list": True, "addresses": ["ann@example.com"]})
    front.stand(gateway, source=nobody_exists)
    codes = [code(await front.ask(f"user{number}@example.com", gateway)) for number in range(REFUSE_AFTER + 1)]
    assert codes == [550] * REFUSE_AFTER + [421]
    assert front.slept == [SLOW_SECONDS] * (REFUSE_AFTER - SLOW_AFTER)
    assert code(await front.ask("user0@example.com", gateway)) == 421
    assert code(await front.ask("user0@example.com", gateway, client="203.0.113.10")) == 550
    assert code(await front.ask("user0@example.com", gateway, may_relay=True)) == 550, "our own are told, not punished"
    front.time.now += 3600
    assert code(await front.ask("user0@example.com", gateway)) == 550, "it is forgiven in time"


async def test_addresses_of_one_ipv6_network_are_counted_together(front: Front) -> None:
    gateway = forward(verification={"use_list": True, "addresses": ["ann@example.com"]})
    front.stand(gateway, source=nobody_exists)
    for number in range(REFUSE_AFTER + 1):
        await front.ask("x@example.com", gateway, client=f"2001:db8:1:1::{number:x}")
    assert code(await front.ask("x@example.com", gateway, client="2001:db8:1:1:ffff::1")) == 421
    assert code(await front.ask("x@example.com", gateway, client="2001:db8:1:2::1")) == 550


async def test_nobody_waits_longer_than_the_limit_and_a_late_answer_is_kept(front: Front) -> None:
    gateway = forward(verification={"call_forward": True})
    answers = asyncio.Event()

    async def late(_address: str) -> verdicts.RecipientVerdict:
        await answers.wait()
        return verdicts.RecipientVerdict(RecipientState.VALID, "test")

    verifier = Verifier(gateway, [late], front.cache, front.tasks, answer_seconds=0.02)
    decision = await verifier.decide("ann@example.com")
    assert decision.reply is not None
    assert decision.reply.code == 451
    assert "no answer within 0.02 s" in decision.words
    answers.set()
    await until(lambda: verifier.decide_now("ann@example.com") is not None)


async def test_a_source_that_fails_in_an_unforeseen_way_is_no_refusal(front: Front) -> None:
    async def broken(_address: str) -> verdicts.RecipientVerdict:
        raise RuntimeError("unforeseen")

    gateway = forward(verification={"call_forward": True})
    front.stand(gateway, source=broken)
    assert code(await front.ask("ann@example.com", gateway)) == 451


async def test_verdicts_of_other_sources_are_asked_for_anew(front: Front) -> None:
    gateway = forward(verification={"call_forward": True})
    front.stand(gateway, source=nobody_exists)
    assert code(await front.ask("ann@example.com", gateway)) == 550

    async def everybody_exists(_address: str) -> verdicts.RecipientVerdict:
        return verdicts.RecipientVerdict(RecipientState.VALID, "other")

    front.time.now += 1
    verifier = Verifier(gateway, [everybody_exists], front.cache, front.tasks, fresh_since=front.time.now)
    assert verifier.decide_now("ann@example.com") is None
    assert (await verifier.decide("ann@example.com")).reply is None


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)
