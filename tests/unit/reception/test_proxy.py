"""The PROXY protocol: believed from named proxies, required from them, refused from everyone else."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import struct
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from gatepost.relay.reception import proxy_protocol
from gatepost.relay.reception.proxy_protocol import ProxyError, ProxyHeader

from .support import LOOPBACK, configuration, site, trusting_context
from .test_tls import secured

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
BEHIND = {"proxy_protocol_from": ["127.0.0.1"]}


def v2(client: str, local: str, command: int = 1, tail: bytes = b"") -> bytes:
    source, target = ipaddress.ip_address(client), ipaddress.ip_address(local)
    addresses = source.packed + target.packed + struct.pack("!HH", 5000, 25) + tail
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, 0x11 if source.version == 4 else 0x21, len(addresses)) + addresses


@pytest.mark.parametrize(
    ("data", "client", "local"),
    [
        (b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 25\r\n", "203.0.113.9", "192.0.2.1"),
        (b"PROXY TCP6 2001:db8::9 2001:db8::1 5000 25\r\n", "2001:db8::9", "2001:db8::1"),
        (b"PROXY UNKNOWN\r\n", None, None),
        (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None, None),
        (v2("203.0.113.9", "192.0.2.1"), "203.0.113.9", "192.0.2.1"),
        (v2("2001:db8::9", "2001:db8::1", tail=b"\x04\x00\x01x"), "2001:db8::9", "2001:db8::1"),
        (v2("203.0.113.9", "192.0.2.1", command=0), None, None),
    ],
)
def test_headers_are_read_however_they_are_cut(data: bytes, client: str | None, local: str | None) -> None:
    assert proxy_protocol.parse(data + b"EHLO") == ProxyHeader(len(data), client, local)
    for cut in range(len(data)):
        assert proxy_protocol.parse(data[:cut]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"EHLO x\r\n",
        b"PROXY TCP4 203.0.113.9 192.0.2.1 5000\r\n",
        b"PROXY TCP4 2001:db8::9 2001:db8::1 1 2\r\n",
        b"PROXY TCP4 203.0.113.999 192.0.2.1 1 2\r\n",
        b"PROXY TCP4 203.0.113.9 192.0.2.1 1 99999\r\n",
        b"PROXY UDP4 203.0.113.9 192.0.2.1 1 2\r\n",
        b"PROXY " + b"x" * 200,
        SIGNATURE + b"\x31\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x12\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\x00\x04" + bytes(4),
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ProxyError):
        proxy_protocol.parse(data)


@pytest.mark.parametrize("header", [b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 25\r\n", v2("203.0.113.9", "192.0.2.1")])
async def test_the_client_behind_a_trusted_proxy_is_the_one_who_is_judged(header: bytes) -> None:
    async with site(configuration(BEHIND, trusted_networks=LOOPBACK)) as here:
        peer = await here.connect()
        for index in range(len(header)):
            peer.send(header[index : index + 1])
            await asyncio.sleep(0)
        await peer.greet()
        await peer.say("MAIL FROM:<a@example.com>")
        assert (await peer.say("RCPT TO:<b@anywhere.example>")).startswith("550 5.7.1")
        assert (await peer.say("RCPT TO:<postmaster@[192.0.2.1]>")).startswith("250 ")
        assert (await peer.say("RCPT TO:<b@example.org>")).startswith("250 ")
        await peer.data(b"S: x\r\n\r\n.\r\n")
        assert here.messages[0].envelope.origin.client == "203.0.113.9"
        assert b"([203.0.113.9])" in here.messages[0].content


async def test_connections_are_counted_by_the_client_behind_the_proxy() -> None:
    async with site(configuration(BEHIND | {"limits": {"connections_per_address": 1}})) as here:
        for client, reply in (("203.0.113.9", "220"), ("203.0.113.8", "220"), ("203.0.113.9", "421")):
            peer = await here.connect()
            peer.send(v2(client, "192.0.2.1"))
            assert (await peer.reply()).startswith(reply)


async def test_a_proxy_without_a_header_is_not_served() -> None:
    async with site(configuration(BEHIND)) as here:
        peer = await here.connect()
        peer.send(b"EHLO direct.example\r\n")
        assert (await peer.reply()).startswith("421 4.7.0")
        assert await peer.is_closed()
        await here.settle()
        assert here.reception._gate.open == 0


async def test_a_header_from_anyone_else_is_refused() -> None:
    for header in (b"PROXY TCP4 10.0.0.1 192.0.2.1 1 2\r\n", v2("10.0.0.1", "192.0.2.1")):
        async with site(configuration({"proxy_protocol_from": ["192.0.2.200"]})) as here:
            peer = await here.connect()
            await peer.reply()
            peer.send(header + b"EHLO x.example\r\n")
            assert (await peer.reply()).startswith("554 5.7.1")
            assert await peer.is_closed()


@pytest.mark.parametrize("header", [b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 25\r\n", v2("203.0.113.9", "192.0.2.1")])
async def test_a_command_may_come_in_one_packet_with_the_header(header: bytes) -> None:
    async with site(configuration(BEHIND)) as here:
        peer = await here.connect()
        peer.send(header + b"EHLO client.example.com\r\n")
        assert (await peer.reply()).startswith("220 ")
        assert (await peer.reply()).startswith("250-")
        assert (await peer.say("QUIT")).startswith("221 ")


@pytest.mark.parametrize("header", [b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 25\r\n", v2("203.0.113.9", "192.0.2.1")])
async def test_a_second_header_is_not_believed(header: bytes) -> None:
    async with site(configuration(BEHIND)) as here:
        peer = await here.connect()
        peer.send(header + header)
        assert (await peer.reply()).startswith("220 ")
        assert (await peer.reply()).startswith("554 5.7.1")
        assert await peer.is_closed()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_tls_may_begin_in_one_packet_with_the_header(run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    """As from a proxy that waits for its client's first octets."""
    run(_header_and_hello_in_one_packet())


async def _header_and_hello_in_one_packet() -> None:
    async with site(configuration(secured("tls", **BEHIND))) as here:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = trusting_context().wrap_bio(incoming, outgoing)
        peer = await here.connect()
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        peer.send(b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 465\r\n" + outgoing.read())
        async with asyncio.timeout(10):
            while True:
                try:
                    greeting = client.read()
                    break
                except ssl.SSLWantReadError:
                    peer.send(outgoing.read())
                    incoming.write(await peer.reader.read(65_536))
        assert greeting.startswith(b"220 ")
