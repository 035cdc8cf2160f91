"""Notifications, read back with the standard library's parser as a mail program would."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import Any

import pytest

from gatepost.model.envelope import BodyType, Notify, Recipient
from gatepost.model.reply import Reply
from gatepost.relay.delivery import dsn
from gatepost.relay.delivery.dsn import Action, Composed, Original, Report

NOW = 1_800_000_000.0
CONTENT = b"From: a@x.example\r\nMessage-ID: <m1@x.example>\r\nSubject: hello\r\n\r\nBody text\r\n"
GONE = Reply(550, "5.1.1", "No such user\nreally not")


def original(content: bytes = CONTENT, **fields: Any) -> Original:
    values: dict[str, Any] = {"size": len(content), "subject": "hello", "message_id": "<m1@x.example>", **fields}
    return Original("00000Z", values.pop("sender", "a@x.example"), NOW - 3600, content=content, **values)


def report(action: Action = Action.FAILED, address: str = "b@y.example", **fields: Any) -> Report:
    recipient = Recipient(address, fields.pop("notify", Notify.UNSPECIFIED), fields.pop("orcpt", ""))
    return Report(recipient, action, fields.pop("reply", GONE), fields.pop("remote", "mx.y.example"), NOW, **fields)


def composed(message: Original, *reports: Report) -> Composed:
    return dsn.compose(message, reports, host_name="relay.test", postmaster="postmaster@relay.test", now=NOW, serial="00000Z.7")


def parsed(result: Composed) -> EmailMessage:
    policy = email.policy.SMTPUTF8 if result.smtputf8 else email.policy.SMTP
    message = email.message_from_bytes(result.content, policy=policy)
    assert isinstance(message, EmailMessage)
    return message


def fields_of(message: EmailMessage, group: int) -> dict[str, str]:
    part = list(message.iter_parts())[1]
    blocks = part.get_payload()
    if isinstance(blocks, list):
        return {k: str(v) for k, v in blocks[group].items()}
    text = part.get_content()
    text = text.decode() if isinstance(text, bytes) else text
    return dict(line.split(": ", 1) for line in text.replace("\r\n", "\n").strip().split("\n\n")[group].split("\n"))


def test_it_is_a_report_with_all_its_fields() -> None:
    result = composed(
        original(envid="QQ+2B1"),
        report(orcpt="rfc822;Bob+2Btag@y.example"),
        report(Action.DELAYED, "c@y.example", retry_until=NOW + 60),
    )
    message = parsed(result)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert message["From"] == "Mail Delivery System <MAILER-DAEMON@relay.test>"
    assert message["To"] == "<a@x.example>" or message["To"] == "a@x.example"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["In-Reply-To"] == "<m1@x.example>"
    text, status, returned = message.iter_parts()
    assert [p.get_content_type() for p in (text, status, returned)] == [
        "text/plain",
        "message/delivery-status",
        "message/rfc822",
    ]
    head = fields_of(message, 0)
    assert head["Reporting-MTA"] == "dns; relay.test"
    assert head["Original-Envelope-Id"] == "QQ+1"
    assert head["Arrival-Date"] == "Fri, 15 Jan 2027 07:00:00 +0000"
    failed = fields_of(message, 1)
    assert failed["Original-Recipient"] == "rfc822; Bob+tag@y.example"
    assert failed["Final-Recipient"] == "rfc822; b@y.example"
    assert (failed["Action"], failed["Status"]) == ("failed", "5.1.1")
    assert failed["Remote-MTA"] == "dns; mx.y.example"
    assert failed["Diagnostic-Code"].startswith("smtp; 550 5.1.1 No such user / really not")
    assert failed["Last-Attempt-Date"] == "Fri, 15 Jan 2027 08:00:00 +0000"
    assert "Will-Retry-Until" not in failed
    assert fields_of(message, 2)["Will-Retry-Until"] == "Fri, 15 Jan 2027 08:01:00 +0000"


def test_the_text_says_what_happened_and_what_to_do() -> None:
    text = next(iter(parsed(composed(original(), report())).iter_parts())).get_content()
    assert "“hello”" in text
    assert "There is no such address there." in text
    assert "Check the address for typing mistakes" in text
    assert "mx.y.example said: 550 5.1.1 No such user" in text
    assert "postmaster@relay.test" in text


def test_our_own_words_are_not_put_into_another_servers_mouth() -> None:
    failed = fields_of(
        parsed(composed(original(), report(remote="", reply=Reply(451, "4.4.1", "nobody answers"), status="4.4.7"))), 1
    )
    assert failed["Status"] == "4.4.7"
    assert "Remote-MTA" not in failed
    assert failed["Diagnostic-Code"] == "x-gatepost; nobody answers"


@pytest.mark.parametrize(
    ("ret", "action", "size", "kind"),
    [
        ("", Action.FAILED, 100, "message/rfc822"),
        ("FULL", Action.FAILED, 100, "message/rfc822"),
        ("HDRS", Action.FAILED, 100, "text/rfc822-headers"),
        ("FULL", Action.FAILED, 60_000, "text/rfc822-headers"),
        ("FULL", Action.DELAYED, 100, "text/rfc822-headers"),
        ("FULL", Action.RELAYED, 100, "text/rfc822-headers"),
    ],
)
def test_content_is_returned_for_failures_within_bounds(ret: str, action: Action, size: int, kind: str) -> None:
    content = CONTENT + b"x" * 70 * 0 + (b"y" * 68 + b"\r\n") * (size // 70)
    result = composed(original(content, ret=ret), report(action))
    returned = list(parsed(result).iter_parts())[2]
    assert returned.get_content_type() == kind
    assert (b"Body text" in result.content) == (kind == "message/rfc822")
    assert b"Subject: hello" in result.content


@pytest.mark.parametrize(
    ("notify", "wanted"),
    [
        (Notify.UNSPECIFIED, {Action.FAILED, Action.DELAYED}),
        (Notify.NEVER, set()),
        (Notify.FAILURE, {Action.FAILED}),
        (Notify.DELAY, {Action.DELAYED}),
        (Notify.SUCCESS, {Action.RELAYED}),
        (Notify.SUCCESS | Notify.FAILURE | Notify.DELAY, {Action.FAILED, Action.DELAYED, Action.RELAYED}),
    ],
)
def test_notify_decides(notify: Notify, wanted: set[Action]) -> None:
    assert {a for a in Action if dsn.owed("a@x.example", [report(a, notify=notify)])} == wanted


def test_nothing_is_owed_to_the_null_sender() -> None:
    assert dsn.owed("", [report()]) == ()


def test_reports_are_recognised_whatever_their_sender() -> None:
    assert dsn.is_notification(b"From: x\r\nContent-type:  multipart/REPORT; report-type=delivery-status\r\n\r\n")
    assert dsn.is_notification(b'Content-Type: multipart/report;\r\n\tboundary=q;\r\n report-type="Delivery-Status"\r\n\r\n')
    assert dsn.is_notification(b"Content-Type: multipart/report; report-type=disposition-notification\r\n\r\n")
    assert dsn.is_notification(b"Content-Type: multipart/report; boundary=q\r\nX: report-type=tlsrpt\r\n\r\n")
    assert not dsn.is_notification(b"From: x\r\n\r\nContent-Type: multipart/report\r\n")


@pytest.mark.parametrize("kind", ["feedback-report", "tlsrpt", '"feedback-report"'])
def test_a_report_on_something_else_than_mail_is_a_message_like_another(kind: str) -> None:
    """Who reports abuse (RFC 5965) or on TLS (RFC 8460) must hear that the report did not arrive."""
    for folding in (" ", "\r\n\t"):
        field = f"Content-Type: multipart/report; boundary=q;{folding}report-type={kind}\r\n\r\n"
        assert not dsn.is_notification(f"From: x\r\n{field}".encode())


@pytest.mark.parametrize(
    "hostile", ["x\r\nBcc: victim@z.example", "\r\n\r\nAction: relayed\r\n", "é\x00\x1b[2J", "long " * 3000, "y" * 5000]
)
def test_a_hostile_reply_stays_inside_its_field(hostile: str) -> None:
    result = composed(original(), report(reply=Reply(550, "5.0.0", hostile), remote=hostile, orcpt="rfc822;" + hostile))
    message = parsed(result)
    assert len(list(message.iter_parts())) == 3
    assert "Bcc" not in message
    assert fields_of(message, 1)["Action"] == "failed"
    assert max(len(line) for line in result.content.split(b"\r\n")) <= 998
    assert b"\x00" not in result.content
    assert b"\x1b" not in result.content
    assert result.content.isascii()
    assert b"\n" not in result.content.replace(b"\r\n", b"")


def test_a_hostile_subject_and_message_id_stay_out() -> None:
    result = composed(original(subject="a\r\nX-Evil: 1", message_id="<a@b>\r\nX-Evil: 2"), report())
    message = parsed(result)
    assert "X-Evil" not in message
    assert "In-Reply-To" not in message


def test_a_content_that_guesses_the_boundary_does_not_end_it() -> None:
    first = composed(original(), report())
    boundary = parsed(first).get_boundary()
    content = CONTENT + f"--{boundary}--\r\n".encode()
    assert len(list(parsed(composed(original(content), report())).iter_parts())) == 3


def test_internationalised_mail_gets_an_internationalised_report() -> None:
    content = "From: ü@x.example\r\nSubject: Grüße\r\n\r\nText\r\n".encode()
    result = composed(original(content, sender="ü@x.example", smtputf8=True), report(address="bö@y.example"))
    assert (result.smtputf8, result.body) == (True, BodyType.EIGHT_BIT_MIME)
    types = [part.get_content_type() for part in parsed(result).iter_parts()]
    assert types == ["text/plain", "message/global-delivery-status", "message/global"]
    assert "Final-Recipient: utf-8; bö@y.example" in result.content.decode()


def test_eight_bit_headers_are_quoted_in_seven_bits() -> None:
    content = b"From: a@x.example\r\nSubject: Gr\xfc\xdfe\r\n\r\nText\r\n"
    result = composed(original(content, ret="HDRS"), report())
    assert result.body is BodyType.SEVEN_BIT
    assert result.content.isascii()
    assert "=FC" in list(parsed(result).iter_parts())[2].as_string()


def test_one_notification_serves_many_recipients() -> None:
    result = composed(original(), *(report(address=f"b{n}@y.example") for n in range(40)))
    assert result.content.count(b"Final-Recipient: rfc822;") == 40
