"""Who guesses tokens rests, by address; the record of it stays small."""

from __future__ import annotations

from gatepost.relay.remote_desk import FAILURES_ALLOWED, MAX_ADDRESSES, REST_SECONDS, Failures


def test_an_address_rests_after_so_many_wrong_tokens_and_not_for_ever() -> None:
    now = [100.0]
    failures = Failures(lambda: now[0])
    told = [failures.add("192.0.2.1") for _ in range(FAILURES_ALLOWED)]
    assert told == [False] * (FAILURES_ALLOWED - 1) + [True]
    assert failures.rests("192.0.2.1")
    assert not failures.rests("192.0.2.2")
    now[0] += REST_SECONDS - 0.1
    assert failures.rests("192.0.2.1")
    now[0] += 0.2
    assert not failures.rests("192.0.2.1")


def test_slips_that_are_far_apart_add_up_to_nothing() -> None:
    now = [0.0]
    failures = Failures(lambda: now[0])
    for _ in range(FAILURES_ALLOWED * 3):
        failures.add("192.0.2.1")
        now[0] += REST_SECONDS
        assert not failures.rests("192.0.2.1")


def test_a_network_of_ipv6_counts_as_one_and_a_mapped_address_as_what_it_stands_for() -> None:
    failures = Failures(lambda: 0.0)
    for number in range(FAILURES_ALLOWED):
        failures.add(f"2001:db8:0:1::{number}")
    assert failures.rests("2001:db8:0:1:ffff::1")
    assert not failures.rests("2001:db8:0:2::1")
    for _ in range(FAILURES_ALLOWED):
        failures.add("::ffff:192.0.2.9")
    assert failures.rests("192.0.2.9")


def test_many_addresses_take_bounded_room() -> None:
    failures = Failures(lambda: 0.0)
    for number in range(MAX_ADDRESSES + 100):
        failures.add(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(failures._seen) == MAX_ADDRESSES
