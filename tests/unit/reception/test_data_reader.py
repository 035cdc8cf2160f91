"""Where DATA ends, whatever way the octets are cut into packets."""

from __future__ import annotations

import random

import pytest

from gatepost.relay.reception.data_reader import ChunkReader, DotReader


def read(chunks: list[bytes]) -> tuple[bytes, bytes | None, list[bytes]]:
    reader = DotReader()
    segments: list[bytes] = []
    for index, chunk in enumerate(chunks):
        segment, rest = reader.feed(chunk)
        segments.append(segment)
        if rest is not None:
            return b"".join(segments), rest + b"".join(chunks[index + 1 :]), segments
    return b"".join(segments), None, segments


CASES = [
    (b".\r\n", b""),
    (b"\r\n.\r\n", b"\r\n"),
    (b"a\r\n.\r\n", b"a\r\n"),
    (b"..\r\n.\r\n", b".\r\n"),
    (b".a\r\n..b\r\n.\r\n", b"a\r\n.b\r\n"),
    (b"...\r\n.\r\n", b"..\r\n"),
    (b"a\r\n..\r\n..\r\nb\r\n.\r\n", b"a\r\n.\r\n.\r\nb\r\n"),
    (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n"),
    (b"a\r\n.\nb\r\n.\r\n", b"a\r\n\nb\r\n"),
    (b"a\n.\r\nb\r\n.\r\n", b"a\n.\r\nb\r\n"),
    (b"a\r.\rb\r\n.\r\n", b"a\r.\rb\r\n"),
    (b"a\r\n.\rb\r\n.\r\n", b"a\r\n\rb\r\n"),
    (b"a\r\n\x00.\r\nb\r\n.\r\n", b"a\r\n\x00.\r\nb\r\n"),
    (b"a\r\n.\x00\r\nb\r\n.\r\n", b"a\r\n\x00\r\nb\r\n"),
    (b"a\r\r\n.\r\n", b"a\r\r\n"),
    (b"a\r\n.\r\r\nb\r\n.\r\n", b"a\r\n\r\r\nb\r\n"),
]


@pytest.mark.parametrize(("wire", "content"), CASES)
def test_the_end_is_found_wherever_packets_are_cut(wire: bytes, content: bytes) -> None:
    behind = b"MAIL FROM:<x@y>\r\n"
    whole = wire + behind
    for first in range(len(whole) + 1):
        for second in range(first, len(whole) + 1):
            found, rest, _ = read([whole[:first], whole[first:second], whole[second:]])
            assert (found, rest) == (content, behind), (first, second)
    assert read([whole[i : i + 1] for i in range(len(whole))])[:2] == (content, behind)


def test_octets_without_an_end_are_never_taken_for_one() -> None:
    ends = (b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n", b"\r\n.\r", b"\r\n\x00.\r\n", b"\r\n.\x00\r\n", b"\n.\r")
    for end in ends:
        assert read([b"text" + end + b"more"])[1] is None, end


def test_a_segment_never_ends_within_a_line_end() -> None:
    generator = random.Random(5)
    for _ in range(3000):
        wire = bytes(generator.choices(b"\r\n.a", k=generator.randrange(1, 40))) + b"\r\n.\r\n"
        cuts = sorted(generator.randrange(len(wire) + 1) for _ in range(4))
        chunks = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
        content, rest, segments = read(chunks)
        assert (content, rest) == read([wire])[:2]
        ends = sum(segment.count(b"\r\n") for segment in segments)
        assert ends == content.count(b"\r\n")


def test_chunks_of_known_size_are_cut_off_exactly_and_hold_no_half_line_end() -> None:
    reader = ChunkReader()
    reader.remaining = 4
    assert reader.feed(b"ab\r") == (b"ab", None)
    assert reader.feed(b"\nrest") == (b"\r\n", b"rest")
    reader.remaining = 1
    assert reader.feed(b"\rBDAT") == (b"", b"BDAT")
    assert reader.finish() == b"\r"
