"""Captured mail taken apart: whole where it is whole, something of it where it is broken, and never at any price."""

from __future__ import annotations

import time
from email.message import EmailMessage

import pytest

from gatepost.relay.capture.parts import MAX_REMOTE, part_of, take_apart
from gatepost.relay.capture.summary import summary_of


def mail(**headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Zoë <zoe@example.org>", "bob@example.org", "Grüße"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return message


def sent(message: EmailMessage) -> bytes:
    return message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def test_a_plain_message_is_its_own_first_part() -> None:
    message = mail()
    message.set_content("Guten Tag\n")
    content = sent(message)
    found = take_apart(content, len(content))
    assert found.structure is not None
    assert (found.structure.number, found.structure.content_type, found.text.strip()) == ("1", "text/plain", "Guten Tag")
    assert {header.name: header.value for header in found.headers}["Subject"] == "Grüße"
    assert {header.name: header.raw for header in found.headers}["Subject"].startswith("=?utf-8?")
    assert (found.truncated, found.problem, found.attachments) == (False, "", ())
    part = part_of(content, "1")
    assert part is not None
    assert part[1] == b"Guten Tag\r\n"


def test_parts_are_numbered_as_in_imap_and_saved_decoded() -> None:
    message = mail()
    message.set_content("text")
    message.add_alternative("<p>html</p>", subtype="html")
    message.add_attachment(b"\x00\x01", maintype="application", subtype="octet-stream", filename="a.bin")
    inner = mail()
    inner.set_content("forwarded")
    message.add_attachment(inner)
    content = sent(message)
    found = take_apart(content, len(content))
    assert found.structure is not None
    alternative, binary, forwarded = found.structure.parts
    assert [part.number for part in alternative.parts] == ["1.1", "1.2"]
    assert (binary.number, binary.filename, binary.size, binary.is_attachment) == ("2", "a.bin", 2, True)
    assert (forwarded.number, forwarded.content_type, forwarded.parts) == ("3", "message/rfc822", ())
    assert [part.number for part in found.attachments] == ["2", "3"]
    html, attached, saved = (part_of(content, number) for number in ("1.2", "2", "3"))
    assert html is not None
    assert attached is not None
    assert saved is not None
    assert html[1].strip() == b"<p>html</p>"
    assert attached[1] == b"\x00\x01"
    assert b"forwarded" in saved[1]
    assert part_of(content, "1") is None
    assert part_of(content, "4") is None


def test_html_is_given_raw_and_clean_with_what_it_would_have_loaded() -> None:
    message = mail()
    html = (
        '<style>@import "https://css.example/a.css"; b{background:url(//bg.example/b)}</style><script>x()</script>'
        '<img src="https://pix.example/1.gif"><img src=cid:logo><body background=http://back.example/><p>Hello</p>'
    )
    message.set_content(html, subtype="html")
    content = sent(message)
    found = take_apart(content, len(content))
    assert "<script>" in found.html
    assert "script" not in found.clean_html
    assert "example" not in found.clean_html
    assert 'src="cid:logo"' in found.clean_html
    assert found.remote == (
        "https://css.example/a.css", "//bg.example/b", "https://pix.example/1.gif", "http://back.example/"
    )  # fmt: skip
    assert found.text == ""
    assert summary_of(content).preview == "Hello"


BROKEN = {
    "nothing": b"",
    "no header": b"\r\nHello\r\n",
    "only octets": bytes(range(256)) * 10,
    "a boundary that never comes": b"Content-Type: multipart/mixed; boundary=x\r\n\r\nHello\r\n",
    "no boundary": b"Content-Type: multipart/mixed\r\n\r\nHello\r\n",
    "an unknown charset": b"Content-Type: text/plain; charset=klingon\r\n\r\nHello\r\n",
    "an unknown encoding": b"Content-Transfer-Encoding: rot13\r\n\r\nHello\r\n",
    "bad base64": b"Content-Transfer-Encoding: base64\r\n\r\n====!!\r\n",
    "bad names": b"Content-Disposition: attachment; filename*=utf-8''%ff%fe\"\r\n\r\nx\r\n",
    "addresses": b"From: <<<>>>,,,;:@\r\nTo: =?utf-8?b?!!!?=\r\nSubject: =?x?y?z?=\r\n\r\nHello\r\n",
    "a day that never comes": b"Date: Mon, 1 Jan 99999999999999999999 00:00:00 +0000\r\n\r\nHello\r\n",
    "a parameter of very many digits": b"Content-Type: text/plain; a*" + b"9" * 5000 + b"=y\r\n\r\nHello\r\n",
    "controls": b"Subject: a\x00b\x07\x1b[31m\r\n\r\nHello\r\n",
    "a message in a message that is none": b"Content-Type: message/rfc822\r\n\r\n",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_broken_mail_is_shown_as_far_as_it_goes(content: bytes) -> None:
    found, summary = take_apart(content, len(content)), summary_of(content)
    assert found.problem == "" or found.structure is None
    for text in (summary.subject, summary.from_header, summary.to_header, summary.preview):
        assert text.isprintable()
    if b"Hello" in content:
        assert "Hello" in found.text + summary.text
    part_of(content, "1")


BOMBS = {
    "deep": b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(3000)),
    "wide": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 200_000,
    "messages": b"Content-Type: message/rfc822\r\n\r\n" * 20_000,
    "one field": b"From: " + b"(" * 1_900_000 + b"\r\n\r\nx\r\n",
    "fields": b"X: y\r\n" * 40_000 + b"\r\nx\r\n",
    "encoded words": b"Subject: " + b"=?utf-8?q?a?= " * 100_000 + b"\r\n\r\nx\r\n",
    "tags": b"Content-Type: text/html\r\n\r\n" + b"<b " * 600_000,
    "sources": b"Content-Type: text/html\r\n\r\n" + b"src=" * 50_000 + b"src= //x.example " * 20_000,
}


@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS)
def test_a_bomb_costs_a_moment(content: bytes) -> None:
    summary_of(b"Subject: warm\r\n\r\n<p>up</p>")
    began = time.process_time()
    found = take_apart(content, len(content))
    summary_of(content[:262_144])
    part_of(content, "1")
    assert time.process_time() - began < 3.0
    assert len(found.remote) <= MAX_REMOTE
    assert found.problem or found.truncated or len(content) < 2_000_000


def test_the_summary_has_what_lists_and_searches_need() -> None:
    message = mail(Cc="carl@example.org", Message_ID="<1@example.org>")
    message.set_content("Hello\n  there\n" + "x" * 30_000)
    message.add_attachment(b"x", maintype="image", subtype="png", filename="Übersicht.png")
    found = summary_of(sent(message))
    assert (found.subject, found.from_header) == ("Grüße", "Zoë <zoe@example.org>")
    assert (found.to_header, found.message_id_header) == ("bob@example.org, carl@example.org", "<1@example.org>")
    assert found.preview.startswith("Hello there xxx")
    assert len(found.preview) <= 160
    assert "Übersicht.png" in found.text
    assert "<1@example.org>" in found.text
    assert found.attachment_count == 1
