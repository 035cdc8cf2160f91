"""Files of the pickup folder: envelope and content."""

from __future__ import annotations

import pytest

from gatepost.relay.reception.pickup.folder import Unusable
from gatepost.relay.reception.pickup.letter import read

PLAIN = b'From: Ann <ann@example.org>\nTo: bob@example.com, "C, D" <cd@example.com>\nCc: e@example.com\nSubject: x\n\nHello\n'


def test_without_x_fields_the_header_is_the_envelope() -> None:
    letter = read(PLAIN)
    assert letter.sender == "ann@example.org"
    assert letter.recipients == ("bob@example.com", "cd@example.com", "e@example.com")
    assert letter.content == PLAIN.replace(b"\n", b"\r\n")


def test_bcc_is_a_recipient_and_leaves_the_header() -> None:
    letter = read(PLAIN.replace(b"Cc:", b"Bcc: hidden@example.com,\n more@example.com\nCC:"))
    assert letter.recipients[-2:] == ("hidden@example.com", "more@example.com")
    assert b"hidden" not in letter.content
    assert b"more@" not in letter.content
    assert b"e@example.com" in letter.content


def test_x_sender_and_x_receiver_are_the_envelope_as_in_iis_and_leave_the_header() -> None:
    letter = read(b"x-sender: bounce@example.org\r\nx-receiver: one@example.com\r\nX-Receiver: two@example.com\r\n" + PLAIN)
    assert (letter.sender, letter.recipients) == ("bounce@example.org", ("one@example.com", "two@example.com"))
    assert b"bounce@" not in letter.content
    assert b"eceiver" not in letter.content


@pytest.mark.parametrize(("text", "sender"), [(b"<>", ""), (b"<a@example.org>", "a@example.org")])
def test_the_null_sender_is_written_as_in_smtp(text: bytes, sender: str) -> None:
    assert read(b"X-Sender: " + text + b"\n" + PLAIN).sender == sender


def test_sender_goes_before_from() -> None:
    assert read(b"Sender: secretary@example.org\n" + PLAIN).sender == "secretary@example.org"


def test_a_recipient_named_twice_gets_it_once() -> None:
    assert read(b"X-Receiver: a@example.com\nX-Receiver: a@EXAMPLE.com\n" + PLAIN).recipients == ("a@example.com",)


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
def test_line_ends_of_any_system_become_those_of_mail(ends: bytes) -> None:
    content = read(PLAIN.replace(b"\n", ends)).content
    assert content == PLAIN.replace(b"\n", b"\r\n")


def test_a_last_line_without_end_and_a_mark_at_the_beginning_do_no_harm() -> None:
    assert read(b"\xef\xbb\xbf" + PLAIN.rstrip()).content == PLAIN.replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"no header\n\nat all", b"From: a@example.org\n\nno recipient\n", b"To: a@example.org\n\nno sender\n",
        PLAIN.replace(b"bob@example.com", b"not an address"), PLAIN.replace(b"ann@example.org", b"nobody"),
        PLAIN.replace(b"Hello", b"Hel\0lo"), b"From: a@example.org\nTo: b@example.org\nno field here\n\nx",
        b"X-Receiver: a@b@c\n" + PLAIN,
        PLAIN.replace(b"e@example.com", b"e@example.com;f@example.com"),
        PLAIN.replace(b"e@example.com", b"(" * 5000), PLAIN.replace(b"e@example.com", b"x@y.example," * 9000),
        b"X: " + b"y" * 300_000 + b"\n" + PLAIN,
        b"".join(b"X-Receiver: u%d@example.com\n" % n for n in range(1001)) + PLAIN,
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_said_in_words(raw: bytes) -> None:
    with pytest.raises(Unusable, match=r"\w+ \w+"):
        read(raw)


@pytest.mark.parametrize("more", [b"undisclosed-recipients:;", b"Team: f@example.com;", b"f@example.com, "])
def test_groups_and_empty_places_are_lists_too(more: bytes) -> None:
    assert read(PLAIN.replace(b"e@example.com", more)).recipients[:2] == ("bob@example.com", "cd@example.com")


def test_nothing_in_a_display_name_becomes_a_recipient() -> None:
    raw = b"From: ann@example.org\nTo: =?utf-8?q?x=40evil=2Eexample=2C?= <bob@example.com>\n\nx\n"
    assert read(raw).recipients == ("bob@example.com",)


def test_addresses_on_which_the_standard_library_gives_up_are_unusable_like_others() -> None:
    """Else such a file would keep every one behind it waiting."""
    with pytest.raises(Unusable, match="cannot be read"):
        read(b"From: a@example.org\nTo: b@example.org\nCc: \x01],\r\n .):\n\nHi\n")
