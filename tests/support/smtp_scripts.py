"""What SMTP clients say that mean no good, or know no better: for sessions that must answer them all the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import strategies as st

_REPLY = re.compile(r"(?:220|250|354)[ -][ -~]{0,507}|[2-5][0-5]\d[ -][245]\.\d{1,3}\.\d{1,3} [ -~]{1,500}|334 [A-Za-z0-9+/=]*")
_BLANK = st.sampled_from([b" ", b"  ", b"", b"\t"])


def cased(word: bytes) -> st.SearchStrategy[bytes]:
    return st.sampled_from([word, word.lower(), word.title()])


_PARAMETERS = st.lists(
    st.sampled_from(
        [
            b"SIZE=1000", b"size=5", b"SIZE=", b"SIZE=99999999999999999999", b"SIZE=-1", b"BODY=8BITMIME", b"body=7bit",
            b"BODY=BINARYMIME", b"SMTPUTF8", b"SMTPUTF8=1", b"RET=HDRS", b"ret=full", b"ENVID=x+20y", b"ENVID=+", b"AUTH=<>",
            b"AUTH=a+40b", b"X-NEW=1", b"=", b"\xc3\xa9=1", b"NOTIFY=NEVER", b"NOTIFY=SUCCESS,FAILURE", b"NOTIFY=SUCCESS,NEVER",
            b"ORCPT=rfc822;b@example.org", b"ORCPT=x", b"ORCPT=utf-8;\xc3\xbc@example.org",
        ]
    ),
    max_size=4,
).map(lambda found: b"".join(b" " + one for one in found))  # fmt: skip
_PATHS = st.sampled_from(
    [
        b"<a@example.com>", b"<b@example.org>", b"<>", b"<c@x.sub.example.org>", b"a@example.com", b"<postmaster>",
        b"<@relay.example:b@example.org>", b'<"a b"@example.org>', b"<\xc3\xbc@example.org>", b"<\xff@example.org>",
        b"<b@elsewhere.example>", b"<b%other@example.org>", b"<b@[127.0.0.1]>", b"<b@example.org", b"<" + b"x" * 300 + b"@a.b>",
        b"<b\x00@example.org>", b"<b@example.org>>", b"<b\r@example.org>",
    ]
)  # fmt: skip
_TEXT = st.lists(
    st.sampled_from(
        [b"Subject: x\r\n", b"\r\n", b"..\r\n", b".x\r\n", b"words\r\n", b"\xc3\xa9\r\n", b".\n", b"\r", b"\n.\r\n", b"\n",
         b"\x00", b"\r\n.\n", b"\r.\r\n", b"x" * 1200 + b"\r\n", b"\xff\xfe\r\n"]
    ),
    max_size=6,
).map(b"".join)  # fmt: skip
_GOOD_TEXT = st.sampled_from([b"Subject: x\r\n\r\n..dot\r\nwords\r\n", b"", b"no header\r\n", b"A: \xc3\xa9\r\n\r\n\xff\r\n"])
_SENDER = st.builds(lambda c, rest: c + b"<a@example.com>" + rest + b"\r\n", cased(b"MAIL FROM:"), _PARAMETERS)
_MAILS = st.builds(lambda c, b, p, r: c + b + p + r + b"\r\n", cased(b"MAIL FROM:"), _BLANK, _PATHS, _PARAMETERS)
_RCPTS = st.builds(lambda c, b, p, r: c + b + p + r + b"\r\n", cased(b"RCPT TO:"), _BLANK, _PATHS, _PARAMETERS)


def _chunk(octets: bytes, last: bytes, wrong: int) -> bytes:
    return b"BDAT %d%s\r\n" % (max(len(octets) + wrong, 0), last) + octets


_BDAT = st.builds(
    _chunk, _TEXT | _GOOD_TEXT, st.sampled_from([b"", b" LAST", b" last"]), st.sampled_from([0, 0, 0, 0, 0, 1, -1])
)
_WHOLE = st.builds(
    lambda text, end: b"RSET\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n" + end(text),
    _TEXT | _GOOD_TEXT,
    st.sampled_from([lambda t: b"DATA\r\n" + t + b"\r\n.\r\n", lambda t: _chunk(t, b"", 0) + _chunk(b"", b" LAST", 0)]),
)
_HELLOS = st.sampled_from(
    [b"EHLO client.example.com\r\n", b"HELO client.example.com\r\n", b"ehlo [127.0.0.1]\r\n", b"EHLO\r\n", b"EHLO a b\r\n",
     b"EHLO \xc3\xbc.example\r\n", b"EHLO -x\r\n", b"HELO " + b"a" * 400 + b"\r\n"]
)  # fmt: skip
_JUNK = st.sampled_from(
    [b"\r\n", b" \r\n", b"NOOP\r\n", b"NOOP x y\r\n", b"RSET\r\n", b"RSET x\r\n", b"HELP\r\n", b"HELP MAIL\r\n",
     b"HELP nothing\r\n", b"VRFY a@example.org\r\n", b"VRFY\r\n", b"EXPN list\r\n", b"ETRN example.org\r\n", b"TURN\r\n",
     b"XCLIENT NAME=x\r\n", b"\x00\r\n", b"NOOP\rRSET\r\n", b"NOOP\n", b"\xff\xfd\r\n", b"NOOP \xff\r\n", b"MAIL\r\n",
     b"DATA x\r\n", b"BDAT\r\n", b"BDAT x\r\n", b"BDAT 1 2\r\n", b"BDAT -1\r\n", b"BDAT \xd9\xa1\r\na",
     b"x" * 2047 + b"\r\n", b"x" * 2048 + b"\r\n", b"x" * 5000 + b"\r\n", b"NOOP " + b"y" * 9000 + b"\r\nNOOP\r\n",
     b"x" * 70_000 + b"\r\n", b"AUTH\r\n", b"AUTH PLAIN =\r\n", b"AUTH PLAIN !\r\n", b"AUTH PLAIN\r\n*\r\n",
     b"AUTH PLAIN\r\nQQ==\r\n", b"AUTH LOGIN\r\nQQ==\r\n*\r\n", b"AUTH LOGIN QQ==\r\n\r\n", b"AUTH CRAM-MD5\r\n",
     b"AUTH PLAIN\r\n" + b"Q" * 12_284 + b"\r\n", b"AUTH PLAIN\r\n" + b"Q" * 30_000 + b"\r\nNOOP\r\n", b"QUIT\r\n",
     b"QUIT x\r\n", b"STARTTLS x\r\n", b"GET / HTTP/1.1\r\n", b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n"]
)  # fmt: skip
_STEPS = st.one_of(_WHOLE, _WHOLE, _HELLOS, _SENDER, _MAILS, _RCPTS, _BDAT, _JUNK, _JUNK)
SCRIPTS = st.tuples(
    st.sampled_from([b"EHLO client.example.com\r\n"] * 9 + [b""]),
    st.lists(_STEPS, max_size=8).map(b"".join),
    st.sampled_from([b"", b"", b"", b"DATA\r\n", b"DATA\r\nx\r\n.\r\n"]),
).map(b"".join)
"""A session in one piece. What follows a refused DATA stands at most at its end."""


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[begin:end] for begin, end in pairwise(ends)]


def well_formed(lines: Sequence[str]) -> None:
    """RFC 5321 §4.2: code, separator, printable text; the lines of one reply have one code, and only the last a space."""
    code = ""
    for line in lines:
        assert _REPLY.fullmatch(line), line
        assert not code or line[:3] == code, lines
        code = line[:3] if line[3] == "-" else ""
        assert "reference" not in line, line
    assert not code, "the last reply is whole"
