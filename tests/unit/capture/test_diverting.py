"""Mail for gateways that do not simply deliver: never sent when it was to be kept, and kept once however often it is tried."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gatepost.model.capture import Capture, CaptureAndDeliver, Handling, RedirectAll
from gatepost.model.configuration import Configuration, parse_configuration
from gatepost.model.envelope import Envelope, Notify, Origin, Recipient
from gatepost.model.gateway import Certificate, Encryption, Limits
from gatepost.model.reply import Reply
from gatepost.relay.capture.keeping import Keeping
from gatepost.relay.common.events import EventBus
from gatepost.relay.common.hop import HopKind, NextHop
from gatepost.relay.common.metrics import Counters
from gatepost.relay.delivery.attempt import Attempt
from gatepost.relay.delivery.classify import Fate, HopVerdict, judge
from gatepost.relay.delivery.values import Job, Outcome, OutcomeState
from gatepost.relay.diverting import AT_ONCE, Diverting
from gatepost.store.captured_values import CapturedFilter
from gatepost.store.errors import SpoolFull
from gatepost.store.folder import DataFolder
from gatepost.store.spool import Spool
from gatepost.store.values import Delivery, RecipientRow

NOW = 1_790_000_000.0
OK = Reply(250, "2.0.0", "Ok")


class MemoryPool:
    """Takes every message at once."""

    def __init__(self) -> None:
        self.sent: list[tuple[list[str], bytes]] = []
        self.recipients: list[tuple[Any, ...]] = []

    def submit(self, hop: NextHop, job: Job, done: Any) -> None:
        content = job.content if isinstance(job.content, bytes) else job.content.path.read_bytes() if job.content else b""
        self.recipients.append(tuple(job.recipients))
        self.sent.append(([one.address for one in job.recipients], content))
        replies = tuple(OK for _ in job.recipients)
        done(job, Outcome(OutcomeState.COMPLETED, job, mail=OK, recipients=replies, data=OK, final=OK))

    def has_capacity(self, hop: NextHop) -> bool:
        return True

    async def drain(self, seconds: float) -> None: ...


class Rig:
    def __init__(self, spool: Spool) -> None:
        self.notes: list[str] = []
        self.outcomes: list[Outcome] = []
        self.pool = MemoryPool()
        self.counters = Counters(lambda: NOW)
        keeping = Keeping(spool.captured, Configuration, EventBus(lambda: NOW), self.counters, lambda: NOW)
        self.service: Any = SimpleNamespace(
            spool=spool,
            capturing=SimpleNamespace(keeping=keeping, tray_name=lambda tray: tray),
            counters=self.counters,
            journal=SimpleNamespace(add=lambda message_id, at, kind, recipient, words: self.notes.append(words)),
            clock=lambda: NOW,
            configuration=Configuration(),
        )
        self.diverting = Diverting(self.service, self.pool)  # type: ignore[arg-type]

    def configure(self, action: str) -> None:
        gateway = {"mode": "round-robin", "id": "gw-1", "description": "gw-1", "host": "smtp.example.com"}
        self.service.configuration = parse_configuration({"gateways": [{**gateway, "handling": {"action": action}}]})

    async def attempt(
        self,
        handling: Handling | None,
        *addresses: str,
        content: Any = b"Subject: Hi\r\n\r\nHello\r\n",
        ids: tuple[int, ...] = tuple(range(10)),
        attempts: int = 0,
        notify: Notify = Notify.UNSPECIFIED,
    ) -> Outcome:
        rows = tuple(RecipientRow(*one, notify) for one in zip(ids, addresses or ("bob@example.org",), strict=False))
        envelope = Envelope("a@example.com", tuple(Recipient(row.address) for row in rows), origin=Origin("ls-1"))
        delivery = Delivery(7 << 16, 7, "gateway:gw-1", NOW, 0, attempts, NOW, None, NOW, 10, "Hi", envelope, rows)
        hop = NextHop(
            "gateway:gw-1", HopKind.GATEWAY, "smtp.example.com:25", "smtp.example.com", 25, Encryption.NONE, Certificate(),
            Limits(), "gw-1", handling=handling,
        )  # fmt: skip
        job = Attempt(delivery, (hop,), content).next_job()
        assert job is not None
        self.diverting.submit(hop, job, lambda _, outcome: self.outcomes.append(outcome))
        await self.diverting.drain(0)
        await asyncio.sleep(0)
        return self.outcomes[-1]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    spool = Spool.open(DataFolder(tmp_path / "data"))
    yield Rig(spool)
    await spool.aclose()


async def kept(rig: Rig) -> list[str]:
    rows = await rig.service.spool.captured.list(CapturedFilter(), descending=False)
    return [",".join(row.recipients) for row in rows]


async def test_a_gateway_that_delivers_is_none_of_its_business(rig: Rig) -> None:
    await rig.attempt(None)
    assert (len(rig.pool.sent), await kept(rig)) == (1, [])


async def test_what_is_captured_succeeds_without_being_sent_or_reported_on(rig: Rig) -> None:
    outcome = await rig.attempt(Capture(), "bob@example.org", "eve@example.org")
    assert (rig.pool.sent, await kept(rig)) == ([], ["bob@example.org,eve@example.org"])
    judgement = judge(outcome, lambda reply: False)
    assert [verdict.fate for verdict in judgement.verdicts] == [Fate.DELIVERED, Fate.DELIVERED]
    assert outcome.session is not None
    assert outcome.session.features.dsn, "so that no notice of success is owed"


@pytest.mark.parametrize("handling", [Capture(), CaptureAndDeliver()])
async def test_the_same_attempt_after_a_crash_keeps_no_second_one(rig: Rig, handling: Handling) -> None:
    for _ in range(2):
        assert (await rig.attempt(handling)).is_delivered
    assert await kept(rig) == ["bob@example.org"]
    assert rig.counters.totals["captured", "gw-1"] == 1


async def test_a_recipient_who_was_put_off_is_no_reason_for_a_second_copy(rig: Rig) -> None:
    await rig.attempt(CaptureAndDeliver(), "ann@example.org", "eve@example.org")
    await rig.attempt(CaptureAndDeliver(), "eve@example.org", ids=(1,), attempts=1)
    assert await kept(rig) == ["ann@example.org,eve@example.org"]
    await rig.attempt(CaptureAndDeliver(), "bob@example.org", ids=(2,), attempts=1)
    assert await kept(rig) == ["ann@example.org,eve@example.org", "bob@example.org"], "nobody saw the mail for him"
    assert [recipients for recipients, _ in rig.pool.sent][1:] == [["eve@example.org"], ["bob@example.org"]]


async def test_recipients_who_come_later_are_no_second_attempt_for_those_around_them(rig: Rig) -> None:
    await rig.attempt(Capture(), "ann@example.org", "eve@example.org", ids=(1, 3))
    await rig.attempt(Capture(), "ann@example.org", "bob@example.org", "eve@example.org", ids=(1, 2, 3))
    assert await kept(rig) == ["ann@example.org,eve@example.org", "ann@example.org,bob@example.org,eve@example.org"]


async def test_the_next_hop_of_redirected_mail_is_asked_not_to_report_what_nobody_wants_to_hear(rig: Rig) -> None:
    await rig.attempt(RedirectAll(address="qa@example.org"), "ann@example.org", "eve@example.org", notify=Notify.NEVER)
    assert rig.pool.recipients == [(Recipient("qa@example.org", Notify.NEVER),)]


@pytest.mark.parametrize("planned", [None, RedirectAll(address="qa@example.org"), CaptureAndDeliver()])
async def test_what_was_planned_before_its_gateway_began_to_capture_is_not_sent(rig: Rig, planned: Handling | None) -> None:
    rig.configure("capture")
    outcome = await rig.attempt(planned)
    assert rig.pool.sent == []
    assert outcome.state is OutcomeState.NOT_STARTED, "so that it is planned anew"


async def test_a_gateway_that_begins_to_capture_while_a_copy_is_being_kept_sends_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.configure("capture-and-deliver")
    keep = rig.service.capturing.keeping.store.keep

    async def kept_meanwhile(new: Any) -> Any:
        rig.configure("capture")
        return await keep(new)

    monkeypatch.setattr(rig.service.capturing.keeping.store, "keep", kept_meanwhile)
    assert (await rig.attempt(CaptureAndDeliver())).state is OutcomeState.NOT_STARTED
    assert rig.pool.sent == []


@pytest.mark.parametrize("handling", [Capture(), CaptureAndDeliver()])
@pytest.mark.parametrize("failure", [SpoolFull("The disk is full."), RuntimeError("a mistake of ours")])
async def test_what_cannot_be_kept_waits_and_goes_nowhere(
    rig: Rig, handling: Handling, failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any) -> None:
        raise failure

    monkeypatch.setattr(rig.service.capturing.keeping.store, "keep", fail)
    judgement = judge(await rig.attempt(handling), lambda reply: False)
    assert rig.pool.sent == []
    assert [verdict.fate for verdict in judgement.verdicts] == [Fate.DEFERRED], "no other gateway is tried"
    assert judgement.hop is HopVerdict.WORKS


async def test_redirected_mail_answers_for_all_its_recipients(rig: Rig, tmp_path: Path) -> None:
    handling = RedirectAll(address="qa@example.org")
    outcome = await rig.attempt(handling, "bob@example.org", "eve@example.org")
    assert [(recipients, content.partition(b"\r\nSubject")[0]) for recipients, content in rig.pool.sent] == [
        (["qa@example.org"], b"X-Gatepost-Original-Recipients: bob@example.org,\r\n\teve@example.org")
    ]
    assert len(judge(outcome, lambda reply: False).verdicts) == 2
    await rig.attempt(handling, "qa@example.org")
    assert rig.pool.sent[-1][1].startswith(b"Subject"), "what is for that address anyway goes as it is"
    assert rig.counters.totals["redirected", "gw-1"] == 1
    writer = rig.service.spool.bodies.open_body()
    await writer.write(b"Subject: Large\r\n\r\n" + b"x" * 300_000)
    body = await writer.finish()
    await rig.attempt(handling, "bob@example.org", content=body)
    assert rig.pool.sent[-1][1].endswith(b"Subject: Large\r\n\r\n" + b"x" * 300_000)
    assert rig.service.spool.bodies.names() == [body.name], "what was written for it is gone"


async def test_only_so_many_are_kept_at_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = asyncio.Event()

    async def slow(*_: Any, **__: Any) -> None:
        await gate.wait()
        raise SpoolFull("enough")

    monkeypatch.setattr(rig.service.capturing.keeping, "prepare", slow)
    attempts = [asyncio.ensure_future(rig.attempt(Capture())) for _ in range(AT_ONCE)]
    await asyncio.sleep(0)
    hop = NextHop(
        "gateway:gw-1", HopKind.GATEWAY, "", "smtp.example.com", 25, Encryption.NONE, Certificate(), Limits(), "gw-1",
        handling=Capture(),
    )  # fmt: skip
    assert not rig.diverting.has_capacity(hop)
    gate.set()
    await asyncio.gather(*attempts)
    assert rig.diverting.has_capacity(hop)
