"""Destinations as transport(5) and ``relayhost`` write them: ``[host]:port`` is a host, ``example.com`` means its MX hosts."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

SERVICES = {"smtp": 25, "submission": 587, "smtps": 465, "submissions": 465, "urd": 465, "ssmtp": 465}
_FORM = re.compile(r"(?:\[(?P<literal>[^\]]+)\]|(?P<name>[^\[\]:]+))(?::(?P<port>[A-Za-z0-9-]+))?\Z")


class NextHop(NamedTuple):
    host: str
    port: int
    is_domain: bool
    """Written without brackets: Postfix asks the DNS for its MX records."""
    text: str

    @property
    def is_address(self) -> bool:
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return True

    @property
    def spellings(self) -> tuple[str, ...]:
        """How tables may name it, the most exact one first."""
        bracketed = f"[{self.host}]"
        return tuple(dict.fromkeys((self.text, f"{bracketed}:{self.port}", bracketed, f"{self.host}:{self.port}", self.host)))


def parse_next_hop(text: str) -> NextHop | None:
    """None for what is no destination."""
    found = _FORM.match(text.strip())
    if found is None:
        return None
    host = found["literal"] or found["name"]
    if found["literal"] and host.casefold().startswith("ipv6:"):
        host = host[5:]
    port = service_port(found["port"] or "smtp")
    return None if port is None else NextHop(host, port, not found["literal"], text.strip())


def service_port(text: str) -> int | None:
    if text.isascii() and text.isdigit():
        number = int(text) if len(text) < 6 else 0
        return number if 0 < number < 65_536 else None
    return SERVICES.get(text.casefold())
