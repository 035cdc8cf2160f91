"""The header is changed only where it must be; everything else keeps every octet."""

from __future__ import annotations

import email
import email.policy

import pytest

from gatepost.relay.inspection.editing import FORGEABLE, HeadEdit

MESSAGE = (
    b"Received: from a by b;\r\n\tMon, 1 Jan 2026 00:00:00 +0000\r\n"
    b"X-Gatepost-Spam: none; score=-50\r\n\t(forged)\r\n"
    b"Authentication-Results: mx.here.example;\r\n\tspf=pass\r\n"
    b"Authentication-Results: other.example; spf=fail\r\n"
    b"subject:  =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?q?_folded?=\r\n"
    b"From: ann@example.com\r\n"
    b"\r\n"
    b"Subject: in the body\r\nX-Gatepost-Spam: in the body\r\n"
)


def edited(edit: HeadEdit, content: bytes = MESSAGE) -> bytes:
    head, length = edit.apply(content)
    return head + content[length:]


def test_an_empty_edit_keeps_every_octet() -> None:
    assert HeadEdit().changes_nothing
    assert edited(HeadEdit()) == MESSAGE


def test_forged_fields_go_with_their_folded_lines_and_the_body_stays() -> None:
    result = edited(HeadEdit(remove=FORGEABLE))
    assert result == MESSAGE.replace(b"X-Gatepost-Spam: none; score=-50\r\n\t(forged)\r\n", b"")


def test_only_results_under_our_own_name_are_removed() -> None:
    result = edited(HeadEdit(remove_results_of=frozenset({"mx.here.example"})))
    assert b"mx.here.example" not in result
    assert b"other.example; spf=fail" in result


@pytest.mark.parametrize(("prefix", "expected"), [("SPAM-LOW:", "SPAM-LOW: Grüße folded"), ("ÜBEL:", "ÜBEL:Grüße folded")])
def test_a_prefix_stands_before_an_encoded_subject(prefix: str, expected: str) -> None:
    result = edited(HeadEdit(subject_prefix=prefix))
    assert email.message_from_bytes(result, policy=email.policy.default)["subject"] == expected
    assert result.endswith(b"\r\n\r\nSubject: in the body\r\nX-Gatepost-Spam: in the body\r\n")


def test_a_message_without_subject_gets_one() -> None:
    result = edited(HeadEdit(subject_prefix="SPAM:"), b"From: a@b.example\r\n\r\nbody\r\n")
    assert result == b"From: a@b.example\r\nSubject: SPAM:\r\n\r\nbody\r\n"


def test_a_message_without_header_or_without_body_is_kept() -> None:
    edit = HeadEdit(prepend=(b"X-A: 1\r\n",))
    assert edited(edit, b"\r\nbody\r\n") == b"X-A: 1\r\n\r\nbody\r\n"
    assert edited(edit, b"From: a@b.example\r\n") == b"X-A: 1\r\nFrom: a@b.example\r\n"


def test_added_fields_stand_on_top_in_order() -> None:
    edit = HeadEdit(prepend=(b"X-A: 1\r\n",)).with_field("X-B:two")
    assert edited(edit).startswith(b"X-A: 1\r\nX-B: two\r\nReceived: from a by b;\r\n")
