"""A name server on loopback, UDP and TCP on one port, whose zone and faults a test sets.

    async with DnsServer() as dns:
        dns.add("example.test", "MX", "10 mail.example.test.")
        dns.add("mail.example.test", "A", "127.0.0.1")
        dns.servfail("broken.test")
        ...  # dns.address, dns.port

What it does not know does not exist (NXDOMAIN); a known name without the type has no data. Negative answers carry an
SOA record, CNAMEs inside the zone are followed.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from dataclasses import dataclass
from types import TracebackType

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

ROOT = dns.name.root


@dataclass(frozen=True, slots=True)
class Query:
    name: str
    type: str
    transport: str


class DnsServer:
    def __init__(self, address: str = "127.0.0.1", negative_ttl: int = 60) -> None:
        self.address = address
        self.port = 0
        self.negative_ttl = negative_ttl
        self.queries: list[Query] = []
        self._records: dict[str, dict[str, tuple[int, list[str]]]] = {}
        self._rcodes: dict[tuple[str, str], dns.rcode.Rcode] = {}
        self._delays: dict[str, float] = {}
        self._silent: set[tuple[str, str]] = set()
        self._truncated: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    # --- the zone -------------------------------------------------------------------------------------------------

    def add(self, name: str, kind: str, *values: str, ttl: int = 300) -> None:
        """Add records of one type. Values are in zone-file form: ``10 mail.example.test.``, ``192.0.2.1``."""
        types = self._records.setdefault(_key(name), {})
        _, present = types.get(kind, (ttl, []))
        types[kind] = (ttl, [*present, *values])

    def remove(self, name: str, kind: str | None = None) -> None:
        if kind is None:
            self._records.pop(_key(name), None)
        else:
            self._records.get(_key(name), {}).pop(kind, None)

    def exists(self, name: str) -> None:
        """The name exists and has no records."""
        self._records.setdefault(_key(name), {})

    # --- faults; ``kind`` "" means every type ----------------------------------------------------------------------

    def servfail(self, name: str, kind: str = "") -> None:
        self._rcodes[_key(name), kind] = dns.rcode.SERVFAIL

    def rcode(self, name: str, rcode: dns.rcode.Rcode, kind: str = "") -> None:
        self._rcodes[_key(name), kind] = rcode

    def silent(self, name: str, kind: str = "") -> None:
        """Never answer."""
        self._silent.add((_key(name), kind))

    def delay(self, name: str, seconds: float) -> None:
        self._delays[_key(name)] = seconds

    def truncate(self, name: str) -> None:
        """Over UDP answer only “truncated”, so that the client has to come by TCP."""
        self._truncated.add(_key(name))

    def heal(self, name: str) -> None:
        """Take all faults of a name away."""
        key = _key(name)
        self._rcodes = {at: code for at, code in self._rcodes.items() if at[0] != key}
        self._silent = {at for at in self._silent if at[0] != key}
        self._delays.pop(key, None)
        self._truncated.discard(key)

    def asked(self, name: str, kind: str = "") -> int:
        """How many queries came for a name."""
        return sum(1 for query in self.queries if query.name == _key(name) and (not kind or query.type == kind))

    # --- serving ---------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> DnsServer:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(50):
            server = await asyncio.start_server(self._serve_tcp, self.address, self.port)
            port = server.sockets[0].getsockname()[1]
            try:
                transport, _protocol = await loop.create_datagram_endpoint(
                    lambda: _Datagrams(self), local_addr=(self.address, port)
                )
            except OSError:  # somebody else has the UDP port of this number
                server.close()
                continue
            self._tcp, self._udp, self.port = server, transport, port
            return
        raise RuntimeError("no port is free for UDP and TCP together")

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
            await self._tcp.wait_closed()

    def _spawn_datagram(self, data: bytes, peer: tuple[str, int]) -> None:
        async def answer() -> None:
            reply = await self._answer(data, "udp")
            if reply is not None and self._udp is not None and not self._udp.is_closing():
                self._udp.sendto(reply, peer)

        task = asyncio.get_running_loop().create_task(answer())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    reply = await self._answer(await reader.readexactly(length), "tcp")
                    if reply is not None:
                        writer.write(struct.pack("!H", len(reply)) + reply)
                        await writer.drain()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, data: bytes, transport: str) -> bytes | None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = _key(question.name.to_text())
        kind = dns.rdatatype.to_text(question.rdtype)
        self.queries.append(Query(name, kind, transport))
        if self._delays.get(name):
            await asyncio.sleep(self._delays[name])
        if {(name, ""), (name, kind)} & self._silent:
            return None
        reply = dns.message.make_response(query, recursion_available=True)
        rcode = self._rcodes.get((name, kind), self._rcodes.get((name, "")))
        if rcode is not None:
            reply.set_rcode(rcode)
        elif transport == "udp" and name in self._truncated:
            reply.flags |= dns.flags.TC
        else:
            self._fill(reply, name, kind)
        return reply.to_wire(max_size=1232 if transport == "udp" else 65535)

    def _fill(self, reply: dns.message.Message, name: str, kind: str) -> None:
        for _ in range(10):
            types = self._records.get(name)
            if types is None:
                reply.set_rcode(dns.rcode.NXDOMAIN)
                break
            if kind in types:
                reply.answer.append(self._rrset(name, kind, *types[kind]))
                return
            if "CNAME" not in types:
                break
            reply.answer.append(self._rrset(name, "CNAME", *types["CNAME"]))
            name = _key(types["CNAME"][1][0])
        soa = f"ns.test. hostmaster.test. 1 3600 600 86400 {self.negative_ttl}"
        reply.authority.append(self._rrset("test", "SOA", self.negative_ttl, [soa]))

    @staticmethod
    def _rrset(name: str, kind: str, ttl: int, values: list[str]) -> dns.rrset.RRset:
        return dns.rrset.from_text(dns.name.from_text(name, ROOT), ttl, dns.rdataclass.IN, kind, *values)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server._spawn_datagram(data, addr)


def _key(name: str) -> str:
    return name.rstrip(".").lower()
