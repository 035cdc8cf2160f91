"""8-bit content in seven bits, read back as a mail program would."""

from __future__ import annotations

import email
import email.policy
import time
import tracemalloc
from email.message import EmailMessage

import pytest

from gatepost.relay.delivery.convert import MAX_CONVERSION, to_seven_bit

TEXT = (
    "From: a@x.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=q\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\n--q\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\nFrom here on\r\n--q\r\nContent-Type: application/octet-stream\r\n"
    "Content-Transfer-Encoding: binary\r\n\r\n\u00ff\u00fe\r\n--q--\r\n"
).encode()


def test_parts_survive_the_conversion() -> None:
    converted = to_seven_bit(TEXT)
    assert converted is not None
    assert converted.isascii()
    assert b"\n" not in converted.replace(b"\r\n", b"")
    message = email.message_from_bytes(converted, policy=email.policy.SMTP)
    assert isinstance(message, EmailMessage)
    text, data = message.iter_parts()
    assert text.get_content().replace("\r\n", "\n").startswith("Grüße\nFrom here on")
    assert data.get_payload(decode=True) == "\u00ff\u00fe".encode()
    assert message["Content-Transfer-Encoding"] == "7bit"


def test_a_message_without_mime_gets_what_says_how_it_is_encoded() -> None:
    converted = to_seven_bit("From: a@x.example\r\n\r\nGrüße\r\n".encode())
    assert converted is not None
    assert b"MIME-Version: 1.0" in converted
    assert b"charset=unknown-8bit" in converted


def test_what_cannot_be_done_faithfully_is_not_done() -> None:
    assert to_seven_bit("Subject: Grüße\r\n\r\nx\r\n".encode()) is None
    assert to_seven_bit(b"From: a\r\n\r\n\x00\xff") is None
    assert to_seven_bit(b"From: a\r\n\r\n" + b"\xff" * MAX_CONVERSION) is None


MIXED = b"From: a@x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\n"
NEST = b"Content-Type: multipart/mixed; boundary=q%d\r\n\r\n--q%d\r\n"
BOMBS = {
    "parts": MIXED + b"--q\r\n\r\n" * 1_000_000 + b"\xff\r\n",
    "nested": b"".join(NEST % (n, n) for n in range(20_000)) + b"\r\n\xff\r\n",
    "nested with many lines": b"".join(NEST % (n, n) for n in range(150)) + b"\r\n\xff\r\n" + b"--x\r\n" * 1_000_000,
    "messages in messages": b"Content-Type: message/rfc822\r\n\r\n" * 20_000 + b"\r\n\xff\r\n",
}


@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS)
def test_a_mime_bomb_is_not_taken_apart(content: bytes) -> None:
    assert len(content) <= MAX_CONVERSION
    tracemalloc.start()
    began = time.process_time()
    try:
        assert to_seven_bit(content) is None
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.process_time() - began < 2
    assert peak < 4 * MAX_CONVERSION
