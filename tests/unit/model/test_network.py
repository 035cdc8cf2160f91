"""Addresses, ranges and networks as they are typed."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.network import AddressSet, parse_address_range, parse_ip


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1", "192.0.2.1"),
        ("192.0.2.1-192.0.2.9", "192.0.2.1", "192.0.2.9"),
        ("192.0.2.1 - 9", "192.0.2.1", "192.0.2.9"),
        ("192.0.2.7/24", "192.0.2.0", "192.0.2.255"),
        ("2001:db8::1", "2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1", "2001:db8::1"),
        ("2001:db8::/126", "2001:db8::", "2001:db8::3"),
        ("2001:db8::1-2001:db8::5", "2001:db8::1", "2001:db8::5"),
        ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("::ffff:10.0.0.0/104", "10.0.0.0", "10.255.255.255"),
        ("::fffe:0:0/95", "::fffe:0:0", "::ffff:ffff:ffff"),
    ],
)
def test_a_range_is_read(text: str, first: str, last: str) -> None:
    found = parse_address_range(text)
    assert (found.first, found.last) == (ipaddress.ip_address(first), ipaddress.ip_address(last))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.0/33",
        "192.0.2.9-1",
        "192.0.2.1-300",
        "192.0.2.1-::1",
        "1-2-3",
        "192.0.2.1-²",
    ],
)
def test_what_is_no_range_is_refused_with_what_was_typed(text: str) -> None:
    with pytest.raises(ValueError, match="is not an IP address, a range or a network"):
        parse_address_range(text)


@pytest.mark.parametrize(
    ("text", "world"),
    [
        ("0.0.0.0/0", True),
        ("128.0.0.0/1", True),
        ("16.0.0.0/4", True),
        ("10.0.0.0/8", False),
        ("0.0.0.1-255.255.255.254", True),
        ("::/0", True),
        ("2000::/3", True),
        ("2001:db8::/32", False),
        ("::ffff:0:0/96", True),
    ],
)
def test_a_range_that_covers_nearly_everybody_is_the_world(text: str, world: bool) -> None:
    assert parse_address_range(text).is_world is world


def test_counts_are_said_for_people() -> None:
    assert parse_address_range("192.0.2.1").describe() == "1 address"
    assert parse_address_range("10.0.0.0/8").describe() == "16,777,216 addresses"
    assert [str(a) for a in parse_address_range("192.0.2.254-192.0.3.1").addresses()] == [
        "192.0.2.254",
        "192.0.2.255",
        "192.0.3.0",
        "192.0.3.1",
    ]


def test_a_mapped_address_is_the_address_it_stands_for() -> None:
    assert parse_ip("::ffff:192.0.2.1") == ipaddress.ip_address("192.0.2.1")
    assert parse_ip("[fe80::1%eth0]") == ipaddress.ip_address("fe80::1")


def test_a_set_knows_its_members_of_both_families() -> None:
    members = AddressSet(["192.0.2.0/24", "10.0.0.1-10.0.0.5", "10.0.0.4-9", "2001:db8::/64", "::ffff:172.16.0.0/108"])
    for text in ("192.0.2.0", "192.0.2.255", "10.0.0.1", "10.0.0.9", "2001:db8::1", "172.31.255.255", "::ffff:192.0.2.7"):
        assert parse_ip(text) in members
    for text in ("192.0.1.255", "192.0.3.0", "10.0.0.0", "10.0.0.10", "2001:db8:0:1::", "172.32.0.0", "::c000:201"):
        assert parse_ip(text) not in members


def test_an_empty_set_is_false_and_has_no_members() -> None:
    assert not AddressSet([])
    assert parse_ip("192.0.2.1") not in AddressSet([])
    assert AddressSet(["::1"])


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted), max_size=8), st.integers(0, 61))
def test_membership_agrees_with_each_range_looked_at_alone(ranges: list[list[int]], value: int) -> None:
    members = AddressSet([f"10.0.0.{low}-10.0.0.{high}" for low, high in ranges])
    assert (parse_ip(f"10.0.0.{value}") in members) is any(low <= value <= high for low, high in ranges)
