"""A disk that is really full: a small file system of its own for the relay's data."""

from __future__ import annotations

import os
import shutil
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.model.settings import Settings, SpoolSettings
from gatepost.store.room import RECORDING_ROOM
from tests.support.mounts import memory_disk
from tests.support.ports import wait_until
from tests.support.relay_process import RelayProcess
from tests.support.relaying import plain, relaying
from tests.support.smtp_peer import SmtpPeer
from tests.support.submission import PLAIN, submit

SIZE = "64m"
LARGE = PLAIN + b"a line of some seventy octets, again and again, until there is no room\r\n" * 2000


@pytest.fixture
def small_disk() -> Iterator[Path]:
    with memory_disk(f"size={SIZE}") as folder:
        yield folder


def relay_on(disk: Path, peer: SmtpPeer) -> tuple[RelayProcess, int]:
    """Not started yet, and its port. It leaves nothing free that it need not."""
    reserve_nothing = Settings(spool=SpoolSettings(min_free_bytes=0))
    return relaying(disk / "relay", [plain(1, peer.port)], settings=reserve_nothing)


def is_accepted(port: int) -> bool:
    try:
        submit(port, "ann@example.org", ["bob@example.com"], LARGE)
    except AssertionError as refused:
        if "452" in str(refused):
            return False
        raise
    return True


def test_reception_answers_452_delivery_goes_on_and_nobody_has_to_help(small_disk: Path) -> None:
    with SmtpPeer() as peer:
        relay, port = relay_on(small_disk, peer)
        with relay:
            relay.api.post("/v1/pause", {})
            accepted, refused = 0, ""
            while not refused:
                assert accepted < 500, "the disk was never full"
                try:
                    submit(port, "ann@example.org", ["bob@example.com"], LARGE)
                    accepted += 1
                except AssertionError as error:
                    refused = str(error)
            assert "452" in refused
            assert "4.3.1" in refused
            with open(small_disk / "other", "ab", buffering=0) as other:  # somebody else takes what is left
                try:
                    while other.write(os.urandom(4096)):
                        pass
                except OSError:
                    pass
            relay.api.post("/v1/resume", {})
            wait_until(lambda: len(peer.messages) == accepted, "all that had been accepted is delivered", 30)
            (small_disk / "other").unlink()
            wait_until(lambda: relay.api.spooled == 0, "that it was delivered is recorded", 30)
            wait_until(lambda: is_accepted(port), "there is room again", 20)
            wait_until(lambda: len(peer.messages) == accepted + 1, "mail is taken again", 20)
            relay.restart()
            assert relay.api.spooled == 0
        assert len(peer.messages) == accepted + 1, "nothing is delivered twice"


class SlowUpload:
    """A client that says nothing of its message's size, sends much of it and does not come to an end."""

    def __init__(self, port: int) -> None:
        self._client = smtplib.SMTP("127.0.0.1", port, local_hostname="client.example.org", timeout=30)
        self._client.ehlo()
        replies = [self._client.mail("ann@example.org"), self._client.rcpt("bob@example.com"), self._client.docmd("DATA")]
        assert [code for code, _ in replies] == [250, 250, 354]

    def send(self, octets: int) -> None:
        assert self._client.sock is not None
        line = b"seventy-two octets of a line that comes again and again in this message\r\n"
        self._client.sock.sendall(line * (octets // len(line)))

    def end(self) -> int:
        assert self._client.sock is not None
        self._client.sock.sendall(b".\r\n")
        code, _ = self._client.getreply()
        self._client.close()
        return code


def test_large_messages_of_no_announced_size_leave_the_room_in_which_deliveries_are_recorded(small_disk: Path) -> None:
    with SmtpPeer() as peer:
        relay, port = relay_on(small_disk, peer)
        with relay:
            uploads = [SlowUpload(port) for _ in range(3)]
            for upload in uploads:
                upload.send(18_000_000)
            wait_until(lambda: "a large message cannot be kept" in relay.log, "one of them is too much", 20)
            assert shutil.disk_usage(small_disk).free > RECORDING_ROOM - 2_000_000
            assert submit(port, "ann@example.org", ["bob@example.com"])
            wait_until(lambda: len(peer.messages) == 1 and relay.api.spooled == 0, "another is delivered and recorded", 20)
            assert sorted(upload.end() for upload in uploads) == [250, 452, 452]
            wait_until(lambda: is_accepted(port), "there is room again", 20)
