"""Faults on purpose, at every stage: what the client sees, and that each is told as what it is."""

from __future__ import annotations

from typing import Any

import pytest

from gatepost.relay.capture.faults import Injector

from .support import Site, configuration, site

CONTENT = b"Subject: Hi\r\n\r\nHello\r\n.\r\n"


def rule(stage: str, fault: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"id": "f1", "stage": stage, "fault": fault, **fields}


def refusing(stage: str, code: int = 450, text: str = "4.2.1 Not now", **fields: Any) -> dict[str, Any]:
    return rule(stage, {"action": "refuse", "code": code, "text": text}, **fields)


def faulty(*rules: dict[str, Any], **listener: Any) -> tuple[Any, dict[str, Any]]:
    config = configuration({"mode": "mx", **listener}, faults=list(rules))
    injector = Injector()
    injector.apply(config)
    return config, {"faults": injector}


async def until(here: Site, stage: str) -> str:
    """The reply at a stage, having come so far."""
    peer = await here.connect()
    greeting = await peer.reply()
    if stage == "connect":
        return greeting
    hello = await peer.say("EHLO client.example.com")
    if stage == "ehlo":
        return hello
    if stage == "auth":
        return await peer.say("AUTH PLAIN =")
    mail = await peer.say("MAIL FROM:<a@example.com>")
    if stage == "mail":
        return mail
    taken = await peer.say("RCPT TO:<b@example.org>")
    if stage == "rcpt":
        return taken
    go_ahead = await peer.say("DATA")
    if stage == "data":
        return go_ahead
    peer.send(CONTENT)
    return await peer.reply()


STAGES = ("connect", "ehlo", "auth", "mail", "rcpt", "data", "dot")


@pytest.mark.parametrize("stage", STAGES)
async def test_a_refusal_is_answered_at_its_stage_and_counted_as_injected(stage: str) -> None:
    config, hooks = faulty(refusing(stage))
    async with site(config, **hooks) as here:
        assert (await until(here, stage)) == "450 4.2.1 Not now"
        assert here.messages == []
        assert here.counters.totals["faults_injected", "f1"] == 1
        assert here.refused("injected") == 1
        (told,) = [one for one in here.journal.refusals if one.reason == "injected"]
        assert (told.stage, told.reply) == (stage, "450 4.2.1 Not now")


@pytest.mark.parametrize("stage", STAGES)
async def test_a_dropped_connection_says_nothing_and_keeps_nothing(stage: str) -> None:
    config, hooks = faulty(rule(stage, {"action": "drop"}))
    async with site(config, **hooks) as here:
        assert await until(here, stage) == ""
        await here.settle()
        assert here.messages == []
        (told,) = here.journal.faults
        assert (told.stage, told.reason) == (stage, "injected")
        assert "f1" in told.reply
        assert here.refused("injected") == 0


@pytest.mark.parametrize("stage", STAGES)
async def test_a_delay_answers_as_ever_but_later(stage: str) -> None:
    config, hooks = faulty(rule(stage, {"action": "delay", "seconds": 0.05}))
    async with site(config, **hooks) as here:
        began = here.endpoint.loop.time()
        reply = await until(here, stage)
        assert here.endpoint.loop.time() - began >= 0.05
        assert reply[:1] in ("2", "3") or stage == "auth"
        assert len(here.messages) == (1 if stage == "dot" else 0)
        assert "0.05 s" in here.journal.faults[0].reply


async def test_after_a_refusal_the_session_goes_on_and_after_421_it_ends() -> None:
    config, hooks = faulty(refusing("dot", first=1), refusing("rcpt", 421, "4.3.2 Bye", id="f2", recipient="last@*"))
    async with site(config, **hooks) as here:
        peer = await here.session()
        await peer.begin()
        assert await peer.data(CONTENT) == "450 4.2.1 Not now"
        await peer.begin()
        assert (await peer.data(CONTENT)).startswith("250 ")
        assert (await peer.say("MAIL FROM:<a@example.com>")).startswith("250 ")
        assert await peer.say("RCPT TO:<last@example.org>") == "421 4.3.2 Bye"
        assert await peer.is_closed()
        assert len(here.messages) == 1


async def test_a_text_without_a_status_code_gets_one() -> None:
    config, hooks = faulty(refusing("mail", 554, "No more today"))
    async with site(config, **hooks) as here:
        assert await until(here, "mail") == "554 5.0.0 No more today"


async def test_a_refused_chunk_is_never_taken_for_commands() -> None:
    config, hooks = faulty(refusing("data"))
    async with site(config, **hooks) as here:
        peer = await here.session()
        await peer.begin()
        peer.send(b"BDAT 20 LAST\r\nMAIL FROM:<x@y.z>\r\n\r\n")
        assert await peer.reply() == "450 4.2.1 Not now"
        assert await peer.is_closed()
        assert here.messages == []


async def test_only_the_first_chunk_is_an_occasion() -> None:
    config, hooks = faulty(refusing("data", every=2))
    async with site(config, **hooks) as here:
        peer = await here.session()
        await peer.begin()
        assert (await peer.say("BDAT 6\r\na: b\r\n"[:-2])).startswith("250 ")
        assert (await peer.say("BDAT 6 LAST\r\nc: d\r\n"[:-2])).startswith("250 ")
        assert len(here.messages) == 1


async def test_pipelined_commands_wait_for_a_delay_in_their_order() -> None:
    config, hooks = faulty(rule("rcpt", {"action": "delay", "seconds": 0.02}, recipient="slow@*"))
    async with site(config, **hooks) as here:
        peer = await here.session()
        peer.send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<slow@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
        assert [(await peer.reply())[:3] for _ in range(4)] == ["250", "250", "250", "354"]
        peer.send(CONTENT)
        assert (await peer.reply()).startswith("250 ")
        (message,) = here.messages
        assert [one.address for one in message.envelope.recipients] == ["slow@example.org", "b@example.org"]


async def test_who_hangs_up_during_a_delay_leaves_nothing_behind() -> None:
    config, hooks = faulty(rule("dot", {"action": "delay", "seconds": 0.05}))
    async with site(config, **hooks) as here:
        peer = await here.session()
        await peer.begin()
        assert (await peer.say("DATA")).startswith("354 ")
        peer.send(CONTENT)
        await peer.writer.drain()
        peer.reset()
        await here.settle()
        assert here.messages == []


async def test_other_listeners_and_disabled_rules_have_no_faults() -> None:
    config, hooks = faulty(refusing("mail", enabled=False))
    async with site(config, **hooks) as here:
        assert here.endpoint.terms.has_faults is False
        assert (await until(here, "dot")).startswith("250 ")
