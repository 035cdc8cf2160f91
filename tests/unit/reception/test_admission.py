"""Who may send to whom: the table."""

from __future__ import annotations

from typing import Any

import pytest

from gatepost.model.address import parse_mailbox
from gatepost.model.configuration import Configuration
from gatepost.model.listener import ListenerMode
from gatepost.relay.reception import replies
from gatepost.relay.reception.admission import Admission

from .support import HOST, INBOUND, configuration

STRANGER, TRUSTED, PRIMARY, OFF = "203.0.113.9", "10.1.2.3", "198.51.100.7", "198.51.100.8"


def config(**parts: Any) -> Configuration:
    gateways = [
        INBOUND,
        {"id": "gw-off", "mode": "domain-forward", "enabled": False, "addresses": [OFF], "domains": ["off.example"]},
        {"id": "gw-mx", "mode": "backup-mx", "addresses": ["192.0.2.5"], "domains": ["backed.example"]},
    ]
    networks = [{"id": "n1", "network": "10.0.0.0/8"}, {"id": "n2", "network": "2001:db8:1::/48"}]
    return configuration(**({"gateways": gateways, "trusted_networks": networks} | parts))


ADMISSION = Admission(config(), HOST)


@pytest.mark.parametrize(
    ("client", "user", "recipient", "refusal"),
    [
        (STRANGER, False, "b@example.org", None),
        (STRANGER, False, "b@EXAMPLE.ORG", None),
        (STRANGER, False, "b@example.org.", None),
        (STRANGER, False, "b@deep.sub.example.org", None),
        (STRANGER, False, "b@backed.example", None),
        (STRANGER, False, "b@sub.example.org", "denied"),
        (STRANGER, False, "b@notexample.org", "denied"),
        (STRANGER, False, "b@org", "denied"),
        (STRANGER, False, "b@x.example.org", "denied"),
        (STRANGER, False, "b@example.org.evil.example", "denied"),
        (STRANGER, False, "b@elsewhere.example", "denied"),
        (STRANGER, False, "b@xn--exmple-cua.org", "denied"),
        (STRANGER, False, "b@[127.0.0.1]", replies.RELAY_DENIED),
        (STRANGER, False, "b@[IPv6:::ffff:198.51.100.7]", replies.RELAY_DENIED),
        (STRANGER, False, "b%elsewhere.example@example.org", replies.TRICK_ADDRESS),
        (STRANGER, False, "elsewhere.example!b@example.org", replies.TRICK_ADDRESS),
        (STRANGER, False, '"b@elsewhere.example"@example.org', replies.TRICK_ADDRESS),
        (STRANGER, False, '"@elsewhere.example:b"@example.org', replies.TRICK_ADDRESS),
        (STRANGER, False, "|sh@example.org", replies.TRICK_ADDRESS),
        (STRANGER, False, "b@off.example", replies.GATEWAY_DISABLED),
        (TRUSTED, False, "b@off.example", replies.GATEWAY_DISABLED),
        (STRANGER, False, f"b@{HOST}", replies.NO_SUCH_USER_HERE),
        (TRUSTED, False, f"b@{HOST}", replies.NO_SUCH_USER_HERE),
        (TRUSTED, False, "b@[192.0.2.99]", replies.NO_LITERALS),
        (OFF, False, "b@elsewhere.example", "denied"),
        (TRUSTED, False, "b@elsewhere.example", None),
        (PRIMARY, False, "b@elsewhere.example", None),
        (f"::ffff:{PRIMARY}", False, "b@elsewhere.example", None),
        (f"::ffff:{STRANGER}", False, "b@elsewhere.example", "denied"),
        ("2001:db8:1::7", False, "b@elsewhere.example", None),
        ("2001:db8:2::7", False, "b@elsewhere.example", "denied"),
        ("not-an-address", False, "b@elsewhere.example", "denied"),
        ("", False, "b@elsewhere.example", "denied"),
        (STRANGER, True, "b@elsewhere.example", None),
        (STRANGER, True, "b%x@elsewhere.example", None),
    ],
)
def test_relay_table(client: str, user: bool, recipient: str, refusal: object) -> None:
    """``denied``: no list names the domain, so it is left to the recipient policy, whose silence is a refusal."""
    decision = ADMISSION.recipient(ADMISSION.client(client), user, parse_mailbox(recipient), "192.0.2.1")
    if refusal == "denied":
        assert decision.refusal is None
        assert decision.ask
        assert decision.gateway is None
    else:
        assert decision.refusal is refusal
        assert refusal or not decision.ask or decision.gateway is not None


