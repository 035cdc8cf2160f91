"""Passwords with a mark on them go through everything that can go wrong, at the most talkative log level; then the marks are
looked for in every place that a password must not reach. And who else could read those places: nobody.
"""

from __future__ import annotations

import os
import smtplib
import stat
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from gatepost.control.server.routes import ROUTES, Form
from gatepost.model.gateway import Encryption, GatewayAuth, RoundRobinGateway
from tests.support.ports import free_port, wait_until
from tests.support.relay_process import RelayProcess
from tests.support.relaying import relaying
from tests.support.smtp_peer import DROP, Action, Raw, SmtpPeer
from tests.support.submission import submit

GATEWAY = "Canary-1-of-the-gateway-äöü"
USER = "Canary-2-of-a-relay-user-long"
TYPED = "Canary-3-typed-by-a-client-xx"
CARD = "Canary-4-of-the-smartermail-card"

TROUBLE: dict[str, tuple[str, Action]] = {
    "refused, and what was sent is quoted": ("auth", "535 5.7.8 you said {line}"),
    "accepted, and what was sent is quoted at MAIL": ("mail", "451 4.7.1 you said {line}"),
    "accepted, and the password is quoted at RCPT": ("rcpt", f"450 4.2.1 come back with {GATEWAY}"),
    "hung up": ("auth", DROP),
    "garbage": ("auth", Raw(b"\x00\xff garbage\r\n")),
}


def forms(secret: str) -> Iterator[bytes]:
    """The secret as it may have been written: plain, quoted, in hexadecimal, in UTF-16, in base64 wherever it began."""
    octets = secret.encode()
    yield octets
    yield octets.hex().encode()
    yield secret.encode("utf-16-le")
    yield quote(secret).encode()
    yield secret.encode("unicode_escape")
    for shift in range(3):
        yield b64encode(b"\0" * shift + octets)[4:-4]


def assert_unmarked(found: bytes, where: object) -> None:
    for secret in (GATEWAY, USER, TYPED, CARD):
        for form in forms(secret):
            assert form not in found, (secret, where)


def places(relay: RelayProcess) -> Iterator[tuple[object, bytes]]:
    for top in (relay.folder, Path(relay.environment["XDG_RUNTIME_DIR"])):
        for path in top.rglob("*"):
            if path.is_file():
                yield path, path.read_bytes()
    for name in ("cmdline", "environ"):
        if (path := Path(f"/proc/{relay.pid}/{name}")).exists():
            yield path, path.read_bytes()
    for route in ROUTES:
        if route.method == "GET" and route.form is not Form.WEBSOCKET:
            path_of = route.path.replace("{number}", "1").replace("{id}", "gw-1").replace("{queue_id}", "000001")
            path_of += "?timeout=0" if path_of.endswith("/wait") else ""
            yield path_of, relay.api.call("GET", path_of).body


@pytest.mark.parametrize("trouble", TROUBLE)
def test_no_password_leaves_its_vault_whatever_goes_wrong(tmp_path: Path, trouble: str) -> None:
    stage, action = TROUBLE[trouble]
    card = RoundRobinGateway(
        id="gw-1", host="127.0.0.1", port=1, encryption=Encryption.NONE,
        auth=GatewayAuth(enabled=True, username="me@example.com", allow_cleartext=True),
    )  # fmt: skip
    password = "another" if stage == "auth" else GATEWAY
    with SmtpPeer(users={"me@example.com": password}, features=("8BITMIME",), auth=("PLAIN",)) as hop:
        if isinstance(action, str) and "{line}" in action:
            action = action.format(line=b64encode(f"\0me@example.com\0{GATEWAY}".encode()).decode())
        hop.on(stage, action)
        card = card.model_copy(update={"port": hop.port})
        process, port = relaying(tmp_path, [card], options=("--log-level", "debug"), own_interpreter=True)
        with process as relay:
            api = relay.api
            assert api.call("PUT", "/v1/secrets/gateway/gw-1/password", {"secret": GATEWAY}).status == 200
            assert api.call("PUT", "/v1/secrets/gateway/gw-1/smartermail", {"secret": CARD}).status in (200, 404, 422)
            api.post("/v1/users", {"username": "anna", "password": USER})
            queue_id = submit(port, "ann@example.com", ["bob@example.net"])
            for secret in (USER, TYPED, GATEWAY):
                with smtplib.SMTP("127.0.0.1", port) as client:
                    client.ehlo()
                    client.docmd("AUTH", "PLAIN " + b64encode(f"\0anna\0{secret}".encode()).decode())
            with smtplib.SMTP("127.0.0.1", port) as client:
                client.ehlo()
                client.docmd("AUTH", f"PLAIN {TYPED}")
                client.docmd(f"PASS {TYPED}")
            wait_until(lambda: hop.connections and len(api.timeline(queue_id)) > 2, "the sign-in was tried")
            told = [
                relay.run("gateway", "verify", "gw-1"),
                relay.run("track", queue_id, "--dialogue"),
                relay.run("config", "export"),
                relay.run("spool", "show", queue_id),
                relay.run("secret", "set", "gateway/gw-none/password", "--password-stdin", stdin=TYPED),
            ]
            for done in told:
                assert_unmarked((done.stdout + done.stderr).encode(), done.args)
            for where, found in places(relay):
                assert_unmarked(found, where)
            key = relay.vault_key.read_bytes().strip()
            assert len(key) > 20
            assert not [where for where, found in places(relay) if key in found and where != relay.vault_key]


@pytest.mark.skipif(os.name == "nt", reason="only on systems with modes")
def test_nothing_that_a_relay_writes_can_be_read_by_others_whatever_umask_it_was_started_with(tmp_path: Path) -> None:
    card = RoundRobinGateway(id="gw-1", host="127.0.0.1", port=free_port(), encryption=Encryption.NONE)
    process, port = relaying(tmp_path / "site", [card], own_interpreter=True)
    runtime = Path(process.environment["XDG_RUNTIME_DIR"])
    mask = os.umask(0)
    try:
        process.start()
    finally:
        os.umask(mask)
    with process as relay:
        submit(port, "ann@example.com", ["bob@example.net"])
        submit(port, "ann@example.com", ["bob@example.net"], b"Subject: x\r\n\r\n" + b"line of text\r\n" * 60_000)
        relay.api.call("PUT", "/v1/secrets/gateway/gw-1/password", {"secret": GATEWAY})
        relay.api.patch("/v1/gateways/gw-1", {"weight": 2})
        written = [*relay.data.rglob("*"), relay.data, *runtime.rglob("*")]
        names = {path.name for path in written}
        assert {"spool.sqlite", "journal.sqlite", "endpoint.json"} <= names, names
        assert [path for path in written if stat.S_ISSOCK(path.lstat().st_mode)]
        assert any(path.stat().st_size > 500_000 for path in written if path.parent.name == "bodies"), "a body in its own file"
        open_to_others = [str(path) for path in written if not path.is_symlink() and path.stat().st_mode & 0o077]
    assert not open_to_others
