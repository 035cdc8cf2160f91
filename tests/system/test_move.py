"""Moving a relay into the service: configuration, waiting mail and passwords; killed anywhere, nothing is lost.

Both halves are real processes, as are the relays before and after. The service is one that "another manager" runs, which is
how a test can own it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.moving import marker
from gatepost.vault import open_vault
from tests.support.ports import free_port, wait_until
from tests.support.relay_process import RelayProcess
from tests.support.relaying import plain, relaying
from tests.support.smtp_peer import SmtpPeer

PASSWORD = "carried-by-nobody-else-41c7"
MESSAGES = 5


class Move:
    """A relay with waiting mail, and a service that it shall move into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.next_hop = free_port()
        self.relay, self.port = relaying(folder / "own", [plain(0, self.next_hop)])
        self.target = folder / "service" / "data"
        self.target.parent.mkdir()
        self.key = folder / "service" / "vault.key"
        self.key.write_bytes(os.urandom(32))
        self.key.chmod(0o600)
        self.service = RelayProcess(folder / "service")

    def fill(self) -> None:
        with smtplib.SMTP("127.0.0.1", self.port, timeout=10) as client:
            for number in range(MESSAGES):
                client.sendmail("ann@example.org", ["bob@example.net"], f"Subject: {number}\r\n\r\nhello\r\n")
        wait_until(lambda: self.relay.api.spooled == MESSAGES, "the mail waits")
        stored = self.relay.api.call("PUT", "/v1/secrets/gateway/gw-0/password", {"secret": PASSWORD})
        assert stored.status == 200

    def command(self, *more: str) -> list[str]:
        into = ("--into", str(self.target), "--into-key-file", str(self.key), *more)
        own = ("--vault", "sealed", "--vault-key-file", str(self.relay.vault_key))
        data = ("--data", str(self.relay.data))
        return [sys.executable, "-m", "gatepost", *data, "--json", "service", "adopt", "--elevate", "none", *own, *into]

    def adopt(self, *more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*more), capture_output=True, text=True, timeout=60, check=False, env=self.relay.environment, input=""
        )

    def serve(self) -> RelayProcess:
        self.service.vault_key = self.key
        self.service.start()
        return self.service

    @property
    def set_aside(self) -> list[Path]:
        return sorted(self.relay.data.parent.glob("data.moved-*"))

    def delivered(self) -> list[str]:
        """The subjects that the next hop gets from the service, sorted."""
        with SmtpPeer(port=self.next_hop) as peer:
            self.service.api.retry_all()
            wait_until(lambda: len(peer.messages) >= MESSAGES, "the service delivers", 20)
            wait_until(lambda: self.service.api.spooled == 0, "nothing is left to deliver", 20)
            return sorted(message.content.split(b"Subject: ")[1].split(b"\r\n")[0].decode() for message in peer.messages)


@pytest.fixture
def move(tmp_path: Path) -> Iterator[Move]:
    found = Move(tmp_path)
    with contextlib.ExitStack() as stack:
        stack.callback(found.service.__exit__, None, None, None)
        stack.enter_context(found.relay)
        found.fill()
        yield found


ALL = [str(number) for number in range(MESSAGES)]


def test_everything_moves_in_one_step_and_the_service_delivers_each_message_once(move: Move) -> None:
    done = move.adopt()
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["figures"]["spool.sqlite"]["message"] == MESSAGES
    assert not move.relay.process.is_running, "it was ended in good order"
    assert not move.relay.data.exists()
    assert [str(path) for path in move.set_aside] == [found["moved_to"]]
    assert asyncio.run(_password_in(move)) == PASSWORD
    for path in move.folder.rglob("*"):
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes(), path
    service = move.serve()
    assert service.api.get("/v1/gateways")[0]["port"] == move.next_hop
    assert [one["name"] for one in service.api.get("/v1/secrets")] == ["gateway/gw-0/password"]
    assert service.api.get("/v1/vault")["usable"] is True
    assert service.api.get("/v1/secrets")[0]["backend"] == service.api.get("/v1/vault")["label"]
    assert move.delivered() == ALL
    again = move.adopt()
    assert again.returncode == 5, "there is nothing left to move or to finish"


async def _password_in(move: Move) -> str:
    vault = open_vault("sealed", data_folder=move.target, key_file=move.key)
    try:
        secret = await vault.get("gateway/gw-0/password")
        return secret.reveal() if secret else ""
    finally:
        await vault.close()


