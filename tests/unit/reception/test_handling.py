"""Listeners whose mail is captured, copied or redirected: who may send there, and that nothing leaves by it to anybody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest

from gatepost.model.envelope import Envelope, Notify
from gatepost.model.reply import Reply
from gatepost.relay.reception import Inspected
from gatepost.store.bodies import BodyFile
from gatepost.store.captured_values import Content
from gatepost.store.errors import StoreError
from gatepost.store.values import NewMessage, StoredMessage

from .support import LOOPBACK, configuration, site

CAPTURE = {"mode": "mx", "handling": {"action": "capture"}}
COPY = {"mode": "mx", "handling": {"action": "capture-and-deliver"}}
REDIRECT = {"mode": "mx", "handling": {"action": "redirect", "address": "qa@test.example"}}
HELLO = b"Subject: Hi\r\n\r\nHello\r\n.\r\n"


@dataclass
class MemoryInbox:
    """Keeps what it is given; ``failure`` is raised instead."""

    kept: list[tuple[int, Envelope, Content]] = field(default_factory=list)
    copied: list[NewMessage] = field(default_factory=list)
    failure: Exception | None = None
    spool: Any = None

    async def keep(self, message_id: int, envelope: Envelope, content: Content) -> str:
        if self.failure is not None:
            raise self.failure
        self.kept.append((message_id, envelope, content))
        return "kept in a test"

    async def submit_with_copies(self, messages: Sequence[NewMessage]) -> list[StoredMessage]:
        if self.failure is not None:
            raise self.failure
        self.copied += messages
        found: list[StoredMessage] = await self.spool.submit_all(messages)
        return found


async def test_a_stranger_may_send_to_anybody_where_all_is_captured_and_nothing_is_delivered() -> None:
    inbox, stories = MemoryInbox(), list[Any]()
    async with site(configuration(CAPTURE), capture=inbox, not_kept=lambda *told: stories.append(told)) as here:
        peer = await here.session()
        await peer.begin("b@elsewhere.example", "c@[192.0.2.1]", "d%x@example.org", "postmaster@mx.gatepost.example")
        assert (await peer.data(HELLO)).startswith("250 2.0.0 Ok: queued as ")
        await peer.begin("b@elsewhere.example")
        assert (await peer.data(HELLO)).startswith("250 ")
        assert (here.messages, here.taken) == ([], [])
        assert here.counters.totals["accepted", ""] == 2
    (_, envelope, content), _ = inbox.kept
    assert [one.address for one in envelope.recipients][:2] == ["b@elsewhere.example", "c@[192.0.2.1]"]
    assert isinstance(content, bytes)
    assert content.startswith(b"Received: from ")
    (message, notes), _ = stories
    assert (message.envelope, [(note.kind, note.text) for note in notes]) == (envelope, [("captured", "kept in a test")])


async def test_where_copies_are_kept_strangers_still_reach_only_our_domains() -> None:
    inbox = MemoryInbox()
    async with site(configuration(COPY), capture=inbox) as here:
        inbox.spool = here.spool
        peer = await here.session()
        assert (await peer.say("MAIL FROM:<a@example.com>")).startswith("250 ")
        assert (await peer.say("RCPT TO:<b@elsewhere.example>")).startswith("550 5.7.1")
        assert (await peer.say("RCPT TO:<b@example.org>")).startswith("250 ")
        assert (await peer.data(HELLO)).startswith("250 ")
        assert inbox.copied == here.messages
        assert len(here.messages) == 1


async def test_no_copy_is_kept_of_what_inspection_refuses_and_captured_mail_is_not_inspected() -> None:
    async def refuse(*_: Any) -> Inspected:
        return Inspected(refusal=Reply(550, "5.7.1", "Spam"), reason="spam")

    inbox = MemoryInbox()
    async with site(configuration(COPY), capture=inbox, inspect=refuse) as here:
        peer = await here.session()
        await peer.begin()
        assert (await peer.data(HELLO)).startswith("550 5.7.1 Spam")
        await here.reception.apply(configuration(CAPTURE))
        await peer.begin("b@elsewhere.example")
        assert (await peer.data(HELLO)).startswith("250 ")
        assert (inbox.copied, len(inbox.kept), here.messages) == ([], 1, [])


async def test_a_redirecting_listener_has_one_recipient_and_names_the_others() -> None:
    notes: list[Any] = []
    async with site(configuration(REDIRECT), noted=lambda stored, told: notes.extend(told)) as here:
        peer = await here.session()
        await peer.begin("b@elsewhere.example", "c@example.org")
        assert (await peer.data(HELLO)).startswith("250 ")
        (message,) = here.messages
        assert here.counters.totals["redirected", here.endpoint.id] == 1
    assert [one.address for one in message.envelope.recipients] == ["qa@test.example"]
    assert [one.address for _, part in message.parts for one in part] == ["qa@test.example"]
    assert b"X-Gatepost-Original-Recipients: b@elsewhere.example,\r\n\tc@example.org\r\n" in message.content
    assert "it was for b@elsewhere.example, c@example.org" in notes[0].text


@pytest.mark.parametrize(
    ("asked", "notify", "orcpt"),
    [
        (["NOTIFY=NEVER"], Notify.NEVER, ""),
        (["NOTIFY=NEVER", "NOTIFY=NEVER"], Notify.NEVER, ""),
        (["NOTIFY=NEVER", ""], Notify.UNSPECIFIED, ""),
        (["NOTIFY=NEVER", "NOTIFY=FAILURE"], Notify.FAILURE, ""),
        (["NOTIFY=SUCCESS,DELAY ORCPT=rfc822;z@example.org"], Notify.SUCCESS | Notify.DELAY, "rfc822;z@example.org"),
        (["NOTIFY=SUCCESS", ""], Notify.SUCCESS | Notify.FAILURE | Notify.DELAY, ""),
        (["", ""], Notify.UNSPECIFIED, ""),
    ],
)
async def test_a_redirected_message_is_reported_on_as_its_sender_asked(asked: list[str], notify: Notify, orcpt: str) -> None:
    async with site(configuration(REDIRECT)) as here:
        peer = await here.session()
        assert (await peer.say("MAIL FROM:<a@example.com>")).startswith("250 ")
        for number, parameters in enumerate(asked):
            assert (await peer.say(f"RCPT TO:<{number}@example.org> {parameters}".strip())).startswith("250 ")
        assert (await peer.data(HELLO)).startswith("250 ")
        (message,) = here.messages
    (to,) = message.envelope.recipients
    assert (to.address, to.notify, to.orcpt) == ("qa@test.example", notify, orcpt)


async def test_who_it_was_for_is_said_in_ascii() -> None:
    async with site(configuration(REDIRECT)) as here:
        peer = await here.session()
        assert (await peer.say("MAIL FROM:<a@example.com> SMTPUTF8")).startswith("250 ")
        assert (await peer.say("RCPT TO:<zoë@elsewhere.example>")).startswith("250 ")
        assert (await peer.data(HELLO)).startswith("250 ")
        (message,) = here.messages
    field = message.content.partition(b"X-Gatepost-Original-Recipients: ")[2].partition(b"\r\n")[0].decode("ascii")
    assert str(make_header(decode_header(field))) == "zoë@elsewhere.example"


@pytest.mark.parametrize("listener", [CAPTURE | {"mode": "submission"}, REDIRECT | {"mode": "submission"}])
async def test_submission_still_asks_who_it_is(listener: dict[str, Any]) -> None:
    async with site(configuration(listener), capture=MemoryInbox()) as here:
        peer = await here.session()
        assert (await peer.say("MAIL FROM:<a@example.com>")).startswith("530 ")


async def test_a_large_message_that_cannot_be_kept_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    inbox = MemoryInbox(failure=StoreError("The disk is gone."))
    async with site(configuration(COPY | {"mode": "mx"}, trusted_networks=LOOPBACK), tmp_path, capture=inbox) as here:
        peer = await here.session()
        await peer.begin()
        assert (await peer.data(b"a: b\r\n\r\n" + b"x" * 900 + b"\r\n.\r\n")).startswith("451 4.3.0")
    async with site(configuration(CAPTURE), tmp_path, capture=inbox) as here:
        peer = await here.session()
        await peer.begin()
        assert (await peer.data(HELLO)).startswith("451 4.3.0")
        assert here.counters.totals["accepted", ""] == 0
    inbox.failure = None
    async with site(configuration(CAPTURE), tmp_path, capture=inbox) as here:
        peer = await here.session()
        await peer.begin()
        line = b"y" * 98 + b"\r\n"
        assert (await peer.data(b"a: b\r\n\r\n" + line * 4000 + b".\r\n")).startswith("250 ")
    ((_, _, content),) = inbox.kept
    assert isinstance(content, BodyFile)
    assert content.read().endswith(line)


async def test_a_change_of_handling_holds_from_the_next_message_on() -> None:
    inbox = MemoryInbox()
    async with site(configuration({"mode": "mx"}), capture=inbox) as here:
        peer = await here.session()
        await peer.begin()
        await peer.data(HELLO)
        await here.reception.apply(configuration(CAPTURE))
        await peer.begin("b@elsewhere.example")
        await peer.data(HELLO)
        assert (len(here.messages), len(inbox.kept)) == (1, 1)
