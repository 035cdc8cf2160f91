"""Export and import: nothing secret goes out, nothing surprising comes in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatepost.model.configuration import Configuration, parse_configuration
from gatepost.model.errors import InvalidInput
from gatepost.model.exchange import Change, export_configuration, plan_import

VERIFIER = "scrypt$canary-verifier"


@pytest.fixture
def current() -> Configuration:
    return parse_configuration(
        {
            "gateways": [
                {
                    "id": "gw-1",
                    "mode": "round-robin",
                    "host": "smtp.example.com",
                    "port": 587,
                    "auth": {"enabled": True, "username": "me"},
                },
                {"id": "gw-2", "mode": "domain-forward", "addresses": ["192.0.2.1"], "domains": ["example.org"]},
            ],
            "domains": [{"id": "dom-1", "domain": "example.org", "route": {"via": "gateway", "gateway": "gw-1"}}],
            "listeners": [{"id": "ls-1", "certificate_file": "/etc/x.pem", "key_file": "/etc/x.key"}],
            "users": [
                {"id": "user-1", "username": "alice", "verifier": VERIFIER},
                {"id": "user-2", "username": "bob", "verifier": "scrypt$bob"},
            ],
            "trusted_networks": [{"id": "net-1", "network": "10.0.0.0/8"}],
        }
    )


def document(configuration: Configuration) -> dict[str, Any]:
    """As it comes from a file."""
    found: dict[str, Any] = json.loads(json.dumps(export_configuration(configuration)))
    return found


def test_an_export_says_what_it_is_and_holds_no_verifier(current: Configuration) -> None:
    exported = document(current)
    assert (exported["format"], exported["version"]) == ("gatepost-configuration", 1)
    assert "verifier" not in json.dumps(exported)
    assert "canary" not in json.dumps(exported)
    assert exported["configuration"]["listeners"][0]["key_file"] == "/etc/x.key"


def test_importing_ones_own_export_changes_nothing_and_keeps_passwords(current: Configuration) -> None:
    plan = plan_import(current, document(current))
    assert plan.configuration == current
    assert plan.is_empty
    assert plan.kept_verifiers == ("alice", "bob")
    assert plan.warnings == ()


def test_importing_on_an_empty_server_says_which_passwords_are_missing(current: Configuration) -> None:
    plan = plan_import(Configuration(), document(current))
    assert [change.path for change in plan.changes] == [
        "gateways.gw-1",
        "gateways.gw-2",
        "domains.dom-1",
        "listeners.ls-1",
        "trusted_networks.net-1",
        "users.user-1",
        "users.user-2",
    ]
    assert all(change.before is None for change in plan.changes)
    assert "User “alice” has no password until one is set." in plan.warnings
    assert "Gateway “smtp.example.com:587” needs its password: passwords are not part of an export." in plan.warnings
    assert all(user.verifier is None for user in plan.configuration.users)


def test_changes_name_the_object_and_the_field_with_both_values(current: Configuration) -> None:
    data = document(current)
    data["configuration"]["gateways"][0]["weight"] = 7
    data["configuration"]["gateways"][1]["spam"]["high"] = {"action": "bounce", "text": "no"}
    data["configuration"]["settings"]["spool"]["lifetime_hours"] = 48
    data["configuration"]["domains"] = []
    plan = plan_import(current, data)
    assert {change.path for change in plan.changes} == {
        "gateways.gw-1.weight",
        "gateways.gw-2.spam.high.action",
        "gateways.gw-2.spam.high.days",
        "gateways.gw-2.spam.high.text",
        "settings.spool.lifetime_hours",
        "domains.dom-1",
    }
    assert Change("gateways.gw-1.weight", 1, 7) in plan.changes
    assert next(change for change in plan.changes if change.path == "domains.dom-1").after is None


def test_a_new_order_is_a_change(current: Configuration) -> None:
    data = document(current)
    data["configuration"]["gateways"].reverse()
    assert plan_import(current, data).changes == (Change("gateways.order", ["gw-1", "gw-2"], ["gw-2", "gw-1"]),)


class TestUsers:
    def plan(self, current: Configuration, users: list[dict[str, Any]]) -> dict[str, str | None]:
        data = document(current)
        data["configuration"]["users"] = users
        return {user.username: user.verifier for user in plan_import(current, data).configuration.users}

    def test_the_name_decides_whose_password_it_is(self, current: Configuration) -> None:
        users = [{"id": "user-1", "username": "bob"}, {"id": "user-2", "username": "alice"}]
        assert self.plan(current, users) == {"bob": "scrypt$bob", "alice": VERIFIER}

    def test_an_id_cannot_hand_one_users_password_to_another(self, current: Configuration) -> None:
        users = [{"id": "user-1", "username": "mallory"}, {"id": "user-9", "username": "Alice"}]
        assert self.plan(current, users) == {"mallory": None, "Alice": VERIFIER}

    def test_a_renamed_user_keeps_the_password(self, current: Configuration) -> None:
        assert self.plan(current, [{"id": "user-1", "username": "alice.smith"}]) == {"alice.smith": VERIFIER}

    def test_a_verifier_in_the_file_is_refused_by_field(self, current: Configuration) -> None:
        data = document(current)
        data["configuration"]["users"][1]["verifier"] = "scrypt$planted"
        with pytest.raises(InvalidInput) as caught:
            plan_import(current, data)
        assert [issue.field for issue in caught.value.issues] == ["users.1.verifier"]
        assert "planted" not in str(caught.value)

    def test_no_verifier_shows_in_changes_or_the_plan(self, current: Configuration) -> None:
        assert "canary" not in str(plan_import(Configuration(), document(current)))
        assert "canary" not in repr(plan_import(current, document(current) | {"configuration": {}}))


class TestWarnings:
    def warnings(self, current: Configuration, **gateway: Any) -> str:
        data = document(current)
        data["configuration"]["gateways"][0].update(gateway)
        return "\n".join(plan_import(current, data).warnings)

    def test_a_stored_password_that_would_go_elsewhere(self, current: Configuration) -> None:
        found = self.warnings(current, host="evil.example.net")
        assert "the password stored for smtp.example.com will be sent to evil.example.net:587" in found

    def test_encryption_that_is_given_up(self, current: Configuration) -> None:
        assert "no longer requires encryption" in self.warnings(current, encryption="starttls-when-offered")

    def test_certificates_that_are_not_checked(self, current: Configuration) -> None:
        assert "does not verify" in self.warnings(current, certificate={"check": "none"})

    def test_a_harmless_change_warns_of_nothing(self, current: Configuration) -> None:
        assert self.warnings(current, weight=5) == ""

    def test_a_network_that_covers_the_world(self, current: Configuration) -> None:
        data = document(current)
        data["configuration"]["trusted_networks"].append({"network": "0.0.0.0/0", "confirmed_world": True})
        assert "everyone on the internet" in "\n".join(plan_import(current, data).warnings)

    def test_a_gateway_that_accepts_for_anyone(self, current: Configuration) -> None:
        data = document(current)
        data["configuration"]["gateways"][1].update(domain_verification="all-but-specified-domains", accept_for_anyone=True)
        assert "accepts mail for anyone" in "\n".join(plan_import(current, data).warnings)


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        ([], {""}),
        (None, {""}),
        ({}, {"format", "version", "configuration"}),
        ({"format": "other", "version": 1, "configuration": {}}, {"format"}),
        ({"format": "gatepost-configuration", "version": 2, "configuration": {}}, {"version"}),
        ({"format": "gatepost-configuration", "version": True, "configuration": {}}, {"version"}),
        ({"format": "gatepost-configuration", "version": "1", "configuration": {}}, {"version"}),
        ({"format": "gatepost-configuration", "version": 1, "configuration": []}, {"configuration"}),
        ({"format": "gatepost-configuration", "version": 1, "configuration": {}, "secrets": {}}, {"secrets"}),
        ({"format": "gatepost-configuration", "version": 1, "configuration": {"users": "x"}}, {"users"}),
        (
            {"format": "gatepost-configuration", "version": 1, "configuration": {"gateways": [{"mode": "x"}]}},
            {"gateways.0.mode"},
        ),
    ],
)
def test_what_is_no_export_is_refused_by_field(data: object, fields: set[str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        plan_import(Configuration(), data)
    assert {issue.field for issue in caught.value.issues} == fields
