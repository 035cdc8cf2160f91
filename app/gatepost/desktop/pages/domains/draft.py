"""The rows of the Domains page while they are edited: what is new, what is changed, in which order they count. No Qt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ....model.domain import DomainRule
from ....model.errors import Issue
from ....model.fields import Model, new_id
from ..wording import OUTBOUND, Plain


class DomainRows(Model):
    """What a save of this page sends."""

    domains: tuple[DomainRule, ...] = ()


class Mark(StrEnum):
    """How a row differs from what is saved."""

    SAME = ""
    NEW = "new"
    CHANGED = "changed"
    FIXED = "fixed"
    """Not a row: a domain on the card of a gateway, edited there."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of the table."""

    rule: Plain
    mark: Mark

    @property
    def id(self) -> str:
        return str(self.rule["id"])


def shown_rows(draft: Sequence[Plain], original: Sequence[Plain], gateways: Iterable[Plain]) -> list[Shown]:
    """The rows and the domains on gateways' cards, in the order in which the relay looks at them."""
    before = {rule["id"]: rule for rule in original}
    found = [
        Shown(rule, Mark.NEW if rule["id"] not in before else Mark.SAME if rule == before[rule["id"]] else Mark.CHANGED)
        for rule in draft
    ]
    for gateway in gateways:
        if gateway["mode"] in OUTBOUND:
            for domain in gateway.get("domains", ()):
                route = {"via": "gateway", "gateway": gateway["id"], "when_resting": "wait"}
                rule = {"id": f"{gateway['id']}/{domain}", "domain": domain, "match": "sender", "route": route,
                        "enabled": gateway["enabled"]}  # fmt: skip
                found.append(Shown(rule, Mark.FIXED))
    return sorted(found, key=lambda row: precedence(row.rule, is_row=row.mark is not Mark.FIXED))


def precedence(rule: Plain, *, is_row: bool = True) -> tuple[Any, ...]:
    """Recipients before senders, exact ones before wildcards, long wildcards before short ones."""
    domain = str(rule["domain"])
    wild = domain.startswith("*")
    return (rule["match"] != "recipient", wild, -len(domain) if wild else 0, domain, not is_row)


def new_rules(domains: Iterable[str], match: str, route: Plain, *, enabled: bool) -> list[dict[str, Any]]:
    return [
        {"id": new_id("dom"), "domain": domain, "match": match, "route": deepcopy(dict(route)), "enabled": enabled}
        for domain in domains
    ]


def already_there(draft: Iterable[Plain], match: str, domains: Sequence[str], ignore: Iterable[str] = ()) -> list[Issue]:
    """Domains that have a row of this kind already, by their place in ``domains``; those given twice count, too."""
    ignored = set(ignore)
    taken = {rule["domain"] for rule in draft if rule["match"] == match and rule["id"] not in ignored}
    found = []
    for number, domain in enumerate(domains):
        if domain in taken:
            found.append(Issue(f"domain.{number}", f"“{domain}” already has a row of this kind", "duplicate"))
        taken.add(domain)
    return found
