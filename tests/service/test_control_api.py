"""The control API of a real relay, called as no client of ours would: conflicts, dry runs, export and import, and secrets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatepost.control.server.routes import ROUTES, Form
from gatepost.model.gateway import GatewayAuth
from tests.support.control import ControlApi
from tests.support.relay_process import RelayProcess
from tests.support.relaying import plain, relaying
from tests.support.smtp_peer import SmtpPeer

CANARY = "canary-0451-of-the-control-api"
SECRET = "/v1/secrets/gateway/gw-1/password"


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayProcess]:
    process, _ = relaying(tmp_path_factory.mktemp("api"), [plain(1, 2525), plain(2, 2526)])
    with process:
        yield process


@pytest.fixture
def api(relay: RelayProcess) -> ControlApi:
    return relay.api


def revision(api: ControlApi) -> str:
    return api.call("GET", "/v1/configuration").headers["ETag"]


# --- two editors --------------------------------------------------------------------------------------------------------


def test_a_change_made_for_an_older_revision_is_a_conflict_and_changes_nothing(api: ControlApi) -> None:
    seen = revision(api)
    first = api.call("PATCH", "/v1/gateways/gw-1", {"weight": 7}, {"If-Match": seen})
    assert first.status == 200
    assert first.headers["ETag"] != seen
    second = api.call("PATCH", "/v1/gateways/gw-1", {"weight": 9}, {"If-Match": seen})
    assert (second.status, second.error) == (409, "conflict")
    assert api.get("/v1/gateways/gw-1")["weight"] == 7
    assert revision(api) == first.headers["ETag"]
    assert api.call("PATCH", "/v1/gateways/gw-1", {"weight": 9}, {"If-Match": first.headers["ETag"]}).status == 200


def test_every_change_heeds_if_match(api: ControlApi) -> None:
    before = api.get("/v1/configuration")
    changes = [route for route in ROUTES if route.is_change]
    assert len(changes) > 20
    bodies: dict[str, Any] = {
        "/v1/import": {"document": {}},
        "/move": {"position": 0},
        "/password": {"password": "long enough"},
    }
    for route in changes:
        path = re.sub(r"\{number\}", "1", route.path).replace("{id}", "gw-1")
        body = next((value for end, value in bodies.items() if path.endswith(end)), {}) if route.body is not None else None
        body = {} if body is None and route.method != "DELETE" else body
        answer = api.call(route.method, path, body, {"If-Match": '"999999"'})
        assert answer.status in (404, 409, 422), (route.method, path, answer.status, answer.body)
    assert api.get("/v1/configuration") == before


@pytest.mark.parametrize("tag", ["rubbish", '"1.5"', "W/x", '"-1"', "9" * 40])
def test_an_if_match_that_is_no_revision_is_refused(api: ControlApi, tag: str) -> None:
    before = revision(api)
    answer = api.call("PATCH", "/v1/gateways/gw-1", {"weight": 3}, {"If-Match": tag})
    assert answer.status == 400
    assert revision(api) == before


def test_a_dry_run_says_what_would_happen_and_does_not_do_it(api: ControlApi) -> None:
    before, tag = api.get("/v1/configuration"), revision(api)
    answer = api.call("PATCH", "/v1/configuration?dry_run=true", {"settings": {"spool": {"lifetime_hours": 11}}})
    assert answer.status == 200
    paths = {item["path"]: (item["before"], item["after"]) for item in answer.json["differences"]}
    assert paths == {"settings.spool.lifetime_hours": (120, 11)}
    assert api.call("DELETE", "/v1/gateways/gw-2?dry_run=true").status == 200
    assert api.call("POST", "/v1/domains?dry_run=1", {"domain": "dry.example"}).status == 200
    assert (api.get("/v1/configuration"), revision(api)) == (before, tag)


def test_a_wrong_value_is_named_by_its_field_and_changes_nothing(api: ControlApi) -> None:
    before = revision(api)
    answer = api.call("PATCH", "/v1/gateways/gw-1", {"port": 70_000, "host": "bad host\r\nX: y"})
    assert (answer.status, answer.error) == (422, "invalid")
    assert {issue["field"] for issue in answer.json["error"]["issues"]} == {"port", "host"}
    assert revision(api) == before


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a": NaN}', b'"\\ud800"', b"[" * 100_000], ids=repr)
def test_what_is_no_json_is_refused(api: ControlApi, body: bytes) -> None:
    answer = api.call("PATCH", "/v1/gateways/gw-1", body, {"Content-Type": "application/json"})
    assert answer.status in (400, 422)


# --- export and import ----------------------------------------------------------------------------------------------


def test_what_was_exported_can_be_imported_elsewhere_and_holds_no_secret(api: ControlApi, tmp_path: Path) -> None:
    api.patch("/v1/gateways/gw-2", {"encryption": "tls", "auth": {"enabled": True, "username": "me"}})
    assert api.call("PUT", "/v1/secrets/gateway/gw-2/password", {"secret": CANARY}).status == 200
    api.post("/v1/users", {"username": "scanner", "password": CANARY})
    exported = api.call("GET", "/v1/export")
    assert CANARY not in exported.body.decode()
    assert "scrypt" not in exported.body.decode()
    other, _ = relaying(tmp_path / "other", [])
    with other:
        there = other.api
        plan = there.call("POST", "/v1/import?dry_run=true", {"document": exported.json})
        assert plan.status == 200
        assert plan.json["missing_secrets"] == ["gateway/gw-2/password"]
        assert there.get("/v1/gateways") == []
        done = there.post("/v1/import", {"document": exported.json})
        assert done["missing_secrets"] == ["gateway/gw-2/password"]
        assert there.get("/v1/export") == exported.json
        assert there.get("/v1/gateways") == api.get("/v1/gateways")
        (user,) = there.get("/v1/users")
        assert (user["username"], user["has_password"]) == ("scanner", False)


def test_a_document_of_something_else_is_refused_in_words(api: ControlApi) -> None:
    before = revision(api)
    for document in ({}, {"format": "other"}, {"format": "gatepost-configuration", "version": 999, "configuration": {}}):
        answer = api.call("POST", "/v1/import", {"document": document})
        assert answer.status == 422, answer.body
        assert answer.json["error"]["title"]
    assert revision(api) == before


# --- secrets -------------------------------------------------------------------------------------------------------


def test_no_call_gives_a_secret_back(api: ControlApi) -> None:
    assert api.call("PUT", SECRET, {"secret": CANARY}).status == 200
    api.post("/v1/users", {"id": "usr-canary", "username": "canary", "password": CANARY})
    listed = api.get("/v1/secrets")
    assert "gateway/gw-1/password" in {item["name"] for item in listed}
    ids = {"gateways": "gw-1", "users": "usr-canary"}
    asked = 0
    for route in ROUTES:
        if route.method != "GET" or route.form is Form.WEBSOCKET:
            continue
        path = route.path.replace("{number}", "1").replace("{queue_id}", "000001")
        path = path.replace("{id}", ids.get(path.split("/")[2] if path.count("/") > 1 else "", "none"))
        path += "?timeout=0" if path.endswith("/wait") else ""
        answer = api.call("GET", path)
        assert answer.status in (200, 404), (path, answer.status)
        assert CANARY not in answer.body.decode(), path
        assert "scrypt" not in answer.body.decode() or "openapi" in path, path
        asked += answer.status == 200
    assert asked > 20
    assert api.call("GET", SECRET).status == 405
    assert not [route for route in ROUTES if route.method == "GET" and "secrets/" in route.path]


def test_a_secret_in_a_refused_request_is_not_quoted(relay: RelayProcess, api: ControlApi) -> None:
    answers = [
        api.call("PUT", SECRET, {"secret": [CANARY]}),
        api.call("PUT", SECRET, {"password": CANARY}),
        api.call("PUT", SECRET, {"secret": CANARY + "\x00"}),
        api.call("POST", "/v1/users", {"username": "", "password": CANARY}),
        api.call("PATCH", "/v1/gateways/gw-1", {"auth": {"password": CANARY}}),
        api.call("POST", "/v1/verify", {"gateway": {"mode": "none"}, "password": CANARY}),
    ]
    for answer in answers:
        assert answer.status in (400, 422), answer.body
        assert CANARY not in answer.body.decode()
    assert CANARY not in relay.log


def test_the_password_of_a_removed_gateway_is_forgotten(api: ControlApi) -> None:
    api.post("/v1/gateways", {"id": "gw-gone", "mode": "round-robin", "host": "127.0.0.1", "encryption": "none"})
    assert api.call("PUT", "/v1/secrets/gateway/gw-gone/password", {"secret": CANARY}).status == 200
    assert api.call("DELETE", "/v1/gateways/gw-gone").status == 200
    assert "gateway/gw-gone/password" not in {item["name"] for item in api.get("/v1/secrets")}


# --- who may connect --------------------------------------------------------------------------------------------------


def test_the_socket_is_for_its_owner_alone(relay: RelayProcess) -> None:
    endpoint = relay.endpoint()
    assert endpoint is not None
    path = Path(endpoint["socket"])
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    if os.geteuid() != 0:
        return  # only root can become somebody else to try
    script = f"import os, socket; os.setgid(65534); os.setuid(65534); socket.socket(socket.AF_UNIX).connect({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert "PermissionError" in done.stderr


def test_events_begin_with_a_snapshot_and_tell_each_change(relay: RelayProcess) -> None:
    following = subprocess.Popen(
        [sys.executable, "-m", "gatepost", "--data", str(relay.data), "events", "--json", "--count", "1"],
        stdout=subprocess.PIPE, env=relay.environment, cwd=relay.folder, text=True,
    )  # fmt: skip
    assert following.stdout is not None
    try:
        snapshot = json.loads(following.stdout.readline())
        assert snapshot["type"] == "snapshot"
        assert snapshot["status"]["relay"]["mail"] == "running"
        relay.api.patch("/v1/gateways/gw-1", {"description": "told"})
        event = json.loads(following.stdout.readline())
        assert event["kind"] in ("configuration.changed", "figures")
        assert following.wait(20) == 0
    finally:
        following.kill()
        following.stdout.close()


def test_a_stored_password_is_not_sent_to_another_host_that_a_draft_names(tmp_path: Path) -> None:
    users = {"me@example.com": CANARY}
    with SmtpPeer(users=users) as home, SmtpPeer(users=users, host="127.0.0.9") as stranger:
        auth = GatewayAuth(enabled=True, username="me@example.com", allow_cleartext=True)
        one = plain(1, home.port).model_copy(update={"auth": auth})
        process, _ = relaying(tmp_path, [one])
        with process as relay:
            api = relay.api
            api.call("PUT", "/v1/secrets/gateway/gw-1/password", {"secret": CANARY})
            saved = api.get("/v1/gateways/gw-1")
            moved = saved | {"host": "127.0.0.9", "port": stranger.port}
            refused = api.call("POST", "/v1/verify", {"gateway": moved})
            (line,) = refused.body.splitlines()
            (issue,) = json.loads(line)["error"]["issues"]
            assert (issue["field"], issue["code"]) == ("auth.password", "host-changed")
            assert "type the password again: the stored one is for 127.0.0.1" in issue["message"]
            assert not stranger.connections
            done = relay.run("gateway", "edit", "gw-1", "--host", "127.0.0.9", "--port", str(stranger.port))
            assert done.returncode == 2, done.stderr
            assert "The password for 127.0.0.9 is needed" in done.stderr
            assert not stranger.auths
            # Typed again, it is the person's own word.
            typed = api.call("POST", "/v1/verify", {"gateway": moved, "password": CANARY})
            assert json.loads(typed.body.splitlines()[-1])["passed"] is True
            assert [attempt.accepted for attempt in stranger.auths] == [True]
            assert api.call("POST", "/v1/verify", {"gateway": saved}).body.endswith(b'{"passed":true}\n')
