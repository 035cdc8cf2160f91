"""MAIL and RCPT parameters (RFC 1870, 3461, 4954, 6152, 6531)."""

from __future__ import annotations

import pytest

from gatepost.model.envelope import BodyType, Notify
from gatepost.relay.reception.parameters import ParameterError, parse_mail, parse_rcpt


def test_a_plain_sender_with_everything_keeps_the_case_of_its_values() -> None:
    found = parse_mail("FROM:<Bob@Example.ORG> SIZE=12 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=Qq+2B14 AUTH=<>", True)
    assert (found.sender, found.size, found.body, found.smtputf8) == ("Bob@example.org", 12, BodyType.EIGHT_BIT_MIME, True)
    assert (found.ret, found.envid) == ("HDRS", "Qq+2B14")


def test_the_null_sender_is_empty() -> None:
    assert parse_mail("FROM:<>", False).sender == ""


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        ("TO:<b@example.org>", "b@example.org"),
        ("to: <b@example.org>", "b@example.org"),
        ("TO:<@a.example,@b.example:b@example.org>", "b@example.org"),
        ('TO:<"b c"@example.org>', '"b c"@example.org'),
        ('TO:<"a>b<c"@example.org>', '"a>b<c"@example.org'),
        ("TO:<b@EXAMPLE.org.>", "b@example.org"),
        ("TO:<b@[192.0.2.1]>", "b@[192.0.2.1]"),
    ],
)
def test_paths_are_read(argument: str, address: str) -> None:
    assert str(parse_rcpt(argument, True).mailbox) == address


@pytest.mark.parametrize("argument", ["TO:<postmaster>", "TO:<PostMaster>"])
def test_postmaster_needs_no_domain(argument: str) -> None:
    assert parse_rcpt(argument, True).mailbox is None


@pytest.mark.parametrize(
    ("argument", "notify", "orcpt"),
    [
        ("TO:<b@x.example> NOTIFY=NEVER", Notify.NEVER, ""),
        ("TO:<b@x.example> NOTIFY=success,Delay ORCPT=rfc822;Bob+2B@X.e", Notify.SUCCESS | Notify.DELAY, "rfc822;Bob+2B@X.e"),
        ("TO:<b@x.example> ORCPT=utf-8;b\\x{E9}@x.example", Notify.UNSPECIFIED, "utf-8;b\\x{E9}@x.example"),
    ],
)  # fmt: skip
def test_dsn_parameters_are_kept(argument: str, notify: Notify, orcpt: str) -> None:
    found = parse_rcpt(argument, True)
    assert (found.notify, found.orcpt) == (notify, orcpt)


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("FROM:a@example.org", "501 5.5.4"),
        ("TO:<a@example.org>", "501 5.5.4"),
        ("FROM:<a@example.org", "501 5.5.4"),
        ("FROM:<a@example.org>SIZE=1", "501 5.5.4"),
        ("FROM:<a>", "553 5.1.7"),
        ("FROM:<a@b@c>", "553 5.1.7"),
        ("FROM:<a..b@example.org>", "553 5.1.7"),
        ("FROM:<@a.example b@example.org>", "501 5.5.4"),
        ("FROM:<@a.example>", "501 5.1.3"),
        ("FROM:<a@example.org> SIZE=x", "501 5.5.4"),
        ("FROM:<a@example.org> SIZE=-1", "501 5.5.4"),
        ("FROM:<a@example.org> SIZE", "501 5.5.4"),
        ("FROM:<a@example.org> SIZE=1 SIZE=2", "501 5.5.4"),
        ("FROM:<a@example.org> BODY=BINARYMIME", "555 5.5.4"),
        ("FROM:<a@example.org> SMTPUTF8=1", "501 5.5.4"),
        ("FROM:<a@example.org> RET=ALL", "501 5.5.4"),
        ("FROM:<a@example.org> ENVID=+G1", "501 5.5.4"),
        (f"FROM:<a@example.org> ENVID={'e' * 101}", "501 5.5.4"),
        ("FROM:<a@example.org> AUTH=a=b", "501 5.5.4"),
        ("FROM:<a@example.org> X-SHOE=12", "555 5.5.4"),
        ("FROM:<a@example.org> =12", "501 5.5.4"),
    ],
)
def test_mail_is_refused_with_the_right_code(argument: str, reply: str) -> None:
    with pytest.raises(ParameterError) as caught:
        parse_mail(argument, True)
    assert str(caught.value.reply).startswith(reply)


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("TO:<>", "501 5.1.3"),
        ("TO:<b>", "553 5.1.3"),
        ("TO:<b@x.example> NOTIFY=NEVER,DELAY", "501 5.5.4"),
        ("TO:<b@x.example> NOTIFY=DELAY,DELAY", "501 5.5.4"),
        ("TO:<b@x.example> NOTIFY", "501 5.5.4"),
        ("TO:<b@x.example> ORCPT=bob@x.example", "501 5.5.4"),
        ("TO:<b@x.example> ORCPT=rfc822;a+zz", "501 5.5.4"),
        (f"TO:<b@x.example> ORCPT=rfc822;{'a' * 500}", "501 5.5.4"),
        ("TO:<b@x.example> SIZE=1", "555 5.5.4"),
    ],
)
def test_rcpt_is_refused_with_the_right_code(argument: str, reply: str) -> None:
    with pytest.raises(ParameterError) as caught:
        parse_rcpt(argument, True)
    assert str(caught.value.reply).startswith(reply)


def test_parameters_need_ehlo() -> None:
    with pytest.raises(ParameterError) as caught:
        parse_mail("FROM:<a@example.org> SIZE=1", False)
    assert str(caught.value.reply).startswith("555 5.5.4")


def test_an_address_of_other_scripts_says_so() -> None:
    assert parse_mail("FROM:<ü@example.org>", True).needs_smtputf8
    assert parse_rcpt("TO:<u@bücher.example>", True).needs_smtputf8
    assert str(parse_rcpt("TO:<u@bücher.example>", True).mailbox) == "u@xn--bcher-kva.example"
