"""Administration from other machines: off by default, TLS and a token on every route, and nothing for those who guess."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gatepost.control.server.routes import ROUTES, Form
from tests.support.certificates import issued
from tests.support.mail_tools import tool
from tests.support.ports import free_port, is_listening, wait_until
from tests.support.relay_process import RelayProcess
from tests.support.relaying import relaying
from tests.support.remote import RemoteApi, fingerprint_at, make_token, shown_at, switch_on, unverified

WEBSOCKET = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    process, _ = relaying(tmp_path_factory.mktemp("remote"), [])
    with process:
        yield process


@pytest.fixture(scope="module")
def port(relay: RelayProcess) -> int:
    assert relay.api.get("/v1/remote")["enabled"] is False, "it is off until somebody switches it on"
    return switch_on(relay)


@pytest.fixture(scope="module")
def token(relay: RelayProcess, port: int) -> str:
    return make_token(relay, "tests")


def test_a_token_opens_the_whole_api_over_tls(relay: RelayProcess, port: int, token: str) -> None:
    answer = RemoteApi(port, token).call("GET", "/v1/status")
    assert answer.status == 200
    assert answer.json["relay"]["pid"] == relay.pid
    used = next(one for one in relay.api.get("/v1/tokens") if one["name"] == "tests")
    assert used["last_used_at"] is not None
    assert used["last_address"] == "127.0.0.1"


def test_a_change_names_the_token_as_its_author(relay: RelayProcess, port: int, token: str) -> None:
    api = RemoteApi(port, token)
    assert api.call("PATCH", "/v1/settings", {"retention": {"journal_days": 29}}).status == 200
    assert relay.api.get("/v1/revisions")[0]["author"].startswith("tests at 127.0.0.1")


def test_no_route_answers_without_a_token(relay: RelayProcess, port: int) -> None:
    """Every route, over kept connections: as many as guessing would need."""
    strangers = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=unverified())
    tried = 0
    for route in ROUTES:
        path = re.sub(r"\{\w+(?::[^}]*\}?[^}]*)?\}", "1", route.path)
        headers = dict(WEBSOCKET) if route.form is Form.WEBSOCKET else {}
        body = None
        if route.method in ("POST", "PUT", "PATCH"):
            headers["Content-Type"], body = "application/json", b"{}"
        strangers.request(route.method, path, body, headers)
        answer = strangers.getresponse()
        answer.read()
        assert answer.status == 401, f"{route.method} {route.path}"
        tried += 1
        if answer.will_close:
            strangers.close()
    strangers.close()
    assert tried == len(ROUTES) > 60


@pytest.fixture
def rested(relay: RelayProcess, port: int) -> Iterator[tuple[int, str]]:
    """A relay of its own for tests in which somebody guesses: their address rests afterwards."""
    process, _ = relaying(relay.folder / "guessed", [])
    with process:
        own = switch_on(process)
        yield own, make_token(process, "right")


def test_who_guesses_rests_and_the_right_token_does_not_help_meanwhile(rested: tuple[int, str]) -> None:
    port, token = rested
    statuses = [RemoteApi(port, f"gp_{number:040}").call("GET", "/v1/status").status for number in range(11)]
    assert statuses == [401] * 10 + [429]
    assert RemoteApi(port, token).call("GET", "/v1/status").status == 429


@pytest.mark.parametrize("form", ["{}", "bearer {}", "Basic {}", "Bearer {} ", "Bearer  {}"])
def test_only_a_bearer_token_counts(port: int, token: str, form: str) -> None:
    shown = form.format(token)
    answer = RemoteApi(port).call("GET", "/v1/version", headers={"Authorization": shown})
    # aiohttp strips blanks at a field's end, as RFC 9110 §5.5 says
    assert answer.status == (200 if shown.rstrip() == f"Bearer {token}" else 401)
    RemoteApi(port, token).call("GET", "/v1/version")


@pytest.mark.parametrize(
    "header",
    [
        {"Host": "evil.example"}, {"Host": "127.0.0.2"}, {"Host": "localhost.evil.example"},
        {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Referer": "https://x/"}, {"Sec-Fetch-Site": "same-origin"},
    ],
)  # fmt: skip
def test_a_browser_is_refused_even_with_a_token(port: int, token: str, header: dict[str, str]) -> None:
    assert RemoteApi(port, token).call("GET", "/v1/version", headers=header).status == 403
    follow = RemoteApi(port, token).call("GET", "/v1/events", headers={**WEBSOCKET, **header})
    assert follow.status == 403, "nor may a page open the event stream"


def test_names_from_the_settings_and_the_certificate_are_ours(relay: RelayProcess, token: str, port: int) -> None:
    api = RemoteApi(port, token)
    assert api.call("GET", "/v1/version", headers={"Host": f"127.0.0.1:{port}"}).status == 200
    assert api.call("GET", "/v1/version", headers={"Host": "gatepost"}).status == 200
    assert api.call("GET", "/v1/version", headers={"Host": "mail.example"}).status == 403
    relay.api.patch("/v1/settings", {"remote": {"names": ["mail.example"]}})
    wait_until(lambda: _status(api, Host="mail.example") == 200, "the name is taken")
    relay.api.patch("/v1/settings", {"remote": {"names": []}})
    wait_until(lambda: _status(api, Host="mail.example") == 403, "the name is gone")


def test_plain_http_gets_nothing(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        plain.sendall(b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received = b""
        while piece := plain.recv(4096):
            received += piece
    assert b"HTTP" not in received


def test_old_tls_is_refused(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, pytest.raises((ssl.SSLError, ConnectionError)):
        unverified(highest=ssl.TLSVersion.TLSv1_1).wrap_socket(plain)


def test_a_revoked_token_ends_at_once_also_where_it_follows_the_events(relay: RelayProcess, port: int) -> None:
    secret = make_token(relay, "to be revoked")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, unverified().wrap_socket(plain) as secured:
        lines = [f"{name}: {value}" for name, value in WEBSOCKET.items()]
        lines += ["Host: gatepost", f"Authorization: Bearer {secret}"]
        secured.sendall(("GET /v1/events HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode())
        assert b"101" in secured.recv(200).split(b"\r\n")[0]
        found = next(one for one in relay.api.get("/v1/tokens") if one["name"] == "to be revoked")
        assert relay.api.call("DELETE", f"/v1/tokens/{found['id']}").status == 200
        with contextlib.suppress(ConnectionError):  # as good an end as any
            while secured.recv(65_536):
                pass
    assert RemoteApi(port, secret).call("GET", "/v1/version").status == 401


def test_strangers_who_say_nothing_take_no_room_from_who_has_a_token(relay: RelayProcess, port: int, token: str) -> None:
    """Idle connections are few for each address, and are closed after a while; a client with a token is let in before."""
    api = RemoteApi(port, token)
    idle = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(8)]
    try:
        ninth = socket.create_connection(("127.0.0.1", port), timeout=10)
        ninth.settimeout(5)
        with contextlib.suppress(ConnectionResetError):
            assert ninth.recv(1) == b"", "one more from this address is closed before TLS"
        ninth.close()
    finally:
        for connection in idle:
            connection.close()
    wait_until(lambda: _answers(api), "room again")


def _answers(api: RemoteApi) -> bool:
    return _status(api) == 200


def _status(api: RemoteApi, **headers: str) -> int:
    """0: no connection, as while the port is opened anew."""
    try:
        return api.call("GET", "/v1/version", headers=headers).status
    except (OSError, http.client.HTTPException):
        return 0


def test_only_allowed_addresses_may_connect(relay: RelayProcess, token: str, port: int) -> None:
    relay.api.patch("/v1/settings", {"remote": {"allowed": ["192.0.2.0/24"]}})
    api = RemoteApi(port, token)
    wait_until(lambda: not _answers(api), "nobody else is let in")
    relay.api.patch("/v1/settings", {"remote": {"allowed": ["127.0.0.0/8"]}})
    wait_until(lambda: _answers(api), "this one is")
    relay.api.patch("/v1/settings", {"remote": {"allowed": []}})


def test_the_certificate_stays_until_it_is_renewed(relay: RelayProcess, port: int) -> None:
    before = fingerprint_at(port)
    assert relay.api.get("/v1/remote")["fingerprint"] == before
    relay.api.patch("/v1/settings", {"remote": {"enabled": False}})
    wait_until(lambda: not is_listening(port), "it is off")
    switch_on(relay, port=port)
    assert fingerprint_at(port) == before
    relay.api.post("/v1/remote/renew-certificate", {})
    wait_until(lambda: shown_at(port) not in ("", before), "a new certificate")
    key = relay.data / "tls" / "remote.key"
    assert key.stat().st_mode & 0o077 == 0


def test_an_expired_certificate_is_told_of(relay: RelayProcess, port: int) -> None:
    pair = issued("relay.example", expired=True)
    files = {"certificate_file": str(pair.certificate_file), "key_file": str(pair.key_file)}
    relay.api.patch("/v1/settings", {"remote": files})
    wait_until(lambda: shown_at(port) == pair.fingerprint, "the named certificate is used")
    problems: list[dict[str, Any]] = relay.api.get("/v1/status")["relay"]["problems"]
    assert any(one["kind"] == "remote" and "expired" in one["detail"] for one in problems)
    assert relay.api.call("POST", "/v1/remote/renew-certificate", {}).status == 409, "it is not the relay's to renew"
    relay.api.patch("/v1/settings", {"remote": {"certificate_file": "", "key_file": ""}})
    wait_until(lambda: shown_at(port) not in ("", pair.fingerprint), "its own again")


def test_half_a_pair_of_files_is_refused_by_field(relay: RelayProcess) -> None:
    answer = relay.api.call("PATCH", "/v1/settings", {"remote": {"certificate_file": "/tmp/x.pem"}})
    assert answer.status == 422
    assert answer.json["error"]["issues"][0]["field"] == "remote.key_file"


def test_a_port_that_is_taken_is_a_problem_in_words_and_the_relay_goes_on(relay: RelayProcess, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        relay.api.patch("/v1/settings", {"remote": {"port": taken.getsockname()[1]}})
        wait_until(lambda: relay.api.get("/v1/remote")["problem"] != "", "it says so")
    found = relay.api.get("/v1/remote")
    assert "cannot be opened" in found["problem"]
    assert found["listening"] is False
    switch_on(relay, port=port)


def test_the_commands_make_list_and_revoke_tokens(relay: RelayProcess, port: int) -> None:
    done = relay.run("token", "add", "laptop")
    secret = done.stdout.strip()
    assert re.fullmatch(r"gp_[\w-]{43}", secret)
    assert relay.run("token", "add", "Laptop").returncode == 5, "one name, one token"
    listed = relay.run("token", "list").stdout
    assert "laptop" in listed
    assert secret not in listed
    assert relay.run("token", "revoke", "laptop", "--yes").returncode == 0
    assert relay.run("token", "revoke", "laptop", "--yes").returncode == 4
    assert fingerprint_at(port) in relay.run("remote", "status").stdout


def test_no_token_is_kept_anywhere(relay: RelayProcess, port: int, token: str) -> None:
    assert RemoteApi(port, token).call("GET", "/v1/version").status == 200
    for path in relay.folder.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes(), path
    stored = json.loads((relay.data / "tokens.json").read_text())
    assert all(len(one["digest"]) == 64 for one in stored)
    assert (relay.data / "tokens.json").stat().st_mode & 0o077 == 0


def test_curl_administers_with_the_pinned_certificate(relay: RelayProcess, port: int, token: str) -> None:
    """As the README says it: the certificate's file is what curl is given to trust."""
    certificate = relay.data / "tls" / "remote.pem"
    # ``--config -``: the token never stands on a command line
    done = subprocess.run(
        [tool("curl"), "--silent", "--show-error", "--cacert", str(certificate), "--resolve", f"gatepost:{port}:127.0.0.1",
         "--config", "-", f"https://gatepost:{port}/v1/version"],
        input=f'header = "Authorization: Bearer {token}"\n', capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["api_version"] == 1


def test_a_slow_stranger_is_dropped_in_time(tmp_path: Any) -> None:
    """The deadlines of the door, short ones, with nothing sent, half a handshake, and half a request."""
    import asyncio

    from gatepost.control.server.remote_door import Door
    from gatepost.model.remote import RemoteSettings
    from gatepost.relay.reception.tls import load_context

    class Nobody:
        host_name = "relay.example"

    class Facade:
        remote = Nobody()

    async def run() -> list[float]:
        port = free_port()
        door = Door(Facade(), RemoteSettings(address="127.0.0.1", port=port), (), 0.3)  # type: ignore[arg-type]
        pair = issued()
        from gatepost.relay.reception.tls import Pair

        await door.open(load_context(Pair(pair.certificate_file, pair.key_file)))
        try:
            return list(await asyncio.gather(*(asyncio.to_thread(_endures, port, kind) for kind in ("idle", "hello", "half"))))
        finally:
            await door.close()

    assert all(seconds < 5 for seconds in asyncio.run(run()))


def _endures(port: int, kind: str) -> float:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        stream = plain
        if kind == "hello":
            plain.sendall(b"\x16\x03\x01\x02\x00")
        elif kind == "half":
            stream = unverified().wrap_socket(plain)
            stream.sendall(b"GET /v1/version HTTP/1.1\r\nHost: ")
        with contextlib.suppress(ConnectionError, ssl.SSLError):  # a TimeoutError: it was never dropped
            while stream.recv(4096):
                pass
    return time.monotonic() - began
