"""Edits of a configuration as pure functions: one object, one section, or the whole.

Each takes the current ``Configuration`` and plain data and returns the new one, validated as a whole. Issues are relative
to what was edited (``port``, not ``gateways.2.port``), so that a form finds its fields; what the edit breaks elsewhere keeps
its full path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from ...model.access import TrustedNetwork
from ...model.capture import FaultRule, InboxSettings, Tray
from ...model.configuration import Configuration, issues_of, parse_configuration
from ...model.dkim import DkimKey
from ...model.domain import DomainRule
from ...model.errors import InvalidInput, Issue, NotFound
from ...model.gateway import (
    BackupMxGateway,
    DomainForwardGateway,
    Gateway,
    RoundRobinGateway,
    SpecificDomainsGateway,
)
from ...model.listener import Listener
from ...model.settings import Settings
from ...model.spam import SpamPolicy, VirusPolicy
from ..schema import NewUser, UserView

Plain = dict[str, Any]

_KINDS = ("action", "via")
"""Fields that say which kind of object stands here: when one changes in a patch, the object is replaced, not merged."""
_MODES: Mapping[str, type[BaseModel]] = {
    str(kind.model_fields["mode"].default): kind
    for kind in (RoundRobinGateway, SpecificDomainsGateway, BackupMxGateway, DomainForwardGateway)
}


@dataclass(frozen=True, slots=True)
class Collection:
    """A list of objects with ids within the configuration."""

    name: str
    """The configuration's field."""
    path: str
    noun: str
    model: Any
    new_model: Any

    def __str__(self) -> str:
        return self.noun


GATEWAYS = Collection("gateways", "gateways", "gateway", Gateway, Gateway)
DOMAINS = Collection("domains", "domains", "domain row", DomainRule, DomainRule)
LISTENERS = Collection("listeners", "listeners", "listener", Listener, Listener)
NETWORKS = Collection("trusted_networks", "trusted-networks", "trusted network", TrustedNetwork, TrustedNetwork)
USERS = Collection("users", "users", "relay user", UserView, NewUser)
DKIM_KEYS = Collection("dkim_keys", "dkim-keys", "DKIM key", DkimKey, DkimKey)
TRAYS = Collection("trays", "trays", "tray of captured mail", Tray, Tray)
FAULTS = Collection("faults", "faults", "fault rule", FaultRule, FaultRule)
COLLECTIONS = (GATEWAYS, DOMAINS, LISTENERS, NETWORKS, USERS, DKIM_KEYS, TRAYS, FAULTS)
SECTIONS: Mapping[str, Any] = {"settings": Settings, "spam": SpamPolicy, "virus": VirusPolicy, "inbox": InboxSettings}


# --- views ---


def plain(configuration: Configuration) -> Plain:
    """With the users' verifiers: for the inside only."""
    return configuration.model_dump(mode="json")


def view(configuration: Configuration) -> Plain:
    """As the API shows it: without verifiers."""
    data = plain(configuration)
    data["users"] = [_user_view(user) for user in data["users"]]
    return data


def find(configuration: Configuration, collection: Collection, identifier: str) -> Plain:
    """The object as the API shows it. Raises NotFound."""
    items = view(configuration)[collection.name]
    found: Plain = items[_index(items, collection, identifier)]
    return found


def _user_view(user: Plain) -> Plain:
    return {key: value for key, value in user.items() if key != "verifier"} | {"has_password": user["verifier"] is not None}


# --- edits of one object ---


def add(configuration: Configuration, collection: Collection, data: Plain) -> tuple[Configuration, Plain]:
    """The new configuration, and the new object with its id."""
    items = plain(configuration)[collection.name]
    return _with_items(configuration, collection, [*items, _to_store(collection, data, None)], len(items))


def replace(configuration: Configuration, collection: Collection, identifier: str, data: Plain) -> tuple[Configuration, Plain]:
    items = plain(configuration)[collection.name]
    index = _index(items, collection, identifier)
    if data.get("id", identifier) != identifier:
        raise InvalidInput([Issue("id", "an object keeps its id", "fixed")])
    items[index] = _to_store(collection, data | {"id": identifier}, items[index])
    return _with_items(configuration, collection, items, index)


def patch(configuration: Configuration, collection: Collection, identifier: str, change: Plain) -> tuple[Configuration, Plain]:
    """JSON merge patch (RFC 7396) of one object."""
    return replace(
        configuration, collection, identifier, _patched(collection, find(configuration, collection, identifier), change)
    )


def patch_many(configuration: Configuration, collection: Collection, changes: Plain) -> Configuration:
    """Patch several objects at once, by id; null removes one. All or nothing; issues carry full paths."""
    items: list[Plain] = plain(configuration)[collection.name]
    shown = {item["id"]: item for item in view(configuration)[collection.name]}
    for identifier, change in changes.items():
        index = _index(items, collection, identifier)
        if change is None:
            del items[index]
        elif isinstance(change, dict) and change.get("id", identifier) == identifier:
            items[index] = _to_store(collection, _patched(collection, shown[identifier], change), items[index])
        else:
            raise InvalidInput([Issue(identifier, "must be a patch of this object, or null to remove it")])
    return parse_configuration(plain(configuration) | {collection.name: items})