@pytest.mark.parametrize("recipient", [f"postmaster@{HOST}", f"PostMaster@{HOST.upper()}", "postmaster@[192.0.2.1]"])
def test_postmaster_at_our_own_name_and_address_goes_to_the_administrator(recipient: str) -> None:
    decision = ADMISSION.recipient(ADMISSION.client(STRANGER), False, parse_mailbox(recipient), "192.0.2.1")
    assert decision.refusal is None
    assert decision.address == "boss@example.org"


@pytest.mark.parametrize("recipient", [None, f"postmaster@{HOST}"])
def test_without_a_named_postmaster_the_one_of_the_first_domain_that_we_take_gets_the_mail(recipient: str | None) -> None:
    unnamed = {"server": {"host_name": HOST}}
    wild = INBOUND | {"id": "gw-wild", "domains": ["*.wild.example", "second.example"]}
    disabled = INBOUND | {"id": "gw-disabled", "domains": ["disabled.example"], "enabled": False}
    admission = Admission(config(gateways=[disabled, wild, INBOUND], settings=unnamed), HOST)
    mailbox = parse_mailbox(recipient) if recipient else None
    decision = admission.recipient(admission.client(STRANGER), False, mailbox, "192.0.2.1")
    assert decision.refusal is None
    assert decision.address == "postmaster@second.example"
    assert decision.gateway is not None
    assert decision.gateway.id == "gw-wild"


def test_a_server_without_any_postmaster_says_so_for_now_and_not_for_good() -> None:
    admission = Admission(config(gateways=[], settings={"server": {"host_name": HOST}}), HOST)
    decision = admission.recipient(admission.client(STRANGER), False, parse_mailbox(f"postmaster@{HOST}"), "192.0.2.1")
    assert decision.refusal is replies.NO_POSTMASTER
    assert str(decision.refusal.reply).startswith("451 4.3.5")


def test_an_ipv6_literal_of_our_own_is_ours() -> None:
    mailbox = parse_mailbox("postmaster@[IPv6:2001:db8::1]")
    assert ADMISSION.recipient(ADMISSION.client(STRANGER), False, mailbox, "2001:db8:0::1").refusal is None


def test_nobody_relays_by_default() -> None:
    admission = Admission(configuration(gateways=[]), HOST)
    for client in (STRANGER, TRUSTED, "127.0.0.1", "::1", "0.0.0.0"):
        decision = admission.recipient(admission.client(client), False, parse_mailbox("b@elsewhere.example"), "")
        assert decision.gateway is None
        assert decision.ask
        assert not admission.client(client).may_relay


@pytest.mark.parametrize(
    ("domain", "client", "gateway"),
    [
        ("anything.example", STRANGER, "gw-all"),
        ("not-this.example", STRANGER, None),
        (HOST, STRANGER, None),
        ("anything.example", PRIMARY, None),
        ("anything.example", TRUSTED, "gw-all"),
    ],
)
def test_all_but_specified_domains(domain: str, client: str, gateway: str | None) -> None:
    all_but = INBOUND | {
        "id": "gw-all",
        "domain_verification": "all-but-specified-domains",
        "domains": ["not-this.example"],
        "accept_for_anyone": True,
    }
    admission = Admission(config(gateways=[all_but]), HOST)
    found = admission.gateway_for(domain, admission.client(client))
    assert (found.id if found else None) == gateway


@pytest.mark.parametrize(
    ("mode", "client", "user", "refusal"),
    [
        (ListenerMode.MX, STRANGER, False, None),
        (ListenerMode.SUBMISSION, STRANGER, False, replies.AUTH_REQUIRED),
        (ListenerMode.SUBMISSION, STRANGER, True, None),
        (ListenerMode.SUBMISSION, TRUSTED, False, None),
        (ListenerMode.SUBMISSION, PRIMARY, False, None),
        (ListenerMode.SUBMISSION, OFF, False, replies.AUTH_REQUIRED),
    ],
)
def test_who_may_begin_a_transaction(mode: ListenerMode, client: str, user: bool, refusal: object) -> None:
    assert ADMISSION.sender(ADMISSION.client(client), user, mode) is refusal


@pytest.mark.parametrize(("client", "served"), [(STRANGER, False), (TRUSTED, True), (PRIMARY, True), ("127.0.0.1", False)])
def test_a_trusted_listener_serves_only_whom_it_trusts(client: str, served: bool) -> None:
    assert ADMISSION.is_served(ADMISSION.client(client), ListenerMode.TRUSTED) is served


def test_ipv6_connections_are_counted_by_network() -> None:
    one, other, far = (ADMISSION.client(a).bucket for a in ("2001:db8:9::1", "2001:db8:9::2", "2001:db8:9:1::1"))
    assert one == other != far
