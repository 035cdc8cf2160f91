"""SmarterMail: what is publicly known of its JSON.

How SmarterMail writes down its gateways is not published, and no public client reads them; so gateways are not read. The
names that public clients of its web service use are: domains (``settings/sysadmin/domains`` and ``domain-names``: ``data``
with ``name``, ``isEnabled``), users (``list-users``: ``userData`` with ``emailAddress``, ``securityFlags.isDisabled``),
aliases and lists (``account-list-search``: ``results``; ``mailing-lists/list``: ``items`` with ``listAddress``). From these
comes a Domain Forward gateway, once a person says where the primary server is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ..model.address import AddressError, normalise_domain, parse_mailbox
from ..model.errors import InvalidInput, Issue
from ..model.gateway import GatewayMode
from .draft import Draft
from .proposal import Place, Proposal, SourceFile

SOURCE = "smartermail"
_PLACEHOLDER = "192.0.2.1"
"""TEST-NET-1 (RFC 5737): stands for the primary's address until somebody writes it in. Never taken over by itself."""


def propose(files: Sequence[SourceFile]) -> Proposal:
    """Raises InvalidInput for what is no JSON, or has no domain in it."""
    draft = Draft(SOURCE)
    domains: dict[str, Place] = {}
    addresses: dict[str, Place] = {}
    for file in files:
        try:
            data = json.loads(file.text)
        except (ValueError, RecursionError) as error:
            raise InvalidInput([Issue("files", f"{file.name}: {error}")], "This file is not JSON.") from None
        place = Place(file.name)
        _domains(data, place, draft, domains)
        _addresses(data, place, draft, addresses)
        if _has_gateways(data):
            draft.decide(
                place, "It speaks of gateways. How SmarterMail writes them down is not published: enter them yourself."
            )
    for address, place in addresses.items():
        domains.setdefault(address.rpartition("@")[2].casefold(), place)
    if not domains:
        raise InvalidInput(
            [Issue("files", "give answers of SmarterMail's web service, such as settings/sysadmin/domains")],
            "No domain of SmarterMail was found.",
        )
    place = next(iter(domains.values()))
    data = {
        "mode": GatewayMode.DOMAIN_FORWARD, "addresses": [_PLACEHOLDER], "domains": sorted(domains), "enabled": False,
        "description": "SmarterMail",
    }  # fmt: skip
    if addresses:
        data["verification"] = {"use_list": True, "addresses": sorted(addresses)}
    draft.gateway(place, data, chosen=False)
    draft.decide(
        place,
        "The address of the SmarterMail server is not in these files. The gateway is proposed switched off and with the "
        f"address {_PLACEHOLDER}, which leads nowhere: write the right one into it and switch it on. Better still, fill in its "
        "SmarterMail card: then its domains and users are asked for live.",
    )
    return draft.proposal()


def _domains(data: Any, place: Place, draft: Draft, found: dict[str, Place]) -> None:
    for item in _list(data, "data"):
        name = item if isinstance(item, str) else item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str):
            continue
        if isinstance(item, dict) and item.get("isEnabled") is False:
            draft.left_out(place, f"The domain {name} is disabled in SmarterMail.")
            continue
        try:
            found.setdefault(normalise_domain(name), place)
        except AddressError as error:
            draft.decide(place, f"The domain {name} was not understood: {error}.")


def _addresses(data: Any, place: Place, draft: Draft, found: dict[str, Place]) -> None:
    for item in (*_list(data, "userData"), *_list(data, "results"), *_list(data, "items")):
        if not isinstance(item, dict):
            continue
        text = item.get("emailAddress") or item.get("listAddress")
        flags = item.get("securityFlags")
        if not isinstance(text, str) or (isinstance(flags, dict) and flags.get("isDisabled")) or item.get("isEnabled") is False:
            continue
        try:
            found.setdefault(str(parse_mailbox(text)), place)
        except AddressError as error:
            draft.decide(place, f"The address {text} was not understood: {error}.")


def _list(data: Any, name: str) -> Iterator[Any]:
    value = data.get(name) if isinstance(data, dict) else data if name == "data" and isinstance(data, list) else None
    yield from value if isinstance(value, list) else ()


def _has_gateways(data: Any) -> bool:
    return isinstance(data, dict) and any("gateway" in str(name).casefold() for name in data)