def remove(configuration: Configuration, collection: Collection, identifier: str) -> Configuration:
    items = plain(configuration)[collection.name]
    del items[_index(items, collection, identifier)]
    return parse_configuration(plain(configuration) | {collection.name: items})


def move(configuration: Configuration, collection: Collection, identifier: str, position: int) -> tuple[Configuration, Plain]:
    items = plain(configuration)[collection.name]
    item = items.pop(_index(items, collection, identifier))
    position = min(position, len(items))
    items.insert(position, item)
    return _with_items(configuration, collection, items, position)


def with_verifier(configuration: Configuration, identifier: str, verifier: str | None) -> tuple[Configuration, Plain]:
    items = plain(configuration)[USERS.name]
    index = _index(items, USERS, identifier)
    items[index]["verifier"] = verifier
    return _with_items(configuration, USERS, items, index)


# --- edits of a section or the whole ---


def replace_section(configuration: Configuration, section: str, data: Plain) -> tuple[Configuration, Plain]:
    try:
        changed = parse_configuration(plain(configuration) | {section: data})
    except InvalidInput as error:
        raise _relative(error, f"{section}.") from error
    return changed, plain(changed)[section]


def patch_section(configuration: Configuration, section: str, change: Plain) -> tuple[Configuration, Plain]:
    return replace_section(configuration, section, merge_patch(plain(configuration)[section], change))


def replace_all(configuration: Configuration, data: Plain) -> Configuration:
    """Users who stay, by id, keep their passwords."""
    data = dict(data)
    users = data.get("users", [])
    if isinstance(users, list):
        data["users"] = _users_to_store(configuration, users)
    return parse_configuration(data)


def patch_all(configuration: Configuration, change: Plain) -> Configuration:
    return replace_all(configuration, merge_patch(view(configuration), change))


def merge_patch(target: Any, change: Any) -> Any:
    """RFC 7396: null takes a field back to its default. One addition: an object whose kind (``action``, ``via``) changes is
    replaced, as the fields of its old kind mean nothing any more."""
    if not isinstance(change, dict):
        return change
    merged = dict(target) if isinstance(target, dict) and not _kind_changes(target, change) else {}
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def _kind_changes(target: Plain, change: Plain) -> bool:
    return any(kind in target and kind in change and target[kind] != change[kind] for kind in _KINDS)


# --- helpers ---


def _patched(collection: Collection, current: Plain, change: Plain) -> Plain:
    if collection is GATEWAYS and change.get("mode", current["mode"]) != current["mode"]:
        # The cards that both modes have keep their values; the others' fields would only be refused.
        fields = kind.model_fields if (kind := _MODES.get(change["mode"])) else {}
        current = {key: value for key, value in current.items() if key in fields}
    patched: Plain = merge_patch(current, change)
    return patched


def _to_store(collection: Collection, data: Plain, current: Plain | None) -> Plain:
    """Plain data as the model takes it: for a user, with the verifier that is not the client's to see or set."""
    if collection is DKIM_KEYS and current is not None:
        for field in ("algorithm", "public_key"):
            if data.get(field, current[field]) != current[field]:
                raise InvalidInput([Issue(field, "a key keeps what it was made with: make a new one", "fixed")])
        return {**data, "algorithm": current["algorithm"], "public_key": current["public_key"]}
    if collection is not USERS:
        return data
    user = _checked_user(data)
    return user | {"verifier": current["verifier"] if current else None}


def _checked_user(data: Any) -> Plain:
    try:
        user = _adapter(UserView).validate_python(data)
    except ValidationError as error:
        raise InvalidInput(issues_of(error)) from error
    return dict(user.model_dump(mode="json", exclude={"has_password"} | (set() if user.id else {"id"})))


def _users_to_store(configuration: Configuration, users: Iterable[Any]) -> list[Plain]:
    verifiers = {user.id: user.verifier for user in configuration.users}
    stored: list[Plain] = []
    for index, data in enumerate(users):
        try:
            user = _checked_user(data)
        except InvalidInput as error:
            raise InvalidInput([Issue(_join(f"users.{index}", i.field), i.message, i.code) for i in error.issues]) from error
        stored.append(user | {"verifier": verifiers.get(user.get("id", ""))})
    return stored


def _with_items(
    configuration: Configuration, collection: Collection, items: list[Plain], index: int
) -> tuple[Configuration, Plain]:
    try:
        changed = parse_configuration(plain(configuration) | {collection.name: items})
    except InvalidInput as error:
        raise _relative(error, f"{collection.name}.{index}.") from error
    shown: Plain = view(changed)[collection.name][index]
    return changed, shown


def _index(items: list[Plain], collection: Collection, identifier: str) -> int:
    for index, item in enumerate(items):
        if item["id"] == identifier:
            return index
    raise NotFound(f"There is no {collection} “{identifier[:60]}”.", hint="It may have been removed meanwhile.")


def _relative(error: InvalidInput, prefix: str) -> InvalidInput:
    whole = prefix.removesuffix(".")
    return InvalidInput(
        [
            Issue("" if issue.field == whole else issue.field.removeprefix(prefix), issue.message, issue.code)
            for issue in error.issues
        ],
        error.title,
    )


def _join(prefix: str, field: str) -> str:
    return f"{prefix}.{field}" if field else prefix


@cache
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)
