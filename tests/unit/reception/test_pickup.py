"""The pickup folder: what is taken in, what is refused, and what a crash in between leads to."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gatepost.model.envelope import Envelope
from gatepost.model.reply import Reply
from gatepost.model.settings import Settings
from gatepost.relay.common.metrics import Counters
from gatepost.relay.reception import Inspected, ReceptionContext
from gatepost.relay.reception.context import Share
from gatepost.relay.reception.pickup import watch
from gatepost.relay.reception.pickup.folder import Folder
from gatepost.relay.reception.pickup.watch import PickupWatch
from gatepost.store.bodies import BodyFile

from ...support.mounts import memory_disk
from .support import MemoryJournal, MemorySpool

LETTER = b"From: ann@example.org\nTo: bob@example.com\nBcc: eve@example.com\nSubject: pick me up\n\nHello\n"
NOW = 1_800_000_000.0


class Markers:
    """The marker file of a relay, over its restarts."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}

    def load(self) -> dict[str, Any]:
        return self.data

    def save(self, data: dict[str, Any]) -> None:
        self.data = data


class Rig:
    def __init__(self, folder: Path, markers: Markers | None = None, **pickup: Any) -> None:
        self.folder = folder / "pickup"
        self.folder.mkdir(exist_ok=True, mode=0o700)
        self.rejected = self.folder / "Rejected"
        bodies = folder / "bodies"
        bodies.mkdir(exist_ok=True)
        self.spool, self.journal, self.counters = MemorySpool(bodies), MemoryJournal(), Counters(lambda: NOW)
        self.context = ReceptionContext(
            spool=self.spool, lanes=lambda envelope: (("lane", envelope.recipients),), accepted=lambda stored, content: None,
            counters=self.counters, journal=self.journal, clock=lambda: NOW,
        )  # fmt: skip
        self.known: Callable[[int], bool] = lambda _: False
        self.markers = markers or Markers()
        self.watch = PickupWatch(self.context, self.markers, self._is_known, lambda: "gw.example.org")
        self.watch._taking = {key: int(number) for key, number in self.markers.data.get("taking", {}).items()}
        self.apply(**pickup)

    def apply(self, size: int = 1_000_000, **pickup: Any) -> None:
        settings = {"enabled": True, "folder": str(self.folder), **pickup}
        self.watch.apply(Settings.model_validate({"pickup": settings, "spool": {"max_message_bytes": size}}))

    async def _is_known(self, message_id: int) -> bool:
        return self.known(message_id)

    def put(self, name: str = "one.eml", content: bytes = LETTER) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    async def look_twice(self) -> int:
        return sum([await self.watch.look() for _ in range(2)])

    def reason(self) -> str:
        [text] = self.rejected.glob("*.txt")
        return text.read_text()


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


async def test_a_file_is_taken_in_with_its_trace_and_deleted(rig: Rig) -> None:
    file = rig.put()
    assert await rig.look_twice() == 1
    [message] = rig.spool.messages
    assert message.envelope.sender == "ann@example.org"
    assert [one.address for one in message.envelope.recipients] == ["bob@example.com", "eve@example.com"]
    assert message.envelope.origin.listener == "pickup"
    assert isinstance(message.content, bytes)
    assert message.content.startswith(b"Received: by gw.example.org (Gatepost) with local id ")
    assert b"\r\nMessage-ID: <" in message.content
    assert b"\r\nDate: " in message.content
    assert b"eve@" not in message.content
    assert message.subject == "pick me up"
    assert not file.exists()
    assert rig.counters.total("accepted") == 1
    assert rig.journal.accepted == rig.spool.messages


async def test_a_file_that_is_still_being_written_waits(rig: Rig) -> None:
    file = rig.put()
    assert await rig.watch.look() == 0
    file.write_bytes(LETTER + b"more")
    assert await rig.watch.look() == 0
    assert await rig.watch.look() == 1
    assert rig.spool.messages[0].content.endswith(b"more\r\n")  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["one.tmp", ".hidden.eml", "one.eml.part", "one"])
async def test_only_eml_files_are_mail_so_that_a_program_can_write_first_and_rename_then(rig: Rig, name: str) -> None:
    file = rig.put(name)
    assert await rig.look_twice() == 0
    file.rename(rig.folder / "now.EML")
    assert await rig.look_twice() == 1