def test_a_service_with_something_of_its_own_is_left_alone_unless_one_says_so(move: Move) -> None:
    service = move.serve()
    service.api.patch("/v1/settings", {"retention": {"journal_days": 3}})
    service.stop()
    refused = move.adopt()
    assert refused.returncode == 5
    assert "--replace" in refused.stderr
    assert move.relay.process.is_running, "it is not ended for nothing"
    assert move.relay.api.spooled == MESSAGES
    assert not (move.target.with_name("data.incoming")).exists()
    owner = ("--into-owner", "www-data") if os.geteuid() == 0 else ()
    done = move.adopt("--replace", *owner)
    assert done.returncode == 0, done.stderr
    for path in (move.target, *move.target.rglob("*")):
        found = path.lstat()
        assert found.st_mode & 0o077 == 0, path
        assert not owner or found.st_uid == pwd.getpwnam("www-data").pw_uid, path
    kept = Path(json.loads(done.stdout.splitlines()[-1])["set_aside"])
    assert (kept / "configuration.sqlite").exists()
    move.serve()
    assert move.delivered() == ALL


def test_a_password_that_is_missing_moves_nothing_and_it_is_said_that_the_relay_was_ended(move: Move) -> None:
    (move.relay.data / "vault.sealed").unlink()
    done = move.adopt()
    assert done.returncode == 5
    told = json.loads(done.stderr)["error"]
    assert "gateway/gw-0/password" in told["title"]
    assert "gatepost secret remove gateway/gw-0/password" in told["hint"]
    assert "start it again" in told["hint"]
    assert not move.relay.process.is_running
    assert not move.target.exists()
    assert move.relay.restart().api.spooled == MESSAGES


def test_a_service_that_runs_on_the_folder_is_not_moved_under(move: Move) -> None:
    move.serve()
    done = move.adopt()
    assert done.returncode == 5
    assert "already running" in done.stderr
    assert move.relay.restart().api.spooled == MESSAGES


@pytest.mark.parametrize("stage", ["copying", "checking", "deciding"])
def test_killed_at_any_stage_the_mail_is_delivered_exactly_once(move: Move, stage: str) -> None:
    """kill -9 of the giving half when it says that a stage begins; then the same command again."""
    process = subprocess.Popen(
        move.command(), stdout=subprocess.PIPE, text=True, env=move.relay.environment, stdin=subprocess.DEVNULL
    )
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            if json.loads(line).get("stage") == stage:
                process.kill()
                break
    _wait_for_the_other_half(move)
    moved = not move.relay.data.exists()
    if move.target.exists() and not moved:
        assert (move.target / marker.IN).exists(), "no relay starts on a folder whose mail is still another's"
    if not moved:
        move.relay.restart()
        assert move.relay.api.spooled == MESSAGES, "until then the old relay has everything"
    done = move.adopt()
    assert done.returncode == 0, done.stderr
    move.serve()
    assert move.delivered() == ALL


def _wait_for_the_other_half(move: Move) -> None:
    """It notices that its pipe has ended, and ends."""
    needle = f"receive\0--into\0{move.target}".encode()

    def is_there() -> bool:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if needle in (entry / "cmdline").read_bytes():
                        return True
        return False

    wait_until(lambda: not is_there(), "the receiving half ended", 20)


def test_a_move_that_lacks_only_its_last_step_is_finished_by_the_same_command(move: Move) -> None:
    """As after a kill between the rename and the other half's hearing of it."""
    assert move.adopt().returncode == 0
    note = marker.read(move.set_aside[0] / marker.OUT)
    assert note is not None
    note.write(move.target / marker.IN)
    done = subprocess.run(
        move.service.command_line(), capture_output=True, text=True, timeout=30, check=False, env=move.service.environment
    )
    assert done.returncode == 5
    assert "gatepost service adopt" in done.stderr
    assert move.adopt().returncode == 0
    move.serve()
    assert move.delivered() == ALL


def test_a_copy_that_names_a_file_outside_is_refused(tmp_path: Path) -> None:
    from gatepost.model.errors import Conflict
    from gatepost.moving.receiving import _inside

    for name in ("../x", "/etc/passwd", "bodies/../../x", "", ".", "a/b/c/d/e/f/g", "bodies//../../x"):
        with pytest.raises(Conflict):
            _inside(name)
    assert _inside("bodies/0/x") == Path("bodies/0/x")
