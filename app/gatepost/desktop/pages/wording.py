"""Values of the configuration in the words that every page uses for them. Takes plain data, as the API shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..i18n import tr

Plain = Mapping[str, Any]
OUTBOUND = ("round-robin", "specific-domains")


def encryption_words(value: str) -> str:
    return {
        "none": tr("None"),
        "starttls-when-offered": tr("STARTTLS when offered"),
        "starttls-required": tr("STARTTLS required"),
        "tls": tr("TLS from the start"),
    }.get(value, value)


def gateway_name(gateway: Plain) -> str:
    """What a person calls it: its description, else its address."""
    return str(gateway["description"] or gateway_address(gateway))


def gateway_address(gateway: Plain) -> str:
    if "host" in gateway:
        return f"{gateway['host']}:{gateway['port']}"
    return ", ".join(gateway["addresses"])


def listener_name(listener: Plain) -> str:
    where = f"{listener['address']}:{listener['port']}"
    return f"{listener['description']} ({where})" if listener["description"] else where


def name_by_id(objects: Iterable[Plain], identifier: str) -> str:
    """Of a gateway or a listener; the id itself when there is no such one."""
    for one in objects:
        if one["id"] == identifier:
            return listener_name(one) if "line_ends" in one else gateway_name(one)
    return identifier


def route_words(route: Plain, gateways: Iterable[Plain]) -> str:
    """Where a domain's mail leaves: “None (direct delivery)”, “Round Robin”, or a gateway's name."""
    match route["via"]:
        case "direct":
            return tr("None (direct delivery)")
        case "round-robin":
            return tr("Round Robin")
        case _:
            return name_by_id(gateways, route["gateway"])


def when_resting_words(value: str) -> str:
    return {"wait": tr("Wait"), "round-robin": tr("Round Robin"), "direct": tr("Direct delivery")}.get(value, value)
