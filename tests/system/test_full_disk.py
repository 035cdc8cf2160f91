"""A disk that is really full: a small file system of its own for the relay's data."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.model.settings import Settings, SpoolSettings
from tests.support.ports import wait_until
from tests.support.relaying import plain, relaying
from tests.support.smtp_peer import SmtpPeer
from tests.support.submission import PLAIN, submit

SIZE = "64m"
LARGE = PLAIN + b"a line of some seventy octets, again and again, until there is no room\r\n" * 2000


@pytest.fixture
def small_disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="gatepost-disk-") as name:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", name], capture_output=True, check=False
        )
        if mounted.returncode:
            pytest.skip("only on machines where a test may mount a file system")
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "-l", name], check=True)


def is_accepted(port: int) -> bool:
    try:
        submit(port, "ann@example.org", ["bob@example.com"], LARGE)
    except AssertionError as refused:
        if "452" in str(refused):
            return False
        raise
    return True


def test_reception_answers_452_delivery_goes_on_and_nobody_has_to_help(small_disk: Path) -> None:
    reserve_nothing = Settings(spool=SpoolSettings(min_free_bytes=0))
    with SmtpPeer() as peer:
        relay, port = relaying(small_disk / "relay", [plain(1, peer.port)], settings=reserve_nothing)
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
