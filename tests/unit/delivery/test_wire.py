from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.relay.delivery import wire as module
from gatepost.relay.delivery.wire import ContentUnreadable, WireReader, scan, wire

CASES = [
    (b"", b".\r\n"),
    (b"a\r\n", b"a\r\n.\r\n"),
    (b"a", b"a\r\n.\r\n"),
    (b".\r\n", b"..\r\n.\r\n"),
    (b"a\r\n.\r\nMAIL FROM:<x@y>\r\n", b"a\r\n..\r\nMAIL FROM:<x@y>\r\n.\r\n"),
    (b"a\r\n..b\r\n.c", b"a\r\n...b\r\n..c\r\n.\r\n"),
    (b"a.b\r\n", b"a.b\r\n.\r\n"),
    (b"\r\n.\r\n", b"\r\n..\r\n.\r\n"),
    # Bare line ends: the peer must never see one.
    (b"a\n.\nRSET\n", b"a\r\n..\r\nRSET\r\n.\r\n"),
    (b"a\r.\rb", b"a . b\r\n.\r\n"),
    (b"a\n\rb\r\n", b"a\r\n b\r\n.\r\n"),
    (b"a\r\n.\n.\r\n", b"a\r\n..\r\n..\r\n.\r\n"),
    (b"a\r", b"a \r\n.\r\n"),
    (b"a\r\r\nb\r\n", b"a \r\nb\r\n.\r\n"),
]


@dataclass(frozen=True)
class OnDisk:
    path: Path
    size: int


@pytest.mark.parametrize(("content", "expected"), CASES)
def test_content_is_stuffed_ended_and_free_of_bare_line_ends(content: bytes, expected: bytes) -> None:
    assert wire(content) == expected


@pytest.mark.parametrize(("content", "expected"), CASES)
@pytest.mark.parametrize("chunk", [1, 2, 3, 5])
def test_chunks_of_any_size_give_the_same_octets(
    content: bytes, expected: bytes, chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", chunk)
    file = tmp_path / "body"
    file.write_bytes(content)
    reader = WireReader(OnDisk(file, len(content)))
    parts = []
    while part := reader.read():
        parts.append(part)
    assert b"".join(parts) + reader.ending == expected


def test_a_file_that_became_shorter_is_not_sent_as_if_it_were_whole(tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_bytes(b"half\r\n")
    reader = WireReader(OnDisk(file, 12))
    assert reader.read() == b"half\r\n"
    with pytest.raises(ContentUnreadable):
        reader.read()


def test_a_missing_file_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(ContentUnreadable, match="No such file"):
        WireReader(OnDisk(tmp_path / "gone", 1)).read()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a: b\r\n\r\nplain\r\n", (False, False)),
        (b"a: b\r\n\r\n\xc3\xa4\r\n", (True, False)),
        (b"a: \xc3\xa4\r\n\r\nplain\r\n", (True, True)),
    ],
)
def test_eight_bit_octets_are_found_in_body_and_header(content: bytes, expected: tuple[bool, bool], tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_bytes(content)
    assert scan(content) == expected
    assert scan(OnDisk(file, len(content))) == expected


@given(st.lists(st.sampled_from([b"\r", b"\n", b".", b"\x00", b"a", b"\r\n", b"\r\n.\r\n"]), max_size=30))
def test_nothing_on_the_wire_can_be_taken_for_another_end(parts: list[bytes]) -> None:
    sent = wire(b"".join(parts))
    assert sent.endswith(b".\r\n")
    assert b"\r" not in sent.replace(b"\r\n", b"")
    assert b"\n" not in sent.replace(b"\r\n", b"")
    assert (b"\r\n" + sent).find(b"\r\n.\r\n") == len(sent) - 3