async def test_links_and_special_files_are_left_alone(rig: Rig, tmp_path: Path) -> None:
    outside = tmp_path / "outside.eml"
    outside.write_bytes(LETTER)
    (rig.folder / "link.eml").symlink_to(outside)
    os.mkfifo(rig.folder / "pipe.eml")
    (rig.folder / "folder.eml").mkdir()
    assert await rig.look_twice() == 0
    assert outside.exists()
    assert (rig.folder / "pipe.eml").exists()


async def test_a_file_that_is_swapped_for_a_link_is_not_followed(rig: Rig, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(LETTER)
    file = rig.put()
    await rig.watch.look()
    file.unlink()
    file.symlink_to(secret)
    assert await rig.look_twice() == 0
    assert rig.spool.messages == []
    assert secret.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"nonsense", "header"),
        (LETTER.replace(b"bob@example.com", b"bob@@"), "no list of mail addresses"),
        (b"Received: x\n" * 51 + LETTER, "circles"),
        (LETTER + b"x" * 200_000, "larger than"),
    ],
)
async def test_what_cannot_be_sent_is_moved_away_with_its_reason(tmp_path: Path, content: bytes, words: str) -> None:
    rig = Rig(tmp_path, size=100_000)
    file = rig.put(content=content)
    assert await rig.look_twice() == 0
    assert not file.exists()
    assert (rig.rejected / "one.eml").read_bytes() == content
    assert words in rig.reason()
    assert rig.journal.refusals[0].reason == "pickup"
    assert (rig.rejected.stat().st_mode & 0o777) == 0o700


async def test_rejected_files_of_the_same_name_do_not_overwrite_each_other(rig: Rig) -> None:
    for _ in range(2):
        rig.put(content=b"nonsense")
        await rig.look_twice()
    assert sorted(path.name for path in rig.rejected.iterdir()) == ["one-1.eml", "one-1.txt", "one.eml", "one.txt"]


@pytest.mark.parametrize("shared", [False, True])
async def test_a_folder_that_everybody_may_write_to_is_used_only_when_that_was_confirmed(tmp_path: Path, shared: bool) -> None:
    rig = Rig(tmp_path, allow_shared=shared)
    rig.folder.chmod(0o777)
    rig.put()
    assert await rig.look_twice() == int(shared)
    assert [one.kind for one in rig.watch.problems()] == ([] if shared else ["pickup"])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only on Linux")
def test_a_folder_that_the_services_unit_lets_nobody_write_to_is_told_as_that() -> None:
    """As ProtectSystem=strict makes it: its owner may write there, and cannot."""
    with memory_disk("ro,mode=700") as folder:
        assert "ReadWritePaths=" in Folder(str(folder), "", allow_shared=False).trouble()


