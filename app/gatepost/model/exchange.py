"""Export and import of a configuration: a JSON document that holds no secret and can be read by the next version.

Passwords live in the vault and are no part of a configuration; the relay users' verifiers are left out of an export, and
an import keeps those of users that exist already. Files (certificates, keys, address lists) are named, not included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .access import RelayUser
from .configuration import Configuration, parse_configuration
from .errors import InvalidInput, Issue
from .gateway import CertificateCheck, DomainForwardGateway, Encryption, Gateway, OutboundGateway

FORMAT = "gatepost-configuration"
VERSION = 1

_SECURED = (Encryption.REQUIRED, Encryption.IMPLICIT)
_LISTS = ("gateways", "domains", "listeners", "trusted_networks", "users", "dkim_keys", "trays", "faults")


class Change(NamedTuple):
    """``before`` is None for what is new, ``after`` None for what goes. Objects are named by id: ``gateways.gw-1.port``."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would do. Saving ``configuration`` does it."""

    configuration: Configuration
    changes: tuple[Change, ...]
    kept_verifiers: tuple[str, ...]
    """Usernames whose password stays what it is."""
    warnings: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        return not self.changes


def export_configuration(configuration: Configuration) -> dict[str, Any]:
    """Plain JSON material without secrets."""
    return {"format": FORMAT, "version": VERSION, "configuration": _without_verifiers(configuration)}


def plan_import(current: Configuration, data: object) -> ImportPlan:
    """What importing ``data`` over ``current`` means. Raises InvalidInput with every issue by field; changes nothing."""
    content = _content(data)
    imported = parse_configuration(content)
    users, kept = _with_verifiers(current.users, imported.users)
    planned = imported.model_copy(update={"users": users})
    return ImportPlan(planned, changes_between(current, planned), kept, tuple(_warnings(current, planned)))


def _content(data: object) -> Mapping[str, Any]:
    issues: list[Issue] = []
    if not isinstance(data, Mapping):
        raise InvalidInput([Issue("", "this is not an exported configuration")], "The import cannot be used.")
    if data.get("format") != FORMAT:
        issues.append(Issue("format", f"this is not an exported configuration (its format is not “{FORMAT}”)", "format"))
    version = data.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        issues.append(Issue("version", "a whole number from 1 on is expected", "version"))
    elif version > VERSION:
        issues.append(Issue("version", f"it comes from a newer Gatepost: {version}, not {VERSION}", "newer"))
    content = data.get("configuration")
    if not isinstance(content, Mapping):
        issues.append(Issue("configuration", "it is missing"))
    else:
        issues.extend(_verifiers_in(content))
    issues.extend(
        Issue(str(name), "it is not part of an export", "extra_forbidden")
        for name in data
        if name not in ("format", "version", "configuration")
    )
    if issues or not isinstance(content, Mapping):
        raise InvalidInput(issues, "The import cannot be used.")
    return content


def _verifiers_in(content: Mapping[str, Any]) -> Iterator[Issue]:
    """A verifier in an import would set a password that nobody here knows."""
    users = content.get("users")
    for index, user in enumerate(users if isinstance(users, list | tuple) else ()):
        if isinstance(user, Mapping) and user.get("verifier") is not None:
            yield Issue(f"users.{index}.verifier", "passwords are not imported; set one after the import", "secret")


def _without_verifiers(configuration: Configuration) -> dict[str, Any]:
    return configuration.model_dump(mode="json", exclude={"users": {"__all__": {"verifier"}}})


def _with_verifiers(
    current: tuple[RelayUser, ...], imported: tuple[RelayUser, ...]
) -> tuple[tuple[RelayUser, ...], tuple[str, ...]]:
    """A user keeps the password of the user of the same name; one who was only renamed, that of the same id."""
    by_name = {user.username.casefold(): user for user in current}
    names = {user.username.casefold() for user in imported}
    by_id = {user.id: user for user in current if user.username.casefold() not in names}
    users: list[RelayUser] = []
    kept: list[str] = []
    for user in imported:
        known = by_name.get(user.username.casefold()) or by_id.get(user.id)
        if known is not None and known.verifier is not None:
            kept.append(user.username)
            users.append(user.model_copy(update={"verifier": known.verifier}))
        else:
            users.append(user)
    return tuple(users), tuple(kept)


