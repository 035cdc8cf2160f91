from __future__ import annotations

import pytest

from gatepost.model.reply import Reply
from gatepost.relay.delivery.replies import MAX_LINE, MAX_LINES, ReplyReader, reply_from_text


def test_replies_are_found_however_they_are_cut_into_segments() -> None:
    stream = b"250 2.1.0 ok\r\n250-2.1.5 first\r\n250 2.1.5 second\r\n354 go on\r\n"
    expected = [Reply(250, "2.1.0", "ok"), Reply(250, "2.1.5", "first\nsecond"), Reply(354, "", "go on")]
    for size in range(1, len(stream)):
        reader = ReplyReader()
        found = [reply for start in range(0, len(stream), size) for reply in reader.feed(stream[start : start + size])]
        assert found == expected
        assert reader.error is None


def test_a_reply_that_is_repeated_is_still_read_as_one_each_time() -> None:
    reader = ReplyReader()
    assert reader.feed(b"250 ok\r\n" * 3) == [Reply(250, "", "ok")] * 3


def test_a_cached_line_does_not_end_another_replys_continuation() -> None:
    reader = ReplyReader()
    reader.feed(b"250 ok\r\n")
    assert reader.feed(b"250-first\r\n250 ok\r\n") == [Reply(250, "", "first\nok")]


def test_a_bare_code_and_a_bare_lf_are_tolerated() -> None:
    assert ReplyReader().feed(b"250\r\n220 x\n") == [Reply(250, "", ""), Reply(220, "", "x")]


@pytest.mark.parametrize(
    "octets",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28\r\n",
        b"999 no such code\r\n",
        b"2500 ok\r\n",
        b"250-first\r\n550 other code\r\n",
        b"250 " + b"x" * (MAX_LINE + 1) + b"\r\n",
        b"x" * (MAX_LINE + 1),
        b"250-more\r\n" * (MAX_LINES + 1),
        (b"250-" + b"x" * 8000 + b"\r\n") * 20,
    ],
)
def test_what_is_not_a_bounded_reply_is_an_error(octets: bytes) -> None:
    reader = ReplyReader()
    assert reader.feed(octets) == []
    assert reader.error is not None
    assert reader.feed(b"250 ok\r\n") == []


def test_a_reply_before_the_nonsense_still_counts() -> None:
    reader = ReplyReader()
    assert reader.feed(b"250 2.0.0 queued\r\nnonsense\r\n") == [Reply(250, "2.0.0", "queued")]
    assert reader.error is not None


def test_reply_text_is_printable_and_bounded() -> None:
    reply = reply_from_text(550, b"5.1.1 \x1b[31mred\x00 \xff" + b"y" * 5000)
    assert reply.enhanced == "5.1.1"
    assert reply.text.isprintable()
    assert len(reply.text) <= 1000


def test_an_enhanced_code_of_another_class_is_only_text() -> None:
    assert reply_from_text(450, "5.1.1 what").enhanced == ""
