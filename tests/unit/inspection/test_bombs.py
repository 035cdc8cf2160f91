"""Messages made to cost more than they weigh: what inspection does with a header stays small in time, whatever is in it.

A MIME structure is taken apart only by the conversion for servers without 8BITMIME (``test_convert``) and for the test inbox
(``capture/test_parts``).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from gatepost.model.envelope import Envelope
from gatepost.relay.inspection.editing import FORGEABLE, HeadEdit
from gatepost.relay.inspection.message import MAX_HEADER, Specimen, parse_header
from gatepost.relay.inspection.sources.authentication import author_domain, check_dkim
from gatepost.relay.inspection.sources.dns import Answer
from gatepost.relay.reception.head import examine

SIGNATURE = b"DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=s; h=from%s; bh=aaaa; b=bbbb\r\n"
FROM = b"From: a@a.example\r\n"
HEADS = {
    "nested comments": b"From: " + b"(" * 3000 + b"a@a.example\r\n",
    "closed comments": b"From: " + b"(a)" * 1200 + b"a@a.example\r\n",
    "nested comments, folded": b"From:\r\n" + b" ((((((((((((((((((((((\r\n" * 12_000,
    "quotes": b"From: " + b'"\\' * 1900 + b"\r\n",
    "angles": b"From: " + b"<" * 3900 + b"\r\n",
    "addresses": b"From: " + b"a@b," * 900 + b"\r\n",
    "a group in groups": b"From: " + b"a:" * 1900 + b"\r\n",
    "words in words": b"Subject: " + b"=?utf-8?q?=?utf-8?q?" * 15_000 + b"\r\n",
    "encoded words": b"Subject: " + b"=?utf-8?b?4pyT?= " * 15_000 + b"\r\n",
    "fields": b"a: b\r\n" * 50_000,
    "fields without a name": b":\r\n" * 100_000,
    "lines that go on": FROM + b"X: y\r\n" + b" \r\n" * 100_000,
    "a field of the longest": b"X" * 300_000 + b": y\r\n",
    "signatures": FROM + (SIGNATURE % b"") * 2500,
    "a signature over very many fields": FROM + SIGNATURE % (b":from" * 60_000),
    "a signature of very many tags": FROM + b"DKIM-Signature: " + b"v=1;" * 70_000 + b"\r\n",
    "authentication results": FROM + b"Authentication-Results: a.example; " + b"(" * 250_000 + b"\r\n",
}


def judged(content: bytes) -> None:
    specimen = Specimen(Envelope("a@a.example", ()), content, content[:MAX_HEADER])
    author_domain(specimen)
    check_dkim(specimen, lambda name, kind: Answer())


WORK: dict[str, Callable[[bytes], object]] = {
    "subject and message-id": lambda content: examine(content, b"by mx.gatepost.example"),
    "fields": parse_header,
    "author and signatures": judged,
    "edit": HeadEdit(remove=FORGEABLE, remove_results_of=frozenset({"a.example"}), subject_prefix="SPAM:").apply,
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_a_header_costs_no_more_than_its_size(work: Callable[[bytes], object], head: bytes) -> None:
    content = head + b"\r\nx\r\n"
    assert len(content) <= MAX_HEADER
    work(FROM + b"\r\nx\r\n")  # what is imported on the first use counts for nobody
    began = time.process_time()
    work(content)
    assert time.process_time() - began < 1.0
