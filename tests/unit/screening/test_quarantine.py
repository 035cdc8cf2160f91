"""Mail in quarantine ends by itself, and what people decide is done to all of it, told, and noted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gatepost.model.configuration import Configuration
from gatepost.model.errors import InvalidInput
from gatepost.model.report import QuarantineOperation
from gatepost.model.spam import SpamPolicy
from gatepost.relay import quarantine
from gatepost.relay.common.events import Event, EventBus
from gatepost.relay.quarantine import QuarantineDesk, expire
from gatepost.store.folder import DataFolder
from gatepost.store.quarantine_values import Quarantined, QuarantineFilter, QuarantineKind
from gatepost.store.spool import Spool
from tests.unit.store.spool_support import DAY, NOW, Clock, message


@dataclass
class Notes:
    """A journal in memory."""

    entries: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, message_id: int, at: float, kind: str, recipient: str = "", text: str = "", data: Any = None) -> None:
        self.entries.append((message_id, kind, text))


class Service:
    """What the quarantine needs of the relay."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.spool = self.queue = Spool.open(DataFolder(folder), clock=self.clock)
        self.journal = Notes()
        self.events = EventBus(self.clock)
        self.told: list[Event] = []
        self.events.subscribe(self.told.append)
        self.configuration = Configuration()

    async def change(self, change: Any, *, author: str, note: str) -> None:
        self.configuration = change(self.configuration)

    async def put_in(self, count: int, days: float = 30, **fields: Any) -> list[int]:
        why = Quarantined(QuarantineKind.SPAM, "spam", "gw-in", "high", 35.0)
        until = self.clock.now + days * DAY
        stored = [
            await self.spool.submit(message(quarantine=why, hold="quarantine: spam", hold_until=until, **fields))
            for _ in range(count)
        ]
        return [one.id for one in stored]


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    made = Service(tmp_path)
    yield made
    await made.spool.aclose()


def desk(service: Service) -> QuarantineDesk:
    return QuarantineDesk(service, service)  # type: ignore[arg-type]


async def test_mail_is_deleted_when_its_days_are_over_and_not_before(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "CHUNK", 3)
    first = await service.put_in(7, days=1)
    await service.put_in(2, days=2)
    assert await expire(service) == 0  # type: ignore[arg-type]
    service.clock.now = NOW + DAY
    assert await expire(service) == 7  # type: ignore[arg-type]
    assert service.spool.counts().quarantined == 2
    assert [entry[0] for entry in service.journal.entries] == first
    assert {entry[1:] for entry in service.journal.entries} == {("deleted", "deleted: its time in quarantine is over")}
    assert {event.kind for event in service.told} == {"quarantine.changed"}


async def test_release_delivers_all_that_match_and_notes_who_did_it(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "CHUNK", 2)
    ids = await service.put_in(5, sender="a@example.com")
    kept = await service.put_in(1, sender="b@example.com")
    done = await desk(service).operate(QuarantineOperation.RELEASE, QuarantineFilter(sender="a@"), author="ada")
    assert done == 5
    assert service.journal.entries == [(number, "released", "released from quarantine by ada") for number in ids]
    due = await service.spool.fetch_due("pool", service.clock.now, 100)
    assert sorted(delivery.message_id for delivery in due) == ids
    assert await service.spool.quarantine_after(QuarantineFilter(), -1, 10) == kept


async def test_allowing_a_sender_writes_it_into_the_policy_once(service: Service) -> None:
    service.configuration = Configuration(spam=SpamPolicy(allowed_senders=("known@example.com",)))
    for sender in ("a@example.com", "a@example.com", "known@example.com", ""):
        await service.put_in(1, sender=sender)
    await desk(service).operate(QuarantineOperation.RELEASE_AND_ALLOW, QuarantineFilter(), author="ada")
    assert service.configuration.spam.allowed_senders == ("known@example.com", "a@example.com")
    assert service.spool.counts().quarantined == 0


async def test_the_null_sender_and_a_crowd_of_senders_are_not_allowed(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "MAX_ALLOWED_AT_ONCE", 2)
    await service.put_in(1, sender="")
    with pytest.raises(InvalidInput):
        await desk(service).operate(QuarantineOperation.RELEASE_AND_ALLOW, QuarantineFilter(), author="ada")
    for number in range(3):
        await service.put_in(1, sender=f"s{number}@example.com")
    with pytest.raises(InvalidInput):
        await desk(service).operate(QuarantineOperation.RELEASE_AND_ALLOW, QuarantineFilter(), author="ada")
    assert service.spool.counts().quarantined == 4, "nothing was released"
