"""The chosen parts of a proposal, put into a configuration: all of them or none."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..model.configuration import Configuration, parse_configuration
from ..model.errors import InvalidInput, Issue
from ..model.network import parse_address_range
from .proposal import Part, PartKind, Proposal

_LISTS = {
    PartKind.GATEWAY: "gateways",
    PartKind.DOMAIN: "domains",
    PartKind.NETWORK: "trusted_networks",
    PartKind.LISTENER: "listeners",
}
_Plain = dict[str, Any]


def chosen_parts(proposal: Proposal, keys: Collection[str] | None) -> tuple[Part, ...]:
    """The parts of these keys; None: those that the proposal would take over. Raises InvalidInput for keys that it has not,
    and for a part without another one that it needs."""
    known = {part.key for part in proposal.parts}
    wanted = {part.key for part in proposal.parts if part.chosen} if keys is None else set(keys)
    issues = [Issue("parts", f"there is no part “{key[:80]}” in these files", "unknown") for key in sorted(wanted - known)]
    parts = tuple(part for part in proposal.parts if part.key in wanted)
    issues.extend(
        Issue("parts", f"“{part.title}” needs “{need}”, which is not chosen", "needs")
        for part in parts
        for need in part.needs
        if need not in wanted
    )
    if issues:
        raise InvalidInput(issues, "The import cannot be carried out like that.")
    return parts


def with_parts(current: Configuration, parts: Collection[Part]) -> Configuration:
    """What comes in takes the place of what stands for the same: a gateway of the same id, a row of the same domain, a
    listener of the same address and port; what is done with mail instead of delivering it stays as it is, and so does a network
    that is trusted already. Raises InvalidInput."""
    data: _Plain = current.model_dump(mode="json")
    for part in parts:
        if part.kind is PartKind.SETTING:
            _set(data["settings"], part.key.partition(":")[2], part.value)
        else:
            _put(data[_LISTS[part.kind]], part.value, part.kind)
    return parse_configuration(data)


def _set(settings: _Plain, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    target = settings
    for name in parents:
        target = target[name]
    target[last] = value


def _put(items: list[_Plain], value: _Plain, kind: PartKind) -> None:
    identity = _identity(value, kind)
    for index, item in enumerate(items):
        if item["id"] == value["id"] or _identity(item, kind) == identity:
            if kind is not PartKind.NETWORK:
                # Other servers know no handling: what is captured here is not delivered because of an import.
                kept: _Plain = {name: item[name] for name in ("id", "handling") if name in item}
                items[index] = {**value, **kept}
            return
    items.append(value)


def _identity(item: _Plain, kind: PartKind) -> object:
    match kind:
        case PartKind.DOMAIN:
            return item.get("match", "sender"), item["domain"]
        case PartKind.NETWORK:
            return parse_address_range(item["network"])
        case PartKind.LISTENER:
            return (item.get("address", "127.0.0.1"), item["port"]) if item.get("port") else item["id"]
        case _:
            return item["id"]
