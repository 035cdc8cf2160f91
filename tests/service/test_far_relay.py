"""The command line administers a relay on another machine: pinned certificate, stored token, and every refusal in words."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.control import far
from gatepost.control.client import Client, NotAllowed, OtherVersion, Remote
from gatepost.control.far import CertificateExpired, OtherCertificate, Unreachable
from gatepost.control.schema import Snapshot
from gatepost.model.errors import GatepostError
from gatepost.model.secret import Secret
from tests.support.certificates import Issued, issued
from tests.support.ports import free_port
from tests.support.prepared import run_command
from tests.support.relay_process import ROOT, RelayProcess
from tests.support.relaying import relaying
from tests.support.remote import fingerprint_at, make_token, switch_on


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    process, _ = relaying(tmp_path_factory.mktemp("far"), [])
    with process:
        yield process


@pytest.fixture(scope="module")
def port(relay: RelayProcess) -> int:
    return switch_on(relay)


@pytest.fixture(scope="module")
def token(relay: RelayProcess, port: int) -> str:
    return make_token(relay, "far")


class Account:
    """Somebody on another machine: a home of their own, and no relay in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self.environment = {
            **kept, "HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run"), "PYTHONPATH": str(ROOT / "app"),
            "GATEPOST_SERVICE": str(home / "no-service"),
        }  # fmt: skip

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return run_command(arguments, stdin, environment=self.environment, folder=self.home)


@pytest.fixture
def account(tmp_path: Path) -> Account:
    (tmp_path / "run").mkdir(mode=0o700)
    return Account(tmp_path)


def place(port: int, fingerprint: str, token: str) -> Remote:
    return Remote("far", "127.0.0.1", port, fingerprint, Secret(token))


async def problem_of(where: Remote) -> GatepostError:
    with pytest.raises(GatepostError) as caught:
        async with await Client.connect(where):
            pass
    return caught.value


def test_a_relay_is_added_asked_changed_and_removed(account: Account, relay: RelayProcess, port: int, token: str) -> None:
    fingerprint = fingerprint_at(port)
    where = ("relay-list", "add", "office", "--host", "127.0.0.1", "--port", str(port))
    asked = account.run(*where, "--token-stdin", stdin=token)
    assert asked.returncode == 2, "nobody is there to compare the certificate"
    assert fingerprint in asked.stderr
    added = account.run(*where, "--fingerprint", fingerprint.upper(), "--token-stdin", stdin=f"{token}\n")
    assert added.returncode == 0, added.stderr
    status = account.run("--relay", "OFFICE", "--json", "status")
    assert json.loads(status.stdout)["relay"]["pid"] == relay.pid
    assert account.run("--relay", "office", "settings", "set", "retention.journal_days=17").returncode == 0
    assert relay.api.get("/v1/settings")["retention"]["journal_days"] == 17
    assert relay.api.get("/v1/revisions")[0]["author"] == "far at 127.0.0.1 (command line)"
    for path in account.home.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes(), path
    assert account.run("relay-list", "remove", "office").returncode == 0
    assert account.run("--relay", "office", "status").returncode == 4


def test_a_wrong_token_is_not_added(account: Account, relay: RelayProcess, port: int) -> None:
    arguments = ("relay-list", "add", "x", "--host", "127.0.0.1", "--port", str(port), "--fingerprint", fingerprint_at(port))
    done = account.run(*arguments, "--token-stdin", stdin="gp_wrong\n")
    assert done.returncode == 1
    assert "does not accept the token" in done.stderr
    assert account.run("--json", "relay-list").stdout.strip() == '{"relays": [], "service": false}'


async def test_another_certificate_gets_neither_token_nor_request(token: str) -> None:
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(1000))
        writer.close()

    pair = issued()
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=pair.server_context())
    async with server:
        at = server.sockets[0].getsockname()[1]
        error = await problem_of(place(at, "ab" * 32, token))
        await asyncio.sleep(0)
    assert isinstance(error, OtherCertificate)
    assert pair.fingerprint in error.detail
    assert b"".join(received) == b"", "nothing was sent"


async def test_an_expired_certificate_is_refused_although_it_is_pinned(token: str) -> None:
    error = await _met_by(issued("relay.example", expired=True), token)
    assert isinstance(error, CertificateExpired)


async def _met_by(pair: Issued, token: str, context: ssl.SSLContext | None = None, api_version: int = 1) -> GatepostError:
    """What a client with the right pin says of a server that would answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        body = json.dumps({"version": "9.0", "api_version": api_version})
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context or pair.server_context())
    async with server:
        return await problem_of(place(server.sockets[0].getsockname()[1], pair.fingerprint, token))


async def test_another_version_is_said_with_what_to_update(token: str) -> None:
    error = await _met_by(issued(), token, api_version=99)
    assert isinstance(error, OtherVersion)
    assert "Update this program" in error.hint


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_a_server_that_speaks_only_old_tls_is_not_spoken_to(token: str) -> None:
    pair = issued()
    context = pair.server_context()
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    assert isinstance(await _met_by(pair, token, context), Unreachable)


async def test_plain_text_and_a_closed_port_are_told_apart_from_a_relay(token: str) -> None:
    closed = await problem_of(place(free_port(), "ab" * 32, token))
    assert isinstance(closed, Unreachable)
    assert "refused" in closed.detail.lower() or "connect" in closed.detail.lower()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        plain = await problem_of(place(server.sockets[0].getsockname()[1], "ab" * 32, token))
    assert isinstance(plain, Unreachable)


async def test_a_revoked_token_is_told_in_words(relay: RelayProcess, port: int) -> None:
    secret = make_token(relay, "short-lived")
    where = place(port, fingerprint_at(port), secret)
    async with await Client.connect(where) as client:
        assert (await client.status()).relay.pid == relay.pid
    found = next(one for one in relay.api.get("/v1/tokens") if one["name"] == "short-lived")
    relay.api.call("DELETE", f"/v1/tokens/{found['id']}")
    error = await problem_of(where)
    assert isinstance(error, NotAllowed)
    assert "revoked" in error.detail
    assert secret not in repr(where)


async def test_events_are_followed_over_tls(relay: RelayProcess, port: int, token: str) -> None:
    async with await Client.connect(place(port, fingerprint_at(port), token)) as client:
        messages = client.events(reconnect=False)
        first = await anext(messages)
        assert isinstance(first, Snapshot)
        assert first.status.relay.pid == relay.pid
        await messages.aclose()


async def test_what_a_server_shows_can_be_looked_at_before_it_is_trusted(port: int) -> None:
    seen = await far.look("127.0.0.1", port)
    assert seen.fingerprint == fingerprint_at(port)
    assert not seen.is_expired
    assert far.grouped(seen.fingerprint).replace(" ", "").lower() == seen.fingerprint
