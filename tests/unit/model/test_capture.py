"""Trays, handling and fault rules: what may be set, and which addresses fit a pattern."""

from __future__ import annotations

from typing import Any

import pytest

from gatepost.model.capture import is_address_match
from gatepost.model.configuration import parse_configuration
from gatepost.model.errors import InvalidInput

LISTENER = {"id": "ls-1", "port": 0}
GATEWAY = {"id": "gw-1", "mode": "round-robin", "host": "smtp.example.com"}


@pytest.mark.parametrize(
    ("pattern", "address", "fits"),
    [
        ("", "bob@example.org", True),
        ("bob@example.org", "Bob@Example.org", True),
        ("bob@example.org", "rob@example.org", False),
        ("*@example.org", "bob@example.org", True),
        ("*@example.org", "bob@sub.example.org", False),
        ("test-*", "test-7@example.org", True),
        ("*+*@example.*", "bob+tag@example.org", True),
        ("*+*@example.*", "bob@example.org", False),
        ("ab*ba", "aba", False),
        ("*", "", True),
        ("a*b*c", "axcxbxc", True),
        ("a*b*b", "axb", False),
    ],
)
def test_a_star_stands_for_anything(pattern: str, address: str, fits: bool) -> None:
    assert is_address_match(pattern, address) is fits


def configured(**parts: Any) -> Any:
    return parse_configuration({"listeners": [LISTENER], "gateways": [GATEWAY], **parts})


def test_mail_is_delivered_unless_somebody_says_otherwise() -> None:
    found = configured()
    assert {found.listeners[0].handling.action, found.outbound[0].handling.action} == {"deliver"}
    assert (found.trays, found.faults, found.inbox.keep_days) == ((), (), 7)


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"trays": [{"name": "A", "listener": "ls-2"}]}, "trays.0.listener"),
        ({"trays": [{"name": "A", "gateway": "gw-2"}]}, "trays.0.gateway"),
        ({"trays": [{"name": "A", "id": "inbox"}]}, "trays.0.id"),
        ({"trays": [{"name": ""}]}, "trays.0.name"),
        ({"trays": [{"name": "A", "recipient": "*" * 9}]}, "trays.0.recipient"),
        ({"trays": [{"name": "A", "id": "t"}, {"name": "B", "id": "t"}]}, "trays.1.id"),
        ({"faults": [{"stage": "mail", "fault": {"action": "drop"}, "listener": "ls-2"}]}, "faults.0.listener"),
        ({"faults": [{"stage": "ehlo", "fault": {"action": "drop"}, "sender": "a@b"}]}, "faults.0.sender"),
        ({"faults": [{"stage": "mail", "fault": {"action": "drop"}, "recipient": "a@b"}]}, "faults.0.recipient"),
        ({"faults": [{"stage": "mail", "fault": {"action": "refuse", "code": 250}}]}, "faults.0.fault.code"),
        ({"faults": [{"stage": "mail", "fault": {"action": "drop"}, "probability": 0}]}, "faults.0.probability"),
        ({"listeners": [LISTENER | {"handling": {"action": "redirect"}}]}, "listeners.0.handling.address"),
        ({"listeners": [LISTENER | {"handling": {"action": "redirect", "address": "x"}}]}, "listeners.0.handling.address"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(part: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        configured(**part)
    assert [issue.field for issue in caught.value.issues] == [field]
