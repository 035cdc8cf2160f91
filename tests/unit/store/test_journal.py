"""The journal's story of a message: what is noted, what it says about states, and what survives."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gatepost.store.errors import NewerSchema, StoreError
from gatepost.store.folder import DataFolder
from gatepost.store.journal import GAP, Journal
from gatepost.store.journal_batch import MAX_DATA, MAX_TEXT
from gatepost.store.journal_values import VERIFIED, EntryKind, JournalEntry, TrackedMessage, TrackQuery, TrackState

from .spool_support import disk_takes_nothing

NOW = 1_790_000_000.0
BOB, EVE = "bob@example.org", "eve@example.org"


def clock() -> float:
    return NOW


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


@pytest_asyncio.fixture
async def journal(folder: DataFolder) -> AsyncIterator[Journal]:
    journal = Journal.open(folder, clock)
    yield journal
    await journal.close()


async def message(journal: Journal, number: int) -> TrackedMessage:
    await journal.flush()
    found = await journal.message(number)
    assert found is not None
    return found


def states(found: TrackedMessage) -> dict[str, tuple[TrackState, str]]:
    return {recipient.address: (recipient.state, recipient.last_reply) for recipient in found.recipients}


async def test_an_accepted_message_is_tracked_with_all_that_is_known_of_it(journal: Journal) -> None:
    journal.received(7, NOW, "a@example.com", (BOB, EVE), "Hello", 1234, "192.0.2.1", "<x@example.com>", "by ESMTPS")
    found = await message(journal, 7)
    assert (found.id, found.queue_id, found.received_at) == (7, "000007", NOW)
    assert (found.sender, found.subject, found.size, found.client) == ("a@example.com", "Hello", 1234, "192.0.2.1")
    assert found.message_id_header == "<x@example.com>"
    assert states(found) == {BOB: (TrackState.WAITING, ""), EVE: (TrackState.WAITING, "")}
    assert found.state is TrackState.WAITING


async def test_how_recipients_were_verified_are_steps_though_they_came_with_the_arrival(journal: Journal) -> None:
    data = {"helo": "mail.example.com", VERIFIED: [(BOB, "address list: valid (cached)"), (EVE, "remembered as valid")]}
    journal.received(7, NOW, "", (BOB, EVE), text="by ESMTP", data=data)
    journal.add(7, NOW + 1, EntryKind.ROUTED, "", "direct")
    await journal.flush()
    story = await journal.timeline(7)
    assert [(entry.kind, entry.recipient, entry.text) for entry in story] == [
        (EntryKind.RECEIVED, "", "by ESMTP"),
        (EntryKind.VERIFIED, BOB, "address list: valid (cached)"),
        (EntryKind.VERIFIED, EVE, "remembered as valid"),
        (EntryKind.ROUTED, "", "direct"),
    ]
    assert story[0].data == {"helo": "mail.example.com"}


async def test_the_timeline_tells_every_step_in_order_with_the_dialogue(journal: Journal) -> None:
    dialogue = {"dialogue": ["C: DATA", "S: 354 go ahead"], "seconds": 0.25, "hop": None}
    journal.received(7, NOW, "", (BOB,), text="by ESMTP", data={"helo": "mail.example.com"})
    journal.add(7, NOW + 1, EntryKind.ROUTED, "", "direct")
    journal.add(7, NOW + 2, EntryKind.ATTEMPT, "", "mx.example.org", dialogue)
    await journal.flush()
    journal.note(JournalEntry(7, NOW + 3, EntryKind.DELIVERED, BOB, "250 Ok"))
    journal.add(8, NOW + 3, EntryKind.DELIVERED, BOB, "another message")
    await journal.flush()
    assert await journal.timeline(7) == [
        JournalEntry(7, NOW, EntryKind.RECEIVED, "", "by ESMTP", {"helo": "mail.example.com"}),
        JournalEntry(7, NOW + 1, EntryKind.ROUTED, "", "direct"),
        JournalEntry(7, NOW + 2, EntryKind.ATTEMPT, "", "mx.example.org", dialogue),
        JournalEntry(7, NOW + 3, EntryKind.DELIVERED, BOB, "250 Ok"),
    ]
    assert await journal.timeline(99) == []


async def test_ways_kept_with_the_arrival_are_told_after_the_checks_and_before_the_first_attempt(journal: Journal) -> None:
    routes = [["pool", BOB, "The default decides."], ["mx:b.test", EVE, "The row decides."]]
    journal.received(7, NOW, "", (BOB, EVE), text="by ESMTP", data={"helo": "h", "routes": routes})
    journal.add(7, NOW, EntryKind.SCANNED, "", "0 points")
    journal.add(7, NOW, EntryKind.DELIVERED, BOB, "250 Ok")
    await journal.flush()
    story = await journal.timeline(7)
    assert [entry.kind.value for entry in story] == ["received", "scanned", "routed", "routed", "delivered"]
    assert story[0].data == {"helo": "h"}
    assert story[2] == JournalEntry(7, NOW, EntryKind.ROUTED, BOB, "The default decides.", {"lane": "pool"})


@pytest.mark.parametrize("same_batch", [True, False], ids=["in one batch", "in batches of their own"])
@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (EntryKind.DELIVERED, TrackState.DELIVERED),
        (EntryKind.RELAYED, TrackState.DELIVERED),
        (EntryKind.DEFERRED, TrackState.DEFERRED),
        (EntryKind.BOUNCED, TrackState.BOUNCED),
        (EntryKind.EXPIRED, TrackState.BOUNCED),
        (EntryKind.DELETED, TrackState.DELETED),
        (EntryKind.HELD, TrackState.QUARANTINED),
    ],
)
async def test_an_outcome_sets_its_recipients_state_and_reply(
    journal: Journal, kind: EntryKind, state: TrackState, same_batch: bool
) -> None:
    journal.received(7, NOW, "a@example.com", (BOB, EVE))
    if not same_batch:
        await journal.flush()
    journal.add(7, NOW + 1, kind, BOB, "what was said")
    found = await message(journal, 7)
    assert states(found) == {BOB: (state, "what was said"), EVE: (TrackState.WAITING, "")}
    assert {r.address: r.changed_at for r in found.recipients} == {BOB: NOW + 1, EVE: NOW}


@pytest.mark.parametrize("kind", [EntryKind.ROUTED, EntryKind.ATTEMPT, EntryKind.DSN, EntryKind.DELAYED, EntryKind.RETRIED])
async def test_other_steps_change_no_state(journal: Journal, kind: EntryKind) -> None:
    journal.received(7, NOW, "a@example.com", (BOB,))
    journal.add(7, NOW + 1, kind, BOB, "text")
    assert states(await message(journal, 7)) == {BOB: (TrackState.WAITING, "")}


async def test_the_last_of_several_outcomes_in_one_batch_counts(journal: Journal) -> None:
    journal.received(7, NOW, "a@example.com", (BOB,))
    journal.add(7, NOW + 1, EntryKind.DEFERRED, BOB, "451 later")
    journal.add(7, NOW + 2, EntryKind.DELIVERED, BOB, "250 Ok")
    assert states(await message(journal, 7)) == {BOB: (TrackState.DELIVERED, "250 Ok")}


@pytest.mark.parametrize("same_batch", [True, False])
async def test_a_step_for_all_recipients_leaves_the_finished_ones_alone(journal: Journal, same_batch: bool) -> None:
    journal.received(7, NOW, "a@example.com", (BOB, EVE))
    journal.add(7, NOW + 1, EntryKind.DELIVERED, BOB, "250 Ok")
    if not same_batch:
        await journal.flush()
    journal.add(7, NOW + 2, EntryKind.HELD, "", "quarantine")
    assert states(await message(journal, 7)) == {
        BOB: (TrackState.DELIVERED, "250 Ok"),
        EVE: (TrackState.QUARANTINED, "quarantine"),
    }
    journal.add(7, NOW + 3, EntryKind.RELEASED, "", "by an administrator")
    journal.add(7, NOW + 4, EntryKind.DELIVERED, EVE, "250 done")
    assert states(await message(journal, 7))[EVE] == (TrackState.DELIVERED, "250 done")


@pytest.mark.parametrize("same_batch", [True, False], ids=["in one batch", "in batches of their own"])
@pytest.mark.parametrize("with_another_for_all", [True, False])
@pytest.mark.parametrize("later", [EntryKind.HELD, EntryKind.RELEASED, EntryKind.DELETED])
@pytest.mark.parametrize(
    ("through", "state"),
    [
        (EntryKind.DELIVERED, TrackState.DELIVERED),
        (EntryKind.BOUNCED, TrackState.BOUNCED),
        (EntryKind.CAPTURED, TrackState.CAPTURED),
    ],
)
async def test_what_somebody_does_with_mail_that_is_through_by_then_changes_no_state(
    journal: Journal, through: EntryKind, state: TrackState, later: EntryKind, with_another_for_all: bool, same_batch: bool
) -> None:
    journal.received(7, NOW, "a@example.com", (BOB,))
    journal.received(8, NOW, "a@example.com", (EVE,))
    journal.add(7, NOW + 1, through, BOB, "what was said")
    if not same_batch:
        await journal.flush()
    if with_another_for_all:
        journal.add(8, NOW + 2, EntryKind.HELD, "", "quarantine")
        journal.add(7, NOW + 2, later, "", "by an administrator")
    journal.add(7, NOW + 2, later, BOB, "by an administrator")
    assert states(await message(journal, 7)) == {BOB: (state, "what was said")}


@pytest.mark.parametrize("same_batch", [True, False], ids=["in one batch", "in batches of their own"])
@pytest.mark.parametrize(
    ("end", "state"),
    [
        (EntryKind.DEFERRED, (TrackState.DELETED, "by an administrator")),
        (EntryKind.DELIVERED, (TrackState.DELIVERED, "what was said")),
    ],
)
async def test_what_is_deleted_on_its_way_is_put_off_for_nobody_and_may_still_be_delivered(
    journal: Journal, end: EntryKind, state: tuple[TrackState, str], same_batch: bool
) -> None:
    journal.received(7, NOW, "a@example.com", (BOB,))
    journal.add(7, NOW + 1, EntryKind.DELETED, BOB, "by an administrator")
    if not same_batch:
        await journal.flush()
    journal.add(7, NOW + 2, end, BOB, "what was said")
    assert states(await message(journal, 7)) == {BOB: state}


async def test_what_a_crash_puts_on_its_way_again_says_so_in_place_of_an_outcome_that_the_spool_did_not_keep(
    journal: Journal,
) -> None:
    journal.received(7, NOW, "a@example.com", (BOB,))
    journal.add(7, NOW + 1, EntryKind.BOUNCED, BOB, "550 no")
    await journal.flush()
    journal.add(7, NOW + 2, EntryKind.DEFERRED, BOB, "451 later")
    assert states(await message(journal, 7)) == {BOB: (TrackState.DEFERRED, "451 later")}


async def test_an_outcome_noted_before_the_arrival_is_not_undone_by_it(journal: Journal) -> None:
    journal.add(7, NOW + 1, EntryKind.DELIVERED, BOB, "250 Ok")
    await journal.flush()
    journal.received(7, NOW, "a@example.com", (BOB,))
    assert states(await message(journal, 7)) == {BOB: (TrackState.DELIVERED, "250 Ok")}


async def test_a_late_arrival_beside_a_newer_outcome_takes_the_newer_one(journal: Journal) -> None:
    journal.add(7, NOW + 1, EntryKind.DEFERRED, BOB, "451 later")
    await journal.flush()
    journal.received(7, NOW, "a@example.com", (BOB,))
    journal.add(7, NOW + 2, EntryKind.DELIVERED, BOB, "250 Ok")
    assert states(await message(journal, 7)) == {BOB: (TrackState.DELIVERED, "250 Ok")}


async def test_a_redirected_message_is_tracked_under_both_addresses(journal: Journal) -> None:
    journal.received(7, NOW, "a@example.com", (BOB,))
    journal.add(7, NOW, EntryKind.REDIRECTED, BOB, f"to {EVE}")
    journal.add(7, NOW, EntryKind.DELIVERED, EVE, "250 Ok")
    found = states(await message(journal, 7))
    assert found == {BOB: (TrackState.DELETED, f"to {EVE}"), EVE: (TrackState.DELIVERED, "250 Ok")}


async def test_the_same_recipient_twice_is_tracked_once(journal: Journal) -> None:
    journal.received(7, NOW, "a@example.com", (BOB, BOB))
    journal.add(7, NOW, EntryKind.DELIVERED, BOB, "250 Ok")
    assert states(await message(journal, 7)) == {BOB: (TrackState.DELIVERED, "250 Ok")}


async def test_refusals_without_a_message_can_be_found(journal: Journal) -> None:
    journal.refused(NOW, "192.0.2.1", "spammer@example.net", BOB, "550 5.7.1 relaying denied")
    journal.refused(NOW + 1, "192.0.2.2", "", EVE, "550 5.1.1 no such user")
    await journal.flush()
    assert [entry.recipient for entry in await journal.refusals()] == [EVE, BOB]
    assert [entry.text for entry in await journal.refusals("192.0.2.1")] == ["550 5.7.1 relaying denied"]
    assert [entry.text for entry in await journal.refusals("SPAMMER@")] == ["550 5.7.1 relaying denied"]
    assert [entry.recipient for entry in await journal.refusals(before=NOW + 1)] == [BOB]
    assert await journal.refusals("100%") == []
    assert await journal.search(TrackQuery()) == []


async def test_odd_text_is_kept_as_well_as_it_can_be(journal: Journal) -> None:
    journal.received(7, NOW, "a@example.com", (BOB,), "lone \ud800 half", data={"helo": "\udfff"})
    journal.add(7, NOW, EntryKind.NOTE, "", "nul \0 and 😀")
    journal.add(8, NOW, EntryKind.NOTE, "", "its neighbour")
    assert (await message(journal, 7)).subject == "lone ? half"
    assert [entry.text for entry in await journal.timeline(7)] == ["", "nul \0 and 😀"]
    assert [entry.text for entry in await journal.timeline(8)] == ["its neighbour"]


async def test_endless_text_and_dialogue_are_cut(journal: Journal) -> None:
    journal.received(7, NOW, "a@example.com", (BOB,), "s" * 100_000)
    journal.add(7, NOW, EntryKind.BOUNCED, BOB, "r" * 100_000, {"dialogue": ['S: "quoted" \\ '] * 50_000})
    found = await message(journal, 7)
    assert (len(found.subject), len(found.recipients[0].last_reply)) == (MAX_TEXT, MAX_TEXT)
    story = await journal.timeline(7)
    assert story[1].data is not None
    assert len(str(story[1].data["cut"])) <= MAX_DATA


async def test_many_recipients_are_counted_and_a_hundred_shown(journal: Journal) -> None:
    journal.received(7, NOW, "a@example.com", tuple(f"r{i}@example.org" for i in range(1500)))
    found = await message(journal, 7)
    assert (len(found.recipients), found.recipient_count) == (100, 1500)


class TestReopening:
    async def test_the_story_is_there_after_a_close(self, folder: DataFolder) -> None:
        journal = Journal.open(folder, clock)
        journal.received(7, NOW, "a@example.com", (BOB,))
        journal.add(7, NOW, EntryKind.DELIVERED, BOB, "250 Ok")
        await journal.close()
        again = Journal.open(folder, clock)
        assert len(await again.timeline(7)) == 2
        await again.close()

    async def test_last_id_is_the_highest_ever_seen_even_when_it_was_pruned(self, folder: DataFolder) -> None:
        journal = Journal.open(folder, clock)
        assert journal.last_id() == 0
        journal.received(41, NOW, "a@example.com", (BOB,))
        journal.add(42, NOW, EntryKind.DELIVERED, BOB, "of a message whose arrival was not noted")
        journal.add(42, NOW, EntryKind.BOUNCED, BOB)
        await journal.close()
        again = Journal.open(folder, clock)
        assert again.last_id() == 42
        assert (await again.prune(NOW + 1000 * 86_400)).messages == 1
        await again.close()
        third = Journal.open(folder, clock)
        assert third.last_id() == 42
        await third.close()

    async def test_after_an_end_without_close_last_id_leaves_a_gap_each_time(self, folder: DataFolder) -> None:
        for crash in (1, 2, 3):
            crashed = Journal.open(folder, clock)
            if crash == 1:
                crashed.received(5, NOW, "a@example.com", (BOB,))
                await crashed.flush()
            await asyncio.get_running_loop().run_in_executor(None, crashed._writer.close)
            crashed._readers.close()
        after = Journal.open(folder, clock)
        assert after.last_id() == 5 + 3 * GAP
        await after.close()

    def test_a_killed_process_loses_no_flushed_note_and_no_id_is_used_again(self, folder: DataFolder) -> None:
        program = textwrap.dedent(
            """
            import asyncio, sys
            from gatepost.store.folder import DataFolder
            from gatepost.store.journal import Journal

            async def main():
                journal = Journal.open(DataFolder(sys.argv[1]), lambda: 0.0)
                number = 0
                while True:
                    for _ in range(200):
                        number += 1
                        journal.received(number, 1.0, "a@example.com", ("b@example.org",))
                        journal.add(number, 1.0, "delivered", "b@example.org", "250 Ok")
                    flushed = number
                    await journal.flush()
                    for _ in range(300):
                        number += 1
                        journal.received(number, 1.0, "a@example.com", ("b@example.org",))
                    print(flushed, number, flush=True)

            asyncio.run(main())
            """
        )
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(folder.path)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": "app"},
        )
        assert process.stdout is not None
        for _ in range(6):
            line = process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().splitlines()
        process.wait()
        process.stdout.close()
        complete = [row for row in (line.strip(), *rest) if len(row.split()) == 2]
        flushed, issued = (int(word) for word in complete[-1].split())

        async def look() -> None:
            journal = Journal.open(folder, clock)
            assert journal.report.set_aside is None
            found = await journal.message(flushed)
            assert found is not None
            assert found.state is TrackState.DELIVERED
            assert journal.last_id() > issued + 500
            await journal.close()

        asyncio.run(look())

    async def test_a_damaged_journal_is_set_aside_and_a_new_one_begun(self, folder: DataFolder) -> None:
        overwrite(folder.journal)
        journal = Journal.open(folder, clock)
        assert journal.report.set_aside is not None
        journal.received(7, NOW, "a@example.com", (BOB,))
        assert (await message(journal, 7)).id == 7
        await journal.close()

    async def test_a_disk_that_takes_nothing_is_an_error_in_words(self, folder: DataFolder) -> None:
        journal = Journal.open(folder, clock)
        journal.add(1, NOW, EntryKind.NOTE, "", "kept")
        await journal.flush()
        with disk_takes_nothing():
            await journal.close()
        with disk_takes_nothing(), pytest.raises(StoreError):
            Journal.open(folder, clock)
        journal = Journal.open(folder, clock)
        assert journal.last_id() == 1 + GAP, "nobody could write that it was closed"
        await journal.close()

    async def test_a_newer_journal_is_refused_in_words(self, folder: DataFolder) -> None:
        await Journal.open(folder, clock).close()
        connection = sqlite3.connect(folder.journal)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        with pytest.raises(NewerSchema, match="later version"):
            Journal.open(folder, clock)


def overwrite(path: Path) -> None:
    path.write_bytes(b"this is no database, but it is longer than its head" * 100)


class TestPruning:
    async def fill(self, journal: Journal, count: int) -> None:
        for number in range(1, count + 1):
            journal.received(number, NOW + number, "a@example.com", (BOB,))
            journal.add(number, NOW + number, EntryKind.DELIVERED, BOB, "250 Ok")
            await journal.room()
        await journal.flush()

    async def test_old_messages_go_with_everything_and_young_ones_stay(self, journal: Journal, folder: DataFolder) -> None:
        await self.fill(journal, 1700)
        journal.refused(NOW + 5, "192.0.2.1", "x@example.net", BOB, "550 old")
        journal.refused(NOW + 1650, "192.0.2.1", "x@example.net", BOB, "550 young")
        await journal.flush()
        done = await journal.prune(NOW + 1601)
        assert (done.messages, done.entries, done.done) == (1600, 1, True)
        assert [found.id for found in await journal.search(TrackQuery(limit=1000))] == list(range(1700, 1600, -1))
        assert await journal.timeline(1600) == []
        assert len(await journal.timeline(1601)) == 2
        assert [entry.text for entry in await journal.refusals()] == ["550 young"]
        connection = sqlite3.connect(folder.journal)
        left = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("message", "recipient", "entry")
        ]
        connection.close()
        assert left == [100, 100, 101]

    @pytest.mark.parametrize("kind", [EntryKind.DEFERRED, EntryKind.HELD, None])
    async def test_what_still_waits_keeps_its_story_for_a_year_and_more(self, journal: Journal, kind: EntryKind | None) -> None:
        journal.received(7, NOW, "a@example.com", (BOB,))
        if kind:
            journal.add(7, NOW, kind, BOB, "wait")
        await journal.flush()
        assert (await journal.prune(NOW + 365 * 86_400)).messages == 0
        assert (await journal.prune(NOW + 401 * 86_400)).messages == 1

    async def test_it_stops_when_its_time_is_used_up_and_goes_on_later(self, journal: Journal) -> None:
        await self.fill(journal, 1200)
        ticks = iter(range(100))
        done = await journal.prune(NOW + 5000, seconds=2, monotonic=lambda: float(next(ticks)))
        assert (done.messages, done.done) == (1000, False)
        assert (await journal.prune(NOW + 5000)).done
        assert await journal.search(TrackQuery()) == []

    async def test_notes_go_on_while_it_prunes(self, journal: Journal) -> None:
        await self.fill(journal, 3000)
        pruning = asyncio.create_task(journal.prune(NOW + 5000))
        journal.received(9000, NOW + 9000, "a@example.com", (BOB,))
        await asyncio.wait_for(journal.flush(), 5)
        await pruning
        assert [found.id for found in await journal.search(TrackQuery())] == [9000]
