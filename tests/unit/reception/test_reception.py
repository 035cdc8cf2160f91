"""Listeners follow the configuration; sessions outlive a change and end with a stop."""

from __future__ import annotations

import asyncio
import socket

from gatepost.relay.reception import ListenerStatus

from .support import LISTENER, LOOPBACK, configuration, site


async def test_each_listener_takes_a_free_port_and_tells_it() -> None:
    listeners = [LISTENER | {"id": "one"}, LISTENER | {"id": "two"}, LISTENER | {"id": "off", "enabled": False}]
    async with site(configuration(listeners=listeners)) as here:
        one, two, off = here.reception.listeners()
        assert one.port
        assert two.port
        assert one.port != two.port
        assert [state.state for state in (one, two, off)] == [ListenerStatus.LISTENING] * 2 + [ListenerStatus.DISABLED]


async def test_a_port_that_is_taken_is_a_problem_of_that_listener_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listeners = [LISTENER | {"id": "bad", "port": port}, LISTENER | {"id": "good"}]
        async with site(configuration(listeners=listeners)) as here:
            bad, good = here.reception.listeners()
            assert bad.state is ListenerStatus.FAILED
            assert "in use" in bad.problem
            assert good.state is ListenerStatus.LISTENING
            taken.close()
            await here.reception.apply(configuration(listeners=listeners))
            assert here.reception.listeners()[0].state is ListenerStatus.LISTENING


async def test_a_kept_listener_keeps_its_socket_and_sessions_and_takes_the_new_rules() -> None:
    async with site() as here:
        port = here.port
        peer = await here.session()
        await peer.say("MAIL FROM:<a@example.com>")
        assert (await peer.say("RCPT TO:<b@anywhere.example>")).startswith("550 ")
        await peer.say("RSET")
        await here.reception.apply(configuration(trusted_networks=LOOPBACK))
        assert here.port == port
        await peer.begin("b@anywhere.example")
        await peer.say("RSET")
        await here.reception.apply(configuration())
        await peer.say("MAIL FROM:<a@example.com>")
        assert (await peer.say("RCPT TO:<b@anywhere.example>")).startswith("550 ")


async def test_a_removed_listener_lets_its_sessions_go_politely() -> None:
    async with site() as here:
        idle = await here.session()
        await here.reception.apply(configuration(listeners=[]))
        assert (await idle.reply()).startswith("421 4.3.2 ")
        assert await idle.is_closed()
        assert here.reception.listeners() == []


async def test_stop_lets_a_message_that_is_being_committed_finish() -> None:
    async with site() as here:
        here.spool.is_holding = True
        peer = await here.session()
        await peer.begin()
        await peer.say("DATA")
        peer.send(b"S: x\r\n\r\n.\r\n")
        async with asyncio.timeout(5):
            while not here.spool.held:
                await asyncio.sleep(0.002)
        port = here.port
        stopping = asyncio.ensure_future(here.reception.stop())
        await asyncio.sleep(0.05)
        future, stored = here.spool.held.pop()
        future.set_result(stored)
        assert (await peer.reply()).startswith("250 ")
        assert (await peer.reply()).startswith("421 4.3.2 ")
        await stopping
        assert not await is_open(port)


async def is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def test_a_trusted_listener_says_no_to_strangers_at_once() -> None:
    async with site(configuration({"mode": "trusted"})) as here:
        peer = await here.connect()
        assert (await peer.reply()).startswith("554 5.7.1 ")
        assert await peer.is_closed()
        assert here.refused("not-trusted") == 1
        assert here.reception._gate.open == 0
