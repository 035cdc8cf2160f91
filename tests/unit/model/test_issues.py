"""Errors by field: the path names the data, whatever choices lie on the way."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gatepost.model.configuration import issues_of, parse_configuration
from gatepost.model.domain import RouteChoice
from gatepost.model.errors import InvalidInput, Issue
from gatepost.model.gateway import Gateway
from gatepost.model.spam import SpamAction


def issues(data: object) -> dict[str, Issue]:
    with pytest.raises(InvalidInput) as caught:
        parse_configuration(data)
    return {issue.field: issue for issue in caught.value.issues}


def fields(data: object) -> set[str]:
    return set(issues(data))


ROUND_ROBIN: dict[str, Any] = {"id": "gw-1", "mode": "round-robin", "host": "smtp.example.com"}
FORWARD: dict[str, Any] = {"id": "gw-2", "mode": "domain-forward", "addresses": ["192.0.2.1"], "domains": ["example.org"]}
RULE: dict[str, Any] = {"domain": "example.org"}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"gateways": [ROUND_ROBIN | {"port": 0}]}, "gateways.0.port"),
        ({"gateways": [FORWARD, ROUND_ROBIN | {"limits": {"connections": 0}}]}, "gateways.1.limits.connections"),
        ({"gateways": [{"mode": "round-robin"}]}, "gateways.0.host"),
        ({"gateways": [ROUND_ROBIN | {"source_addresses": ["192.0.2.1", "x"]}]}, "gateways.0.source_addresses.1"),
        ({"gateways": [ROUND_ROBIN | {"retry": {"schedule_minutes": [5, 0]}}]}, "gateways.0.retry.schedule_minutes.1"),
        ({"gateways": [ROUND_ROBIN | {"certificate": {"fingerprint": "xx"}}]}, "gateways.0.certificate.fingerprint"),
        ({"gateways": [ROUND_ROBIN | {"colour": "red"}]}, "gateways.0.colour"),
        ({"gateways": [ROUND_ROBIN | {"round-robin": 1}]}, "gateways.0.round-robin"),
        ({"gateways": [FORWARD | {"spam": {"high": {"action": "bounce", "text": 5}}}]}, "gateways.0.spam.high.text"),
        ({"gateways": [FORWARD | {"spam": {"low": {"action": "redirect"}}}]}, "gateways.0.spam.low.address"),
        ({"gateways": [FORWARD | {"spam": {"none": {"action": "quarantine", "days": 0}}}]}, "gateways.0.spam.none.days"),
        ({"gateways": [FORWARD | {"spam": {"none": {"action": "delete", "delete": 1}}}]}, "gateways.0.spam.none.delete"),
        ({"domains": [RULE, RULE | {"route": {"via": "gateway"}}]}, "domains.1.route.gateway"),
        ({"domains": [RULE, RULE | {"route": {"via": "gateway", "gateway": "NO"}}]}, "domains.1.route.gateway"),
        ({"domains": [RULE | {"route": {"via": "gateway", "gateway": "gw-9"}}]}, "domains.0.route.gateway"),
        ({"domains": [RULE | {"route": {"via": "direct", "direct": 1}}]}, "domains.0.route.direct"),
        (
            {"settings": {"delivery": {"default_route": {"via": "gateway", "gateway": "NO"}}}},
            "settings.delivery.default_route.gateway",
        ),
        ({"settings": {"delivery": {"default_route": {"via": "x"}}}}, "settings.delivery.default_route.via"),
        ({"gateways": [{"mode": "sideways"}]}, "gateways.0.mode"),
        ({"gateways": [{}]}, "gateways.0.mode"),
        ({"gateways": [FORWARD | {"spam": {"high": {"action": "explode"}}}]}, "gateways.0.spam.high.action"),
        ({"spam": {"block_lists": [{"zone": "bl.example.org"}, {"zone": ".."}]}}, "spam.block_lists.1.zone"),
        ({"listeners": [{"limits": {"recipients": 5}}]}, "listeners.0.limits.recipients"),
        ({"gateways": "text"}, "gateways"),
        ({"gateway": []}, "gateway"),
        ([], ""),
        (None, ""),
    ],
)
def test_the_path_names_the_field(data: object, field: str) -> None:
    assert fields(data) == {field}


def test_a_wrong_kind_lists_the_kinds_there_are() -> None:
    for gateway in ({"mode": "sideways"}, {}):
        message = issues({"gateways": [gateway]})["gateways.0.mode"].message
        assert message == "choose one of: round-robin, specific-domains, backup-mx, domain-forward"


def test_every_issue_is_reported_at_once() -> None:
    data = {"gateways": [ROUND_ROBIN | {"port": 0, "weight": 101}, FORWARD | {"port": 0}], "users": [{"username": ""}]}
    assert fields(data) == {"gateways.0.port", "gateways.0.weight", "gateways.1.port", "users.0.username"}


def test_our_own_words_come_without_the_librarys_prefix() -> None:
    found = issues({"users": [{"username": " "}]})
    assert found["users.0.username"].message == "a username is needed"


def test_what_several_objects_make_wrong_together_is_reported_at_each() -> None:
    data = {
        "gateways": [ROUND_ROBIN, ROUND_ROBIN],
        "users": [{"username": "Bob"}, {"username": "bOB"}],
        "domains": [RULE, RULE],
        "listeners": [{"address": "127.0.0.1", "port": 25}, {"address": "127.0.0.1", "port": 25}],
        "trusted_networks": [{"network": "0.0.0.0/0"}],
    }
    assert fields(data) == {
        "gateways.1.id",
        "users.1.username",
        "domains.1.domain",
        "listeners.1.port",
        "trusted_networks.0.network",
    }


@pytest.mark.parametrize(
    ("kind", "data", "field"),
    [
        (Gateway, ROUND_ROBIN | {"port": 0}, "port"),
        (RouteChoice, {"via": "gateway"}, "gateway"),
        (SpamAction, {"action": "redirect", "address": "x"}, "address"),
        (SpamAction, {}, "action"),
    ],
)
def test_a_part_alone_has_paths_of_its_own(kind: Any, data: object, field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(data)
    assert [issue.field for issue in issues_of(caught.value, kind)] == [field]
