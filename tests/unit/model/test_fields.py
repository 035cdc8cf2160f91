"""Field types: each refuses what does not belong, control characters above all."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gatepost.model import fields
from gatepost.model.network import AddressText


def read(kind: Any, value: object) -> object:
    return TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (fields.Line, "  words ", "words"),
        (fields.Text, "two\n\tlines ", "two\n\tlines "),
        (fields.Host, "SMTP.Example.com.", "smtp.example.com"),
        (fields.Host, "[2001:DB8::1]", "2001:db8::1"),
        (fields.Host, "192.0.2.1", "192.0.2.1"),
        (fields.Domain, " Example.ORG ", "example.org"),
        (fields.DomainPattern, "*.Example.org", "*.example.org"),
        (fields.MailboxText, " Bob@EXAMPLE.org ", "Bob@example.org"),
        (fields.IPText, "[::1]", "::1"),
        (fields.HeaderText, "X-Spam: yes", "X-Spam: yes"),
        (fields.Fingerprint, "AB:" * 31 + "ab", "ab" * 32),
        (fields.Identifier, "gw-1", "gw-1"),
        (fields.Port, 65535, 65535),
    ],
)
def test_good_values_are_settled(kind: Any, text: object, expected: object) -> None:
    assert read(kind, text) == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (fields.Host, ""),
        (fields.Host, "192.0.2"),
        (fields.Host, "999.1.1.1"),
        (fields.Host, "smtp.example.com:25"),
        (fields.Host, "http://example.com"),
        (fields.Domain, "*.example.org"),
        (fields.MailboxText, "bob"),
        (fields.IPText, "localhost"),
        (fields.HeaderText, "no colon"),
        (fields.HeaderText, "X-Ümlaut: x"),
        (fields.HeaderText, ": x"),
        (fields.HeaderText, "X Y: z"),
        (fields.Fingerprint, "ab" * 31),
        (fields.Identifier, "GW"),
        (fields.Identifier, "-a"),
        (fields.Identifier, "a" * 41),
        (fields.Identifier, "a\n"),
        (fields.Port, 0),
        (fields.Port, 65536),
        (fields.Line, "x" * 1001),
    ],
)
def test_bad_values_are_refused(kind: Any, value: object) -> None:
    with pytest.raises(ValidationError):
        read(kind, value)


@pytest.mark.parametrize("control", ["\r\n", "\n", "\r", "\0", "\x1b[31m", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"])
@pytest.mark.parametrize(
    "kind",
    [
        fields.Line,
        fields.Host,
        fields.Domain,
        fields.DomainPattern,
        fields.MailboxText,
        fields.IPText,
        fields.HeaderText,
        AddressText,
    ],
)
def test_no_field_of_one_line_takes_a_control_character(kind: Any, control: str) -> None:
    for good in ("X: example.org", "example.org", "bob@example.org", "192.0.2.1"):
        with pytest.raises(ValidationError) as caught:
            read(kind, good[:3] + control + good[3:])
        assert control not in caught.value.errors()[0]["msg"]


def test_new_identifiers_are_valid_and_differ() -> None:
    made = {fields.new_id("gw") for _ in range(100)}
    assert len(made) == 100
    for text in made:
        assert read(fields.Identifier, text) == text
