"""What a preview keeps of a stranger's message: enough to judge it, nothing that acts."""

from __future__ import annotations

import time
from email.message import EmailMessage

import pytest

from gatepost.desktop.pages.quarantine.mail_parts import MAX_TEXT, Preview, cleaned, preview_of

from ..mail import picture, prize_mail


def test_text_html_pictures_and_attachments_are_found() -> None:
    found = preview_of(prize_mail(3))

    assert dict(found.headers)["Subject"] == "You have won, number 3"
    assert dict(found.headers)["From"] == "Your bank <winner3@prize.example>"
    assert found.text.startswith("You have won!")
    assert found.pictures == {"logo@prize": picture()}
    assert [(a.name, a.kind) for a in found.attachments] == [("invoice.pdf.exe", "application/octet-stream")]
    assert not found.problem


def test_html_keeps_words_and_honest_links_only() -> None:
    html = preview_of(prize_mail(1)).html

    assert "could not be delivered" in html
    assert 'href="https://evil.example/login?to=bank.example"' in html
    assert 'src="cid:logo@prize"' in html
    for harm in ("script", "steal", "onload", "style", "iframe", "form", "input", "pixel", "file:", "javascript", "b.png"):
        assert harm not in html, harm


@pytest.mark.parametrize(
    "html",
    [
        '<img src="https://evil.example/x">', '<img src="//evil.example/x">', '<img src="file:///etc/passwd">',
        '<img src=" CID:x" onerror="x()">', '<a href="javascript:x()">a</a>', '<a href=" JaVaScRiPt:x()">a</a>',
        '<a href="data:text/html,x">a</a>', '<a href="file:///etc/passwd">a</a>', "<svg onload=x()>", "<math><mi//xlink:href>",
        '<link rel="stylesheet" href="https://evil.example">', '<meta http-equiv="refresh" content="0;url=https://evil.example">',
        '<div style="background:url(https://evil.example)">a</div>', '<base href="https://evil.example">',
        '<object data="https://evil.example">', '<body background="https://evil.example/x">',
    ],
)  # fmt: skip
def test_nothing_of_it_reaches_outside_or_runs(html: str) -> None:
    safe = cleaned(html).lower()

    assert "evil" not in safe
    assert "passwd" not in safe
    assert "x()" not in safe
    assert "data:" not in safe


def test_a_bomb_of_parts_is_looked_at_only_so_far() -> None:
    boundary = b"x"
    deep = b"".join(
        b'Content-Type: multipart/mixed; boundary="%s%d"\r\n\r\n--%s%d\r\n' % (boundary, n, boundary, n) for n in range(3000)
    )
    found = preview_of(b"Subject: deep\r\n" + deep)

    assert isinstance(found, Preview)
    many = EmailMessage()
    many.set_content("first")
    for _ in range(300):
        many.add_attachment(b"x", maintype="application", subtype="x")
    assert len(preview_of(many.as_bytes()).attachments) < 110


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\0\xff\xfe", b"Content-Type: text/plain; charset=no-such\r\n\r\nh\xe9llo",
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!", b"From: =?utf-8?q?\xff?= <a@b\r\n\r\nx",
        b"Date: Mon, 1 Jan 99999999999999999999 00:00:00 +0000\r\n\r\nx",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary", b"Subject: " + b"x" * 100_000 + b"\r\n\r\n" + b"y" * 500_000,
    ],
)  # fmt: skip
def test_broken_mail_is_shown_as_far_as_it_goes(content: bytes) -> None:
    found = preview_of(content)

    assert len(found.text) <= MAX_TEXT
    assert all(len(value) <= 2000 for _, value in found.headers)


PARTED = b"Subject: x\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n\r\nfirst words\r\n"
WORDS = b"=?utf-8?b?4pyT?= " * 110_000


@pytest.mark.parametrize(
    "bomb",
    [
        b"--q\r\n\r\n" * 280_000,
        b"--q\r\nContent-Disposition: attachment; filename=" + WORDS + b"\r\n\r\nx\r\n",
        b"".join(b"--q\r\nContent-Type: multipart/mixed; boundary=q%d\r\n\r\n" % n for n in range(40_000)),
        b"--q\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 40_000,
        b"--q\r\n" + b"Content-Description: " + b"(" * 1_000_000 + b"\r\n\r\nx",
    ],
    ids=["parts", "words", "containers", "messages", "comments"],
)
def test_a_bomb_costs_a_moment_and_what_comes_before_it_is_shown(bomb: bytes) -> None:
    preview_of(PARTED)
    began = time.process_time()
    found = preview_of(PARTED + bomb)
    assert time.process_time() - began < 2
    assert found.problem or found.text.startswith("first words")


def test_a_field_of_many_encoded_words_costs_a_moment() -> None:
    began = time.process_time()
    assert preview_of(b"Subject: " + WORDS[:300_000] + b"\r\n\r\nx").headers
    assert time.process_time() - began < 2
