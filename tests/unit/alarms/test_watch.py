"""Whom a notice reaches, also when the spool cannot take it at first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from email import message_from_bytes
from pathlib import Path
from typing import Any

from gatepost.model.alarms import AlarmSettings
from gatepost.model.configuration import Configuration
from gatepost.model.report import Problem, VaultReport
from gatepost.model.settings import Settings
from gatepost.relay.alarms.watch import AlarmWatch
from gatepost.relay.common.events import EventBus
from gatepost.store.errors import SpoolFull
from gatepost.store.folder import DataFolder
from gatepost.store.small_file import SmallFile

WHOM = ("day@example.org", "night@example.org", "boss@example.org")


class Relay:
    """In trouble; its spool takes ``room`` recipients' mail and then no more."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.told: list[str] = []
        self.contents: list[bytes] = []
        alarms = AlarmSettings(mail=True, recipients=WHOM)
        self._configuration = Configuration(settings=Settings(alarms=alarms))

    def configuration(self) -> Configuration:
        return self._configuration

    def host_name(self) -> str:
        return "relay.example.org"

    def reported(self) -> Sequence[Problem]:
        return [Problem("listener", "The listener has a problem.", "Its address is taken.")]

    def waiting(self) -> int:
        return 0

    async def oldest(self) -> float | None:
        return None

    async def refused(self) -> int:
        return 0

    async def certificates(self) -> Sequence[Any]:
        return ()

    async def vault(self) -> VaultReport:
        return VaultReport("sealed", "a vault", True, "", "", False)

    def pinned(self) -> dict[str, bytes]:
        return {}

    async def submit(self, sender: str, recipients: Sequence[str], content: bytes) -> str:
        named = [recipients] if isinstance(recipients, str) else list(recipients)
        if len(named) > self.room:
            raise SpoolFull("The disk is full.")
        self.room -= len(named)
        self.told += named
        self.contents.append(content)
        return f"Q{len(self.contents)}"


class Clock:
    now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


def watching(relay: Relay, tmp_path: Path, clock: Clock, events: EventBus | None = None) -> AlarmWatch:
    file = SmallFile(DataFolder(tmp_path / "data"), "alarms.json", "What was told of trouble")
    return AlarmWatch(relay, file, events or EventBus(clock), clock)


async def test_nobody_is_told_twice_when_the_spool_fills_up_in_between(tmp_path: Path) -> None:
    relay, clock = Relay(room=1), Clock()
    watch = watching(relay, tmp_path, clock)
    for _ in range(3):
        await watch.look()
        clock.now += 600
    assert relay.told == [], "not some of them"
    relay.room = 100
    for _ in range(3):
        await watch.look()
        clock.now += 600
    assert sorted(relay.told) == sorted(WHOM)
    (content,) = relay.contents
    assert message_from_bytes(content)["To"].replace("\n", "") == ", ".join(WHOM)
    await watch.close()


async def test_a_test_notice_is_one_message_for_all(tmp_path: Path) -> None:
    relay = Relay(room=100)
    watch = watching(relay, tmp_path, Clock())
    assert await watch.send_test() == ["Q1"]
    assert relay.told == list(WHOM)
    await watch.close()


async def test_it_ends_although_the_configuration_changes_at_that_very_moment(tmp_path: Path) -> None:
    clock = Clock()
    events = EventBus(clock)
    watch = watching(Relay(room=100), tmp_path, clock, events)
    await watch.start()
    while not watch._changed._waiters:  # type: ignore[attr-defined]
        await asyncio.sleep(0)
    events.publish("configuration.changed")
    async with asyncio.timeout(10):
        await watch.close()
