"""One message, one score, and what each recipient's gateway makes of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from gatepost.model.gateway import BackupMxGateway
from gatepost.model.spam import (
    AddHeader,
    Bounce,
    Delete,
    ForwardCopy,
    NoAction,
    PrefixSubject,
    Quarantine,
    Redirect,
    RspamdSource,
    ScannerDown,
    SpamCard,
    SpamdSource,
    SpamPolicy,
    VirusAction,
    VirusPolicy,
)
from gatepost.relay import inspecting
from gatepost.relay.inspection import rest
from gatepost.relay.inspection.inspector import Findings, Inspector
from gatepost.relay.reception.context import Inspected, Share
from gatepost.store.bodies import BodyFile

from .support import CLEAN, MESSAGE, Rig, clamd, configuration, die, envelope, gateway, hang, server


def by_recipient(found: Inspected) -> dict[tuple[str, ...], Share]:
    return {tuple(r.address for r in share.envelope.recipients): share for share in found.shares}


def content(share: Share) -> bytes:
    return share.content if isinstance(share.content, bytes) else share.content.read()


def texts(notes: Any) -> str:
    return " | ".join(f"{note.kind} {note.recipient}: {note.text}" for note in notes)


async def test_off_means_that_reception_asks_nobody(tmp_path: Path) -> None:
    rig = Rig(configuration(gateway("a.example", None)), tmp_path / "bodies")
    assert rig.inspecting.inspect is None
    assert rig.inspecting.refused_as is None


async def test_every_gateway_has_its_own_way_with_the_same_message(tmp_path: Path) -> None:
    rig = Rig(
        configuration(
            gateway("plain.example", NoAction()),
            gateway("also.example", NoAction()),
            gateway("off.example", None),
            gateway("tag.example", PrefixSubject(text="SPAM:")),
            gateway("head.example", AddHeader(header="X-Junk: yes")),
            gateway("drop.example", Delete()),
            gateway("junk.example", Redirect(address="junk@plain.example")),
            gateway("copy.example", ForwardCopy(address="copy@plain.example")),
            gateway("held.example", Quarantine(days=9)),
        ),
        tmp_path / "bodies",
    )
    domains = ("plain", "off", "tag", "head", "drop", "junk", "copy", "held", "also")
    found = await rig.inspect(envelope(*(f"bob@{domain}.example" for domain in domains)))
    assert found.refusal is None
    shares = by_recipient(found)
    assert set(shares) == {
        ("bob@plain.example", "bob@also.example"),
        ("bob@off.example",),
        ("bob@tag.example",),
        ("bob@head.example",),
        ("junk@plain.example",),
        ("bob@copy.example", "copy@plain.example"),
        ("bob@held.example",),
    }
    verdict = b"X-Gatepost-Spam: high; score=35.0;\r\n\tnull sender +35.0\r\n"
    assert content(shares["bob@plain.example", "bob@also.example"]) == verdict + CLEAN
    assert content(shares["bob@off.example",]) == MESSAGE
    assert content(shares["bob@tag.example",]) == verdict + CLEAN.replace(b"Subject: ", b"Subject: SPAM: ")
    assert shares["bob@tag.example",].subject_prefix == "SPAM:"
    assert content(shares["bob@head.example",]) == verdict + b"X-Junk: yes\r\n" + CLEAN
    held = shares["bob@held.example",]
    assert (held.hold, held.hold_seconds) == (
        "quarantine: spam level high, score 35.0: null sender +35.0", 9 * 86_400.0
    )  # fmt: skip
    assert held.quarantine is not None
    assert (held.quarantine.gateway, held.quarantine.level, held.quarantine.score) == ("gw-held", "high", 35.0)
    assert [part.source for part in held.quarantine.parts] == ["null sender"]
    # Nobody is told when what the sender did not send there cannot be delivered.
    copied = shares["bob@copy.example", "copy@plain.example"].envelope.recipients
    assert [recipient.notify.name for recipient in copied] == ["UNSPECIFIED", "NEVER"]
    assert shares["junk@plain.example",].envelope.recipients[0].notify.name == "NEVER"
    assert "redirected bob@junk.example: redirected to junk@plain.example" in texts(shares["junk@plain.example",].notes)
    assert "deleted bob@drop.example: spam level high" in texts(found.shares[0].notes)
    assert rig.counters.totals["scored", "high"] == 1


async def test_backup_mx_has_the_same_rules(tmp_path: Path) -> None:
    backup = BackupMxGateway(
        id="gw-mx", addresses=("198.51.100.7",), domains=("mx.example",), spam=SpamCard(enabled=True, high=Quarantine(days=3))
    )
    rig = Rig(configuration(gateway("a.example", None)).model_copy(update={"gateways": (backup,)}), tmp_path / "bodies")
    (share,) = (await rig.inspect(envelope("x@mx.example"))).shares
    assert share.quarantine is not None
    assert (share.quarantine.gateway, share.hold_seconds) == ("gw-mx", 3 * 86_400.0)


async def test_a_message_that_everybody_drops_is_accepted_and_forgotten_with_its_story(tmp_path: Path) -> None:
    rig = Rig(configuration(gateway("a.example", Delete())), tmp_path / "bodies")
    found = await rig.inspect(envelope("bob@a.example"))
    assert found.shares == ()
    assert found.refusal is None
    assert "scanned : spam level high, score 35.0: null sender +35.0 → delete" in texts(found.notes)


async def test_who_bounces_at_other_levels_is_kept_apart_and_who_never_bounces_is_not(tmp_path: Path) -> None:
    config = configuration(
        gateway("a.example", NoAction()), gateway("b.example", None), gateway("c.example", Bounce(text="No"))
    )
    rig = Rig(config, tmp_path / "bodies")
    refused_as = rig.inspecting.refused_as
    assert refused_as is not None
    assert refused_as("", "a.example", "") == refused_as("", "b.example", "") == refused_as("", "else.example", "") == ""
    assert refused_as("", "c.example", "") == "none,low,medium,high"
    found = await rig.inspect(envelope("bob@c.example"))
    assert str(found.refusal) == "550 5.7.1 No"
    assert "bounced : refused: 550 5.7.1 No; spam level high, score 35.0" in texts(found.notes)
    # Should the rules change between RCPT and the message, it is asked for again rather than refused for all.
    mixed = await rig.inspect(envelope("bob@a.example", "bob@c.example"))
    assert str(mixed.refusal).startswith("451 4.5.3 ")
    rig.apply(configuration(gateway("c.example", Bounce(text="No"))))
    assert rig.inspecting.refused_as is None, "with one rule for all there is nothing to keep apart"


@pytest.mark.parametrize("written", ["friend@example.com", "Friend@Example.COM"])
async def test_own_and_allowed_senders_are_not_scored(tmp_path: Path, written: str) -> None:
    spam = SpamPolicy(allowed_senders=(written,))
    rig = Rig(configuration(gateway("a.example", Delete()), spam=spam), tmp_path / "bodies")
    (share,) = (await rig.inspect(envelope("bob@a.example"), is_local=True)).shares
    assert content(share) == MESSAGE
    (share,) = (await rig.inspect(envelope("bob@a.example", sender="FRIEND@example.com"))).shares
    assert content(share) == CLEAN, "what he could have forged is taken away"
    assert texts(share.notes) == "scanned : not scored: the sender is allowed"
    assert (await rig.inspect(envelope("bob@a.example", sender="foe@example.com"))).shares == ()


async def test_a_large_message_is_rewritten_from_file_to_file_and_each_share_has_its_own(tmp_path: Path) -> None:
    rig = Rig(
        configuration(
            gateway("a.example", NoAction()), gateway("b.example", PrefixSubject(text="S:")), gateway("c.example", None)
        ),
        tmp_path / "bodies",
    )
    large = MESSAGE + b"line\r\n" * 100_000
    body = await _body(rig, large)
    found = by_recipient(await rig.inspect(envelope("x@a.example", "x@b.example", "x@c.example"), body))
    assert len({share.content.name for share in found.values() if isinstance(share.content, BodyFile)}) == 3
    verdict = b"X-Gatepost-Spam: high; score=35.0;\r\n\tnull sender +35.0\r\n"
    expected = CLEAN + b"line\r\n" * 100_000
    assert content(found["x@a.example",]) == verdict + expected
    assert content(found["x@b.example",]) == verdict + expected.replace(b"Subject: ", b"Subject: S: ")
    assert content(found["x@c.example",]) == large
    body = await _body(rig, large)
    await rig.inspect(envelope("x@a.example"), body)
    assert not body.path.exists(), "the file that was replaced is gone"


async def test_a_hang_up_while_a_large_message_is_rewritten_leaves_its_file_to_reception(tmp_path: Path) -> None:
    rig = Rig(configuration(gateway("a.example", NoAction())), tmp_path / "bodies")
    body = await _body(rig, MESSAGE + b"line\r\n" * 500_000)
    task = asyncio.ensure_future(rig.inspect(envelope("x@a.example"), body))
    while len(rig.bodies.names()) < 2:
        assert not task.done()
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10):
        while rig.bodies.names() != [body.name]:
            await asyncio.sleep(0.01)


async def _body(rig: Rig, octets: bytes) -> BodyFile:
    writer = rig.bodies.open_body()
    await writer.write(octets)
    return await writer.finish(line_ends_checked=True)


# --- viruses ---


@pytest.mark.parametrize("action", list(VirusAction))
async def test_a_virus_concerns_all_recipients_whatever_their_cards_say(tmp_path: Path, action: VirusAction) -> None:
    async with server(clamd(b"stream: Eicar FOUND\0")) as port:
        config = configuration(
            gateway("a.example", Bounce(text="No")), gateway("b.example", None),
            virus=VirusPolicy(enabled=True, port=port, infected=action),
        )  # fmt: skip
        rig = Rig(config, tmp_path / "bodies")
        found = await rig.inspect(envelope("x@a.example", "x@b.example", "x@elsewhere.example"))
    if action is VirusAction.BOUNCE:
        assert str(found.refusal) == "550 5.7.1 Message refused: virus found: Eicar"
    elif action is VirusAction.DELETE:
        assert (found.shares, found.refusal) == ((), None)
        assert "deleted x@elsewhere.example: virus found: Eicar → delete" in texts(found.notes)
    else:
        assert all(share.hold == "quarantine: virus found: Eicar" for share in found.shares)
        held = [share.quarantine for share in found.shares]
        assert {(why.kind.value, why.gateway) for why in held if why} == {("virus", "gw-a"), ("virus", "gw-b"), ("virus", "")}
    assert rig.counters.totals["virus_scans", "infected"] == 1


async def test_own_mail_is_scanned_for_viruses_and_nothing_else_of_it_changes(tmp_path: Path) -> None:
    async with server(clamd(b"stream: OK\0")) as port:
        rig = Rig(configuration(virus=VirusPolicy(enabled=True, port=port)), tmp_path / "bodies")
        (share,) = (await rig.inspect(envelope("x@elsewhere.example"), is_local=True)).shares
    assert content(share) == MESSAGE
    assert texts(share.notes) == "scanned : no virus found"


@pytest.mark.parametrize(("conversation", "reason"), [(hang, "no answer from clamd within 1 second"), (die, "clamd")])
async def test_a_virus_scanner_that_hangs_or_dies_in_mid_scan_defers_with_a_plain_reason(
    tmp_path: Path, conversation: Any, reason: str
) -> None:
    async with server(conversation) as port:
        policy = VirusPolicy(enabled=True, port=port, timeout_seconds=1)
        rig = Rig(configuration(virus=policy), tmp_path / "bodies")
        found = await rig.inspect(envelope("x@elsewhere.example"), MESSAGE + b"x" * 3_000_000)
        assert str(found.refusal) == "451 4.7.1 The virus scanner is not available now, please try again later"
        rig.apply(configuration(virus=policy.model_copy(update={"scanner_down": ScannerDown.ACCEPT_WITH_HEADER})))
        (share,) = (await rig.inspect(envelope("x@elsewhere.example"))).shares
        assert content(share).startswith(b"X-Gatepost-Virus: not scanned\r\nReceived:")
        assert f"virus scanner failed: {reason}" in str(share.notes)


async def test_a_message_that_the_virus_scanner_never_takes_is_refused_for_good(tmp_path: Path) -> None:
    async with server(clamd(b"INSTREAM size limit exceeded. ERROR\0")) as port:
        rig = Rig(configuration(virus=VirusPolicy(enabled=True, port=port)), tmp_path / "bodies")
        found = await rig.inspect(envelope("x@elsewhere.example"))
    assert str(found.refusal).startswith("552 5.3.4 The message is larger than the virus scanner here takes")
    assert rig.inspecting.troubles() == []


# --- scanners that fail ---


async def test_a_scanner_that_hangs_rests_after_some_messages_and_is_named_as_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "SECONDS", 3600.0)
    async with server(hang) as port:
        spam = SpamPolicy(rspamd=RspamdSource(enabled=True, port=port), total_timeout_seconds=1)
        rig = Rig(configuration(gateway("a.example", NoAction()), spam=spam), tmp_path / "bodies")
        await asyncio.gather(*(rig.inspect(envelope("x@a.example")) for _ in range(rest.FAILURES)))
        began = asyncio.get_running_loop().time()
        (share,) = (await rig.inspect(envelope("x@a.example"))).shares
        assert asyncio.get_running_loop().time() - began < 0.9
    assert content(share).startswith(b"X-Gatepost-Spam: none; score=0.0;\r\n\trspamd failed (rests: no answer within 1 s)\r\n")
    (trouble,) = rig.inspecting.troubles()
    assert (trouble.source, trouble.reason) == ("rspamd", "no answer within 1 s")


@pytest.mark.parametrize("answer", [b"[" * 100_000, b'{"score": NaN}', b'{"score": 1e999}', b'{"score": []}', b"", b"\xff"])
async def test_a_scanner_that_answers_nonsense_has_failed_and_the_mail_goes_on(
    answer: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(answer) + answer)
        await writer.drain()

    async with server(converse) as port:
        spam = SpamPolicy(rspamd=RspamdSource(enabled=True, port=port))
        rig = Rig(configuration(gateway("a.example", NoAction()), spam=spam), tmp_path / "bodies")
        (share,) = (await rig.inspect(envelope("x@a.example"))).shares
    assert content(share).startswith(b"X-Gatepost-Spam: none; score=0.0;\r\n\trspamd failed (")
    assert not [record for record in caplog.records if record.exc_info]


async def test_what_a_scanner_says_cannot_put_fields_into_a_message(tmp_path: Path) -> None:
    """The names of its rules stand in a header of ours; a scanner may be someone else's, or be talked into them."""
    symbols = {"A\r\nBcc: eve@example.net\r\n\r\nBody": {"score": 9}, "\0\u202e": {"score": 3}}
    evil = json.dumps({"score": 12, "symbols": symbols}).encode()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(evil) + evil)
        await writer.drain()

    async def spamd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        text = b"GTUBE,X\r\nBcc: eve@example.net\r\n\r\n"
        head = b"SPAMD/1.1 0 EX_OK\r\nContent-length: %d\r\nSpam: True ; 6.0 / 5.0\r\n\r\n" % len(text)
        writer.write(head + text)
        await writer.drain()

    async with server(converse) as rspamd_port, server(spamd) as spamd_port:
        spam = SpamPolicy(rspamd=RspamdSource(enabled=True, port=rspamd_port), spamd=SpamdSource(enabled=True, port=spamd_port))
        rig = Rig(configuration(gateway("a.example", NoAction()), spam=spam), tmp_path / "bodies")
        (share,) = (await rig.inspect(envelope("x@a.example"))).shares
    made = content(share)
    assert made.endswith(CLEAN)
    top = made.removesuffix(CLEAN).split(b"\r\n")
    assert top[0].startswith(b"X-Gatepost-Spam: high; score=36.0")
    assert all(line.startswith(b"\t") for line in top[1:-1]), top
    assert b"\nBcc" not in made
    assert all(note.text.isprintable() for note in share.notes)


