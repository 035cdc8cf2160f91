"""Scanners that hang, die or are not there, seen from outside a real relay: what senders hear and administrators see."""

from __future__ import annotations

import smtplib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from gatepost.model.access import TrustedNetwork
from gatepost.model.configuration import Configuration
from gatepost.model.gateway import DomainForwardGateway
from gatepost.model.listener import Listener, ListenerMode
from gatepost.model.spam import SpamCard, SpamdSource, SpamPolicy, VirusPolicy
from tests.support.ports import free_port, is_listening, wait_until
from tests.support.relay_process import RelayProcess

MESSAGE = "From: ann@example.com\r\nSubject: Hello\r\n\r\nText\r\n"


class Scanner:
    """Takes connections and answers nothing. ``after``: hang up once so many octets have come."""

    def __init__(self, after: int | None = None) -> None:
        self._after = after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections.append(connection)
                if self._after is not None:
                    connection.recv(self._after)
                    connection.close()

    def close(self) -> None:
        self._listener.close()
        for connection in self.connections:
            connection.close()


@contextmanager
def scanner(after: int | None = None) -> Iterator[Scanner]:
    made = Scanner(after)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., tuple[RelayProcess, int]]]:
    relay = RelayProcess(tmp_path / "relay")

    def start(**policies: Any) -> tuple[RelayProcess, int]:
        port = free_port()
        relay.configure(
            Configuration(
                gateways=(
                    DomainForwardGateway(
                        id="gw-in", addresses=("198.51.100.7",), domains=("example.org",), spam=SpamCard(enabled=True)
                    ),
                ),
                listeners=(Listener(address="127.0.0.1", port=port, mode=ListenerMode.MX),),
                trusted_networks=(TrustedNetwork(network="127.0.0.1/32"),),
                **policies,
            )
        )
        relay.start()
        wait_until(lambda: is_listening(port), "the relay listens")
        return relay, port

    try:
        yield start
    finally:
        relay.__exit__(None, None, None)


def send(port: int, client: str = "127.0.0.9", text: str = MESSAGE) -> str:
    with smtplib.SMTP("127.0.0.1", port, source_address=(client, 0), timeout=60) as smtp:
        smtp.ehlo("mx.example.com")
        smtp.mail("ann@example.com")
        smtp.rcpt("bob@example.org")
        code, reply = smtp.data(text)
        return f"{code} {reply.decode()}"


def problems(relay: RelayProcess) -> dict[str, str]:
    return {item["title"]: item["detail"] for item in relay.api.get("/v1/status")["relay"]["problems"]}


def test_a_spam_scanner_that_hangs_delays_its_own_message_only_and_is_shown(start: Any) -> None:
    with scanner() as spamd:
        spam = SpamPolicy(spamd=SpamdSource(enabled=True, port=spamd.port), total_timeout_seconds=5)
        relay, port = start(spam=spam)
        replies: list[str] = []
        waiting = threading.Thread(target=lambda: replies.append(send(port)))
        waiting.start()
        wait_until(lambda: spamd.connections, "spamd is asked")
        for _ in range(20):
            assert send(port, client="127.0.0.1").startswith("250 ")
        assert not replies, "the others went on while the first one waited"
        waiting.join()
        assert replies[0].startswith("250 ")
        assert problems(relay)["spamd gives no answer."] == "no answer within 5 s"
        (scanned,) = (entry for entry in relay.api.timeline(replies[0].rpartition(" ")[2]) if entry["kind"] == "scanned")
        assert "spamd failed (no answer within 5 s)" in scanned["text"]
        assert "spamd failed" in relay.run("track", replies[0].rpartition(" ")[2]).stdout


@pytest.mark.parametrize("size", [100, 2_000_000])
def test_a_virus_scanner_that_dies_in_mid_scan_defers_and_is_not_held_against_the_next(start: Any, size: int) -> None:
    with scanner(after=10) as clamd:
        relay, port = start(virus=VirusPolicy(enabled=True, port=clamd.port, timeout_seconds=5))
        for _ in range(10):  # it may break off before, while or after a chunk is sent
            reply = send(port, text=MESSAGE + "x" * 60 + "\r\n" * (size // 2))
            assert reply == "451 4.7.1 The virus scanner is not available now, please try again later"
        assert relay.api.get("/v1/spool/counts")["total"] == 0
        assert list((relay.data / "bodies").iterdir()) == []


def test_a_virus_scanner_that_is_not_there_is_a_problem_and_mail_is_marked_where_that_was_chosen(start: Any) -> None:
    port_of_nobody = free_port()
    relay, port = start(virus=VirusPolicy(enabled=True, port=port_of_nobody))
    assert send(port).startswith("451 4.7.1 ")
    assert "clamd cannot be reached" in problems(relay)["clamd gives no answer."]
    assert "clamd" in relay.run("status").stdout
    relay.api.patch("/v1/virus", {"scanner_down": "accept-with-header"})
    assert send(port).startswith("250 ")
    (row,) = relay.api.post("/v1/spool/list", {})
    content = relay.api.call("GET", f"/v1/spool/messages/{row['queue_id']}/content").body
    assert b"X-Gatepost-Virus: not scanned\r\n" in content


def test_rules_without_any_source_are_warned_of(start: Any) -> None:
    relay, _ = start()
    saved = relay.api.patch("/v1/gateways/gw-in", {"description": "Head office"})
    assert "Head office: its spam rules are on, but no source is: every message scores 0." in saved["warnings"]
    relay.api.patch("/v1/spam", {"null_sender": {"enabled": True}})
    assert not any("no source" in text for text in relay.api.patch("/v1/gateways/gw-in", {"description": "Office"})["warnings"])
