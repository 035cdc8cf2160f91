"""Alarms of a real relay: a resting gateway and a full spool are told by mail, once; and the pickup folder takes mail in."""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.model.alarms import AlarmSettings
from gatepost.model.gateway import Certificate, CertificateCheck, RoundRobinGateway
from gatepost.model.pickup import PickupSettings
from gatepost.model.settings import ServerSettings, Settings
from tests.support.certificates import issued
from tests.support.ports import wait_until
from tests.support.relay_process import RelayProcess
from tests.support.relaying import SOON_BACK, plain, relaying
from tests.support.smtp_peer import SmtpPeer
from tests.support.submission import submit

ADMIN = "admin@example.org"
LETTER = b"From: ann@example.org\nTo: bob@example.com\nBcc: eve@example.com\nSubject: from a file\n\nHello\n"


@pytest.fixture
def peer() -> Iterator[SmtpPeer]:
    with SmtpPeer() as found:
        yield found


def started(tmp_path: Path, peer: SmtpPeer, alarms: AlarmSettings, pickup: PickupSettings = PickupSettings()) -> RelayProcess:  # noqa: B008
    server = ServerSettings(host_name="relay.example.org")
    settings = Settings(server=server, delivery=SOON_BACK, alarms=alarms, pickup=pickup)
    process, _ = relaying(tmp_path, [plain(1, peer.port)], settings=settings)
    return process


def told(peer: SmtpPeer, words: str) -> list[bytes]:
    return [message.content for message in peer.messages if words.encode() in message.content]


def test_trouble_is_mailed_once_and_is_not_told_again_after_a_restart(tmp_path: Path, peer: SmtpPeer) -> None:
    peer.on("rcpt", "450 4.2.1 not now", match="bob")
    with started(tmp_path, peer, AlarmSettings(mail=True, recipients=(ADMIN,))) as relay:
        port = relay.api.get("/v1/status")["relay"]["listeners"][0]["port"]
        for number in range(3):
            submit(port, "ann@example.org", [f"bob{number}@example.com"])
        wait_until(lambda: relay.api.get("/v1/spool/counts")["deferred"] == 3, "all wait")
        assert relay.api.get("/v1/alarms") == []
        relay.api.patch("/v1/settings", {"alarms": {"waiting_messages": 1}})
        wait_until(lambda: told(peer, "3 deliveries wait"), "the notice came")
        [alarm] = relay.api.get("/v1/alarms")
        assert (alarm["kind"], bool(alarm["mailed_at"])) == ("waiting", True)
        assert "waiting" in [one["kind"] for one in relay.api.get("/v1/status")["relay"]["problems"]], "one source"
        relay.restart()
        wait_until(lambda: relay.api.get("/v1/alarms"), "it is known again")
        assert relay.api.get("/v1/alarms")[0]["mailed_at"] == alarm["mailed_at"]
        assert len(told(peer, "deliveries wait")) == 1
    message = email.message_from_bytes(told(peer, "3 deliveries wait")[0], policy=email.policy.default)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["To"] == ADMIN
    assert message["From"] == "gatepost@relay.example.org"


def test_the_certificate_that_a_gateway_is_pinned_to_is_watched_once_it_was_seen(tmp_path: Path) -> None:
    certificate = issued("smtp.example.com")
    with SmtpPeer(starttls=True, certificate=certificate) as peer:
        pinned = Certificate(check=CertificateCheck.FINGERPRINT, fingerprint=certificate.fingerprint)
        gateway = RoundRobinGateway(id="gw-1", description="Main", host="127.0.0.1", port=peer.port, certificate=pinned)
        process, port = relaying(tmp_path, [gateway])
        with process as relay:
            submit(port, "ann@example.org", ["bob@example.com"])
            wait_until(lambda: peer.messages, "it is delivered")
            relay.api.patch("/v1/settings", {"alarms": {"certificate_days": 200}})
            wait_until(lambda: relay.api.get("/v1/alarms"), "it is noticed")
            [alarm] = relay.api.get("/v1/alarms")
            assert alarm["subject"] == "gateway:gw-1"
            assert alarm["title"].startswith("The certificate that Main is accepted by expires in")
            relay.api.patch("/v1/settings", {"alarms": {"certificate_days": 20}})
            wait_until(lambda: not relay.api.get("/v1/status")["relay"]["problems"], "it is no trouble any more")


