"""AUTH: where it is offered, what it accepts, and what guessing costs."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from typing import Any

import pytest

from gatepost.model.access import RelayUser
from gatepost.relay.reception import scrypt_verifier
from gatepost.relay.reception.authentication import FAILURES_PER_ACCOUNT, FAILURES_PER_ADDRESS, Authenticator, Outcome

from .support import LOOPBACK, Peer, Site, configuration, site
from .test_tls import secured

PASSWORD = "corréct horse"
VERIFIER = scrypt_verifier.make(PASSWORD)
USER = {"id": "u1", "username": "Anna@example.com", "verifier": VERIFIER}


def encoded(*parts: str) -> str:
    return b64encode("\0".join(parts).encode()).decode()


def with_user(mode: str = "mx", **listener: Any) -> Any:
    return configuration({"mode": mode, **listener}, users=[USER])


async def quick(here: Site) -> None:
    """No delays after failures."""

    async def at_once(_: float) -> None:
        return

    here.endpoint.authenticator._sleep = at_once


GOOD = encoded("", "Anna@example.com", PASSWORD)


@pytest.mark.parametrize(
    ("lines", "replies"),
    [
        ([f"AUTH PLAIN {GOOD}"], ["235 2.7.0"]),
        (["auth plain", GOOD], ["334 ", "235 2.7.0"]),
        ([f"AUTH PLAIN {encoded('anna@EXAMPLE.com', 'anna@EXAMPLE.com', PASSWORD)}"], ["235 2.7.0"]),
        (["AUTH LOGIN", encoded("anna@example.com"), encoded(PASSWORD)], ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 2.7.0"]),
        ([f"AUTH LOGIN {encoded('Anna@example.com')}", encoded(PASSWORD)], ["334 UGFzc3dvcmQ6", "235 2.7.0"]),
        (["AUTH PLAIN", "*"], ["334 ", "501 5.7.0"]),
        (["AUTH LOGIN", "*"], ["334 ", "501 5.7.0"]),
        (["AUTH LOGIN", encoded("x"), "*"], ["334 ", "334 ", "501 5.7.0"]),
        (["AUTH PLAIN ="], ["501 5.5.2"]),
        (["AUTH PLAIN !!!"], ["501 5.5.2"]),
        ([f"AUTH PLAIN {encoded('a', 'b')}"], ["501 5.5.2"]),
        ([f"AUTH PLAIN {encoded('boss', 'Anna@example.com', PASSWORD)}"], ["535 5.7.8"]),
        ([f"AUTH PLAIN {encoded('', 'Anna@example.com', 'wrong')}"], ["535 5.7.8"]),
        ([f"AUTH PLAIN {encoded('', 'nobody', PASSWORD)}"], ["535 5.7.8"]),
        ([f"AUTH PLAIN {encoded('', '', '')}"], ["535 5.7.8"]),
        (["AUTH CRAM-MD5"], ["504 5.5.4"]),
        (["AUTH"], ["504 5.5.4"]),
        (["MAIL FROM:<a@example.com>", f"AUTH PLAIN {GOOD}"], ["250 ", "503 5.5.1"]),
        ([f"AUTH PLAIN {GOOD}", f"AUTH PLAIN {GOOD}"], ["235 2.7.0", "503 5.5.1"]),
    ],
)
async def test_dialogues(lines: list[str], replies: list[str]) -> None:
    async with site(with_user()) as here:
        peer = await here.session()
        await quick(here)
        for line, reply in zip(lines, replies, strict=True):
            assert (await peer.say(line)).startswith(reply)
        if replies[-1].startswith("5"):
            assert (await peer.say("NOOP")).startswith("250 ")


async def test_a_signed_in_user_may_relay_and_the_trace_says_so() -> None:
    async with site(with_user("submission")) as here:
        peer = await here.session()
        assert (await peer.say("MAIL FROM:<a@example.com>")).startswith("530 5.7.0")
        await peer.say(f"AUTH PLAIN {GOOD}")
        await peer.begin("b@anywhere.example")
        assert (await peer.data(b"S: x\r\n\r\n.\r\n")).startswith("250 ")
        origin = here.messages[0].envelope.origin
        assert (origin.user, origin.protocol) == ("Anna@example.com", "ESMTPA")
        await peer.say("RSET")
        await peer.begin("b@anywhere.example")


async def test_the_dialogue_may_be_pipelined() -> None:
    async with site(with_user()) as here:
        peer = await here.session()
        peer.send(f"AUTH LOGIN\r\n{encoded('anna@example.com')}\r\n{encoded(PASSWORD)}\r\nNOOP\r\n".encode())
        assert [(await peer.reply())[:3] for _ in range(4)] == ["334", "334", "235", "250"]


async def test_auth_is_offered_to_others_only_under_tls() -> None:
    listener = secured("starttls", proxy_protocol_from=["127.0.0.1"])
    async with site(configuration(listener, users=[USER])) as here:
        peer = await here.connect()
        peer.send(b"PROXY TCP4 203.0.113.9 127.0.0.1 5000 25\r\n")
        assert "AUTH" not in await peer.greet()
        assert (await peer.say(f"AUTH PLAIN {GOOD}")).startswith("538 5.7.11")
        await peer.start_tls()
        assert "250-AUTH PLAIN LOGIN" in await peer.say("EHLO c.example")
        assert (await peer.say(f"AUTH PLAIN {GOOD}")).startswith("235 ")
        assert "AUTH" not in await peer.say("EHLO c.example")
        await peer.begin("b@anywhere.example")
        await peer.data(b"S: x\r\n\r\n.\r\n")
        assert here.messages[0].envelope.origin.protocol == "ESMTPSA"


async def test_what_was_proved_before_starttls_counts_for_nothing_after_it() -> None:
    async with site(configuration(secured("starttls"), users=[USER])) as here:
        peer = await here.session()
        assert (await peer.say(f"AUTH PLAIN {GOOD}")).startswith("235 ")
        await peer.start_tls()
        await peer.say("EHLO c.example")
        await peer.say("MAIL FROM:<a@example.com>")
        assert (await peer.say("RCPT TO:<b@anywhere.example>")).startswith("550 5.7.1")


async def test_guessing_in_one_connection_ends_it() -> None:
    async with site(with_user()) as here:
        peer = await here.session()
        await quick(here)
        for _ in range(3):
            assert (await peer.say(f"AUTH PLAIN {encoded('', 'Anna@example.com', 'wrong')}")).startswith("535 ")
        assert (await peer.reply()).startswith("421 4.7.0")
        assert await peer.is_closed()
        assert here.refused("auth-failed") == 3


async def test_a_client_that_leaves_within_the_dialogue_leaves_nothing() -> None:
    async with site(with_user()) as here:
        for lines in (["AUTH LOGIN"], ["AUTH LOGIN", encoded("anna@example.com")]):
            peer = await here.session()
            for line in lines:
                await peer.say(line)
            await peer.close()
        peer = await here.session()
        peer.send(f"AUTH PLAIN {GOOD}\r\n".encode())
        await peer.close()
        await here.settle()


async def test_an_endless_line_of_the_dialogue_is_refused() -> None:
    async with site(with_user()) as here:
        peer = await here.session()
        await peer.say("AUTH LOGIN")
        session = await here.arrived()
        peer.send(b"A" * 20_000)
        async with asyncio.timeout(10):
            while not session._is_skipping:
                await asyncio.sleep(0.002)
        assert session._buffer == b"", "it is not kept"
        assert (await peer.say(b"A" * 20_000)).startswith("501 5.5.2"), "once it ends, however long it was"
        assert (await peer.say("NOOP")).startswith("250 "), "nothing of it is taken for a command"


def user(verifier: str = "v") -> dict[str, RelayUser]:
    return {"anna": RelayUser(username="anna", verifier=verifier)}


class Desk:
    """An authenticator with a clock and a verifier that costs nothing."""

    def __init__(self) -> None:
        self.now = 0.0
        self.delays: list[float] = []
        self.checked: list[str] = []
        self.authenticator = Authenticator(lambda: self.now, self.sleep, self.verify)

    async def sleep(self, seconds: float) -> None:
        self.delays.append(seconds)

    def verify(self, password: bytes, verifier: str) -> bool:
        self.checked.append(verifier)
        return password == b"right"

    async def check(self, password: bytes, name: str = "anna", client: str = "192.0.2.1", failures: int = 0) -> Outcome:
        return await self.authenticator.check(user(), name, password, client, failures)


async def test_an_unknown_user_costs_the_same_work_as_a_wrong_password() -> None:
    desk = Desk()
    assert await desk.check(b"right", "nobody") is Outcome.REFUSED
    assert await desk.check(b"wrong") is Outcome.REFUSED
    assert desk.checked == [scrypt_verifier.DUMMY, "v"]


async def test_failures_are_answered_ever_more_slowly_and_then_not_at_all() -> None:
    desk = Desk()
    for _ in range(FAILURES_PER_ADDRESS):
        assert await desk.check(b"wrong", "nobody") is Outcome.REFUSED
    assert desk.delays[:5] == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert max(desk.delays) == 8.0
    assert await desk.check(b"right") is Outcome.BLOCKED
    assert len(desk.checked) == FAILURES_PER_ADDRESS
    assert await desk.check(b"right", client="192.0.2.2") is Outcome.AUTHENTICATED
    desk.now += 1000
    assert await desk.check(b"right") is Outcome.AUTHENTICATED


async def test_one_account_is_guarded_against_many_addresses() -> None:
    desk = Desk()
    for number in range(FAILURES_PER_ACCOUNT):
        assert await desk.check(b"wrong", client=f"192.0.2.{number}") is Outcome.REFUSED
    assert await desk.check(b"wrong", client="198.51.100.1") is Outcome.BLOCKED


async def test_a_good_password_is_remembered_for_a_while_and_a_changed_one_is_not() -> None:
    desk = Desk()
    for _ in range(3):
        assert await desk.check(b"right") is Outcome.AUTHENTICATED
    assert desk.checked == ["v"]
    assert await desk.authenticator.check(user("new"), "anna", b"right", "192.0.2.1", 0) is Outcome.AUTHENTICATED
    desk.now += 301
    await desk.check(b"right")
    assert desk.checked == ["v", "new", "v"]


def test_a_verifier_matches_its_password_only() -> None:
    assert scrypt_verifier.verify(PASSWORD.encode(), VERIFIER)
    assert not scrypt_verifier.verify(b"other", VERIFIER)
    assert PASSWORD not in VERIFIER
    assert scrypt_verifier.make(PASSWORD) != VERIFIER
    for broken in (
        "",
        "scrypt$1$2",
        "plain$1$1$1$eA==$eA==",
        VERIFIER + "!",
        "scrypt$1048576$8$1$eA==$eA==",
        scrypt_verifier.DUMMY,
    ):
        assert not scrypt_verifier.verify(PASSWORD.encode(), broken)


async def test_scrypt_does_not_stop_the_loop() -> None:
    async with site(with_user()) as here:
        peer, other = await here.session(), await here.session()
        peer.send(f"AUTH PLAIN {GOOD}\r\n".encode())
        begin = time.perf_counter()
        assert (await other.say("NOOP")).startswith("250 ")
        assert time.perf_counter() - begin < 1.0
        assert (await peer.reply()).startswith("235 ")


def test_only_enabled_users_with_a_password_can_sign_in() -> None:
    users = [USER | {"enabled": False}, {"id": "u2", "username": "new"}]
    from gatepost.relay.reception.admission import Admission

    assert Admission(configuration(users=users), "mx.example").users == {}


async def test_nobody_is_offered_auth_while_there_are_no_users() -> None:
    async with site(configuration(trusted_networks=LOOPBACK)) as here:
        peer: Peer = await here.connect()
        assert "AUTH" not in await peer.greet()
    await asyncio.sleep(0)
