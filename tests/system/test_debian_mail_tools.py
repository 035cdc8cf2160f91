"""A real relay process between programs that administrators know: swaks, smtp-source, smtp-sink and Postfix."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gatepost.model.settings import Settings, SpoolSettings
from tests.support.mail_tools import SmtpSink, smtp_source, swaks
from tests.support.ports import wait_until
from tests.support.postfix import PostfixInstance
from tests.support.relay_process import RelayProcess
from tests.support.relaying import plain, relaying


def relay(folder: Path, *next_ports: int, settings: Settings | None = None) -> tuple[RelayProcess, int]:
    """A relay that spreads its mail over the given ports; and the port it listens on."""
    return relaying(folder / "relay", [plain(number, port) for number, port in enumerate(next_ports)], settings=settings)


def test_what_swaks_sends_arrives_with_a_trace_field_on_top_and_nothing_else_changed(folder: Path) -> None:
    with SmtpSink(folder, keep=folder / "mail") as sink:
        process, port = relay(folder, sink.port)
        with process:
            swaks(
                port, "--from", "ann@example.org", "--to", "bob@example.com", "--header", "Subject: =?utf-8?q?gr=C3=BCn?=",
                "--body", "one\n.\n..two\n",
            )  # fmt: skip
            sink.wait_for(1)
    (message,) = sink.messages()
    assert "X-Mail-Args: <ann@example.org>" in message
    assert "X-Rcpt-Args: <bob@example.com>" in message
    head, _, body = message.partition("\n\n")
    assert "Subject: =?utf-8?q?gr=C3=BCn?=" in head
    assert re.search(r"^Received: from .*\n(?:\s.*\n)*.*by ", head, re.MULTILINE)
    assert body.split("\n")[:3] == ["one", ".", "..two"]


def test_swaks_is_refused_a_recipient_that_cannot_be(folder: Path) -> None:
    process, port = relay(folder)
    with process:
        done = swaks(port, "--from", "ann@example.org", "--to", "bob@exa..mple.com", check=False)
    assert re.search(r"<\*\* 5\d\d 5\.1\.[0-9]", done.stdout), done.stdout
    assert done.returncode


@pytest.mark.parametrize("kept_open", [True, False], ids=["kept open", "a connection each"])
def test_every_message_of_smtp_source_is_delivered_once_and_the_spool_is_empty_after(folder: Path, kept_open: bool) -> None:
    with SmtpSink(folder) as first, SmtpSink(folder) as second:
        process, port = relay(folder, first.port, second.port)
        with process:
            smtp_source(port, 400, sessions=8, kept_open=kept_open)
            wait_until(lambda: first.count + second.count >= 400, "all messages arrived")
            wait_until(lambda: process.command("status")["spool"]["total"] == 0, "the spool is empty")
        assert first.count + second.count == 400
        assert abs(first.count - second.count) <= 8


def test_what_was_accepted_before_kill_9_is_delivered_after(folder: Path) -> None:
    with SmtpSink(folder, keep=folder / "mail") as sink:
        process, port = relay(folder, sink.port, settings=Settings(spool=SpoolSettings(delivery_delay_seconds=3)))
        with process:
            smtp_source(port, 300, sessions=10)
            process.kill()
            assert sink.count == 0, "the delay was meant to keep all of it in the spool"
            process.start()
            sink.wait_for(300)
            wait_until(lambda: process.command("status")["spool"]["total"] == 0, "the spool is empty")
    identifiers = {re.search(r"^Message-Id: (.*)$", text, re.MULTILINE | re.IGNORECASE) for text in sink.messages()}
    assert len({found.group(1) for found in identifiers if found}) == 300


def test_mail_goes_through_postfix_as_the_next_hop_and_comes_back_out_of_it(folder: Path) -> None:
    with (
        SmtpSink(folder, keep=folder / "mail") as sink,
        PostfixInstance(folder / "postfix", relayhost=f"[127.0.0.1]:{sink.port}") as postfix,
    ):
        process, port = relay(folder, postfix.port)
        with process:
            smtp_source(port, 50, sessions=5)
            sink.wait_for(50)
            wait_until(lambda: postfix.queued() == 0, "Postfix's queue is empty")
        assert sink.count == 50
    first = sink.messages()[0]
    assert "by postfix.example.org (Postfix)" in first
    assert first.count("\nReceived: ") == 3, "Gatepost's, Postfix's and the sink's own"