async def test_a_source_that_answers_nonsense_adds_nothing_and_is_shown_as_failed(tmp_path: Path) -> None:
    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<html></x")
        await writer.drain()

    async with server(nonsense) as first, server(nonsense) as second, server(die) as third:
        for spam in (
            SpamPolicy(rspamd=RspamdSource(enabled=True, port=first)),
            SpamPolicy(spamd=SpamdSource(enabled=True, port=second)),
            SpamPolicy(spamd=SpamdSource(enabled=True, port=third)),
        ):
            rig = Rig(configuration(gateway("a.example", Delete()), spam=spam), tmp_path / "bodies")
            rig.apply(configuration(gateway("a.example", NoAction()), spam=spam))
            (share,) = (await rig.inspect(envelope("x@a.example"))).shares
            assert b" failed (" in content(share).split(b"Received:")[0]
            assert b"score=0.0" in content(share)


async def test_more_mail_than_is_inspected_at_once_waits_its_turn_or_is_asked_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspecting, "WAIT_SECONDS", 0.2)
    async with server(hang) as port:
        spam = SpamPolicy(rspamd=RspamdSource(enabled=True, port=port), total_timeout_seconds=1)
        rig = Rig(configuration(gateway("a.example", NoAction()), spam=spam), tmp_path / "bodies")
        many = inspecting.AT_ONCE + 3
        found = await asyncio.gather(*(rig.inspect(envelope("x@a.example")) for _ in range(many)))
    deferred = [one for one in found if one.refusal is not None]
    assert len(deferred) == 3
    assert {str(one.refusal) for one in deferred} == {"451 4.3.2 Too much mail is being inspected now, please try again later"}


