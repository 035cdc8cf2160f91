"""Whatever octets a message is made of, taking it apart says something and raises nothing."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.relay.capture.parts import part_of, take_apart
from gatepost.relay.capture.summary import summary_of

NAMES = st.sampled_from(
    (b"From", b"To", b"Cc", b"Subject", b"Date", b"MIME-Version", b"Message-ID", b"Content-Type", b"Content-Disposition",
     b"Content-Transfer-Encoding", b"Content-ID", b"Resent-Date", b"Sender", b"Reply-To", b"X")
)  # fmt: skip
PIECES = st.sampled_from(
    (b"<", b">", b"@", b'"', b"\\", b"(", b")", b";", b":", b",", b"=", b"?", b"=?utf-8?q?", b"=?x?b?", b"?=", b"*", b"*0*=",
     b"%ff",
     b"multipart/mixed; boundary=b", b"text/plain; charset=", b"message/rfc822", b"text/html", b"base64", b"quoted-printable",
     b"attachment; filename=", b"Mon, 1 Jan 2020 00:00:00 +0000", b"99999999999999999999999", b"\xff\xfe", b"\x00", b"\r\n ",
     b" ")
)  # fmt: skip
VALUES = st.lists(st.one_of(PIECES, st.binary(max_size=6)), max_size=8).map(b"".join)
HEADS = st.lists(st.tuples(NAMES, VALUES).map(b": ".join), max_size=8).map(b"\r\n".join)
BODIES = st.lists(
    st.one_of(st.sampled_from((b"\r\n--b\r\n", b"\r\n--b--\r\n", b"\r\n\r\n")), HEADS, st.binary(max_size=40)), max_size=8
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HEADS, BODIES.map(b"".join))
def test_nothing_makes_it_fail(head: bytes, body: bytes) -> None:
    content = head + b"\r\n\r\n" + body
    found, summary = take_apart(content, len(content)), summary_of(content)
    for text in (
        summary.subject,
        summary.from_header,
        summary.to_header,
        summary.preview,
        *(one.value for one in found.headers),
    ):
        assert text.isprintable()
    for part in (*found.attachments, *(found.structure.parts if found.structure is not None else ())):
        assert part.parts or part_of(content, part.number) is not None