async def test_a_missing_folder_is_a_problem_until_it_is_there(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.folder.rmdir()
    await rig.watch.look()
    assert rig.watch.problems()
    rig.folder.mkdir()
    await rig.watch.look()
    assert not rig.watch.problems()


async def test_a_link_in_the_folder_for_what_cannot_be_sent_is_not_written_through(rig: Rig, tmp_path: Path) -> None:
    victim = tmp_path / "spool.sqlite"
    victim.write_bytes(b"precious")
    rig.rejected.mkdir()
    (rig.rejected / "one.txt").symlink_to(victim)
    (rig.rejected / "one-1.eml").symlink_to(victim)
    rig.put(content=b"nonsense")
    await rig.look_twice()
    assert victim.read_bytes() == b"precious"
    assert (rig.rejected / "one-2.eml").read_bytes() == b"nonsense"
    assert ((rig.rejected / "one-2.txt").stat().st_mode & 0o777) == 0o600, "it quotes addresses"


async def test_a_file_that_is_written_over_while_it_is_taken_in_is_another_message(rig: Rig) -> None:
    file = rig.put()

    async def inspect(envelope: Envelope, content: Any, may_relay: bool) -> Inspected:
        if not rig.spool.messages:
            rig.put(content=LETTER.replace(b"Hello", b"World"))
        return Inspected(shares=(Share(envelope, content),))

    rig.context.inspect = inspect
    assert await rig.look_twice() == 1
    assert file.exists()
    assert await rig.look_twice() == 1
    assert [b"World" in message.content for message in rig.spool.messages] == [False, True]  # type: ignore[operator]
    assert not file.exists()


async def test_a_template_in_the_place_of_one_that_was_sent_is_sent_too(rig: Rig) -> None:
    rig.known = lambda _: True
    file = rig.put()
    modified, again = file.stat().st_mtime_ns, rig.folder / "again.tmp"
    again.hardlink_to(file)  # the system gives the same inode to a new file, sooner or later
    assert await rig.look_twice() == 1
    again.write_bytes(LETTER.replace(b"Hello", b"World"))
    os.utime(again, ns=(modified, modified))
    again.rename(file)
    assert await rig.look_twice() == 1
    assert len(rig.spool.messages) == 2


async def test_stopping_waits_for_the_file_that_is_being_taken_in_and_takes_no_other(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go_on = asyncio.Event(), asyncio.Event()

    async def inspect(envelope: Envelope, content: Any, may_relay: bool) -> Inspected:
        begun.set()
        await may_go_on.wait()
        return Inspected(shares=(Share(envelope, content),))

    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.01)
    rig.context.inspect = inspect
    rig.put("a.eml")
    rig.put("b.eml")
    await rig.watch.start()
    await begun.wait()
    stopping = asyncio.ensure_future(rig.watch.stop())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not stopping.done(), "or the next start finds it again"
    may_go_on.set()
    await stopping
    assert len(rig.spool.messages) == 1
    assert len(list(rig.folder.glob("*.eml"))) == 1


async def test_changes_of_other_settings_do_not_make_a_file_settle_sooner(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, look = 0, rig.watch.look

    async def counted() -> int:
        nonlocal looks
        looks += 1
        return await look()

    monkeypatch.setattr(watch, "LOOK_SECONDS", 3600.0)
    monkeypatch.setattr(rig.watch, "look", counted)
    await rig.watch.start()
    for size in range(1_000_001, 1_000_020):
        rig.apply(size=size)
        await asyncio.sleep(0.001)
    assert looks == 1
    await rig.watch.stop()


async def test_without_room_the_file_stays(rig: Rig) -> None:
    file = rig.put()
    rig.spool.has_space = False
    await rig.watch.look()
    with pytest.raises(OSError, match="room"):
        await rig.watch.look()
    assert file.exists()
    rig.spool.has_space = True
    assert await rig.watch.look() == 1


async def test_a_failed_commit_leaves_the_file_and_it_is_sent_later(rig: Rig) -> None:
    file = rig.put()
    rig.spool.failure = RuntimeError("the disk is gone")
    await rig.watch.look()
    with pytest.raises(RuntimeError):
        await rig.watch.look()
    assert file.exists()
    rig.spool.failure = None
    assert await rig.watch.look() == 1


@pytest.mark.parametrize(("committed", "copies"), [(True, 0), (False, 1)])
async def test_after_a_crash_between_commit_and_deletion_it_is_not_sent_twice_nor_lost(
    tmp_path: Path, committed: bool, copies: int
) -> None:
    first = Rig(tmp_path)
    file = first.put()
    await first.watch.look()
    first.spool.failure = RuntimeError("killed")
    with pytest.raises(RuntimeError):
        await first.watch.look()
    assert file.exists()
    [marked] = first.markers.data["taking"].values()
    again = Rig(tmp_path, first.markers)
    again.known = lambda number: committed and number == marked
    assert await again.look_twice() == copies
    assert not file.exists()
    assert len(again.spool.messages) == copies


async def test_a_large_message_goes_to_a_file_of_its_own(tmp_path: Path) -> None:
    rig = Rig(tmp_path, size=5_000_000)
    rig.put(content=LETTER + b"line of text\n" * 100_000)
    assert await rig.look_twice() == 1
    [message] = rig.spool.messages
    assert isinstance(message.content, BodyFile)
    assert message.content.size > 1_200_000
    assert message.subject == "pick me up"


@pytest.mark.parametrize(("code", "stays"), [(550, False), (451, True)])
async def test_inspection_refuses_for_good_or_for_now(rig: Rig, code: int, stays: bool) -> None:
    async def inspect(envelope: Envelope, content: object, may_relay: bool) -> Inspected:
        assert may_relay, "as a trusted program's mail"
        return Inspected(refusal=Reply(code, "5.7.1" if code == 550 else "4.7.1", "a virus was found"))

    rig.context.inspect = inspect
    file = rig.put()
    await rig.watch.look()
    if stays:
        with pytest.raises(OSError, match="virus"):
            await rig.watch.look()
    else:
        await rig.watch.look()
        assert "a virus was found" in rig.reason()
    assert file.exists() is stays
    assert rig.spool.messages == []
