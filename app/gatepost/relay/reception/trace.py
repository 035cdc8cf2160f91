"""What is put on top of an accepted message: Received (RFC 5321 §4.4, 3848, 6531), and on submission what is missing."""

from __future__ import annotations

import secrets
import time
from base64 import b64encode
from collections.abc import Sequence

PRODUCT = "Gatepost"
OWN_PASSES = 5
"""How often a message may pass this server before it counts as a loop (forwarding and lists pass more than once)."""
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_last = (-1, "")


def own_mark(host_name: str) -> bytes:
    """What every Received field of this server holds, in lower case."""
    return f"by {host_name} ({PRODUCT}) with ".lower().encode()


def date(now: float) -> str:
    """RFC 5322 §3.3, in UTC. Made once a second."""
    global _last
    second = int(now)
    if _last[0] != second:
        t = time.gmtime(second)
        text = (
            f"{_DAYS[t.tm_wday]}, {t.tm_mday} {_MONTHS[t.tm_mon - 1]} {t.tm_year} "
            f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} +0000"
        )
        _last = (second, text)
    return _last[1]


def protocol(extended: bool, tls: bool, authenticated: bool, smtputf8: bool) -> str:
    """The ``with`` name: RFC 3848, RFC 6531 §4.3."""
    if not extended:
        return "SMTP"
    return ("UTF8SMTP" if smtputf8 else "ESMTP") + ("S" if tls else "") + ("A" if authenticated else "")


def origin_part(helo: str, client: str, host_name: str) -> str:
    """The first half of a Received field, the same for all messages of a session."""
    literal = f"[IPv6:{client}]" if ":" in client else f"[{client}]" if client else "unknown"
    return f"Received: from {helo or literal} ({literal})\r\n\tby {host_name} ({PRODUCT}) with "


def received(origin: str, with_name: str, queue_id: str, tls: str, recipient: str, now: float) -> bytes:
    """``recipient`` is named only when it is the only one, so that nobody learns of the others."""
    cipher = f"\r\n\t(using {tls})" if tls else ""
    target = f"\r\n\tfor <{recipient}>" if recipient else ""
    return f"{origin}{with_name} id {queue_id}{cipher}{target};\r\n\t{date(now)}\r\n".encode()


def original_recipients(addresses: Sequence[str]) -> bytes:
    """Who a redirected message was for: a line for each, in ASCII (RFC 2047), so that the message needs no more than before."""
    words = [address if address.isascii() else f"=?utf-8?b?{b64encode(address.encode()).decode()}?=" for address in addresses]
    return ("X-Gatepost-Original-Recipients: " + ",\r\n\t".join(words) + "\r\n").encode()


def missing_fields(has_date: bool, message_id: str, queue_id: str, host_name: str, now: float) -> bytes:
    """RFC 6409 §8: Date and Message-ID for a submitted message without them."""
    fields = "" if has_date else f"Date: {date(now)}\r\n"
    if not message_id:
        fields += f"Message-ID: <{queue_id}.{secrets.token_hex(6)}@{host_name}>\r\n"
    return fields.encode()
