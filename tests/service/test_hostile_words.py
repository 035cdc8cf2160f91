"""Words of strangers on their way through a whole relay: whatever they hold, one event is one line, printable, everywhere."""

from __future__ import annotations

import re
import socket
from base64 import b64encode
from pathlib import Path

from gatepost.model.capture import Capture
from tests.support.ports import wait_until
from tests.support.relaying import plain, relaying
from tests.support.smtp_peer import Raw, SmtpPeer
from tests.support.submission import submit

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (debug|info|warning|error|critical) \S+: ")
EVIL = "\x1b]0;owned\x07\x1b[2J\x1b[1A2026-11-28 00:00:00,000 info service: mail is stopped\u2028\x85\u202e\x00\x7f"
SUBJECT = f"=?utf-8?b?{b64encode(EVIL.encode()).decode()}?="
CONTENT = f"From: ann@example.com\r\nSubject: {SUBJECT}\r\nMessage-ID: <\x1b[31m@x>\r\n\r\nHello.\r\n".encode()


def said(port: int, *lines: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.settimeout(10)
        client.recv(4096)
        for line in lines:
            client.sendall(line + b"\r\n")
            client.recv(4096)


def is_calm(text: str) -> bool:
    """No control character but line ends, and nothing that ends a line or turns its direction for some programs."""
    return all(char == "\n" or (char.isprintable() and char not in "\u2028\u2029\x85\u202e") for char in text)


def test_no_word_of_a_stranger_forges_a_line_or_reaches_the_terminal(tmp_path: Path) -> None:
    evil = EVIL.encode().replace(b"\x00", b"")
    with SmtpPeer() as hop:
        hop.on("rcpt", Raw(b"550-5.1.1 " + evil + b"\r\n550 5.1.1 \xff\xfe no such user\r\n"), match="lost@")
        hop.on("rcpt", Raw(b"451 4.2.1 " + evil + b"\r\n"), match="later@")
        process, port = relaying(tmp_path, [plain(1, hop.port)], options=("--log-level", "debug"))
        with process as relay:
            said(port, b"EHLO " + evil, b"EHLO x", b"MAIL FROM:<" + evil + b"@x>", b"RCPT TO:<" + evil + b"@x>", evil)
            lost = submit(port, "ann@example.com", ["lost@example.net"], CONTENT)
            later = submit(port, "ann@example.com", ["later@example.net"], CONTENT)

            def has(kind: str, queue_id: str) -> bool:
                return kind in [entry["kind"] for entry in relay.api.timeline(queue_id)]

            wait_until(lambda: has("bounced", lost) and has("deferred", later), "both were answered")
            outputs = [
                relay.run("track", lost, "--dialogue").stdout,
                relay.run("track").stdout,
                relay.run("spool", "list").stdout,
                relay.run("spool", "show", later).stdout,
                relay.run("gateway", "list").stdout,
                relay.run("status").stdout,
            ]
            assert "no such user" in outputs[0]
            assert all(map(is_calm, outputs)), [text for text in outputs if not is_calm(text)]
            for queue_id in (lost, later):
                for entry in relay.api.timeline(queue_id):
                    words = [entry["text"], entry["recipient"], *(entry["data"] or {}).get("dialogue", [])]
                    assert all(is_calm(text) and "\n" not in text for text in words), entry
            for row in relay.api.tracked():
                assert is_calm(row["subject"])
                assert "\n" not in row["subject"]
            assert is_calm(relay.api.call("GET", "/metrics").body.decode())
        log = relay.log
    for text in (log, *(path.read_text(encoding="utf-8") for path in (relay.data / "logs").glob("*.log"))):
        assert is_calm(text)
        lines = text.split("\n")
        forged = [line for line in lines if "mail is stopped" in line and not LINE.match(line)]
        assert not forged
        assert all(not line.startswith("2026-11-28 00:00:00") for line in lines)


def test_a_captured_message_is_shown_without_what_steers_a_terminal(tmp_path: Path) -> None:
    body = f"first line\r\n\tsecond {EVIL.replace(chr(0), '')}\r\nlast line\r\n"
    content = f"From: ann@example.com\r\nSubject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}".encode()
    card = plain(1, 9).model_copy(update={"handling": Capture()})
    process, port = relaying(tmp_path, [card])
    with process as relay:
        submit(port, "ann@example.com", ["bob@example.net"], content)
        row = relay.command("inbox", "wait", "--to", "bob@example.net")
        shown = relay.run("inbox", "show", str(row["id"])).stdout
    assert "first line\n\tsecond" in shown, "lines and tabs are a text's own"
    assert "\nlast line\n" in shown
    assert is_calm(shown.replace("\t", "")), shown
