from __future__ import annotations

import time

import pytest

from gatepost.model.reply import Reply
from gatepost.relay.routing.block_listed import block_listed

OURS = [
    (550, "5.7.1", "Service unavailable, client host [192.0.2.7] is listed at Spamhaus; see https://check.spamhaus.org/"),
    (554, "5.7.1", "Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org"),
    (554, "", "Rejected: 192.0.2.7 found in the RBL bl.spamcop.net"),
    (550, "5.7.1", "Mail from your server [192.0.2.7] was not sent: part of its network is on our block list (S3150)"),
    (550, "5.7.606", "Access denied, banned sending IP [192.0.2.7]; ask for delisting"),
    (550, "5.7.511", "Access denied, banned sender [192.0.2.7], blacklisted IP address"),
    (451, "4.7.650", "The mail server [192.0.2.7] is rate limited for now because of IP reputation"),
    (421, "4.7.28", "An unusual rate of unsolicited mail comes from your IP address. It is limited for now"),
    (550, "5.7.1", "[192.0.2.7] The source IP has sent an unusual rate of unsolicited mail"),
    (550, "5.7.25", "The sending address has no PTR record"),
    (550, "5.7.1", "[2001:db8:1:2::25] does not meet the guidelines for IPv6 regarding PTR records"),
    (553, "5.7.1", "[BL21] Connections are refused: 192.0.2.7 is in Spamhaus's list"),
    (421, "4.7.0", "[TSS04] Messages from 192.0.2.7 are deferred for a while: unexpected volume or user complaints"),
    (554, "5.7.1", "Your IP 192.0.2.7 has a poor reputation here"),
    (550, "5.7.1", "Connecting IP is on a DNSBL"),
    (550, "", "Your host 192.0.2.7 is blacklisted by our local RBL"),
    (521, "5.2.1", "192.0.2.7 is in a range of dynamic addresses; use the mail server of your provider, your IP is blocked"),
    (554, "5.7.1", "Sending IP blocked by policy"),
    (550, "5.7.1", "Refused by local policy for client host 192.0.2.7"),
    (554, "", "Your access to this mail system has been rejected due to the sending MTA's poor reputation"),
    (421, "4.7.1", "Too many spam complaints; mail from 192.0.2.7 is blocked until tomorrow\nsee the postmaster page"),
]

NOT_OURS = [
    (550, "5.1.1", "No such user here"),
    (550, "5.1.1", "user unknown; client host [192.0.2.7]"),
    (550, "5.7.1", "Relaying denied. Proper authentication required, your IP 192.0.2.7"),
    (554, "5.7.1", "<bob@example.org>: Relay access denied"),
    (550, "5.7.1", "The recipient has the sender on a blocked senders list"),
    (550, "5.7.1", "Message contains a URL listed by SURBL"),
    (550, "5.7.1", "A domain in your message is listed in Spamhaus DBL"),
    (550, "5.7.1", "The sender address domain is blacklisted"),
    (550, "5.7.1", "Message refused as spam by content"),
    (550, "5.7.1", "The message appears to be spam"),
    (550, "5.7.26", "Unauthenticated mail from example.org is not accepted due to its DMARC policy; your IP 192.0.2.7"),
    (550, "5.7.23", "SPF check failed: 192.0.2.7 is not allowed to send for example.org"),
    (451, "4.7.1", "Greylisted, try again in 300 seconds; client host [192.0.2.7]"),
    (552, "5.2.2", "Mailbox full"),
    (550, "5.7.1", "Relay access denied by policy for client host 192.0.2.7"),
    (550, "5.7.1", "Mail from 192.0.2.7 is blocked at the request of the recipient"),
    (550, "5.7.1", "Message rejected due to local policy"),
    (530, "5.7.0", "Authentication required"),
    (535, "5.7.8", "Username and password not accepted"),
    (552, "5.7.0", "The attachment type is blocked for security"),
    (450, "4.3.2", "Service shutting down"),
    (250, "2.0.0", "Queued by your IP friend 192.0.2.7 on no blacklist"),
    (550, "5.4.1", "Recipient address rejected: access denied"),
    (550, "5.7.1", "Version 1.2.3 of this policy refuses the recipient"),
]


def case(row: tuple[int, str, str]) -> str:
    return f"{row[0]} {row[1]} {row[2][:40]}"


@pytest.mark.parametrize("row", OURS, ids=case)
def test_a_reply_about_our_address_is_recognised(row: tuple[int, str, str]) -> None:
    words = block_listed(Reply(*row))
    assert words is not None
    assert str(row[0]) in words
    assert "\n" not in words


@pytest.mark.parametrize("row", NOT_OURS, ids=case)
def test_a_reply_about_recipient_sender_or_content_stays_the_recipients(row: tuple[int, str, str]) -> None:
    assert block_listed(Reply(*row)) is None


@pytest.mark.parametrize("piece", ["a:", "1.1.1.", "recipient ", "domain ", "[::", "your mail ", "ip "])
def test_a_hostile_reply_costs_no_more_than_a_moment(piece: str) -> None:
    began = time.perf_counter()
    block_listed(Reply(550, "5.7.1", piece * 100_000))
    assert time.perf_counter() - began < 0.25