class CountingSpamd:
    """Answers when ``release`` says so, and knows how many were asked at a time."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.asked = asyncio.Semaphore(0)
        self.may_answer = asyncio.Semaphore(0)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.now += 1
        self.most = max(self.most, self.now)
        self.asked.release()
        await self.may_answer.acquire()
        self.now -= 1
        writer.write(b"SPAMD/1.1 0 EX_OK\r\nContent-length: 3\r\nSpam: False ; 1.0 / 5.0\r\n\r\nA\r\n")
        await writer.drain()


async def test_spamd_is_asked_about_so_many_messages_at_a_time_and_waiting_for_it_costs_no_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = 0
    examine = Inspector.examine

    async def counted(self: Inspector, *arguments: Any, **options: Any) -> Findings:
        nonlocal begun
        begun += 1
        return await examine(self, *arguments, **options)

    monkeypatch.setattr(Inspector, "examine", counted)
    scanner = CountingSpamd()
    async with server(scanner.converse) as port, asyncio.timeout(60):
        spam = SpamPolicy(
            spamd=SpamdSource(enabled=True, port=port, at_once=2),
            allowed_senders=("ann@example.com",),
            total_timeout_seconds=60,
        )
        config = configuration(gateway("a.example", NoAction()), gateway("off.example", None), spam=spam)
        rig = Rig(config, tmp_path / "bodies")
        scored = [asyncio.ensure_future(rig.inspect(envelope("x@a.example"))) for _ in range(5)]
        await scanner.asked.acquire()
        await scanner.asked.acquire()
        # Nobody else waits for spamd's turn.
        assert (await rig.inspect(envelope("x@off.example"))).refusal is None
        assert (await rig.inspect(envelope("x@a.example", sender="ann@example.com"))).refusal is None
        assert begun == 2 + 1, "the time limit of those who wait has not begun"
        for _ in range(3):
            scanner.may_answer.release()
            await scanner.asked.acquire()
        scanner.may_answer.release()
        scanner.may_answer.release()
        found = [content(one.shares[0]) for one in await asyncio.gather(*scored)]
    assert all(b"score=2.0" in one and b"failed" not in one for one in found)
    assert scanner.most == 2


async def test_a_message_that_waits_for_other_sources_does_not_keep_spamd_from_the_next(tmp_path: Path) -> None:
    scanner = CountingSpamd()
    async with server(scanner.converse) as port, server(hang) as slow, asyncio.timeout(60):
        spam = SpamPolicy(
            spamd=SpamdSource(enabled=True, port=port, at_once=1),
            rspamd=RspamdSource(enabled=True, port=slow),
            total_timeout_seconds=60,
        )
        rig = Rig(configuration(gateway("a.example", NoAction()), spam=spam), tmp_path / "bodies")
        both = [asyncio.ensure_future(rig.inspect(envelope("x@a.example"))) for _ in range(2)]
        await scanner.asked.acquire()
        scanner.may_answer.release()
        await scanner.asked.acquire()  # the second one's turn, while the first still waits for rspamd
        assert not any(one.done() for one in both)
        for one in both:
            one.cancel()
        await asyncio.gather(*both, return_exceptions=True)
    assert scanner.most == 1