# --- what differs ---


def changes_between(before: Configuration, after: Configuration) -> tuple[Change, ...]:
    """For people: without verifiers, so that a changed password does not show."""
    return tuple(_differences(_without_verifiers(before), _without_verifiers(after), ""))


def _differences(before: Any, after: Any, path: str) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            inner = f"{path}.{name}" if path else str(name)
            if path == "" and name in _LISTS:
                yield from _list_differences(before[name], after[name], inner)
            else:
                yield from _differences(before.get(name), after.get(name), inner)
        return
    yield Change(path, before, after)


def _list_differences(before: list[dict[str, Any]], after: list[dict[str, Any]], path: str) -> Iterator[Change]:
    old = {item["id"]: item for item in before}
    new = {item["id"]: item for item in after}
    for key, item in old.items():
        if key not in new:
            yield Change(f"{path}.{key}", item, None)
    for key, item in new.items():
        if key in old:
            yield from _differences(old[key], item, f"{path}.{key}")
        else:
            yield Change(f"{path}.{key}", None, item)
    order_before, order_after = [key for key in old if key in new], [key for key in new if key in old]
    if order_before != order_after:
        yield Change(f"{path}.order", order_before, order_after)


# --- what a person should know before saying yes ---


def _warnings(current: Configuration, planned: Configuration) -> Iterator[str]:
    for user in planned.users:
        if user.verifier is None:
            yield f"User “{user.username}” has no password until one is set."
    for network in planned.trusted_networks:
        if network.is_world and network not in current.trusted_networks:
            yield f"Trusted network {network.network} lets (nearly) everyone on the internet send through this relay."
    for gateway in planned.gateways:
        known = current.gateway(gateway.id)
        if gateway != known:
            yield from _gateway_warnings(gateway, known)


def _gateway_warnings(gateway: Gateway, known: Gateway | None) -> Iterator[str]:
    name = f"Gateway “{gateway.label}”"
    if isinstance(gateway, OutboundGateway):
        had_secrets = known.needed_secrets if isinstance(known, OutboundGateway) else ()
        account = gateway.oauth_account
        if set(gateway.needed_secrets) - set(had_secrets):
            if account is None:
                yield f"{name} needs its password: passwords are not part of an export."
            elif account.settings.needs_secret:
                yield f"{name} needs its client secret: secrets are not part of an export."
            else:
                yield f"{name} must be signed in: sign-ins are not part of an export."
        if account is not None and isinstance(known, OutboundGateway) and (stored := known.oauth_account) is not None:
            old, new = stored.settings.token_endpoint, account.settings.token_endpoint
            if old != new:
                yield f"{name}: the client secret stored for {old} will be sent to {new}."
        if gateway.auth.enabled and isinstance(known, OutboundGateway) and known.auth.enabled:
            if (gateway.host, gateway.port) != (known.host, known.port):
                what = "password" if account is None else "sign-in"
                yield f"{name}: the {what} stored for {known.host} will be sent to {gateway.host}:{gateway.port}."
            if known.encryption in _SECURED and gateway.encryption not in _SECURED:
                yield f"{name} no longer requires encryption."
        if gateway.auth.enabled and gateway.auth.allow_cleartext:
            yield f"{name} may send its password unencrypted."
        if gateway.certificate.check is CertificateCheck.NONE:
            yield f"{name} does not verify the other side's certificate."
    elif isinstance(gateway, DomainForwardGateway) and gateway.accept_for_anyone:
        yield f"{name} accepts mail for anyone."
    if gateway.smartermail.enabled:
        if known is None or not known.smartermail.enabled:
            yield f"{name} needs its SmarterMail password: passwords are not part of an export."
        elif known.smartermail.url != gateway.smartermail.url:
            before, after = known.smartermail.url, gateway.smartermail.url
            yield f"{name}: the SmarterMail password stored for {before} will be sent to {after}."
