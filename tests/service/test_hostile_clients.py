"""SMTP clients that mean no good, at a real relay process: it answers in valid lines, keeps its memory and descriptors, and
never fails."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.model.configuration import parse_configuration
from gatepost.relay.reception import scrypt_verifier
from tests.support import procfs
from tests.support.certificates import issued
from tests.support.ports import free_port, wait_until
from tests.support.relay_process import RelayProcess
from tests.support.smtp_scripts import SCRIPTS, cut, well_formed

KINDS = ("mx", "starttls", "tls", "proxy", "capture")
ENDS = ("read", "half-close", "reset", "never-read")
PREFACES = (
    b"", b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 25\r\n", b"PROXY UNKNOWN\r\n", b"PROXY " + b"x" * 200,
    b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12), b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff",
    b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00", b"\x16\x03\x01" + b"\x99" * 300, bytes(range(256)),
)  # fmt: skip


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    return {kind: free_port() for kind in KINDS}


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory, ports: dict[str, int]) -> Iterator[RelayProcess]:
    pair = issued()
    files = {"certificate_file": str(pair.certificate_file), "key_file": str(pair.key_file)}
    own = {
        "starttls": {"tls": "starttls", **files},
        "tls": {"tls": "tls", **files},
        "proxy": {"proxy_protocol_from": ["127.0.0.1"]},
        "capture": {"handling": {"action": "capture"}, "line_ends": "repair"},
    }
    process = RelayProcess(tmp_path_factory.mktemp("clients"), own_interpreter=True)
    process.configure(
        parse_configuration(
            {
                "listeners": [{"id": kind, "port": ports[kind], "mode": "mx", **own.get(kind, {})} for kind in KINDS],
                "gateways": [
                    {"id": "gw", "mode": "domain-forward", "addresses": ["198.51.100.7"], "domains": ["example.org"]},
                ],
                "users": [{"id": "u1", "username": "anna@example.com", "verifier": scrypt_verifier.make("pw")}],
                "settings": {"server": {"host_name": "mx.gatepost.example", "postmaster": "boss@example.org"}},
            }
        )
    )
    with process:
        process.api.post("/v1/pause", {})
        yield process


def descriptors(relay: RelayProcess) -> int:
    return len(os.listdir(f"/proc/{relay.pid}/fd"))


def talk(port: int, pieces: list[bytes], end: str) -> bytes:
    """What was heard, as far as that client listens. Raises TimeoutError where it is kept waiting after its last word."""
    heard = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client, tolerating_hang_up():
        for piece in pieces:
            client.sendall(piece)
        if end == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif end == "half-close":
            client.shutdown(socket.SHUT_WR)
            while piece := client.recv(1_000_000):
                heard += piece
        elif end == "read":
            client.settimeout(0.05)
            with contextlib.suppress(TimeoutError):
                while piece := client.recv(1_000_000):
                    heard += piece
    return heard


@contextlib.contextmanager
def tolerating_hang_up() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOTCONN, errno.EPIPE, errno.ECONNRESET):
            raise


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted in /proc")
def test_whatever_clients_say_and_however_they_leave(relay: RelayProcess, ports: dict[str, int]) -> None:
    before, memory = descriptors(relay), procfs.resident(relay.pid)

    @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        kind=st.sampled_from(KINDS),
        preface=st.sampled_from(PREFACES),
        script=SCRIPTS,
        places=st.lists(st.integers(0, 100_000), max_size=4),
        end=st.sampled_from(ENDS),
    )
    def attack(kind: str, preface: bytes, script: bytes, places: list[int], end: str) -> None:
        data = (preface if kind in ("proxy", "tls") or len(places) > 3 else b"") + script
        heard = talk(ports[kind], cut(data, places), end)
        if kind != "tls" and end == "half-close":
            well_formed(heard.decode("ascii").removesuffix("\r\n").split("\r\n") if heard else [])

    attack()
    wait_until(lambda: descriptors(relay) <= before + 2, "all connections are closed")
    assert procfs.resident(relay.pid) - memory < 60_000_000
    assert "Traceback" not in relay.log + (relay.data / "logs" / "relay.log").read_text(encoding="utf-8")
    assert relay.process.is_running


@pytest.mark.parametrize("junk", [b"EHLO y\r\nMAIL FROM:<>\r\n", b"\x16\x03\x01\x00\x05hello", bytes(300)])
def test_junk_in_the_place_of_a_handshake_ends_the_connection(relay: RelayProcess, ports: dict[str, int], junk: bytes) -> None:
    ready = b"220 2.0.0 Ready to start TLS\r\n"
    with socket.create_connection(("127.0.0.1", ports["starttls"]), timeout=10) as client:
        client.sendall(b"EHLO x\r\nSTARTTLS\r\n")
        heard = b""
        while not heard.endswith(ready):
            heard += client.recv(10_000)
        client.sendall(junk)
        with contextlib.suppress(ConnectionError):
            while piece := client.recv(10_000):
                heard += piece
    assert heard.partition(ready)[2][:1] in (b"", b"\x15"), "nothing, or an alert of TLS"