def test_a_notice_that_cannot_be_delivered_is_never_answered(tmp_path: Path) -> None:
    with SmtpPeer() as peer:
        peer.on("rcpt", "550 5.1.1 no such user")
        with started(tmp_path, peer, AlarmSettings(mail=True, recipients=(ADMIN,))) as relay:
            queue_id = relay.command("alarms", "test")["queue_ids"][0]
            wait_until(lambda: relay.api.tracked(state="bounced"), "it was refused")
            assert queue_id == relay.api.tracked()[0]["queue_id"]
            wait_until(lambda: relay.api.spooled == 0, "nothing waits")
            assert len(relay.api.tracked()) == 1, "no delivery status was written about it"


def test_a_test_notice_goes_to_everybody_who_is_named_and_to_nobody_when_nobody_is(tmp_path: Path, peer: SmtpPeer) -> None:
    with started(tmp_path, peer, AlarmSettings(mail=True, recipients=(ADMIN, "night@example.org"))) as relay:
        assert len(relay.command("alarms", "test")["queue_ids"]) == 1
        wait_until(lambda: told(peer, "A test notice"), "it was sent")
        (sent,) = [message for message in peer.messages if b"A test notice" in message.content]
        assert list(sent.recipients) == [ADMIN, "night@example.org"]
        relay.api.patch("/v1/settings", {"alarms": {"mail": False, "recipients": []}})
        assert relay.run("alarms", "test").returncode == 5
        assert json.loads(relay.run("--json", "alarms", "list").stdout) == []


def test_files_of_the_pickup_folder_are_sent_and_tracked_and_bad_ones_moved_away(tmp_path: Path, peer: SmtpPeer) -> None:
    folder = tmp_path / "pickup"
    folder.mkdir(mode=0o700)
    with started(tmp_path, peer, AlarmSettings(), PickupSettings(enabled=True, folder=str(folder))) as relay:
        (folder / "one.tmp").write_bytes(LETTER)
        (folder / "one.tmp").rename(folder / "one.eml")
        (folder / "bad.eml").write_bytes(b"nothing")
        wait_until(lambda: told(peer, "from a file"), "it is delivered")
        wait_until(lambda: (folder / "Rejected" / "bad.txt").exists(), "the other is moved away")
        assert not list(folder.glob("*.eml"))
        [message] = relay.api.tracked()
        assert (message["sender"], message["subject"], message["recipient_count"]) == ("ann@example.org", "from a file", 2)
        assert "gatepost_picked_up_total 1" in relay.api.call("GET", "/metrics").body.decode()
        relay.api.patch("/v1/settings", {"pickup": {"enabled": False}})
        (folder / "two.eml").write_bytes(LETTER)
        relay.api.post("/v1/stop", {})
        assert (folder / "two.eml").exists()
    assert b"eve@" not in told(peer, "from a file")[0]


def test_a_relay_that_is_killed_while_it_picks_up_loses_nothing(tmp_path: Path, peer: SmtpPeer) -> None:
    folder = tmp_path / "pickup"
    folder.mkdir(mode=0o700)
    names = [f"n{number:03}" for number in range(60)]
    with started(tmp_path, peer, AlarmSettings(), PickupSettings(enabled=True, folder=str(folder))) as relay:
        for name in names:
            (folder / f"{name}.eml").write_bytes(LETTER.replace(b"from a file", name.encode()))
        wait_until(lambda: len(list(folder.glob("*.eml"))) < 50, "it has begun")
        os.kill(relay.pid, signal.SIGKILL)
        relay.process.wait(10)
        relay.start()
        wait_until(lambda: not list(folder.glob("*.eml")), "all were taken in", 60)
        wait_until(lambda: relay.api.spooled == 0, "all are delivered", 60)
    text = [message.content.decode() for message in peer.messages]
    assert {re.findall(r"^Subject: (n\d+)", one, re.MULTILINE)[0] for one in text} == set(names)
    # What was being delivered when it was killed may be delivered again; that is another message's copy of the same id.
    taken = {re.findall(r"\bid (\w+)", one)[0] for one in text}
    assert len(taken) <= len(names) + 1, "at most what was under way was taken in twice"
