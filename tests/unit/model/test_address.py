"""Domains and mailboxes: one spelling for each, and words for what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.address import (
    AddressError,
    is_domain_pattern_match,
    normalise_domain,
    normalise_domain_pattern,
    normalise_literal,
    parse_mailbox,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),
        ("localhost", "localhost"),
        ("a_b.example.org", "a_b.example.org"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("MÜNCHEN.example", "xn--mnchen-3ya.example"),
        ("xn--MNCHEN-3ya.example", "xn--mnchen-3ya.example"),
        ("例え。jp", "xn--r8jz45g.jp"),
        ("例え。jp。", "xn--r8jz45g.jp"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
    ],
)
def test_a_domain_has_one_spelling(text: str, expected: str) -> None:
    assert normalise_domain(text) == expected
    assert normalise_domain(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        ".example.org",
        "example..org",
        "example.org..",
        "-a.example",
        "a-.example",
        "a b.example",
        "a\n.example",
        "example.org\n",
        "a\0.example",
        "a@b.example",
        "[192.0.2.1]",
        "a" * 64 + ".example",
        ".".join(["a" * 63] * 4) + ".example",
        "ex\u2028ample.org",
        "\ud800.example",
        "*.example.org",
        "é" * 300,
    ],
)
def test_what_is_no_domain_is_refused_with_words(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        normalise_domain(text)
    assert str(caught.value)


@given(st.text(max_size=80))
def test_any_text_is_a_settled_domain_or_an_address_error(text: str) -> None:
    try:
        found = normalise_domain(text)
    except AddressError:
        return
    assert normalise_domain(found) == found
    assert found.isascii()
    assert not found.endswith(".")
    assert found == found.lower()


@pytest.mark.parametrize(
    ("text", "local", "domain"),
    [
        ("Bob@Example.ORG", "Bob", "example.org"),
        ("bob+tag@example.org", "bob+tag", "example.org"),
        ('"bob"@example.org', "bob", "example.org"),
        (r'"b\ob"@example.org', "bob", "example.org"),
        ('"b ob"@example.org', '"b ob"', "example.org"),
        ('"a@b"@example.org', '"a@b"', "example.org"),
        ('""@example.org', '""', "example.org"),
        ("ünal@example.org", "ünal", "example.org"),
        ("bob@münchen.example", "bob", "xn--mnchen-3ya.example"),
        ("bob@[192.0.2.1]", "bob", "[192.0.2.1]"),
        ("bob@[ipv6:2001:DB8:0::1]", "bob", "[IPv6:2001:db8::1]"),
        ("a%b@example.org", "a%b", "example.org"),
        ("a" * 64 + "@example.org", "a" * 64, "example.org"),
    ],
)
def test_a_mailbox_keeps_its_local_part_and_settles_its_domain(text: str, local: str, domain: str) -> None:
    found = parse_mailbox(text)
    assert (found.local, found.domain) == (local, domain)
    assert parse_mailbox(str(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bob",
        "@example.org",
        "bob@",
        "bob@@example.org",
        ".bob@example.org",
        "bob.@example.org",
        "b..ob@example.org",
        "b ob@example.org",
        "<bob@example.org>",
        "bob@example.org\r\nRCPT TO:<eve@example.org>",
        "bob\0@example.org",
        '"bob@example.org',
        '"b"ob"@example.org',
        "@relay.example:bob@example.org",
        "a" * 65 + "@example.org",
        "ü" * 33 + "@example.org",
        "bob@" + ".".join(["a" * 63] * 4),
        "bob@[192.0.2]",
        "bob@[IPv6:fe80::1%eth0]",
        "bob@[192.0.2.1",
        "\ud800@example.org",
    ],
)
def test_what_is_no_mailbox_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse_mailbox(text)


@given(st.text(max_size=60), st.sampled_from(["", "@example.org", "@[192.0.2.1]"]))
def test_any_text_is_a_settled_mailbox_or_an_address_error(text: str, end: str) -> None:
    try:
        found = parse_mailbox(text + end)
    except AddressError:
        return
    assert parse_mailbox(str(found)) == found
    assert not set(str(found)) & set("\r\n\0\x85\x7f")


def test_smtputf8_is_needed_for_the_local_part_only() -> None:
    assert parse_mailbox("ünal@example.org").needs_smtputf8
    assert not parse_mailbox("bob@münchen.example").needs_smtputf8
    assert parse_mailbox("bob@[192.0.2.1]").is_literal


@pytest.mark.parametrize("text", ["192.0.2.1", "[192.0.2.1", "[]", "[IPv6:]", "[IPv6:192.0.2.1]", "[x]", "[IPv6:fe80::1%1]"])
def test_a_malformed_literal_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        normalise_literal(text)


@pytest.mark.parametrize(
    ("pattern", "domain", "covers"),
    [
        ("example.org", "example.org", True),
        ("example.org", "a.example.org", False),
        ("*.example.org", "a.example.org", True),
        ("*.example.org", "a.b.example.org", True),
        ("*.example.org", "example.org", False),
        ("*.example.org", "badexample.org", False),
        ("example.org", "example.org.evil.net", False),
        ("*", "anything.example", True),
    ],
)
def test_a_pattern_covers_names_below_and_nothing_beside(pattern: str, domain: str, covers: bool) -> None:
    assert is_domain_pattern_match(pattern, domain) is covers


def test_a_pattern_is_settled_like_a_domain() -> None:
    assert normalise_domain_pattern(" *.MÜNCHEN.example. ") == "*.xn--mnchen-3ya.example"
    for text in ("*", "*.", "*.*.example", "a*.example", "**.example"):
        with pytest.raises(AddressError):
            normalise_domain_pattern(text)
