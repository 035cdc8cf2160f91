"""The sources against the real scanners: SpamAssassin's spamd, rspamd and clamd."""

from __future__ import annotations

import asyncio
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from gatepost.model.envelope import Envelope, Origin, Recipient
from gatepost.model.spam import Bounce, RspamdSource, ScannerDown, SpamCard, SpamdSource, SpamPolicy, VirusAction, VirusPolicy
from gatepost.relay.inspection.inspector import Inspector
from gatepost.relay.inspection.resolver import Resolver
from gatepost.relay.inspection.virus import ScanState
from tests.support import scanners

ENVELOPE = Envelope(
    "ann@example.com", (Recipient("bob@example.org"),), origin=Origin(client="192.0.2.7", helo="mx.example.com")
)
HEAD = (
    b"From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: Minutes of the meeting\r\n"
    b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\n"
)
PLAIN = HEAD + b"Dear Bob,\r\nhere are the minutes.\r\nAnn\r\n"
SPAM = HEAD + scanners.GTUBE + b"\r\n"
VIRUS = HEAD + scanners.EICAR + b"\r\n"


def inspector(ports: scanners.Ports, spam: SpamPolicy | None = None, virus: VirusPolicy | None = None) -> Inspector:
    spam = spam or SpamPolicy(
        spamd=SpamdSource(enabled=True, port=ports.spamd), rspamd=RspamdSource(enabled=True, port=ports.rspamd)
    )
    virus = virus or VirusPolicy(enabled=True, port=ports.clamd)
    return Inspector(spam, virus, Resolver(("127.0.0.1",), 1, 0.2), "mx.here.example")


async def test_plain_mail_passes_with_its_arithmetic_in_the_header(ports: scanners.Ports) -> None:
    found = await inspector(ports).inspect(ENVELOPE, PLAIN, SpamCard(enabled=True))
    assert found.refusal is None
    assert found.quarantine_days is None
    assert found.spam is not None
    assert found.spam.level.value == "none"
    assert not any(part.failed for part in found.spam.parts)
    head, length = found.edit.apply(PLAIN)
    assert head.startswith(b"X-Gatepost-Spam: none; score=")
    assert b"spamd" in head
    assert b"rspamd" in head
    assert (head + PLAIN[length:]).endswith(PLAIN)


async def test_gtube_is_high_by_both_scanners(ports: scanners.Ports) -> None:
    found = await inspector(ports).inspect(ENVELOPE, SPAM, SpamCard(enabled=True, high=Bounce(text="No spam here")))
    assert found.spam is not None
    points = {part.source: part for part in found.spam.parts}
    assert "GTUBE" in points["spamd"].note
    assert points["spamd"].points >= 1000
    assert points["rspamd"].points >= 30
    assert found.refusal is not None
    assert str(found.refusal) == "550 5.7.1 No spam here"


@pytest.mark.parametrize("action", list(VirusAction))
async def test_eicar_ends_in_each_action(ports: scanners.Ports, action: VirusAction) -> None:
    virus = VirusPolicy(enabled=True, port=ports.clamd, infected=action)
    found = await inspector(ports, SpamPolicy(), virus).inspect(ENVELOPE, VIRUS, SpamCard(enabled=True))
    assert found.virus is not None
    assert found.virus.state is ScanState.INFECTED
    assert "EICAR" in found.virus.text
    assert (found.refusal is not None) is (action is VirusAction.BOUNCE)
    assert found.drop is (action is VirusAction.DELETE)
    assert (found.quarantine_days is not None) is (action is VirusAction.QUARANTINE)


async def test_a_scanner_that_is_down_defers_or_is_named_in_a_header(ports: scanners.Ports) -> None:
    down = VirusPolicy(enabled=True, port=1)
    found = await inspector(ports, SpamPolicy(), down).inspect(ENVELOPE, PLAIN, None)
    assert found.refusal is not None
    assert found.refusal.code == 451
    accepting = VirusPolicy(enabled=True, port=1, scanner_down=ScannerDown.ACCEPT_WITH_HEADER)
    found = await inspector(ports, SpamPolicy(), accepting).inspect(ENVELOPE, PLAIN, None)
    assert found.refusal is None
    assert found.edit.apply(PLAIN)[0].startswith(b"X-Gatepost-Virus: not scanned\r\n")


async def test_a_source_that_is_down_adds_nothing_and_is_shown_as_failed(ports: scanners.Ports) -> None:
    policy = SpamPolicy(spamd=SpamdSource(enabled=True, port=1), rspamd=RspamdSource(enabled=True, port=ports.rspamd))
    found = await inspector(ports, policy).inspect(ENVELOPE, PLAIN, SpamCard(enabled=True))
    assert found.spam is not None
    assert [part.source for part in found.spam.parts if part.failed] == ["spamd"]
    assert "spamd failed" in found.spam.arithmetic


async def test_a_source_that_hangs_runs_into_the_common_limit(ports: scanners.Ports) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_000_000)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    policy = SpamPolicy(rspamd=RspamdSource(enabled=True, port=port), total_timeout_seconds=1)
    found = await inspector(ports, policy).inspect(ENVELOPE, PLAIN, SpamCard(enabled=True))
    server.close()
    assert found.spam is not None
    assert found.spam.parts[0].failed
    assert "no answer within 1 s" in found.spam.arithmetic


async def test_a_zip_bomb_is_the_scanners_to_bound(ports: scanners.Ports) -> None:
    """Two hundred megabytes in two hundred kilobytes: the answer comes in time, whatever it is."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(200_000_000))
    import base64

    body = base64.encodebytes(packed.getvalue()).replace(b"\n", b"\r\n")
    bomb = HEAD.replace(
        b"\r\n\r\n", b"\r\nMIME-Version: 1.0\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    async with asyncio.timeout(60):
        found = await inspector(ports).inspect(ENVELOPE, bomb + body, SpamCard(enabled=True))
    assert found.virus is not None
    assert found.virus.state in (ScanState.CLEAN, ScanState.FAILED, ScanState.INFECTED)


async def test_a_large_message_is_judged_from_its_file(ports: scanners.Ports, tmp_path: Path) -> None:
    @dataclass
    class File:
        path: Path
        size: int

    path = tmp_path / "large"
    path.write_bytes(SPAM + b"filling " * 100_000)
    found = await inspector(ports).inspect(ENVELOPE, File(path, path.stat().st_size), SpamCard(enabled=True))
    assert found.spam is not None
    assert found.spam.level.value == "high"
    assert found.virus is not None
    assert found.virus.state is ScanState.CLEAN
