"""Points from DNS about the client's address: block lists and reverse DNS."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ....model.network import AddressSet, parse_ip
from ....model.spam import DnsBlockList, WeighedSource
from ..message import Specimen
from ..scoring import Points


@dataclass(frozen=True, slots=True)
class Answer:
    """Record data as text. ``exists`` is False for NXDOMAIN and for a name without such records."""

    records: tuple[str, ...] = ()

    @property
    def exists(self) -> bool:
        return bool(self.records)


Lookup = Callable[[str, str], Awaitable[Answer]]
"""(name, record type) → the answer. Raises SourceFailed when the servers do not answer."""


async def block_list(specimen: Specimen, source: DnsBlockList, lookup: Lookup) -> Points | None:
    """RFC 5782: the reversed address below the list's zone; only the configured return codes count."""
    client = specimen.envelope.origin.client
    if not client:
        return None
    answer = await lookup(f"{_reversed(client)}.{source.zone}", "A")
    wanted = AddressSet(source.return_codes)
    codes = [code for code in answer.records if _is_ip(code) and parse_ip(code) in wanted]
    if not codes:
        return None
    return Points(source.zone, source.weight, f"listed as {', '.join(sorted(codes)[:4])}")


async def reverse_dns(specimen: Specimen, source: WeighedSource, lookup: Lookup) -> Points | None:
    """Points when the client's address has no name, or none that leads back to it."""
    client = specimen.envelope.origin.client
    if not client:
        return None
    address = parse_ip(client)
    names = (await lookup(address.reverse_pointer, "PTR")).records
    if not names:
        return Points("reverse DNS", source.weight, "the address has no name")
    kind = "A" if address.version == 4 else "AAAA"
    for name in names[:5]:
        for record in (await lookup(name.rstrip("."), kind)).records:
            if _is_ip(record) and parse_ip(record) == address:
                return None
    return Points("reverse DNS", source.weight, "no name leads back to the address")


def _reversed(client: str) -> str:
    address = parse_ip(client)
    if isinstance(address, ipaddress.IPv4Address):
        return ".".join(reversed(str(address).split(".")))
    return ".".join(reversed(address.exploded.replace(":", "")))


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
