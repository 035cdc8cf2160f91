"""IP addresses, ranges and networks as an administrator types them."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_TARGETS = 256
"""A range larger than this names clients, not delivery targets."""


def parse_ip(text: str) -> IPAddress:
    """An address; an IPv4-mapped IPv6 address is the IPv4 address that it stands for. Raises ValueError."""
    address = ipaddress.ip_address(text.strip().strip("[]").partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@dataclass(frozen=True, slots=True)
class AddressRange:
    """An inclusive range of addresses of one family."""

    first: IPAddress
    last: IPAddress

    @property
    def count(self) -> int:
        return int(self.last) - int(self.first) + 1

    @property
    def covers_everything(self) -> bool:
        return self.count == 1 << self.first.max_prefixlen

    @property
    def is_world(self) -> bool:
        """Covers at least a /4 of IPv4 or a /8 of IPv6: who trusts it trusts (nearly) everybody."""
        return self.count >= 1 << (self.first.max_prefixlen - (4 if self.first.version == 4 else 8))

    def addresses(self) -> Iterator[IPAddress]:
        kind = type(self.first)
        for value in range(int(self.first), int(self.last) + 1):
            yield kind(value)

    def describe(self) -> str:
        return "1 address" if self.count == 1 else f"{self.count:,} addresses"


def parse_address_range(text: str) -> AddressRange:
    """``192.0.2.1``, ``192.0.2.1-192.0.2.9``, ``192.0.2.1-9`` or ``192.0.2.0/24``; IPv6 alike.

    Raises ValueError with words for the person who typed it.
    """
    text = text.strip()
    try:
        if "/" in text:
            network = ipaddress.ip_network(text, strict=False)
            low, high = parse_ip(str(network.network_address)), parse_ip(str(network.broadcast_address))
            if low.version == high.version:
                return AddressRange(low, high)
            return AddressRange(network.network_address, network.broadcast_address)  # only its end is IPv4-mapped
        if "-" in text:
            low_text, _, high_text = text.partition("-")
            low = parse_ip(low_text)
            high_text = high_text.strip()
            if high_text.isdigit() and isinstance(low, ipaddress.IPv4Address):
                high_text = f"{str(low).rpartition('.')[0]}.{high_text}"
            high = parse_ip(high_text)
            if type(low) is not type(high):
                raise ValueError("a range needs both ends of one family")
            if int(high) < int(low):
                raise ValueError("the range ends before it begins")
            return AddressRange(low, high)
        address = parse_ip(text)
        return AddressRange(address, address)
    except ValueError as error:
        reason = str(error) if str(error).startswith(("a range", "the range")) else "write 192.0.2.1, a range or a network"
        shown = "".join(letter if letter.isprintable() else "?" for letter in text[:100])
        raise ValueError(f"“{shown}” is not an IP address, a range or a network: {reason}") from error


def _check_range(text: str) -> str:
    parse_address_range(text)
    return text.strip()


AddressText = Annotated[str, AfterValidator(_check_range)]
"""A field that holds one address, range or network, kept as it was typed."""


class AddressSet:
    """Membership in a union of ranges, in O(log n); build once for each configuration snapshot."""

    __slots__ = ("_ends4", "_ends6", "_starts4", "_starts6")

    def __init__(self, texts: Iterable[str]) -> None:
        ranges = [parse_address_range(text) for text in texts]
        self._starts4, self._ends4 = _merge(r for r in ranges if r.first.version == 4)
        self._starts6, self._ends6 = _merge(r for r in ranges if r.first.version == 6)

    def __contains__(self, address: IPAddress) -> bool:
        starts, ends = (self._starts4, self._ends4) if address.version == 4 else (self._starts6, self._ends6)
        if not starts:
            return False
        value = int(address)
        index = bisect_right(starts, value) - 1
        return index >= 0 and value <= ends[index]

    def __bool__(self) -> bool:
        return bool(self._starts4 or self._starts6)


def _merge(ranges: Iterable[AddressRange]) -> tuple[list[int], list[int]]:
    starts: list[int] = []
    ends: list[int] = []
    for low, high in sorted((int(r.first), int(r.last)) for r in ranges):
        if ends and low <= ends[-1] + 1:
            ends[-1] = max(ends[-1], high)
        else:
            starts.append(low)
            ends.append(high)
    return starts, ends
