"""Whatever a stranger types, mail leaves this server only for the domains that it fronts: asked over a socket, word for word.

``test_admission`` has the table of decisions; here are the spellings, and what a session may have been through before.
"""

from __future__ import annotations

import pytest

from .support import HOST, LOOPBACK, configuration, site
from .test_auth import GOOD, USER, encoded, quick
from .test_tls import secured

ELSEWHERE = [
    "<b@elsewhere.example>",
    "<b@elsewhere.example.>",
    "<b@ELSEWHERE.example>",
    # Parent, sibling, suffix and prefix of what we front
    "<b@org>",
    "<b@sub.example.org>",
    "<b@notexample.org>",
    "<b@example.org.elsewhere.example>",
    "<b@example.orgs>",
    "<b@wwwsub.example.org>",
    # Percent hack, bang path, and both hidden in quotes
    "<b%elsewhere.example@example.org>",
    "<b%elsewhere.example%example.org@example.org>",
    "<elsewhere.example!b@example.org>",
    '<"b@elsewhere.example"@example.org>',
    '<"b%elsewhere.example"@example.org>',
    '<"elsewhere.example!b"@example.org>',
    '<"b\\@elsewhere.example"@example.org>',
    "<b@elsewhere.example@example.org>",
    "<b%elsewhere.example>",
    "<elsewhere.example!b>",
    f"<b%elsewhere.example@{HOST}>",
    "<b%elsewhere.example@[127.0.0.1]>",
    # Source routes: by us, and through us
    "<@example.org:b@elsewhere.example>",
    "<@example.org,@mx.gatepost.example:b@elsewhere.example>",
    '<"@elsewhere.example:b"@example.org>',
    # Address literals: ours, a primary's, mapped, unmapped, malformed
    "<b@[127.0.0.1]>",
    "<b@[198.51.100.7]>",
    "<b@[IPv6:::ffff:198.51.100.7]>",
    "<b@[IPv6:::1]>",
    "<b@[example.org]>",
    "<b@127.0.0.1>",
    # Look-alikes: Cyrillic and full-width letters, a soft hyphen, the wrong dot, a hand-made A-label
    "<b@ex\u0430mple.org>",
    "<b@\u0435xample.org>",
    "<b@example.\u043erg>",
    "<b@xn--exmple-4nf.org>",
    "<b@xn--example.org>",
    # What is no path at all
    "b@elsewhere.example",
    "<b@example.org> <c@elsewhere.example>",
    "<b@example.org>,<c@elsewhere.example>",
    "<b@example.org\u2028c@elsewhere.example>",
    "<>",
]


@pytest.mark.parametrize("path", ELSEWHERE)
async def test_a_stranger_cannot_name_a_way_out(path: str) -> None:
    async with site() as here:
        for parameters in ("", " SMTPUTF8"):
            peer = await here.session()
            assert (await peer.say(f"MAIL FROM:<a@example.com>{parameters}")).startswith("250 ")
            reply = await peer.say(f"RCPT TO:{path}")
            assert reply[:1] in ("4", "5"), reply
            assert (await peer.say("DATA"))[:1] == "5"
            await peer.close()
        assert not here.messages


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("<b@EXAMPLE.org.>", "b@example.org"),
        ("<@elsewhere.example:b@example.org>", "b@example.org"),  # RFC 5321 §C: the route is taken and ignored
        ("<b@\uff45xample.org>", "b@example.org"),  # full-width: the same name after mapping, so the same domain
        ('<"b"@example.org>', None),
    ],
)
async def test_other_spellings_of_a_domain_of_ours_go_there_and_nowhere_else(path: str, kept: str | None) -> None:
    async with site() as here:
        peer = await here.session()
        await peer.say("MAIL FROM:<a@example.com> SMTPUTF8")
        assert (await peer.say(f"RCPT TO:{path}")).startswith("250 "), path
        assert (await peer.data(b"S: x\r\n\r\n.\r\n")).startswith("250 ")
        (recipient,) = here.messages[0].envelope.recipients
        assert recipient.address.endswith("@example.org")
        assert kept is None or recipient.address == kept


@pytest.mark.parametrize(
    "before",
    [
        ["RSET"],
        ["EHLO again.example"],
        ["HELO again.example"],
        [f"AUTH PLAIN {encoded('', 'Anna@example.com', 'wrong')}"],
        ["AUTH LOGIN", encoded("Anna@example.com"), "*"],
        ["AUTH PLAIN", "*", "RSET"],
        [f"AUTH PLAIN {encoded('', 'Anna@example.com', 'wrong')}", "RSET", "EHLO again.example"],
        ["MAIL FROM:<anna@example.com>", "RCPT TO:<b@example.org>", "RSET"],
        ["XCLIENT ADDR=10.0.0.1 NAME=trusted.example", "EHLO again.example"],
        ["XFORWARD ADDR=10.0.0.1"],
        ["PROXY TCP4 10.0.0.1 127.0.0.1 5000 25", "EHLO again.example"],
    ],
)
async def test_nothing_that_a_session_has_been_through_makes_a_stranger_known(before: list[str]) -> None:
    networks = [{"id": "n1", "network": "10.0.0.0/8"}]
    async with site(configuration(users=[USER], trusted_networks=networks)) as here:
        await quick(here)
        peer = await here.session()
        for line in before:
            await peer.say(line)
        await peer.say("MAIL FROM:<anna@example.com>")
        assert (await peer.say("RCPT TO:<b@elsewhere.example>"))[:1] == "5"


async def test_who_signed_in_stays_so_over_rset_and_is_a_stranger_again_after_starttls_and_in_the_next_connection() -> None:
    async with site(configuration(secured("starttls"), users=[USER])) as here:
        peer = await here.session()
        assert (await peer.say(f"AUTH PLAIN {GOOD}")).startswith("235 ")
        assert (await peer.say("RSET")).startswith("250 ")
        await peer.begin("b@elsewhere.example")
        assert (await peer.say("RSET")).startswith("250 ")
        await peer.start_tls()
        await peer.say("EHLO again.example")
        await peer.say("MAIL FROM:<anna@example.com>")
        assert (await peer.say("RCPT TO:<b@elsewhere.example>")).startswith("550 5.7.1")
        other = await here.session()
        await other.say("MAIL FROM:<anna@example.com>")
        assert (await other.say("RCPT TO:<b@elsewhere.example>")).startswith("550 5.7.1")


async def test_a_sender_of_ours_is_no_permission() -> None:
    """Neither the sender's domain nor its literal makes a stranger one of ours."""
    async with site(configuration(trusted_networks=[])) as here:
        for sender in ("b@example.org", f"postmaster@{HOST}", "", "a@[127.0.0.1]", "a@localhost"):
            peer = await here.session()
            if not (await peer.say(f"MAIL FROM:<{sender}>")).startswith("250 "):
                continue
            assert (await peer.say("RCPT TO:<b@elsewhere.example>"))[:1] == "5", sender
    async with site(configuration(trusted_networks=LOOPBACK)) as here:
        await (await here.session()).begin("b@elsewhere.example")
